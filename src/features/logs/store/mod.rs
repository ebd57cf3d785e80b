//! The log's reading SQL.

pub mod cells;
pub mod conditions;
pub mod counted;
pub mod exports;
pub mod figures;
pub mod saved;
pub mod single;
pub mod texts;

use super::{
    figures::Figures,
    model::{Attempt, Bucket, CallOutcome, Detail, Health, LedBy, LoggedCall, Metadata, Next, Ran, Settings, Totals},
    query::{Cursor, Filter, Span},
    reckoning::{Reckoning, Used},
    texts::Texts,
};
use crate::guardrails::HookResults;
use crate::{
    kernel::{
        CallId, Error, KeyId, Result, Timestamp, UserId, VirtualKeyId, Window,
        provider::Provider,
        time::{DAY, HOUR},
    },
    policy::Principal,
    server::database::{
        OrgTx,
        listing::{self, Listing, Order, Parts, Place, Question},
        readable, row, statements, values,
    },
};
use conditions::{
    BETWEEN_COSTS, BETWEEN_INPUTS, BETWEEN_LATENCIES, BETWEEN_OUTPUTS, BETWEEN_TOKENS, OF_TRACE, OF_TRACES, RAW,
    SAYING, narrowed, raw_only,
};
use figures::{Spreads, filters};
use sqlx::types::Json;
use std::collections::BTreeMap;
use uuid::Uuid;

// What the kind of a call says beside its own columns.
pub const OF_CACHE: &str = "c.finished_at IS NOT NULL AND COALESCE((SELECT k.cache FROM call_kinds k WHERE k.org_id = c.org_id AND k.id = c.kind_id), 'none') = ?";
pub const OF_RESCUED: &str = "c.finished_at IS NOT NULL AND COALESCE((SELECT k.rescued FROM call_kinds k WHERE k.org_id = c.org_id AND k.id = c.kind_id), 'none') = ?";
pub const OF_VERDICT: &str = "c.finished_at IS NOT NULL AND COALESCE((SELECT k.verdict FROM call_kinds k WHERE k.org_id = c.org_id AND k.id = c.kind_id), 'none') = ?";

macro_rules! columns {
    () => {
        "c.id, c.started_at, c.outcome, c.status, c.error_code, c.model, k.name AS key_name, u.name AS person_name, v.slug AS virtual_key_slug, c.latency_us, c.input_tokens, c.output_tokens, c.cost, c.finished_at, c.key_id, c.virtual_key_id, c.provider, c.endpoint, c.streamed, c.first_byte_us, c.cached_input_tokens, c.trace_id, c.metadata, v.deleted_at AS virtual_key_deleted_at, c.count, c.upstream_id, c.led, g.slug AS config_slug, c.config_version, p.slug AS prompt_slug, c.prompt_version, c.reasoning_tokens, c.saved"
    };
}

macro_rules! joined {
    () => {
        " LEFT JOIN api_keys k ON k.org_id = c.org_id AND k.id = c.key_id LEFT JOIN users u ON u.id = c.user_id LEFT JOIN virtual_keys v ON v.org_id = c.org_id AND v.id = c.virtual_key_id LEFT JOIN configs g ON g.org_id = c.org_id AND g.id = c.config_id LEFT JOIN prompts p ON p.org_id = c.org_id AND p.id = c.prompt_id"
    };
}

/// Calls that have not ended, in bars.
const UNDER_WAY: &str = "SELECT c.started_at / ? AS bucket, COUNT(*) AS calls FROM call_logs c WHERE {these} AND c.kind_id IS NULL AND c.finished_at IS NULL GROUP BY 1";

