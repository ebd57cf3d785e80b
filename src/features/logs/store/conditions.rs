//! What a filter asks of the log and of the roll-ups, in SQL.

use crate::{
    features::logs::{
        model::Metadata,
        query::{Filter, OfVirtualKey, Span},
    },
    server::database::{Value, containing, listing::Question, values},
};

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
// As it was typed, too: SQLite knows the small letters of ASCII alone.
pub const SAYING: &str = "(LOWER(c.trace_id) LIKE ? ESCAPE '!' OR c.trace_id LIKE ? ESCAPE '!' OR LOWER(CAST(c.metadata AS TEXT)) LIKE ? ESCAPE '!' OR CAST(c.metadata AS TEXT) LIKE ? ESCAPE '!')";
pub const BETWEEN_COSTS: &str = "c.cost >= ? AND c.cost <= ?";
pub const BETWEEN_TOKENS: &str = "COALESCE(c.input_tokens, 0) + COALESCE(c.output_tokens, 0) >= ? AND COALESCE(c.input_tokens, 0) + COALESCE(c.output_tokens, 0) <= ?";
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
    if let Some(trace) = &filter.trace_id {
        question = question.only(OF_TRACE, values![trace]);
    }
    if let Some(text) = &filter.search {
        let (low, typed) = (containing(&text.to_lowercase()), containing(text));
        question = question.only(SAYING, values![&low, &typed, &low, &typed]);
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
