//! The provider's answer on its way to the caller: read as a whole, or handed on piece by piece.

use super::attempt::{Call, Failure, Guarded, Outcome};
use super::cache::Keeping;
use super::call::Upstream;
use super::guards::{self, Form};
use super::hints;
use super::record::Open;
use super::room::{HEAVY, ReadError, RoomPart, SMALL, Share};
use super::watch::{Look, Watch};
use crate::{
    dialect::{Answer, ApiError, ChatStream, Exchange, MAX_ERROR, NativeExchange, Passed, StreamState},
    guardrails::HookResults,
    routing::Came,
    server::outgoing::{OutgoingError, Patience, Phase},
    web::refusal::Refusal,
};
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use uuid::Uuid;

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

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
    let mut body = Begun { first: None, rest: body };
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
    if let Some(usage) = answer.usage {
        open.used(usage);
    }
    let keeping = keeping.filter(|_| answer.failed.is_none());
    let mut response = match &call.guarded {
        None => {
            open.finish(StatusCode::OK.as_u16(), answer.failed);
            if let Some(keeping) = keeping {
                keeping.whole(&answer.body);
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
                        keeping.whole(&answer.body);
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
            let (before, done) = body.split_at(done_at(&body).unwrap_or(body.len()));
            [before, &guards::event(facts.shape(), &found), done].concat().into()
        }
        _ => body,
    };
    let mut response = Response::new(Body::from(body));
    if form != Form::Events && guards::failed(&found) {
        // The contract's own status of an answer in which something was found and that is given all the same.
        *response.status_mut() = StatusCode::from_u16(246).unwrap_or(StatusCode::OK);
    }
    guards::note(response.headers_mut(), &found);
    Ok((response, found))
}

/// Where the end of a stream begins, in the words of those that end with `[DONE]`.
fn done_at(bytes: &[u8]) -> Option<usize> {
    let text = bytes.trim_ascii_end();
    let done = text.strip_suffix(b"[DONE]")?.trim_ascii_end();
    Some(done.strip_suffix(b"data:")?.len())
}

/// Begins to hand on a stream of any kind. What a stream says is judged here: whoever must know all of it before the caller
/// hears any holds it back, or puts a body in front of [`Streamed`].
async fn stream(
    call: &Call<'_>,
    (stream, kind): (ChatStream, HeaderValue),
    keeping: Option<Keeping>,
    (from, mut body): (&HeaderMap, Begun),
    mut open: Open,
    end: End,
    mut watch: Watch,
) -> Outcome {
    if (call.awaits_piece || end.own.is_some())
        && let Err((refusal, failure)) = first_piece(call, &mut body, end, &mut watch).await
    {
        return Outcome::Failed { refusal, open, failure };
    }
    let guarded = call.guarded.as_ref().filter(|guarded| guarded.judges && kind.as_bytes() == EVENTS.as_bytes());
    let holds = guarded.is_some_and(|guarded| guarded.guards.hold_back());
    open.streaming(StatusCode::OK.as_u16());
    let keeping = keeping.map(|keeping| Keeping { pieces: Some(Vec::new()), ..keeping });
    let (kept_later, keeping) = if holds { (keeping, None) } else { (None, keeping) };
    let hand = guarded.map(|_| Hand::default());
    let body = Streamed {
        upstream: Some(body),
        stream,
        keeping,
        open: Some(open),
        hand: hand.clone(),
        watch,
        idle: call.gateway.limits.upstream.idle,
        heard: Instant::now(),
        end: end.at,
        alarm: None,
        part: call.share.part(),
        share: call.share.clone(),
        broken: false,
    };
    let mut answer = match (guarded, hand) {
        (Some(guarded), Some(hand)) if holds => match held_back(call, guarded, body, &hand, kept_later).await {
            Ok((answer, Some(open))) => {
                let mut answer = answer;
                dressed(from, kind, &mut answer);
                return Outcome::Doubted(answer, open);
            }
            Ok((answer, None)) => answer,
            Err(outcome) => return outcome,
        },
        (Some(guarded), Some(hand)) => Response::new(Body::new(flowing(guarded.clone(), body, hand))),
        _ => Response::new(Body::new(body)),
    };
    if let Some(guarded) = call.guarded.as_ref().filter(|_| !holds) {
        guards::note(answer.headers_mut(), &guarded.found);
    }
    dressed(from, kind, &mut answer);
    Outcome::Answered(answer)
}

/// Gives a stream the headers that the caller gets.
fn dressed(from: &HeaderMap, kind: HeaderValue, answer: &mut Response<Body>) {
    hints::hand_on(from, answer.headers_mut());
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    // Proxies on the way must not hold pieces back.
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
}

