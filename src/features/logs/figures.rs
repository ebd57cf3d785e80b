//! What calls are counted by, and the figures of a group of them.

use super::model::Metadata;
use crate::kernel::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What calls can be grouped by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Dimension {
    Key,
    Person,
    VirtualKey,
    Provider,
    Model,
    Endpoint,
    Outcome,
    Status,
    /// The stable code of what went wrong.
    Error,
    Config,
    Prompt,
    /// Whether the answer was kept from an earlier call.
    Cache,
    /// Whether an answer came by another attempt than the first.
    Rescued,
    /// What guardrails have found.
    Verdict,
    /// A name in the metadata of calls, of those that the organisation groups by.
    Metadata(String),
}

impl Dimension {
    /// Every one but those of metadata.
    pub const FIXED: [Dimension; 14] = [
        Dimension::Model,
        Dimension::Key,
        Dimension::VirtualKey,
        Dimension::Provider,
        Dimension::Person,
        Dimension::Prompt,
        Dimension::Config,
        Dimension::Endpoint,
        Dimension::Outcome,
        Dimension::Status,
        Dimension::Error,
        Dimension::Cache,
        Dimension::Rescued,
        Dimension::Verdict,
    ];

    /// Its name in an address: `virtual_key`, `metadata.team`.
    pub fn name(&self) -> Cow<'static, str> {
        match self {
            Dimension::Metadata(name) => Cow::Owned(format!("metadata.{name}")),
            fixed => Cow::Borrowed(fixed.words().0),
        }
    }

    /// Its name for people, as in "by virtual key".
    pub fn label(&self) -> Cow<'static, str> {
        match self {
            Dimension::Metadata(name) => Cow::Owned(name.clone()),
            fixed => Cow::Borrowed(fixed.words().1),
        }
    }

    const fn words(&self) -> (&'static str, &'static str) {
        match self {
            Dimension::Key => ("key", "API key"),
            Dimension::Person => ("person", "person"),
            Dimension::VirtualKey => ("virtual_key", "virtual key"),
            Dimension::Provider => ("provider", "provider"),
            Dimension::Model => ("model", "model"),
            Dimension::Endpoint => ("endpoint", "endpoint"),
            Dimension::Outcome => ("outcome", "outcome"),
            Dimension::Status => ("status", "status"),
            Dimension::Error => ("error", "error code"),
            Dimension::Config => ("config", "config"),
            Dimension::Prompt => ("prompt", "prompt"),
            Dimension::Cache => ("cache", "cache"),
            Dimension::Rescued => ("rescued", "retries"),
            Dimension::Verdict => ("verdict", "guardrail result"),
            Dimension::Metadata(_) => ("metadata", "metadata"),
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        if let Some(name) = name.strip_prefix("metadata.") {
            return Metadata::is_fit(name).is_ok().then(|| Dimension::Metadata(name.to_owned()));
        }
        Self::FIXED.into_iter().find(|fixed| fixed.words().0 == name)
    }

    /// The filter of the log that leaves one group of this.
    pub const fn filter(&self) -> &'static str {
        match self {
            Dimension::Model => "model_is",
            Dimension::Metadata(_) => "metadata",
            fixed => fixed.words().0,
        }
    }
}

/// The figures of a group of ended calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Entries of the log.
    pub entries: i64,
    /// Calls that they stand for.
    pub calls: i64,
    /// Calls that were answered well.
    pub ok: i64,
    /// Calls whose answer was kept from an earlier one.
    pub hits: i64,
    /// Calls that were answered at a second try of the same target, and by another target.
    pub retried: i64,
    pub fell_back: i64,
    /// Calls that a guardrail refused.
    pub denied: i64,
    pub input_tokens: i64,
    /// The part of `input_tokens` that came from the provider's cache.
    pub cached_input_tokens: i64,
    pub output_tokens: i64,
    /// The part of `output_tokens` that went into reasoning, as far as providers tell it.
    pub reasoning_tokens: i64,
    /// Micro-cents; none if no call's cost is known.
    pub cost: Option<i64>,
    /// Micro-cents that answers kept from earlier calls would have cost anew, as far as that is known.
    pub saved: i64,
    /// Calls that used tokens at a price that is not known. `cost` is without them.
    pub unpriced: i64,
    /// Of the calls whose length is known, in microseconds.
    pub latency: Spread,
    /// Until the provider's first byte.
    pub first_byte: Spread,
    /// The latest call's beginning.
    pub last_at: Option<Timestamp>,
}

impl Figures {
    /// Calls that were not answered well.
    pub const fn failed(&self) -> i64 {
        self.calls - self.ok
    }

    pub const fn tokens(&self) -> i64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// The share of a number of calls in all of them, 0 to 1; none where there are none.
    pub fn share(&self, of: i64) -> Option<f64> {
        (self.calls > 0).then(|| of as f64 / self.calls as f64)
    }
}

/// How lengths of time are spread, in microseconds. The percentiles are true within one in a hundred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// How many lengths are known.
    pub count: i64,
    pub mean: i64,
    pub p50: i64,
    pub p90: i64,
    pub p99: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dimension_is_read_by_its_name() {
        for dimension in Dimension::FIXED.into_iter().chain([Dimension::Metadata("team".into())]) {
            assert_eq!(Dimension::parse(&dimension.name()), Some(dimension.clone()), "{dimension:?}");
        }
        for bad in ["", "metadata.", "metadata.$x", "metadata.\"", "keys", "metadata"] {
            assert_eq!(Dimension::parse(bad), None, "{bad}");
        }
    }
}
