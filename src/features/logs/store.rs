//! The log's reading SQL.

use super::{
    model::{Bucket, Call, Detail, Metadata, Outcome, PAGE, Totals},
    query::{Cursor, Ended, Filter, OfVirtualKey, Place, Span},
};
use crate::{
    kernel::{CallId, Error, KeyId, Result, Timestamp, VirtualKeyId, provider::Provider},
    server::database::{OrgTx, Value, containing, readable, statements, values},
};
use sqlx::types::Json;
use uuid::Uuid;

/// Calls whose middle latency is told.
const SAMPLE: i64 = 10_000;

macro_rules! calls {
    ($rest:literal) => {
        concat!(
            "SELECT c.id, c.started_at, c.outcome, c.status, c.error_code, c.model, k.name AS key_name, \
             v.slug AS virtual_key_slug, c.latency_us, c.input_tokens, c.output_tokens, c.cost, c.finished_at, c.key_id, \
             c.virtual_key_id, c.provider, c.endpoint, c.streamed, c.first_byte_us, c.cached_input_tokens, c.trace_id, \
             c.metadata, \
             v.deleted_at AS virtual_key_deleted_at, c.count \
             FROM call_logs c LEFT JOIN api_keys k ON k.org_id = c.org_id AND k.id = c.key_id \
             LEFT JOIN virtual_keys v ON v.org_id = c.org_id AND v.id = c.virtual_key_id ",
            $rest
        )
    };
}

statements! {
    BY_ID: TenantSql = calls!("WHERE c.org_id = $1 AND c.id = $2");
    ANY: TenantSql = "SELECT COUNT(*) FROM (SELECT c.id FROM call_logs c WHERE c.org_id = $1 LIMIT 1) AS any_call";
    KEYS_SEEN: TenantSql = "SELECT k.id, k.name FROM api_keys k WHERE k.org_id = $1 AND EXISTS (SELECT 1 FROM call_logs c WHERE c.org_id = k.org_id AND c.key_id = k.id) ORDER BY k.name, k.id LIMIT 500";
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    started_at: i64,
    outcome: String,
    status: Option<i64>,
    error_code: Option<String>,
    model: Option<String>,
    key_name: Option<String>,
    virtual_key_slug: Option<String>,
    latency_us: Option<i64>,
    input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    cost: Option<i64>,
    finished_at: Option<i64>,
    key_id: Option<Uuid>,
    virtual_key_id: Option<Uuid>,
    provider: Option<String>,
    endpoint: String,
    streamed: bool,
    first_byte_us: Option<i64>,
    cached_input_tokens: Option<i64>,
    trace_id: String,
    metadata: Option<Json<Metadata>>,
    virtual_key_deleted_at: Option<i64>,
    count: i64,
}

impl Row {
    fn cursor(&self) -> Cursor {
        Cursor { started_at: Timestamp(self.started_at), id: CallId(self.id) }
    }

    fn call(&self) -> Result<Call> {
        let outcome = Outcome::parse(&self.outcome).ok_or_else(|| {
            tracing::error!(outcome = self.outcome, "a stored outcome is not known");
            Error::internal()
        })?;
        let tokens = match (self.input_tokens, self.output_tokens) {
            (None, None) => None,
            (input, output) => Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0))),
        };
        Ok(Call {
            id: CallId(self.id),
            started_at: Timestamp(self.started_at),
            outcome,
            status: self.status.and_then(|status| u16::try_from(status).ok()),
            error_code: self.error_code.clone(),
            model: self.model.clone().filter(|model| !model.is_empty()),
            key: self.key_name.clone(),
            virtual_key: self.virtual_key_slug.clone(),
            latency_us: self.latency_us,
            tokens,
            cost: self.cost,
            count: self.count,
            trace_id: self.trace_id.clone(),
        })
    }
}

/// A condition in the making. Its first value is `$2`.
struct Condition {
    text: String,
    values: Vec<Value>,
}

