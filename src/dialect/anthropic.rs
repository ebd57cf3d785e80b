//! Anthropic's Messages (`anthropic-version: 2023-06-01`).
//!
//! What its server would refuse is settled before (`accepts/anthropic.rs`). What has no counterpart is decided as Anthropic's own compatibility layer does where it has a rule: temperature above
//! 1 is taken as 1, `seed` and a function's `strict` are hints that are not passed on, and system messages are put
//! together before the conversation, wherever they stood in it.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::{
    Answer, ApiError, Stamp,
    accepts::anthropic::{Settled, Thinking, settle, write_schema},
    answer::{self, Chunks, Completion, Delta, Finish, ToolCall},
    error,
    request::{ChatRequest, ContentPart, ContentSource, Format, ToolChoice, Turn},
    stream::Translate,
    view::View,
    writer::Writer,
};
use crate::dialect::{
    sse::Event,
    usage::{AnthropicUsage, Progress, Usage},
};

pub(super) const VERSION: &str = "2023-06-01";
/// The longest `anthropic-beta` header, in bytes.
const MAX_BETA: usize = 1024;

/// Puts the caller's `anthropic-version` and `anthropic-beta` into a request. Fails with 400 `invalid_parameter`.
pub(super) fn hand_on(headers: &mut HeaderMap, version: Option<&str>, beta: Option<&str>) -> Result<(), ApiError> {
    for (name, value, most) in [("anthropic-version", version, 32), ("anthropic-beta", beta, MAX_BETA)] {
        let Some(value) = value else { continue };
        let plain = value.len() <= most
            && value
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b',' | b' ' | b'_'));
        let value = HeaderValue::try_from(value)
            .ok()
            .filter(|_| plain)
            .ok_or_else(|| ApiError::invalid(name, format!("The header `{name}` is not valid.")))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(())
}

pub(super) const PATH: &str = "/messages";

const LABEL: &str = "Anthropic";

/// The body of the request, for a caller's body of so many bytes.
pub(super) fn request(mut chat: ChatRequest<'_>, model: &str, stream: bool, bytes: usize) -> Result<Vec<u8>, ApiError> {
    let Settled { max_tokens, thinking } = settle(&mut chat, model)?;
    let chat = &chat;
    let mut out = Writer::sized(bytes + 1024);
    out.begin_object();
    out.key("model").value(model);
    out.key("max_tokens").value(max_tokens);
    messages(out.key("messages"), chat)?;
    if stream {
        out.key("stream").value(true);
    }
    if !chat.system.is_empty() {
        blocks(out.key("system"), &chat.system)?;
    }
    if let Some(temperature) = chat.temperature {
        let above = temperature.as_f64().is_some_and(|value| value > 1.0);
        out.key("temperature").json(if above { "1" } else { temperature.text() });
    }
    if let Some(top_p) = chat.top_p {
        out.key("top_p").view(top_p);
    }
    if let Some(top_k) = chat.top_k {
        out.key("top_k").value(top_k);
    }
    if !chat.stop.is_empty() {
        out.key("stop_sequences").begin_array();
        chat.stop.iter().for_each(|text| out.text(*text));
        out.end_array();
    }
    if let Some(user) = chat.user {
        out.key("metadata").begin_object();
        out.key("user_id").text(user);
        out.end_object();
    }
    match thinking {
        Thinking::Off => {}
        Thinking::Budget(tokens) => {
            out.key("thinking").value(json!({ "type": "enabled", "budget_tokens": tokens }));
        }
        Thinking::Effort(_) => out.key("thinking").value(json!({ "type": "adaptive" })),
    }
    let effort = match thinking {
        Thinking::Effort(word) => Some(word),
        _ => None,
    };
    let schema = match chat.format {
        Format::Schema(schema) => Some(schema),
        Format::Text | Format::Json => None,
    };
    if effort.is_some() || schema.is_some() {
        out.key("output_config").begin_object();
        if let Some(word) = effort {
            out.key("effort").value(word);
        }
        if let Some(schema) = schema {
            out.key("format").begin_object();
            out.key("type").value("json_schema");
            out.key("schema").view(schema);
            out.end_object();
        }
        out.end_object();
    }
    if !chat.tools.is_empty() {
        out.key("tools").begin_array();
        for tool in &chat.tools {
            out.begin_object();
            out.key("name").value(&tool.name);
            write_schema(out.key("input_schema"), tool.parameters);
            if let Some(description) = tool.description {
                out.key("description").text(description);
            }
            cached(&mut out, tool.cache_control);
            out.end_object();
        }
        out.end_array();
        if let Some(choice) = tool_choice(chat) {
            out.key("tool_choice").value(choice);
        }
    }
    out.end_object();
    Ok(out.finish())
}

