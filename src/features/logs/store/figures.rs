//! The SQL of figures: what calls amount to, by bar and by what they are grouped by. Whole days and hours are read from the
//! roll-ups; the rest of a span, calls that are not counted yet, and what only the log knows, from the log itself. So the
//! figures are those of the log, to the call.

use super::{
    cells::{Cells, Row, SketchRow},
    conditions::{
        BETWEEN_COSTS, BETWEEN_INPUTS, BETWEEN_LATENCIES, BETWEEN_OUTPUTS, BETWEEN_TOKENS, Conditions, OF_CACHE,
        OF_RESCUED, OF_TRACE, OF_TRACES, OF_VERDICT, RAW, RAW_CACHE, RAW_RESCUED, RAW_VERDICT, ROLLED, SAYING,
        SKETCHED_ON, UNCOUNTED, narrow, narrowed, of_kinds, raw_only,
    },
};
use crate::{
    features::logs::{
        figures::Dimension,
        model::Metadata,
        query::{Filter, Span},
    },
    kernel::{
        Result, Timestamp,
        time::{DAY, HOUR},
    },
    server::database::{
        OrgTx, Value,
        listing::{self, Listing, Order, Parts, Question},
        values,
    },
};

/// A span of all that is counted, by bar and by a group. Sums are sums of whole numbers, exact up to 2^53, and cannot fail
/// whatever a row says.
macro_rules! rolled {
    ($id:expr, $label:expr, $join:expr, $by:literal) => {
        concat!(
            "SELECT r.start / ? AS bucket, ",
            $id,
            " AS id, ",
            $label,
            " AS label, ",
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
            "SUM(CAST(r.latency_us AS DOUBLE PRECISION)) AS latency_us, CAST(NULL AS TEXT) AS latency, ",
            "SUM(CAST(r.first_bytes AS DOUBLE PRECISION)) AS first_bytes, ",
            "SUM(CAST(r.first_byte_us AS DOUBLE PRECISION)) AS first_byte_us, CAST(NULL AS TEXT) AS first_byte, ",
            "MAX(r.last_at) AS last_at ",
            "FROM call_rollups r CROSS JOIN call_kinds k",
            $join,
            " WHERE {these} GROUP BY ",
            $by
        )
    };
}

/// How the lengths of the same calls are spread. Sketches are long, and stand apart from what every page sums up.
macro_rules! sketched {
    (@ $latency:literal, $first_byte:literal, $id:expr, $label:expr, $join:expr, $by:literal) => {
        concat!(
            "SELECT s.start / ? AS bucket, ", $id, " AS id, ", $label, " AS label, ",
            $latency, " AS latency, ", $first_byte, " AS first_byte ",
            "FROM call_sketches s CROSS JOIN call_kinds k", $join, " WHERE {these} GROUP BY ", $by
        )
    };
    ($id:expr, $label:expr, $join:expr, $by:literal) => {
        sketched!(@ "STRING_AGG(s.latency, ' ')", "STRING_AGG(s.first_byte, ' ')", $id, $label, $join, $by)
    };
}

/// The same of the lengths until the last byte alone: they are half of it or more, and most pages show no others.
macro_rules! latencies {
    ($id:expr, $label:expr, $join:expr, $by:literal) => {
        sketched!(@ "STRING_AGG(s.latency, ' ')", "CAST(NULL AS TEXT)", $id, $label, $join, $by)
    };
}

/// The same of ended calls in the log itself.
macro_rules! raw {
    ($id:expr, $label:expr, $join:expr, $by:literal) => {
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
            " WHERE {these} GROUP BY ", $by
        )
    };
}

