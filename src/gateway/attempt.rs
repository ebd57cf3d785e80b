//! One attempt at one target: a request that may leave, and what became of it. Nothing in here decides where a call goes or
//! whether another attempt is made.

use super::answer::{self, End, Reader};
use super::cache::Keeping;
use super::call::{Gateway, find, may_still_call};
use super::directory::Known;
use super::guards::{Facts, Guards};
use super::limits::{Ask, Foreseen, Priced, Reason, Warning, warn};
use super::narrowed;
use super::record::Open;
use super::room::Share;
use super::target::CallTarget;
use super::watch::Watch;
use crate::{
    dialect::{UNFINISHED, UpstreamRequest},
    guardrails::HookResults,
    routing::Came,
    server::outgoing::{Connection, OutgoingError, Phase},
    web::refusal::Refusal,
};
use axum::body::Body;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, HeaderName, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::Full;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// A request for one target, in its provider's words.
pub(super) struct Attempt {
    pub(super) request: Request<Full<Bytes>>,
    /// What it may use of limits.
    pub(super) foreseen: Foreseen,
    /// The models that may answer in place of the one that is asked for. None: nobody knows which.
    pub(super) others: Option<Vec<Box<str>>>,
    /// The same body, where texts are kept.
    pub(super) said: Option<Bytes>,
    pub(super) reader: Reader,
    /// What the request was put together with.
    pub(super) target: Arc<Option<CallTarget>>,
    /// Where the answer is kept, if it is.
    pub(super) keeping: Option<Keeping>,
}

/// The call that an attempt is made for.
pub(super) struct Call<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) key: &'a Arc<Option<Known>>,
    pub(super) share: &'a Share,
    pub(super) id: Uuid,
    /// Seconds since 1970.
    pub(super) created: i64,
    /// Since when the limits count.
    pub(super) since: Instant,
    /// When all must be over.
    pub(super) last: Instant,
    /// The caller's own limit for the whole call; where a config leads it, that for one attempt.
    pub(super) limit: Option<Duration>,
    /// Whether a stream counts as an answer only once its first piece is there.
    pub(super) awaits_piece: bool,
    /// What looks at the answer, if anything does.
    pub(super) guarded: Option<Guarded>,
}

/// The guardrails of an attempt, once they have let the request pass.
#[derive(Clone)]
pub(super) struct Guarded {
    pub(super) guards: Guards,
    pub(super) facts: Facts,
    /// What was found in the request.
    pub(super) found: HookResults,
    /// Whether anything looks at the answer.
    pub(super) judges: bool,
}

/// What became of an attempt.
pub(super) enum Outcome {
    /// The answer is on its way to the caller. The record is closed, or is closed by the end of the stream.
    Answered(Response<Body>),
    /// An answer that goes to the caller although a guardrail has found something. The record is open: the config may
    /// have it asked for again.
    Doubted(Response<Body>, Open),
    /// The caller has been given nothing yet.
    Failed {
        /// What it is to be told.
        refusal: Refusal,
        /// The call's record, still open.
        open: Open,
        failure: Failure,
    },
}

/// What a failed attempt means for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// There is to be no other: the key may not call any longer, or this server is at its end.
    Final,
    /// It counts as this.
    Came(Came),
}

impl Failure {
    /// A failure that no provider told of.
    pub(super) fn of(status: u16) -> Self {
        Self::Came(Came { status, again_after: None })
    }

    /// One that was found while an answer was read.
    pub(super) fn reading(refusal: &Refusal) -> Self {
        match &*refusal.code {
            // This server's own trouble, at every target.
            "server_busy" | "verification_unavailable" | "log_unavailable" => Self::Final,
            "upstream_broken_answer" | "upstream_stream_broken" => Self::of(500),
            // The provider itself calls it a success, and its tokens are spent: to spend them again is for the caller to say.
            UNFINISHED => Self::of(200),
            _ => Self::of(refusal.status.as_u16()),
        }
    }