pub static LIST: Listing = Listing::new(Parts {
    columns: columns!(),
    from: "call_logs c",
    joined: joined!(),
    id: "c.id",
    within: "c.org_id = $1",
    searched: &[],
    filters: filters![
        RAW;
        OF_CACHE, OF_RESCUED, OF_VERDICT, OF_TRACE, OF_TRACES, SAYING, BETWEEN_COSTS, BETWEEN_TOKENS,
        BETWEEN_INPUTS, BETWEEN_OUTPUTS, BETWEEN_LATENCIES,
    ],
    order: Order::Latest("c.started_at", "c.id"),
    summaries: &[UNDER_WAY],
});

statements! {
    BY_ID: TenantSql = concat!("SELECT ", columns!(), " FROM call_logs c", joined!(), " WHERE c.org_id = $1 AND c.id = $2 AND c.started_at = $3");
    ANY: TenantSql = "SELECT COUNT(*) FROM (SELECT c.id FROM call_logs c WHERE c.org_id = $1 LIMIT 1) AS any_call";
    SUCCEEDED: TenantSql = "SELECT COUNT(*) FROM (SELECT c.id FROM call_logs c WHERE c.org_id = $1 AND c.outcome = 'ok' LIMIT 1) AS any_call";
    PROVIDERS: TenantSql = "SELECT v.name, v.slug, CAST(SUM(c.count) AS BIGINT) AS calls, CAST(SUM(CASE WHEN c.outcome = 'failed' THEN c.count ELSE 0 END) AS BIGINT) AS failed FROM call_logs c JOIN virtual_keys v ON v.org_id = c.org_id AND v.id = c.virtual_key_id WHERE c.org_id = $1 AND c.started_at >= $2 AND v.deleted_at IS NULL GROUP BY v.name, v.slug ORDER BY failed DESC, calls DESC, v.slug LIMIT 6";
    LED: TenantSql = "SELECT c.led, c.config_version, g.slug, g.deleted_at FROM call_logs c LEFT JOIN configs g ON g.org_id = c.org_id AND g.id = c.config_id WHERE c.org_id = $1 AND c.id = $2 AND c.started_at = $3";
    RAN: TenantSql = "SELECT p.slug, c.prompt_version, c.prompt_label, p.deleted_at FROM call_logs c JOIN prompts p ON p.org_id = c.org_id AND p.id = c.prompt_id WHERE c.org_id = $1 AND c.id = $2 AND c.started_at = $3";
    // On SQLite those of before version 36 do not say when their call began, and have 0.
    ATTEMPTS: TenantSql = "SELECT a.path, v.slug AS virtual_key, a.provider, a.model, a.status, a.error_code, a.sent, a.began_us, a.took_us, a.next, a.found, a.first_byte_us, a.input_tokens, a.cached_input_tokens, a.output_tokens, a.cost FROM call_attempts a LEFT JOIN virtual_keys v ON v.org_id = a.org_id AND v.id = a.virtual_key_id WHERE a.org_id = $1 AND a.call_id = $2 AND a.started_at IN ($3, 0) ORDER BY a.number LIMIT 1000";
    KEYS_OF: TenantSql = "SELECT k.id, k.name FROM api_keys k WHERE k.org_id = $1 AND k.responsible = $2 ORDER BY COALESCE(k.used_at, k.created_at) DESC, k.id DESC LIMIT 500";
    TRACE_IS_OWN: TenantSql = "SELECT COUNT(*) FROM (SELECT c.id FROM call_logs c WHERE c.org_id = $1 AND c.trace_id = $2 LIMIT 1) AS any_call WHERE NOT EXISTS (SELECT 1 FROM call_logs d WHERE d.org_id = $1 AND d.trace_id = $2 AND (d.user_id = $3 OR d.key_id IN (SELECT o.id FROM api_keys o WHERE o.org_id = $1 AND o.responsible = $3)) IS NOT TRUE)";
    OWN_OF_PERSON: TenantSql = "SELECT m.user_id FROM memberships m WHERE m.org_id = $1 AND m.user_id = $2 AND m.role = 'member' AND (SELECT s.own_only FROM log_settings s WHERE s.org_id = $1)";
    OWN_OF_KEY: TenantSql = "SELECT m.user_id FROM api_keys k JOIN memberships m ON m.org_id = k.org_id AND m.user_id = k.responsible WHERE k.org_id = $1 AND k.id = $2 AND m.role = 'member' AND (SELECT s.own_only FROM log_settings s WHERE s.org_id = $1)";
    SETTINGS: TenantSql = "SELECT s.own_only, s.grouped, s.version FROM log_settings s WHERE s.org_id = $1";
    MAKE_SETTINGS: TenantSql = "INSERT INTO log_settings (org_id, own_only, grouped, version) VALUES ($1, $2, $3, $4) ON CONFLICT (org_id) DO NOTHING";
    SET_SETTINGS: TenantSql = "UPDATE log_settings SET own_only = $2, grouped = $3, version = $4 WHERE org_id = $1 AND version = $5";
    KEYS_SEEN: TenantSql = "SELECT k.id, k.name FROM api_keys k WHERE k.org_id = $1 AND EXISTS (SELECT 1 FROM call_logs c WHERE c.org_id = k.org_id AND c.key_id = k.id) ORDER BY COALESCE(k.used_at, k.created_at) DESC, k.id DESC LIMIT 500";
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
        reasoning_tokens: Option<i64>,
        saved: Option<i64>,
        led: bool,
        config_slug: Option<String>,
        config_version: Option<i64>,
        prompt_slug: Option<String>,
        prompt_version: Option<i64>,
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
    raw_only(narrowed(LIST.ask(), filter, filter.span, &RAW), filter, [OF_CACHE, OF_RESCUED, OF_VERDICT])
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

/// Every call of the last day that somebody may see.
fn of_the_day(now: Timestamp, own: Option<UserId>) -> Filter {
    Filter { own, ..Filter::of(Span::last(DAY, now)) }
}

/// The totals of the last 24 hours.
pub async fn day(tx: &mut OrgTx, now: Timestamp, own: Option<UserId>) -> Result<Totals> {
    Ok(summary(tx, &of_the_day(now, own)).await?.1)
}

/// The newest calls of the last 24 hours, newest first.
pub async fn latest(tx: &mut OrgTx, now: Timestamp, most: usize, own: Option<UserId>) -> Result<Vec<LoggedCall>> {
    let window = Window::page(1, i64::try_from(most).unwrap_or(1));
    Ok(page(tx, &of_the_day(now, own), Place::First, window).await?.calls)
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

/// Calls under way that a filter lets through, by bar.
pub async fn under_way(tx: &mut OrgTx, filter: &Filter, width: i64) -> Result<BTreeMap<i64, i64>> {
    if !filter.admits_under_way() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(i64, i64)> = asked(filter).summary(tx, UNDER_WAY, values![width], vec![]).await?;
    Ok(rows.into_iter().collect())
}

/// The bars of the chart and the totals of all pages.
pub async fn summary(tx: &mut OrgTx, filter: &Filter) -> Result<(Vec<Bucket>, Totals)> {
    let width = filter.span.width();
    let mut totals = Totals::default();
    let mut all = Figures::default();
    let mut counts: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    if filter.outcome != Some(CallOutcome::Started) {
        let cells = figures::read(tx, filter, width, None, Spreads::Whole).await?;
        for (bucket, figures) in cells.by_bucket() {
            counts.insert(bucket, (figures.calls, figures.failed()));
        }
        all = cells.totals();
    }
    for (bucket, calls) in under_way(tx, filter, width).await? {
        counts.entry(bucket).or_default().0 += calls;
        totals.entries += calls;
        totals.calls += calls;
    }
    totals.entries += all.entries;
    totals.calls += all.calls;
    totals.failed += all.failed();
    totals.cost = all.cost;
    totals.unpriced = all.unpriced;
    totals.p50_us = (all.latency.count > 0).then_some(all.latency.p50);
    Ok((bars(filter.span, &counts), totals))
}

/// Every bar of the span, those without calls too. `counts` are calls and failed ones by bar.
fn bars(span: Span, counts: &BTreeMap<i64, (i64, i64)>) -> Vec<Bucket> {
    let width = span.width();
    span.buckets(width)
        .map(|index| {
            let (calls, failed) = counts.get(&index).copied().unwrap_or_default();
            let count = |n: i64| u64::try_from(n).unwrap_or(0);
            Bucket { start: Timestamp(index * width), ok: count(calls - failed), failed: count(failed) }
        })
        .collect()
}

pub async fn by_id(tx: &mut OrgTx, call: Cursor, now: Timestamp) -> Result<Option<Detail>> {
    let row: Option<Row> = tx.optional(BY_ID, values![call.id, call.started_at]).await?;
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
            reasoning_tokens: row.reasoning_tokens,
            saved: row.saved,
            metadata: row.metadata.map(|metadata| metadata.0),
            upstream_id: row.upstream_id,
            ran: None,
            led: None,
            attempts: vec![],
            found: HookResults::default(),
            reckoning: Reckoning::default(),
            unknown_key: None,
            newer: None,
            older: None,
            steps: vec![],
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
        first_byte_us: Option<i64>,
        input_tokens: Option<i64>,
        cached_input_tokens: Option<i64>,
        output_tokens: Option<i64>,
        cost: Option<i64>,
    }
}

/// The prompt that a call ran, if it ran one.
pub async fn ran(tx: &mut OrgTx, call: Cursor) -> Result<Option<Ran>> {
    let row: Option<(String, i64, Option<String>, Option<i64>)> =
        tx.optional(RAN, values![call.id, call.started_at]).await?;
    Ok(row.map(|(slug, version, label, deleted_at)| Ran { slug, version, label, lives: deleted_at.is_none() }))
}

/// Whether a config led the call, its version, its slug, and when it was deleted.
type LedRow = (bool, Option<i64>, Option<String>, Option<i64>);

/// The config that led a call, the call's attempts (none of a call that no config led), and what guardrails have found in
/// it.
pub async fn way(tx: &mut OrgTx, call: Cursor) -> Result<(Option<LedBy>, Vec<Attempt>, HookResults)> {
    let led: Option<LedRow> = tx.optional(LED, values![call.id, call.started_at]).await?;
    let mut rows: Vec<AttemptRow> = tx.list(ATTEMPTS, values![call.id, call.started_at]).await?;
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
        first_byte_us: row.first_byte_us,
        used: Used::of(row.input_tokens, row.cached_input_tokens, row.output_tokens),
        cost: row.cost,
    };
    Ok((Some(by), rows.into_iter().map(attempt).collect(), found))
}

