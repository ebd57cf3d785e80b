//! The SQL of roll-ups as they are written: ended calls, counted by kind, hour and day.

use crate::{
    features::logs::counting::{Cache, Counted, Kind, Rescued, Sketch, Sums, Verdict},
    guardrails::HookResults,
    kernel::{
        CallId, ConfigId, Error, KeyId, PromptId, Result, Timestamp, UserId, VirtualKeyId,
        provider::Provider,
        time::{DAY, HOUR},
    },
    server::database::{OrgTx, WriteError, row, statements, values},
};
use serde_json::json;
use sqlx::types::Json;
use std::collections::BTreeMap;
use uuid::Uuid;

use crate::features::logs::model::{CallOutcome, Metadata};

statements! {
    GROUPED: TenantSql = "SELECT s.grouped FROM log_settings s WHERE s.org_id = $1";
    KEEP_KIND: TenantSql = "INSERT INTO call_kinds (org_id, id, key_id, user_id, virtual_key_id, provider, model, endpoint, streamed, outcome, status, error_code, config_id, config_version, prompt_id, prompt_version, prompt_label, cache, rescued, verdict, metadata) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) ON CONFLICT (org_id, id) DO NOTHING";
    // A sum of costs stays where it is before it would not fit.
    ADD: TenantSql = "INSERT INTO call_rollups (org_id, width, start, kind_id, entries, calls, input_tokens, cached_input_tokens, output_tokens, cost, unpriced, timed, latency_us, first_bytes, first_byte_us, last_at, reasoning_tokens, saved) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) ON CONFLICT (org_id, width, start, kind_id) DO UPDATE SET entries = call_rollups.entries + excluded.entries, calls = call_rollups.calls + excluded.calls, input_tokens = call_rollups.input_tokens + excluded.input_tokens, cached_input_tokens = call_rollups.cached_input_tokens + excluded.cached_input_tokens, output_tokens = call_rollups.output_tokens + excluded.output_tokens, reasoning_tokens = call_rollups.reasoning_tokens + excluded.reasoning_tokens, saved = CASE WHEN call_rollups.saved > 8000000000000000000 THEN call_rollups.saved ELSE call_rollups.saved + excluded.saved END, cost = CASE WHEN call_rollups.cost > 8000000000000000000 OR excluded.cost IS NULL THEN call_rollups.cost ELSE COALESCE(call_rollups.cost, 0) + excluded.cost END, unpriced = call_rollups.unpriced + excluded.unpriced, timed = call_rollups.timed + excluded.timed, latency_us = call_rollups.latency_us + excluded.latency_us, first_bytes = call_rollups.first_bytes + excluded.first_bytes, first_byte_us = call_rollups.first_byte_us + excluded.first_byte_us, last_at = CASE WHEN excluded.last_at > call_rollups.last_at THEN excluded.last_at ELSE call_rollups.last_at END";
    // Put one behind the other until they are long.
    SPREAD: TenantSql = "INSERT INTO call_sketches (org_id, width, start, kind_id, latency, first_byte) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (org_id, width, start, kind_id) DO UPDATE SET latency = call_sketches.latency || ' ' || excluded.latency, first_byte = call_sketches.first_byte || ' ' || excluded.first_byte RETURNING CASE WHEN LENGTH(latency) + LENGTH(first_byte) > 2500 THEN latency END AS latency, CASE WHEN LENGTH(latency) + LENGTH(first_byte) > 2500 THEN first_byte END AS first_byte";
    FIRST_DAY: TenantSql = "SELECT MIN(r.start) FROM call_rollups r WHERE r.org_id = $1 AND r.width = $2";
    KINDS: TenantSql = "SELECT COUNT(*) FROM call_kinds WHERE org_id = $1";
    FORGET_KIND: TenantSql = "DELETE FROM call_kinds WHERE org_id = $1 AND id = $2";
    SHORTEN: TenantSql = "UPDATE call_sketches SET latency = $5, first_byte = $6 WHERE org_id = $1 AND width = $2 AND start = $3 AND kind_id = $4";
    UNCOUNTED: TenantSql = "SELECT c.id, c.started_at, c.key_id, c.user_id, c.virtual_key_id, c.provider, c.model, c.endpoint, c.streamed, c.outcome, c.status, c.error_code, c.config_id, c.config_version, c.prompt_id, c.prompt_version, c.prompt_label, c.metadata, c.count, c.input_tokens, c.cached_input_tokens, c.output_tokens, c.cost, c.latency_us, c.first_byte_us, c.reasoning_tokens, c.saved FROM call_logs c WHERE c.org_id = $1 AND c.kind_id IS NULL AND c.finished_at IS NOT NULL ORDER BY c.started_at DESC LIMIT 500";
    // On SQLite those of before version 36 do not say when their call began, and have 0.
    TRIED: TenantSql = "SELECT a.path, a.next, a.found FROM call_attempts a WHERE a.org_id = $1 AND a.call_id = $2 AND a.started_at IN ($3, 0) ORDER BY a.number LIMIT 1000";
    NOTE: TenantSql = "UPDATE call_logs SET kind_id = $3 WHERE org_id = $1 AND id = $2 AND started_at = $4 AND kind_id IS NULL AND finished_at IS NOT NULL";
}

