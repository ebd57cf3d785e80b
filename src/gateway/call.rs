//! One call, from the request to the first byte of the answer.

use super::attempt::{About, Attempt, Call, Outcome, attempt, build};
use super::cache::Kept;
use super::directory::{Compiled, Config, Directory, Known, Standing};
use super::facts::{CallFacts, Endpoint};
use super::limits::Meters;
use super::models::Models;
use super::narrowed;
use super::outside::Others;
use super::record::Recorder;
use super::refusals::Refused;
use super::request::{
    LONGEST_SLUG, destination, keeps_nothing, listed, metadata, named_config, named_slug, names_saved_only, once,
    read_call, time_limit,
};
use super::room::{Room, Share};
use super::routed;
use super::stage::{Leaving, Said, nothing_kept, read_head, stage};
use super::target::CallTarget;
use crate::kernel::{CallId, FieldError, Timestamp};
use crate::routing::{Breakers, compile};
use crate::{
    kernel::RequestId,
    server::outgoing::{Outgoing, Patience},
    web::{
        credential::presented,
        refusal::Refusal,
        request::{name_answer, request_id, trace_id},
    },
};
use axum::body::Body;
use http::header::HeaderName;
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};
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
    pub kept: Kept,
    /// What guardrails ask of others.
    pub outside: Others,
    /// What has been used of limits.
    pub meters: Meters,
    pub now: Now,
    /// Proxies whose word on where a call comes from is believed.
    pub proxies: Arc<[ipnet::IpNet]>,
}

