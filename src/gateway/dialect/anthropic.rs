//! Anthropic's Messages (`anthropic-version: 2023-06-01`).
//!
//! What has no counterpart is decided as Anthropic's own compatibility layer does where it has a rule: temperature above
//! 1 is taken as 1, `seed` and a function's `strict` are hints that are not passed on, and system messages are put
//! together before the conversation, wherever they stood in it.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Answer, ApiError, Stamp,
    answer::{self, Choice, Chunks, Delta, Finish, ToolCall},
    error,
    request::{ChatRequest, Format, Part, Source, ToolChoice, Turn},
    stream::Translate,
};
use crate::gateway::{
    sse::Event,
    usage::{AnthropicUsage, Progress, Usage},
};

pub(super) const VERSION: &str = "2023-06-01";
pub(super) const PATH: &str = "/messages";

/// Anthropic needs a bound on the answer; this one stands where the caller gave none. Every model allows it.
const DEFAULT_MAX_TOKENS: u64 = 4096;

const LABEL: &str = "Anthropic";

/// The body of the request.
pub(super) fn request(chat: &ChatRequest<'_>, model: &str, stream: bool) -> Result<Value, ApiError> {
    if chat.n != 1 {
        return Err(ApiError::unsupported("n", LABEL));
    }
    if chat.presence_penalty.is_some() {
        return Err(ApiError::unsupported("presence_penalty", LABEL));
    }
    if chat.frequency_penalty.is_some() {
        return Err(ApiError::unsupported("frequency_penalty", LABEL));
    }
    let mut body = json!({
        "model": model,
        "max_tokens": chat.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS),
        "messages": messages(chat)?,
    });
    if stream {
        body["stream"] = true.into();
    }
    if !chat.system.is_empty() {
        body["system"] = blocks(&chat.system)?.into();
    }
    if let Some(temperature) = chat.temperature {
        let above = temperature.as_f64().is_some_and(|value| value > 1.0);
        body["temperature"] = if above { 1.into() } else { temperature.clone().into() };
    }
    if let Some(top_p) = chat.top_p {
        body["top_p"] = top_p.clone().into();
    }
    if let Some(top_k) = chat.top_k {
        body["top_k"] = top_k.into();
    }
    if !chat.stop.is_empty() {
        body["stop_sequences"] = chat.stop.clone().into();
    }
    if let Some(user) = chat.user {
        body["metadata"] = json!({ "user_id": user });
    }
    match chat.format {
        Format::Text => {}
        // An instruction to answer in JSON would be no promise, and a schema without properties lets nothing through.
        Format::Json => {
            return Err(ApiError {
                message: "`response_format` of the type json_object cannot be translated for Anthropic, which has no \
                          such mode. Send the type json_schema with the schema of the answer instead."
                    .into(),
                ..ApiError::unsupported("response_format", LABEL)
            });
        }
        Format::Schema(schema) => {
            body["output_config"] = json!({ "format": { "type": "json_schema", "schema": schema } });
        }
    }
    if !chat.tools.is_empty() {
        body["tools"] = chat
            .tools
            .iter()
            .map(|tool| {
                let mut value = json!({ "name": tool.name });
                value["input_schema"] = match tool.parameters {
                    Some(schema) => schema.clone(),
                    None => json!({ "type": "object", "properties": {} }),
                };
                if let Some(description) = tool.description {
                    value["description"] = description.into();
                }
                cached(value, tool.cache_control)
            })
            .collect();
        if let Some(choice) = tool_choice(chat) {
            body["tool_choice"] = choice;
        }
    }
    Ok(body)
}

