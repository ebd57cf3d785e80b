//! Answers in OpenAI's shape: the whole completion, and the chunks of a stream.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    error::ApiError,
    view::{Text, View},
    writer::Writer,
};
use crate::dialect::usage::Usage;

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

impl Finish {
    /// The same for an answer that may hold calls.
    pub fn with_calls(self, called: bool) -> Self {
        if called && self == Self::Stop { Self::ToolCalls } else { self }
    }
}

/// A call that the model wants made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall<'a> {
    pub id: Cow<'a, str>,
    pub name: Cow<'a, str>,
    /// The text of a JSON object.
    pub arguments: Cow<'a, str>,
    /// Gemini's seal, which the caller should send back with the call.
    pub signature: Option<Cow<'a, str>>,
}

impl<'a> ToolCall<'a> {
    /// The arguments that stand in an answer as a value, without the blanks between them.
    pub fn arguments_of(value: Option<View<'a>>) -> Cow<'a, str> {
        match value.filter(|value| value.is_object()) {
            Some(object) => compact(object.text()),
            None => Cow::Borrowed("{}"),
        }
    }

    fn write(&self, out: &mut Writer) {
        out.begin_object();
        out.key("id").value(&self.id);
        out.key("type").value("function");
        out.key("function").begin_object();
        out.key("name").value(&self.name);
        out.key("arguments").value(&self.arguments);
        out.end_object();
        if let Some(signature) = &self.signature {
            out.key("extra_content").value(signed(signature));
        }
        out.end_object();
    }
}

/// A JSON text without the blanks between its values.
fn compact(text: &str) -> Cow<'_, str> {
    let kept = || {
        let (mut inside, mut escaped) = (false, false);
        move |byte: &u8| {
            let blank = !inside && matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
            inside ^= *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            !blank
        }
    };
    if text.as_bytes().iter().all(kept()) {
        return Cow::Borrowed(text);
    }
    // Blanks are single bytes, so that what is left is a text.
    let bytes = text.as_bytes().iter().copied().filter(kept());
    String::from_utf8(bytes.collect()).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The longest id or model's name of a provider that is taken over, for it stands in every chunk of a stream.
const MAX_NAME: usize = 256;

/// A name that a provider gives its answer, if it can be one.
pub fn name(view: Option<View<'_>>) -> Option<String> {
    view?.as_str().filter(|name| name.len() <= MAX_NAME).map(Cow::into_owned)
}

fn signed(signature: &str) -> Value {
    json!({ "google": { "thought_signature": signature } })
}

/// Writes the body of a whole completion: its choices, then the end.
pub struct Completion(Writer, usize);

impl Completion {
    /// A completion of about so many bytes.
    pub fn begin(stamp: &Stamp, bytes: usize) -> Self {
        let mut out = Writer::sized(bytes + 1024);
        out.begin_object();
        out.key("id").value(&stamp.id);
        out.key("object").value("chat.completion");
        out.key("created").value(stamp.created);
        out.key("model").value(&stamp.model);
        out.key("choices").begin_array();
        Self(out, 0)
    }

    /// One of the answers. One without text is written without if it has calls.
    pub fn choice<'a>(
        &mut self,
        texts: impl Iterator<Item = Text<'a>>,
        calls: impl Iterator<Item = Result<ToolCall<'a>, ApiError>>,
        finish: impl FnOnce(bool) -> Finish,
    ) -> Result<(), ApiError> {
        let Self(out, index) = self;
        let (mut texts, mut calls) = (texts.peekable(), calls.peekable());
        let called = calls.peek().is_some();
        out.begin_object();
        out.key("index").value(*index);
        out.key("message").begin_object();
        out.key("role").value("assistant");
        out.key("content");
        if called && texts.peek().is_none() {
            out.value(None::<&str>);
        } else {
            out.begin_text();
            texts.for_each(|text| out.more(text.written()));
            out.end_text();
        }
        out.key("refusal").value(None::<&str>);
        if called {
            out.key("tool_calls").begin_array();
            for call in calls {
                call?.write(out);
            }
            out.end_array();
        }
        out.end_object();
        out.key("logprobs").value(None::<&str>);
        out.key("finish_reason").value(finish(called));
        out.end_object();
        *index += 1;
        Ok(())
    }

    /// The whole body. `thoughts` are the tokens of the output that nobody sees, where the provider counts them apart.
    pub fn end(self, usage: Usage, thoughts: Option<u64>) -> Vec<u8> {
        let Self(mut out, _) = self;
        out.end_array();
        out.key("usage").value(UsageBody::new(usage, thoughts));
        out.end_object();
        out.finish()
    }
}

#[derive(Serialize)]
struct UsageBody {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: CachedBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens_details: Option<ReasoningBody>,
}

#[derive(Serialize)]
struct CachedBody {
    cached_tokens: u64,
}

#[derive(Serialize)]
struct ReasoningBody {
    reasoning_tokens: u64,
}

impl UsageBody {
    fn new(usage: Usage, thoughts: Option<u64>) -> Self {
        Self {
            prompt_tokens: usage.input_tokens,
            completion_tokens: usage.output_tokens,
            total_tokens: usage.input_tokens.saturating_add(usage.output_tokens),
            prompt_tokens_details: CachedBody { cached_tokens: usage.cached_input_tokens },
            completion_tokens_details: thoughts.map(|reasoning_tokens| ReasoningBody { reasoning_tokens }),
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

    /// Appends the stream's end, with usage before it if the caller asked. `thoughts` as in [`Completion::end`].
    pub fn end(&self, out: &mut Vec<u8>, usage: Usage, thoughts: Option<u64>) {
        if self.include_usage {
            self.chunk(out, &[], Some(Some(UsageBody::new(usage, thoughts))));
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn chunk(&self, out: &mut Vec<u8>, choices: &[ChunkChoice<'_>], usage: Option<Option<UsageBody>>) {
        let Stamp { created, id, model } = &self.stamp;
        let chunk = Chunk { id, object: "chat.completion.chunk", created: *created, model, choices, usage };
        // One line, for JSON has no line breaks but between its values.
        out.extend_from_slice(b"data: ");
        let _ = serde_json::to_writer(&mut *out, &chunk);
        out.extend_from_slice(b"\n\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_go_from_between_values_and_stay_within_texts() {
        assert_eq!(compact("{ \"a b\" :\n[1, \"\\\" x\", \"\\\\\" ] }"), "{\"a b\":[1,\"\\\" x\",\"\\\\\"]}");
        assert!(matches!(compact("{\"a\":\"b c\"}"), Cow::Borrowed(_)));
    }
}
