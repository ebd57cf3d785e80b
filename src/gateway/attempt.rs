//! One attempt at one target: a request that may leave, and what became of it. Nothing in here decides where a call goes or
//! whether another attempt is made.

use super::answer::{self, End, Reader};
use super::call::{Gateway, find, may_still_call};
use super::directory::Known;
use super::record::Open;
use super::room::Share;
use super::target::CallTarget;
use super::watch::Watch;
use crate::{
    dialect::UpstreamRequest,
    server::outgoing::{OutgoingError, Phase},
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
    pub(super) reader: Reader,
    /// What the request was put together with.
    pub(super) target: Arc<Option<CallTarget>>,
    /// The provider's name.
    pub(super) provider: &'static str,
}

/// The call that an attempt is made for.
pub(super) struct Call<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) key: &'a Arc<Option<Known>>,
    pub(super) share: &'a Share,
    pub(super) id: Uuid,
    /// Seconds since 1970.
    pub(super) created: i64,
    pub(super) arrived: Instant,
    /// The caller's own limit for the whole call.
    pub(super) limit: Option<Duration>,
}

/// What became of an attempt.
pub(super) enum Outcome {
    /// The answer is on its way to the caller. The record is closed, or is closed by the end of the stream.
    Answered(Response<Body>),
    /// The caller has been given nothing yet.
    Failed {
        /// What it is to be told.
        refusal: Refusal,
        /// The call's record, still open.
        open: Open,
    },
}

/// Sends a request and begins to read its answer.
pub(super) async fn attempt(call: &Call<'_>, attempt: Attempt, mut open: Open) -> Outcome {
    let Call { gateway, key, limit, .. } = *call;
    let Attempt { request, reader, target, provider } = attempt;
    // The key was found before the caller had sent all of the body, which may be long ago.
    if let Err(refusal) = may_leave(gateway, key, &target).await {
        return Outcome::Failed { refusal, open };
    }
    open.sent();
    let upstream = gateway.limits.upstream;
    let headers = limit.map_or(upstream.headers, |limit| limit.min(upstream.headers));
    let mut watch = Watch::new(gateway.clone(), key.clone());
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
    let outcome = match sent {
        Ok(response) => {
            let own = limit.filter(|limit| *limit <= upstream.total && !reader.streamed());
            let end = End { at: call.arrived + own.unwrap_or(upstream.total), callers_own: own.is_some() };
            answer::read(call, reader, response, open, end, watch).await
        }
        Err(refusal) => Outcome::Failed { refusal, open },
    };
    match outcome {
        Outcome::Answered(mut answer) => {
            about(answer.headers_mut(), provider);
            Outcome::Answered(answer)
        }
        Outcome::Failed { refusal, open } => {
            Outcome::Failed { refusal: refusal.headers(|headers| about(headers, provider)), open }
        }
    }
}

/// Judges a prepared call once more, directly before it leaves: whether its key may call, and whether its virtual key is
/// still the one that it was put together with.
async fn may_leave(gateway: &Gateway, key: &Option<Known>, prepared: &Arc<Option<CallTarget>>) -> Result<(), Refusal> {
    let known = key.as_ref().ok_or_else(Refusal::no_such_key)?;
    may_still_call(gateway, known).await?;
    let Some(target) = &**prepared else { return Err(Refusal::no_such_virtual_key()) };
    let found = find(gateway, known, &target.slug).await?;
    match &*found {
        None => Err(Refusal::no_such_virtual_key()),
        Some(now) if Arc::ptr_eq(&found, prepared) || now == target => Ok(()),
        Some(_) => Err(Refusal::virtual_key_changed()),
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
