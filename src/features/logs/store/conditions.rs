//! What a filter asks of the log and of the roll-ups, in SQL.

use crate::{
    features::logs::{
        model::Metadata,
        query::{Ends, Filter, OfVirtualKeys, Span},
    },
    server::database::{Value, containing, listing::Question, values},
};

/// A condition for one value, and the same for many: fewer are filled up with the last.
type OneOrMany = [&'static str; 2];

/// The conditions of a filter, on the log's own columns or on those of kinds.
pub struct Conditions {
    pub within: &'static str,
    pub of_key: OneOrMany,
    pub of_virtual_key: OneOrMany,
    pub of_slug: OneOrMany,
    pub of_person: &'static str,
    pub of_provider: &'static str,
    pub of_endpoint: &'static str,
    pub of_prompt: OneOrMany,
    pub of_prompt_version: &'static str,
    pub of_config: OneOrMany,
    pub of_config_version: &'static str,
    pub of_model: OneOrMany,
    pub of_model_part: &'static str,
    /// Many.
    pub of_provider_model: &'static str,
    pub of_error: &'static str,
    /// Calls of which all this was said, by the number of pairs. Fewer are filled up with the last.
    pub said: [(usize, &'static str); 3],
    pub ended_as: &'static str,
    pub ended_in: &'static str,
    /// Outcomes, statuses and hundreds of them: any of all these.
    pub ended: &'static str,
    pub own: &'static str,
}

macro_rules! pairs {
    ($t:literal, 1) => {
        concat!($t, ".metadata ->> ? = ?")
    };
    ($t:literal, 4) => {
        concat!(pairs!($t, 1), " AND ", pairs!($t, 1), " AND ", pairs!($t, 1), " AND ", pairs!($t, 1))
    };
    ($t:literal, 16) => {
        concat!(pairs!($t, 4), " AND ", pairs!($t, 4), " AND ", pairs!($t, 4), " AND ", pairs!($t, 4))
    };
}

/// The places of many values. There are more than a filter takes.
macro_rules! many {
    () => {
        "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    };
}

macro_rules! conditions {
    ($within:literal, $t:literal) => {
        Conditions {
            within: $within,
            of_key: [concat!($t, ".key_id = ?"), concat!($t, ".key_id IN ", many!())],
            of_virtual_key: [concat!($t, ".virtual_key_id = ?"), concat!($t, ".virtual_key_id IN ", many!())],
            of_slug: [
                concat!($t, ".virtual_key_id IN (SELECT w.id FROM virtual_keys w WHERE w.org_id = $1 AND w.slug = ?)"),
                concat!($t, ".virtual_key_id IN (SELECT w.id FROM virtual_keys w WHERE w.org_id = $1 AND w.slug IN ", many!(), ")"),
            ],
            of_person: concat!($t, ".user_id = ?"),
            of_provider: concat!($t, ".provider = ?"),
            of_endpoint: concat!($t, ".endpoint = ?"),
            of_prompt: [
                concat!($t, ".prompt_id IN (SELECT q.id FROM prompts q WHERE q.org_id = $1 AND q.kind = 'prompt' AND q.slug = ?)"),
                concat!($t, ".prompt_id IN (SELECT q.id FROM prompts q WHERE q.org_id = $1 AND q.kind = 'prompt' AND q.slug IN ", many!(), ")"),
            ],
            of_prompt_version: concat!($t, ".prompt_version = ?"),
            of_config: [
                concat!($t, ".config_id IN (SELECT g.id FROM configs g WHERE g.org_id = $1 AND g.slug = ?)"),
                concat!($t, ".config_id IN (SELECT g.id FROM configs g WHERE g.org_id = $1 AND g.slug IN ", many!(), ")"),
            ],
            of_config_version: concat!($t, ".config_version = ?"),
            of_model: [concat!($t, ".model = ?"), concat!($t, ".model IN ", many!())],
            of_model_part: concat!("LOWER(", $t, ".model) LIKE ? ESCAPE '!'"),
            of_provider_model: concat!($t, ".provider || '__' || ", $t, ".model IN ", many!()),
            of_error: concat!($t, ".error_code = ?"),
            said: [(1, pairs!($t, 1)), (4, pairs!($t, 4)), (16, pairs!($t, 16))],
            ended_as: concat!($t, ".outcome = ?"),
            ended_in: concat!($t, ".status >= ? AND ", $t, ".status < ?"),
            ended: concat!($t, ".outcome IN ", many!(), " OR ", $t, ".status IN ", many!(), " OR ", $t, ".status / 100 IN ", many!()),
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
    of_prompt: [
        "COALESCE(c.prompt_id, c.id) IN (SELECT q.id FROM prompts q WHERE q.org_id = $1 AND q.kind = 'prompt' AND q.slug = ?)",
        concat!(
            "COALESCE(c.prompt_id, c.id) IN (SELECT q.id FROM prompts q WHERE q.org_id = $1 AND q.kind = 'prompt' AND q.slug IN ",
            many!(),
            ")"
        ),
    ],
    of_config: [
        "COALESCE(c.config_id, c.id) IN (SELECT g.id FROM configs g WHERE g.org_id = $1 AND g.slug = ?)",
        concat!(
            "COALESCE(c.config_id, c.id) IN (SELECT g.id FROM configs g WHERE g.org_id = $1 AND g.slug IN ",
            many!(),
            ")"
        ),
    ],
    // One's own call among others' opens nothing of the trace: callers choose the names of traces.
    own: "NOT EXISTS (SELECT 1 FROM call_logs d WHERE d.org_id = $1 AND d.trace_id = c.trace_id AND (d.user_id = ? OR d.key_id IN (SELECT o.id FROM api_keys o WHERE o.org_id = $1 AND o.responsible = ?)) IS NOT TRUE)",
    ..RAW
};
/// On the roll-ups.
pub const ROLLED: Conditions = conditions!("r.width = ? AND r.start >= ? AND r.start < ?", "k");
/// On their sketches.
pub const SKETCHED_ON: Conditions = conditions!("s.width = ? AND s.start >= ? AND s.start < ?", "k");

// What only the log knows.
pub const OF_TRACE: &str = "c.trace_id = ?";
pub const OF_TRACES: &str = concat!("c.trace_id IN ", many!());
// As it was typed, too: SQLite knows the small letters of ASCII alone.
pub const SAYING: &str = "(LOWER(c.trace_id) LIKE ? ESCAPE '!' OR c.trace_id LIKE ? ESCAPE '!' OR LOWER(CAST(c.metadata AS TEXT)) LIKE ? ESCAPE '!' OR CAST(c.metadata AS TEXT) LIKE ? ESCAPE '!')";
// A number that is not known is in no bounds, not even in those of nothing.
pub const BETWEEN_COSTS: &str = "c.cost >= ? AND c.cost <= ?";
pub const BETWEEN_TOKENS: &str = "COALESCE(c.input_tokens, c.output_tokens) IS NOT NULL AND COALESCE(c.input_tokens, 0) + COALESCE(c.output_tokens, 0) >= ? AND COALESCE(c.input_tokens, 0) + COALESCE(c.output_tokens, 0) <= ?";
pub const BETWEEN_INPUTS: &str = "c.input_tokens >= ? AND c.input_tokens <= ?";
pub const BETWEEN_OUTPUTS: &str = "c.output_tokens >= ? AND c.output_tokens <= ?";
pub const BETWEEN_LATENCIES: &str = "c.latency_us >= ? AND c.latency_us <= ?";
pub const UNCOUNTED: &str = "c.kind_id IS NULL";

// What a kind knows. A call that is not counted yet has none of it.
pub const RAW_CACHE: &str = "COALESCE(k.cache, 'none') = ?";
pub const RAW_RESCUED: &str = "COALESCE(k.rescued, 'none') = ?";
pub const RAW_VERDICT: &str = "COALESCE(k.verdict, 'none') = ?";
pub const OF_CACHE: &str = "k.cache = ?";
pub const OF_RESCUED: &str = "k.rescued = ?";
pub const OF_VERDICT: &str = "k.verdict = ?";

/// A question narrowed to a span and to what both the log and the roll-ups know, but for what stands in kinds alone.
pub fn narrowed(question: Question, filter: &Filter, span: Span, on: &Conditions) -> Question {
    narrow(question.only(on.within, values![span.from, span.to]), filter, on)
}

pub fn narrow(question: Question, filter: &Filter, on: &Conditions) -> Question {
    let only = |question: Question, condition: &'static str, values: Option<Vec<Value>>| match values {
        Some(values) => question.only(condition, values),
        None => question,
    };
    let question = any(question, on.of_key, filter.key.iter().flatten().copied());
    let question = match &filter.virtual_key {
        None => question,
        Some(OfVirtualKeys::Ids(ids)) => any(question, on.of_virtual_key, ids.iter().copied()),
        Some(OfVirtualKeys::Slugs(slugs)) => any(question, on.of_slug, slugs),
    };
    let question = only(question, on.of_person, filter.person.map(|person| values![person]));
    let question = only(question, on.of_provider, filter.provider.map(|provider| values![provider.name()]));
    let question = only(question, on.of_endpoint, filter.endpoint.as_ref().map(|endpoint| values![endpoint]));
    let question = any(question, on.of_prompt, filter.prompt.iter().flatten());
    let question = only(question, on.of_prompt_version, filter.prompt_version.map(|version| values![version]));
    let question = any(question, on.of_config, filter.config.iter().flatten());
    let question = only(question, on.of_config_version, filter.config_version.map(|version| values![version]));
    // The whole name says more than a part of it.
    let question = match (&filter.model_is, &filter.model) {
        (Some(models), _) => any(question, on.of_model, models),
        (None, Some(part)) => question.only(on.of_model_part, values![containing(part)]),
        (None, None) => question,
    };
    let question = any(question, [on.of_provider_model; 2], filter.provider_model.iter().flatten());
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
    let question = only(question, on.ended, filter.ends.as_ref().map(|ends| ends_among(ends, on.ended)));
    only(question, on.own, filter.own.map(|own| values![own, own]))
}

/// A question narrowed to what has one of these values, if there are any.
fn any<T: Into<Value>>(question: Question, [one, many]: OneOrMany, values: impl IntoIterator<Item = T>) -> Question {
    let mut values: Vec<Value> = values.into_iter().map(Into::into).collect();
    let Some(last) = values.last().cloned() else { return question };
    let condition = if values.len() == 1 { one } else { many };
    values.resize(condition.matches('?').count(), last);
    question.only(condition, values)
}

/// The values of a condition for several ends, filled up with what no call has.
fn ends_among(ends: &Ends, condition: &'static str) -> Vec<Value> {
    let places = condition.matches('?').count() / 3;
    let filled = |mut values: Vec<Value>, nothing: Value| {
        values.resize(places, nothing);
        values
    };
    let numbers = |numbers: &[i64]| filled(numbers.iter().copied().map(Value::from).collect(), Value::from(-1_i64));
    let outcomes = ends.outcomes.iter().map(|outcome| Value::from(outcome.name())).collect();
    [filled(outcomes, Value::from("")), numbers(&ends.statuses), numbers(&ends.classes)].concat()
}

/// The same narrowed to what kinds know, by the conditions for it.
pub fn of_kinds(mut question: Question, filter: &Filter, [cache, rescued, verdict]: [&'static str; 3]) -> Question {
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
    question = any(question, [OF_TRACE, OF_TRACES], filter.trace_id.iter().flatten());
    if let Some(text) = &filter.search {
        let (low, typed) = (containing(&text.to_lowercase()), containing(text));
        question = question.only(SAYING, values![&low, &typed, &low, &typed]);
    }
    for (bounds, condition) in [
        (filter.cost, BETWEEN_COSTS),
        (filter.tokens, BETWEEN_TOKENS),
        (filter.input_tokens, BETWEEN_INPUTS),
        (filter.output_tokens, BETWEEN_OUTPUTS),
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
