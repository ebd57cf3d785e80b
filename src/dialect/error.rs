//! What a caller is told when a call cannot be translated, or when the provider refuses it.

use serde_json::{Map, Value, json};
use thiserror::Error;

use super::{MAX_VALUES, raw_json::JsonError};
use crate::dialect::{sse, usage::Usage};

/// Longest text of a provider that is shown to a caller, in characters.
const MAX_MESSAGE: usize = 1000;
/// Longest name of a caller's field that is repeated, in characters.
const MAX_PARAM: usize = 200;
/// The most bytes of a provider's refusal that are read: a longer one is told without its explanation.
pub const MAX_ERROR: usize = 64 << 10;

/// The code of an answer in which the model itself has failed.
pub const UNFINISHED: &str = "upstream_model_failed";
/// What a provider's error may tell beside its sentence, each under the provider's own name: what a filter found, what the
/// model had written, which server behind the provider it was. Other members say nothing that is not told already.
const TOLD: [&str; 7] = [
    "innererror",
    "inner_error",
    "content_filter_result",
    "content_filter_results",
    "failed_generation",
    "metadata",
    "details",
];
/// The longest of these that is passed on, in bytes of JSON.
const MAX_TOLD: usize = 8 << 10;

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
    /// Sending the same again cannot help, though clients may think so by the status.
    pub hopeless: bool,
    /// What the provider tells besides, by name.
    pub told: Option<Box<Map<String, Value>>>,
    /// What an answer that is none has used, where the provider said it.
    pub usage: Option<Box<Usage>>,
}

impl ApiError {
    /// An error that says no more than this.
    pub fn new(status: u16, code: impl Into<String>, kind: &'static str, message: impl Into<String>) -> Self {
        let (code, message) = (code.into(), message.into());
        Self { status, code, kind, message, param: None, hopeless: false, told: None, usage: None }
    }

    /// The caller's request is wrong in `param`.
    pub fn invalid(param: &str, why: impl Into<String>) -> Self {
        let error = Self::new(400, "invalid_parameter", "invalid_request_error", why);
        Self { param: Some(clipped(param)), ..error }
    }

    /// The request names no model where it must.
    pub fn no_model() -> Self {
        Self { code: "missing_parameter".into(), ..Self::invalid("model", "`model` is missing.") }
    }

    /// The chosen provider has no such interface.
    pub fn no_such_interface(provider: &str, interface: &str, help: &str) -> Self {
        let why = format!("{provider} has no {interface}{help}.");
        Self { code: "unsupported_provider".into(), ..Self::invalid("model", why) }
    }

    /// The body is too large to be put into the words of `provider`.
    pub fn too_many_values(provider: &str) -> Self {
        let why = format!("The body holds more than {MAX_VALUES} JSON values, too many to translate for {provider}.");
        Self { code: "too_many_values".into(), ..Self::invalid("body", why) }
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
        Self::upstream(502, "upstream_stream_broken", "The provider's answer was cut off.")
    }

    /// The model ended its answer for a `reason`, in the provider's word, that leaves none. The tokens are spent: whether to
    /// spend them again is for the caller to say and not for its library.
    pub fn unfinished(reason: &str) -> Self {
        let word = Some(reason).filter(|reason| is_word(reason)).unwrap_or("no reason given");
        let message = format!("The model failed and gave no usable answer ({word}).");
        Self { hopeless: true, ..Self::upstream(502, UNFINISHED, &message) }
    }

    /// The same for an answer that has used so many tokens.
    pub fn having_used(self, usage: Option<Usage>) -> Self {
        Self { usage: usage.map(Box::new), ..self }
    }

    fn upstream(status: u16, code: &str, message: &str) -> Self {
        Self::new(status, code, "upstream_error", message)
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
        let mut error = match shape {
            StreamShape::OpenAi | StreamShape::Typed => {
                json!({ "message": self.message, "type": self.kind, "param": self.param, "code": self.code })
            }
            StreamShape::Anthropic => {
                json!({ "type": anthropic_kind(self.status), "message": self.message, "code": self.code })
            }
        };
        if let (Some(error), Some(told)) = (error.as_object_mut(), &self.told) {
            error.extend(told.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        let mut body = json!({ "error": error, "message": self.message, "type": "error" });
        if let (StreamShape::Typed, Some(body)) = (shape, body.as_object_mut()) {
            body.insert("code".into(), self.code.clone().into());
            body.insert("param".into(), self.param.clone().into());
        }
        body
    }
}

/// Whose clients read a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamShape {
    OpenAi,
    /// Those of OpenAI's newer interfaces, whose events have a type and whose error has code and sentence at the top.
    Typed,
    Anthropic,
}

/// The family of an error in the words that Anthropic's clients know.
pub fn anthropic_kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        // The stored credential's fault and not the request's.
        424 => "api_error",
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
        Self::new(400, "invalid_json", "invalid_request_error", format!("{error}."))
    }
}

