//! What both sides know of the log of calls.

use super::{
    filters::Saved,
    reckoning::{Reckoning, Used},
    texts::Texts,
    timeline::Step,
};
use crate::guardrails::HookResults;
use crate::kernel::{Asked, CallId, KeyId, Timestamp, VirtualKeyId, provider::Provider, text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Calls on one page.
pub const PAGE: i64 = 50;

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
    pub const ALL: [CallOutcome; 6] =
        [CallOutcome::Ok, CallOutcome::Refused, CallOutcome::Failed, CallOutcome::Left, CallOutcome::Lost, CallOutcome::Started];

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

/// What the list is filtered by:
/// - `range`: `1h`, `24h` (also where nothing is said), `7d`, `30d`, or `custom` with `from` and `to`, a date such as
///   `2027-02-21` (its beginning and its end) or a moment (RFC 3339); without `to` until now.
/// - `key`: an API key's id. `virtual_key`: an id or slug. `person`: the id of who called from the console. `provider`,
///   `endpoint`: a name. `prompt`, `config`: the slug of what was run or led, with the number of a version beside it.
///   `model`: part of the name, whatever its letter case; `model_is`: the whole of it. `error`: a stable code.
/// - `trace_id`: a whole one. `search`: part of a trace id or of metadata, whatever its letter case. `metadata`: see [`Metadata::parse_filter`]. `status`: an outcome's name, a status, or a class
///   of statuses such as `4xx`. `outcome`: the name of one, beside
///   a status or a class.
/// - `cache`: `none`, `hit`. `rescued`: `none`, `retry`, `fallback`. `verdict`: `none`, `passed`, `failed`, `denied`.
/// - `min_cost`, `max_cost`: dollars. `min_tokens`, `max_tokens`. `min_latency`, `max_latency`: milliseconds.
pub const FILTERS: [&str; 29] = [
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
    "min_latency",
    "max_latency",
];

/// Nothing but the time is filtered.
pub fn is_plain(asked: &Asked) -> bool {
    asked.is_silent(&FILTERS[3..])
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
    /// How its cost was reckoned.
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
            Some(Next::Kept) => "kept from an earlier call",
            Some(Next::Retried) => "asked again",
            Some(Next::LedOn) => "the next target was asked",
            Some(Next::Ended) => "the call ended with it",
            None => "cut off by the end of the program",
        };
        if what.is_empty() { then.to_owned() } else { format!("{what}: {then}") }
    }
}

/// A virtual key that a call named and that was not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownKey {
    pub slug: String,
    /// It was made since.
    pub exists: bool,
}

impl Detail {
    /// The slug that the call named, if there was no virtual key of it and there could be one.
    pub fn unknown_slug(&self) -> Option<&str> {
        let named = self.call.model.as_deref().filter(|_| self.call.error_code.as_deref() == Some("virtual_key_not_found"));
        named?.strip_prefix('@')?.split('/').next().filter(|slug| is_slug(slug))
    }
}

