//! One call: as a list shows it, and everything about it.

use super::{Attempt, Metadata};
use crate::{
    features::logs::{reckoning::Reckoning, texts::Texts, timeline::Step},
    guardrails::HookResults,
    kernel::{CallId, KeyId, Timestamp, VirtualKeyId, provider::Provider, text},
};
use serde::{Deserialize, Serialize};

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// It has not ended yet.
    Started,
    Ok,
    /// Latchkey refused it: no permission, no such virtual key, a bad request.
    Refused,
    /// The provider refused it, failed, or could not be reached.
    Failed,
    /// The caller went away before the end.
    Left,
    /// The process ended before the call did.
    Lost,
}

impl CallOutcome {
    pub const ALL: [CallOutcome; 6] = [
        CallOutcome::Ok,
        CallOutcome::Refused,
        CallOutcome::Failed,
        CallOutcome::Left,
        CallOutcome::Lost,
        CallOutcome::Started,
    ];

    /// The stored name.
    pub const fn name(self) -> &'static str {
        match self {
            CallOutcome::Started => "started",
            CallOutcome::Ok => "ok",
            CallOutcome::Refused => "refused",
            CallOutcome::Failed => "failed",
            CallOutcome::Left => "left",
            CallOutcome::Lost => "lost",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }

    /// The word for people.
    pub const fn label(self) -> &'static str {
        match self {
            CallOutcome::Started => "under way",
            CallOutcome::Ok => "ok",
            CallOutcome::Refused => "refused",
            CallOutcome::Failed => "failed",
            CallOutcome::Left => "caller left",
            CallOutcome::Lost => "lost",
        }
    }
}

/// A call as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedCall {
    pub id: CallId,
    pub started_at: Timestamp,
    pub outcome: CallOutcome,
    /// What the caller was given; none while the call is under way.
    pub status: Option<u16>,
    /// The stable code of what went wrong.
    pub error_code: Option<String>,
    pub model: Option<String>,
    /// The API key's name now.
    pub key: Option<String>,
    /// The person's name now, where a person called from the console.
    pub person: Option<String>,
    /// The virtual key's slug.
    pub virtual_key: Option<String>,
    /// Microseconds until the last byte.
    pub latency_us: Option<i64>,
    /// Tokens read and written, together.
    pub tokens: Option<i64>,
    /// Micro-cents.
    pub cost: Option<i64>,
    /// How many calls this entry stands for. Refused calls alike are counted when they are many; this is the latest.
    pub count: i64,
    /// The caller's own, or the call's id.
    pub trace_id: String,
}

impl LoggedCall {
    /// Who called: the key, or the person.
    pub fn caller(&self) -> String {
        let person = self.person.as_ref().map(|name| format!("{name}, in the console"));
        person.or_else(|| self.key.clone()).unwrap_or_else(|| "Unknown key".to_owned())
    }

    /// The trace id that the caller gave, if it did.
    pub fn own_trace(&self) -> Option<&str> {
        Some(self.trace_id.as_str()).filter(|trace| *trace != self.id.to_string())
    }

    /// Status and word: `200 ok`, `403 no Completions`, `under way`; with the number of calls if they are many.
    pub fn words(&self) -> String {
        let words = outcome_words(self.outcome, self.status, self.error_code.as_deref());
        if self.count > 1 { format!("{words} × {}", text::grouped(self.count)) } else { words }
    }
}

/// Status and word of an outcome.
pub fn outcome_words(outcome: CallOutcome, status: Option<u16>, error: Option<&str>) -> String {
    let word = match error {
        Some("permission_denied") => "no Completions",
        Some("virtual_key_not_found" | "virtual_key_missing" | "virtual_key_conflict") => "no virtual key",
        Some("upstream_rate_limited") => "provider’s limit",
        Some("upstream_quota_exhausted") => "provider’s quota",
        Some("upstream_credential_refused") => "credential refused",
        Some("upstream_model_failed") => "model failed",
        Some("upstream_address_blocked") => "address blocked",
        Some(code) if code.starts_with("upstream_") && code.ends_with("timeout") => "provider too slow",
        _ => outcome.label(),
    };
    match (outcome, status) {
        (CallOutcome::Started | CallOutcome::Lost, _) | (_, None) => word.to_owned(),
        (_, Some(status)) => format!("{status} {word}"),
    }
}

