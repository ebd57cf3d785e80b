//! The wire languages of the providers: requests built in them, answers read back from them. No I/O.
//!
//! The way of a call: [`Head::read`] finds model and stream in the caller's bytes; [`chat`] gives the request for the
//! provider and the [`Exchange`] that reads its answer, whole ([`Exchange::whole`]) or streamed ([`Exchange::stream`]).
//! [`messages`] does the same for Anthropic's own path, and [`list`] for the list of models.
//!
//! **Streams and usage.** Where a provider counts tokens in a stream only when asked, the request that leaves asks
//! (`stream_options.include_usage`), so that every call can be accounted for. A caller who did not ask gets the stream
//! that it expects: the extra chunk with usage and without a choice is taken out again. What stays is a `"usage":null` in
//! the other chunks of some providers, which OpenAI's clients read as no usage.

mod answer;
mod anthropic;
mod error;
mod google;
mod head;
mod list;
mod native;
mod openai;
pub mod raw_json;
mod request;
mod stream;
#[cfg(test)]
mod testing;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub use self::{
    answer::Stamp,
    error::{ApiError, map_status, upstream_error},
    head::{Head, MAX_MODEL, check_model},
    list::{Listing, list, probe},
    native::{NativeExchange, messages},
    stream::{ChatStream, Outcome},
};
use super::{
    provider::{Dialect, Provider},
    usage::Usage,
};

/// Azure's API version where the virtual key names none: the latest that is generally available in dated form.
pub const AZURE_API_VERSION: &str = "2024-10-21";

/// What stands unescaped in a path segment or a query value.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where a call goes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    pub provider: Provider,
    /// The model's name as the provider knows it; on Azure the deployment.
    pub model: &'a str,
    /// Azure's `api-version`.
    pub api_version: Option<&'a str>,
}

impl Target<'_> {
    /// The `api-version` query.
    fn azure_query(&self) -> String {
        let version = self.api_version.filter(|version| !version.is_empty()).unwrap_or(AZURE_API_VERSION);
        format!("?api-version={}", utf8_percent_encode(version, SEGMENT))
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

    /// The header, made at the last moment and marked sensitive, so that debug output does not show it. Fails with
    /// `upstream_credential_refused` if the credential has characters that no header may have.
    pub fn header(self, credential: &str) -> Result<(HeaderName, HeaderValue), ApiError> {
        let (name, value) = match self {
            Self::Bearer => (header::AUTHORIZATION, HeaderValue::try_from(format!("Bearer {credential}"))),
            Self::Header(name) => (HeaderName::from_static(name), HeaderValue::try_from(credential)),
        };
        let mut value = value.map_err(|_| upstream_error(401, b""))?;
        value.set_sensitive(true);
        Ok((name, value))
    }
}

/// A request for a provider, credential excluded.
#[derive(Clone, Debug)]
pub struct UpstreamRequest {
    pub method: Method,
    /// Path and query, to be put behind the virtual key's base URL (which has no trailing slash). Begins with a slash.
    pub path: String,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Where the credential goes, if the virtual key has one.
    pub auth: Auth,
    pub body: Bytes,
}

impl UpstreamRequest {
    fn get(provider: Provider, path: String) -> Self {
        Self {
            method: Method::GET,
            path,
            headers: version_header(provider),
            auth: Auth::of(provider),
            body: Bytes::new(),
        }
    }

    fn post(provider: Provider, path: String, stream: bool, body: Bytes) -> Self {
        let accept = if stream { "text/event-stream" } else { "application/json" };
        let mut headers = version_header(provider);
        headers.push((header::CONTENT_TYPE, HeaderValue::from_static("application/json")));
        headers.push((header::ACCEPT, HeaderValue::from_static(accept)));
        Self { method: Method::POST, path, headers, auth: Auth::of(provider), body }
    }
}

fn version_header(provider: Provider) -> Vec<(HeaderName, HeaderValue)> {
    match provider.dialect() {
        Dialect::Anthropic => {
            vec![(HeaderName::from_static("anthropic-version"), HeaderValue::from_static(anthropic::VERSION))]
        }
        Dialect::OpenAi | Dialect::Azure | Dialect::Google => Vec::new(),
    }
}

