//! What an organisation asks of all its keys.

use super::narrowing::Range;
use crate::kernel::{Timestamp, time::DAY};
use serde::{Deserialize, Serialize};

/// The longest time that can be asked for, in days.
pub const MOST_DAYS: i64 = 3_650;

/// An organisation's rules for keys, as they are stored. A member that this program does not know fails the reading.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyRules {
    /// For how many days a secret works at most, from its making; none: for as long as the key does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest_days: Option<i64>,
    /// Whether every key has an end.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub must_expire: bool,
    /// Whether every key has a budget of its own beyond which its calls are refused.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub must_have_budget: bool,
    /// The addresses from which keys work; none: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allowed_ips: Vec<Range>,
}

/// What the rules look at of a key.
#[derive(Clone, Copy, Debug)]
pub struct Judged {
    /// The master key may live as long as the organisation, and needs no budget.
    pub master: bool,
    /// When its secret was made.
    pub made_at: Timestamp,
    pub end: Option<Timestamp>,
    /// Whether it has a budget of its own that refuses calls.
    pub has_budget: bool,
}

impl KeyRules {
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Which rule is broken by a key, and what can be done.
    pub fn broken_by(&self, key: Judged) -> Option<String> {
        self.broken_by_end(key).or_else(|| self.broken_by_want_of_budget(key))
    }

    /// The same, of its end alone.
    pub fn broken_by_end(&self, key: Judged) -> Option<String> {
        if key.master {
            return None;
        }
        match (self.longest_days, key.end) {
            (Some(days), None) => Some(format!(
                "Keys of this organisation work for {} at most, and this one has no end. Give it an end, or rotate it with one.",
                days_text(days)
            )),
            (Some(days), Some(end)) if end > key.made_at.plus(days.saturating_mul(DAY)) => Some(format!(
                "Keys of this organisation work for {} at most, and this one was made to work for longer. Give it an earlier end, or rotate it with one.",
                days_text(days)
            )),
            (None, None) if self.must_expire => Some(
                "Every key of this organisation must expire, and this one never does. Give it an expiry.".to_owned(),
            ),
            _ => None,
        }
    }

    /// The same, of its budgets alone.
    pub fn broken_by_want_of_budget(&self, key: Judged) -> Option<String> {
        let sentence = "Every key of this organisation has a budget of its own beyond which its calls are refused, and this one has none. Set one first, on the page of limits.";
        (self.must_have_budget && !key.master && !key.has_budget).then(|| sentence.to_owned())
    }
}

fn days_text(days: i64) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}
