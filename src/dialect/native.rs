//! Anthropic's own `/v1/messages`, passed through.

use bytes::Bytes;

use super::{
    Answer, ApiError, ChatStream, Head, ModelTarget, UpstreamRequest, anthropic, check_model,
    error::upstream_error,
    raw_json::{self, JsonError},
};
use crate::{
    dialect::usage::{AnthropicUsage, Usage},
    kernel::provider::Dialect,
};

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
    target: &ModelTarget<'_>,
    body: &Bytes,
    head: &Head<'_>,
    version: Option<&str>,
    beta: Option<&str>,
) -> Result<(UpstreamRequest, NativeExchange), ApiError> {
    check_model(target.model)?;
    if target.provider.dialect() != Dialect::Anthropic {
        let label = target.provider.label();
        return Err(ApiError::no_such_interface(label, "Messages API", "; use /v1/chat/completions"));
    }
    let body = head.edited(body, target.model, false);
    let mut request = UpstreamRequest::post(target.provider, anthropic::PATH, head.stream, body);
    anthropic::hand_on(&mut request.headers, version, beta)?;
    Ok((request, NativeExchange { streamed: head.stream }))
}

impl NativeExchange {
    /// Reads a whole answer, or the error of a call that was to be streamed.
    pub fn whole(&self, status: u16, body: Bytes) -> Result<Answer, ApiError> {
        if !(200..300).contains(&status) {
            return Err(upstream_error(status, &body));
        }
        let mut usage = None;
        raw_json::members(&body, |member| {
            if raw_json::text(&body[member.key]).as_deref() == Some("usage") {
                usage = serde_json::from_slice::<AnthropicUsage>(&body[member.value]).ok().map(Usage::from);
            }
            Ok::<_, JsonError>(())
        })
        .map_err(|_| ApiError::bad_answer())?;
        Ok(Answer { body, usage, failed: None })
    }

    /// Reads a streamed answer (status 2xx).
    pub fn stream(&self) -> ChatStream {
        ChatStream::native()
    }
}