/// The calls just after and just before a call, in the order of the list, of those that the asker may see.
pub async fn neighbours(
    tx: &mut OrgTx,
    call: &LoggedCall,
    own: Option<UserId>,
) -> Result<(Option<CallId>, Option<CallId>)> {
    let all = Filter { own, ..Filter::of(Span { from: Timestamp(i64::MIN), to: Timestamp(i64::MAX) }) };
    let here = || Cursor { started_at: call.started_at, id: call.id }.row();
    let newer = page(tx, &all, Place::Before(here()), Window::page(1, 1)).await?.calls.pop();
    let older = page(tx, &all, Place::After(here()), Window::page(1, 1)).await?.calls.pop();
    Ok((newer.map(|call| call.id), older.map(|call| call.id)))
}

/// Whether the log has calls of this trace, and each is the person's own or one of a key that they answer for. Callers choose
/// the names of traces, so that one such call beside others' says nothing.
pub async fn trace_is_own(tx: &mut OrgTx, trace: &str, person: UserId) -> Result<bool> {
    let (count,): (i64,) = tx.one(TRACE_IS_OWN, values![trace, person]).await?;
    Ok(count > 0)
}

/// The person whose own calls are the only ones that whoever asks may see: a Member, or a key that answers for one, where
/// the organisation says so.
pub async fn own_only(tx: &mut OrgTx, principal: &Principal) -> Result<Option<UserId>> {
    let row: Option<(Uuid,)> = match principal {
        Principal::Member { user, .. } => tx.optional(OWN_OF_PERSON, values![*user]).await?,
        Principal::ApiKey { key, .. } => tx.optional(OWN_OF_KEY, values![*key]).await?,
        Principal::Nobody | Principal::Person { .. } => None,
    };
    Ok(row.map(|(person,)| UserId(person)))
}