/// Waits for all of a stream and judges it; the record comes with an answer in which something was found.
async fn held_back(
    call: &Call<'_>,
    guarded: &Guarded,
    mut body: Streamed,
    hand: &Hand,
    keeping: Option<Keeping>,
) -> Result<(Response<Body>, Option<Open>), Outcome> {
    let mut part = call.share.part();
    let mut all = BytesMut::new();
    let mut fits = true;
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            fits = fits && all.len() + data.len() <= call.gateway.limits.upstream.largest;
            fits = fits && part.resize(all.len() + data.len());
            if fits {
                all.extend_from_slice(&data);
            } else {
                // Nothing of it is given to anybody, so that nothing more of it is needed.
                body.close(Some(OutgoingError::TooLarge));
            }
        }
    }
    drop(body);
    let Some(Parted { mut open, why, failed, cut }) = hand.take() else {
        // It has been taken by nobody, and is always there at the end.
        unreachable!("a stream that has ended has handed its record over")
    };
    if let Some(refusal) = why {
        let failure = if cut { Failure::Final } else { Failure::reading(&refusal) };
        return Err(Outcome::Failed { refusal, open, failure });
    }
    // It stays in the room until the caller has it.
    let all = match part.hold(all.freeze()).await {
        Ok(all) => all,
        Err(_) => {
            let refusal = Refusal::no_room();
            let failure = Failure::reading(&refusal);
            return Err(Outcome::Failed { refusal, open, failure });
        }
    };
    match judged(call.share, guarded, Form::Events, &all, &mut open).await {
        Err((refusal, failure)) => Err(Outcome::Failed { refusal, open, failure }),
        Ok((response, found)) if guards::failed(&found) => Ok((response, Some(open))),
        Ok((response, _)) => {
            open.finish(StatusCode::OK.as_u16(), failed);
            if let Some(mut keeping) = keeping.filter(|_| failed.is_none()) {
                keeping.piece(&all);
                keeping.ended();
            }
            Ok((response, None))
        }
    }
}

/// A stream that flows. What was found is told at its end.
fn flowing(
    guarded: Guarded,
    body: Streamed,
    hand: Hand,
) -> StreamBody<impl Stream<Item = Result<Frame<Bytes>, BrokenOff>> + Send> {
    struct Flow {
        guarded: Guarded,
        body: Streamed,
        hand: Hand,
        seen: BytesMut,
        /// What comes after everything else.
        last: Option<Bytes>,
        told: bool,
        /// No more of it is remembered.
        full: bool,
    }
    let flow = Flow { guarded, body, hand, seen: BytesMut::new(), last: None, told: false, full: false };
    let next = async |mut flow: Flow| {
        loop {
            if flow.told {
                return flow.last.take().map(|last| (Ok(Frame::data(last)), flow));
            }
            match flow.body.frame().await {
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    if !flow.full && flow.seen.len() + data.len() <= guards::LARGEST_FLOWING {
                        flow.seen.extend_from_slice(&data);
                    } else if !flow.full {
                        flow.full = true;
                        // Up to the end of the last whole event.
                        let whole = memchr::memmem::rfind(&flow.seen, b"\n\n").map_or(0, |at| at + 2);
                        flow.seen.truncate(whole);
                    }
                    // Readers stop at the end, so that it comes after what was found.
                    let data = match done_at(&data).filter(|_| flow.guarded.facts.tells()) {
                        Some(at) => {
                            flow.last = Some(data.slice(at..));
                            data.slice(..at)
                        }
                        None => data,
                    };
                    if !data.is_empty() {
                        return Some((Ok(Frame::data(data)), flow));
                    }
                }
                Some(Err(error)) => return Some((Err(error), flow)),
                None => {
                    flow.told = true;
                    let Some(Parted { mut open, why, failed, .. }) = flow.hand.take() else { continue };
                    let Guarded { guards, facts, found, .. } = &flow.guarded;
                    let mut found = found.clone();
                    let mut late = vec![];
                    let seen = std::mem::take(&mut flow.seen).freeze();
                    // What is too long to be remembered is judged as far as it goes.
                    let judged = guards.answer(facts, Form::Events, &seen, &mut found, &mut late).await;
                    if judged.is_err() {
                        tracing::warn!("a stream that flows could not be judged");
                    }
                    open.found(&found, &mut late);
                    open.finish(StatusCode::OK.as_u16(), why.as_ref().map(|why| &*why.code).or(failed));
                    if facts.tells() && guards::word(&found).is_some() {
                        let event = guards::event(facts.shape(), &found);
                        let done = flow.last.take().unwrap_or_default();
                        flow.last = Some([event, done].concat().into());
                    }
                }
            }
        }
    };
    StreamBody::new(Box::pin(stream::unfold(flow, next)))
}

/// Where a stream leaves its record once it has ended, for whoever judges it then.
#[derive(Clone, Default)]
struct Hand(Arc<Mutex<Option<Parted>>>);