/// The statements of each dimension; `alone` is what rows are put together by where they are by none. Roll-ups stand in the order
/// of their beginnings: by these alone nothing is sorted, and few rows are left that fall into one bar.
macro_rules! dimensions {
    ($make:ident, $t:literal, $alone:literal) => {{
        macro_rules! none {
            () => {
                "CAST(NULL AS UUID)"
            };
        }
        macro_rules! words {
            () => {
                "CAST(NULL AS TEXT)"
            };
        }
        macro_rules! of {
            ($column:literal) => {
                concat!($t, ".", $column)
            };
        }
        [
            $make!(none!(), words!(), "", $alone),
            $make!(
                of!("key_id"),
                "n.name",
                concat!(" LEFT JOIN api_keys n ON n.org_id = ", $t, ".org_id AND n.id = ", $t, ".key_id"),
                "1, 2, 3"
            ),
            $make!(of!("user_id"), "n.name", concat!(" LEFT JOIN users n ON n.id = ", $t, ".user_id"), "1, 2, 3"),
            $make!(
                of!("virtual_key_id"),
                "n.slug",
                concat!(" LEFT JOIN virtual_keys n ON n.org_id = ", $t, ".org_id AND n.id = ", $t, ".virtual_key_id"),
                "1, 2, 3"
            ),
            $make!(
                of!("config_id"),
                "n.slug",
                concat!(" LEFT JOIN configs n ON n.org_id = ", $t, ".org_id AND n.id = ", $t, ".config_id"),
                "1, 2, 3"
            ),
            $make!(
                of!("prompt_id"),
                "n.slug",
                concat!(" LEFT JOIN prompts n ON n.org_id = ", $t, ".org_id AND n.id = ", $t, ".prompt_id"),
                "1, 2, 3"
            ),
            $make!(none!(), of!("provider"), "", "1, 2, 3"),
            $make!(none!(), concat!("COALESCE(", $t, ".model, '')"), "", "1, 2, 3"),
            $make!(none!(), of!("endpoint"), "", "1, 2, 3"),
            $make!(none!(), of!("outcome"), "", "1, 2, 3"),
            $make!(none!(), concat!("CAST(", $t, ".status AS TEXT)"), "", "1, 2, 3"),
            $make!(none!(), of!("error_code"), "", "1, 2, 3"),
            $make!(none!(), "COALESCE(k.cache, 'none')", "", "1, 2, 3"),
            $make!(none!(), "COALESCE(k.rescued, 'none')", "", "1, 2, 3"),
            $make!(none!(), "COALESCE(k.verdict, 'none')", "", "1, 2, 3"),
            $make!(none!(), concat!($t, ".metadata ->> ?"), "", "1, 2, 3"),
        ]
    }};
}

static ROLLED_BY: [&str; 16] = dimensions!(rolled, "k", "r.start");
const SKETCHED_BY: [&str; 16] = dimensions!(sketched, "k", "s.start");
const LATENCIES_BY: [&str; 16] = dimensions!(latencies, "k", "s.start");
/// The lengths until the first byte, of all groups together.
const FIRST_BYTES: &str = sketched!(@ "CAST(NULL AS TEXT)", "STRING_AGG(s.first_byte, ' ')", "CAST(NULL AS UUID)", "CAST(NULL AS TEXT)", "", "s.start");
static RAW_BY: [&str; 16] = dimensions!(raw, "c", "1, 2, 3");

static OF_SKETCHES: [&str; 33] = {
    let mut all = [FIRST_BYTES; 33];
    let mut place = 0;
    while place < SKETCHED_BY.len() {
        (all[place], all[SKETCHED_BY.len() + place]) = (SKETCHED_BY[place], LATENCIES_BY[place]);
        place += 1;
    }
    all
};

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