/// Whether a text could be a virtual key's slug.
pub fn is_slug(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// What a caller says of a call: texts by name, bounded in number and length.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    const MOST: usize = 16;
    const LONGEST_NAME: usize = 64;
    const LONGEST_VALUE: usize = 128;

    /// Reads a JSON object of texts.
    ///
    /// # Errors
    /// A sentence for people, as there are also for too many, too long or unfit names and values.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let texts: BTreeMap<String, String> =
            serde_json::from_slice(json).map_err(|_| "Metadata must be a JSON object whose values are texts.")?;
        if texts.len() > Self::MOST {
            return Err(format!("Metadata has at most {} names.", Self::MOST));
        }
        for (name, value) in &texts {
            Self::is_fit(name)?;
            text::optional_line("A value in metadata", value, Self::LONGEST_VALUE)?;
        }
        Ok(Self(texts))
    }

    /// Whether a text can be a name.
    ///
    /// # Errors
    /// A sentence for people.
    pub fn is_fit(name: &str) -> Result<(), String> {
        // The databases look names up by paths of their own, in which other signs have a meaning.
        let fit = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/' | ' ');
        if name.is_empty() || name.chars().count() > Self::LONGEST_NAME || !name.chars().all(fit) {
            return Err(format!(
                "A name in metadata has 1 to {} letters, digits, spaces and signs out of _ - . : /",
                Self::LONGEST_NAME
            ));
        }
        Ok(())
    }

    /// Reads what a list is filtered by: one `name=value`, or an object of which a call must have every part.
    ///
    /// # Errors
    /// As [`Metadata::parse`].
    pub fn parse_filter(text: &str) -> Result<Self, String> {
        if text.starts_with('{') {
            return Self::parse(text.as_bytes());
        }
        let (name, value) = text.split_once('=').ok_or("Write metadata as name=value.")?;
        let one = BTreeMap::from([(name.trim(), value.trim())]);
        Self::parse(&serde_json::to_vec(&one).unwrap_or_default())
    }

    /// What is said under a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Each name with its value.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The same without the bounds, which it was read within.
    pub fn into_texts(self) -> BTreeMap<String, String> {
        self.0
    }
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

/// The most names of metadata that an organisation groups by.
pub const MOST_GROUPED: usize = 10;

/// What an organisation says of its log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Whether Members see no calls but those of keys that they answer for, and their own.
    pub own_only: bool,
    /// The names of metadata that calls are grouped by, each with the moment (milliseconds) since when.
    pub grouped: Vec<(String, i64)>,
    /// Counts changes, for late saves; 0 before the first.
    pub version: i64,
}

impl Settings {
    /// Reads names of metadata, parted by commas or lines.
    ///
    /// # Errors
    /// A sentence for people: one is unfit, or there are too many.
    pub fn names(text: &str) -> Result<Vec<String>, String> {
        let mut names: Vec<String> = vec![];
        for name in text.split([',', '\n']).map(str::trim).filter(|name| !name.is_empty()) {
            Metadata::is_fit(name)?;
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        if names.len() > MOST_GROUPED {
            return Err(format!("Calls are grouped by {MOST_GROUPED} names at most."));
        }
        Ok(names)
    }

    /// The names as they are typed.
    pub fn written(&self) -> String {
        self.grouped.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }
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
    fn metadata_is_bounded_and_refused_with_a_sentence() {
        let read = |text: &str| Metadata::parse(text.as_bytes());
        let two = read(r#"{"team":"core","_user":"ada"}"#).expect("metadata");
        assert_eq!(two.pairs().collect::<Vec<_>>(), [("_user", "ada"), ("team", "core")]);
        assert_eq!(Metadata::parse_filter("team = core"), Metadata::parse_filter(r#"{"team":"core"}"#));
        let wide = |n: usize| format!("{{{}}}", (0..n).map(|i| format!("\"n{i}\":\"\"")).collect::<Vec<_>>().join(","));
        assert!(read(&wide(16)).is_ok());
        let long = |name: usize, value: usize| format!(r#"{{"{}":"{}"}}"#, "n".repeat(name), "é".repeat(value));
        assert!(read(&long(64, 128)).is_ok());
        for bad in [
            "",
            "x",
            "[]",
            "null",
            r#"{"n":1}"#,
            r#"{"n":null}"#,
            r#"{"n":{}}"#,
            r#"{"":"x"}"#,
            r#"{"$.a":"x"}"#,
            r#"{"[0]":"x"}"#,
            r#"{"a\"b":"x"}"#,
            r#"{"n":"a\u0000b"}"#,
            r#"{"n":"\u202e"}"#,
            &wide(17),
            &long(65, 1),
            &long(1, 129),
        ] {
            let sentence = read(bad).expect_err(bad);
            assert!(sentence.contains("etadata"), "{bad}: {sentence}");
        }
        assert!(Metadata::parse_filter("team").is_err());
    }

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