/// What the caller gets for a provider's status: the status, our code, and whether the provider's own words are for the
/// caller. This is the one place that decides it. Client libraries send a call again after 408, 409, 429 and every 5xx, so
/// that a refusal which no repetition can mend must have another status.
///
/// A refused credential is the organisation's and not the caller's, so it must not look as if the caller's key were
/// wrong; nor are the provider's words passed on then, for some repeat a part of the credential.
pub fn map_status(status: u16) -> (u16, &'static str, bool) {
    match status {
        401 | 403 | 407 => (424, "upstream_credential_refused", false),
        402 => (402, "upstream_quota_exhausted", true),
        400 | 409 | 413 | 415 | 422 => (status, "upstream_rejected_request", true),
        404 => (404, "upstream_not_found", true),
        429 => (429, "upstream_rate_limited", true),
        408 | 504 | 524 => (504, "upstream_timeout", false),
        498 | 503 | 529 => (503, "upstream_overloaded", true),
        405..=499 => (424, "upstream_rejected_request", true),
        300..=399 => (502, "upstream_redirected", false),
        _ => (502, "upstream_error", true),
    }
}

/// Whether a refusal with this code of ours stays one however often the call is sent.
fn is_hopeless(code: &str) -> bool {
    matches!(code, "upstream_credential_refused" | "upstream_quota_exhausted" | "upstream_redirected")
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
    let own_code = own("code").filter(|text| callers_own && is_word(text));
    let told = TOLD.iter().filter(|_| explained).filter_map(|name| {
        let value = error.get(*name).filter(|value| !value.is_null() && value.to_string().len() <= MAX_TOLD)?;
        Some(((*name).to_owned(), value.clone()))
    });
    let told: Map<String, Value> = told.collect();
    ApiError {
        status,
        code: own_code.unwrap_or(code).to_owned(),
        // OpenAI's word for an account without credit, which comes as if it were a limit that passes.
        hopeless: is_hopeless(code) || own_code == Some("insufficient_quota"),
        told: (!told.is_empty()).then(|| Box::new(told)),
        usage: None,
        kind: match status {
            429 => "rate_limit_error",
            400..=499 => "invalid_request_error",
            _ => "upstream_error",
        },
        message: message.unwrap_or_else(|| standard.to_owned()),
        param: own("param").filter(|_| callers_own).map(clean),
    }
}

/// Whether a provider's text is one of the words by which programs know an error.
fn is_word(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
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
            assert_eq!((error.status, error.code.as_str()), (424, "upstream_credential_refused"));
            assert!(error.hopeless && error.told.is_none());
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

    #[test]
    fn no_library_repeats_what_no_repetition_mends() {
        let repeated = |status: u16| matches!(status, 408 | 409 | 429 | 500..);
        for (theirs, ours, again) in [
            (401, 424, false),
            (402, 402, false),
            (403, 424, false),
            (404, 404, false),
            (405, 424, false),
            (422, 422, false),
            (429, 429, true),
            (500, 502, true),
            (503, 503, true),
            (529, 503, true),
        ] {
            let error = upstream_error(theirs, b"{}");
            assert_eq!((error.status, repeated(error.status)), (ours, again), "{theirs}");
        }
        assert!(upstream_error(302, b"").hopeless && !upstream_error(429, b"").hopeless);
        assert!(upstream_error(429, br#"{"error":{"message":"No credit.","code":"insufficient_quota"}}"#).hopeless);
    }

    #[test]
    fn what_a_filter_or_a_server_behind_tells_is_kept() {
        let azure = br#"{"error":{"message":"Filtered.","type":null,"param":"prompt","code":"content_filter","status":400,
            "innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"jailbreak":{"filtered":true,"detected":true}}}}}"#;
        let error = upstream_error(400, azure);
        assert_eq!((error.status, error.code.as_str()), (400, "content_filter"));
        let told = error.stream_body(StreamShape::OpenAi);
        assert_eq!(told.pointer("/error/innererror/content_filter_result/jailbreak/filtered"), Some(&json!(true)));
        let groq = br#"{"error":{"message":"Failed.","code":"tool_use_failed","failed_generation":"<f>"}}"#;
        assert_eq!(upstream_error(400, groq).told.unwrap()["failed_generation"], "<f>");
        let long = json!({ "error": { "message": "x", "metadata": { "raw": "x".repeat(MAX_TOLD) } } });
        assert_eq!(upstream_error(400, long.to_string().as_bytes()).told, None);
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