/// The names of metadata that the organisation groups by, each with the moment since when.
pub async fn grouped(tx: &mut OrgTx) -> Result<BTreeMap<String, i64>> {
    let row: Option<(Json<BTreeMap<String, i64>>,)> = tx.optional(GROUPED, vec![]).await?;
    Ok(row.map(|(names,)| names.0).unwrap_or_default())
}

/// The day of the first call that is counted.
pub async fn first_day(tx: &mut OrgTx) -> Result<Option<Timestamp>> {
    let (day,): (Option<i64>,) = tx.one(FIRST_DAY, values![DAY]).await?;
    Ok(day.map(Timestamp))
}

/// What of a call's metadata counts.
pub fn counted_metadata(
    metadata: Option<&Metadata>,
    grouped: &BTreeMap<String, i64>,
) -> Option<BTreeMap<String, String>> {
    let metadata = metadata?;
    let said = |name: &String| metadata.get(name).map(|value| (name.clone(), value.to_owned()));
    Some(grouped.keys().filter_map(said).collect()).filter(|said: &BTreeMap<_, _>| !said.is_empty())
}

/// What of a call is told by its attempts, in their order: each with its target, whether the answer had been kept, and what
/// guardrails have found.
pub fn told<'a>(
    is_ok: bool,
    attempts: impl IntoIterator<Item = (&'a str, bool, &'a HookResults)>,
) -> (Cache, Rescued, Verdict) {
    let (mut cache, mut verdict, mut paths) = (Cache::None, Verdict::None, vec![]);
    for (path, kept, found) in attempts {
        paths.push(path);
        cache = if kept { Cache::Hit } else { Cache::None };
        for result in found.all() {
            let found = match result {
                denies if denies.denies() => Verdict::Denied,
                passed if passed.verdict => Verdict::Passed,
                _ => Verdict::Failed,
            };
            if found as u8 > verdict as u8 {
                verdict = found;
            }
        }
    }
    let rescued = match paths.as_slice() {
        [first, .., last] if is_ok => {
            if first == last {
                Rescued::Retry
            } else {
                Rescued::Fallback
            }
        }
        _ => Rescued::None,
    };
    (cache, rescued, verdict)
}

/// The most kinds that an organisation's calls are counted by. Callers choose what makes one: names of models, metadata.
/// Calls of further kinds stay uncounted, and their figures are read from the log.
pub const MOST_KINDS: i64 = 100_000;

/// Keeps kinds that are counted by, and leaves in `kinds` those that are. They come in the order of their ids, so that two
/// replicas never wait for each other.
pub async fn keep_kinds(
    tx: &mut OrgTx,
    kinds: &mut BTreeMap<Uuid, Kind>,
    most: i64,
) -> std::result::Result<(), WriteError> {
    let mut new = vec![];
    for (id, kind) in &*kinds {
        let row = values![
            *id,
            kind.key,
            kind.person,
            kind.virtual_key,
            kind.provider,
            &kind.model,
            &kind.endpoint,
            kind.streamed,
            kind.outcome.name(),
            kind.status,
            kind.error.as_deref(),
            kind.config,
            kind.config_version,
            kind.prompt,
            kind.prompt_version,
            kind.prompt_label.as_deref(),
            kind.cache.name(),
            kind.rescued.name(),
            kind.verdict.name(),
            kind.metadata.as_ref().map(|metadata| json!(metadata)),
        ];
        if tx.write(KEEP_KIND, row).await? > 0 {
            new.push(*id);
        }
    }
    if new.is_empty() {
        return Ok(());
    }
    let (all,): (i64,) = tx.one(KINDS, vec![]).await?;
    let over = usize::try_from(all - most).unwrap_or(0);
    for id in new.into_iter().rev().take(over) {
        tx.write(FORGET_KIND, values![id]).await?;
        kinds.remove(&id);
    }
    Ok(())
}

row! {
    struct Long {
        latency: Option<String>,
        first_byte: Option<String>,
    }
}

/// Counts calls, whose kinds are kept.
pub async fn count<'a>(
    tx: &mut OrgTx,
    calls: impl IntoIterator<Item = &'a Counted>,
) -> std::result::Result<(), WriteError> {
    let mut sums: BTreeMap<(i64, i64, Uuid), Sums> = BTreeMap::new();
    for call in calls {
        for width in [HOUR, DAY] {
            let start = call.started_at.0.div_euclid(width) * width;
            sums.entry((width, start, call.kind)).or_default().add(call);
        }
    }
    for ((width, start, kind), sums) in sums {
        let row = values![
            width,
            start,
            kind,
            sums.entries,
            sums.calls,
            sums.input_tokens,
            sums.cached_input_tokens,
            sums.output_tokens,
            sums.cost,
            sums.unpriced,
            sums.latency.count,
            sums.latency.sum,
            sums.first_byte.count,
            sums.first_byte.sum,
            sums.last_at,
            sums.reasoning_tokens,
            sums.saved,
        ];
        tx.write(ADD, row).await?;
        if sums.latency.count == 0 && sums.first_byte.count == 0 {
            continue;
        }
        let row = values![width, start, kind, sums.latency.sketch.text(), sums.first_byte.sketch.text()];
        let long: Vec<Long> = tx.write_all(SPREAD, row).await?;
        for long in long {
            if let (Some(latency), Some(first_byte)) = (long.latency, long.first_byte) {
                tx.write(SHORTEN, values![width, start, kind, shortened(&latency), shortened(&first_byte)]).await?;
            }
        }
    }
    Ok(())
}

