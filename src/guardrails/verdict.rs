//! What guardrails have found, in the words of the contract (`hook_results`).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the guardrails of a call have found: those over the request, and those over the answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HookResults {
    #[serde(default)]
    pub before_request_hooks: Vec<GuardrailResult>,
    #[serde(default)]
    pub after_request_hooks: Vec<GuardrailResult>,
}

impl HookResults {
    /// Whether nothing was judged.
    pub fn is_empty(&self) -> bool {
        self.before_request_hooks.is_empty() && self.after_request_hooks.is_empty()
    }

    /// All of them, the request's first.
    pub fn all(&self) -> impl Iterator<Item = &GuardrailResult> {
        self.before_request_hooks.iter().chain(&self.after_request_hooks)
    }
}

/// What one guardrail has found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GuardrailResult {
    /// Whether it passed.
    pub verdict: bool,
    /// The guardrail's slug, or what a config calls one of its own.
    pub id: String,
    /// The version that judged; `None` for one that stands in a config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// Whether it has changed what it judged.
    pub transformed: bool,
    pub checks: Vec<CheckResult>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<Feedback>,
    /// Milliseconds.
    pub execution_time: f64,
    #[serde(rename = "async")]
    pub asynchronous: bool,
    /// Always `guardrail`.
    #[serde(rename = "type")]
    pub kind: String,
    /// RFC 3339.
    pub created_at: String,
    /// Whether the call is refused where it does not pass.
    pub deny: bool,
    /// Whether it only watches.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub observe: bool,
}

impl GuardrailResult {
    /// Whether the call ends here.
    pub fn denies(&self) -> bool {
        self.deny && !self.verdict && !self.asynchronous
    }

    /// Whether the caller is told that it failed.
    pub fn is_told(&self) -> bool {
        !self.asynchronous && !self.observe
    }
}

/// What one check has found. It never repeats what was judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Such as `default.contains`.
    pub id: String,
    /// `None` where there is an error.
    pub verdict: Option<bool>,
    pub data: Value,
    /// Milliseconds.
    pub execution_time: f64,
    pub transformed: bool,
    pub error: Option<CheckError>,
    pub created_at: String,
    /// The contract has it; there is nothing to tell.
    pub log: Value,
}

/// Why a check could not judge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckError {
    pub name: String,
    pub message: String,
}

/// What a guardrail says of a call beside its verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Feedback {
    pub value: f64,
    pub weight: f64,
    pub metadata: Value,
}