fn tool_choice(chat: &ChatRequest<'_>) -> Option<Value> {
    let one_at_a_time = chat.parallel_tool_calls == Some(false);
    let mut choice = match &chat.tool_choice {
        ToolChoice::None => return Some(json!({ "type": "none" })),
        ToolChoice::Unset if !one_at_a_time => return None,
        ToolChoice::Unset | ToolChoice::Auto => json!({ "type": "auto" }),
        ToolChoice::Required => json!({ "type": "any" }),
        ToolChoice::Function(name) => json!({ "type": "tool", "name": name }),
    };
    if one_at_a_time {
        choice["disable_parallel_tool_use"] = true.into();
    }
    Some(choice)
}

/// The turns. Roles must alternate and all results of parallel calls must stand in one message, so neighbours of the
/// same role become one.
fn messages(out: &mut Writer, chat: &ChatRequest<'_>) -> Result<(), ApiError> {
    let mut open = None;
    out.begin_array();
    for turn in chat.turns.iter().filter(|turn| !turn.is_empty()) {
        let role = if matches!(turn, Turn::Assistant { .. }) { "assistant" } else { "user" };
        if open != Some(role) {
            if open.replace(role).is_some() {
                end_message(out);
            }
            out.begin_object();
            out.key("role").value(role);
            out.key("content").begin_array();
        }
        match turn {
            Turn::User(parts) => parts.iter().try_for_each(|part| block(out, part))?,
            Turn::Assistant { parts, calls } => {
                parts.iter().try_for_each(|part| block(out, part))?;
                for call in calls {
                    out.begin_object();
                    out.key("type").value("tool_use");
                    out.key("id").value(&call.id);
                    out.key("name").value(&call.name);
                    out.key("input").json(call.arguments().trim_ascii());
                    cached(out, call.cache_control);
                    out.end_object();
                }
            }
            Turn::ToolResult { id, parts, cache_control, .. } => {
                out.begin_object();
                out.key("type").value("tool_result");
                out.key("tool_use_id").value(id);
                if !parts.is_empty() {
                    blocks(out.key("content"), parts)?;
                }
                cached(out, *cache_control);
                out.end_object();
            }
        }
    }
    if open.is_none() {
        return Err(ApiError::invalid("messages", "All messages are empty."));
    }
    end_message(out);
    out.end_array();
    Ok(())
}

fn end_message(out: &mut Writer) {
    out.end_array();
    out.end_object();
}