row! {
    struct SettingsRow {
        own_only: bool,
        grouped: Json<BTreeMap<String, i64>>,
        version: i64,
    }
}

/// What the organisation says of its log.
pub async fn settings(tx: &mut OrgTx) -> Result<Settings> {
    let row: Option<SettingsRow> = tx.optional(SETTINGS, vec![]).await?;
    Ok(row.map_or_else(Settings::default, |SettingsRow { own_only, grouped, version }| Settings {
        own_only,
        grouped: grouped.0.into_iter().collect(),
        version,
    }))
}

/// Sets it. False: somebody else did so first.
pub async fn set(tx: &mut OrgTx, settings: &Settings, was: i64) -> Result<bool> {
    let grouped: BTreeMap<&String, i64> = settings.grouped.iter().map(|(name, since)| (name, *since)).collect();
    let row = values![settings.own_only, serde_json::json!(grouped), was + 1, was];
    let changed = if was == 0 {
        tx.execute(MAKE_SETTINGS, row[..3].to_vec()).await?
    } else {
        tx.execute(SET_SETTINGS, row).await?
    };
    Ok(changed > 0)
}

/// When the latest call began of those that a filter lets through, whatever its span.
pub async fn last_call(tx: &mut OrgTx, filter: &Filter) -> Result<Option<Timestamp>> {
    let ever = Filter { span: Span { from: Timestamp(i64::MIN), to: Timestamp(i64::MAX) }, ..filter.clone() };
    Ok(page(tx, &ever, Place::First, Window::page(1, 1)).await?.calls.pop().map(|call| call.started_at))
}