fn tool_choice(chat: &ChatRequest<'_>) -> Option<Value> {
    let one_at_a_time = chat.parallel_tool_calls == Some(false);
    let mut choice = match chat.tool_choice {
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
fn messages(chat: &ChatRequest<'_>) -> Result<Vec<Value>, ApiError> {
    let mut all: Vec<(&str, Vec<Value>)> = Vec::new();
    for turn in &chat.turns {
        let (role, content) = match turn {
            Turn::User(parts) => ("user", blocks(parts)?),
            Turn::Assistant { parts, calls } => {
                let mut content = blocks(parts)?;
                content.extend(calls.iter().map(
                    |call| json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments }),
                ));
                ("assistant", content)
            }
            Turn::ToolResult { id, parts, .. } => {
                let mut result = json!({ "type": "tool_result", "tool_use_id": id });
                if !parts.is_empty() {
                    result["content"] = blocks(parts)?.into();
                }
                ("user", vec![result])
            }
        };
        match all.last_mut() {
            Some((last, before)) if *last == role => before.extend(content),
            _ if content.is_empty() => {}
            _ => all.push((role, content)),
        }
    }
    if all.is_empty() {
        return Err(ApiError::invalid("messages", "All messages are empty."));
    }
    Ok(all.into_iter().map(|(role, content)| json!({ "role": role, "content": content })).collect())
}

