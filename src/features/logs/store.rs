//! The log's reading SQL.

pub mod texts;

use super::{
    model::{Attempt, Bucket, CallOutcome, Detail, Health, LedBy, Ran, LoggedCall, Metadata, Next, Totals},
    query::{Cursor, Ended, Filter, OfVirtualKey, Span},
    texts::Texts,
};
use crate::guardrails::HookResults;
use crate::{
    kernel::{CallId, Error, KeyId, Result, Timestamp, VirtualKeyId, Window, provider::Provider, time::{DAY, HOUR}},
    server::database::{
        OrgTx, containing,
        listing::{self, Listing, Order, Parts, Place, Question},
        readable, statements, row, values,
    },
};
use sqlx::types::Json;
use uuid::Uuid;

/// Calls whose middle latency is told.
const SAMPLE: i64 = 10_000;

macro_rules! columns {
    () => {
        "c.id, c.started_at, c.outcome, c.status, c.error_code, c.model, k.name AS key_name, u.name AS person_name, v.slug AS virtual_key_slug, c.latency_us, c.input_tokens, c.output_tokens, c.cost, c.finished_at, c.key_id, c.virtual_key_id, c.provider, c.endpoint, c.streamed, c.first_byte_us, c.cached_input_tokens, c.trace_id, c.metadata, v.deleted_at AS virtual_key_deleted_at, c.count, c.upstream_id"
    };
}

macro_rules! joined {
    () => {
        " LEFT JOIN api_keys k ON k.org_id = c.org_id AND k.id = c.key_id LEFT JOIN users u ON u.id = c.user_id LEFT JOIN virtual_keys v ON v.org_id = c.org_id AND v.id = c.virtual_key_id"
    };
}

const WITHIN: &str = "c.started_at >= ? AND c.started_at < ?";
const OF_KEY: &str = "c.key_id = ?";
const OF_VIRTUAL_KEY: &str = "c.virtual_key_id = ?";
const OF_SLUG: &str = "c.virtual_key_id IN (SELECT w.id FROM virtual_keys w WHERE w.org_id = $1 AND w.slug = ?)";
const OF_PROMPT: &str = "c.prompt_id IN (SELECT q.id FROM prompts q WHERE q.org_id = $1 AND q.kind = 'prompt' AND q.slug = ?)";
const OF_TRACE: &str = "c.trace_id = ?";
const OF_MODEL: &str = "LOWER(c.model) LIKE ? ESCAPE '!'";
const ENDED_AS: &str = "c.outcome = ?";
const ENDED_IN: &str = "c.status >= ? AND c.status < ?";

macro_rules! one_pair {
    () => {
        "c.metadata ->> ? = ?"
    };
}
macro_rules! four_pairs {
    () => {
        concat!(one_pair!(), " AND ", one_pair!(), " AND ", one_pair!(), " AND ", one_pair!())
    };
}
/// Calls of which all this was said, by the number of pairs. Fewer are filled up with the last.
const SAID: [(usize, &str); 3] = [
    (1, one_pair!()),
    (4, four_pairs!()),
    (16, concat!(four_pairs!(), " AND ", four_pairs!(), " AND ", four_pairs!(), " AND ", four_pairs!())),
];

/// The bars of the chart.
const BARS: &str = "SELECT c.started_at / ? AS bucket, COUNT(*) AS entries, CAST(SUM(c.count) AS BIGINT) AS calls, CAST(SUM(CASE WHEN c.outcome IN ('ok', 'started') THEN 0 ELSE c.count END) AS BIGINT) AS failed, SUM(CAST(c.cost AS DOUBLE PRECISION)) AS cost, COUNT(c.latency_us) AS timed FROM call_logs c WHERE {these} GROUP BY 1 ORDER BY 1";
/// The middle of the latest latencies.
const MIDDLE: &str = "SELECT s.latency_us FROM (SELECT c.latency_us FROM call_logs c WHERE {these} AND c.latency_us IS NOT NULL ORDER BY c.started_at DESC, c.id DESC LIMIT ?) AS s ORDER BY s.latency_us LIMIT 1 OFFSET ?";

