//! What is counted of model calls. Everything that calls are told apart by is one of a fixed set, and has its place from
//! the start: to count a call is to add to a few numbers, without a lock and without taking memory.

use super::codes::{self, CODES};
use crate::features::logs::model::CallOutcome;
use crate::gateway::endpoints::TABLE;
use crate::gateway::facts::{CallEnd, CallFacts};
use crate::kernel::provider::Provider;
use crate::server::metrics::{CLASSES, Counter, Histogram, Kind, Page, class, counters};

/// How calls end.
const OUTCOMES: [CallOutcome; 5] =
    [CallOutcome::Ok, CallOutcome::Refused, CallOutcome::Failed, CallOutcome::Left, CallOutcome::Lost];
/// Kinds of calls; the table of addresses has more rows behind theirs.
const ENDPOINTS: usize = {
    let mut number = 0;
    while number < TABLE.len() && TABLE[number].endpoint.is_some() {
        number += 1;
    }
    number
};
/// The providers, and none: of a call that was refused before its provider was known.
const PROVIDERS: usize = Provider::ALL.len() + 1;
const NO_PROVIDER: &str = "none";
/// The kinds of tokens.
const TOKENS: [&str; 3] = ["input", "cached", "output"];

/// Bounds in microseconds: those that OpenTelemetry recommends for calls of models, and on to the longest that a call
/// may take.
const CALL_BOUNDS: &[u64] = &[
    10_000,
    20_000,
    40_000,
    80_000,
    160_000,
    320_000,
    640_000,
    1_280_000,
    2_560_000,
    5_120_000,
    10_240_000,
    20_480_000,
    40_960_000,
    81_920_000,
    163_840_000,
    327_680_000,
    655_360_000,
];
/// The same for what takes Latchkey itself some time.
const OWN_BOUNDS: &[u64] = &[
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];

/// What is counted. See [`Meters::tell`] for what each means.
#[derive(Debug)]
pub struct Meters {
    /// By outcome, endpoint, provider and class of status.
    calls: Box<[Counter]>,
    /// By endpoint and provider.
    durations: Box<[Histogram]>,
    first_bytes: Box<[Histogram]>,
    /// By endpoint.
    before_sent: Box<[Histogram]>,
    /// By provider and kind.
    tokens: Box<[Counter]>,
    /// In micro-cents, by provider.
    cost: Box<[Counter]>,
    saved: Box<[Counter]>,
    /// By outcome and code.
    errors: Box<[Counter]>,
    /// By code.
    unrecorded: Box<[Counter]>,
    /// How long the log took to store a group.
    writes: Histogram,
    written: Counter,
    unavailable: Counter,
    rejected: Counter,
}

impl Default for Meters {
    fn default() -> Self {
        let histograms = |number: usize, bounds| (0..number).map(|_| Histogram::new(bounds)).collect();
        Self {
            calls: counters(OUTCOMES.len() * ENDPOINTS * PROVIDERS * CLASSES.len()),
            durations: histograms(ENDPOINTS * PROVIDERS, CALL_BOUNDS),
            first_bytes: histograms(ENDPOINTS * PROVIDERS, CALL_BOUNDS),
            before_sent: histograms(ENDPOINTS, OWN_BOUNDS),
            tokens: counters(PROVIDERS * TOKENS.len()),
            cost: counters(PROVIDERS),
            saved: counters(PROVIDERS),
            errors: counters(OUTCOMES.len() * (CODES.len() + 1)),
            unrecorded: counters(CODES.len() + 1),
            writes: Histogram::new(OWN_BOUNDS),
            written: Counter::default(),
            unavailable: Counter::default(),
            rejected: Counter::default(),
        }
    }
}

fn provider(number: usize) -> &'static str {
    Provider::ALL.get(number).map_or(NO_PROVIDER, |provider| provider.name())
}

fn place_of(provider: Option<Provider>) -> usize {
    let known = provider.and_then(|provider| Provider::ALL.iter().position(|other| *other == provider));
    known.unwrap_or(Provider::ALL.len())
}

impl Meters {
    /// Counts a call that has ended, or as many as its entry stands for. `sent_us` says when it first left for a
    /// provider, from its arrival on.
    pub fn ended(&self, call: &CallFacts, end: &CallEnd, sent_us: Option<u64>) {
        let kind = end.kind();
        let Some(outcome) = OUTCOMES.iter().position(|other| *other == kind) else { return };
        let endpoint = call.endpoint as usize;
        let provider = place_of(end.went.as_ref().map_or(call.provider, |went| went.provider));
        let of_both = endpoint * PROVIDERS + provider;
        let status = class(end.status);
        self.calls[(outcome * ENDPOINTS * PROVIDERS + of_both) * CLASSES.len() + status].add(end.count);
        if let Some(error) = &end.error {
            self.errors[outcome * (CODES.len() + 1) + codes::place(error)].add(end.count);
        }
        // What nobody waited for has no length that says anything.
        if !matches!(kind, CallOutcome::Refused | CallOutcome::Lost) {
            self.durations[of_both].note(end.latency_us);
        }
        if let Some(first) = end.first_byte_us {
            self.first_bytes[of_both].note(first);
        }
        if let Some(sent) = sent_us {
            self.before_sent[endpoint].note(sent);
        }
        if let Some(usage) = end.usage {
            let cached = usage.cached_input_tokens.min(usage.input_tokens);
            let kinds = [usage.input_tokens - cached, cached, usage.output_tokens];
            for (kind, number) in kinds.into_iter().enumerate() {
                self.tokens[provider * TOKENS.len() + kind].add(number);
            }
        }
        for (sum, counters) in [(end.cost, &self.cost), (end.saved, &self.saved)] {
            if let Some(sum) = sum.and_then(|sum| u64::try_from(sum).ok()) {
                counters[provider].add(sum);
            }
        }
    }

