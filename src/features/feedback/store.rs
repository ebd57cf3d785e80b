//! The SQL of feedback.

use super::model::{Given, Said, Tally, WHOLE};
use crate::{
    features::logs::{
        conditions::{
            BETWEEN_COSTS, BETWEEN_INPUTS, BETWEEN_LATENCIES, BETWEEN_OUTPUTS, BETWEEN_TOKENS, OF_CACHE, OF_ONE_TRACE,
            OF_RESCUED, OF_TRACE, OF_TRACES, OF_VERDICT, SAYING, filters, narrow_trace,
        },
        query::Filter,
    },
    kernel::{FeedbackId, KeyId, Result, Timestamp, UserId},
    server::database::{
        OrgTx,
        listing::{self, Listing, Order, Parts},
        row, statements, values,
    },
};
use std::collections::BTreeMap;
use uuid::Uuid;

macro_rules! old {
    () => {
        "SELECT f.id FROM call_feedback f WHERE f.org_id = $1 AND f.created_at < $2 ORDER BY f.created_at, f.id LIMIT $3"
    };
}
macro_rules! unknown {
    ($columns:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM call_feedback f WHERE f.org_id = $1 AND f.is_unknown AND f.created_at >= $2 AND f.created_at < $3 ORDER BY f.created_at, f.id LIMIT $4"
        )
    };
}

statements! {
    INSERT: TenantSql = "INSERT INTO call_feedback (org_id, id, trace_id, value, weight, metadata, key_id, user_id, created_by, created_at, updated_by, updated_at, is_unknown) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $9, $10, $11)";
    // What is not said stays.
    CHANGE: TenantSql = "UPDATE call_feedback SET value = $3, weight = COALESCE($4, weight), metadata = COALESCE($5, metadata), updated_by = $6, updated_at = $7 WHERE org_id = $1 AND id = $2";
    TRACE: TenantSql = "SELECT f.trace_id FROM call_feedback f WHERE f.org_id = $1 AND f.id = $2 AND (f.key_id = $3 OR f.user_id = $4)";
    OF_TRACE_IN_ALL: TenantSql = "SELECT COUNT(*) AS given, EXISTS (SELECT 1 FROM call_logs c WHERE c.org_id = $1 AND c.trace_id = $2) AS is_known FROM call_feedback f WHERE f.org_id = $1 AND f.trace_id = $2";
    ON_TRACE: TenantSql = "SELECT f.id, f.value, f.weight, f.metadata, f.key_id, f.created_by, f.created_at, f.updated_by, f.updated_at FROM call_feedback f WHERE f.org_id = $1 AND f.trace_id = $2 ORDER BY f.created_at, f.id LIMIT 200";
    // Of one hour there are no more than may be given in it.
    UNKNOWN: TenantSql = "SELECT COUNT(*) AS given, COUNT(CASE WHEN f.key_id = $3 OR f.user_id = $4 THEN 1 END) AS own FROM call_feedback f WHERE f.org_id = $1 AND f.is_unknown AND f.created_at >= $2";
    ALL: TenantSql = "SELECT f.created_at / $2 AS bucket, f.value, COUNT(*) AS given, CAST(SUM(f.value * f.weight) AS BIGINT) AS weighted FROM call_feedback f WHERE f.org_id = $1 AND f.created_at >= $3 AND f.created_at < $4 GROUP BY 1, 2";
    OLD: TenantSql = concat!("SELECT COUNT(*) FROM (", old!(), ") AS page");
    DELETE_OLD: TenantSql = concat!("DELETE FROM call_feedback WHERE org_id = $1 AND id IN (", old!(), ")");
    OLD_UNKNOWN: TenantSql = concat!("SELECT COUNT(*) FROM (", unknown!("f.id"), ") AS page");
    // Its calls came after it.
    SETTLE: TenantSql = concat!("UPDATE call_feedback SET is_unknown = FALSE WHERE org_id = $1 AND id IN (SELECT page.id FROM (", unknown!("f.id, f.trace_id"), ") AS page WHERE EXISTS (SELECT 1 FROM call_logs c WHERE c.org_id = $1 AND c.trace_id = page.trace_id))");
    DELETE_UNKNOWN: TenantSql = concat!("DELETE FROM call_feedback WHERE org_id = $1 AND id IN (", unknown!("f.id"), ")");
}