impl Condition {
    fn of(filter: &Filter) -> Self {
        let mut condition = Self { text: "c.org_id = $1".into(), values: vec![] };
        condition.and("c.started_at >= ?", filter.span.from.into());
        condition.and("c.started_at < ?", filter.span.to.into());
        if let Some(key) = filter.key {
            condition.and("c.key_id = ?", key.into());
        }
        match &filter.virtual_key {
            None => {}
            Some(OfVirtualKey::Id(id)) => condition.and("c.virtual_key_id = ?", (*id).into()),
            Some(OfVirtualKey::Slug(slug)) => condition.and(
                "c.virtual_key_id IN (SELECT w.id FROM virtual_keys w WHERE w.org_id = $1 AND w.slug = ?)",
                slug.into(),
            ),
        }
        if let Some(trace) = &filter.trace_id {
            condition.and("c.trace_id = ?", trace.into());
        }
        for (name, value) in filter.metadata.iter().flat_map(Metadata::pairs) {
            let name = condition.place(name.into());
            condition.and(&format!("c.metadata ->> {name} = ?"), value.into());
        }
        if let Some(model) = &filter.model {
            condition.and("LOWER(c.model) LIKE ? ESCAPE '!'", containing(model).into());
        }
        match filter.ended {
            None => {}
            Some(Ended::As(outcome)) => condition.and("c.outcome = ?", outcome.name().into()),
            Some(Ended::Class(class)) => {
                condition.and("c.status >= ?", (class * 100).into());
                condition.and("c.status < ?", (class * 100 + 100).into());
            }
        }
        condition
    }

    /// The place of one more value.
    fn place(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len() + 1)
    }

    /// One more condition with one value, written as `?`.
    fn and(&mut self, text: &str, value: Value) {
        let place = self.place(value);
        self.text.push_str(" AND ");
        self.text.push_str(&text.replacen('?', &place, 1));
    }
}

/// A page of calls, newest first, with what comes before and after it.
pub struct Slice {
    pub calls: Vec<Call>,
    pub previous: Option<Cursor>,
    pub next: Option<Cursor>,
}

pub async fn page(tx: &mut OrgTx, filter: &Filter, place: Place) -> Result<Slice> {
    let mut condition = Condition::of(filter);
    let (cursor, order) = match place {
        Place::First => (None, "DESC"),
        Place::After(cursor) => (Some((cursor, "<")), "DESC"),
        Place::Before(cursor) => (Some((cursor, ">")), "ASC"),
    };
    if let Some((cursor, than)) = cursor {
        let (at, id) = (condition.place(cursor.started_at.into()), condition.place(cursor.id.into()));
        condition.text.push_str(&format!(" AND (c.started_at, c.id) {than} ({at}, {id})"));
    }
    let sql = format!(
        "{}WHERE {} ORDER BY c.started_at {order}, c.id {order} LIMIT {}",
        calls!(""),
        condition.text,
        PAGE + 1
    );
    let mut rows: Vec<Row> = tx.list_composed(sql, condition.values).await?;
    let more = rows.len() > PAGE;
    rows.truncate(PAGE);
    let (newer, older) = match place {
        Place::First => (false, more),
        Place::After(_) => (true, more),
        Place::Before(_) => (more, true),
    };
    if order == "ASC" {
        rows.reverse();
    }
    Ok(Slice {
        previous: rows.first().filter(|_| newer).map(Row::cursor),
        next: rows.last().filter(|_| older).map(Row::cursor),
        calls: readable(&rows, Row::call),
    })
}

#[derive(sqlx::FromRow)]
struct BucketRow {
    bucket: i64,
    entries: i64,
    calls: i64,
    failed: i64,
    /// A sum of whole numbers cannot hold whatever the rows say.
    cost: Option<f64>,
    timed: i64,
}

/// The bars of the chart and the totals of all pages.
pub async fn summary(tx: &mut OrgTx, filter: &Filter) -> Result<(Vec<Bucket>, Totals)> {
    let width = filter.span.width();
    let mut condition = Condition::of(filter);
    let by = condition.place(width.into());
    let sql = format!(
        "SELECT c.started_at / {by} AS bucket, COUNT(*) AS entries, CAST(SUM(c.count) AS BIGINT) AS calls, \
         CAST(SUM(CASE WHEN c.outcome IN ('ok', 'started') THEN 0 ELSE c.count END) AS BIGINT) AS failed, \
         SUM(CAST(c.cost AS DOUBLE PRECISION)) AS cost, COUNT(c.latency_us) AS timed \
         FROM call_logs c WHERE {} GROUP BY 1 ORDER BY 1",
        condition.text
    );
    let rows: Vec<BucketRow> = tx.all_composed(sql, condition.values).await?;
    let mut totals = Totals::default();
    let mut timed = 0;
    for row in &rows {
        totals.entries += row.entries;
        totals.calls += row.calls;
        totals.failed += row.failed;
        timed += row.timed;
    }
    // Exact up to 90 million dollars, and at most the greatest number.
    totals.cost = rows.iter().filter_map(|row| row.cost).reduce(|sum, cost| sum + cost).map(|sum| sum as i64);
    totals.p50_us = middle(tx, filter, timed).await?;
    Ok((bars(filter.span, &rows), totals))
}