    /// Counts a call that was refused and has no entry in the log.
    pub fn unrecorded(&self, code: &str) {
        self.unrecorded[codes::place(code)].add(1);
    }

    /// Counts a group of records that was offered to the log.
    pub(super) fn wrote(&self, time: std::time::Duration, records: usize, done: Written) {
        match done {
            Written::Stored => {
                self.writes.took(time);
                self.written.add(records as u64);
            }
            Written::Unavailable => self.unavailable.add(1),
            Written::Rejected => self.rejected.add(1),
        }
    }

    /// Puts everything on a page. Of what is told apart by several things, only what has happened is there.
    pub fn tell(&self, page: &mut Page) {
        self.tell_calls(page);
        self.tell_times(page);
        page.family("latchkey_tokens_total", Kind::Counter, "Tokens of model calls, as providers counted them.");
        for (number, counter) in told(&self.tokens) {
            let labels = [("provider", provider(number / TOKENS.len())), ("kind", TOKENS[number % TOKENS.len()])];
            page.sample("latchkey_tokens_total", &labels, counter);
        }
        for (name, help, counters) in [
            ("latchkey_cost_dollars_total", "What model calls cost by known prices, in US dollars.", &self.cost),
            (
                "latchkey_saved_dollars_total",
                "What answers that were kept from earlier calls would have cost, in US dollars.",
                &self.saved,
            ),
        ] {
            page.family(name, Kind::Counter, help);
            for (number, counter) in told(counters) {
                page.sample(name, &[("provider", provider(number))], counter as f64 / 1e8);
            }
        }
        self.tell_writes(page);
    }

    fn tell_calls(&self, page: &mut Page) {
        page.family("latchkey_model_calls_total", Kind::Counter, "Model calls that have ended.");
        for (number, counter) in told(&self.calls) {
            let (rest, status) = (number / CLASSES.len(), number % CLASSES.len());
            let (rest, of_provider) = (rest / PROVIDERS, rest % PROVIDERS);
            let labels = [
                ("outcome", OUTCOMES[rest / ENDPOINTS].name()),
                ("endpoint", TABLE[rest % ENDPOINTS].name),
                ("provider", provider(of_provider)),
                ("status", CLASSES[status]),
            ];
            page.sample("latchkey_model_calls_total", &labels, counter);
        }
        page.family(
            "latchkey_model_call_errors_total",
            Kind::Counter,
            "Model calls that did not end well, by error code.",
        );
        for (number, counter) in told(&self.errors) {
            let (outcome, code) = (number / (CODES.len() + 1), number % (CODES.len() + 1));
            let labels = [("outcome", OUTCOMES[outcome].name()), ("code", codes::at(code))];
            page.sample("latchkey_model_call_errors_total", &labels, counter);
        }
        let name = "latchkey_model_calls_unrecorded_total";
        page.family(name, Kind::Counter, "Requests for model calls that were refused and have no entry in the log.");
        for (code, counter) in told(&self.unrecorded) {
            page.sample(name, &[("code", codes::at(code))], counter);
        }
    }

    fn tell_times(&self, page: &mut Page) {
        let of_calls = [
            (
                "latchkey_model_call_duration_seconds",
                "From the arrival of a model call to the last byte of its answer.",
                &self.durations,
            ),
            (
                "latchkey_model_call_first_byte_seconds",
                "From the arrival of a model call to the first byte from its provider.",
                &self.first_bytes,
            ),
        ];
        for (name, help, histograms) in of_calls {
            page.family(name, Kind::Histogram, help);
            for (number, histogram) in histograms.iter().enumerate().filter(|(_, histogram)| histogram.count() > 0) {
                let labels = [("endpoint", TABLE[number / PROVIDERS].name), ("provider", provider(number % PROVIDERS))];
                page.histogram(name, &labels, histogram);
            }
        }
        let name = "latchkey_model_call_before_sent_seconds";
        page.family(name, Kind::Histogram, "From the arrival of a model call to when it first left for a provider.");
        for (number, histogram) in self.before_sent.iter().enumerate().filter(|(_, histogram)| histogram.count() > 0) {
            page.histogram(name, &[("endpoint", TABLE[number].name)], histogram);
        }
    }