/// Whether the organisation ever made a call.
pub async fn any(tx: &mut OrgTx) -> Result<bool> {
    let (count,): (i64,) = tx.one(ANY, vec![]).await?;
    Ok(count > 0)
}

/// The API keys that made calls, those first that were used last; if `own` is said, of those that this person answers for.
pub async fn keys_seen(tx: &mut OrgTx, own: Option<UserId>) -> Result<Vec<(KeyId, String)>> {
    let rows: Vec<(Uuid, String)> = match own {
        Some(person) => tx.list(KEYS_OF, values![person]).await?,
        None => tx.list(KEYS_SEEN, vec![]).await?,
    };
    Ok(rows.into_iter().map(|(id, name)| (KeyId(id), name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::{HOUR, MINUTE};

    #[test]
    fn every_minute_of_an_hour_has_a_bar() {
        let span = Span { from: Timestamp(30 * MINUTE + 5_000), to: Timestamp(30 * MINUTE + 5_001 + HOUR) };
        let bars = bars(span, &BTreeMap::from([(30, (3, 1)), (90, (2, 2))]));
        assert_eq!(bars.len(), 61);
        assert_eq!(bars[0], Bucket { start: Timestamp(30 * MINUTE), ok: 2, failed: 1 });
        assert_eq!(bars[1], Bucket { start: Timestamp(31 * MINUTE), ok: 0, failed: 0 });
        assert_eq!(bars[60], Bucket { start: Timestamp(90 * MINUTE), ok: 0, failed: 2 });
    }
}
