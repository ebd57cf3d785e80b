//! What both sides know of the log of calls: what it is filtered by, and a page of it. One call, its attempts, what is said of
//! it, and what an organisation says of its log stand in files of their own.

mod attempt;
mod call;
mod metadata;
mod settings;

pub use attempt::{Attempt, Next};
pub use call::{CallOutcome, Detail, LedBy, LoggedCall, Ran, UnknownKey, is_slug, outcome_words};
pub use metadata::Metadata;
pub use settings::{MOST_GROUPED, Settings};

use super::filters::Saved;
use crate::kernel::{Asked, Timestamp, provider::Provider};
use serde::{Deserialize, Serialize};

/// Calls on one page.
pub const PAGE: i64 = 50;

/// What the list is filtered by:
/// - `range`: `1h`, `24h` (also where nothing is said), `7d`, `30d`, or `custom` with `from` and `to`, a date such as
///   `2027-02-21` (its beginning and its end) or a moment (RFC 3339); without `to` until now.
/// - `key`: an API key's id. `virtual_key`: an id or slug. `person`: the id of who called from the console. `provider`,
///   `endpoint`: a name. `prompt`, `config`: the slug of what was run or led, with the number of a version beside it.
///   `model`: part of the name, whatever its letter case; `model_is`: the whole of it; `provider_model`: that behind a
///   provider's, as in `openai__gpt-4o`. `error`: a stable code.
/// - `trace_id`: a whole one. `search`: part of a trace id or of metadata, whatever its letter case. `metadata`: see [`Metadata::parse_filter`]. `status`: an outcome's name, a status, or a class
///   of statuses such as `4xx`. `outcome`: the name of one, beside
///   a status or a class.
/// - `cache`: `none`, `hit`. `rescued`: `none`, `retry`, `fallback`. `verdict`: `none`, `passed`, `failed`, `denied`.
/// - `min_cost`, `max_cost`: dollars. `min_tokens`, `max_tokens`, and of those that were read and written
///   `min_input_tokens` and so on. `min_latency`, `max_latency`: milliseconds.
///
/// `key`, `virtual_key`, `prompt`, `config`, `model_is`, `provider_model`, `trace_id` and `status` may be several, parted by
/// commas: any of them.
pub const FILTERS: [&str; 34] = [
    "range",
    "from",
    "to",
    "key",
    "virtual_key",
    "person",
    "provider",
    "endpoint",
    "prompt",
    "prompt_version",
    "config",
    "config_version",
    "model",
    "model_is",
    "provider_model",
    "error",
    "trace_id",
    "search",
    "metadata",
    "status",
    "outcome",
    "cache",
    "rescued",
    "verdict",
    "min_cost",
    "max_cost",
    "min_tokens",
    "max_tokens",
    "min_input_tokens",
    "max_input_tokens",
    "min_output_tokens",
    "max_output_tokens",
    "min_latency",
    "max_latency",
];

/// Nothing but the time is filtered.
pub fn is_plain(asked: &Asked) -> bool {
    asked.is_silent(&FILTERS[3..])
}

/// Keys, or virtual keys, that the bar of filters offers at most.
pub const MOST_CHOICES: usize = 60;

/// A word of a filter, with its label.
type Word = (&'static str, &'static str);

/// Filters of few words: label and name, what stands for any, and each word.
pub const WORDS: [(&str, &str, &str, &[Word]); 3] = [
    (
        "Retries",
        "rescued",
        "Retried or not",
        &[("none", "Not retried"), ("retry", "Answered after a retry"), ("fallback", "Answered by a fallback")],
    ),
    ("Cache", "cache", "Cached or not", &[("none", "Not from the cache"), ("hit", "From the cache")]),
    (
        "Guardrails",
        "verdict",
        "Any guardrail result",
        &[("none", "No guardrail"), ("passed", "Passed"), ("failed", "Failed, allowed"), ("denied", "Denied")],
    ),
];

/// The label of a word of one of these filters.
pub fn word_of(filter: &str, word: &str) -> Option<&'static str> {
    let words = WORDS.iter().find(|(_, name, ..)| *name == filter).map(|(.., words)| *words)?;
    words.iter().find(|(known, _)| *known == word).map(|(_, label)| *label)
}

/// Calls within one bar of the chart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    pub start: Timestamp,
    pub ok: u64,
    pub failed: u64,
}

/// All calls that a filter lets through, on every page of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Entries of the list.
    pub entries: i64,
    /// Calls that they stand for.
    pub calls: i64,
    pub failed: i64,
    /// Micro-cents; none if no call's cost is known.
    pub cost: Option<i64>,
    /// The middle latency of those whose length is known, in microseconds.
    pub p50_us: Option<i64>,
    /// Calls that used tokens at a price that is not known.
    pub unpriced: i64,
}

