//! One attempt of a call that a config led.

use crate::{features::logs::reckoning::Used, kernel::provider::Provider};
use serde::{Deserialize, Serialize};

/// One attempt of a call that a config led.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The target in the config: `config.targets[1]`.
    pub path: String,
    /// The virtual key's slug.
    pub virtual_key: Option<String>,
    pub provider: Option<Provider>,
    /// As the provider knows it.
    pub model: String,
    /// The provider's own; none where it gave none.
    pub status: Option<u16>,
    pub error_code: Option<String>,
    /// Whether anything was sent to the provider.
    pub sent: bool,
    /// Microseconds since the call began.
    pub began_us: i64,
    /// None where the end of the process cut it off.
    pub took_us: Option<i64>,
    pub next: Option<Next>,
    /// Microseconds from the call's beginning to the provider's first byte.
    pub first_byte_us: Option<i64>,
    /// Tokens; none where the provider told none, or the attempt is of a time when they were not kept.
    pub used: Option<Used>,
    /// Micro-cents.
    pub cost: Option<i64>,
}

impl Attempt {
    /// Whether it gave the caller a good answer.
    pub fn is_good(&self) -> bool {
        self.error_code.is_none() && matches!(self.next, Some(Next::Answered | Next::Kept))
    }

    /// What became of it, in words.
    pub fn words(&self) -> String {
        let what = match (self.status, &self.error_code) {
            (Some(status), _) if !(200..300).contains(&status) => status.to_string(),
            (_, Some(code)) => code.clone(),
            (Some(status), None) => status.to_string(),
            (None, None) => String::new(),
        };
        let then = match self.next {
            Some(Next::Answered) => "the answer",
            Some(Next::Kept) => "from the cache",
            Some(Next::Retried) => "retried",
            Some(Next::LedOn) => "the next target was tried",
            Some(Next::Ended) => "the call ended with it",
            None => "cut off by the end of the program",
        };
        if what.is_empty() { then.to_owned() } else { format!("{what}: {then}") }
    }
}

/// What came after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    Answered,
    /// The answer had been kept from an earlier call.
    Kept,
    Retried,
    LedOn,
    Ended,
}

impl Next {
    const ALL: [Next; 5] = [Next::Answered, Next::Kept, Next::Retried, Next::LedOn, Next::Ended];

    /// The stored name.
    pub const fn name(self) -> &'static str {
        match self {
            Next::Answered => "answered",
            Next::Kept => "kept",
            Next::Retried => "retried",
            Next::LedOn => "led_on",
            Next::Ended => "ended",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|next| next.name() == name)
    }
}