/// Feedback of a span on traces of which a call fits, by bar and value.
const FITTING: &str = "SELECT f.created_at / ? AS bucket, f.value, COUNT(*) AS given, CAST(SUM(f.value * f.weight) AS BIGINT) AS weighted FROM call_feedback f WHERE f.org_id = $1 AND f.created_at >= ? AND f.created_at < ? AND EXISTS (SELECT 1 FROM call_logs c WHERE {these}) GROUP BY 1, 2";
/// The same by the models of these calls: once for each model of a trace.
const MODELS: &str = "SELECT page.model, COUNT(*) AS given, CAST(SUM(page.weighted) AS BIGINT) AS weighted FROM (SELECT DISTINCT f.id, f.value * f.weight AS weighted, COALESCE(c.model, '') AS model FROM call_feedback f CROSS JOIN call_logs c WHERE f.org_id = $1 AND f.created_at >= ? AND f.created_at < ? AND {these}) AS page GROUP BY page.model ORDER BY COUNT(*) DESC, page.model LIMIT 200";

/// The calls of a trace on which there is feedback, as the log is filtered.
pub static NARROWED: Listing = Listing::new(Parts {
    columns: "",
    from: "",
    joined: "",
    id: "",
    within: "c.org_id = $1 AND c.trace_id = f.trace_id",
    searched: &[],
    filters: filters![
        beside OF_ONE_TRACE;
        OF_CACHE, OF_RESCUED, OF_VERDICT, OF_TRACE, OF_TRACES, SAYING, BETWEEN_COSTS, BETWEEN_TOKENS,
        BETWEEN_INPUTS, BETWEEN_OUTPUTS, BETWEEN_LATENCIES,
    ],
    order: Order::Unseen,
    summaries: &[FITTING, MODELS],
});

/// Who gives it.
pub struct By<'a> {
    pub key: Option<KeyId>,
    pub person: Option<UserId>,
    pub name: &'a str,
}

/// The trace that an entry is about.
#[derive(Clone, Copy)]
pub struct About<'a> {
    pub trace: &'a str,
    /// The log has a call of it.
    pub is_known: bool,
}

/// Stores an entry.
pub async fn insert(tx: &mut OrgTx, about: About<'_>, said: &Said, by: &By<'_>, at: Timestamp) -> Result<FeedbackId> {
    let id = FeedbackId(Uuid::now_v7());
    let weight = said.weight.unwrap_or(WHOLE);
    let (trace, metadata) = (about.trace, said.metadata.clone());
    let row = values![id, trace, said.value, weight, metadata, by.key, by.person, by.name, at, !about.is_known];
    tx.execute(INSERT, row).await?;
    Ok(id)
}

/// The trace of an entry that this key or person gave; none: they gave no such entry.
pub async fn trace(tx: &mut OrgTx, id: FeedbackId, by: &By<'_>) -> Result<Option<String>> {
    let row: Option<(String,)> = tx.optional(TRACE, values![id, by.key, by.person]).await?;
    Ok(row.map(|(trace,)| trace))
}

/// Changes an entry. What is not said of it stays as it is.
pub async fn change(tx: &mut OrgTx, id: FeedbackId, said: &Said, by: &str, at: Timestamp) -> Result<bool> {
    let row = values![id, said.value, said.weight, said.metadata.clone(), by, at];
    Ok(tx.execute(CHANGE, row).await? > 0)
}

/// How many entries a trace has, and whether the log has a call of it.
pub async fn count_of_trace(tx: &mut OrgTx, trace: &str) -> Result<(i64, bool)> {
    tx.one(OF_TRACE_IN_ALL, values![trace]).await
}

/// How many entries came since then on traces that the log did not know: of all, and of this key or person.
pub async fn count_unknown(tx: &mut OrgTx, since: Timestamp, by: &By<'_>) -> Result<(i64, i64)> {
    tx.one(UNKNOWN, values![since, by.key, by.person]).await
}

row! {
    struct GivenRow {
        id: Uuid,
        value: i64,
        weight: i64,
        metadata: Option<String>,
        key_id: Option<Uuid>,
        created_by: String,
        created_at: i64,
        updated_by: String,
        updated_at: i64,
    }
}