/// Every bar of the span, those without calls too.
fn bars(span: Span, rows: &[BucketRow]) -> Vec<Bucket> {
    let width = span.width();
    let (first, last) = (span.from.0.div_euclid(width), (span.to.0 - 1).div_euclid(width));
    let mut rows = rows.iter().peekable();
    (first..=last)
        .map(|index| {
            let (mut calls, mut failed) = (0, 0);
            if let Some(row) = rows.next_if(|row| row.bucket == index) {
                (calls, failed) = (row.calls, row.failed);
            }
            let count = |n: i64| u64::try_from(n).unwrap_or(0);
            Bucket { start: Timestamp(index * width), ok: count(calls - failed), failed: count(failed) }
        })
        .collect()
}

/// The middle latency of the newest calls that have one; `timed` is the number of all that do.
async fn middle(tx: &mut OrgTx, filter: &Filter, timed: i64) -> Result<Option<i64>> {
    if timed == 0 {
        return Ok(None);
    }
    let mut condition = Condition::of(filter);
    let (sample, skip) = (condition.place(SAMPLE.into()), condition.place(((timed.min(SAMPLE) - 1) / 2).into()));
    let sql = format!(
        "SELECT s.latency_us FROM (SELECT c.latency_us FROM call_logs c WHERE {} AND c.latency_us IS NOT NULL \
         ORDER BY c.started_at DESC, c.id DESC LIMIT {sample}) AS s ORDER BY s.latency_us LIMIT 1 OFFSET {skip}",
        condition.text
    );
    let rows: Vec<(i64,)> = tx.all_composed(sql, condition.values).await?;
    Ok(rows.first().map(|(latency,)| *latency))
}

pub async fn by_id(tx: &mut OrgTx, id: CallId, now: Timestamp) -> Result<Option<Detail>> {
    let row: Option<Row> = tx.optional(BY_ID, values![id]).await?;
    row.map(|row| {
        Ok(Detail {
            call: row.call()?,
            finished_at: row.finished_at.map(Timestamp),
            key_id: row.key_id.map(KeyId),
            virtual_key_id: row.virtual_key_id.map(VirtualKeyId),
            virtual_key_lives: row.virtual_key_slug.is_some() && row.virtual_key_deleted_at.is_none(),
            provider: row.provider.as_deref().and_then(Provider::parse),
            endpoint: row.endpoint,
            streamed: row.streamed,
            first_byte_us: row.first_byte_us,
            input_tokens: row.input_tokens,
            cached_input_tokens: row.cached_input_tokens,
            output_tokens: row.output_tokens,
            metadata: row.metadata.map(|metadata| metadata.0),
            now,
        })
    })
    .transpose()
}

/// Whether the organisation ever made a call.
pub async fn any(tx: &mut OrgTx) -> Result<bool> {
    let (count,): (i64,) = tx.one(ANY, vec![]).await?;
    Ok(count > 0)
}

/// The API keys that made calls, by name.
pub async fn keys_seen(tx: &mut OrgTx) -> Result<Vec<(KeyId, String)>> {
    let rows: Vec<(Uuid, String)> = tx.list(KEYS_SEEN, vec![]).await?;
    Ok(rows.into_iter().map(|(id, name)| (KeyId(id), name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::{HOUR, MINUTE};

    #[test]
    fn every_minute_of_an_hour_has_a_bar() {
        let span = Span { from: Timestamp(30 * MINUTE + 5_000), to: Timestamp(30 * MINUTE + 5_001 + HOUR) };
        let row = |bucket, calls, failed| BucketRow { bucket, entries: calls, calls, failed, cost: None, timed: calls };
        let bars = bars(span, &[row(30, 3, 1), row(90, 2, 2)]);
        assert_eq!(bars.len(), 61);
        assert_eq!(bars[0], Bucket { start: Timestamp(30 * MINUTE), ok: 2, failed: 1 });
        assert_eq!(bars[1], Bucket { start: Timestamp(31 * MINUTE), ok: 0, failed: 0 });
        assert_eq!(bars[60], Bucket { start: Timestamp(90 * MINUTE), ok: 0, failed: 2 });
    }
}
