//! Refusals of model calls: what they name, what configs and guardrails forbid, and what there is no room or time for.

use super::{Refusal, SHOULD_RETRY, narrowed::shown};
use crate::{kernel::FieldError, policy::Permission};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Seconds that a client is asked to wait by itself.
const LONGEST_WAIT: u32 = 60;

impl Refusal {
    /// A response is kept by one provider, and the config leads to several.
    pub fn many_targets() -> Self {
        Self::invalid(
            StatusCode::BAD_REQUEST,
            "config_has_many_targets",
            "A stored response is kept by one provider. Name that provider's virtual key, or a config with that target alone.",
        )
        .with(|details| details.param = Some(Cow::Borrowed("x-portkey-config")))
    }

    pub fn no_virtual_key() -> Self {
        Self::invalid(
            StatusCode::BAD_REQUEST,
            "virtual_key_missing",
            "Name a virtual key: in the header x-portkey-virtual-key, as @slug in x-portkey-provider, or before the \
             model as @slug/model.",
        )
    }

    pub fn two_virtual_keys() -> Self {
        Self::invalid(StatusCode::BAD_REQUEST, "virtual_key_conflict", "The request names two different virtual keys.")
    }

    pub fn no_such_virtual_key() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "virtual_key_not_found",
            "not_found_error",
            "There is no virtual key with this name.",
        )
    }

    /// The list of models has none of this name, or none that the key may call.
    pub fn no_such_model(model: &str) -> Self {
        let message = format!(
            "There is no model {} in the list of models that this API key has. Name it as the list does.",
            shown(model)
        );
        Self::new(StatusCode::NOT_FOUND, "model_not_found", "invalid_request_error", "").with(|details| {
            details.message = Cow::Owned(message);
            details.param = Some(Cow::Borrowed("model"));
        })
    }

    /// A guardrail has denied the request or its answer.
    pub fn denied(hook_results: Value) -> Self {
        // The contract's own status, beside those that HTTP has.
        let status = StatusCode::from_u16(446).unwrap_or(StatusCode::FORBIDDEN);
        let message = "A guardrail denied this call. `hook_results` says which check did not pass.";
        Self::new(status, "guardrail_denied", "hooks_failed", message)
            .with(|details| details.hook_results = Some(Box::new(hook_results)))
    }

    /// A guardrail has found something in an answer that is given all the same; another attempt follows.
    pub fn doubted() -> Self {
        let status = StatusCode::from_u16(246).unwrap_or(StatusCode::OK);
        Self::new(status, "guardrail_failed", "hooks_failed", "A guardrail found something in the answer.")
    }

    /// A guardrail that holds for the call cannot be run. It is not passed over.
    pub fn guardrail_broken() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "guardrail_unusable",
            "api_error",
            "A guardrail that applies to this call cannot be read, so the call was not made. Save the guardrail again.",
        )
    }

    /// The organisation has set guardrails for every call since this one came.
    pub fn guardrails_changed() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "guardrails_changed",
            "api_error",
            "Guardrails for every call were set while this one was under way. Send it again.",
        )
    }

    /// Its rewriting has made another call of it.
    pub fn guardrail_changed_call() -> Self {
        Self::new(
            StatusCode::BAD_GATEWAY,
            "guardrail_changed_call",
            "api_error",
            "A guardrail's webhook changed the model, or whether the answer is streamed, so the call was not made.",
        )
    }

    pub fn no_such_guardrail(slug: &str) -> Self {
        let slug: String = slug.chars().take(60).collect();
        Self::invalid(StatusCode::BAD_REQUEST, "guardrail_not_found", "").with(|details| {
            details.message = format!("The config names a guardrail `{slug}` that does not exist.").into();
            details.param = Some(Cow::Borrowed("x-portkey-config"));
        })
    }

    /// Unknown, deleted, or of another organisation: the same words for each.
    pub fn no_such_config() -> Self {
        Self::invalid(StatusCode::BAD_REQUEST, "config_not_found", "There is no config with this name.")
            .with(|details| details.param = Some(Cow::Borrowed("x-portkey-config")))
    }

    /// The key may not see prompts, so that it can neither fill nor run one.
    pub fn may_not_see_prompts() -> Self {
        let missing = Permission::PromptsView;
        let message = format!(
            "This API key may not use prompts: it lacks the permission {missing}, held by {}. A key has it when its feature \
             Prompts is at least at Read and the person it answers for holds it.",
            missing.held_by(),
        );
        Self::new(StatusCode::FORBIDDEN, "permission_denied", "permission_error", "").with(|details| {
            details.permission = Some(missing.name().into());
            details.held_by = Some(missing.held_by());
            details.message = Cow::Owned(message);
        })
    }

    /// No prompt of this name, no such version of it, or a label that stands nowhere.
    pub fn no_such_prompt() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "not_found_error",
            "There is no prompt of this name in this organisation, or its version or label is not there. Without a version the published one is meant.",
        )
    }

    /// A prompt that cannot be filled with what was sent. `told` names the variables that are to blame.
    pub fn prompt_refused(code: &'static str, message: String, told: Map<String, Value>) -> Self {
        Self::invalid(StatusCode::UNPROCESSABLE_ENTITY, code, "").with(|details| {
            details.message = Cow::Owned(message);
            details.param = Some(Cow::Borrowed("variables"));
            details.told = (!told.is_empty()).then(|| Box::new(told));
        })
    }

    /// The key has a config of its own, and may name no other.
    pub fn config_is_fixed() -> Self {
        Self::invalid(
            StatusCode::BAD_REQUEST,
            "config_override_not_allowed",
            "This API key has a config of its own and may not name another.",
        )
        .with(|details| details.param = Some(Cow::Borrowed("x-portkey-config")))
    }

    /// A config with faults, each with its path and sentence. `first` says the first of them.
    pub fn bad_config(first: String, fields: Vec<FieldError>) -> Self {
        Self::invalid(StatusCode::BAD_REQUEST, "invalid_config", "").with(|details| {
            details.message = Cow::Owned(first);
            details.param = Some(Cow::Borrowed("x-portkey-config"));
            details.fields = fields;
        })
    }

    /// A request brings something of its own where only what is saved may be named. The code and the header are the
    /// contract's.
    pub fn only_saved(code: &'static str, header: &'static str) -> Self {
        Self::invalid(
            StatusCode::BAD_REQUEST,
            code,
            "In this organisation a call may only name a saved config or virtual key.",
        )
        .with(|details| {
            details.param = Some(Cow::Borrowed(header));
            details.told = Some(Box::new(Map::from_iter([("field".to_owned(), Value::from(header))])));
        })
    }

    /// The config leads this call nowhere.
    pub fn no_condition_holds() -> Self {
        Self::invalid(
            StatusCode::BAD_REQUEST,
            "no_condition_holds",
            "No condition of the config fits this request, and the config has no default.",
        )
    }

    /// What the call was prepared with is not what is stored any more.
    pub fn virtual_key_changed() -> Self {
        Self::unavailable(
            "virtual_key_changed",
            "The virtual key was changed while this call was being prepared. Send it again.",
        )
    }

    /// The model's name cannot stand in the provider's address.
    pub fn bad_model() -> Self {
        Self::invalid(StatusCode::BAD_REQUEST, "invalid_parameter", "`model` is not a model name.")
            .with(|details| details.param = Some(Cow::Borrowed("model")))
    }

    /// The directory of keys cannot be read.
    pub fn cannot_verify() -> Self {
        Self::unavailable("verification_unavailable", "The API key cannot be verified at the moment.")
    }

    /// What is left of a limit cannot be read.
    pub fn cannot_count() -> Self {
        Self::unavailable(
            "limits_unavailable",
            "What is left of a limit cannot be read at the moment, so the call was not made.",
        )
    }

    /// A limit on how many or how much at a time leaves nothing for `wait` seconds. `kind` is the contract's.
    pub fn rate_limited(kind: &'static str, message: String, wait: u32, limit: Value) -> Self {
        Self::limited(StatusCode::TOO_MANY_REQUESTS, ("rate_limited", "05"), kind, message, limit)
            .retry_after(Some(wait))
            .headers(|headers| {
                // Clients wait by themselves, but not for hours.
                if wait > LONGEST_WAIT {
                    headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
                }
            })
    }

    /// A budget leaves nothing, or not enough.
    pub fn exhausted(kind: &'static str, message: String, limit: Value) -> Self {
        Self::limited(StatusCode::PRECONDITION_FAILED, ("budget_exhausted", "04"), kind, message, limit)
            .headers(|headers| drop(headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"))))
    }

    /// A budget in money stands, and nobody knows what the call costs.
    pub fn unpriced(kind: &'static str, message: String) -> Self {
        Self::limited(StatusCode::PRECONDITION_FAILED, ("price_unknown", "04"), kind, message, Value::Null)
            .headers(|headers| drop(headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"))))
    }

    fn limited(
        status: StatusCode,
        (code, known_as): (&'static str, &'static str),
        kind: &'static str,
        message: String,
        limit: Value,
    ) -> Self {
        Self::new(status, code, kind, "").with(|details| {
            details.known_as = Some(known_as);
            details.message = Cow::Owned(message);
            let told = [("reason".to_owned(), Value::from(code)), ("limit".to_owned(), limit)];
            details.told = Some(Box::new(told.into_iter().filter(|(_, value)| !value.is_null()).collect()));
        })
    }

    /// The log of calls has no room.
    pub fn cannot_record() -> Self {
        Self::unavailable("log_unavailable", "The call cannot be recorded at the moment, so it was not made.")
    }

    /// The bodies of other requests take all the memory that there is for them.
    pub fn no_room() -> Self {
        Self::unavailable("server_busy", "Too many large requests are under way at the moment.")
    }

    pub(super) fn unavailable(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, "api_error", message).retry_after(Some(1))
    }

    /// The caller's own time limit has passed.
    pub fn callers_limit() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "request_timeout",
            "timeout_error",
            "The provider did not answer within the time that the request allows.",
        )
    }
}
