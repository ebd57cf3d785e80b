//! The text of a streamed answer, put together as it goes by, in the form that the same answer has as a whole. What is
//! held is bounded: the text up to the limit, and one event of which the rest is still to come.

use super::texts::Side;
use crate::{
    dialect::sse::{Frame, Frames, parse_frame},
    features::logs::texts::LIMIT,
    guardrails::Shape,
};
use serde_json::{Map, Value, json};
use std::convert::Infallible;

/// The most parts of an answer: its texts and its calls of tools, of all choices.
const MOST: usize = 512;
/// The longest name or id that is kept of a part, in bytes.
const LONGEST_NAME: usize = 256;

/// What a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// What a model says of how it thinks, and of why it refuses.
    Thought,
    Refusal,
    Tool,
}

/// A part of an answer.
#[derive(Debug)]
struct Part {
    kind: Kind,
    choice: u64,
    /// Which of its kind, as the events number them.
    number: u64,
    text: String,
    name: String,
    id: String,
}

/// An answer that is put together.
#[derive(Debug)]
pub(super) struct Joined {
    shape: Shape,
    frames: Frames,
    parts: Vec<Part>,
    /// Why each choice ended.
    ends: Map<String, Value>,
    error: Option<Value>,
    /// Bytes of text that are held, and of the whole.
    held: usize,
    size: u64,
    is_cut: bool,
}

impl Joined {
    /// None: nothing is put together of answers of this kind.
    pub(super) fn of(shape: Shape) -> Option<Self> {
        let known = matches!(
            shape,
            Shape::Chat | Shape::Completions | Shape::Messages | Shape::Responses | Shape::Transcriptions
        );
        known.then(|| Self {
            shape,
            frames: Frames::bounded(LIMIT),
            parts: vec![],
            ends: Map::new(),
            error: None,
            held: 0,
            size: 0,
            is_cut: false,
        })
    }