/// Tells the time, in milliseconds since 1970.
#[derive(Clone)]
pub struct Now(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Now {
    pub fn new(clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(clock))
    }

    pub(super) fn get(&self) -> Timestamp {
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
    let served = if endpoint.is_anthropics() { served.map_err(Refusal::for_anthropics_clients) } else { served };
    finish(served, request_id, &trace)
}

/// Refuses a request whoever sent it.
pub(super) fn told(request: &Request<Body>, refusal: Refusal) -> Response<Body> {
    let id = request_id(request.extensions());
    finish(Err(refusal), id, &trace_id(request.headers(), id.0))
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
    narrowed::comes_from(gateway, known(&found)?, parts)?;
    Ok(found)
}

/// Whether a key may still call that was found a while ago: nothing is asked of the database that is not asked for the
/// next call as well.
pub(super) async fn may_still_call(gateway: &Gateway, before: &Known) -> Result<Arc<Option<Known>>, Refusal> {
    let found = gateway.directory.again(before).await.map_err(|_| Refusal::cannot_verify())?;
    may_call(gateway, known(&found)?)?;
    Ok(found)
}

/// Whether the key may call at this moment.
pub(super) fn may_call(gateway: &Gateway, known: &Known) -> Result<(), Refusal> {
    standing(gateway, known)?;
    if known.caller.may_complete { Ok(()) } else { Err(Refusal::may_not_complete()) }
}

/// Finds the key of a request, whatever its standing.
pub(super) async fn authenticate(gateway: &Gateway, parts: &Parts) -> Result<Arc<Option<Known>>, Refusal> {
    let found = key(gateway, parts).await;
    if let Err(refusal) = &found {
        // No organisation's log has it.
        gateway.recorder.telemetry().meters.unrecorded(&refusal.code);
    }
    found
}

async fn key(gateway: &Gateway, parts: &Parts) -> Result<Arc<Option<Known>>, Refusal> {
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
pub(super) fn standing(gateway: &Gateway, known: &Known) -> Result<(), Refusal> {
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
    narrowed::works(gateway, known)
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
    let call = begun(gateway, known(&found)?, endpoint, (id, trace));
    go(gateway, &found, (parts, body), call, arrived).await
}

/// What is known of a call whose key is found. From here on somebody is known who may want to see the call, so a refusal is
/// recorded too.
pub(super) fn begun(gateway: &Gateway, known: &Known, endpoint: Endpoint, (id, trace): (Uuid, &str)) -> CallFacts {
    CallFacts {
        id: CallId(id),
        organisation: known.caller.organisation,
        key: known.caller.key,
        secret: known.caller.secret,
        person: known.caller.person,
        virtual_key: None,
        provider: None,
        endpoint,
        model: "".into(),
        streamed: false,
        trace: trace.into(),
        metadata: None,
        config: None,
        prompt: None,
        keeps: known.caller.keeps,
        prices: known.caller.prices.clone(),
        started_at: gateway.now.get(),
    }
}

/// Leads a call whose key is found to its answer.
pub(super) async fn go(
    gateway: &Gateway,
    found: &Arc<Option<Known>>,
    (parts, body): (&Parts, Body),
    mut call: CallFacts,
    arrived: Instant,
) -> Result<Response<Body>, Refusal> {
    let known = known(found)?;
    let id = call.id.0;
    if call.keeps.is_some() && keeps_nothing(&parts.headers) {
        call.keeps = None;
    }
    let share = gateway.room.share(call.organisation, call.key);
    // Told before anything is put together, so that many such refusals are counted as one. What a config leads may find an
    // answer that is kept, which costs nothing.
    let full = || gateway.meters.full(&known.caller.limits, call.started_at);
    let prepared = match leading(gateway, known, parts).await {
        Ok(Some(config)) => {
            let request = routed::Asked { gateway, key: found, parts, share: &share, config: &config, id, arrived };
            return routed::serve(request, body, call).await;
        }
        Ok(None) if known.caller.guarded => {
            let config = &*UNNAMED;
            let request = routed::Asked { gateway, key: found, parts, share: &share, config, id, arrived };
            return routed::serve(request, body, call).await;
        }
        Ok(None) => match full() {
            Some(reason) => Err(reason.refusal(call.started_at)),
            None => prepare(gateway, known, parts, body, &mut call, &share).await,
        },
        Err(refusal) => Err(refusal),
    };
    let (made, provider, limit) = match prepared {
        Ok(prepared) => prepared,
        Err(refusal) => {
            let (status, code) = (refusal.status.as_u16(), refusal.code.clone());
            gateway.recorder.refused(Refused { call, status, code, tried: vec![] }, arrived).await;
            return Err(refusal);
        }
    };
    let created = call.started_at.0 / 1000;
    let open = gateway.recorder.begin(call, arrived).await.map_err(|_| Refusal::cannot_record())?;
    let last = arrived + gateway.limits.upstream.total;
    let call = Call {
        gateway,
        key: found,
        share: &share,
        id,
        created,
        since: arrived,
        last,
        limit,
        awaits_piece: false,
        guarded: None,
    };
    let about = About { provider: Some(provider), cache: "DISABLED", retries: 0, path: "config" };
    match attempt(&call, made, open).await {
        Outcome::Answered(mut answer) => {
            about.put(answer.headers_mut());
            Ok(answer)
        }
        Outcome::Doubted(answer, open) => {
            let status = answer.status().as_u16();
            open.finish(status, None);
            Ok(answer)
        }
        Outcome::Failed { refusal, mut open, .. } => {
            let sent = open.is_sent();
            open.refuses(&refusal);
            open.finish(refusal.status.as_u16(), Some(&refusal.code));
            Err(if sent { refusal.headers(|headers| about.put(headers)) } else { refusal })
        }
    }
}

/// Leads a call that no config leads past the guardrails of its organisation.
static UNNAMED: LazyLock<Arc<Compiled>> = LazyLock::new(|| {
    Arc::new(compile(r#"{"passthrough":true}"#).map(|plan| {
        let breakers = Breakers::of(&plan);
        Config { saved: None, name: "".into(), plan, breakers }
    }))
});

/// The config that leads a call, if one does: the one that its headers name, or else the key's own. Where none does,
/// nothing is looked up.
async fn leading(gateway: &Gateway, known: &Known, parts: &Parts) -> Result<Option<Arc<Compiled>>, Refusal> {
    may_call(gateway, known)?;
    narrowed::comes_from(gateway, known, parts)?;
    let caller = &known.caller;
    if caller.saved_only {
        names_saved_only(&parts.headers)?;
    }
    let slug = match (named_config(&parts.headers)?, caller.config.as_deref()) {
        (None, None) => return Ok(None),
        (None, Some(own)) => own,
        (Some(named), own) => {
            if !caller.may_override && own != Some(named) {
                return Err(Refusal::config_is_fixed());
            }
            if named.starts_with('{') {
                narrowed::may_bring_config(known)?;
                let compiled = gateway.directory.inline_config(known, named).await;
                return Ok(Some(compiled.map_err(|_| Refusal::cannot_verify())?));
            }
            named
        }
    };
    // No config has such a name.
    if slug.is_empty() || slug.len() > LONGEST_SLUG {
        return Err(Refusal::no_such_config());
    }
    let found = gateway.directory.config(known, slug).await.map_err(|_| Refusal::cannot_verify())?;
    narrowed::may_name_config(known, slug, found.as_deref())?;
    found.ok_or_else(Refusal::no_such_config).map(Some)
}

/// The config, or everything that is wrong with it.
pub(super) fn obeyed(compiled: &Compiled) -> Result<&Config, Refusal> {
    compiled.as_ref().map_err(|faults| {
        let field = |path: &str| if path.is_empty() { "config".to_owned() } else { path.to_owned() };
        let told = |fault: &crate::routing::Fault| {
            let message = format!("Line {}, column {}: {}", fault.line, fault.column, fault.message);
            FieldError { field: field(&fault.path), message }
        };
        let fields: Vec<FieldError> = faults.iter().map(told).collect();
        let first =
            fields.first().map(|first| format!("The config cannot be used. `{}`: {}", first.field, first.message));
        Refusal::bad_config(first.unwrap_or_default(), fields)
    })
}

/// Everything that is decided before a call leaves, and the caller's own limit. What becomes known on the way is noted in
/// `call`.
async fn prepare(
    gateway: &Gateway,
    known: &Known,
    parts: &Parts,
    body: Body,
    call: &mut CallFacts,
    share: &Share,
) -> Result<(Attempt, &'static str, Option<Duration>), Refusal> {
    call.metadata = metadata(&parts.headers)?;
    let limit = time_limit(&parts.headers)?;
    let named = named_slug(&parts.headers)?;
    let asks = call.endpoint.asks(parts)?;
    let (body, part) = read_call(share, &asks, &parts.headers, body, gateway.limits.request).await?;
    let head = read_head(share, &asks, &body).await?;
    call.streamed = head.stream;
    let foreseen = asks.foreseen(call.endpoint, body.len(), &head);
    let destination = destination(named, &head)?;
    call.model = destination.model.into();
    let found = find(gateway, known, destination.slug).await?;
    narrowed::may_use(known, destination.slug, &found)?;
    narrowed::may_call_model(known, &asks, destination.model)?;
    narrowed::may_call_others(known, share, &asks, &body).await?;
    let Some(target) = &*found else {
        // Nothing else tells later what the call named.
        call.model = format!("@{}/{}", destination.slug, destination.model).into();
        return Err(Refusal::no_such_virtual_key());
    };
    call.virtual_key = Some(target.virtual_key);
    call.provider = Some(target.provider);
    let others = asks.others(target.provider, &head, &body);
    // One that is used up is told before anything is put together, so that many such refusals are counted as one.
    if let Some(reason) = gateway.meters.full(&target.limits, call.started_at) {
        return Err(reason.refusal(call.started_at));
    }
    let version = once(&parts.headers, "anthropic-version")?;
    let beta = listed(&parts.headers, "anthropic-beta")?;
    let endpoint = call.endpoint;
    let said = Said { endpoint, asks: &asks, model: destination.model, version, beta: beta.as_deref() };
    let ControlFlow::Continue(leaving) = stage(&said, share, &found, &body, &head, nothing_kept).await?;
    let Leaving { mut request, reader, keeping } = leaving;
    let provider = target.provider.name();
    // What leaves takes the place of what came.
    drop(head);
    drop(body);
    request.body = part.hold(request.body).await?;
    let said = (call.keeps.is_some() && asks.is_json()).then(|| request.body.clone());
    let request = build(target, request)?;
    Ok((Attempt { request, foreseen, others, said, reader, target: found, keeping }, provider, limit))
}

pub(super) async fn find(gateway: &Gateway, known: &Known, slug: &str) -> Result<Arc<Option<CallTarget>>, Refusal> {
    gateway.directory.target(known, slug).await.map_err(|_| Refusal::cannot_verify())
}

/// The connection's body, or what stands for it.
pub(super) type Upstream = Response<Incoming>;