fn blocks(out: &mut Writer, parts: &[ContentPart<'_>]) -> Result<(), ApiError> {
    out.begin_array();
    parts.iter().try_for_each(|part| block(out, part))?;
    out.end_array();
    Ok(())
}

fn block(out: &mut Writer, part: &ContentPart<'_>) -> Result<(), ApiError> {
    out.begin_object();
    match part {
        ContentPart::Text { text, cache_control } => {
            out.key("type").value("text");
            out.key("text").text(*text);
            cached(out, *cache_control);
        }
        ContentPart::Image { source, cache_control } => {
            out.key("type").value("image");
            source_block(out, source);
            cached(out, *cache_control);
        }
        ContentPart::File { name, source, cache_control } => {
            if matches!(source, ContentSource::Inline { mime, .. } if &**mime != "application/pdf") {
                return Err(ApiError::unsupported("messages.content.file", LABEL));
            }
            out.key("type").value("document");
            source_block(out, source);
            if let Some(name) = name {
                out.key("title").text(*name);
            }
            cached(out, *cache_control);
        }
    }
    out.end_object();
    Ok(())
}

fn source_block(out: &mut Writer, source: &ContentSource<'_>) {
    out.key("source").begin_object();
    match source {
        ContentSource::Url(url) => {
            out.key("type").value("url");
            out.key("url").text(*url);
        }
        ContentSource::Inline { mime, base64 } => {
            out.key("type").value("base64");
            out.key("media_type").value(if &**mime == "image/jpg" { "image/jpeg" } else { mime });
            out.key("data").written(base64);
        }
    }
    out.end_object();
}

fn cached(out: &mut Writer, cache_control: Option<View<'_>>) {
    if let Some(cache_control) = cache_control {
        out.key("cache_control").view(cache_control);
    }
}

fn finish(stop_reason: &str) -> Finish {
    match stop_reason {
        "max_tokens" | "model_context_window_exceeded" => Finish::Length,
        "tool_use" => Finish::ToolCalls,
        "refusal" => Finish::ContentFilter,
        // end_turn, stop_sequence, pause_turn, and whatever comes later.
        _ => Finish::Stop,
    }
}

/// A whole answer in OpenAI's shape. Thinking and blocks of the provider's own tools are left out.
pub(super) fn whole(body: &[u8], mut stamp: Stamp) -> Result<Answer, ApiError> {
    let message = super::answer_view(body)?;
    let [id, model, content, stop_reason, usage] = message.pick(["id", "model", "content", "stop_reason", "usage"]);
    let stop_reason = stop_reason.and_then(View::as_str).ok_or_else(ApiError::bad_answer)?;
    stamp.id = answer::name(id).unwrap_or(stamp.id);
    stamp.model = answer::name(model).unwrap_or(stamp.model);
    let content = content.unwrap_or(View::NULL);
    let texts = content.elements().filter_map(|block| {
        let [kind, text] = block.pick(["type", "text"]);
        text.filter(|_| kind.is_some_and(|kind| kind.says("text")))?.as_text()
    });
    let calls = content.elements().filter_map(|block| {
        let [kind, id, name, input] = block.pick(["type", "id", "name", "input"]);
        kind.filter(|kind| kind.says("tool_use")).map(|_| call(id, name, input))
    });
    let usage = usage.and_then(View::read::<AnthropicUsage>).map(Usage::from);
    let mut completion = Completion::begin(&stamp, body.len());
    completion.choice(texts, calls, |_| finish(&stop_reason))?;
    Ok(Answer { body: completion.end(usage.unwrap_or_default(), None).into(), usage, failed: None })
}

fn call<'a>(id: Option<View<'a>>, name: Option<View<'a>>, input: Option<View<'a>>) -> Result<ToolCall<'a>, ApiError> {
    let arguments = ToolCall::arguments_of(input);
    Ok(ToolCall { id: needed(id)?, name: needed(name)?, arguments, signature: None })
}