/// The filters that both the log and the roll-ups know, on either, and what else there is; `beside` those of a span.
macro_rules! filters {
    ($on:ident; $($more:expr),* $(,)?) => {
        filters!(@[listing::Filter::one_of(&[$on.within]),] $on; $($more),*)
    };
    (beside $on:ident; $($more:expr),* $(,)?) => {
        filters!(@[] $on; $($more),*)
    };
    (@[$($first:expr,)?] $on:ident; $($more:expr),*) => {
        &[
            $($first,)?
            listing::Filter::optional(&[$on.of_key[0], $on.of_key[1]]),
            listing::Filter::optional(&[
                $on.of_virtual_key[0],
                $on.of_virtual_key[1],
                $on.of_slug[0],
                $on.of_slug[1],
            ]),
            listing::Filter::optional(&[$on.of_person]),
            listing::Filter::optional(&[$on.of_provider]),
            listing::Filter::optional(&[$on.of_endpoint]),
            listing::Filter::optional(&[$on.of_prompt[0], $on.of_prompt[1]]),
            listing::Filter::optional(&[$on.of_prompt_version]),
            listing::Filter::optional(&[$on.of_config[0], $on.of_config[1]]),
            listing::Filter::optional(&[$on.of_config_version]),
            listing::Filter::optional(&[$on.of_model[0], $on.of_model[1], $on.of_model_part]),
            listing::Filter::optional(&[$on.of_provider_model]),
            listing::Filter::optional(&[$on.of_error]),
            listing::Filter::optional(&[$on.said[0].1, $on.said[1].1, $on.said[2].1]),
            listing::Filter::optional(&[$on.ended_as]),
            listing::Filter::optional(&[$on.ended_in]),
            listing::Filter::optional(&[$on.ended]),
            listing::Filter::optional(&[$on.own]),
            $(listing::Filter::optional(&[$more])),*
        ]
    };
}
pub(crate) use filters;

/// The roll-ups.
pub static COUNTED: Listing = Listing::new(Parts {
    columns: "",
    from: "",
    joined: "",
    id: "",
    within: "r.org_id = $1 AND k.org_id = r.org_id AND k.id = r.kind_id",
    searched: &[],
    filters: filters![ROLLED; OF_CACHE, OF_RESCUED, OF_VERDICT],
    order: Order::Unseen,
    summaries: &ROLLED_BY,
});

/// Their sketches.
pub static SKETCHED: Listing = Listing::new(Parts {
    columns: "",
    from: "",
    joined: "",
    id: "",
    within: "s.org_id = $1 AND k.org_id = s.org_id AND k.id = s.kind_id",
    searched: &[],
    filters: filters![SKETCHED_ON; OF_CACHE, OF_RESCUED, OF_VERDICT],
    order: Order::Unseen,
    summaries: &OF_SKETCHES,
});

/// Ended calls in the log.
pub static ENDED: Listing = Listing::new(Parts {
    columns: "",
    from: "",
    joined: "",
    id: "",
    within: "c.org_id = $1 AND c.finished_at IS NOT NULL",
    searched: &[],
    filters: filters![
        RAW;
        RAW_CACHE, RAW_RESCUED, RAW_VERDICT, OF_TRACE, OF_TRACES, SAYING, BETWEEN_COSTS, BETWEEN_TOKENS,
        BETWEEN_INPUTS, BETWEEN_OUTPUTS, BETWEEN_LATENCIES, UNCOUNTED,
    ],
    order: Order::Unseen,
    summaries: &RAW_BY,
});

/// The parts of a span: those that the log is read for, and those that roll-ups of a width tell.
struct Split {
    raw: Vec<Span>,
    rolled: Vec<(i64, Span)>,
}

