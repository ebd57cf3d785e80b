//! What a caller is told when there is no answer: one envelope that every client library can read.

mod calls;
mod narrowed;

use super::credential::CredentialError;
use crate::{
    dialect::{ApiError, anthropic_kind, usage::Usage},
    kernel::{self, FieldError},
    policy::Permission,
    server::outgoing::{OutgoingError, Phase},
};
use axum::body::Body;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::ops::Deref;
use utoipa::ToSchema;

/// By which a server tells OpenAI's and Anthropic's libraries whether to send a call again.
pub const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// A refusal or a failure. Boxed, since most calls have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal(Box<Details>);

/// What a refusal says, with its HTTP status and stable code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    pub status: StatusCode,
    pub code: Cow<'static, str>,
    /// What existing clients know it by, where that is another word.
    pub known_as: Option<&'static str>,
    /// The family of the error, in the words that the caller's library knows.
    pub kind: &'static str,
    /// A sentence for people.
    pub message: Cow<'static, str>,
    /// The request's field that is to blame.
    pub param: Option<Cow<'static, str>>,
    /// The permission that is missing.
    pub permission: Option<Box<str>>,
    /// The roles that hold it, in words.
    pub held_by: Option<String>,
    /// What is wrong with each field.
    pub fields: Vec<FieldError>,
    /// Seconds after which trying again makes sense.
    pub retry_after: Option<u32>,
    /// The methods that the path has.
    pub allow: Option<&'static str>,
    /// More headers for the answer.
    pub headers: HeaderMap,
    /// What the provider tells besides, by name.
    pub told: Option<Box<Map<String, Value>>>,
    /// What guardrails have found, in the contract's words.
    pub hook_results: Option<Box<Value>>,
    /// What a failed answer has used.
    pub usage: Option<Usage>,
}