pub static LIST: Listing = Listing::new(Parts {
    columns: columns!(),
    from: "call_logs c",
    joined: joined!(),
    id: "c.id",
    within: "c.org_id = $1",
    searched: &[],
    filters: &[
        listing::Filter::one_of(&[WITHIN]),
        listing::Filter::optional(&[OF_KEY]),
        listing::Filter::optional(&[OF_VIRTUAL_KEY, OF_SLUG]),
        listing::Filter::optional(&[OF_PROMPT]),
        listing::Filter::optional(&[OF_TRACE]),
        listing::Filter::optional(&[SAID[0].1, SAID[1].1, SAID[2].1]),
        listing::Filter::optional(&[OF_MODEL]),
        listing::Filter::optional(&[ENDED_AS, ENDED_IN]),
    ],
    order: Order::Latest("c.started_at", "c.id"),
    summaries: &[BARS, MIDDLE],
});

statements! {
    BY_ID: TenantSql = concat!("SELECT ", columns!(), " FROM call_logs c", joined!(), " WHERE c.org_id = $1 AND c.id = $2");
    NEWER: TenantSql = "SELECT c.id FROM call_logs c WHERE c.org_id = $1 AND (c.started_at, c.id) > ($2, $3) ORDER BY c.started_at, c.id LIMIT 1";
    OLDER: TenantSql = "SELECT c.id FROM call_logs c WHERE c.org_id = $1 AND (c.started_at, c.id) < ($2, $3) ORDER BY c.started_at DESC, c.id DESC LIMIT 1";
    ANY: TenantSql = "SELECT COUNT(*) FROM (SELECT c.id FROM call_logs c WHERE c.org_id = $1 LIMIT 1) AS any_call";
    SUCCEEDED: TenantSql = "SELECT COUNT(*) FROM (SELECT c.id FROM call_logs c WHERE c.org_id = $1 AND c.outcome = 'ok' LIMIT 1) AS any_call";
    PROVIDERS: TenantSql = "SELECT v.name, v.slug, CAST(SUM(c.count) AS BIGINT) AS calls, CAST(SUM(CASE WHEN c.outcome = 'failed' THEN c.count ELSE 0 END) AS BIGINT) AS failed FROM call_logs c JOIN virtual_keys v ON v.org_id = c.org_id AND v.id = c.virtual_key_id WHERE c.org_id = $1 AND c.started_at >= $2 AND v.deleted_at IS NULL GROUP BY v.name, v.slug ORDER BY failed DESC, calls DESC, v.slug LIMIT 6";
    LED: TenantSql = "SELECT c.led, c.config_version, g.slug, g.deleted_at FROM call_logs c LEFT JOIN configs g ON g.org_id = c.org_id AND g.id = c.config_id WHERE c.org_id = $1 AND c.id = $2";
    RAN: TenantSql = "SELECT p.slug, c.prompt_version, c.prompt_label, p.deleted_at FROM call_logs c JOIN prompts p ON p.org_id = c.org_id AND p.id = c.prompt_id WHERE c.org_id = $1 AND c.id = $2";
    ATTEMPTS: TenantSql = "SELECT a.path, v.slug AS virtual_key, a.provider, a.model, a.status, a.error_code, a.sent, a.began_us, a.took_us, a.next, a.found FROM call_attempts a LEFT JOIN virtual_keys v ON v.org_id = a.org_id AND v.id = a.virtual_key_id WHERE a.org_id = $1 AND a.call_id = $2 ORDER BY a.number LIMIT 1000";
    KEYS_SEEN: TenantSql = "SELECT k.id, k.name FROM api_keys k WHERE k.org_id = $1 AND EXISTS (SELECT 1 FROM call_logs c WHERE c.org_id = k.org_id AND c.key_id = k.id) ORDER BY k.name, k.id LIMIT 500";
}

row! {
    struct Row {
        id: Uuid,
        started_at: i64,
        outcome: String,
        status: Option<i64>,
        error_code: Option<String>,
        model: Option<String>,
        key_name: Option<String>,
        person_name: Option<String>,
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
        upstream_id: Option<String>,
    }
}

impl Row {
    fn cursor(&self) -> Cursor {
        Cursor { started_at: Timestamp(self.started_at), id: CallId(self.id) }
    }

