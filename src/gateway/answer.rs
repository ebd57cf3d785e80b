//! The provider's answer on its way to the caller: what it is, and those that are read as a whole. Those that are handed on
//! piece by piece are [streams](super::stream).

use super::attempt::{Call, Failure, Guarded, Outcome};
use super::begun::Begun;
use super::cache::Keeping;
use super::call::Upstream;
use super::guards::{self, Form};
use super::hints;
use super::record::Open;
use super::room::{HEAVY, ReadError, RoomPart, Share};
use super::stream::stream;
use super::watch::Watch;
use crate::{
    dialect::{Answer, ApiError, ChatStream, Exchange, MAX_ERROR, NativeExchange, Passed},
    guardrails::HookResults,
    routing::Came,
    server::outgoing::{OutgoingError, Patience, Phase},
    web::refusal::Refusal,
};
use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

const JSON: &str = "application/json";
pub(super) const EVENTS: &str = "text/event-stream";

/// Reads the answers of one interface.
pub(super) enum Reader {
    Chat(Exchange),
    Messages(NativeExchange),
    Passed(Passed),
}

impl Reader {
    /// Whether the caller wants events.
    fn streamed(&self) -> bool {
        match self {
            Reader::Chat(exchange) => exchange.streamed,
            Reader::Messages(exchange) => exchange.streamed,
            Reader::Passed(passed) => passed.streamed(),
        }
    }

    /// Whether events are an answer.
    fn may_stream(&self) -> bool {
        match self {
            Reader::Passed(passed) => passed.may_stream(),
            other => other.streamed(),
        }
    }

    fn may_be_text(&self) -> bool {
        matches!(self, Reader::Passed(passed) if passed.may_be_text())
    }

    fn may_be_sound(&self) -> bool {
        matches!(self, Reader::Passed(passed) if passed.may_be_sound())
    }

    /// Reads a whole answer, a large one off the threads that serve connections.
    async fn understand(
        self,
        status: u16,
        (body, part): (Bytes, RoomPart),
        stamp: (i64, Uuid),
        share: &Share,
    ) -> Result<Answer, Refusal> {
        let mut answer = if body.len() <= HEAVY {
            self.whole(status, body, stamp)?
        } else {
            share.off_workers(move || self.whole(status, body, stamp)).await??
        };
        // What goes to the caller takes the place of what came.
        answer.body = part.hold(answer.body).await?;
        Ok(answer)
    }

    fn whole(&self, status: u16, body: Bytes, (created, id): (i64, Uuid)) -> Result<Answer, ApiError> {
        match self {
            Reader::Chat(exchange) => exchange.whole(status, body, created, id),
            Reader::Messages(exchange) => exchange.whole(status, body),
            Reader::Passed(passed) => passed.whole(status, body),
        }
    }

    fn stream(&self, (created, id): (i64, Uuid)) -> ChatStream {
        match self {
            Reader::Chat(exchange) => exchange.stream(created, id),
            Reader::Messages(exchange) => exchange.stream(),
            Reader::Passed(passed) => passed.stream(),
        }
    }
}

/// When an answer must be there.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// All of it, whatever it is.
    pub(super) at: Instant,
    /// An answer that is read as a whole, and the first piece of a stream, where the request itself asks for that.
    pub(super) own: Option<Instant>,
}

impl End {
    /// When an answer that is read as a whole must be there, and whether the request itself asks for that.
    fn of_whole(self) -> (Instant, bool) {
        match self.own {
            Some(own) if own <= self.at => (own, true),
            _ => (self.at, false),
        }
    }
}