/// What a stream leaves.
struct Parted {
    open: Open,
    /// Why it is not whole.
    why: Option<Refusal>,
    /// What the model has failed of, in an answer that is whole.
    failed: Option<&'static str>,
    /// Whether its key may call no longer.
    cut: bool,
}

impl Hand {
    fn take(&self) -> Option<Parted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, parted: Parted) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(parted);
    }
}

/// Waits for the first piece of a stream: until it is there, another target may still be asked.
async fn first_piece(call: &Call<'_>, body: &mut Begun, end: End, watch: &mut Watch) -> Result<(), (Refusal, Failure)> {
    let patience = call.gateway.limits.upstream;
    let own = end.own;
    let theirs = end.at.min(Instant::now() + patience.idle);
    let due = own.map_or(theirs, |own| own.min(theirs));
    let late = || match own {
        Some(own) if own <= theirs => (Refusal::callers_limit(), Failure::of(408)),
        _ => (OutgoingError::TimedOut(Phase::Idle).into(), Failure::of(504)),
    };
    tokio::select! {
        biased;
        begun = timeout_at(due, body.begin()) => match begun {
            Ok(true) => Ok(()),
            Ok(false) => Err((ApiError::broken_stream().into(), Failure::of(500))),
            Err(_) => Err(late()),
        },
        refusal = watch.ended() => Err((refusal, Failure::Final)),
    }
}

fn kind(headers: &HeaderMap) -> &str {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim()
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    kind(headers).eq_ignore_ascii_case("text/event-stream")
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

/// A body whose first piece may have been looked at.
struct Begun {
    first: Option<Bytes>,
    rest: Incoming,
}

impl Begun {
    /// Waits for its first bytes. Whether there are any.
    async fn begin(&mut self) -> bool {
        while self.first.as_ref().is_none_or(Bytes::is_empty) {
            let Some(Ok(frame)) = self.rest.frame().await else { return false };
            self.first = frame.into_data().ok();
        }
        true
    }

    /// Whether it begins as events do. Waits for as much as it takes to tell.
    async fn begins_as_events(&mut self) -> bool {
        const FIELDS: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];
        let mut seen = BytesMut::new();
        while let Some(Ok(frame)) = self.rest.frame().await {
            let Ok(data) = frame.into_data() else { continue };
            seen.extend_from_slice(&data);
            self.first = Some(seen.clone().freeze());
            let text = seen.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&seen).trim_ascii_start();
            if FIELDS.iter().any(|field| text.starts_with(field)) {
                return true;
            }
            // As long as it may still become one of them.
            if !FIELDS.iter().any(|field| field.starts_with(text)) || seen.len() > SMALL {
                return false;
            }
        }
        false
    }
}

impl HttpBody for Begun {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None => Pin::new(&mut self.rest).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let first = self.first.as_ref().map_or(0, |first| first.len() as u64);
        let mut hint = self.rest.size_hint();
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + first);
        }
        hint.set_lower(hint.lower() + first);
        hint
    }
}

/// A streamed answer. It asks the provider's connection for more only when the caller's connection has room, so a slow
/// reader slows the provider down and nothing piles up. Dropping it closes the provider's connection.
struct Streamed {
    upstream: Option<Begun>,
    stream: ChatStream,
    /// Where the answer is kept, if it is.
    keeping: Option<Keeping>,
    open: Option<Open>,
    /// Who takes the record at the end, if anybody does.
    hand: Option<Hand>,
    /// Looks after the caller's key.
    watch: Watch,
    /// The longest pause between two pieces.
    idle: Duration,
    heard: Instant,
    end: Instant,
    /// Set while the provider is waited for. It is looked at only then: a caller that reads slowly is not the
    /// provider's pause.
    alarm: Option<Pin<Box<Sleep>>>,
    share: Share,
    /// The room for an event of which the rest is still to come.
    part: RoomPart,
    /// It failed, and the caller is to learn it by the end of its connection.
    broken: bool,
}

/// The answer broke off, and nothing in it could say so.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the provider's answer broke off")]
struct BrokenOff;