impl Deref for Refusal {
    type Target = Details;
    fn deref(&self) -> &Details {
        &self.0
    }
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, kind: &'static str, message: &'static str) -> Self {
        Self(Box::new(Details {
            status,
            code: Cow::Borrowed(code),
            known_as: None,
            kind,
            message: Cow::Borrowed(message),
            param: None,
            permission: None,
            held_by: None,
            fields: Vec::new(),
            retry_after: None,
            allow: None,
            headers: HeaderMap::new(),
            told: None,
            hook_results: None,
            usage: None,
        }))
    }

    /// The same with more said.
    fn with(mut self, more: impl FnOnce(&mut Details)) -> Self {
        more(&mut self.0);
        self
    }

    /// The same with the provider's word on when to try again, in seconds.
    pub fn retry_after(self, seconds: Option<u32>) -> Self {
        self.with(|details| details.retry_after = seconds)
    }

    /// The same, with headers that `more` adds.
    pub fn headers(self, more: impl FnOnce(&mut HeaderMap)) -> Self {
        self.with(|details| more(&mut details.headers))
    }

    /// The same, its family named in the words that Anthropic's clients know.
    pub fn for_anthropics_clients(self) -> Self {
        self.with(|details| details.kind = anthropic_kind(details.status.as_u16()))
    }

    fn invalid(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self::new(status, code, "invalid_request_error", message)
    }

    /// Missing, malformed or unknown: the same words for each.
    pub fn no_such_key() -> Self {
        Self::unauthorised("invalid_api_key", "The API key is missing or not valid.")
    }

    pub fn signed_out() -> Self {
        Self::unauthorised(
            "not_signed_in",
            "Your session has ended, or you do not belong to this organisation any more.",
        )
    }

    pub fn key_revoked() -> Self {
        Self::unauthorised("api_key_revoked", "This API key has been revoked.")
    }

    pub fn key_disabled() -> Self {
        Self::unauthorised("api_key_disabled", "This API key is disabled.")
    }

    pub fn key_expired() -> Self {
        Self::unauthorised("api_key_expired", "This API key has expired.")
    }

    pub fn key_rotated() -> Self {
        Self::unauthorised("api_key_revoked", "This secret was replaced when the key was rotated. Use the new one.")
    }

    fn unauthorised(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, "authentication_error", message)
    }

    /// The key may make no model calls.
    pub fn may_not_complete() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "permission_denied",
            "permission_error",
            "",
        )
        .with(|details| {
            let missing = Permission::ModelsCall;
            details.permission = Some(missing.name().into());
            details.held_by = Some(missing.held_by());
            details.message = Cow::Owned(format!(
                "This API key may not make model calls: it lacks the permission {missing}, held by {}. A key has it when its feature \
                 Completions is enabled and the person it answers for holds it; {} can change a key.",
                missing.held_by(),
                Permission::ApiKeysUpdate.held_by(),
            ));
        })
    }

    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "not_found_error", "There is nothing at this address.")
    }

    /// The same for a program that has asked beside the interface for programs.
    pub fn not_found_by_program() -> Self {
        Self::not_found().with(|details| {
            details.message = Cow::Borrowed(
                "There is nothing at this address. Calls of programs stand below /v1, such as /v1/chat/completions: a \
                 client's base URL ends in /v1, without another slash.",
            );
        })
    }

    pub fn method(allow: &'static str) -> Self {
        Self::invalid(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This method is not allowed at this address.",
        )
        .with(|details| details.allow = Some(allow))
    }

    pub fn not_json() -> Self {
        Self::invalid(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "The body must be JSON in UTF-8, with the content type application/json.",
        )
    }

    pub fn no_form() -> Self {
        Self::invalid(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "The body must be a form, with the content type multipart/form-data and a boundary.",
        )
    }

    /// A browser asks whether a page of another origin may call.
    pub fn cross_origin() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "cross_origin_blocked",
            "permission_error",
            "Pages of other origins may not call this server from a browser, where everybody could read the API key. Call \
             it from a program of your own.",
        )
    }

    pub fn too_large() -> Self {
        Self::invalid(
            StatusCode::PAYLOAD_TOO_LARGE,
            "request_too_large",
            "The body is larger than this server accepts.",
        )
    }

    pub fn body_too_slow() -> Self {
        Self::invalid(StatusCode::REQUEST_TIMEOUT, "request_timeout", "The body did not arrive in time.")
    }

    pub fn body_broken() -> Self {
        Self::invalid(StatusCode::BAD_REQUEST, "request_broken", "The body was cut off.")
    }

    pub fn header(name: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::invalid(StatusCode::BAD_REQUEST, "invalid_header", "").with(|details| {
            details.param = Some(Cow::Borrowed(name));
            details.message = message.into();
        })
    }

    /// The text of the answer to the request of this id.
    pub fn body(&self, id: &str) -> Vec<u8> {
        let envelope = Envelope {
            kind: "error",
            success: false,
            status: "failure",
            message: &self.message,
            data: Data { message: &self.message, error_code: admin_code(self.status) },
            error: Error {
                message: &self.message,
                kind: self.kind,
                param: self.param.as_deref(),
                code: self.known_as.unwrap_or(&self.code),
                permission: self.permission.as_deref(),
                held_by: self.held_by.as_deref(),
                fields: &self.fields,
                told: self.told.as_deref(),
            },
            hook_results: self.hook_results.as_deref(),
            request_id: id,
        };
        serde_json::to_vec(&envelope).unwrap_or_default()
    }

    /// The answer to the request of this id.
    pub fn into_response(self, id: &str) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body(id)));
        let Details { status, retry_after, allow, .. } = *self;
        *response.status_mut() = status;
        *response.headers_mut() = self.0.headers;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(methods) = allow {
            headers.insert(ALLOW, HeaderValue::from_static(methods));
        }
        response
    }
}

/// The codes that clients of the administration interface read.
fn admin_code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "AB05",
        402 => "AB09",
        403 => "AB03",
        404 => "AB02",
        409 => "AB07",
        429 => "AB06",
        400..=499 => "AB01",
        _ => "AB04",
    }
}

impl From<CredentialError> for Refusal {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Missing => Self::no_such_key(),
            CredentialError::InQuery => Self::invalid(
                StatusCode::BAD_REQUEST,
                "credential_in_query",
                "An API key must not be part of the address. Send it in a header, and rotate this one.",
            ),
            CredentialError::Conflicting => Self::invalid(
                StatusCode::BAD_REQUEST,
                "conflicting_credentials",
                "The request carries two different API keys. Send one.",
            ),
        }
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        let mut headers = HeaderMap::new();
        if error.hopeless {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        Self(Box::new(Details {
            status: StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_GATEWAY),
            code: Cow::Owned(error.code),
            known_as: None,
            kind: error.kind,
            message: Cow::Owned(error.message),
            param: error.param.map(Cow::Owned),
            permission: None,
            held_by: None,
            fields: Vec::new(),
            retry_after: None,
            allow: None,
            headers,
            told: error.told,
            hook_results: None,
            usage: error.usage.map(|usage| *usage),
        }))
    }
}

/// The same, for a stream that has begun.
impl From<&Refusal> for ApiError {
    fn from(refusal: &Refusal) -> Self {
        Self::new(refusal.status.as_u16(), &*refusal.code, refusal.kind, &*refusal.message)
    }
}