/// A text that an answer must have.
fn needed(value: Option<View<'_>>) -> Result<Cow<'_, str>, ApiError> {
    value.and_then(View::as_str).ok_or_else(ApiError::bad_answer)
}

/// Translates a stream: message_start, then content_block_start, _delta and _stop for each block, message_delta with the
/// stop reason, message_stop; ping anywhere, error instead of the rest.
#[derive(Debug)]
pub(super) struct Stream {
    chunks: Chunks,
    begun: bool,
    /// Calls so far.
    calls: usize,
    /// The call whose block is open.
    open: Option<OpenCall>,
    finish: Option<Finish>,
    usage: AnthropicUsage,
    counted: bool,
}

#[derive(Debug)]
struct OpenCall {
    block: u64,
    index: usize,
    /// What the call is if no further piece of arguments comes.
    whole_input: Option<String>,
}

/// The most bytes of a call's arguments that are kept until it is known whether more of them come.
const MAX_INPUT: usize = 64 << 10;

impl Stream {
    pub(super) fn new(chunks: Chunks) -> Self {
        Self {
            chunks,
            begun: false,
            calls: 0,
            open: None,
            finish: None,
            usage: AnthropicUsage::default(),
            counted: false,
        }
    }

    fn count(&mut self, usage: Option<View<'_>>) {
        if let Some(usage) = usage.and_then(View::read) {
            self.usage.update(usage);
            self.counted = true;
        }
    }

    fn write(&mut self, out: &mut Vec<u8>, delta: Delta<'_>) {
        self.begin(out);
        self.chunks.write(out, 0, delta, None);
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.begun, true) {
            self.chunks.write(out, 0, Delta::role(), None);
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if let Some(OpenCall { index, whole_input: Some(input), .. }) = self.open.take() {
            self.write(out, Delta::arguments(index, &input));
        }
    }

    fn set_finish(&mut self, out: &mut Vec<u8>, finish: Finish) {
        if self.finish.replace(finish).is_none() {
            self.close(out);
            self.begin(out);
            self.chunks.write(out, 0, Delta::default(), Some(finish));
        }
    }
}

impl Stream {
    fn block_begins(&mut self, index: u64, block: View<'_>, out: &mut Vec<u8>) -> Result<(), ApiError> {
        self.close(out);
        let [kind, text, id, name, input] = block.pick(["type", "text", "id", "name", "input"]);
        match kind.and_then(View::as_str).as_deref() {
            Some("text") => {
                if let Some(text) = text.and_then(View::as_str).filter(|text| !text.is_empty()) {
                    self.write(out, Delta::text(&text));
                }
            }
            Some("tool_use") => {
                let call = call(id, name, input)?;
                if call.arguments.len() > MAX_INPUT {
                    return Err(ApiError::bad_answer());
                }
                self.write(out, Delta::call(self.calls, &call.id, &call.name, "", None));
                let whole_input = Some(call.arguments.into_owned());
                self.open = Some(OpenCall { block: index, index: self.calls, whole_input });
                self.calls += 1;
            }
            _ => {}
        }
        Ok(())
    }

    fn block_goes_on(&mut self, index: u64, delta: View<'_>, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let [kind, text, json] = delta.pick(["type", "text", "partial_json"]);
        match kind.and_then(View::as_str).as_deref() {
            Some("text_delta") => self.write(out, Delta::text(&needed(text)?)),
            Some("input_json_delta") => {
                let more = needed(json)?;
                if let Some(open) = self.open.as_mut().filter(|open| open.block == index && !more.is_empty()) {
                    open.whole_input = None;
                    let call = open.index;
                    self.write(out, Delta::arguments(call, &more));
                }
            }
            Some(_) => {}
            None => return Err(ApiError::bad_answer()),
        }
        Ok(())
    }
}

impl Translate for Stream {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<Progress, ApiError> {
        let view = super::event_view(event)?;
        let [kind, message, index, block, delta, usage] =
            view.pick(["type", "message", "index", "content_block", "delta", "usage"]);
        let number = |value: Option<View<'_>>| value.and_then(View::as_u64).ok_or_else(ApiError::bad_answer);
        match &*needed(kind)? {
            "message_start" if !self.begun => {
                let [id, model, usage] = message.ok_or_else(ApiError::bad_answer)?.pick(["id", "model", "usage"]);
                if let Some(id) = answer::name(id) {
                    self.chunks.stamp.id = id;
                }
                if let Some(model) = answer::name(model) {
                    self.chunks.stamp.model = model;
                }
                self.count(usage);
                self.begin(out);
            }
            "content_block_start" => {
                self.block_begins(number(index)?, block.ok_or_else(ApiError::bad_answer)?, out)?;
            }
            "content_block_delta" => {
                self.block_goes_on(number(index)?, delta.ok_or_else(ApiError::bad_answer)?, out)?;
            }
            "content_block_stop" => {
                let index = number(index)?;
                if self.open.as_ref().is_some_and(|open| open.block == index) {
                    self.close(out);
                }
            }
            "message_delta" => {
                self.count(usage);
                let delta = delta.ok_or_else(ApiError::bad_answer)?;
                if let Some(reason) = delta.get("stop_reason").and_then(View::as_str) {
                    self.set_finish(out, finish(&reason));
                }
            }
            "message_stop" => {
                self.set_finish(out, Finish::Stop);
                self.chunks.end(out, self.usage.into(), None);
                return Ok(Progress::Complete);
            }
            "error" => return Err(error::stream_error(event.data.as_bytes())),
            _ => {}
        }
        Ok(Progress::Running)
    }

    fn end(&mut self, _out: &mut Vec<u8>) -> Result<(), ApiError> {
        Err(ApiError::broken_stream())
    }

    fn usage(&self) -> Option<Usage> {
        self.counted.then(|| self.usage.into())
    }
}
