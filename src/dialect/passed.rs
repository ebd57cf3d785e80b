//! Interfaces that are handed on as they are: the caller's bytes with the model's name replaced, the provider's as they
//! come. What is read on the way is what was used, and whether the answer is one.

use bytes::Bytes;
use http::{Method, header};

use super::{
    Answer, ApiError, ChatStream, Head, ModelTarget, UpstreamRequest, anthropic, check_model, form::FormKind, openai,
    upstream_error, usage::StreamKind,
};
use crate::{
    kernel::provider::{
        Dialect,
        Provider::{self, AzureOpenAi, Groq, Mistral, Ollama, OpenAi, OpenAiCompatible, OpenRouter},
    },
    server::outgoing::encode_segment,
};

/// One interface, and who has it.
#[derive(Debug)]
pub struct Interface {
    /// For sentences, such as `Embeddings API`.
    name: &'static str,
    path: &'static str,
    /// Azure puts the model into the address, as it does for chat completions. Its newer interfaces are like OpenAI's.
    deployed: bool,
    has: &'static [Provider],
    /// What its streams are made of, if it has any.
    streams: Option<StreamKind>,
    /// Whether what the answer says was used is counted.
    counts: bool,
    answers: Answers,
}

/// What a good answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    Object,
    /// An object, or plain text if the caller wants it so.
    Text,
    /// A sound, in pieces, or events with pieces of it.
    Sound,
}

const DEFAULT: Interface =
    Interface { name: "", path: "", deployed: true, has: &[], streams: None, counts: true, answers: Answers::Object };

/// The older completions, without a chat.
pub static COMPLETIONS: Interface = Interface {
    name: "Completions API",
    path: "/completions",
    has: &[OpenAi, AzureOpenAi, OpenRouter, Ollama, OpenAiCompatible],
    streams: Some(StreamKind::OpenAi),
    ..DEFAULT
};
pub static EMBEDDINGS: Interface = Interface {
    name: "Embeddings API",
    path: "/embeddings",
    has: &[OpenAi, AzureOpenAi, Mistral, OpenRouter, Ollama, OpenAiCompatible],
    ..DEFAULT
};
pub static RESPONSES: Interface = Interface {
    name: "Responses API",
    path: "/responses",
    deployed: false,
    has: &[OpenAi, AzureOpenAi, Groq, OpenRouter, Ollama, OpenAiCompatible],
    streams: Some(StreamKind::Typed),
    ..DEFAULT
};
/// Answers that were given before. What they used was counted then.
static STORED: Interface = Interface {
    name: "store of responses",
    path: "/responses",
    deployed: false,
    has: &[OpenAi, AzureOpenAi, OpenAiCompatible],
    streams: Some(StreamKind::Typed),
    counts: false,
    answers: Answers::Object,
};
pub static MODERATIONS: Interface = Interface {
    name: "Moderations API",
    path: "/moderations",
    has: &[OpenAi, Mistral, OpenAiCompatible],
    counts: false,
    ..DEFAULT
};
pub static IMAGES: Interface = Interface {
    name: "Images API",
    path: "/images/generations",
    has: &[OpenAi, AzureOpenAi, OpenAiCompatible],
    streams: Some(StreamKind::Typed),
    ..DEFAULT
};
pub static SPEECH: Interface = Interface {
    name: "Speech API",
    path: "/audio/speech",
    has: &[OpenAi, AzureOpenAi, Groq, OpenAiCompatible],
    streams: Some(StreamKind::Typed),
    answers: Answers::Sound,
    ..DEFAULT
};
pub static TRANSCRIPTIONS: Interface = Interface {
    name: "Transcriptions API",
    path: "/audio/transcriptions",
    has: &[OpenAi, AzureOpenAi, Groq, Mistral, OpenAiCompatible],
    streams: Some(StreamKind::Typed),
    answers: Answers::Text,
    ..DEFAULT
};
pub static RERANK: Interface =
    Interface { name: "Rerank API", path: "/rerank", has: &[OpenRouter, OpenAiCompatible], ..DEFAULT };

/// Anthropic's count of tokens. Nothing is used by it.
pub static TOKENS: Interface = Interface {
    name: "count of tokens",
    path: "/messages/count_tokens",
    has: &[Provider::Anthropic],
    counts: false,
    ..DEFAULT
};

/// What is asked of an answer that the provider keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    Get,
    Delete,
    Cancel,
    InputItems,
}

/// Reads the answers of an interface.
#[derive(Clone, Copy, Debug)]
pub struct Passed {
    interface: &'static Interface,
    streamed: bool,
    hide_usage: bool,
}

impl Interface {
    fn of(&'static self, target: &ModelTarget<'_>) -> Result<(), ApiError> {
        if self.has.contains(&target.provider) {
            return Ok(());
        }
        Err(ApiError::no_such_interface(target.provider.label(), self.name, ""))
    }