    fn tell_writes(&self, page: &mut Page) {
        let name = "latchkey_log_write_duration_seconds";
        page.family(name, Kind::Histogram, "How long it took to store a group of records of the log.");
        page.histogram(name, &[], &self.writes);
        let help = "Records of the log that were stored.";
        page.single("latchkey_log_records_written_total", Kind::Counter, help, self.written.get());
        let name = "latchkey_log_write_failures_total";
        page.family(name, Kind::Counter, "Groups of records of the log that could not be stored.");
        page.sample(name, &[("reason", "unavailable")], self.unavailable.get());
        page.sample(name, &[("reason", "rejected")], self.rejected.get());
    }
}

/// What came of a group that was offered to the log.
#[derive(Debug, Clone, Copy)]
pub(super) enum Written {
    Stored,
    Unavailable,
    Rejected,
}

/// The counters that have counted something, with their places.
fn told(counters: &[Counter]) -> impl Iterator<Item = (usize, u64)> {
    counters.iter().map(Counter::get).enumerate().filter(|(_, number)| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::super::spans::tests::{call, end};
    use super::*;
    use crate::gateway::facts::{EndedBy, Went};

    fn page(meters: &Meters) -> String {
        let mut page = Page::default();
        meters.tell(&mut page);
        page.finish()
    }

    #[test]
    fn a_call_is_counted_where_it_went_and_a_lost_one_has_no_length() {
        let meters = Meters::default();
        meters.ended(&call(), &end(), Some(1_500));
        // It went elsewhere than it was to, and its answer had been kept.
        let went = Went { virtual_key: None, provider: Some(Provider::Anthropic), model: "claude".into() };
        let kept = CallEnd { went: Some(Box::new(went)), usage: None, cost: None, saved: Some(50_000_000), ..end() };
        meters.ended(&call(), &CallEnd { first_byte_us: None, sent: false, ..kept }, None);
        let lost = CallEnd { ended_by: EndedBy::Process, latency_us: 0, status: 500, ..end() };
        meters.ended(&call(), &CallEnd { usage: None, cost: None, first_byte_us: None, ..lost }, None);
        let page = page(&meters);
        let chat = r#"endpoint="chat_completions""#;
        for line in [
            format!(r#"latchkey_model_calls_total{{outcome="ok",{chat},provider="google",status="2xx"}} 1"#),
            format!(r#"latchkey_model_calls_total{{outcome="ok",{chat},provider="anthropic",status="2xx"}} 1"#),
            format!(r#"latchkey_model_calls_total{{outcome="lost",{chat},provider="google",status="5xx"}} 1"#),
            format!(r#"latchkey_model_call_duration_seconds_count{{{chat},provider="google"}} 1"#),
            format!(r#"latchkey_model_call_duration_seconds_sum{{{chat},provider="google"}} 1.5"#),
            format!(r#"latchkey_model_call_first_byte_seconds_sum{{{chat},provider="google"}} 0.25"#),
            format!(r#"latchkey_model_call_before_sent_seconds_sum{{{chat}}} 0.0015"#),
            r#"latchkey_tokens_total{provider="google",kind="input"} 8"#.into(),
            r#"latchkey_tokens_total{provider="google",kind="cached"} 1"#.into(),
            r#"latchkey_tokens_total{provider="google",kind="output"} 2"#.into(),
            r#"latchkey_cost_dollars_total{provider="google"} 0.0000425"#.into(),
            r#"latchkey_saved_dollars_total{provider="anthropic"} 0.5"#.into(),
        ] {
            assert!(page.lines().any(|other| other == line), "no {line} in {page}");
        }
        let first_bytes = "latchkey_model_call_first_byte_seconds_count";
        assert_eq!(page.lines().filter(|line| line.starts_with(first_bytes)).count(), 1, "{page}");
    }

    #[test]
    fn every_outcome_endpoint_provider_and_class_has_a_place_of_its_own() {
        let meters = Meters::default();
        let endpoints = TABLE.iter().filter_map(|row| row.endpoint);
        let mut number = 0;
        for endpoint in endpoints {
            for provider in Provider::ALL.into_iter().map(Some).chain([None]) {
                for (status, error) in [(200, None), (404, Some("not_found")), (599, Some("a_word_of_their_own"))] {
                    let call = CallFacts { endpoint, provider, ..call() };
                    meters.ended(&call, &CallEnd { status, error: error.map(Into::into), ..end() }, Some(1));
                    number += 1;
                }
            }
        }
        let page = page(&meters);
        let samples = |name: &str| page.lines().filter(|line| line.starts_with(name)).collect::<Vec<_>>();
        let calls = samples("latchkey_model_calls_total{");
        assert_eq!(calls.len(), number);
        assert!(calls.iter().all(|line| line.ends_with("} 1")), "{calls:?}");
        let others = format!("latchkey_model_call_errors_total{{outcome=\"failed\",code=\"other\"}} {}", number / 3);
        assert_eq!(samples("latchkey_model_call_errors_total{outcome=\"failed\",code=\"other\"}"), [others]);
    }
}
