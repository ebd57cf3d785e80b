//! One call, from the request to the first byte of the answer.

use super::answer::{self, End, Reader};
use super::directory::{Directory, Known, Standing};
use super::facts::{CallFacts, Endpoint};
use super::models::Models;
use super::record::Recorder;
use super::refusals::Refused;
use super::request::{destination, metadata, named_slug, read_call, time_limit};
use super::room::{HEAVY, Room, Share};
use super::target::CallTarget;
use super::watch::Watch;
use crate::kernel::{CallId, Timestamp};
use crate::{
    dialect::{self, ApiError, Head, UpstreamRequest},
    kernel::RequestId,
    server::outgoing::{Outgoing, OutgoingError, Patience, Phase},
    web::{
        credential::presented,
        refusal::Refusal,
        request::{name_answer, request_id, trace_id},
    },
};
use axum::body::Body;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, HeaderName, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

pub(super) const TRACE_ID: HeaderName = HeaderName::from_static("x-portkey-trace-id");

/// What the path of a call stands on. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gateway {
    pub directory: Directory,
    pub outgoing: Outgoing,
    pub recorder: Recorder,
    pub limits: Limits,
    pub room: Room,
    pub models: Models,
    pub now: Now,
}

/// Tells the time, in milliseconds since 1970.
#[derive(Clone)]
pub struct Now(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Now {
    pub fn new(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(clock))
    }

    fn get(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Now")
    }
}

/// The bounds of a call.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most bytes of a request's body.
    pub request: usize,
    /// The provider's time, and the most bytes of an answer that is read as a whole.
    pub upstream: Patience,
    /// How long all providers together may take for a list of their models. One that is later is left out.
    pub models: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request: 20 << 20,
            upstream: Patience {
                headers: Duration::from_secs(300),
                idle: Duration::from_secs(120),
                total: Duration::from_secs(900),
                largest: 32 << 20,
            },
            models: Duration::from_millis(2_500),
        }
    }
}

/// Serves a model call: always an answer, always with the id under which the call can be found.
pub(super) async fn complete(
    gateway: &Gateway,
    endpoint: Endpoint,
    request_id: RequestId,
    request: Request<Body>,
) -> Response<Body> {
    let arrived = Instant::now();
    let (parts, body) = request.into_parts();
    let id = request_id.0;
    let trace = trace_id(&parts.headers, id);
    let served = serve(gateway, endpoint, &parts, body, (id, &trace), arrived).await;
    let served = match endpoint {
        Endpoint::ChatCompletions => served,
        Endpoint::Messages => served.map_err(Refusal::for_anthropics_clients),
    };
    finish(served, request_id, &trace)
}

/// Refuses a request, but first says 401 or 403 to whom that applies.
pub(super) async fn refuse(gateway: &Gateway, request: Request<Body>, refusal: Refusal) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let id = request_id(&parts.extensions);
    let trace = trace_id(&parts.headers, id.0);
    let refusal = match permitted(gateway, &parts).await {
        Ok(_) => refusal,
        Err(earlier) => earlier,
    };
    finish(Err(refusal), id, &trace)
}

/// Puts the request's id on every answer, and its trace: without that clients repeat a request that failed.
pub(super) fn finish(served: Result<Response<Body>, Refusal>, id: RequestId, trace: &str) -> Response<Body> {
    let mut response = served.unwrap_or_else(|refusal| refusal.into_response(&id.to_string()));
    name_answer(response.headers_mut(), id);
    if let Ok(value) = HeaderValue::from_str(trace) {
        response.headers_mut().insert(TRACE_ID, value);
    }
    response
}

/// A key that may call, or why not.
pub(super) async fn permitted(gateway: &Gateway, parts: &Parts) -> Result<Arc<Option<Known>>, Refusal> {
    let found = authenticate(gateway, parts).await?;
    may_call(gateway, known(&found)?)?;
    Ok(found)
}

/// Whether a key may still call that was found a while ago: nothing is asked of the database that is not asked for the
/// next call as well.
pub(super) async fn may_still_call(gateway: &Gateway, before: &Known) -> Result<(), Refusal> {
    let found = gateway.directory.again(before).await.map_err(|_| Refusal::cannot_verify())?;
    may_call(gateway, known(&found)?)
}

/// Whether the key may call at this moment.
fn may_call(gateway: &Gateway, known: &Known) -> Result<(), Refusal> {
    standing(gateway, known)?;
    if known.caller.may_complete { Ok(()) } else { Err(Refusal::may_not_complete()) }
}

/// Finds the key of a request, whatever its standing.
async fn authenticate(gateway: &Gateway, parts: &Parts) -> Result<Arc<Option<Known>>, Refusal> {
    let secret = presented(&parts.headers, parts.uri.query())?;
    match gateway.directory.key(secret).await {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(Refusal::no_such_key()),
        Err(_) => Err(Refusal::cannot_verify()),
    }
}

