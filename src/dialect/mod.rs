//! The wire languages of the providers: requests built in them, answers read back from them. No I/O.
//!
//! The way of a call: [`Head::read`] finds model and stream in the caller's bytes; [`chat`] gives the request for the
//! provider and the [`Exchange`] that reads its answer, whole ([`Exchange::whole`]) or streamed ([`Exchange::stream`]).
//! [`messages`] does the same for Anthropic's own path, [`passed`] for every interface that is handed on as it is, and
//! [`list`] for the list of models.
//!
//! **Streams and usage.** Where a provider counts tokens in a stream only when asked, the request that leaves asks
//! (`stream_options.include_usage`), so that every call can be accounted for. A caller who did not ask gets the stream
//! that it expects: the extra chunk with usage and without a choice is taken out again. What stays is a `"usage":null` in
//! the other chunks of some providers, which OpenAI's clients read as no usage.

mod accepts;
mod answer;
mod anthropic;
mod error;
mod form;
mod google;
mod head;
mod list;
mod native;
mod openai;
mod passed;
pub mod prices;
pub mod raw_json;
mod request;
pub mod sse;
mod stream;
#[cfg(test)]
mod testing;
pub mod usage;
mod view;
mod writer;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use std::{borrow::Cow, fmt::Display};
use zeroize::Zeroizing;

use self::view::View;
pub use self::{
    answer::Stamp,
    error::{ApiError, MAX_ERROR, UNFINISHED, anthropic_kind, map_status, upstream_error},
    form::FormKind,
    head::{Head, MAX_MODEL, check_model},
    list::{Listing, Model, list, probe},
    native::{NativeExchange, messages},
    passed::{
        COMPLETIONS, EMBEDDINGS, IMAGES, Interface, MODERATIONS, Passed, RERANK, RESPONSES, SPEECH, Stored,
        TRANSCRIPTIONS, count_tokens, passed, stored,
    },
    stream::{ChatStream, StreamState},
};
use crate::{
    kernel::provider::{Dialect, Provider},
    server::outgoing::encode_segment,
};
use usage::Usage;

/// Azure's API version where the virtual key names none: the latest that is generally available in dated form.
pub const AZURE_API_VERSION: &str = "2024-10-21";
/// Azure's first API version that counts tokens in a stream. Those before refuse a request that asks for it. Versions
/// begin with their date, and those without one are newer.
const AZURE_COUNTS_STREAMS: &str = "2024-09-01";

/// The most JSON values of a body that is translated, at every depth. Each costs some memory beside the bytes.
pub const MAX_VALUES: usize = 100_000;
/// The same for one event of a stream that is translated.
const MAX_EVENT_VALUES: usize = 10_000;

/// A provider's answer that is to be translated.
fn answer_view(body: &[u8]) -> Result<View<'_>, ApiError> {
    bounded(body, MAX_VALUES)
}

/// An event that is to be translated.
fn event_view<'a>(event: &'a sse::Event<'_>) -> Result<View<'a>, ApiError> {
    bounded(event.data.as_bytes(), MAX_EVENT_VALUES)
}

fn bounded(body: &[u8], most: usize) -> Result<View<'_>, ApiError> {
    match View::object(body) {
        Ok((view, values)) if values <= most => Ok(view),
        _ => Err(ApiError::bad_answer()),
    }
}

/// Where a call goes.
#[derive(Clone, Copy, Debug)]
pub struct ModelTarget<'a> {
    pub provider: Provider,
    /// The model's name as the provider knows it; on Azure the deployment.
    pub model: &'a str,
    /// Azure's `api-version`.
    pub api_version: Option<&'a str>,
}

