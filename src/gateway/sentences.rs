//! Streams that reach the caller sentence by sentence: what has come is judged wherever a sentence ends, and goes out only if
//! all of it has passed by then.

use super::attempt::Guarded;
use super::flow::{settle, whole_events};
use super::guards;
use super::room::RoomPart;
use super::stream::{BrokenOff, Hand, Streamed};
use crate::{guardrails::HookResults, web::refusal::Refusal};
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use http::StatusCode;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::runtime::Handle;

/// What has come is read as a whole each time, so that it must have grown by this part of itself before it is read again: the
/// work stays in proportion to the answer.
const GROWTH: usize = 16;

struct Sentences {
    guarded: Guarded,
    body: Streamed,
    hand: Hand,
    /// All that has come.
    seen: BytesMut,
    /// How much of that the caller has.
    sent: usize,
    /// How much there was when it was read last.
    read: usize,
    /// The longest answer, in bytes.
    largest: usize,
    /// What `seen` takes of the room.
    part: RoomPart,
    /// What goes out before anything else.
    last: Option<Bytes>,
    is_over: bool,
}

/// A stream that is held back until each sentence of it has passed.
pub(super) fn by_sentence(
    guarded: Guarded,
    body: Streamed,
    hand: Hand,
    (largest, part): (usize, RoomPart),
) -> StreamBody<impl Stream<Item = Result<Frame<Bytes>, BrokenOff>> + Send> {
    let sentences = Sentences {
        guarded,
        body,
        hand,
        seen: BytesMut::new(),
        sent: 0,
        read: 0,
        largest,
        part,
        last: None,
        is_over: false,
    };
    let next = async |mut this: Sentences| {
        loop {
            if let Some(last) = this.last.take().filter(|last| !last.is_empty()) {
                return Some((Ok(Frame::data(last)), this));
            }
            if this.is_over {
                return None;
            }
            match this.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        this.last = this.take(&data).await;
                    }
                }
                Some(Err(error)) => return Some((Err(error), this)),
                None => {
                    this.is_over = true;
                    this.last = this.end().await;
                }
            }
        }
    };
    StreamBody::new(Box::pin(stream::unfold(sentences, next)))
}

impl Sentences {
    /// Takes what has come; gives what may go out now.
    async fn take(&mut self, data: &Bytes) -> Option<Bytes> {
        let length = self.seen.len() + data.len();
        // It is read beside what holds it.
        if length > self.largest || !self.part.resize(2 * length) {
            return Some(self.refuse(&Refusal::no_room(), None));
        }
        self.seen.extend_from_slice(data);
        // Only whole events go out.
        let whole = memchr::memmem::rfind(&self.seen, b"\n\n").map_or(0, |at| at + 2);
        if whole <= self.sent || !may_end_a_sentence(data) || self.seen.len() - self.read < self.seen.len() / GROWTH {
            return None;
        }
        self.read = self.seen.len();
        let mut found = self.guarded.found.clone();
        let so_far = Bytes::copy_from_slice(&self.seen[..whole]);
        match self.guarded.guards.so_far(&self.guarded.facts, &so_far, &mut found).await {
            Ok(false) => None,
            Ok(true) => {
                let passed = so_far.slice(self.sent..);
                self.sent = whole;
                Some(passed)
            }
            Err(refusal) => Some(self.refuse(&refusal, Some(&found))),
        }
    }

    /// Ends the answer where it is; gives what the caller is told.
    fn refuse(&mut self, refusal: &Refusal, found: Option<&HookResults>) -> Bytes {
        self.is_over = true;
        self.body.leave(refusal);
        let told = self.body.told(refusal);
        if let Some((mut open, _)) = self.body.ending(&self.hand) {
            open.found(found.unwrap_or(&self.guarded.found), &mut vec![]);
            open.finish(StatusCode::OK.as_u16(), Some(&refusal.code));
        }
        told
    }

    /// Judges all of it; gives the rest of what goes out.
    async fn end(&mut self) -> Option<Bytes> {
        let (open, ended) = self.body.ending(&self.hand)?;
        let seen = std::mem::take(&mut self.seen).freeze();
        let all = (seen.clone(), self.part.take());
        let (found, judged) = tokio::spawn(settle(self.guarded.clone(), all, open, ended, true)).await.ok()?;
        if let Err(refusal) = judged {
            return Some(self.body.told(&refusal));
        }
        let rest = seen.slice(self.sent..);
        let facts = &self.guarded.facts;
        if !facts.tells() || guards::word(&found).is_none() {
            return Some(rest);
        }
        Some(guards::with_event(facts.shape(), &seen, &rest, &found))
    }
}

impl Drop for Sentences {
    /// Of a stream that its caller leaves, what came by then is judged for the log.
    fn drop(&mut self) {
        if !self.is_over
            && let Some((open, ended)) = self.body.ending(&self.hand)
            && let Ok(runtime) = Handle::try_current()
        {
            whole_events(&mut self.seen);
            let all = (std::mem::take(&mut self.seen).freeze(), self.part.take());
            runtime.spawn(settle(self.guarded.clone(), all, open, ended, true));
        }
    }
}

/// Whether a piece of a stream may be where a sentence ends: a value in it ends with a full stop or the like. What it says is
/// certain only once all of it has been read.
fn may_end_a_sentence(data: &[u8]) -> bool {
    memchr::memchr_iter(b'"', data).any(|at| {
        let mut text = &data[..at];
        while let [before @ .., last] = text {
            match last {
                b'n' if before.last() == Some(&b'\\') => return true,
                b' ' | b'\\' | b'"' | b'\'' | b')' | b'*' | b']' => text = before,
                _ => return matches!(last, b'.' | b'!' | b'?') || !last.is_ascii(),
            }
        }
        false
    })
}
