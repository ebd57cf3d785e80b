//! The SQL of figures: what calls amount to, by bar and by what they are grouped by. Whole days and hours are read from the
//! roll-ups; the rest of a span, calls that are not counted yet, and what only the log knows, from the log itself. So the
//! figures are those of the log, to the call.

use crate::{
    features::logs::{
        counting::Sketch,
        figures::{Dimension, Figures},
        query::{Filter, OfVirtualKey, Span},
        model::Metadata,
    },
    kernel::{
        Result, Timestamp,
        time::{DAY, HOUR},
    },
    server::database::{
        OrgTx, Value, containing,
        listing::{self, Listing, Order, Parts, Question},
        row, values,
    },
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The conditions of a filter, on the log's own columns or on those of kinds.
pub struct Conditions {
    pub within: &'static str,
    pub of_key: &'static str,
    pub of_virtual_key: &'static str,
    pub of_slug: &'static str,
    pub of_person: &'static str,
    pub of_provider: &'static str,
    pub of_endpoint: &'static str,
    pub of_prompt: &'static str,
    pub of_prompt_version: &'static str,
    pub of_config: &'static str,
    pub of_config_version: &'static str,
    pub of_model: &'static str,
    pub of_model_part: &'static str,
    pub of_error: &'static str,
    /// Calls of which all this was said, by the number of pairs. Fewer are filled up with the last.
    pub said: [(usize, &'static str); 3],
    pub ended_as: &'static str,
    pub ended_in: &'static str,
    pub own: &'static str,
}

macro_rules! pairs {
    ($t:literal, 1) => { concat!($t, ".metadata ->> ? = ?") };
    ($t:literal, 4) => { concat!(pairs!($t, 1), " AND ", pairs!($t, 1), " AND ", pairs!($t, 1), " AND ", pairs!($t, 1)) };
    ($t:literal, 16) => { concat!(pairs!($t, 4), " AND ", pairs!($t, 4), " AND ", pairs!($t, 4), " AND ", pairs!($t, 4)) };
}

macro_rules! conditions {
    ($within:literal, $t:literal) => {
        Conditions {
            within: $within,
            of_key: concat!($t, ".key_id = ?"),
            of_virtual_key: concat!($t, ".virtual_key_id = ?"),
            of_slug: concat!($t, ".virtual_key_id IN (SELECT w.id FROM virtual_keys w WHERE w.org_id = $1 AND w.slug = ?)"),
            of_person: concat!($t, ".user_id = ?"),
            of_provider: concat!($t, ".provider = ?"),
            of_endpoint: concat!($t, ".endpoint = ?"),
            of_prompt: concat!($t, ".prompt_id IN (SELECT q.id FROM prompts q WHERE q.org_id = $1 AND q.kind = 'prompt' AND q.slug = ?)"),
            of_prompt_version: concat!($t, ".prompt_version = ?"),
            of_config: concat!($t, ".config_id IN (SELECT g.id FROM configs g WHERE g.org_id = $1 AND g.slug = ?)"),
            of_config_version: concat!($t, ".config_version = ?"),
            of_model: concat!($t, ".model = ?"),
            of_model_part: concat!("LOWER(", $t, ".model) LIKE ? ESCAPE '!'"),
            of_error: concat!($t, ".error_code = ?"),
            said: [(1, pairs!($t, 1)), (4, pairs!($t, 4)), (16, pairs!($t, 16))],
            ended_as: concat!($t, ".outcome = ?"),
            ended_in: concat!($t, ".status >= ? AND ", $t, ".status < ?"),
            own: concat!(
                "(", $t, ".user_id = ? OR ", $t,
                ".key_id IN (SELECT o.id FROM api_keys o WHERE o.org_id = $1 AND o.responsible = ?))"
            ),
        }
    };
}

/// On the log.
pub const RAW: Conditions = conditions!("c.started_at >= ? AND c.started_at < ?", "c");
/// On the calls of a trace. They are few, and no other index is to find them: SQLite has no statistics to know that by.
pub const OF_ONE_TRACE: Conditions = Conditions {
    of_prompt: "COALESCE(c.prompt_id, c.id) IN (SELECT q.id FROM prompts q WHERE q.org_id = $1 AND q.kind = 'prompt' AND q.slug = ?)",
    of_config: "COALESCE(c.config_id, c.id) IN (SELECT g.id FROM configs g WHERE g.org_id = $1 AND g.slug = ?)",
    ..RAW
};
/// On the roll-ups.
const ROLLED: Conditions = conditions!("r.width = ? AND r.start >= ? AND r.start < ?", "k");

// What only the log knows.
pub const OF_TRACE: &str = "c.trace_id = ?";
pub const SAYING: &str = "(LOWER(c.trace_id) LIKE ? ESCAPE '!' OR LOWER(CAST(c.metadata AS TEXT)) LIKE ? ESCAPE '!')";
pub const BETWEEN_COSTS: &str = "c.cost >= ? AND c.cost <= ?";
pub const BETWEEN_TOKENS: &str = "COALESCE(c.input_tokens, 0) + COALESCE(c.output_tokens, 0) >= ? AND COALESCE(c.input_tokens, 0) + COALESCE(c.output_tokens, 0) <= ?";
pub const BETWEEN_LATENCIES: &str = "c.latency_us >= ? AND c.latency_us <= ?";
const UNCOUNTED: &str = "c.kind_id IS NULL";

// What a kind knows. A call that is not counted yet has none of it.
const RAW_CACHE: &str = "COALESCE(k.cache, 'none') = ?";
const RAW_RESCUED: &str = "COALESCE(k.rescued, 'none') = ?";
const RAW_VERDICT: &str = "COALESCE(k.verdict, 'none') = ?";
const OF_CACHE: &str = "k.cache = ?";
const OF_RESCUED: &str = "k.rescued = ?";
const OF_VERDICT: &str = "k.verdict = ?";

/// A span of all that is counted, by bar and by a group. Sums are sums of whole numbers, exact up to 2^53, and cannot fail
/// whatever a row says.
macro_rules! rolled {
    ($id:expr, $label:expr, $join:expr) => {
        concat!(
            "SELECT r.start / ? AS bucket, ", $id, " AS id, ", $label, " AS label, ",
            "SUM(CAST(r.entries AS DOUBLE PRECISION)) AS entries, ",
            "SUM(CAST(r.calls AS DOUBLE PRECISION)) AS calls, ",
            "SUM(CAST(CASE WHEN k.outcome = 'ok' THEN r.calls ELSE 0 END AS DOUBLE PRECISION)) AS ok, ",
            "SUM(CAST(CASE WHEN k.cache = 'hit' THEN r.calls ELSE 0 END AS DOUBLE PRECISION)) AS hits, ",
            "SUM(CAST(CASE WHEN k.rescued = 'retry' THEN r.calls ELSE 0 END AS DOUBLE PRECISION)) AS retried, ",
            "SUM(CAST(CASE WHEN k.rescued = 'fallback' THEN r.calls ELSE 0 END AS DOUBLE PRECISION)) AS fell_back, ",
            "SUM(CAST(CASE WHEN k.verdict = 'denied' THEN r.calls ELSE 0 END AS DOUBLE PRECISION)) AS denied, ",
            "SUM(CAST(r.input_tokens AS DOUBLE PRECISION)) AS input_tokens, ",
            "SUM(CAST(r.cached_input_tokens AS DOUBLE PRECISION)) AS cached_input_tokens, ",
            "SUM(CAST(r.output_tokens AS DOUBLE PRECISION)) AS output_tokens, ",
            "SUM(CAST(r.reasoning_tokens AS DOUBLE PRECISION)) AS reasoning_tokens, ",
            "SUM(CAST(r.cost AS DOUBLE PRECISION)) AS cost, ",
            "SUM(CAST(r.saved AS DOUBLE PRECISION)) AS saved, ",
            "SUM(CAST(r.unpriced AS DOUBLE PRECISION)) AS unpriced, ",
            "SUM(CAST(r.timed AS DOUBLE PRECISION)) AS timed, ",
            "SUM(CAST(r.latency_us AS DOUBLE PRECISION)) AS latency_us, STRING_AGG(r.latency, ' ') AS latency, ",
            "SUM(CAST(r.first_bytes AS DOUBLE PRECISION)) AS first_bytes, ",
            "SUM(CAST(r.first_byte_us AS DOUBLE PRECISION)) AS first_byte_us, STRING_AGG(r.first_byte, ' ') AS first_byte, ",
            "MAX(r.last_at) AS last_at ",
            "FROM call_rollups r CROSS JOIN call_kinds k", $join, " WHERE {these} GROUP BY 1, 2, 3"
        )
    };
}

/// The same of ended calls in the log itself.
macro_rules! raw {
    ($id:expr, $label:expr, $join:expr) => {
        concat!(
            "SELECT c.started_at / ? AS bucket, ", $id, " AS id, ", $label, " AS label, ",
            "CAST(COUNT(*) AS DOUBLE PRECISION) AS entries, ",
            "SUM(CAST(c.count AS DOUBLE PRECISION)) AS calls, ",
            "SUM(CAST(CASE WHEN c.outcome = 'ok' THEN c.count ELSE 0 END AS DOUBLE PRECISION)) AS ok, ",
            "SUM(CAST(CASE WHEN k.cache = 'hit' THEN c.count ELSE 0 END AS DOUBLE PRECISION)) AS hits, ",
            "SUM(CAST(CASE WHEN k.rescued = 'retry' THEN c.count ELSE 0 END AS DOUBLE PRECISION)) AS retried, ",
            "SUM(CAST(CASE WHEN k.rescued = 'fallback' THEN c.count ELSE 0 END AS DOUBLE PRECISION)) AS fell_back, ",
            "SUM(CAST(CASE WHEN k.verdict = 'denied' THEN c.count ELSE 0 END AS DOUBLE PRECISION)) AS denied, ",
            "SUM(CAST(COALESCE(c.input_tokens, 0) AS DOUBLE PRECISION)) AS input_tokens, ",
            "SUM(CAST(COALESCE(c.cached_input_tokens, 0) AS DOUBLE PRECISION)) AS cached_input_tokens, ",
            "SUM(CAST(COALESCE(c.output_tokens, 0) AS DOUBLE PRECISION)) AS output_tokens, ",
            "SUM(CAST(COALESCE(c.reasoning_tokens, 0) AS DOUBLE PRECISION)) AS reasoning_tokens, ",
            "SUM(CAST(c.cost AS DOUBLE PRECISION)) AS cost, ",
            "SUM(CAST(COALESCE(c.saved, 0) AS DOUBLE PRECISION)) AS saved, ",
            "SUM(CAST(CASE WHEN c.cost IS NULL AND (c.input_tokens IS NOT NULL OR c.output_tokens IS NOT NULL) THEN 1 ELSE 0 END AS DOUBLE PRECISION)) AS unpriced, ",
            "CAST(COUNT(c.latency_us) AS DOUBLE PRECISION) AS timed, ",
            "SUM(CAST(COALESCE(c.latency_us, 0) AS DOUBLE PRECISION)) AS latency_us, STRING_AGG(CAST(c.latency_us AS TEXT), ' ') AS latency, ",
            "CAST(COUNT(c.first_byte_us) AS DOUBLE PRECISION) AS first_bytes, ",
            "SUM(CAST(COALESCE(c.first_byte_us, 0) AS DOUBLE PRECISION)) AS first_byte_us, STRING_AGG(CAST(c.first_byte_us AS TEXT), ' ') AS first_byte, ",
            "MAX(c.started_at) AS last_at ",
            "FROM call_logs c LEFT JOIN call_kinds k ON k.org_id = c.org_id AND k.id = c.kind_id", $join,
            " WHERE {these} GROUP BY 1, 2, 3"
        )
    };
}

macro_rules! dimensions {
    ($make:ident, $t:literal) => {{
        macro_rules! none { () => { "CAST(NULL AS UUID)" }; }
        macro_rules! words { () => { "CAST(NULL AS TEXT)" }; }
        macro_rules! of {
            ($column:literal) => { concat!($t, ".", $column) };
        }
        [
            $make!(none!(), words!(), ""),
            $make!(of!("key_id"), "n.name", concat!(" LEFT JOIN api_keys n ON n.org_id = ", $t, ".org_id AND n.id = ", $t, ".key_id")),
            $make!(of!("user_id"), "n.name", concat!(" LEFT JOIN users n ON n.id = ", $t, ".user_id")),
            $make!(of!("virtual_key_id"), "n.slug", concat!(" LEFT JOIN virtual_keys n ON n.org_id = ", $t, ".org_id AND n.id = ", $t, ".virtual_key_id")),
            $make!(of!("config_id"), "n.slug", concat!(" LEFT JOIN configs n ON n.org_id = ", $t, ".org_id AND n.id = ", $t, ".config_id")),
            $make!(of!("prompt_id"), "n.slug", concat!(" LEFT JOIN prompts n ON n.org_id = ", $t, ".org_id AND n.id = ", $t, ".prompt_id")),
            $make!(none!(), of!("provider"), ""),
            $make!(none!(), concat!("COALESCE(", $t, ".model, '')"), ""),
            $make!(none!(), of!("endpoint"), ""),
            $make!(none!(), of!("outcome"), ""),
            $make!(none!(), concat!("CAST(", $t, ".status AS TEXT)"), ""),
            $make!(none!(), of!("error_code"), ""),
            $make!(none!(), "COALESCE(k.cache, 'none')", ""),
            $make!(none!(), "COALESCE(k.rescued, 'none')", ""),
            $make!(none!(), "COALESCE(k.verdict, 'none')", ""),
            $make!(none!(), concat!($t, ".metadata ->> ?"), ""),
        ]
    }};
}

static ROLLED_BY: [&str; 16] = dimensions!(rolled, "k");
static RAW_BY: [&str; 16] = dimensions!(raw, "c");

/// Where a dimension's statement stands.
fn place(dimension: Option<&Dimension>) -> usize {
    match dimension {
        None => 0,
        Some(Dimension::Key) => 1,
        Some(Dimension::Person) => 2,
        Some(Dimension::VirtualKey) => 3,
        Some(Dimension::Config) => 4,
        Some(Dimension::Prompt) => 5,
        Some(Dimension::Provider) => 6,
        Some(Dimension::Model) => 7,
        Some(Dimension::Endpoint) => 8,
        Some(Dimension::Outcome) => 9,
        Some(Dimension::Status) => 10,
        Some(Dimension::Error) => 11,
        Some(Dimension::Cache) => 12,
        Some(Dimension::Rescued) => 13,
        Some(Dimension::Verdict) => 14,
        Some(Dimension::Metadata(_)) => 15,
    }
}

/// The roll-ups.
pub static COUNTED: Listing = Listing::new(Parts {
    columns: "",
    from: "",
    joined: "",
    id: "",
    within: "r.org_id = $1 AND k.org_id = r.org_id AND k.id = r.kind_id",
    searched: &[],
    filters: &[
        listing::Filter::one_of(&[ROLLED.within]),
        listing::Filter::optional(&[ROLLED.of_key]),
        listing::Filter::optional(&[ROLLED.of_virtual_key, ROLLED.of_slug]),
        listing::Filter::optional(&[ROLLED.of_person]),
        listing::Filter::optional(&[ROLLED.of_provider]),
        listing::Filter::optional(&[ROLLED.of_endpoint]),
        listing::Filter::optional(&[ROLLED.of_prompt]),
        listing::Filter::optional(&[ROLLED.of_prompt_version]),
        listing::Filter::optional(&[ROLLED.of_config]),
        listing::Filter::optional(&[ROLLED.of_config_version]),
        listing::Filter::optional(&[ROLLED.of_model, ROLLED.of_model_part]),
        listing::Filter::optional(&[ROLLED.of_error]),
        listing::Filter::optional(&[ROLLED.said[0].1, ROLLED.said[1].1, ROLLED.said[2].1]),
        listing::Filter::optional(&[ROLLED.ended_as]),
        listing::Filter::optional(&[ROLLED.ended_in]),
        listing::Filter::optional(&[ROLLED.own]),
        listing::Filter::optional(&[OF_CACHE]),
        listing::Filter::optional(&[OF_RESCUED]),
        listing::Filter::optional(&[OF_VERDICT]),
    ],
    order: Order::Unseen,
    summaries: &ROLLED_BY,
});

/// Ended calls in the log.
pub static ENDED: Listing = Listing::new(Parts {
    columns: "",
    from: "",
    joined: "",
    id: "",
    within: "c.org_id = $1 AND c.finished_at IS NOT NULL",
    searched: &[],
    filters: &[
        listing::Filter::one_of(&[RAW.within]),
        listing::Filter::optional(&[RAW.of_key]),
        listing::Filter::optional(&[RAW.of_virtual_key, RAW.of_slug]),
        listing::Filter::optional(&[RAW.of_person]),
        listing::Filter::optional(&[RAW.of_provider]),
        listing::Filter::optional(&[RAW.of_endpoint]),
        listing::Filter::optional(&[RAW.of_prompt]),
        listing::Filter::optional(&[RAW.of_prompt_version]),
        listing::Filter::optional(&[RAW.of_config]),
        listing::Filter::optional(&[RAW.of_config_version]),
        listing::Filter::optional(&[RAW.of_model, RAW.of_model_part]),
        listing::Filter::optional(&[RAW.of_error]),
        listing::Filter::optional(&[RAW.said[0].1, RAW.said[1].1, RAW.said[2].1]),
        listing::Filter::optional(&[RAW.ended_as]),
        listing::Filter::optional(&[RAW.ended_in]),
        listing::Filter::optional(&[RAW.own]),
        listing::Filter::optional(&[RAW_CACHE]),
        listing::Filter::optional(&[RAW_RESCUED]),
        listing::Filter::optional(&[RAW_VERDICT]),
        listing::Filter::optional(&[OF_TRACE]),
        listing::Filter::optional(&[SAYING]),
        listing::Filter::optional(&[BETWEEN_COSTS]),
        listing::Filter::optional(&[BETWEEN_TOKENS]),
        listing::Filter::optional(&[BETWEEN_LATENCIES]),
        listing::Filter::optional(&[UNCOUNTED]),
    ],
    order: Order::Unseen,
    summaries: &RAW_BY,
});

/// A question narrowed to a span and to what both the log and the roll-ups know, but for what stands in kinds alone.
pub fn narrowed(question: Question, filter: &Filter, span: Span, on: &Conditions) -> Question {
    narrow(question.only(on.within, values![span.from, span.to]), filter, on)
}

fn narrow(question: Question, filter: &Filter, on: &Conditions) -> Question {
    let only = |question: Question, condition: &'static str, values: Option<Vec<Value>>| match values {
        Some(values) => question.only(condition, values),
        None => question,
    };
    let question = only(question, on.of_key, filter.key.map(|key| values![key]));
    let question = match &filter.virtual_key {
        None => question,
        Some(OfVirtualKey::Id(id)) => question.only(on.of_virtual_key, values![*id]),
        Some(OfVirtualKey::Slug(slug)) => question.only(on.of_slug, values![slug]),
    };
    let question = only(question, on.of_person, filter.person.map(|person| values![person]));
    let question = only(question, on.of_provider, filter.provider.map(|provider| values![provider.name()]));
    let question = only(question, on.of_endpoint, filter.endpoint.as_ref().map(|endpoint| values![endpoint]));
    let question = only(question, on.of_prompt, filter.prompt.as_ref().map(|prompt| values![prompt]));
    let question = only(question, on.of_prompt_version, filter.prompt_version.map(|version| values![version]));
    let question = only(question, on.of_config, filter.config.as_ref().map(|config| values![config]));
    let question = only(question, on.of_config_version, filter.config_version.map(|version| values![version]));
    // The whole name says more than a part of it.
    let question = match (&filter.model_is, &filter.model) {
        (Some(model), _) => question.only(on.of_model, values![model]),
        (None, Some(part)) => question.only(on.of_model_part, values![containing(part)]),
        (None, None) => question,
    };
    let question = only(question, on.of_error, filter.error.as_ref().map(|error| values![error]));
    let pairs: Vec<_> = filter.metadata.iter().flat_map(Metadata::pairs).collect();
    let said = pairs.last().and_then(|last| {
        let (places, condition) = on.said.into_iter().find(|(places, _)| *places >= pairs.len())?;
        let filled = pairs.iter().chain(std::iter::repeat(last)).take(places);
        Some((condition, filled.flat_map(|(name, value)| values![*name, *value]).collect()))
    });
    let question = match said {
        Some((condition, values)) => question.only(condition, values),
        None => question,
    };
    let question = only(question, on.ended_as, filter.outcome.map(|outcome| values![outcome.name()]));
    let question = only(question, on.ended_in, filter.status.map(|(from, below)| values![from, below]));
    only(question, on.own, filter.own.map(|own| values![own, own]))
}

/// The same narrowed to what kinds know, by the conditions for it.
fn of_kinds(mut question: Question, filter: &Filter, [cache, rescued, verdict]: [&'static str; 3]) -> Question {
    if let Some(is) = filter.cache {
        question = question.only(cache, values![is.name()]);
    }
    if let Some(is) = filter.rescued {
        question = question.only(rescued, values![is.name()]);
    }
    if let Some(is) = filter.verdict {
        question = question.only(verdict, values![is.name()]);
    }
    question
}

/// The same narrowed to what kinds and the log alone know.
pub fn raw_only(question: Question, filter: &Filter, kinds: [&'static str; 3]) -> Question {
    let mut question = of_kinds(question, filter, kinds);
    if let Some(trace) = &filter.trace_id {
        question = question.only(OF_TRACE, values![trace]);
    }
    if let Some(text) = &filter.search {
        question = question.only(SAYING, values![containing(text), containing(text)]);
    }
    for (bounds, condition) in [
        (filter.cost, BETWEEN_COSTS),
        (filter.tokens, BETWEEN_TOKENS),
        (filter.latency, BETWEEN_LATENCIES),
    ] {
        if bounds.least.is_some() || bounds.most.is_some() {
            let (least, most) = (bounds.least.unwrap_or(i64::MIN), bounds.most.unwrap_or(i64::MAX));
            question = question.only(condition, values![least, most]);
        }
    }
    question
}

/// A question about the calls of a trace narrowed to all that a filter says but its span, which is that of something else.
pub fn narrow_trace(question: Question, filter: &Filter) -> Question {
    let kinds = [super::OF_CACHE, super::OF_RESCUED, super::OF_VERDICT];
    raw_only(narrow(question, filter, &OF_ONE_TRACE), filter, kinds)
}

row! {
    struct Row {
        bucket: i64,
        id: Option<Uuid>,
        label: Option<String>,
        entries: Option<f64>,
        calls: Option<f64>,
        ok: Option<f64>,
        hits: Option<f64>,
        retried: Option<f64>,
        fell_back: Option<f64>,
        denied: Option<f64>,
        input_tokens: Option<f64>,
        cached_input_tokens: Option<f64>,
        output_tokens: Option<f64>,
        reasoning_tokens: Option<f64>,
        cost: Option<f64>,
        saved: Option<f64>,
        unpriced: Option<f64>,
        timed: Option<f64>,
        latency_us: Option<f64>,
        latency: Option<String>,
        first_bytes: Option<f64>,
        first_byte_us: Option<f64>,
        first_byte: Option<String>,
        last_at: Option<i64>,
    }
}

/// What a group is: the id that it has, and the name or word of it.
pub type GroupOf = (Option<Uuid>, Option<String>);

/// A group with its figures, and its calls and micro-cents by bar.
pub type GroupRead = (GroupOf, Figures, BTreeMap<i64, (i64, i64)>);

/// Sums that can be added to one another.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    figures: Figures,
    latency: Sketch,
    latency_us: f64,
    first_byte: Sketch,
    first_byte_us: f64,
}

impl Cell {
    fn read(row: &Row, is_raw: bool) -> Self {
        // At most the greatest number.
        let whole = |sum: Option<f64>| sum.unwrap_or(0.0) as i64;
        let mut cell = Self {
            figures: Figures {
                entries: whole(row.entries),
                calls: whole(row.calls),
                ok: whole(row.ok),
                hits: whole(row.hits),
                retried: whole(row.retried),
                fell_back: whole(row.fell_back),
                denied: whole(row.denied),
                input_tokens: whole(row.input_tokens),
                cached_input_tokens: whole(row.cached_input_tokens),
                output_tokens: whole(row.output_tokens),
                reasoning_tokens: whole(row.reasoning_tokens),
                cost: row.cost.map(|cost| cost as i64),
                saved: whole(row.saved),
                unpriced: whole(row.unpriced),
                last_at: row.last_at.map(Timestamp),
                ..Figures::default()
            },
            latency_us: row.latency_us.unwrap_or(0.0),
            first_byte_us: row.first_byte_us.unwrap_or(0.0),
            ..Self::default()
        };
        cell.figures.latency.count = whole(row.timed);
        cell.figures.first_byte.count = whole(row.first_bytes);
        for (sketch, text) in [(&mut cell.latency, &row.latency), (&mut cell.first_byte, &row.first_byte)] {
            let text = text.as_deref().unwrap_or_default();
            if is_raw { sketch.read_numbers(text) } else { sketch.read(text) }
        }
        cell
    }

    fn add(&mut self, other: &Self) {
        let (to, of) = (&mut self.figures, &other.figures);
        for (to, of) in [
            (&mut to.entries, of.entries),
            (&mut to.calls, of.calls),
            (&mut to.ok, of.ok),
            (&mut to.hits, of.hits),
            (&mut to.retried, of.retried),
            (&mut to.fell_back, of.fell_back),
            (&mut to.denied, of.denied),
            (&mut to.input_tokens, of.input_tokens),
            (&mut to.cached_input_tokens, of.cached_input_tokens),
            (&mut to.output_tokens, of.output_tokens),
            (&mut to.reasoning_tokens, of.reasoning_tokens),
            (&mut to.saved, of.saved),
            (&mut to.unpriced, of.unpriced),
            (&mut to.latency.count, of.latency.count),
            (&mut to.first_byte.count, of.first_byte.count),
        ] {
            *to = to.saturating_add(of);
        }
        to.cost = match (to.cost, of.cost) {
            (Some(one), Some(two)) => Some(one.saturating_add(two)),
            (one, two) => one.or(two),
        };
        to.last_at = to.last_at.max(of.last_at);
        self.latency.join(&other.latency);
        self.latency_us += other.latency_us;
        self.first_byte.join(&other.first_byte);
        self.first_byte_us += other.first_byte_us;
    }

    /// What it tells.
    fn tell(&self) -> Figures {
        let mut figures = self.figures.clone();
        figures.latency = self.latency.spread(figures.latency.count, self.latency_us);
        figures.first_byte = self.first_byte.spread(figures.first_byte.count, self.first_byte_us);
        figures
    }
}

/// The figures that were read, by bar and group.
#[derive(Debug, Default)]
pub struct Cells(BTreeMap<(i64, GroupOf), Cell>);

impl Cells {
    fn sum<'a>(cells: impl Iterator<Item = &'a Cell>) -> Figures {
        let mut sum = Cell::default();
        cells.for_each(|cell| sum.add(cell));
        sum.tell()
    }

    /// The figures of all.
    pub fn totals(&self) -> Figures {
        Self::sum(self.0.values())
    }

    /// The figures of each bar that has any, in order.
    pub fn by_bucket(&self) -> Vec<(i64, Figures)> {
        let mut of: BTreeMap<i64, Vec<&Cell>> = BTreeMap::new();
        for ((bucket, _), cell) in &self.0 {
            of.entry(*bucket).or_default().push(cell);
        }
        of.into_iter().map(|(bucket, cells)| (bucket, Self::sum(cells.into_iter()))).collect()
    }

    /// The figures of each group, over all and by bar; those with the most calls first.
    pub fn by_group_in_full(&self) -> Vec<(GroupOf, Figures, BTreeMap<i64, Figures>)> {
        let mut of: BTreeMap<&GroupOf, Vec<(i64, &Cell)>> = BTreeMap::new();
        for ((bucket, group), cell) in &self.0 {
            of.entry(group).or_default().push((*bucket, cell));
        }
        let told = |(group, cells): (&GroupOf, Vec<(i64, &Cell)>)| {
            let figures = Self::sum(cells.iter().map(|(_, cell)| *cell));
            let bars = cells.iter().map(|(bucket, cell)| (*bucket, cell.tell()));
            (group.clone(), figures, bars.collect())
        };
        let mut groups: Vec<_> = of.into_iter().map(told).collect();
        groups.sort_by(|one, two| two.1.calls.cmp(&one.1.calls).then_with(|| one.0.cmp(&two.0)));
        groups
    }

    /// The figures of each group, and its calls and micro-cents by bar; those with the most calls first.
    pub fn by_group(&self) -> Vec<GroupRead> {
        let mut of: BTreeMap<&GroupOf, Vec<(i64, &Cell)>> = BTreeMap::new();
        for ((bucket, group), cell) in &self.0 {
            of.entry(group).or_default().push((*bucket, cell));
        }
        let told = |(group, cells): (&GroupOf, Vec<(i64, &Cell)>)| {
            let figures = Self::sum(cells.iter().map(|(_, cell)| *cell));
            let bars = cells.iter().map(|(bucket, cell)| (*bucket, (cell.figures.calls, cell.figures.cost.unwrap_or(0))));
            (group.clone(), figures, bars.collect())
        };
        let mut groups: Vec<_> = of.into_iter().map(told).collect();
        groups.sort_by(|one, two| two.1.calls.cmp(&one.1.calls).then_with(|| one.0.cmp(&two.0)));
        groups
    }
}

/// The parts of a span: those that the log is read for, and those that roll-ups of a width tell.
struct Split {
    raw: Vec<Span>,
    rolled: Vec<(i64, Span)>,
}

impl Split {
    /// Roll-ups fit into bars that are as wide as they are, or a multiple.
    fn of(span: Span, bar: i64) -> Self {
        let up = |at: Timestamp, width: i64| Timestamp(at.0.div_euclid(width) * width + if at.0.rem_euclid(width) == 0 { 0 } else { width });
        let down = |at: Timestamp, width: i64| Timestamp(at.0.div_euclid(width) * width);
        let mut split = Self { raw: vec![], rolled: vec![] };
        let whole = Span { from: up(span.from, HOUR), to: down(span.to, HOUR) };
        if bar % HOUR != 0 || whole.from >= whole.to {
            split.raw.push(span);
            return split;
        }
        split.raw = vec![Span { from: span.from, to: whole.from }, Span { from: whole.to, to: span.to }];
        let days = Span { from: up(whole.from, DAY), to: down(whole.to, DAY) };
        split.rolled = if bar % DAY != 0 || days.from >= days.to {
            vec![(HOUR, whole)]
        } else {
            let before = Span { from: whole.from, to: days.from };
            let after = Span { from: days.to, to: whole.to };
            vec![(HOUR, before), (DAY, days), (HOUR, after)]
        };
        split.raw.retain(|span| span.from < span.to);
        split.rolled.retain(|(_, span)| span.from < span.to);
        split
    }
}

/// Reads the figures of the ended calls that a filter lets through, in bars of this width (milliseconds) and grouped, if
/// they are.
pub async fn read(tx: &mut OrgTx, filter: &Filter, bar: i64, group: Option<&Dimension>) -> Result<Cells> {
    let mut split = if filter.is_counted() && knows(tx, filter, group).await? {
        Split::of(filter.span, bar)
    } else {
        Split { raw: vec![filter.span], rolled: vec![] }
    };
    let named = match group {
        Some(Dimension::Metadata(name)) => values![name],
        _ => vec![],
    };
    let place = place(group);
    let before = [values![bar], named].concat();
    let mut cells = Cells::default();
    let mut keep = |rows: Vec<Row>, is_raw: bool| {
        for row in rows {
            let cell = Cell::read(&row, is_raw);
            cells.0.entry((row.bucket, (row.id, row.label))).or_default().add(&cell);
        }
    };
    for (width, span) in &split.rolled {
        let question = COUNTED.ask().only(ROLLED.within, values![*width, span.from, span.to]);
        let question = of_kinds(narrow(question, filter, &ROLLED), filter, [OF_CACHE, OF_RESCUED, OF_VERDICT]);
        keep(question.summary(tx, ROLLED_BY[place], before.clone(), vec![]).await?, false);
    }
    // What is not counted yet stands in the log alone.
    let uncounted = match (split.rolled.first(), split.rolled.last()) {
        (Some((_, first)), Some((_, last))) => Some(Span { from: first.from, to: last.to }),
        _ => None,
    };
    let parts = split.raw.drain(..).map(|span| (span, false)).chain(uncounted.map(|span| (span, true)));
    for (span, is_uncounted) in parts {
        let mut question = narrowed(ENDED.ask(), filter, span, &RAW);
        question = raw_only(question, filter, [RAW_CACHE, RAW_RESCUED, RAW_VERDICT]);
        if is_uncounted {
            question = question.only(UNCOUNTED, vec![]);
        }
        keep(question.summary(tx, RAW_BY[place], before.clone(), vec![]).await?, true);
    }
    Ok(cells)
}

/// Whether the roll-ups of the span know all the metadata that is asked for.
async fn knows(tx: &mut OrgTx, filter: &Filter, group: Option<&Dimension>) -> Result<bool> {
    let mut names: Vec<&str> = filter.metadata.iter().flat_map(Metadata::pairs).map(|(name, _)| name).collect();
    if let Some(Dimension::Metadata(name)) = group {
        names.push(name);
    }
    if names.is_empty() {
        return Ok(true);
    }
    let grouped = super::counted::grouped(tx).await?;
    Ok(names.into_iter().all(|name| grouped.get(name).is_some_and(|since| *since <= filter.span.from.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_read_in_parts_that_meet() {
        for (from, to, bar) in [
            (0, 10 * DAY, DAY),
            (5, 10 * DAY - 7, DAY),
            (HOUR, 40 * HOUR, HOUR),
            (HOUR + 1, 40 * HOUR + 1, 3 * HOUR),
            (1, 2, HOUR),
            (DAY - 1, DAY + 1, DAY),
            (5 * HOUR, 6 * HOUR, 60_000),
        ] {
            let span = Span { from: Timestamp(from), to: Timestamp(to) };
            let split = Split::of(span, bar);
            let mut parts: Vec<Span> = split.raw.iter().copied().chain(split.rolled.iter().map(|(_, part)| *part)).collect();
            parts.sort_by_key(|part| part.from);
            assert_eq!((parts[0].from, parts[parts.len() - 1].to), (span.from, span.to), "{from} {to}");
            assert!(parts.windows(2).all(|pair| pair[0].to == pair[1].from), "{from} {to}: {parts:?}");
            for (width, part) in split.rolled {
                assert_eq!((part.from.0 % width, part.to.0 % width, bar % width), (0, 0, 0), "{from} {to}");
            }
        }
    }
}