/// Turns a provider's response into the caller's, and closes the record of an answer, now or when the stream has ended.
pub(super) async fn read(
    call: &Call<'_>,
    (reader, keeping): (Reader, Option<Keeping>),
    response: Upstream,
    mut open: Open,
    end: End,
    mut watch: Watch,
) -> Outcome {
    let (share, patience, stamp) = (call.share, call.gateway.limits.upstream, (call.created, call.id));
    let (parts, body) = response.into_parts();
    let status = parts.status;
    open.answered(status.as_u16(), hints::upstream_id(&parts.headers));
    let mut body = Begun::of(body);
    let plain = parts.headers.get(CONTENT_ENCODING).is_none_or(|coding| coding == "identity");
    let good = status.is_success() && plain;
    let mut events = is_event_stream(&parts.headers);
    let (by, callers_own) = end.of_whole();
    if good && reader.streamed() && !events && says_nothing(&parts.headers) {
        // A server that does not say what it sends, or not rightly, is judged by it.
        let due = by.min(Instant::now() + patience.idle);
        events = tokio::select! {
            biased;
            begins = timeout_at(due, body.begins_as_events()) => begins.unwrap_or(false),
            refusal = watch.ended() => return Outcome::Failed { refusal, open, failure: Failure::Final },
        };
    }
    if good && events && reader.may_stream() {
        let keeping = keeping.filter(|_| status == StatusCode::OK);
        let events = HeaderValue::from_static(EVENTS);
        return stream(call, (reader.stream(stamp), events), keeping, (&parts.headers, body), open, end, watch).await;
    }
    if good && reader.may_be_sound() && !events && !is_json(&parts.headers) {
        let sound = sound(&parts.headers);
        return stream(call, (ChatStream::of_bytes(), sound), None, (&parts.headers, body), open, end, watch).await;
    }
    open.first_byte();
    let refused = !status.is_success();
    let largest = if refused { patience.largest.min(MAX_ERROR) } else { patience.largest };
    let whole = tokio::select! {
        biased;
        whole = share.read_answer(body, Patience { largest, ..patience }, by) => match whole {
            // The provider's words in a refusal are a help, not needed.
            Err(_) if refused => Ok((Bytes::new(), share.part())),
            Err(ReadError::Other(OutgoingError::TimedOut(Phase::Total))) if callers_own => {
                Err(Refusal::callers_limit())
            }
            other => other.map_err(Refusal::from),
        },
        refusal = watch.ended() => return Outcome::Failed { refusal, open, failure: Failure::Final },
    };
    // What nobody asked for, and what cannot be read.
    let odd = !refused && (!plain || events);
    let text = !refused && reader.may_be_text() && !is_json(&parts.headers);
    let answer = match whole {
        Ok(_) if odd => Err(ApiError::bad_answer().into()),
        Ok((body, part)) if text => {
            part.hold(body).await.map(|body| Answer { body, usage: None, failed: None }).map_err(Refusal::from)
        }
        Ok((body, part)) => {
            let body = if plain { body } else { Bytes::new() };
            reader.understand(status.as_u16(), (body, part), stamp, share).await
        }
        Err(refusal) => Err(refusal),
    };
    match answer {
        Ok(answer) => {
            let kind = if text { "text/plain; charset=utf-8" } else { JSON };
            let keeping = keeping.filter(|_| status == StatusCode::OK && !text);
            give(call, (answer, kind), keeping, &parts.headers, open).await
        }
        Err(refusal) => {
            if let Some(usage) = refusal.usage {
                open.used(usage);
            }
            let failure = if refused {
                let again_after = hints::again_after(&parts.headers, call.created);
                Failure::Came(Came { status: status.as_u16(), again_after })
            } else {
                Failure::reading(&refusal)
            };
            let refusal = hints::about_again(refusal, &parts.headers, call.created);
            let refusal = refusal.headers(|headers| hints::hand_on(&parts.headers, headers));
            Outcome::Failed { refusal, open, failure }
        }
    }
}