    /// One that sending a request has led to. The statuses are the contract's for what has none.
    fn sending(error: &OutgoingError, own_limit: bool) -> Self {
        Self::of(match error {
            OutgoingError::TimedOut(Phase::Connect)
            | OutgoingError::NameNotFound
            | OutgoingError::Unreachable
            | OutgoingError::Tls => 503,
            OutgoingError::TimedOut(_) if own_limit => 408,
            OutgoingError::TimedOut(_) => 504,
            OutgoingError::Broken => 500,
            OutgoingError::TooLarge => 502,
            // No time heals it.
            OutgoingError::Blocked(_) | OutgoingError::PlainHttp => 424,
        })
    }
}

/// Sends a request and begins to read its answer.
pub(super) async fn attempt(call: &Call<'_>, attempt: Attempt, mut open: Open) -> Outcome {
    let Call { gateway, key, limit, .. } = *call;
    let Attempt { mut request, foreseen, others, said, reader, target, keeping } = attempt;
    open.names(others);
    // The key was found before the caller had sent all of the body, which may be long ago.
    let leaves = match may_leave(gateway, key, &target).await {
        Ok((caller, found)) => admit(gateway, &caller, &found, foreseen, &mut open).await,
        Err(refused) => Err(refused),
    };
    let warnings = match leaves {
        Ok(warnings) => warnings,
        Err((refusal, failure)) => return Outcome::Failed { refusal, open, failure },
    };
    if open.is_charged() {
        open.connects(Connection::of(&mut request));
    }
    if open.leaves().is_err() {
        return Outcome::Failed { refusal: Refusal::cannot_record(), open, failure: Failure::Final };
    }
    open.sent();
    if let Some(said) = said {
        open.asks(call.share, said).await;
    }
    let upstream = gateway.limits.upstream;
    // Attempts together have as long as one alone could have.
    let left = call.last.saturating_duration_since(Instant::now());
    let headers = limit.map_or(upstream.headers, |limit| limit.min(upstream.headers)).min(left);
    let mut watch = Watch::new(gateway.clone(), key.clone());
    let mut reached = true;
    let sent = tokio::select! {
        biased;
        sent = gateway.outgoing.send(request, headers) => sent.map_err(|error| {
            reached = !is_before_the_provider(&error);
            let own = limit.is_some_and(|limit| limit <= upstream.headers);
            let failure = Failure::sending(&error, own);
            match error {
                OutgoingError::TimedOut(Phase::Headers) if own => (Refusal::callers_limit(), failure),
                _ => (error.into(), failure),
            }
        }),
        refusal = watch.ended() => Err((refusal, Failure::Final)),
    };
    match sent {
        Ok(response) => {
            let at = (call.since + upstream.total).min(call.last);
            let end = End { at, own: limit.map(|limit| call.since + limit) };
            let mut outcome = answer::read(call, (reader, keeping), response, open, end, watch).await;
            if let Outcome::Answered(response) | Outcome::Doubted(response, _) = &mut outcome {
                warn(response.headers_mut(), &warnings);
            }
            outcome
        }
        Err((refusal, failure)) => {
            if !reached {
                open.never_reached();
            }
            Outcome::Failed { refusal, open, failure }
        }
    }
}

/// Whether nothing of a request can have come to the provider.
const fn is_before_the_provider(error: &OutgoingError) -> bool {
    match error {
        OutgoingError::TimedOut(Phase::Connect)
        | OutgoingError::NameNotFound
        | OutgoingError::Unreachable
        | OutgoingError::Tls
        | OutgoingError::Blocked(_)
        | OutgoingError::PlainHttp => true,
        OutgoingError::TimedOut(_) | OutgoingError::Broken | OutgoingError::TooLarge => false,
    }
}