/// Everything about one call. What was said in it is read apart, see [`Texts`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    pub call: LoggedCall,
    pub finished_at: Option<Timestamp>,
    pub key_id: Option<KeyId>,
    pub virtual_key_id: Option<VirtualKeyId>,
    /// The virtual key still exists.
    pub virtual_key_lives: bool,
    pub provider: Option<Provider>,
    /// `chat_completions`, `messages`, `embeddings`, `responses` and so on: what was called.
    pub endpoint: String,
    pub streamed: bool,
    /// Microseconds until the provider's first byte.
    pub first_byte_us: Option<i64>,
    pub input_tokens: Option<i64>,
    pub cached_input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    /// Of those, reasoning tokens, as far as the provider tells them.
    pub reasoning_tokens: Option<i64>,
    /// What an answer that was kept from an earlier call would have cost anew, in micro-cents.
    pub saved: Option<i64>,
    /// What the caller said of it.
    pub metadata: Option<Metadata>,
    /// The provider's own id of the call.
    pub upstream_id: Option<String>,
    /// The prompt that it ran, if it ran one.
    pub ran: Option<Ran>,
    /// The config that led it, if one did.
    pub led: Option<LedBy>,
    /// The attempts of a call that a config led, in order.
    pub attempts: Vec<Attempt>,
    /// What guardrails have found, in all attempts.
    pub found: HookResults,
    /// How its cost was calculated.
    pub reckoning: Reckoning,
    /// The virtual key that the call named, where there was none.
    pub unknown_key: Option<UnknownKey>,
    /// The call after this.
    pub newer: Option<CallId>,
    /// The call before this.
    pub older: Option<CallId>,
    /// What happened, in order: none before it ends, and of one whose end nobody saw.
    pub steps: Vec<Step>,
    /// What there is of what was said.
    pub texts: Texts,
    /// The moment of reading.
    pub now: Timestamp,
}

impl Detail {
    /// The slug that the call named, if there was no virtual key of it and there could be one.
    pub fn unknown_slug(&self) -> Option<&str> {
        let named =
            self.call.model.as_deref().filter(|_| self.call.error_code.as_deref() == Some("virtual_key_not_found"));
        named?.strip_prefix('@')?.split('/').next().filter(|slug| is_slug(slug))
    }
}

/// The prompt that a call ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    pub slug: String,
    /// The number of its version.
    pub version: i64,
    /// The label by which it was found.
    pub label: Option<String>,
    /// It is still there.
    pub lives: bool,
}

/// The config that led a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LedBy {
    /// One that came with the request.
    Inline,
    /// A saved one: its slug, the number of its version, and whether it is still there.
    Saved { slug: String, version: i64, lives: bool },
}

/// A virtual key that a call named and that was not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownKey {
    pub slug: String,
    /// It was made since.
    pub exists: bool,
}

/// Whether a text could be a virtual key's slug.
pub fn is_slug(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_names_are_read_back() {
        for outcome in CallOutcome::ALL {
            assert_eq!(CallOutcome::parse(outcome.name()), Some(outcome));
        }
        assert_eq!(CallOutcome::parse("OK"), None);
    }

    #[test]
    fn outcomes_have_words() {
        assert_eq!(outcome_words(CallOutcome::Ok, Some(200), None), "200 ok");
        assert_eq!(outcome_words(CallOutcome::Refused, Some(403), Some("permission_denied")), "403 no Completions");
        assert_eq!(outcome_words(CallOutcome::Started, None, None), "under way");
        assert_eq!(outcome_words(CallOutcome::Lost, Some(500), Some("interrupted")), "lost");
        assert_eq!(
            outcome_words(CallOutcome::Failed, Some(504), Some("upstream_connect_timeout")),
            "504 provider too slow"
        );
    }
}
