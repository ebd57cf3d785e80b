//! What a caller is told of limits.

use crate::{
    features::limits::model::{Kind, Limit, Measure, Scope},
    kernel::Timestamp,
    web::refusal::Refusal,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;

/// Why a call may not leave.
#[derive(Debug, Clone)]
pub enum Reason {
    /// This limit leaves nothing, or not enough, until it resets.
    Used { limit: Arc<Limit>, until: Option<Timestamp>, amount: i64 },
    /// A budget in money stands, and nobody knows what the call costs.
    Unpriced(Arc<Limit>),
    /// What is left cannot be read.
    Unknown,
}

const fn kind(scope: Scope, kind: Kind) -> &'static str {
    match (scope, kind) {
        (Scope::Organisation, Kind::Rate) => "organisation_rate_limit_error",
        (Scope::Person, Kind::Rate) => "person_rate_limit_error",
        (Scope::ApiKey, Kind::Rate) => "api_key_rate_limit_error",
        (Scope::VirtualKey, Kind::Rate) => "virtual_key_rate_limit_error",
        (Scope::Organisation, Kind::Budget) => "organisation_exhaust_error",
        (Scope::Person, Kind::Budget) => "person_exhaust_error",
        (Scope::ApiKey, Kind::Budget) => "api_key_exhaust_error",
        (Scope::VirtualKey, Kind::Budget) => "virtual_key_exhaust_error",
    }
}

impl Reason {
    /// Whether it is the virtual key's alone, so that another may take the call.
    pub fn is_of_virtual_key(&self) -> bool {
        match self {
            Reason::Used { limit, .. } | Reason::Unpriced(limit) => limit.on.scope == Scope::VirtualKey,
            Reason::Unknown => false,
        }
    }

    /// As the caller is told.
    pub fn refusal(&self, now: Timestamp) -> Refusal {
        match self {
            Reason::Unknown => Refusal::cannot_count(),
            Reason::Unpriced(limit) => {
                let message = format!(
                    "{} has a budget of {}, and no price of this model is known, so the call was not made. A price can be set under Prices.",
                    limit.on.scope.words(),
                    limit.is,
                );
                Refusal::unpriced(kind(limit.on.scope, Kind::Budget), message)
            }
            Reason::Used { limit, until, amount } => {
                let whose = limit.on.scope.words();
                let whole = crate::features::limits::model::Wanted { amount: *amount, ..limit.is.clone() };
                let opens = until.map_or_else(
                    || "It does not reset by itself.".to_owned(),
                    |until| format!("It resets on {}.", until.date_time()),
                );
                let facts = serde_json::json!({
                    "object": limit.on.scope.name(),
                    "type": limit.is.measure.name(),
                    "window": limit.is.span.name(),
                    "limit": told(limit.is.measure, *amount),
                    "resets_at": until.map(Timestamp::rfc3339),
                });
                match limit.is.kind {
                    Kind::Rate => {
                        let wait = until.map_or(1, |until| (until.0 - now.0 + 999).div_euclid(1000).max(1));
                        let message = format!("{whose} has reached its limit of {whole}. Try again in {wait} seconds.");
                        let kind = kind(limit.on.scope, Kind::Rate);
                        Refusal::rate_limited(kind, message, u32::try_from(wait).unwrap_or(u32::MAX), facts)
                    }
                    Kind::Budget => {
                        let message = format!(
                            "{whose} has a budget of {whole}, and what is left of it is not enough for this call. {opens}"
                        );
                        Refusal::exhausted(kind(limit.on.scope, Kind::Budget), message, facts)
                    }
                }
            }
        }
    }
}

fn told(measure: Measure, amount: i64) -> serde_json::Value {
    match measure {
        Measure::Cost => serde_json::Value::from(crate::kernel::money::decimal(amount)),
        Measure::Requests | Measure::Tokens => amount.into(),
    }
}

/// The header of an answer that says that a limit is nearly, or more than, used.
pub const WARNING: HeaderName = HeaderName::from_static("x-latchkey-limit-warning");

/// A limit of which at least this share was used before the call is worth a warning.
pub const WARNS_FROM_PERCENT: i64 = 80;

/// How far a limit was used before a call.
#[derive(Debug, Clone)]
pub struct Warning {
    pub limit: Arc<Limit>,
    pub percent: i64,
}

/// Puts the warnings on an answer.
pub fn warn(headers: &mut HeaderMap, warnings: &[Warning]) {
    for Warning { limit, percent } in warnings {
        let text = format!(
            "{} {}; {}; {} % used",
            limit.on.scope.name(),
            if limit.is.kind == Kind::Rate { "limit" } else { "budget" },
            limit.is,
            percent
        );
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.append(WARNING, value);
        }
    }
}
