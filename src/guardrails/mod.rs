//! Guardrails: what requests and answers are checked for.

pub mod catalogue;
mod verdict;

pub use verdict::{CheckError, CheckResult, Feedback, GuardrailResult, HookResults};

#[cfg(feature = "ssr")]
mod stand_in;
#[cfg(feature = "ssr")]
pub use stand_in::*;

/// A place in a text.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Mark {
    pub start: usize,
    pub end: usize,
    pub category: String,
}