/// How the calls of one virtual key went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    pub name: String,
    pub slug: String,
    pub calls: i64,
    /// Calls that the provider failed.
    pub failed: i64,
}

impl Health {
    /// A tenth or more of the calls fail, and of more than a few.
    pub fn fails(&self) -> bool {
        self.failed >= 3 && self.failed * 10 >= self.calls
    }

    /// What is said of one that fails, behind its name, in proportion: "OpenAI, main has failures".
    pub fn trouble(&self) -> &'static str {
        if self.failed * 2 >= self.calls { "fails" } else { "has failures" }
    }
}

/// One page of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Newest first.
    pub calls: Vec<LoggedCall>,
    /// Cursor for `before`, if there are newer calls.
    pub previous: Option<String>,
    /// Cursor for `after`, if there are older calls.
    pub next: Option<String>,
    pub totals: Totals,
    pub from: Timestamp,
    pub to: Timestamp,
    /// Width of a bar in milliseconds.
    pub width: i64,
    pub bars: Vec<Bucket>,
    /// The organisation never made a call: how to make the first.
    pub first_call: Option<FirstCall>,
    pub now: Timestamp,
}

/// Newer calls that are counted.
pub const MOST_NEWER: i64 = 100;

/// What came into the log since a call that is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Newer {
    /// The id of the call that was asked about; empty: of none.
    pub id: String,
    /// Entries, [`MOST_NEWER`] at most.
    pub count: usize,
    /// There are more of them.
    pub more: bool,
}

/// What the example of a first call needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstCall {
    pub public_url: String,
    /// A virtual key that is there, if any.
    pub virtual_key: Option<(String, Provider)>,
}

impl FirstCall {
    /// The call as a shell command.
    pub fn curl(&self) -> String {
        let (slug, model) = match &self.virtual_key {
            Some((slug, provider)) => (slug.as_str(), provider.example_models().first().copied().unwrap_or("model")),
            None => ("openai-main", "gpt-4o-mini"),
        };
        format!(
            "curl {}/v1/chat/completions \\\n  -H 'Authorization: Bearer lk_…' \\\n  -H 'Content-Type: application/json' \\\n  \
             -d '{{\"model\": \"@{slug}/{model}\", \"messages\": [{{\"role\": \"user\", \"content\": \"Hello\"}}]}}'",
            self.public_url
        )
    }
}

/// Something to filter by: its id and its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub id: String,
    pub name: String,
}

/// The keys that a list can be filtered by, and whole filters that are saved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    /// At most [`MOST_CHOICES`] for the bar, as of virtual keys.
    pub keys: Vec<Named>,
    pub virtual_keys: Vec<Named>,
    /// The first of the filters that are saved, by name.
    pub saved: Vec<Saved>,
}

/// `0.4 ms`, `412 ms`, `1.9 s`, `2 min 5 s`, of microseconds.
pub fn duration(micros: i64) -> String {
    match micros.max(0) {
        us if us < 9_950 => format!("{}.{} ms", (us + 50) / 1_000, (us + 50) % 1_000 / 100),
        us if us < 999_500 => format!("{} ms", (us + 500) / 1_000),
        us if us < 59_950_000 => format!("{}.{} s", (us + 50_000) / 1_000_000, (us + 50_000) % 1_000_000 / 100_000),
        us => format!("{} min {} s", us / 60_000_000, us % 60_000_000 / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::text;

    #[test]
    fn durations_and_numbers_read_well() {
        for (us, words) in [
            (0, "0.0 ms"),
            (412, "0.4 ms"),
            (9_949, "9.9 ms"),
            (9_950, "10 ms"),
            (412_300, "412 ms"),
            (999_499, "999 ms"),
            (999_500, "1.0 s"),
            (1_949_999, "1.9 s"),
            (59_949_999, "59.9 s"),
            (125_000_000, "2 min 5 s"),
        ] {
            assert_eq!(duration(us), words, "{us}");
        }
        for (number, words) in
            [(0, "0"), (999, "999"), (1_204, "1,204"), (-1_234_567, "-1,234,567"), (100_000, "100,000")]
        {
            assert_eq!(text::grouped(number), words);
        }
    }

    #[test]
    fn a_first_call_names_what_is_there() {
        let call = FirstCall {
            public_url: "https://keys.example.org".into(),
            virtual_key: Some(("claude".into(), Provider::Anthropic)),
        };
        assert!(call.curl().starts_with("curl https://keys.example.org/v1/chat/completions"));
        assert!(call.curl().contains("\"@claude/claude-sonnet-4-5\""));
    }
}