impl ModelTarget<'_> {
    fn azure_version(&self) -> &str {
        self.api_version.filter(|version| !version.is_empty()).unwrap_or(AZURE_API_VERSION)
    }

    /// The `api-version` query.
    fn azure_query(&self) -> String {
        format!("?api-version={}", encode_segment(self.azure_version()))
    }

    /// Whether tokens of a stream are counted only when asked for, and may be asked for.
    fn counts_streams_on_request(&self) -> bool {
        let old = self.provider.dialect() == Dialect::Azure && self.azure_version() < AZURE_COUNTS_STREAMS;
        self.provider.stream_usage_on_request() && !old
    }
}

/// How a provider wants its credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer …`.
    Bearer,
    /// A header of the provider's own.
    Header(&'static str),
}

impl Auth {
    /// The way of a provider.
    pub const fn of(provider: Provider) -> Self {
        match provider.dialect() {
            Dialect::OpenAi => Self::Bearer,
            Dialect::Azure => Self::Header("api-key"),
            Dialect::Anthropic => Self::Header("x-api-key"),
            Dialect::Google => Self::Header("x-goog-api-key"),
        }
    }

    /// The header, marked sensitive, so that debug output does not show it. Its clones share one text, which is wiped
    /// with the last of them. Fails with `upstream_credential_refused` if the credential has characters that no header
    /// may have.
    pub fn header(self, credential: &str) -> Result<(HeaderName, HeaderValue), ApiError> {
        let (name, text) = match self {
            Self::Bearer => (header::AUTHORIZATION, ["Bearer ", credential].concat()),
            Self::Header(name) => (HeaderName::from_static(name), credential.to_owned()),
        };
        let text = Bytes::from_owner(Zeroizing::new(text.into_bytes()));
        let mut value = HeaderValue::from_maybe_shared(text).map_err(|_| upstream_error(401, b""))?;
        value.set_sensitive(true);
        Ok((name, value))
    }
}

/// A request for a provider, credential excluded.
#[derive(Clone, Debug)]
pub struct UpstreamRequest {
    pub method: Method,
    /// Path and query, to be put behind the virtual key's base URL (which has no trailing slash). Begins with a slash.
    pub path: Cow<'static, str>,
    pub headers: HeaderMap,
    /// Where the credential goes, if the virtual key has one.
    pub auth: Auth,
    pub body: Bytes,
}

impl UpstreamRequest {
    fn get(provider: Provider, path: impl Into<Cow<'static, str>>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            headers: first_headers(provider),
            auth: Auth::of(provider),
            body: Bytes::new(),
        }
    }

    fn post(provider: Provider, path: impl Into<Cow<'static, str>>, stream: bool, body: Bytes) -> Self {
        let accept = if stream { "text/event-stream" } else { "application/json" };
        let mut headers = first_headers(provider);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        Self { method: Method::POST, path: path.into(), headers, auth: Auth::of(provider), body }
    }
}

fn first_headers(provider: Provider) -> HeaderMap {
    // Room for those that every request gets.
    let mut headers = HeaderMap::with_capacity(8);
    if provider.dialect() == Dialect::Anthropic {
        let name = HeaderName::from_static("anthropic-version");
        headers.insert(name, HeaderValue::from_static(anthropic::VERSION));
    }
    headers
}

/// The path of a provider's calls, where it does not depend on the model.
pub const fn fixed_path(provider: Provider) -> Option<&'static str> {
    match provider.dialect() {
        Dialect::OpenAi => Some(openai::PATH),
        Dialect::Anthropic => Some(anthropic::PATH),
        Dialect::Azure | Dialect::Google => None,
    }
}

/// A whole answer for the caller, with status 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// JSON object.
    pub body: Bytes,
    /// `None` where the provider told none.
    pub usage: Option<Usage>,
    /// The code for the log of an answer that goes to the caller as it came, and says itself that the model has failed.
    pub failed: Option<&'static str>,
}

/// Reads the provider's answer to a chat completion.
#[derive(Clone, Debug)]
pub struct Exchange {
    dialect: Dialect,
    model: String,
    /// Whether the caller wants the answer streamed.
    pub streamed: bool,
    include_usage: bool,
    hide_usage: bool,
    /// Only the first call of an answer is handed on.
    one_call: bool,
}