/// Reserves what the attempt may use of every limit that holds for it. Gives those that are nearly used.
async fn admit(
    gateway: &Gateway,
    caller: &Option<Known>,
    target: &Option<CallTarget>,
    foreseen: Foreseen,
    open: &mut Open,
) -> Result<Vec<Warning>, (Refusal, Failure)> {
    let (Some(known), Some(target)) = (caller, target) else { return Ok(vec![]) };
    let (own, theirs) = (&known.caller.limits, &target.limits);
    if own.0.is_empty() && theirs.0.is_empty() {
        return Ok(vec![]);
    }
    let now = gateway.now.get();
    let model = open.model();
    let own_prices = known.caller.prices.as_deref();
    let priced = Priced { own: own_prices, provider: target.provider, model: &model, others: open.others() };
    let organisation = known.caller.organisation;
    let ask = Ask { organisation, foreseen, priced, is_counted: open.is_counted(), now };
    let refused = |reason: Reason| {
        let refusal = reason.refusal(now);
        let status = refusal.status.as_u16();
        (refusal, if reason.is_of_virtual_key() { Failure::of(status) } else { Failure::Final })
    };
    let mut warnings = vec![];
    let caller = match own.0.is_empty() {
        true => None,
        false => Some(gateway.meters.admit(own, &ask).await.map_err(refused)?),
    };
    let target = match theirs.0.is_empty() {
        true => None,
        // Of a virtual key each attempt is a request.
        false => Some(gateway.meters.admit(theirs, &Ask { is_counted: false, ..ask }).await.map_err(refused)?),
    };
    for ticket in [&caller, &target].into_iter().flatten() {
        warnings.extend(ticket.warnings.iter().cloned());
    }
    open.reserved(caller, target, foreseen);
    Ok(warnings)
}

/// Judges a prepared call once more, directly before it leaves: whether its key may call, and whether its virtual key is
/// still the one that it was put together with. Gives both as they are now.
async fn may_leave(
    gateway: &Gateway,
    key: &Option<Known>,
    prepared: &Arc<Option<CallTarget>>,
) -> Result<(Arc<Option<Known>>, Arc<Option<CallTarget>>), (Refusal, Failure)> {
    let ends = |refusal: Refusal| (refusal, Failure::Final);
    let known = key.as_ref().ok_or_else(|| ends(Refusal::no_such_key()))?;
    let now = may_still_call(gateway, known).await.map_err(ends)?;
    // What the organisation has set for every call since this one came.
    if !known.caller.guarded && now.as_ref().as_ref().is_some_and(|now| now.caller.guarded) {
        return Err(ends(Refusal::guardrails_changed()));
    }
    narrowed::is_as_before(known, &now).map_err(ends)?;
    let gone = || (Refusal::no_such_virtual_key(), Failure::of(404));
    let Some(target) = &**prepared else { return Err(gone()) };
    let found = find(gateway, known, &target.slug).await.map_err(ends)?;
    match &*found {
        None => Err(gone()),
        Some(fresh) if Arc::ptr_eq(&found, prepared) || fresh == target => Ok((now, found)),
        Some(_) => Err((Refusal::virtual_key_changed(), Failure::of(503))),
    }
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
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) provider: Option<&'static str>,
    pub(super) cache: &'static str,
    pub(super) retries: i32,
    /// The path of the target in the config.
    pub(super) path: &'a str,
}

impl About<'_> {
    pub(super) fn put(self, headers: &mut HeaderMap) {
        if let Some(provider) = self.provider {
            headers.insert(PROVIDER, HeaderValue::from_static(provider));
        }
        headers.insert(CACHE_STATUS, HeaderValue::from_static(self.cache));
        headers.insert(RETRIES, HeaderValue::from(self.retries));
        // Most calls go to the only target that there is.
        let path = if self.path == "config" { Ok(HeaderValue::from_static("config")) } else { self.path.parse() };
        if let Ok(path) = path {
            headers.insert(LAST_USED, path);
        }
    }
}

const PROVIDER: HeaderName = HeaderName::from_static("x-portkey-provider");
const CACHE_STATUS: HeaderName = HeaderName::from_static("x-portkey-cache-status");
const RETRIES: HeaderName = HeaderName::from_static("x-portkey-retry-attempt-count");
const LAST_USED: HeaderName = HeaderName::from_static("x-portkey-last-used-option-index");