fn shortened(text: &str) -> String {
    let mut sketch = Sketch::default();
    sketch.read(text);
    sketch.text()
}

row! {
    struct UncountedRow {
        id: Uuid,
        started_at: i64,
        key_id: Option<Uuid>,
        user_id: Option<Uuid>,
        virtual_key_id: Option<Uuid>,
        provider: Option<String>,
        model: Option<String>,
        endpoint: String,
        streamed: bool,
        outcome: String,
        status: Option<i64>,
        error_code: Option<String>,
        config_id: Option<Uuid>,
        config_version: Option<i64>,
        prompt_id: Option<Uuid>,
        prompt_version: Option<i64>,
        prompt_label: Option<String>,
        metadata: Option<Json<Metadata>>,
        count: i64,
        input_tokens: Option<i64>,
        cached_input_tokens: Option<i64>,
        output_tokens: Option<i64>,
        cost: Option<i64>,
        latency_us: Option<i64>,
        first_byte_us: Option<i64>,
        reasoning_tokens: Option<i64>,
        saved: Option<i64>,
    }
}

row! {
    struct TriedRow {
        path: String,
        next: Option<String>,
        found: Option<String>,
    }
}

/// Counts calls that ended before there were roll-ups, some at a time, the latest first. How many: fewer than asked for
/// when there are no more.
pub async fn count_earlier(tx: &mut OrgTx) -> Result<usize> {
    let grouped = grouped(tx).await?;
    let rows: Vec<UncountedRow> = tx.list(UNCOUNTED, vec![]).await?;
    let (mut kinds, mut counted) = (BTreeMap::new(), vec![]);
    for row in rows {
        let tried: Vec<TriedRow> = tx.list(TRIED, values![row.id, row.started_at]).await?;
        let found: Vec<HookResults> = tried
            .iter()
            .map(|tried| tried.found.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default())
            .collect();
        // One that cannot be read stays uncounted: its figures are read from the log itself.
        let Some(outcome) = CallOutcome::parse(&row.outcome) else {
            tracing::error!(call = %row.id, outcome = row.outcome, "a stored outcome is not known, and its call not counted");
            continue;
        };
        let attempts = tried
            .iter()
            .zip(&found)
            .map(|(tried, found)| (tried.path.as_str(), tried.next.as_deref() == Some("kept"), found));
        let (cache, rescued, verdict) = told(outcome == CallOutcome::Ok, attempts);
        let kind = Kind {
            key: row.key_id.map(KeyId),
            person: row.user_id.map(UserId),
            virtual_key: row.virtual_key_id.map(VirtualKeyId),
            provider: row.provider.as_deref().and_then(Provider::parse).map(Provider::name),
            model: row.model.unwrap_or_default(),
            endpoint: row.endpoint,
            streamed: row.streamed,
            outcome,
            status: row.status,
            error: row.error_code,
            config: row.config_id.map(ConfigId),
            config_version: row.config_version,
            prompt: row.prompt_id.map(PromptId),
            prompt_version: row.prompt_version,
            prompt_label: row.prompt_label,
            cache,
            rescued,
            verdict,
            metadata: counted_metadata(row.metadata.as_deref(), &grouped),
        };
        let id = kind.id();
        kinds.insert(id, kind);
        let tokens = (row.input_tokens.is_some() || row.output_tokens.is_some()).then(|| {
            (row.input_tokens.unwrap_or(0), row.cached_input_tokens.unwrap_or(0), row.output_tokens.unwrap_or(0))
        });
        counted.push((
            CallId(row.id),
            Counted {
                kind: id,
                started_at: Timestamp(row.started_at),
                calls: row.count,
                tokens,
                reasoning_tokens: row.reasoning_tokens.unwrap_or(0),
                cost: row.cost,
                saved: row.saved.unwrap_or(0),
                latency_us: row.latency_us,
                first_byte_us: row.first_byte_us,
            },
        ));
    }
    let failed = |_| Error::internal();
    keep_kinds(tx, &mut kinds, MOST_KINDS).await.map_err(failed)?;
    let mut noted = vec![];
    for (id, call) in counted {
        if kinds.contains_key(&call.kind) && tx.execute(NOTE, values![id, call.kind, call.started_at]).await? > 0 {
            noted.push(call);
        }
    }
    count(tx, &noted).await.map_err(failed)?;
    Ok(noted.len())
}
