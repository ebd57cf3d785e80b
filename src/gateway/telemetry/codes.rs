//! The stable codes by which figures tell what went wrong with calls. Whatever is not among them, such as a provider's own
//! word, is counted as [`OTHER`], so that nobody can make new names.

/// What a code is counted as that is not in the list.
pub const OTHER: &str = "other";

/// In alphabetical order.
#[rustfmt::skip]
pub const CODES: [&str; 91] = [
    "address_not_allowed", "api_key_changed", "api_key_disabled", "api_key_expired", "api_key_not_yet_valid",
    "api_key_revoked", "bad_placeholder", "bad_strict", "bad_variables", "budget_exhausted", "client_left",
    "config_has_many_targets", "config_not_allowed", "config_not_found", "config_override_not_allowed",
    "conflicting_credentials", "context_length_exceeded", "credential_in_query", "cross_origin_blocked",
    "duplicate_parameter", "guardrail_changed_call", "guardrail_denied", "guardrail_failed", "guardrail_not_found",
    "guardrail_unusable", "guardrails_changed", "inline_config_blocked", "inline_custom_host_blocked",
    "inline_forward_headers_blocked", "inline_provider_blocked", "insufficient_quota", "interrupted",
    "invalid_api_key", "invalid_config", "invalid_form", "invalid_header", "invalid_json", "invalid_parameter",
    "key_breaks_policy", "limits_unavailable", "log_unavailable", "method_not_allowed", "missing_parameter",
    "model_not_allowed", "model_not_found", "no_condition_holds", "not_found", "not_signed_in", "permission_denied",
    "price_unknown", "prompt_not_allowed", "prompt_not_messages", "prompt_too_deep", "prompt_too_long",
    "prompt_too_much_work", "rate_limited", "request_broken", "request_timeout", "request_too_large", "server_busy",
    "too_many_values", "unfilled_variables", "unsupported_media_type", "unsupported_parameter", "unsupported_provider",
    "upstream_address_blocked", "upstream_answer_too_large", "upstream_broken_answer", "upstream_connect_timeout",
    "upstream_credential_refused", "upstream_error", "upstream_idle_timeout", "upstream_invalid_answer",
    "upstream_model_failed", "upstream_not_found", "upstream_not_resolved", "upstream_overloaded",
    "upstream_quota_exhausted", "upstream_rate_limited", "upstream_redirected", "upstream_rejected_request",
    "upstream_stream_broken", "upstream_timeout", "upstream_tls_failed", "upstream_unreachable",
    "verification_unavailable", "virtual_key_changed", "virtual_key_conflict", "virtual_key_missing",
    "virtual_key_not_allowed", "virtual_key_not_found",
];

/// The place of a code, which is behind the last where it is not in the list.
pub fn place(code: &str) -> usize {
    CODES.binary_search(&code).unwrap_or(CODES.len())
}

/// The code at a place.
pub fn at(place: usize) -> &'static str {
    CODES.get(place).copied().unwrap_or(OTHER)
}
