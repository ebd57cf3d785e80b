//! Guardrails: checks over what models are asked and what they answer.
//!
//! A guardrail is a JSON definition: checks with their parameters, and what is done when one does not pass.
//! [`Guardrail::compile`] reads it, or says everything that is wrong with it. [`Reading`] finds the texts in the body of a
//! request or an answer, whole or streamed, and [`judge`] runs a guardrail over them. The gateway and the test bench are led
//! by the same code; whatever a check needs from outside (a webhook, a key set) comes through [`Outside`].

#[cfg(feature = "ssr")]
mod bench;
pub mod catalogue;
#[cfg(feature = "ssr")]
pub mod checks;
#[cfg(feature = "ssr")]
mod definition;
#[cfg(feature = "ssr")]
mod judge;
#[cfg(feature = "ssr")]
mod prefix;
#[cfg(feature = "ssr")]
mod texts;
mod verdict;

use serde::{Deserialize, Serialize};

pub use verdict::{CheckError, CheckResult, Feedback, GuardrailResult, HookResults};

#[cfg(feature = "ssr")]
pub use {
    bench::{Tried, try_text},
    definition::{Actions, Guardrail, OnError, Streaming},
    judge::{About, Judged, Outside, judge},
    texts::{Reading, Shape},
};

/// The most bytes of a definition's text.
pub const MAX_TEXT: usize = 256 << 10;
/// The most checks of a guardrail.
pub const MAX_CHECKS: usize = 50;

/// What a guardrail looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// What is sent to the provider.
    Request,
    /// What the provider answers.
    Answer,
}

/// A fault of a definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Such as `checks[0].parameters.rule`.
    pub field: String,
    /// A name that never changes.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

impl Fault {
    pub fn new(field: impl Into<String>, code: &str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code: code.to_owned(), message: message.into() }
    }
}

/// Says why an address must not be called, for webhooks and key sets: the operator's rule.
pub type MayCall<'a> = &'a (dyn Fn(&str) -> Result<(), String> + Sync);

/// The key of the digests that `"redact": "hash"` puts in the place of values: without it, nobody can try all numbers.
pub type HashKey = [u8; 32];

/// A place in a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// In bytes.
    pub start: usize,
    /// The first byte behind it.
    pub end: usize,
    /// What was found, such as `EMAIL_ADDRESS`.
    pub category: String,
}

#[cfg(all(test, feature = "ssr"))]
mod tests;