/// What the operations refuse, as every other interface tells it too.
impl From<kernel::Error> for Refusal {
    fn from(error: kernel::Error) -> Self {
        let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let param = match error.fields.as_slice() {
            [only] => Some(Cow::Owned(only.field.clone())),
            _ => None,
        };
        let (permission, held_by) = error.missing.map(|missing| (missing.permission, missing.held_by)).unzip();
        Self(Box::new(Details {
            status,
            code: Cow::Borrowed(error.code.as_str()),
            known_as: None,
            kind: kind_of(status),
            message: Cow::Owned(named(&error.fields).unwrap_or(error.message)),
            param,
            permission,
            held_by,
            fields: error.fields,
            retry_after: error.retry_after,
            allow: None,
            headers: HeaderMap::new(),
            told: None,
            hook_results: None,
            usage: None,
        }))
    }
}

/// The first refused field with what is wrong with it, and how many more there are; none where no field is refused.
fn named(fields: &[FieldError]) -> Option<String> {
    let (first, others) = fields.split_first()?;
    let name = format!("`{}`", first.field);
    let sentence = &first.message;
    let first = if sentence.contains(&name) { sentence.clone() } else { format!("{name}: {sentence}") };
    Some(match others.len() {
        0 => first,
        1 => format!("{first} One more field is listed in `error.fields`."),
        more => format!("{first} {more} more fields are listed in `error.fields`."),
    })
}

/// The family of an error, where its status is all that is known.
fn kind_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        429 => "rate_limit_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

impl From<OutgoingError> for Refusal {
    fn from(error: OutgoingError) -> Self {
        let upstream = |code, message| Self::new(StatusCode::BAD_GATEWAY, code, "upstream_error", message);
        match error {
            OutgoingError::TimedOut(phase) => Self::new(
                StatusCode::GATEWAY_TIMEOUT,
                match phase {
                    Phase::Connect => "upstream_connect_timeout",
                    Phase::Headers | Phase::Total => "upstream_timeout",
                    Phase::Idle => "upstream_idle_timeout",
                },
                "timeout_error",
                "The provider did not answer in time.",
            ),
            OutgoingError::Blocked(_) | OutgoingError::PlainHttp => upstream(
                "upstream_address_blocked",
                "This server may not call the provider's address. Its operator can allow it.",
            )
            .headers(|headers| drop(headers.insert(SHOULD_RETRY, HeaderValue::from_static("false")))),
            OutgoingError::NameNotFound => upstream("upstream_not_resolved", "The provider's name could not be found."),
            OutgoingError::Unreachable => upstream("upstream_unreachable", "The provider could not be reached."),
            OutgoingError::Tls => {
                upstream("upstream_tls_failed", "No secure connection to the provider could be made.")
            }
            OutgoingError::Broken => upstream("upstream_broken_answer", "The provider's answer was cut off."),
            OutgoingError::TooLarge => upstream("upstream_answer_too_large", "The provider's answer is too large."),
        }
    }
}

/// All that the client libraries look for, in one object.
#[derive(Serialize, ToSchema)]
pub struct Envelope<'a> {
    #[serde(rename = "type")]
    #[schema(example = "error")]
    kind: &'static str,
    success: bool,
    #[schema(example = "failure")]
    status: &'static str,
    /// A sentence for people.
    message: &'a str,
    data: Data<'a>,
    error: Error<'a>,
    /// What guardrails have found, where one has denied the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    hook_results: Option<&'a Value>,
    /// Under which the server's own log has more.
    request_id: &'a str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = EnvelopeData)]
struct Data<'a> {
    message: &'a str,
    #[serde(rename = "errorCode")]
    #[schema(example = "AB03")]
    error_code: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = EnvelopeError)]
struct Error<'a> {
    message: &'a str,
    /// The family of the error.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The field or header that is to blame, if it is one.
    param: Option<&'a str>,
    /// The stable name of what went wrong.
    #[schema(example = "permission_denied")]
    code: &'a str,
    /// The permission that is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    permission: Option<&'a str>,
    /// The roles that hold it, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_by: Option<&'a str>,
    /// What is wrong with each field.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(value_type = Vec<EnvelopeField>)]
    fields: &'a [FieldError],
    /// What the provider tells besides, under its own names, such as `innererror`.
    #[serde(flatten)]
    #[schema(ignore)]
    told: Option<&'a Map<String, Value>>,
}

/// What is wrong with one field.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the kernel's own type serialises to, which knows nothing of documents")]
struct EnvelopeField {
    field: String,
    message: String,
}