    /// Takes the next bytes of the stream.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let mut frames = std::mem::replace(&mut self.frames, Frames::bounded(0));
        let _ = frames.feed(bytes, |frame| {
            match frame {
                Frame::Whole(frame) => self.event(frame),
                // An event that is larger than all that is kept.
                Frame::Piece(_) => self.is_cut = true,
            }
            Ok::<_, Infallible>(())
        });
        self.frames = frames;
    }

    /// Bytes of text that are held.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.parts = vec![];
        self.held = 0;
    }

    /// What has come so far, as one text. None: nothing that could be kept.
    pub(super) fn side(&mut self) -> Option<Side> {
        // Several servers forget the last blank line.
        let rest = self.frames.rest().to_vec();
        self.event(&rest);
        if self.parts.is_empty() && self.error.is_none() {
            return None;
        }
        let parts = std::mem::take(&mut self.parts);
        let mut whole = match self.shape {
            Shape::Chat => self.chat(&parts),
            Shape::Completions => self.completions(&parts),
            Shape::Messages => self.message(&parts),
            Shape::Responses => self.response(&parts),
            _ => json!({ "text": texts(&parts) }),
        };
        if let (Some(whole), Some(error)) = (whole.as_object_mut(), self.error.take()) {
            whole.insert("error".into(), error);
        }
        Some(Side { text: whole.to_string(), size: self.size, is_cut: self.is_cut, left_out: 0 })
    }

    fn event(&mut self, frame: &[u8]) {
        let Some(event) = parse_frame(frame) else { return };
        let Ok(data) = serde_json::from_str::<Value>(&event.data) else { return };
        if let Some(error) = data.get("error").filter(|error| !error.is_null())
            && error.to_string().len() <= 4 * LONGEST_NAME
        {
            self.error = Some(error.clone());
        }
        match self.shape {
            Shape::Chat => self.of_chat(&data),
            Shape::Completions => {
                for choice in list(&data, "choices") {
                    let number = number(choice, "index");
                    self.add(Kind::Text, number, 0, text(choice, "text"));
                    self.end(number, choice.get("finish_reason"));
                }
            }
            Shape::Messages => self.of_messages(&data),
            Shape::Responses => self.of_responses(&data),
            Shape::Transcriptions => self.add(Kind::Text, 0, 0, text(&data, "delta")),
            _ => {}
        }
    }

    fn of_chat(&mut self, data: &Value) {
        for choice in list(data, "choices") {
            let at = number(choice, "index");
            self.end(at, choice.get("finish_reason"));
            let Some(delta) = choice.get("delta") else { continue };
            self.add(Kind::Text, at, 0, text(delta, "content"));
            for name in ["reasoning_content", "reasoning"] {
                self.add(Kind::Thought, at, 0, text(delta, name));
            }
            self.add(Kind::Refusal, at, 0, text(delta, "refusal"));
            for one in list(delta, "content") {
                self.add(Kind::Text, at, 0, text(one, "text"));
            }
            for call in list(delta, "tool_calls") {
                let inner = call.get("function").or_else(|| call.get("custom")).unwrap_or(&Value::Null);
                let nth = number(call, "index");
                self.named(at, nth, text(inner, "name"), text(call, "id"));
                self.add(Kind::Tool, at, nth, text(inner, "arguments"));
                self.add(Kind::Tool, at, nth, text(inner, "input"));
            }
        }
    }

    fn of_messages(&mut self, data: &Value) {
        let at = number(data, "index");
        match text(data, "type") {
            "content_block_start" => {
                let Some(block) = data.get("content_block") else { return };
                if text(block, "type").ends_with("tool_use") {
                    self.named(0, at, text(block, "name"), text(block, "id"));
                }
                self.add(Kind::Text, 0, at, text(block, "text"));
                self.add(Kind::Thought, 0, at, text(block, "thinking"));
            }
            "content_block_delta" => {
                let Some(delta) = data.get("delta") else { return };
                self.add(Kind::Text, 0, at, text(delta, "text"));
                self.add(Kind::Thought, 0, at, text(delta, "thinking"));
                self.add(Kind::Tool, 0, at, text(delta, "partial_json"));
            }
            "message_delta" => self.end(0, data.get("delta").and_then(|delta| delta.get("stop_reason"))),
            _ => {}
        }
    }

    fn of_responses(&mut self, data: &Value) {
        let (item, part) = (number(data, "output_index"), number(data, "content_index"));
        match text(data, "type") {
            "response.output_text.delta" => self.add(Kind::Text, item, part, text(data, "delta")),
            "response.refusal.delta" => self.add(Kind::Refusal, item, part, text(data, "delta")),
            "response.output_item.added" => {
                if let Some(inner) = data.get("item").filter(|inner| text(inner, "type").ends_with("_call")) {
                    self.named(item, 0, text(inner, "name"), text(inner, "call_id"));
                }
            }
            kind if kind.starts_with("response.reasoning") && kind.ends_with(".delta") => {
                self.add(Kind::Thought, item, part, text(data, "delta"));
            }
            kind if kind.contains("arguments.delta") || kind.contains("tool_call_input.delta") => {
                self.add(Kind::Tool, item, 0, text(data, "delta"));
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                let inner = data.get("response").unwrap_or(&Value::Null);
                self.end(0, inner.get("status"));
                if let Some(error) = inner.get("error").filter(|error| !error.is_null()) {
                    self.error = Some(error.clone());
                }
            }
            _ => {}
        }
    }

    fn part(&mut self, kind: Kind, choice: u64, number: u64) -> Option<&mut Part> {
        let known = |part: &Part| (part.kind, part.choice, part.number) == (kind, choice, number);
        let at = match self.parts.iter().rposition(known) {
            Some(at) => at,
            None if self.parts.len() < MOST => {
                let (text, name, id) = Default::default();
                self.parts.push(Part { kind, choice, number, text, name, id });
                self.parts.len() - 1
            }
            None => {
                self.is_cut = true;
                return None;
            }
        };
        self.parts.get_mut(at)
    }

    /// Adds a piece of a text, as far as there is room for it.
    fn add(&mut self, kind: Kind, choice: u64, number: u64, piece: &str) {
        if piece.is_empty() {
            return;
        }
        self.size += piece.len() as u64;
        let room = LIMIT.saturating_sub(self.held);
        let fits = piece.floor_char_boundary(room);
        self.is_cut |= fits < piece.len();
        if fits == 0 {
            return;
        }
        if let Some(part) = self.part(kind, choice, number) {
            part.text.push_str(&piece[..fits]);
            self.held += fits;
        }
    }

    fn named(&mut self, choice: u64, number: u64, name: &str, id: &str) {
        let short = |text: &str| text[..text.floor_char_boundary(LONGEST_NAME)].to_owned();
        let more = name.len().min(LONGEST_NAME) + id.len().min(LONGEST_NAME);
        if self.held + more > LIMIT {
            self.is_cut = true;
            return;
        }
        let Some(part) = self.part(Kind::Tool, choice, number) else { return };
        let mut added = 0;
        for (own, told) in [(&mut part.name, name), (&mut part.id, id)] {
            if own.is_empty() && !told.is_empty() {
                *own = short(told);
                added += own.len();
            }
        }
        self.held += added;
        self.size += added as u64;
    }

    fn end(&mut self, choice: u64, why: Option<&Value>) {
        if let Some(why) = why.and_then(Value::as_str)
            && self.ends.len() < MOST
            && why.len() <= LONGEST_NAME
        {
            self.ends.insert(choice.to_string(), why.into());
        }
    }

    fn why(&self, choice: u64) -> Value {
        self.ends.get(&choice.to_string()).cloned().unwrap_or_default()
    }

    fn chat(&self, parts: &[Part]) -> Value {
        let choices = choices(parts).into_iter().map(|choice| {
            let of = |kind| own(parts, kind, choice);
            let mut message = json!({ "role": "assistant", "content": of(Kind::Text) });
            for (name, kind) in [("reasoning_content", Kind::Thought), ("refusal", Kind::Refusal)] {
                if let Some(text) = of(kind) {
                    message[name] = text.into();
                }
            }
            let tools: Vec<Value> = parts
                .iter()
                .filter(|part| part.kind == Kind::Tool && part.choice == choice)
                .map(|part| {
                    let function = json!({ "name": part.name, "arguments": part.text });
                    json!({ "id": part.id, "type": "function", "function": function })
                })
                .collect();
            if !tools.is_empty() {
                message["tool_calls"] = tools.into();
            }
            json!({ "index": choice, "message": message, "finish_reason": self.why(choice) })
        });
        json!({ "object": "chat.completion", "choices": choices.collect::<Vec<_>>() })
    }

    fn completions(&self, parts: &[Part]) -> Value {
        let choices = choices(parts).into_iter().map(|choice| {
            json!({ "index": choice, "text": own(parts, Kind::Text, choice), "finish_reason": self.why(choice) })
        });
        json!({ "object": "text_completion", "choices": choices.collect::<Vec<_>>() })
    }

    fn message(&self, parts: &[Part]) -> Value {
        let block = |part: &Part| match part.kind {
            Kind::Thought => json!({ "type": "thinking", "thinking": part.text }),
            Kind::Tool => {
                let input = serde_json::from_str(&part.text).unwrap_or_else(|_| Value::from(part.text.as_str()));
                json!({ "type": "tool_use", "id": part.id, "name": part.name, "input": input })
            }
            Kind::Text | Kind::Refusal => json!({ "type": "text", "text": part.text }),
        };
        let content: Vec<Value> = parts.iter().map(block).collect();
        json!({ "type": "message", "role": "assistant", "content": content, "stop_reason": self.why(0) })
    }

    fn response(&self, parts: &[Part]) -> Value {
        let said = |part: &Part| {
            let message = |inner: Value| json!({ "type": "message", "role": "assistant", "content": [inner] });
            match part.kind {
                Kind::Text => message(json!({ "type": "output_text", "text": part.text })),
                Kind::Refusal => message(json!({ "type": "refusal", "refusal": part.text })),
                Kind::Thought => {
                    json!({ "type": "reasoning", "summary": [{ "type": "summary_text", "text": part.text }] })
                }
                Kind::Tool => json!({
                    "type": "function_call", "call_id": part.id, "name": part.name, "arguments": part.text,
                }),
            }
        };
        let output: Vec<Value> = parts.iter().map(said).collect();
        json!({ "object": "response", "status": self.why(0), "output": output })
    }
}