/// A whole answer for the caller.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP status for the caller.
    pub status: u16,
    /// JSON object.
    pub body: Bytes,
    /// `None` where the provider told none.
    pub usage: Option<Usage>,
    /// Set when the call failed; then `body` tells it.
    pub error: Option<ApiError>,
}

impl Answer {
    fn good(status: u16, body: Bytes, usage: Option<Usage>) -> Self {
        Self { status, body, usage, error: None }
    }

    fn openai_error(error: ApiError) -> Self {
        Self { status: error.status, body: error.openai_body().to_string().into(), usage: None, error: Some(error) }
    }

    fn anthropic_error(error: ApiError) -> Self {
        Self { status: error.status, body: error.anthropic_body().to_string().into(), usage: None, error: Some(error) }
    }
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
}

/// Builds the provider's request for a chat completion.
///
/// `body` is the caller's body and `head` what [`Head::read`] found in it. Fails with 400: `unsupported_parameter`,
/// `invalid_parameter`, `invalid_json`.
pub fn chat(target: &Target<'_>, body: &Bytes, head: &Head<'_>) -> Result<(UpstreamRequest, Exchange), ApiError> {
    check_model(target.model)?;
    let Target { provider, model, .. } = *target;
    let mut hide_usage = false;
    let request = match provider.dialect() {
        Dialect::OpenAi | Dialect::Azure => {
            let ask_usage = provider.stream_usage_on_request();
            hide_usage = ask_usage && head.stream && !head.include_usage;
            let path = match provider.dialect() {
                Dialect::Azure => openai::azure_path(target),
                _ => "/chat/completions".to_owned(),
            };
            UpstreamRequest::post(provider, path, head.stream, head.edited(body, model, ask_usage))
        }
        dialect @ (Dialect::Anthropic | Dialect::Google) => {
            let tree = serde_json::from_slice(body).map_err(|_| ApiError::from(raw_json::JsonError::Syntax(0)))?;
            let request = request::ChatRequest::read(&tree, provider.label())?;
            if dialect == Dialect::Anthropic {
                let body = anthropic::request(&request, model, head.stream)?;
                UpstreamRequest::post(provider, anthropic::PATH.to_owned(), head.stream, body.to_string().into())
            } else {
                let body = google::request(&request, model)?;
                UpstreamRequest::post(provider, google::path(model, head.stream), head.stream, body.to_string().into())
            }
        }
    };
    let exchange = Exchange {
        dialect: provider.dialect(),
        model: model.to_owned(),
        streamed: head.stream,
        include_usage: head.include_usage,
        hide_usage,
    };
    Ok((request, exchange))
}

impl Exchange {
    /// Reads a whole answer: any answer to a call that is not streamed, and the error (status other than 2xx) of one
    /// that is. `created` is the time in seconds since 1970, `id` an id for the answer if the provider gives none.
    pub fn whole(&self, status: u16, body: Bytes, created: i64, id: &str) -> Answer {
        if !(200..300).contains(&status) {
            return Answer::openai_error(upstream_error(status, &body));
        }
        let read = match self.dialect {
            Dialect::OpenAi | Dialect::Azure => openai::whole(body),
            Dialect::Anthropic => anthropic::whole(&body, self.stamp(created, id)),
            Dialect::Google => google::whole(&body, self.stamp(created, id)),
        };
        read.unwrap_or_else(Answer::openai_error)
    }

    /// Reads a streamed answer (status 2xx); the arguments are those of [`Exchange::whole`].
    pub fn stream(&self, created: i64, id: &str) -> ChatStream {
        let chunks = || answer::Chunks { stamp: self.stamp(created, id), include_usage: self.include_usage };
        match self.dialect {
            Dialect::OpenAi | Dialect::Azure => ChatStream::passing(self.hide_usage),
            Dialect::Anthropic => ChatStream::translating(anthropic::Stream::new(chunks())),
            Dialect::Google => ChatStream::translating(google::Stream::new(chunks())),
        }
    }

    fn stamp(&self, created: i64, id: &str) -> Stamp {
        Stamp { created, id: id.to_owned(), model: self.model.clone() }
    }
}

#[cfg(test)]
mod tests;