pub(super) fn known(found: &Option<Known>) -> Result<&Known, Refusal> {
    found.as_ref().ok_or_else(Refusal::no_such_key)
}

/// Whether the key works at this moment.
fn standing(gateway: &Gateway, known: &Known) -> Result<(), Refusal> {
    match known.caller.standing {
        Standing::Revoked => return Err(Refusal::key_revoked()),
        Standing::Disabled => return Err(Refusal::key_disabled()),
        Standing::Live => {}
    }
    let over = |end: Option<Timestamp>| end.is_some_and(|end| gateway.now.get() >= end);
    if over(known.caller.expires_at) {
        return Err(Refusal::key_expired());
    }
    if over(known.caller.rotated_at) {
        return Err(Refusal::key_rotated());
    }
    Ok(())
}

async fn serve(
    gateway: &Gateway,
    endpoint: Endpoint,
    parts: &Parts,
    body: Body,
    (id, trace): (Uuid, &str),
    arrived: Instant,
) -> Result<Response<Body>, Refusal> {
    let found = authenticate(gateway, parts).await?;
    let known = known(&found)?;
    // From here on somebody is known who may want to see the call, so a refusal is recorded too.
    let mut call = CallFacts {
        id: CallId(id),
        organisation: known.caller.organisation,
        key: known.caller.key,
        secret: known.caller.secret,
        virtual_key: None,
        provider: None,
        endpoint,
        model: "".into(),
        streamed: false,
        trace: trace.into(),
        metadata: None,
        started_at: gateway.now.get(),
    };
    let share = gateway.room.share(call.organisation, call.key);
    let Prepared { request, reader, target, provider, limit } =
        match prepare(gateway, known, parts, body, &mut call, &share).await {
            Ok(prepared) => prepared,
            Err(refusal) => {
                let (status, code) = (refusal.status.as_u16(), refusal.code.clone());
                gateway.recorder.refused(Refused { call, status, code }, arrived).await;
                return Err(refusal);
            }
        };
    let created = call.started_at.0 / 1000;
    let mut open = gateway.recorder.begin(call, arrived).await.map_err(|_| Refusal::cannot_record())?;
    let upstream = gateway.limits.upstream;
    let headers = limit.map_or(upstream.headers, |limit| limit.min(upstream.headers));
    // The key was found before the caller had sent all of the body, which may be long ago.
    if let Err(refusal) = may_leave(gateway, known, &target).await {
        open.finish(refusal.status.as_u16(), Some(&refusal.code));
        return Err(refusal);
    }
    open.sent();
    let mut watch = Watch::new(gateway.clone(), found.clone());
    let sent = tokio::select! {
        biased;
        sent = gateway.outgoing.send(request, headers) => sent.map_err(|error| match (error, limit) {
            (OutgoingError::TimedOut(Phase::Headers), Some(limit)) if limit <= upstream.headers => {
                Refusal::callers_limit()
            }
            _ => error.into(),
        }),
        refusal = watch.ended() => Err(refusal),
    };
    let answered = match sent {
        Ok(response) => {
            open.answered(response.status().as_u16());
            let own = limit.filter(|limit| *limit <= upstream.total && !reader.streamed());
            let end = End { at: arrived + own.unwrap_or(upstream.total), callers_own: own.is_some() };
            answer::read(reader, response, open, upstream, end, (created, id), share, watch).await
        }
        Err(refusal) => {
            open.finish(refusal.status.as_u16(), Some(&refusal.code));
            Err(refusal)
        }
    };
    match answered {
        Ok(mut answer) => {
            about(answer.headers_mut(), provider);
            Ok(answer)
        }
        Err(refusal) => Err(refusal.headers(|headers| about(headers, provider))),
    }
}

/// A call that may leave.
struct Prepared {
    request: Request<Full<Bytes>>,
    reader: Reader,
    /// What it was put together with.
    target: Arc<Option<CallTarget>>,
    provider: &'static str,
    /// The caller's own limit.
    limit: Option<Duration>,
}