impl Streamed {
    /// Whether the provider has been silent for too long, or the call has lasted too long.
    fn overdue(&mut self, context: &mut Context<'_>) -> Option<Phase> {
        let due = (self.heard + self.idle).min(self.end);
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(due)));
        while alarm.as_mut().poll(context).is_ready() {
            if Instant::now() >= due {
                return Some(if due == self.end { Phase::Total } else { Phase::Idle });
            }
            // It was set for an earlier piece.
            alarm.as_mut().reset(due);
        }
        None
    }

    /// Takes the provider's next bytes; gives those for the caller.
    fn pass(&mut self, data: Bytes) -> Bytes {
        if let Some(open) = &mut self.open {
            open.first_byte();
        }
        let piece = self.stream.push(data);
        self.note();
        if let Some(keeping) = &mut self.keeping {
            keeping.piece(&piece);
        }
        if matches!(self.stream.outcome(), StreamState::Failed(_)) {
            self.close(None);
            return piece;
        }
        let fits = self.part.resize(self.stream.held());
        let piece = if piece.len() <= SMALL { Ok(piece) } else { self.share.hold(piece) };
        match piece {
            Ok(piece) if fits => piece,
            _ => self.give_up(),
        }
    }

    /// Ends the stream for want of room; gives the last bytes for the caller.
    fn give_up(&mut self) -> Bytes {
        self.keeping = None;
        let last = self.stream.abort((&Refusal::no_room()).into());
        self.close(None);
        last
    }

    /// Ends the stream and its record; gives the last bytes for the caller.
    fn close(&mut self, error: Option<OutgoingError>) -> Bytes {
        self.upstream = None;
        let last = self.stream.finish(error.is_none());
        self.note();
        if let Some(keeping) = &mut self.keeping {
            keeping.piece(&last);
        }
        self.keep();
        let why = match (self.stream.outcome(), error) {
            (StreamState::Complete, _) => None,
            (_, Some(error)) => Some(Refusal::from(error)),
            (StreamState::Failed(error), None) => Some(Refusal::from(error.clone())),
            (StreamState::Running, None) => Some(Refusal::from(ApiError::broken_stream())),
        };
        let told = match &why {
            None => self.stream.failed().map(Cow::Borrowed),
            Some(why) => Some(why.code.clone()),
        };
        self.broken = told.is_some() && !self.stream.tells();
        match (self.open.take(), &self.hand) {
            (Some(open), Some(hand)) => hand.put(Parted { open, why, failed: self.stream.failed(), cut: false }),
            (Some(open), None) => open.finish(StatusCode::OK.as_u16(), told.as_deref()),
            (None, _) => {}
        }
        last
    }

    /// Ends the stream and its record, since its key may call no longer; gives the last bytes for the caller.
    fn cut(&mut self, refusal: &Refusal) -> Bytes {
        self.upstream = None;
        self.keep();
        let last = self.stream.abort(refusal.into());
        self.note();
        self.broken = !self.stream.tells();
        let whole = *self.stream.outcome() == StreamState::Complete;
        match (self.open.take(), &self.hand) {
            (Some(open), Some(hand)) => {
                let why = (!whole).then(|| refusal.clone());
                hand.put(Parted { open, why, failed: self.stream.failed(), cut: true });
            }
            (Some(open), None) => open.finish(StatusCode::OK.as_u16(), (!whole).then_some(&*refusal.code)),
            (None, _) => {}
        }
        last
    }

    /// Keeps the answer, if it is whole and good.
    fn keep(&mut self) {
        if let Some(keeping) = self.keeping.take()
            && *self.stream.outcome() == StreamState::Complete
            && self.stream.failed().is_none()
        {
            keeping.ended();
        }
    }

    fn note(&mut self) {
        if let (Some(open), Some(usage)) = (&mut self.open, self.stream.usage()) {
            open.used(usage);
        }
    }
}

impl Drop for Streamed {
    fn drop(&mut self) {
        self.keep();
        // A caller may go once it has read the end, before the provider's connection has told its own.
        if *self.stream.outcome() == StreamState::Complete
            && let Some(open) = self.open.take()
        {
            open.finish(StatusCode::OK.as_u16(), self.stream.failed());
        }
    }
}

impl HttpBody for Streamed {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = self.get_mut();
        loop {
            let Some(upstream) = &mut this.upstream else {
                return Poll::Ready(std::mem::take(&mut this.broken).then_some(Err(BrokenOff)));
            };
            match this.watch.look(context) {
                Look::Good => {}
                // Nothing goes out meanwhile: the key may be known to have ended in the next moment.
                Look::Asking => return Poll::Pending,
                Look::Ended(refusal) => {
                    let last = this.cut(&refusal);
                    if last.is_empty() {
                        continue;
                    }
                    return Poll::Ready(Some(Ok(Frame::data(last))));
                }
            }
            let piece = match Pin::new(upstream).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else { continue };
                    this.heard = Instant::now();
                    if this.heard < this.end {
                        this.pass(data)
                    } else {
                        // A provider that always has more is never waited for.
                        this.close(Some(OutgoingError::TimedOut(Phase::Total)))
                    }
                }
                Poll::Ready(Some(Err(_))) => this.close(Some(OutgoingError::Broken)),
                Poll::Ready(None) => this.close(None),
                Poll::Pending => match this.overdue(context) {
                    Some(phase) => this.close(Some(OutgoingError::TimedOut(phase))),
                    None => return Poll::Pending,
                },
            };
            if !piece.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.upstream.is_none() && !self.broken
    }
}