    fn call(&self) -> Result<LoggedCall> {
        let outcome = CallOutcome::parse(&self.outcome).ok_or_else(|| {
            tracing::error!(outcome = self.outcome, "a stored outcome is not known");
            Error::internal()
        })?;
        let tokens = match (self.input_tokens, self.output_tokens) {
            (None, None) => None,
            (input, output) => Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0))),
        };
        Ok(LoggedCall {
            id: CallId(self.id),
            started_at: Timestamp(self.started_at),
            outcome,
            status: self.status.and_then(|status| u16::try_from(status).ok()),
            error_code: self.error_code.clone(),
            model: self.model.clone().filter(|model| !model.is_empty()),
            key: self.key_name.clone(),
            person: self.person_name.clone(),
            virtual_key: self.virtual_key_slug.clone(),
            latency_us: self.latency_us,
            tokens,
            cost: self.cost,
            count: self.count,
            trace_id: self.trace_id.clone(),
        })
    }
}

/// The calls that a filter lets through.
fn asked(filter: &Filter) -> Question {
    let mut question = LIST.ask().only(WITHIN, values![filter.span.from, filter.span.to]);
    if let Some(key) = filter.key {
        question = question.only(OF_KEY, values![key]);
    }
    question = match &filter.virtual_key {
        None => question,
        Some(OfVirtualKey::Id(id)) => question.only(OF_VIRTUAL_KEY, values![*id]),
        Some(OfVirtualKey::Slug(slug)) => question.only(OF_SLUG, values![slug]),
    };
    if let Some(prompt) = &filter.prompt {
        question = question.only(OF_PROMPT, values![prompt]);
    }
    if let Some(trace) = &filter.trace_id {
        question = question.only(OF_TRACE, values![trace]);
    }
    let pairs: Vec<_> = filter.metadata.iter().flat_map(Metadata::pairs).collect();
    if let Some(last) = pairs.last()
        && let Some((places, condition)) = SAID.into_iter().find(|(places, _)| *places >= pairs.len())
    {
        let pairs = pairs.iter().chain(std::iter::repeat(last)).take(places);
        question = question.only(condition, pairs.flat_map(|(name, value)| values![*name, *value]).collect());
    }
    if let Some(model) = &filter.model {
        question = question.only(OF_MODEL, values![containing(model)]);
    }
    match filter.ended {
        None => question,
        Some(Ended::As(outcome)) => question.only(ENDED_AS, values![outcome.name()]),
        Some(Ended::Class(class)) => question.only(ENDED_IN, values![class * 100, class * 100 + 100]),
    }
}

/// A page of calls, newest first, with what comes before and after it.
pub struct Slice {
    pub calls: Vec<LoggedCall>,
    pub previous: Option<Cursor>,
    pub next: Option<Cursor>,
}

pub async fn page(tx: &mut OrgTx, filter: &Filter, place: Place, window: Window) -> Result<Slice> {
    let listing::Slice { rows, newer, older }: listing::Slice<Row> =
        asked(filter).from(place).slice(tx, window).await?;
    Ok(Slice {
        previous: rows.first().filter(|_| newer).map(Row::cursor),
        next: rows.last().filter(|_| older).map(Row::cursor),
        calls: readable(&rows, Row::call),
    })
}

/// Every call of the last day.
fn of_the_day(now: Timestamp) -> Filter {
    let span = Span { from: now.plus(-DAY), to: now.plus(1) };
    Filter { span, key: None, virtual_key: None, prompt: None, model: None, trace_id: None, metadata: None, ended: None }
}

/// The totals of the last 24 hours.
pub async fn day(tx: &mut OrgTx, now: Timestamp) -> Result<Totals> {
    Ok(summary(tx, &of_the_day(now)).await?.1)
}

/// The newest calls of the last 24 hours, newest first.
pub async fn latest(tx: &mut OrgTx, now: Timestamp, most: usize) -> Result<Vec<LoggedCall>> {
    let window = Window::page(1, i64::try_from(most).unwrap_or(1));
    Ok(page(tx, &of_the_day(now), Place::First, window).await?.calls)
}

row! {
    struct ProviderRow {
        name: String,
        slug: String,
        calls: i64,
        failed: i64,
    }
}

/// How the virtual keys did that were called in the last hour: those with the most failures first.
pub async fn providers(tx: &mut OrgTx, now: Timestamp) -> Result<Vec<Health>> {
    let rows: Vec<ProviderRow> = tx.list(PROVIDERS, values![now.plus(-HOUR)]).await?;
    let health = |ProviderRow { name, slug, calls, failed }| Health { name, slug, calls, failed };
    Ok(rows.into_iter().map(health).collect())
}