/// Everything that is decided before a call leaves. What becomes known on the way is noted in `call`.
async fn prepare(
    gateway: &Gateway,
    known: &Known,
    parts: &Parts,
    body: Body,
    call: &mut CallFacts,
    share: &Share,
) -> Result<Prepared, Refusal> {
    may_call(gateway, known)?;
    call.metadata = metadata(&parts.headers)?;
    let limit = time_limit(&parts.headers)?;
    let named = named_slug(&parts.headers)?;
    let (body, part) = read_call(share, &parts.headers, body, gateway.limits.request).await?;
    let head = if body.len() <= HEAVY {
        Head::read(&body)?
    } else {
        let body = body.clone();
        share.off_workers(move || Head::read(&body).map(Head::into_owned)).await??
    };
    call.streamed = head.stream;
    let destination = destination(named, &head)?;
    call.model = destination.model.into();
    let found = find(gateway, known, destination.slug).await?;
    let Some(target) = &*found else {
        // Nothing else tells later what the call named.
        call.model = format!("@{}/{}", destination.slug, destination.model).into();
        return Err(Refusal::no_such_virtual_key());
    };
    call.virtual_key = Some(target.virtual_key);
    call.provider = Some(target.provider);
    let text = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let asked = Asked {
        endpoint: call.endpoint,
        model: destination.model,
        version: text("anthropic-version"),
        beta: text("anthropic-beta"),
    };
    let (mut request, reader) = if body.len() <= HEAVY {
        asked.put(target, &body, &head)?
    } else {
        let (found, head, body) = (found.clone(), head.clone().into_owned(), body.clone());
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let (endpoint, model) = (asked.endpoint, asked.model.to_owned());
        let (version, beta) = (owned(asked.version), owned(asked.beta));
        let put = move || {
            let target = found.as_ref().as_ref().ok_or_else(Refusal::no_such_virtual_key)?;
            let (version, beta) = (version.as_deref(), beta.as_deref());
            Ok(Asked { endpoint, model: &model, version, beta }.put(target, &body, &head)?)
        };
        share.off_workers(put).await.flatten()?
    };
    let provider = target.provider.name();
    // What leaves takes the place of what came.
    drop(head);
    drop(body);
    request.body = part.hold(request.body).await?;
    Ok(Prepared { request: build(target, request)?, reader, target: found, provider, limit })
}

/// Judges a prepared call once more, directly before it leaves: whether its key may call, and whether its virtual key is
/// still the one that it was put together with.
async fn may_leave(gateway: &Gateway, known: &Known, prepared: &Arc<Option<CallTarget>>) -> Result<(), Refusal> {
    may_still_call(gateway, known).await?;
    let Some(target) = &**prepared else { return Err(Refusal::no_such_virtual_key()) };
    let found = find(gateway, known, &target.slug).await?;
    match &*found {
        None => Err(Refusal::no_such_virtual_key()),
        Some(now) if Arc::ptr_eq(&found, prepared) || now == target => Ok(()),
        Some(_) => Err(Refusal::virtual_key_changed()),
    }
}

/// What a call asks of a provider, beside its body.
struct Asked<'a> {
    endpoint: Endpoint,
    /// The model as the provider knows it.
    model: &'a str,
    version: Option<&'a str>,
    beta: Option<&'a str>,
}

impl Asked<'_> {
    /// Puts the call into the provider's words.
    fn put(&self, target: &CallTarget, body: &Bytes, head: &Head<'_>) -> Result<(UpstreamRequest, Reader), ApiError> {
        let to = dialect::ModelTarget {
            provider: target.provider,
            model: self.model,
            api_version: target.api_version.as_deref(),
        };
        match self.endpoint {
            Endpoint::ChatCompletions => {
                let (request, exchange) = dialect::chat(&to, body, head)?;
                Ok((request, Reader::Chat(exchange)))
            }
            Endpoint::Messages => {
                let (request, exchange) = dialect::messages(&to, body, head, self.version, self.beta)?;
                Ok((request, Reader::Messages(exchange)))
            }
        }
    }
}

pub(super) async fn find(gateway: &Gateway, known: &Known, slug: &str) -> Result<Arc<Option<CallTarget>>, Refusal> {
    gateway.directory.target(known, slug).await.map_err(|_| Refusal::cannot_verify())
}

/// Puts a request together from the program's own parts: no header of the caller is in it but those that the dialect
/// has read and checked.
pub(super) fn build(target: &CallTarget, request: UpstreamRequest) -> Result<Request<Full<Bytes>>, Refusal> {
    let address = target.address.as_ref().ok_or(OutgoingError::Blocked(None))?;
    let uri = address.join(&request.path).map_err(|_| Refusal::bad_model())?;
    let mut built = Request::new(Full::new(request.body));
    *built.method_mut() = request.method;
    *built.uri_mut() = uri;
    *built.headers_mut() = request.headers;
    let headers = built.headers_mut();
    // A compressed answer could not be watched, and could be a bomb.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("latchkey/", env!("CARGO_PKG_VERSION"))));
    if let Some(credential) = &target.credential {
        let (name, value) = credential.header();
        headers.insert(name, value);
    }
    Ok(built)
}

/// What clients read about the way that a call took.
fn about(headers: &mut HeaderMap, provider: &'static str) {
    for (name, value) in [
        ("x-portkey-provider", provider),
        ("x-portkey-cache-status", "DISABLED"),
        ("x-portkey-retry-attempt-count", "0"),
        ("x-portkey-last-used-option-index", "config"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

/// The connection's body, or what stands for it.
pub(super) type Upstream = Response<Incoming>;
