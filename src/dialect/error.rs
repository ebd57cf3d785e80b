//! What a caller is told when a call cannot be translated, or when the provider refuses it.

use serde_json::{Value, json};
use thiserror::Error;

use super::raw_json::JsonError;
use crate::dialect::sse;

/// Longest text of a provider that is shown to a caller, in characters.
const MAX_MESSAGE: usize = 1000;
/// Longest name of a caller's field that is repeated, in characters.
const MAX_PARAM: usize = 200;
/// The most bytes of a provider's refusal that are read: a longer one is told without its explanation.
pub const MAX_ERROR: usize = 64 << 10;

/// An error as the caller of the gateway sees it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ApiError {
    /// HTTP status of the answer.
    pub status: u16,
    /// Stable code. For a refusal that the provider explains to its caller it is the provider's own.
    pub code: String,
    /// OpenAI's `type`: the family of the error.
    pub kind: &'static str,
    /// A sentence for people.
    pub message: String,
    /// The request's field that is to blame.
    pub param: Option<String>,
}

impl ApiError {
    /// The caller's request is wrong in `param`.
    pub fn invalid(param: &str, why: impl Into<String>) -> Self {
        Self {
            status: 400,
            code: "invalid_parameter".into(),
            kind: "invalid_request_error",
            message: why.into(),
            param: Some(clipped(param)),
        }
    }

    /// A field is given twice, and two readers could choose differently.
    pub fn duplicate(param: &str) -> Self {
        Self {
            code: "duplicate_parameter".into(),
            ..Self::invalid(param, format!("`{}` is given twice.", clipped(param)))
        }
    }

    /// The request is right, but the provider has nothing that `param` could be translated to.
    pub fn unsupported(param: &str, provider: &str) -> Self {
        Self {
            code: "unsupported_parameter".into(),
            message: format!("`{}` cannot be translated for {provider}.", clipped(param)),
            ..Self::invalid(param, "")
        }
    }

    /// The provider's answer is not what its documentation says.
    pub fn bad_answer() -> Self {
        Self::upstream(502, "upstream_invalid_answer", "The provider's answer could not be understood.")
    }

    /// The provider's stream ended before the answer was whole.
    pub fn broken_stream() -> Self {
        Self::upstream(502, "upstream_stream_broken", "The provider's answer broke off.")
    }

    fn upstream(status: u16, code: &str, message: &str) -> Self {
        Self { status, code: code.into(), kind: "upstream_error", message: message.into(), param: None }
    }

    /// Appends the error to a stream: the one way to tell in a stream that it failed. No `[DONE]` may follow, for the
    /// answer is not whole.
    ///
    /// Both shapes are an event named `error` with the sentence at the top as well: a client library that knows errors
    /// by the event's name reads it there, and takes a stream without such an event for a whole answer. All others look
    /// into `error` and do not mind either.
    pub fn write_to_stream(&self, out: &mut Vec<u8>, shape: StreamShape) {
        sse::write_event(out, Some("error"), &self.stream_body(shape).to_string());
    }

    fn stream_body(&self, shape: StreamShape) -> Value {
        let error = match shape {
            StreamShape::OpenAi => {
                json!({ "message": self.message, "type": self.kind, "param": self.param, "code": self.code })
            }
            StreamShape::Anthropic => {
                json!({ "type": anthropic_kind(self.status), "message": self.message, "code": self.code })
            }
        };
        json!({ "error": error, "message": self.message, "type": "error" })
    }
}

/// Whose clients read a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamShape {
    OpenAi,
    Anthropic,
}

/// The family of an error in the words that Anthropic's clients know.
pub fn anthropic_kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        408 | 504 => "timeout_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        503 => "overloaded_error",
        _ => "api_error",
    }
}

impl From<JsonError> for ApiError {
    fn from(error: JsonError) -> Self {
        Self {
            status: 400,
            code: "invalid_json".into(),
            kind: "invalid_request_error",
            message: format!("{error}."),
            param: None,
        }
    }
}

/// What the caller gets for a provider's status: the status, our code, and whether the provider's own words are for the
/// caller. This is the one place that decides it.
///
/// A refused credential is the organisation's and not the caller's, so it must not look as if the caller's key were
/// wrong; nor are the provider's words passed on then, for some repeat a part of the credential.
pub fn map_status(status: u16) -> (u16, &'static str, bool) {
    match status {
        401 | 403 => (502, "upstream_credential_refused", false),
        402 => (429, "upstream_quota_exhausted", true),
        400 | 409 | 413 | 415 | 422 => (status, "upstream_rejected_request", true),
        404 => (404, "upstream_not_found", true),
        429 => (429, "upstream_rate_limited", true),
        408 | 504 | 524 => (504, "upstream_timeout", false),
        503 | 529 => (503, "upstream_overloaded", true),
        300..=399 => (502, "upstream_redirected", false),
        _ => (502, "upstream_error", true),
    }
}

/// Reads a provider's refusal, whichever of the known shapes it has.
///
/// `status` is the provider's, and not a 2xx. Bodies that are no JSON are never repeated.
pub fn upstream_error(status: u16, body: &[u8]) -> ApiError {
    read(status, tree(body))
}