/// The feedback on a trace, oldest first.
pub async fn on_trace(tx: &mut OrgTx, trace: &str) -> Result<Vec<Given>> {
    let rows: Vec<GivenRow> = tx.list(ON_TRACE, values![trace]).await?;
    let given = |row: GivenRow| Given {
        id: FeedbackId(row.id),
        value: row.value,
        weight: row.weight,
        metadata: row.metadata.unwrap_or_default(),
        by: row.created_by,
        is_by_key: row.key_id.is_some(),
        at: Timestamp(row.created_at),
        changed: (row.updated_at != row.created_at).then_some((row.updated_by, Timestamp(row.updated_at))),
    };
    Ok(rows.into_iter().map(given).collect())
}

/// How much feedback there is in a span: by the number of the bar, and by value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    pub cells: BTreeMap<(i64, i64), Tally>,
}

impl Figures {
    pub fn all(&self) -> Tally {
        let mut all = Tally::default();
        self.cells.values().for_each(|tally| all.add(*tally));
        all
    }

    pub fn by_bar(&self) -> BTreeMap<i64, Tally> {
        self.by(|(bar, _)| bar)
    }

    pub fn by_value(&self) -> BTreeMap<i64, Tally> {
        self.by(|(_, value)| value)
    }

    fn by(&self, what: fn((i64, i64)) -> i64) -> BTreeMap<i64, Tally> {
        let mut by: BTreeMap<i64, Tally> = BTreeMap::new();
        self.cells.iter().for_each(|(cell, tally)| by.entry(what(*cell)).or_default().add(*tally));
        by
    }
}

/// The feedback that was given in a filter's span, in bars of this width. Where the filter says more than the span, that on
/// traces of which a call of the log fits.
pub async fn figures(tx: &mut OrgTx, filter: &Filter, width: i64) -> Result<Figures> {
    let span = filter.span;
    let rows: Vec<(i64, i64, i64, i64)> = if *filter == Filter::of(span) {
        tx.all(ALL, values![width, span.from, span.to]).await?
    } else {
        let question = narrow_trace(NARROWED.ask(), filter);
        question.summary(tx, FITTING, values![width, span.from, span.to], vec![]).await?
    };
    let cell = |(bar, value, given, weighted)| ((bar, value), Tally { given, weighted });
    Ok(Figures { cells: rows.into_iter().map(cell).collect() })
}

/// The same by the models that the calls of the traces asked for, those with the most entries first. Feedback on a trace of
/// several models counts for each of them, and that on traces that the log does not know for none.
pub async fn models(tx: &mut OrgTx, filter: &Filter) -> Result<Vec<(String, Tally)>> {
    let question = narrow_trace(NARROWED.ask(), filter);
    let before = values![filter.span.from, filter.span.to];
    let rows: Vec<(String, i64, i64)> = question.summary(tx, MODELS, before, vec![]).await?;
    Ok(rows.into_iter().map(|(model, given, weighted)| (model, Tally { given, weighted })).collect())
}

/// How many entries are too old; `most` at most.
pub async fn count_old(tx: &mut OrgTx, before: Timestamp, most: i64) -> Result<i64> {
    let (count,): (i64,) = tx.one(OLD, values![before, most]).await?;
    Ok(count)
}

/// Deletes the oldest entries that are too old.
pub async fn delete_old(tx: &mut OrgTx, before: Timestamp, most: i64) -> Result<u64> {
    tx.execute(DELETE_OLD, values![before, most]).await
}

/// The moments of entries that are looked at: from the first on, and before the second.
pub type Ages = (Timestamp, Timestamp);

/// Looks at the oldest entries of these ages whose traces the log did not know, `most` at most, and notes which it knows by
/// now. How many it looked at, and how many are unknown still: the oldest ones then.
pub async fn settle(tx: &mut OrgTx, (from, before): Ages, most: i64) -> Result<(i64, i64)> {
    let (looked,): (i64,) = tx.one(OLD_UNKNOWN, values![from, before, most]).await?;
    let known = if looked > 0 { tx.execute(SETTLE, values![from, before, most]).await? } else { 0 };
    Ok((looked, looked - i64::try_from(known).unwrap_or(looked)))
}

/// Deletes the oldest entries of these ages whose traces the log does not know.
pub async fn delete_unknown(tx: &mut OrgTx, (from, before): Ages, most: i64) -> Result<u64> {
    tx.execute(DELETE_UNKNOWN, values![from, before, most]).await
}
