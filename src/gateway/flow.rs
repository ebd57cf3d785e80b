//! Streams that reach the caller as they come, and are judged once they have ended.

use super::attempt::Guarded;
use super::guards::{self, Common, Form};
use super::record::Open;
use super::room::RoomPart;
use super::stream::{BrokenOff, Hand, Streamed, closing_at, done_at, is_done};
use crate::{
    guardrails::{GuardrailResult, HookResults, Shape},
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

/// The [end](closing_at) of a stream, which waits for what is told before it.
struct Closing {
    shape: Shape,
    /// What its chunks have in common; none before the first.
    common: Option<Common>,
    kept: Bytes,
}

impl Closing {
    fn of(shape: Shape) -> Self {
        Self { shape, common: None, kept: Bytes::new() }
    }

    /// Takes whole events; gives those that cannot be the last.
    fn pass(&mut self, events: Bytes) -> Bytes {
        if events.is_empty() {
            return events;
        }
        if self.common.is_none() {
            self.common = Common::of(&events);
        }
        if is_done(&events) {
            // Readers stop at the first; more of them, without end, would fill the memory.
            if done_at(&self.kept).is_some() {
                return Bytes::new();
            }
            self.kept = joined(std::mem::take(&mut self.kept), events);
            return Bytes::new();
        }
        let at = closing_at(self.shape, &events);
        let before = std::mem::replace(&mut self.kept, events.slice(at..));
        joined(before, events.slice(..at))
    }

    /// All that is left, behind what was found if anything was.
    fn end(self, found: Option<&HookResults>) -> Bytes {
        let Some(found) = found else { return self.kept };
        joined(guards::event(self.shape, &self.common.unwrap_or_default(), found), self.kept)
    }
}

fn joined(first: Bytes, second: Bytes) -> Bytes {
    match (first.is_empty(), second.is_empty()) {
        (true, _) => second,
        (_, true) => first,
        _ => [first, second].concat().into(),
    }
}

/// A stream in which nothing is looked for: at its end the caller is told what was found in the request.
pub(super) fn told_at_end(
    guarded: &Guarded,
    body: Streamed,
) -> StreamBody<impl Stream<Item = Result<Frame<Bytes>, BrokenOff>> + Send + use<>> {
    let closing = Closing::of(guarded.facts.shape());
    let next = async |(mut body, closing, found): (Streamed, Option<Closing>, HookResults)| {
        let mut closing = closing?;
        loop {
            match body.frame().await {
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else { continue };
                    let data = closing.pass(data);
                    if !data.is_empty() {
                        return Some((Ok(Frame::data(data)), (body, Some(closing), found)));
                    }
                }
                Some(Err(error)) => return Some((Err(error), (body, None, found))),
                None => {
                    let last = closing.end(Some(&found));
                    return Some((Ok(Frame::data(last)), (body, None, found)));
                }
            }
        }
    };
    StreamBody::new(Box::pin(stream::unfold((body, Some(closing), guarded.found.clone()), next)))
}