    fn path(&self, target: &ModelTarget<'_>) -> Result<std::borrow::Cow<'static, str>, ApiError> {
        if target.provider.dialect() != Dialect::Azure {
            return Ok(self.path.into());
        }
        if !self.deployed {
            return Ok(format!("/openai/v1{}", self.path).into());
        }
        if target.model.is_empty() {
            return Err(ApiError::no_model());
        }
        Ok(openai::deployment_path(target, self.path).into())
    }
}

/// Builds the provider's request: the caller's body, a JSON object or the form of this kind, with the model's name
/// replaced. Fails with 400 `unsupported_provider` if the provider has no such interface.
pub fn passed(
    target: &ModelTarget<'_>,
    interface: &'static Interface,
    body: &Bytes,
    head: &Head<'_>,
    form: Option<&FormKind>,
) -> Result<(UpstreamRequest, Passed), ApiError> {
    interface.of(target)?;
    if !target.model.is_empty() {
        check_model(target.model)?;
    }
    let streamed = head.stream && interface.streams.is_some();
    let ask_usage = interface.streams == Some(StreamKind::OpenAi) && target.counts_streams_on_request();
    let edited = head.edited(body, target.model, ask_usage);
    let mut request = UpstreamRequest::post(target.provider, interface.path(target)?, streamed, edited);
    if let Some(form) = form {
        request.headers.insert(header::CONTENT_TYPE, form.value());
    }
    if interface.answers != Answers::Object {
        // It is not JSON alone that may come.
        request.headers.insert(header::ACCEPT, header::HeaderValue::from_static("*/*"));
    }
    Ok((request, Passed { interface, streamed, hide_usage: ask_usage && streamed && !head.include_usage }))
}

/// Builds the request about an answer that the provider keeps under this id, with the caller's query. Fails as [`passed`]
/// does, and with 400 `invalid_parameter` if the id or the query could not stand in an address.
pub fn stored(
    target: &ModelTarget<'_>,
    asked: Stored,
    (id, query): (&str, &str),
    streamed: bool,
) -> Result<(UpstreamRequest, Passed), ApiError> {
    STORED.of(target)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
    if !(1..=512).contains(&id.len()) || !id.bytes().all(plain) || id.bytes().all(|byte| byte == b'.') {
        return Err(ApiError::invalid("id", "This is not the id of a response."));
    }
    // What an address may hold, and no more.
    if !query.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~=&%+".contains(&byte)) {
        return Err(ApiError::invalid("query", "The query holds characters that must be percent-encoded."));
    }
    let (method, below) = match asked {
        Stored::Get => (Method::GET, ""),
        Stored::Delete => (Method::DELETE, ""),
        Stored::Cancel => (Method::POST, "/cancel"),
        Stored::InputItems => (Method::GET, "/input_items"),
    };
    let mark = if query.is_empty() { "" } else { "?" };
    let path = format!("{}/{}{below}{mark}{query}", STORED.path(target)?, encode_segment(id));
    let mut request = UpstreamRequest::post(target.provider, path, streamed, Bytes::new());
    request.method = method;
    Ok((request, Passed { interface: &STORED, streamed, hide_usage: false }))
}

/// Builds the request for Anthropic's count of tokens, with the headers that [`super::messages`] hands on too.
pub fn count_tokens(
    target: &ModelTarget<'_>,
    body: &Bytes,
    head: &Head<'_>,
    version: Option<&str>,
    beta: Option<&str>,
) -> Result<(UpstreamRequest, Passed), ApiError> {
    let (mut request, passed) = passed(target, &TOKENS, body, head, None)?;
    anthropic::hand_on(&mut request.headers, version, beta)?;
    Ok((request, passed))
}

impl Passed {
    /// Whether the answer may come as events.
    pub fn may_stream(&self) -> bool {
        self.streamed || self.interface.answers == Answers::Sound
    }

    /// Whether the caller wants events.
    pub fn streamed(&self) -> bool {
        self.streamed
    }

    /// Whether a good answer may be something else than JSON and events: text to be read as a whole.
    pub fn may_be_text(&self) -> bool {
        self.interface.answers == Answers::Text
    }

    /// Whether it may be bytes that are handed on as they come.
    pub fn may_be_sound(&self) -> bool {
        self.interface.answers == Answers::Sound
    }

    /// Reads a whole answer that is JSON, or an error.
    pub fn whole(&self, status: u16, body: Bytes) -> Result<Answer, ApiError> {
        if !(200..300).contains(&status) {
            return Err(upstream_error(status, &body));
        }
        let answer = openai::whole(body)?;
        Ok(Answer { usage: answer.usage.filter(|_| self.interface.counts), ..answer })
    }

    /// Reads an answer of events (status 2xx).
    pub fn stream(&self) -> ChatStream {
        match self.interface.streams {
            Some(StreamKind::OpenAi) => ChatStream::passing(self.hide_usage),
            kind => ChatStream::watching(kind.unwrap_or(StreamKind::Typed), self.interface.counts),
        }
    }
}