/// The numbers of the choices, in order.
fn choices(parts: &[Part]) -> Vec<u64> {
    let mut choices: Vec<u64> = parts.iter().map(|part| part.choice).collect();
    choices.sort_unstable();
    choices.dedup();
    choices
}

/// The text of this kind that a choice says.
fn own(parts: &[Part], kind: Kind, choice: u64) -> Option<String> {
    let of = parts.iter().filter(|part| part.kind == kind && part.choice == choice);
    of.map(|part| part.text.clone()).reduce(|all, more| all + &more)
}

fn texts(parts: &[Part]) -> String {
    parts.iter().map(|part| part.text.as_str()).collect()
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(value: &Value, name: &str) -> u64 {
    value.get(name).and_then(Value::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer that comes of events, cut after every byte.
    fn joined(shape: Shape, events: &[Value]) -> Side {
        let mut joined = Joined::of(shape).expect("a kind with texts");
        for event in events {
            for byte in format!("data: {event}\n\n").as_bytes() {
                joined.feed(&[*byte]);
            }
        }
        joined.feed(b"data: [DONE]\n\n");
        joined.side().expect("a text")
    }

    fn whole(shape: Shape, events: &[Value]) -> Value {
        serde_json::from_str(&joined(shape, events).text).expect("JSON")
    }

    #[test]
    fn a_chat_comes_together_with_its_tools_and_its_ends() {
        let piece = |delta: Value| json!({ "choices": [{ "index": 0, "delta": delta }] });
        let events = [
            piece(json!({ "role": "assistant", "content": "" })),
            piece(json!({ "content": "Hel" })),
            piece(json!({ "content": "lo" })),
            piece(
                json!({ "tool_calls": [{ "index": 0, "id": "call_1", "function": { "name": "now", "arguments": "" } }] }),
            ),
            piece(json!({ "tool_calls": [{ "index": 0, "function": { "arguments": "{\"a\"" } }] })),
            piece(json!({ "tool_calls": [{ "index": 0, "function": { "arguments": ":1}" } }] })),
            json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }),
        ];
        let choice = &whole(Shape::Chat, &events)["choices"][0];
        assert_eq!((&choice["message"]["content"], &choice["finish_reason"]), (&json!("Hello"), &json!("stop")));
        let function = json!({ "name": "now", "arguments": "{\"a\":1}" });
        assert_eq!(
            choice["message"]["tool_calls"],
            json!([{ "id": "call_1", "type": "function", "function": function }])
        );
        let side = joined(Shape::Chat, &events);
        assert_eq!((side.size, side.is_cut), (5 + 7 + 3 + 6, false));
    }

    #[test]
    fn messages_and_responses_come_together() {
        let events = [
            json!({ "type": "message_start", "message": { "content": [] } }),
            json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
            json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "Hi" } }),
            json!({ "type": "content_block_start", "index": 1, "content_block": { "type": "tool_use", "id": "t", "name": "f", "input": {} } }),
            json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "input_json_delta", "partial_json": "{\"x\":" } }),
            json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "input_json_delta", "partial_json": "2}" } }),
            json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use" } }),
        ];
        let message = whole(Shape::Messages, &events);
        let content = json!([
            { "type": "text", "text": "Hi" },
            { "type": "tool_use", "id": "t", "name": "f", "input": { "x": 2 } },
        ]);
        assert_eq!((&message["content"], &message["stop_reason"]), (&content, &json!("tool_use")));
        let events = [
            json!({ "type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Once " }),
            json!({ "type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "more" }),
            json!({ "type": "response.output_text.done", "output_index": 0, "text": "Once more" }),
            json!({ "type": "response.completed", "response": { "status": "completed" } }),
        ];
        let response = whole(Shape::Responses, &events);
        assert_eq!(response["output"][0]["content"][0]["text"], "Once more");
        assert_eq!(response["status"], "completed");
    }

    #[test]
    fn no_more_is_held_than_the_limit() {
        let mut joined = Joined::of(Shape::Completions).expect("a kind with texts");
        let event = |text: &str| format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "text": text }] }));
        for _ in 0..200 {
            joined.feed(event(&"\u{e9}".repeat(500)).as_bytes());
            assert!(joined.held() <= LIMIT);
        }
        // An event beyond all measure is passed over.
        joined.feed(event(&"x".repeat(2 * LIMIT)).as_bytes());
        let side = joined.side().expect("a text");
        assert_eq!((side.size, side.is_cut), (200_000, true));
        assert!(side.text.len() < LIMIT + 200, "{}", side.text.len());
        assert!(Joined::of(Shape::Images).is_none());
        assert!(Joined::of(Shape::Chat).expect("a kind with texts").side().is_none(), "nothing came");
    }
}