impl Split {
    /// Roll-ups fit into bars that are as wide as they are, or a multiple.
    fn of(span: Span, bar: i64) -> Self {
        let up = |at: Timestamp, width: i64| {
            Timestamp(at.0.div_euclid(width) * width + if at.0.rem_euclid(width) == 0 { 0 } else { width })
        };
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

/// What is to be known of how lengths of time are spread. It is dear to know in every bar of a long span; what is not read is
/// told as zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spreads {
    /// All, in each bar of each group.
    InBars,
    /// How long calls took, of each group as a whole, and of all.
    Whole,
    /// Of all groups together how long calls took, as a whole and in each bar, and as a whole the time until the first byte.
    Together,
    /// Nothing: what is spread is not asked for, or not used.
    Unread,
}

/// A bar that holds every moment there is.
const ONE_BAR: i64 = 100_000 * DAY;

/// Reads the figures of the ended calls that a filter lets through, in bars of this width (milliseconds) and grouped, if
/// they are.
pub async fn read(
    tx: &mut OrgTx,
    filter: &Filter,
    bar: i64,
    group: Option<&Dimension>,
    spreads: Spreads,
) -> Result<Cells> {
    let counted = filter.is_counted() && knows(tx, filter, group).await?;
    let split = if counted { Split::of(filter.span, bar) } else { Split { raw: vec![filter.span], rolled: vec![] } };
    let named = match group {
        Some(Dimension::Metadata(name)) => values![name],
        _ => vec![],
    };
    let place = place(group);
    let before = [values![bar], named.clone()].concat();
    let mut cells = Cells::default();
    for (width, span) in &split.rolled {
        let question = rolled(COUNTED.ask(), filter, (*width, *span), &ROLLED);
        let rows: Vec<Row> = question.summary(tx, ROLLED_BY[place], before.clone(), vec![]).await?;
        cells.add(&rows, false);
    }
    // As a whole, whole days tell what their hours do.
    let whole = || if split.rolled.is_empty() { vec![] } else { Split::of(filter.span, ONE_BAR).rolled };
    let in_one = || [values![ONE_BAR], named.clone()].concat();
    match spreads {
        Spreads::Unread => {}
        Spreads::InBars => {
            for part in &split.rolled {
                cells.spread_in_bars(sketches(tx, filter, *part, SKETCHED_BY[place], before.clone()).await?);
            }
        }
        Spreads::Whole => {
            for part in whole() {
                cells.spread(sketches(tx, filter, part, LATENCIES_BY[place], in_one()).await?);
            }
        }
        Spreads::Together => {
            for part in &split.rolled {
                cells.spread_of_bars(&sketches(tx, filter, *part, LATENCIES_BY[0], values![bar]).await?);
            }
            for part in whole() {
                cells.spread_first_bytes(&sketches(tx, filter, part, FIRST_BYTES, values![ONE_BAR]).await?);
            }
        }
    }
    // What is not counted yet stands in the log alone.
    let uncounted = match (split.rolled.first(), split.rolled.last()) {
        (Some((_, first)), Some((_, last))) => Some(Span { from: first.from, to: last.to }),
        _ => None,
    };
    let parts = split.raw.into_iter().map(|span| (span, false)).chain(uncounted.map(|span| (span, true)));
    for (span, is_uncounted) in parts {
        let mut question = narrowed(ENDED.ask(), filter, span, &RAW);
        question = raw_only(question, filter, [RAW_CACHE, RAW_RESCUED, RAW_VERDICT]);
        if is_uncounted {
            question = question.only(UNCOUNTED, vec![]);
        }
        let rows: Vec<Row> = question.summary(tx, RAW_BY[place], before.clone(), vec![]).await?;
        cells.add(&rows, true);
    }
    Ok(cells)
}

/// The sketches of a part of the roll-ups.
async fn sketches(
    tx: &mut OrgTx,
    filter: &Filter,
    part: (i64, Span),
    summary: &'static str,
    before: Vec<Value>,
) -> Result<Vec<SketchRow>> {
    rolled(SKETCHED.ask(), filter, part, &SKETCHED_ON).summary(tx, summary, before, vec![]).await
}

/// A question about a part of the roll-ups.
fn rolled(question: Question, filter: &Filter, (width, span): (i64, Span), on: &Conditions) -> Question {
    let question = question.only(on.within, values![width, span.from, span.to]);
    of_kinds(narrow(question, filter, on), filter, [OF_CACHE, OF_RESCUED, OF_VERDICT])
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
            let mut parts: Vec<Span> =
                split.raw.iter().copied().chain(split.rolled.iter().map(|(_, part)| *part)).collect();
            parts.sort_by_key(|part| part.from);
            assert_eq!((parts[0].from, parts[parts.len() - 1].to), (span.from, span.to), "{from} {to}");
            assert!(parts.windows(2).all(|pair| pair[0].to == pair[1].from), "{from} {to}: {parts:?}");
            for (width, part) in split.rolled {
                assert_eq!((part.from.0 % width, part.to.0 % width, bar % width), (0, 0, 0), "{from} {to}");
            }
        }
    }
}