/// Gives the caller a whole good answer of any kind, in the words that it understands. What an answer says is judged here,
/// before it is kept and sent.
async fn give(
    call: &Call<'_>,
    (answer, kind): (Answer, &'static str),
    keeping: Option<Keeping>,
    from: &HeaderMap,
    mut open: Open,
) -> Outcome {
    open.answers(&answer.body);
    match answer.usage {
        Some(usage) => open.used(usage),
        None => open.said(&answer.body),
    }
    let keeping = keeping.filter(|_| answer.failed.is_none());
    let mut response = match &call.guarded {
        None => {
            open.gives(call.share, &answer.body, false).await;
            open.finish(StatusCode::OK.as_u16(), answer.failed);
            if let Some(keeping) = keeping {
                keeping.whole(&answer.body, answer.usage);
            }
            Response::new(Body::from(answer.body))
        }
        Some(guarded) => {
            let form = if kind == JSON { Form::Json } else { Form::Text };
            match judged(call.share, guarded, form, &answer.body, &mut open).await {
                Err((refusal, failure)) => return Outcome::Failed { refusal, open, failure },
                Ok((response, found)) if guards::failed(&found) => {
                    let mut response = response;
                    hints::hand_on(from, response.headers_mut());
                    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
                    return Outcome::Doubted(response, open);
                }
                Ok((response, _)) => {
                    open.finish(StatusCode::OK.as_u16(), answer.failed);
                    // As the provider gave it: whoever is given it later has guardrails of their own.
                    if let Some(keeping) = keeping {
                        keeping.whole(&answer.body, answer.usage);
                    }
                    response
                }
            }
        }
    };
    hints::hand_on(from, response.headers_mut());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    Outcome::Answered(response)
}

/// Judges an answer that is there as a whole; gives what the caller gets, or why it gets nothing.
pub(super) async fn judged(
    share: &Share,
    guarded: &Guarded,
    form: Form,
    body: &Bytes,
    open: &mut Open,
) -> Result<(Response<Body>, HookResults), (Refusal, Failure)> {
    let Guarded { guards, facts, found, judges } = guarded;
    let mut found = found.clone();
    let mut late = vec![];
    // It is read beside what holds it.
    let mut room = share.part();
    if *judges && !room.resize(body.len()) {
        let refusal = Refusal::no_room();
        let failure = Failure::reading(&refusal);
        return Err((refusal, failure));
    }
    let changed = if *judges { guards.answer(facts, form, body, &mut found, &mut late).await } else { Ok(None) };
    open.found(&found, &mut late);
    let failing = |refusal: Refusal| {
        let failure = Failure::reading(&refusal);
        (refusal, failure)
    };
    let body = match changed.map_err(failing)? {
        Some(changed) => share.hold(changed).map_err(|_| failing(Refusal::no_room()))?,
        None => body.clone(),
    };
    let tells = guards::word(&found).is_some() && (facts.tells() || guards::failed(&found));
    let body = match form {
        Form::Json if tells => guards::with_results(&body, &found),
        Form::Events if facts.tells() && guards::word(&found).is_some() => {
            guards::with_event(facts.shape(), &body, &body, &found)
        }
        _ => body,
    };
    // What a guardrail has taken out is not in it any more.
    open.gives(share, &body, form == Form::Events).await;
    let mut response = Response::new(Body::from(body));
    if form != Form::Events && guards::failed(&found) {
        // The contract's own status of an answer in which something was found and that is given all the same.
        *response.status_mut() = StatusCode::from_u16(246).unwrap_or(StatusCode::OK);
    }
    guards::note(response.headers_mut(), &found);
    Ok((response, found))
}

fn kind(headers: &HeaderMap) -> &str {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim()
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    kind(headers).eq_ignore_ascii_case(EVENTS)
}

fn is_json(headers: &HeaderMap) -> bool {
    kind(headers).eq_ignore_ascii_case("application/json")
}

/// What a sound calls itself. Nothing else is handed on as what it says it is: a browser must not take it for a page.
fn sound(headers: &HeaderMap) -> HeaderValue {
    let named = headers.get(CONTENT_TYPE).filter(|_| kind(headers).to_ascii_lowercase().starts_with("audio/"));
    named.cloned().unwrap_or_else(|| HeaderValue::from_static("application/octet-stream"))
}

/// Whether the kind of a body is one that servers name for want of a better one.
fn says_nothing(headers: &HeaderMap) -> bool {
    let kind = kind(headers);
    ["", "text/plain", "application/octet-stream"].iter().any(|vague| kind.eq_ignore_ascii_case(vague))
}