/// A stream, and what is remembered of it to be judged at its end.
struct Flow {
    guarded: Guarded,
    body: Streamed,
    hand: Hand,
    seen: BytesMut,
    /// What `seen` takes of the room.
    part: RoomPart,
    /// What waits for the end, where the caller is told of what was found.
    closing: Option<Closing>,
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
    let closing = guarded.facts.tells().then(|| Closing::of(guarded.facts.shape()));
    let flow = Flow { guarded, body, hand, seen: BytesMut::new(), part, closing, last: None, told: false, full: false };
    let next = async |mut flow: Flow| {
        loop {
            if flow.told {
                return flow.last.take().filter(|last| !last.is_empty()).map(|last| (Ok(Frame::data(last)), flow));
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
        match &mut self.closing {
            Some(closing) => closing.pass(data),
            None => data,
        }
    }

    /// What was seen, taken away. What was too long to be remembered is judged as far as it goes.
    fn take(&mut self) -> Seen {
        (std::mem::take(&mut self.seen).freeze(), self.part.take())
    }

    /// Judges a stream that has ended and makes ready what the caller is told.
    async fn end(&mut self) {
        let found = match self.body.ending(&self.hand) {
            Some((open, ended)) => {
                let settled = tokio::spawn(settle(self.guarded.clone(), self.take(), open, ended, false));
                settled.await.ok().map(|(found, _)| found)
            }
            None => None,
        };
        let closing = self.closing.take();
        self.last = closing.map(|closing| closing.end(found.as_ref().filter(|found| guards::word(found).is_some())));
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn data(chunk: Value) -> String {
        format!("data: {chunk}\n\n")
    }

    /// What goes out after each of these, and at the end.
    fn passed(shape: Shape, frames: &[&str], found: Option<&HookResults>) -> (Vec<String>, String) {
        let mut closing = Closing::of(shape);
        let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).expect("text");
        let out = frames.iter().map(|frame| text(closing.pass(Bytes::from((*frame).to_owned())))).collect();
        (out, text(closing.end(found)))
    }

    #[test]
    fn only_the_end_of_a_stream_waits_for_what_was_found() {
        let says = |text: &str, usage: Value| {
            data(
                json!({ "id": "a", "model": "m", "choices": [{ "index": 0, "delta": { "content": text } }], "usage": usage }),
            )
        };
        let (first, second) = (says("one", Value::Null), says("\"usage\": {", Value::Null));
        let usage = data(json!({ "id": "a", "choices": [], "usage": { "total_tokens": 3 } }));
        let done = "data: [DONE]\n\n".to_owned();
        let none = String::new();
        let found = HookResults::default();
        let event = data(json!({
            "id": "a", "model": "m", "object": "chat.completion.chunk", "hook_results": guards::told(&found),
            "choices": [{ "index": 0, "delta": {}, "finish_reason": null }],
        }));
        let chat = |frames: &[&str], found| passed(Shape::Chat, frames, found);
        let end = format!("{usage}{done}");
        let told = chat(&[&first, &second, &usage, &done], Some(&found));
        assert_eq!(told, (vec![first.clone(), second.clone(), none.clone(), none.clone()], format!("{event}{end}")));
        let at_once = format!("{first}{second}{usage}{done}");
        assert_eq!(chat(&[&at_once], Some(&found)), (vec![format!("{first}{second}")], format!("{event}{end}")));
        assert_eq!(chat(&[&at_once], None), (vec![format!("{first}{second}")], end.clone()));
        // However often a provider says that it has ended, that is kept once.
        let again = chat(&[&first, &usage, &done, &done, &done], None);
        assert_eq!(again, (vec![first.clone(), none.clone(), none.clone(), none.clone(), none.clone()], end));
        // A server that only says that it is still there has said nothing of its chunks.
        assert_eq!(
            chat(&[": wait\n\n", &first], Some(&found)),
            (vec![": wait\n\n".into(), first.clone()], event.clone())
        );
        // What comes after it shows that it was not the end: a stream that tells of tokens all the time is one chunk late.
        let counting = [says("one", json!({ "total_tokens": 1 })), says("two", json!({ "total_tokens": 2 }))];
        let told = chat(&[&counting[0], &counting[1], &first], None);
        assert_eq!(told, (vec![none.clone(), counting[0].clone(), format!("{}{first}", counting[1])], none.clone()));
        // A stream that breaks off, and one without any event.
        assert_eq!(chat(&[&first], Some(&found)), (vec![first.clone()], event));
        assert_eq!(chat(&[], None), (vec![], none.clone()));
        // Others end with an event of their own, behind which another name is passed over.
        let stop = "event: message_stop\ndata: {\"type\":\"message_stop\",\"usage\":{}}\n\n";
        let (out, last) = passed(Shape::Messages, &[stop], Some(&found));
        assert_eq!(out, [stop]);
        assert!(last.starts_with("event: hook_results\ndata: {\"hook_results\":"), "{last}");
        let (out, last) = passed(Shape::Completions, &[&first, &done], Some(&found));
        assert_eq!(out, [first, none]);
        let event: Value =
            serde_json::from_str(last.lines().next().expect("a line").trim_start_matches("data: ")).expect("JSON");
        assert_eq!((&event["choices"][0]["text"], &event["id"]), (&json!(""), &json!("a")));
        assert!(last.ends_with(&done), "{last}");
    }
}
