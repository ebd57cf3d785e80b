//! Streamed answers on their way to the caller, piece by piece: handed on as they come, or held back until all of one is there
//! and judged.

use super::answer::{EVENTS, End, judged};
use super::attempt::{Call, Failure, Guarded, Outcome};
use super::begun::Begun;
use super::cache::Keeping;
use super::flow::{Ended, flowing, told_at_end};
use super::guards::{self, Form};
use super::hints;
use super::record::Open;
use super::room::{RoomPart, SMALL, Share};
use super::sentences::by_sentence;
use super::texts::Teed;
use super::watch::{Look, Watch};
use crate::{
    dialect::{ApiError, ChatStream, StreamState},
    guardrails::Shape,
    server::outgoing::{OutgoingError, Phase},
    web::refusal::Refusal,
};
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame};
use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

/// Begins to hand on a stream of any kind. What a stream says is judged here: whoever must know all of it before the caller
/// hears any holds it back, or puts a body in front of [`Streamed`].
pub(super) async fn stream(
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
    let any = call.guarded.as_ref().filter(|_| kind.as_bytes() == EVENTS.as_bytes());
    let guarded = any.filter(|guarded| guarded.judges);
    // Nothing is to be found any more, and what was found in the request is to be told.
    let telling =
        any.filter(|guarded| !guarded.judges && guards::word(&guarded.found).is_some() && guarded.facts.tells());
    let holds = guarded.is_some_and(|guarded| guarded.guards.hold_back());
    open.streaming(StatusCode::OK.as_u16());
    let tee = if holds || kind.as_bytes() != EVENTS.as_bytes() { None } else { open.tee() };
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
        (Some(guarded), Some(hand)) if guarded.guards.by_sentence() => {
            let bounds = (call.gateway.limits.upstream.largest, call.share.part());
            Response::new(Body::new(by_sentence(guarded.clone(), body, hand, bounds)))
        }
        (Some(guarded), Some(hand)) => {
            Response::new(Body::new(flowing(guarded.clone(), body, hand, call.share.part())))
        }
        _ => match telling {
            Some(guarded) => Response::new(Body::new(told_at_end(guarded, body))),
            None => Response::new(Body::new(body)),
        },
    };
    if let Some(tee) = tee {
        // What the caller is given, after everything that looks at it.
        answer = answer.map(|body| Body::new(Teed::new(body, tee)));
    }
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
            let usage = open.usage();
            open.finish(StatusCode::OK.as_u16(), failed);
            if let Some(mut keeping) = keeping.filter(|_| failed.is_none()) {
                keeping.piece(&all);
                keeping.ended(usage);
            }
            Ok((response, None))
        }
    }
}

/// Where a stream leaves its record once it has ended, for whoever judges it then.
#[derive(Clone, Default)]
pub(super) struct Hand(Arc<Mutex<Option<Parted>>>);

/// What a stream leaves.
pub(super) struct Parted {
    pub(super) open: Open,
    /// Why it is not whole.
    why: Option<Refusal>,
    /// What the model has failed of, in an answer that is whole.
    failed: Option<&'static str>,
    /// Whether its key may call no longer.
    cut: bool,
}

impl Hand {
    pub(super) fn take(&self) -> Option<Parted> {
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

/// Where the end of a stream begins, in the words of those that end with `[DONE]`.
pub(super) fn done_at(bytes: &[u8]) -> Option<usize> {
    let text = bytes.trim_ascii_end();
    let done = text.strip_suffix(b"[DONE]")?.trim_ascii_end();
    Some(done.strip_suffix(b"data:")?.len())
}

/// Whether these bytes are the end of a stream and nothing else.
pub(super) fn is_done(bytes: &[u8]) -> bool {
    done_at(bytes).is_some_and(|at| bytes[..at].trim_ascii().is_empty())
}

/// Where those events of a stream begin that come last, whatever else is told: `[DONE]`, at which readers stop, and of OpenAI's
/// completions the chunk before it that tells how many tokens were used, which readers take from the last chunk.
pub(super) fn closing_at(shape: Shape, bytes: &[u8]) -> usize {
    let done = done_at(bytes).unwrap_or(bytes.len());
    if !matches!(shape, Shape::Chat | Shape::Completions) {
        return done;
    }
    let text = bytes[..done].trim_ascii_end();
    let after = |end: &[u8]| memchr::memmem::rfind(text, end).map_or(0, |at| at + end.len());
    let last = after(b"\n\n").max(after(b"\n\r\n"));
    if tells_usage(&text[last..]) { last } else { done }
}

/// Whether an event has an object `usage`. In a text the quotes would be escaped.
fn tells_usage(event: &[u8]) -> bool {
    const NAME: &[u8] = b"\"usage\"";
    memchr::memmem::find_iter(event, NAME).any(|at| {
        let value = event[at + NAME.len()..].trim_ascii_start();
        value.strip_prefix(b":").is_some_and(|value| value.trim_ascii_start().starts_with(b"{"))
    })
}

/// A streamed answer. It asks the provider's connection for more only when the caller's connection has room, so a slow
/// reader slows the provider down and nothing piles up. Dropping it closes the provider's connection.
pub(super) struct Streamed {
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
pub(super) struct BrokenOff;

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
        if let Some(open) = &mut self.open {
            open.said(&piece);
        }
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

    /// The record, taken by whoever judges the stream, and how that ended; of one that has not, that its caller leaves it.
    pub(super) fn ending(&mut self, hand: &Hand) -> Option<(Open, Ended)> {
        let with = |why: Option<Refusal>, failed: Option<&'static str>| {
            Ended::With(why.map(|why| why.code.clone()).or(failed.map(Cow::Borrowed)))
        };
        if let Some(Parted { open, why, failed, .. }) = hand.take() {
            return Some((open, with(why, failed)));
        }
        let is_whole = *self.stream.outcome() == StreamState::Complete;
        let ended = if is_whole { with(None, self.stream.failed()) } else { Ended::Left };
        self.open.take().map(|open| (open, ended))
    }

    /// Ends the stream, since nothing more of it goes to the caller.
    pub(super) fn leave(&mut self, refusal: &Refusal) {
        self.keeping = None;
        self.cut(refusal);
        self.broken = false;
    }

    /// An event that tells the caller of a refusal, in the words of the interface.
    pub(super) fn told(&self, refusal: &Refusal) -> Bytes {
        self.stream.told(refusal.into())
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
            keeping.ended(self.stream.usage());
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