/// Whether any call ever succeeded.
pub async fn succeeded(tx: &mut OrgTx) -> Result<bool> {
    let (count,): (i64,) = tx.one(SUCCEEDED, vec![]).await?;
    Ok(count > 0)
}

/// How many entries a filter lets through.
pub async fn total(tx: &mut OrgTx, filter: &Filter) -> Result<i64> {
    asked(filter).total(tx).await
}

row! {
    struct BucketRow {
        bucket: i64,
        entries: i64,
        calls: i64,
        failed: i64,
        /// A sum of whole numbers cannot hold whatever the rows say.
        cost: Option<f64>,
        timed: i64,
    }
}

/// The bars of the chart and the totals of all pages.
pub async fn summary(tx: &mut OrgTx, filter: &Filter) -> Result<(Vec<Bucket>, Totals)> {
    let rows: Vec<BucketRow> = asked(filter).summary(tx, BARS, values![filter.span.width()], vec![]).await?;
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
    let skipped = (timed.min(SAMPLE) - 1) / 2;
    let rows: Vec<(i64,)> = asked(filter).summary(tx, MIDDLE, vec![], values![SAMPLE, skipped]).await?;
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
            upstream_id: row.upstream_id,
            ran: None,
            led: None,
            attempts: vec![],
            found: HookResults::default(),
            unknown_key: None,
            newer: None,
            older: None,
            texts: Texts::None { keeps: false, since: None },
            now,
        })
    })
    .transpose()
}

row! {
    struct AttemptRow {
        path: String,
        virtual_key: Option<String>,
        provider: Option<String>,
        model: String,
        status: Option<i64>,
        error_code: Option<String>,
        sent: bool,
        began_us: i64,
        took_us: Option<i64>,
        next: Option<String>,
        found: Option<String>,
    }
}

/// The prompt that a call ran, if it ran one.
pub async fn ran(tx: &mut OrgTx, id: CallId) -> Result<Option<Ran>> {
    let row: Option<(String, i64, Option<String>, Option<i64>)> = tx.optional(RAN, values![id]).await?;
    Ok(row.map(|(slug, version, label, deleted_at)| Ran { slug, version, label, lives: deleted_at.is_none() }))
}

/// Whether a config led the call, its version, its slug, and when it was deleted.
type LedRow = (bool, Option<i64>, Option<String>, Option<i64>);

/// The config that led a call, the call's attempts (none of a call that no config led), and what guardrails have found in
/// it.
pub async fn way(tx: &mut OrgTx, id: CallId) -> Result<(Option<LedBy>, Vec<Attempt>, HookResults)> {
    let led: Option<LedRow> = tx.optional(LED, values![id]).await?;
    let mut rows: Vec<AttemptRow> = tx.list(ATTEMPTS, values![id]).await?;
    let mut found = HookResults::default();
    for text in rows.iter_mut().filter_map(|row| row.found.take()) {
        let read: HookResults = serde_json::from_str(&text).unwrap_or_default();
        found.before_request_hooks.extend(read.before_request_hooks);
        found.after_request_hooks.extend(read.after_request_hooks);
    }
    let Some((true, version, slug, deleted_at)) = led else { return Ok((None, vec![], found)) };
    let by = match (version, slug) {
        (Some(version), Some(slug)) => LedBy::Saved { slug, version, lives: deleted_at.is_none() },
        _ => LedBy::Inline,
    };
    let attempt = |row: AttemptRow| Attempt {
        path: row.path,
        virtual_key: row.virtual_key,
        provider: row.provider.as_deref().and_then(Provider::parse),
        model: row.model,
        status: row.status.and_then(|status| u16::try_from(status).ok()),
        error_code: row.error_code,
        sent: row.sent,
        began_us: row.began_us,
        took_us: row.took_us,
        next: row.next.as_deref().and_then(Next::parse),
    };
    Ok((Some(by), rows.into_iter().map(attempt).collect(), found))
}

/// The calls just after and just before a call, in the order of the list.
pub async fn neighbours(tx: &mut OrgTx, call: &LoggedCall) -> Result<(Option<CallId>, Option<CallId>)> {
    let newer: Option<(Uuid,)> = tx.optional(NEWER, values![call.started_at, call.id]).await?;
    let older: Option<(Uuid,)> = tx.optional(OLDER, values![call.started_at, call.id]).await?;
    Ok((newer.map(|(id,)| CallId(id)), older.map(|(id,)| CallId(id))))
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
