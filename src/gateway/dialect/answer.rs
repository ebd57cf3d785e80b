//! Answers in OpenAI's shape: the whole completion, and the chunks of a stream.

use serde::Serialize;
use serde_json::{Value, json};

use crate::gateway::{sse, usage::Usage};

/// What an answer says of itself. Time and id are the caller's to give, so that translation is a function of its input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Seconds since 1970.
    pub created: i64,
    /// The answer's id where the provider gives none, and the stem of the ids of calls where it gives those none.
    pub id: String,
    /// The model's name where the provider gives none.
    pub model: String,
}

/// Why a model stopped, in OpenAI's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    Stop,
    Length,
    ToolCalls,
    ContentFilter,
}

/// A call that the model wants made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// The text of a JSON object.
    pub arguments: String,
    /// Gemini's seal, which the caller should send back with the call.
    pub signature: Option<String>,
}

impl ToolCall {
    fn value(&self) -> Value {
        let mut value = json!({
            "id": self.id, "type": "function", "function": { "name": self.name, "arguments": self.arguments },
        });
        if let Some(signature) = &self.signature {
            value["extra_content"] = signed(signature);
        }
        value
    }
}

fn signed(signature: &str) -> Value {
    json!({ "google": { "thought_signature": signature } })
}

/// One of the answers of a whole completion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub text: Option<String>,
    pub calls: Vec<ToolCall>,
    pub finish: Finish,
}

/// The body of a whole completion.
pub fn completion(stamp: &Stamp, choices: &[Choice], usage: Usage) -> Vec<u8> {
    let choices: Vec<Value> = choices
        .iter()
        .enumerate()
        .map(|(index, choice)| {
            let mut message = json!({ "role": "assistant", "content": choice.text, "refusal": null });
            if !choice.calls.is_empty() {
                message["tool_calls"] = choice.calls.iter().map(ToolCall::value).collect();
            }
            json!({ "index": index, "message": message, "logprobs": null, "finish_reason": choice.finish })
        })
        .collect();
    json!({
        "id": stamp.id,
        "object": "chat.completion",
        "created": stamp.created,
        "model": stamp.model,
        "choices": choices,
        "usage": UsageBody::from(usage),
    })
    .to_string()
    .into_bytes()
}

#[derive(Serialize)]
struct UsageBody {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: CachedBody,
}

#[derive(Serialize)]
struct CachedBody {
    cached_tokens: u64,
}

impl From<Usage> for UsageBody {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.input_tokens,
            completion_tokens: usage.output_tokens,
            total_tokens: usage.input_tokens.saturating_add(usage.output_tokens),
            prompt_tokens_details: CachedBody { cached_tokens: usage.cached_input_tokens },
        }
    }
}

/// What a chunk adds to an answer.
#[derive(Default, Serialize)]
pub struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[CallDelta<'a>; 1]>,
}

#[derive(Serialize)]
struct CallDelta<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    function: FunctionDelta<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra_content: Option<Value>,
}

#[derive(Serialize)]
struct FunctionDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

impl<'a> Delta<'a> {
    /// The first chunk of an answer.
    pub fn role() -> Self {
        Self { role: Some("assistant"), content: Some(""), ..Self::default() }
    }

    /// More text.
    pub fn text(text: &'a str) -> Self {
        Self { content: Some(text), ..Self::default() }
    }

    /// A call begins; `index` counts the calls of the answer.
    pub fn call(index: usize, id: &'a str, name: &'a str, arguments: &'a str, signature: Option<&str>) -> Self {
        let function = FunctionDelta { name: Some(name), arguments };
        let extra_content = signature.map(signed);
        let call = CallDelta { index, id: Some(id), r#type: Some("function"), function, extra_content };
        Self { tool_calls: Some([call]), ..Self::default() }
    }

    /// More of a call's arguments.
    pub fn arguments(index: usize, arguments: &'a str) -> Self {
        let function = FunctionDelta { name: None, arguments };
        let call = CallDelta { index, id: None, r#type: None, function, extra_content: None };
        Self { tool_calls: Some([call]), ..Self::default() }
    }
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: &'a [ChunkChoice<'a>],
    /// Outer `None`: the caller asked for no usage, so that the field is not there at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<UsageBody>>,
}

#[derive(Serialize)]
struct ChunkChoice<'a> {
    index: usize,
    delta: Delta<'a>,
    logprobs: Option<()>,
    finish_reason: Option<Finish>,
}

/// Writes the chunks of one stream.
#[derive(Debug)]
pub struct Chunks {
    /// What every chunk says of the answer; must not change after the first chunk.
    pub stamp: Stamp,
    /// Whether the caller asked for usage.
    pub include_usage: bool,
}

impl Chunks {
    /// Appends a chunk of the answer `index`.
    pub fn write(&self, out: &mut Vec<u8>, index: usize, delta: Delta<'_>, finish: Option<Finish>) {
        let choice = ChunkChoice { index, delta, logprobs: None, finish_reason: finish };
        self.chunk(out, &[choice], self.include_usage.then_some(None));
    }

    /// Appends the stream's end, with usage before it if the caller asked.
    pub fn end(&self, out: &mut Vec<u8>, usage: Usage) {
        if self.include_usage {
            self.chunk(out, &[], Some(Some(usage.into())));
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn chunk(&self, out: &mut Vec<u8>, choices: &[ChunkChoice<'_>], usage: Option<Option<UsageBody>>) {
        let Stamp { created, id, model } = &self.stamp;
        let chunk = Chunk { id, object: "chat.completion.chunk", created: *created, model, choices, usage };
        if let Ok(text) = serde_json::to_string(&chunk) {
            sse::write_event(out, None, &text);
        }
    }
}