fn blocks(parts: &[Part<'_>]) -> Result<Vec<Value>, ApiError> {
    parts
        .iter()
        .map(|part| {
            Ok(match part {
                Part::Text { text, cache_control } => cached(json!({ "type": "text", "text": text }), *cache_control),
                Part::Image { source, cache_control } => {
                    cached(json!({ "type": "image", "source": source_block(*source) }), *cache_control)
                }
                Part::File { name, source } => {
                    if !matches!(source, Source::Url(_) | Source::Inline { mime: "application/pdf", .. }) {
                        return Err(ApiError::unsupported("messages.content.file", LABEL));
                    }
                    let mut block = json!({ "type": "document", "source": source_block(*source) });
                    if let Some(name) = name {
                        block["title"] = (*name).into();
                    }
                    block
                }
            })
        })
        .collect()
}

fn source_block(source: Source<'_>) -> Value {
    match source {
        Source::Url(url) => json!({ "type": "url", "url": url }),
        Source::Inline { mime, base64 } => {
            let mime = if mime == "image/jpg" { "image/jpeg" } else { mime };
            json!({ "type": "base64", "media_type": mime, "data": base64 })
        }
    }
}

fn cached(mut block: Value, cache_control: Option<&Value>) -> Value {
    if let Some(cache_control) = cache_control {
        block["cache_control"] = cache_control.clone();
    }
    block
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

#[derive(Deserialize)]
struct Message {
    id: Option<String>,
    model: Option<String>,
    #[serde(default)]
    content: Vec<Value>,
    stop_reason: Option<String>,
    usage: Option<AnthropicUsage>,
}

/// A whole answer in OpenAI's shape. Thinking and blocks of the provider's own tools are left out.
pub(super) fn whole(body: &[u8], mut stamp: Stamp) -> Result<Answer, ApiError> {
    let message: Message = serde_json::from_slice(body).map_err(|_| ApiError::bad_answer())?;
    let Some(stop_reason) = &message.stop_reason else { return Err(ApiError::bad_answer()) };
    let (mut text, mut calls) = (None::<String>, Vec::new());
    for block in &message.content {
        match block.get("type").and_then(Value::as_str) {
            Some("text") => {
                let more = block.get("text").and_then(Value::as_str).unwrap_or("");
                text.get_or_insert_default().push_str(more);
            }
            Some("tool_use") => calls.push(ToolCall {
                id: block_text(block, "id")?.to_owned(),
                name: block_text(block, "name")?.to_owned(),
                arguments: block.get("input").filter(|input| input.is_object()).map_or("{}".into(), Value::to_string),
                signature: None,
            }),
            _ => {}
        }
    }
    stamp.id = message.id.unwrap_or(stamp.id);
    stamp.model = message.model.unwrap_or(stamp.model);
    if calls.is_empty() {
        text.get_or_insert_default();
    }
    let usage = message.usage.map(Usage::from);
    let choice = Choice { text, calls, finish: finish(stop_reason) };
    Ok(Answer { body: answer::completion(&stamp, &[choice], usage.unwrap_or_default()).into(), usage })
}

fn block_text<'a>(block: &'a Value, name: &str) -> Result<&'a str, ApiError> {
    block.get(name).and_then(Value::as_str).ok_or_else(ApiError::bad_answer)
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
    whole_input: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum StreamEvent {
    MessageStart {
        message: Message,
    },
    ContentBlockStart {
        index: u64,
        content_block: Value,
    },
    ContentBlockDelta {
        index: u64,
        delta: BlockDelta,
    },
    ContentBlockStop {
        index: u64,
    },
    MessageDelta {
        delta: MessageDelta,
        usage: Option<AnthropicUsage>,
    },
    MessageStop,
    Error,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum BlockDelta {
    TextDelta {
        text: String,
    },
    InputJsonDelta {
        partial_json: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct MessageDelta {
    stop_reason: Option<String>,
}

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

    fn count(&mut self, usage: Option<AnthropicUsage>) {
        if let Some(usage) = usage {
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
            self.write(out, Delta::arguments(index, &Value::Object(input).to_string()));
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

impl Translate for Stream {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<Progress, ApiError> {
        let parsed: StreamEvent = serde_json::from_str(&event.data).map_err(|_| ApiError::bad_answer())?;
        match parsed {
            StreamEvent::MessageStart { message } if !self.begun => {
                if let Some(id) = message.id {
                    self.chunks.stamp.id = id;
                }
                if let Some(model) = message.model {
                    self.chunks.stamp.model = model;
                }
                self.count(message.usage);
                self.begin(out);
            }
            StreamEvent::ContentBlockStart { index: block, content_block } => {
                self.close(out);
                match content_block.get("type").and_then(Value::as_str) {
                    Some("text") => {
                        if let Some(text) =
                            content_block.get("text").and_then(Value::as_str).filter(|it| !it.is_empty())
                        {
                            self.write(out, Delta::text(text));
                        }
                    }
                    Some("tool_use") => {
                        let (id, name) = (block_text(&content_block, "id")?, block_text(&content_block, "name")?);
                        let index = self.calls;
                        self.calls += 1;
                        self.write(out, Delta::call(index, id, name, "", None));
                        let input = content_block.get("input").and_then(Value::as_object).cloned();
                        self.open = Some(OpenCall { block, index, whole_input: Some(input.unwrap_or_default()) });
                    }
                    _ => {}
                }
            }
            StreamEvent::ContentBlockDelta { index, delta } => match delta {
                BlockDelta::TextDelta { text } => self.write(out, Delta::text(&text)),
                BlockDelta::InputJsonDelta { partial_json } if !partial_json.is_empty() => {
                    if let Some(open) = self.open.as_mut().filter(|open| open.block == index) {
                        open.whole_input = None;
                        let call = open.index;
                        self.write(out, Delta::arguments(call, &partial_json));
                    }
                }
                BlockDelta::InputJsonDelta { .. } | BlockDelta::Other => {}
            },
            StreamEvent::ContentBlockStop { index } => {
                if self.open.as_ref().is_some_and(|open| open.block == index) {
                    self.close(out);
                }
            }
            StreamEvent::MessageDelta { delta, usage } => {
                self.count(usage);
                if let Some(reason) = delta.stop_reason {
                    self.set_finish(out, finish(&reason));
                }
            }
            StreamEvent::MessageStop => {
                self.set_finish(out, Finish::Stop);
                self.chunks.end(out, self.usage.into());
                return Ok(Progress::Complete);
            }
            StreamEvent::Error => {
                return Err(error::stream_error(&serde_json::from_str(&event.data).unwrap_or(Value::Null)));
            }
            StreamEvent::MessageStart { .. } | StreamEvent::Other => {}
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