/// Builds the provider's request for a chat completion.
///
/// `body` is the caller's body and `head` what [`Head::read`] found in it. Fails with 400: `unsupported_parameter`,
/// `invalid_parameter`, `duplicate_parameter`, `too_many_values`, `invalid_json`.
pub fn chat(target: &ModelTarget<'_>, body: &Bytes, head: &Head<'_>) -> Result<(UpstreamRequest, Exchange), ApiError> {
    check_model(target.model)?;
    let ModelTarget { provider, model, .. } = *target;
    let (mut hide_usage, mut one_call) = (false, false);
    let request = match provider.dialect() {
        Dialect::OpenAi | Dialect::Azure => {
            let ask_usage = target.counts_streams_on_request();
            hide_usage = ask_usage && head.stream && !head.include_usage;
            let path = match provider.dialect() {
                Dialect::Azure => Cow::Owned(openai::deployment_path(target, openai::PATH)),
                _ => Cow::Borrowed(openai::PATH),
            };
            let body = match accepts::openai::rewritten(provider, body, head.values)? {
                Some(body) => Head::read(&body)?.edited(&body, model, ask_usage),
                None => head.edited(body, model, ask_usage),
            };
            UpstreamRequest::post(provider, path, head.stream, body)
        }
        dialect @ (Dialect::Anthropic | Dialect::Google) => {
            if head.values > MAX_VALUES {
                return Err(ApiError::too_many_values(provider.label()));
            }
            let request = request::ChatRequest::read(View::checked(body)?, provider.label())?;
            if dialect == Dialect::Anthropic {
                let body = anthropic::request(request, model, head.stream, body.len())?;
                UpstreamRequest::post(provider, anthropic::PATH, head.stream, body.into())
            } else {
                one_call = accepts::google::one_call(&request);
                let body = google::request(&request, body.len())?;
                UpstreamRequest::post(provider, google::path(model, head.stream), head.stream, body.into())
            }
        }
    };
    let exchange = Exchange {
        dialect: provider.dialect(),
        model: model.to_owned(),
        streamed: head.stream,
        include_usage: head.include_usage,
        hide_usage,
        one_call,
    };
    Ok((request, exchange))
}

impl Exchange {
    /// Reads a whole answer: any answer to a call that is not streamed, and the error (status other than 2xx) of one
    /// that is. `created` is the time in seconds since 1970, `id` an id for the answer if the provider gives none.
    pub fn whole(&self, status: u16, body: Bytes, created: i64, id: impl Display) -> Result<Answer, ApiError> {
        if !(200..300).contains(&status) {
            return Err(upstream_error(status, &body));
        }
        match self.dialect {
            Dialect::OpenAi | Dialect::Azure => openai::whole(body),
            Dialect::Anthropic => anthropic::whole(&body, self.stamp(created, id)),
            Dialect::Google => google::whole(&body, self.stamp(created, id), self.one_call),
        }
    }

    /// Reads a streamed answer (status 2xx); the arguments are those of [`Exchange::whole`].
    pub fn stream(&self, created: i64, id: impl Display) -> ChatStream {
        let chunks = || answer::Chunks { stamp: self.stamp(created, id), include_usage: self.include_usage };
        match self.dialect {
            Dialect::OpenAi | Dialect::Azure => ChatStream::passing(self.hide_usage),
            Dialect::Anthropic => ChatStream::translating(anthropic::Stream::new(chunks())),
            Dialect::Google => ChatStream::translating(google::Stream::new(chunks(), self.one_call)),
        }
    }

    fn stamp(&self, created: i64, id: impl Display) -> Stamp {
        Stamp { created, id: id.to_string(), model: self.model.clone() }
    }
}

#[cfg(test)]
mod tests;
