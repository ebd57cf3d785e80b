//! Streams that reach the caller as they come, and are judged once they have ended.

use super::attempt::Guarded;
use super::guards::{self, Form};
use super::record::Open;
use super::room::RoomPart;
use super::stream::{BrokenOff, Hand, Streamed, done_at};
use crate::{
    guardrails::{GuardrailResult, HookResults},
    web::refusal::Refusal,
};
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use http::StatusCode;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use std::borrow::Cow;
use tokio::runtime::Handle;

/// What is known of a stream at its end: what was wrong with it, if anything; or that its caller has left before.
pub(super) enum Ended {
    With(Option<Cow<'static, str>>),
    Left,
}

/// What came of a stream, with the room that it takes.
pub(super) type Seen = (Bytes, RoomPart);

/// Judges what came of a stream, notes what was found and closes the record. With `denies`, a stream that is denied ends with
/// that. Callers run it in a task of its own: whoever goes in the middle of it does not end it.
pub(super) async fn settle(
    guarded: Guarded,
    (seen, _part): Seen,
    mut open: Open,
    ended: Ended,
    denies: bool,
) -> (HookResults, Result<(), Refusal>) {
    let Guarded { guards, facts, mut found, .. } = guarded;
    let mut late = vec![];
    let judged = guards.answer(&facts, Form::Events, &seen, &mut found, &mut late).await.map(|_| ());
    open.found(&found, &mut late);
    match (ended, &judged) {
        // A record that nobody closes says so.
        (Ended::Left, _) => drop(open),
        (Ended::With(_), Err(refusal)) if denies => open.finish(StatusCode::OK.as_u16(), Some(&refusal.code)),
        (Ended::With(fault), _) => open.finish(StatusCode::OK.as_u16(), fault.as_deref()),
    }
    if judged.is_err() && !found.after_request_hooks.iter().any(GuardrailResult::denies) {
        tracing::warn!("a stream could not be judged");
    }
    (found, judged)
}

/// A stream, and what is remembered of it to be judged at its end.
struct Flow {
    guarded: Guarded,
    body: Streamed,
    hand: Hand,
    seen: BytesMut,
    /// What `seen` takes of the room.
    part: RoomPart,
    /// What comes after everything else.
    last: Option<Bytes>,
    told: bool,
    /// No more of it is remembered.
    full: bool,
}

/// A stream that flows. What was found is told at its end.
pub(super) fn flowing(
    guarded: Guarded,
    body: Streamed,
    hand: Hand,
    part: RoomPart,
) -> StreamBody<impl Stream<Item = Result<Frame<Bytes>, BrokenOff>> + Send> {
    let flow = Flow { guarded, body, hand, seen: BytesMut::new(), part, last: None, told: false, full: false };
    let next = async |mut flow: Flow| {
        loop {
            if flow.told {
                return flow.last.take().map(|last| (Ok(Frame::data(last)), flow));
            }
            match flow.body.frame().await {
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    let data = flow.remember(data);
                    if !data.is_empty() {
                        return Some((Ok(Frame::data(data)), flow));
                    }
                }
                Some(Err(error)) => return Some((Err(error), flow)),
                None => {
                    flow.told = true;
                    flow.end().await;
                }
            }
        }
    };
    StreamBody::new(Box::pin(stream::unfold(flow, next)))
}

impl Flow {
    /// Notes what has come; gives what of it goes to the caller now.
    fn remember(&mut self, data: Bytes) -> Bytes {
        let length = self.seen.len() + data.len();
        if !self.full && length <= guards::LARGEST_FLOWING && self.part.resize(length) {
            self.seen.extend_from_slice(&data);
        } else if !self.full {
            self.full = true;
            whole_events(&mut self.seen);
        }
        // Readers stop at the end, so that it comes after what was found.
        match done_at(&data).filter(|_| self.guarded.facts.tells()) {
            Some(at) => {
                self.last = Some(data.slice(at..));
                data.slice(..at)
            }
            None => data,
        }
    }

    /// What was seen, taken away. What was too long to be remembered is judged as far as it goes.
    fn take(&mut self) -> Seen {
        (std::mem::take(&mut self.seen).freeze(), self.part.take())
    }

    /// Judges a stream that has ended and makes ready what the caller is told.
    async fn end(&mut self) {
        let Some((open, ended)) = self.body.ending(&self.hand) else { return };
        let settled = tokio::spawn(settle(self.guarded.clone(), self.take(), open, ended, false));
        let Ok((found, _)) = settled.await else { return };
        if self.guarded.facts.tells() && guards::word(&found).is_some() {
            let event = guards::event(self.guarded.facts.shape(), &found);
            let done = self.last.take().unwrap_or_default();
            self.last = Some([event, done].concat().into());
        }
    }
}

/// Leaves what was seen up to the end of the last whole event.
pub(super) fn whole_events(seen: &mut BytesMut) {
    let whole = memchr::memmem::rfind(seen, b"\n\n").map_or(0, |at| at + 2);
    seen.truncate(whole);
}

impl Drop for Flow {
    /// A caller that goes early has read what came by then, and that is judged too.
    fn drop(&mut self) {
        if !self.told
            && let Some((open, ended)) = self.body.ending(&self.hand)
            && let Ok(runtime) = Handle::try_current()
        {
            whole_events(&mut self.seen);
            runtime.spawn(settle(self.guarded.clone(), self.take(), open, ended, false));
        }
    }
}