/// Reads the error object of a stream that had begun well, or of an answer that says it is one.
pub(super) fn stream_error(body: &[u8]) -> ApiError {
    let data = tree(body);
    let error = data.get("error").unwrap_or(&data);
    let kind = error.get("type").or_else(|| error.get("status")).and_then(Value::as_str).unwrap_or("");
    let status = match kind {
        "authentication_error" | "permission_error" | "UNAUTHENTICATED" | "PERMISSION_DENIED" => 401,
        "invalid_request_error" | "INVALID_ARGUMENT" | "FAILED_PRECONDITION" => 400,
        "not_found_error" | "NOT_FOUND" => 404,
        "rate_limit_error" | "RESOURCE_EXHAUSTED" => 429,
        "overloaded_error" | "UNAVAILABLE" => 529,
        "timeout_error" | "DEADLINE_EXCEEDED" => 504,
        _ => error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok()).unwrap_or(500),
    };
    read(status, data)
}

/// The values of a refusal, which are few.
fn tree(body: &[u8]) -> Value {
    if body.len() > MAX_ERROR { Value::Null } else { serde_json::from_slice(body).unwrap_or(Value::Null) }
}

fn read(status: u16, body: Value) -> ApiError {
    // Gemini's stream endpoint wraps its error in an array.
    let body = match body {
        Value::Array(mut items) if !items.is_empty() => items.swap_remove(0),
        other => other,
    };
    let error = body.get("error").unwrap_or(&body);
    // Gemini answers 400 to a wrong key.
    let refused = error.get("details").and_then(Value::as_array).is_some_and(|details| {
        details.iter().any(|detail| detail.get("reason").and_then(Value::as_str) == Some("API_KEY_INVALID"))
    });
    let (status, code, explained) = map_status(if refused { 401 } else { status });
    let own = |name: &str| error.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let message = explained
        .then(|| own("message").or_else(|| error.as_str()).or_else(|| body.get("message").and_then(Value::as_str)))
        .flatten()
        .map(clean)
        .filter(|text| !text.is_empty());
    let standard = match code {
        "upstream_credential_refused" => {
            "The provider refused the stored credential of this virtual key. Its owner has to renew it."
        }
        "upstream_timeout" => "The provider did not answer in time.",
        "upstream_overloaded" => "The provider is overloaded.",
        "upstream_rate_limited" => "The provider's rate limit is reached.",
        "upstream_quota_exhausted" => "The provider account of this virtual key has no credit left.",
        "upstream_not_found" => "The provider does not know this model or address.",
        "upstream_rejected_request" => "The provider rejected the request.",
        _ => "The provider answered with an error.",
    };
    let callers_own = explained && status < 500;
    let word = |text: &str| text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    ApiError {
        status,
        code: own("code").filter(|text| callers_own && word(text)).unwrap_or(code).to_owned(),
        kind: match status {
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "upstream_error",
        },
        message: message.unwrap_or_else(|| standard.to_owned()),
        param: own("param").filter(|_| callers_own).map(clean),
    }
}

fn clipped(text: &str) -> String {
    text.chars().take(MAX_PARAM).collect()
}

fn clean(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control() || *letter == '\n').take(MAX_MESSAGE).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_refused_credential_never_looks_like_the_callers_and_is_never_quoted() {
        let openai = br#"{"error":{"message":"Incorrect API key provided: sk-abc*def","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#;
        let anthropic = br#"{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"}}"#;
        let google = br#"[{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"@type":"x","reason":"API_KEY_INVALID"}]}}]"#;
        for (status, body) in [(401, &openai[..]), (403, openai), (401, anthropic), (400, google), (401, b"")] {
            let error = upstream_error(status, body);
            assert_eq!((error.status, error.code.as_str()), (502, "upstream_credential_refused"));
            assert!(!error.stream_body(StreamShape::OpenAi).to_string().contains("sk-abc"));
            assert!(!error.message.contains("API key"));
        }
    }

    #[test]
    fn explanations_are_kept_in_openais_shape() {
        let openai = br#"{"error":{"message":"Too long.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#;
        let error = upstream_error(400, openai);
        assert_eq!(
            error.stream_body(StreamShape::OpenAi),
            json!({
                "type": "error",
                "message": "Too long.",
                "error": {"message": "Too long.", "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"},
            })
        );
        let google = br#"{"error":{"code":404,"message":"models/x is not found","status":"NOT_FOUND"}}"#;
        let error = upstream_error(404, google);
        assert_eq!((error.code.as_str(), error.message.as_str()), ("upstream_not_found", "models/x is not found"));
        let anthropic = br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
        let error = upstream_error(529, anthropic);
        assert_eq!((error.status, error.message.as_str()), (503, "Overloaded"));
        let told = error.stream_body(StreamShape::Anthropic);
        assert_eq!((&told["error"]["type"], &told["message"]), (&json!("overloaded_error"), &json!("Overloaded")));
        let ollama = br#"{"error":"model 'x' not found"}"#;
        assert_eq!(upstream_error(404, ollama).message, "model 'x' not found");
        let mistral = br#"{"object":"error","message":"Requests rate limit exceeded","type":null,"code":"1300"}"#;
        assert_eq!(upstream_error(429, mistral).message, "Requests rate limit exceeded");
        assert_eq!(upstream_error(500, b"<html>secret</html>").message, "The provider answered with an error.");
    }

    proptest! {
        #[test]
        fn every_status_gives_an_error_and_never_401_or_403(status in 300u16..=999, body in "\\PC{0,80}") {
            let error = upstream_error(status, body.as_bytes());
            prop_assert!((400..=599).contains(&error.status) && error.status != 401 && error.status != 403);
            prop_assert!(!error.message.is_empty());
        }
    }
}
