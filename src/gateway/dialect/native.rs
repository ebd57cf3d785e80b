//! Anthropic's own `/v1/messages`, passed through.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use super::{
    Answer, ApiError, ChatStream, Head, Target, UpstreamRequest, anthropic, check_model,
    error::upstream_error,
    raw_json::{self, JsonError},
};
use crate::gateway::{provider::Dialect, usage};

/// Longest `anthropic-beta` header, in bytes.
const MAX_BETA: usize = 1024;

/// Reads the provider's answer to a native call.
#[derive(Clone, Copy, Debug)]
pub struct NativeExchange {
    /// Whether the caller wants the answer streamed.
    pub streamed: bool,
}

/// Builds the provider's request for a native call: the caller's bytes with the model's name replaced.
///
/// `version` and `beta` are the caller's `anthropic-version` and `anthropic-beta` headers, which pass on. Fails with 400
/// `unsupported_provider` if the provider does not speak this language.
pub fn messages(
    target: &Target<'_>,
    body: &Bytes,
    head: &Head<'_>,
    version: Option<&str>,
    beta: Option<&str>,
) -> Result<(UpstreamRequest, NativeExchange), ApiError> {
    check_model(target.model)?;
    if target.provider.dialect() != Dialect::Anthropic {
        let label = target.provider.label();
        return Err(ApiError {
            code: "unsupported_provider".into(),
            ..ApiError::invalid("model", format!("{label} has no Messages API; use /v1/chat/completions."))
        });
    }
    let body = head.edited(body, target.model, false);
    let mut request = UpstreamRequest::post(target.provider, anthropic::PATH.to_owned(), head.stream, body);
    for (name, value, most) in [("anthropic-version", version, 32), ("anthropic-beta", beta, MAX_BETA)] {
        let Some(value) = value else { continue };
        let plain = value.len() <= most
            && value
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b',' | b' ' | b'_'));
        let value = HeaderValue::try_from(value)
            .ok()
            .filter(|_| plain)
            .ok_or_else(|| ApiError::invalid(name, format!("The header `{name}` is not acceptable.")))?;
        request.headers.retain(|(known, _)| known != name);
        request.headers.push((HeaderName::from_static(name), value));
    }
    Ok((request, NativeExchange { streamed: head.stream }))
}

impl NativeExchange {
    /// Reads a whole answer, or the error of a call that was to be streamed. Errors have Anthropic's shape.
    pub fn whole(&self, status: u16, body: Bytes) -> Answer {
        if !(200..300).contains(&status) {
            return Answer::anthropic_error(upstream_error(status, &body));
        }
        match raw_json::members(&body, |_| Ok::<_, JsonError>(())) {
            Ok(()) => {
                let usage = usage::of_anthropic_body(&body);
                Answer::good(200, body, usage)
            }
            Err(_) => Answer::anthropic_error(ApiError::bad_answer()),
        }
    }

    /// Reads a streamed answer (status 2xx).
    pub fn stream(&self) -> ChatStream {
        ChatStream::native()
    }
}
