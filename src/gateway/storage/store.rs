//! The gateway's SQL: calls into the log.

use crate::{
    features::logs::{
        self as logs,
        counting::{Counted, Kind},
        model,
    },
    gateway::facts::{CallEnd, CallFacts, Record, Tried},
    kernel::{ConfigId, Result, provider::Provider},
    server::database::{Batch, OrgTx, TenantSql, Then, Value, WriteError, row, values},
};
use serde_json::json;
use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};
use uuid::Uuid;

const INSERT: &str = "INSERT INTO call_logs (org_id, id, started_at, finished_at, key_id, virtual_key_id, provider, model, endpoint, streamed, outcome, status, error_code, latency_us, first_byte_us, input_tokens, cached_input_tokens, output_tokens, cost, trace_id, count, metadata, upstream_id, led, config_id, config_version, prompt_id, prompt_version, prompt_label, user_id, kind_id, reasoning_tokens, saved)";
/// A record may come twice, and one of a call under way is followed by one of its end. An end is never undone.
///
/// PostgreSQL knows a call by its beginning besides, by which its log is parted into months. That is as good: it is one of the
/// facts that are noted before the call leaves and never change, in memory as in the journal, so that every record of a call
/// has the same.
macro_rules! on_conflict {
    ($known:literal) => {
        concat!(" ON CONFLICT ", $known, " DO UPDATE SET virtual_key_id = excluded.virtual_key_id, provider = excluded.provider, model = excluded.model, finished_at = excluded.finished_at, outcome = excluded.outcome, status = excluded.status, error_code = excluded.error_code, latency_us = excluded.latency_us, first_byte_us = excluded.first_byte_us, input_tokens = excluded.input_tokens, cached_input_tokens = excluded.cached_input_tokens, output_tokens = excluded.output_tokens, cost = excluded.cost, upstream_id = excluded.upstream_id, count = excluded.count, kind_id = excluded.kind_id, reasoning_tokens = excluded.reasoning_tokens, saved = excluded.saved WHERE call_logs.finished_at IS NULL")
    };
}
const ON_CONFLICT: Then =
    Then { postgres: on_conflict!("(org_id, id, started_at)"), sqlite: on_conflict!("(org_id, id)") };
/// Columns of a record, its organisation not counted.
const COLUMNS: usize = 32;

/// A record may come twice, and then tells the same.
const TRIED: TenantSql = TenantSql::new(
    "INSERT INTO call_attempts (org_id, call_id, number, path, virtual_key_id, provider, model, status, error_code, sent, began_us, took_us, next, found, first_byte_us, input_tokens, cached_input_tokens, output_tokens, cost, started_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) ON CONFLICT DO NOTHING",
);
/// The newest version of the config with this slug.
const CONFIG: TenantSql = TenantSql::new(
    "SELECT c.id, c.current, v.body FROM configs c JOIN config_versions v ON v.org_id = c.org_id AND v.config_id = c.id AND v.number = c.current WHERE c.org_id = $1 AND c.slug = $2 AND c.deleted_at IS NULL",
);

/// What the organisation says of every call.
const RULES: TenantSql = TenantSql::new(
    "SELECT o.saved_only, o.keep_texts, o.leave_images_out, EXISTS (SELECT 1 FROM guardrails g WHERE g.org_id = $1 AND (g.for_requests OR g.for_answers) AND g.deleted_at IS NULL) AS guarded, EXISTS (SELECT 1 FROM model_prices p WHERE p.org_id = $1) AS priced FROM organisations o WHERE o.id = $1",
);

static CALLS: LazyLock<Batch> = LazyLock::new(|| Batch::new(INSERT, 1 + COLUMNS, ON_CONFLICT));

/// The texts of these statements, for the test that prepares each on both engines.
pub const STATEMENTS: &[&str] = &[TRIED.text(), CONFIG.text(), RULES.text()];

/// The texts that one engine alone takes.
pub fn statements_of(is_postgres: bool) -> Vec<&'static str> {
    if is_postgres { CALLS.on_postgres().collect() } else { CALLS.on_sqlite().collect() }
}

/// Stores records, each call once. Gives those that have ended now, and what they are counted by.
pub async fn write_calls<'r>(
    tx: &mut OrgTx,
    records: &[&'r Record],
) -> std::result::Result<(Vec<&'r Record>, Vec<Counted>), WriteError> {
    let grouped = logs::grouped(tx).await.map_err(|_| WriteError::Failed)?;
    let mut kinds = BTreeMap::new();
    let mut counted = HashMap::new();
    for record in records {
        let Some(end) = &record.outcome else { continue };
        let kind = kind(&record.call, end, &grouped);
        let id = kind.id();
        counted.insert(record.call.id.0, counts(&record.call, end, id));
        kinds.insert(id, kind);
    }
    logs::keep_kinds(tx, &mut kinds, logs::MOST_KINDS).await?;
    counted.retain(|_, counted: &mut Counted| kinds.contains_key(&counted.kind));
    let kind_of = |record: &Record| counted.get(&record.call.id.0).map(|counted| counted.kind);
    // An end that was known already changes nothing, and counts no second time.
    let rows = records.iter().map(|record| row(record, kind_of(record))).collect();
    let written = tx.write_batch(&CALLS, rows).await?;
    for record in records {
        let tried = record.outcome.iter().flat_map(|end| &end.tried);
        for (number, tried) in (1_i64..).zip(tried) {
            tx.write(TRIED, attempt(record, number, tried)).await?;
        }
    }
    let has_ended = |record: &&Record| record.outcome.is_some() && written.contains(&record.call.id.0);
    let ended = records.iter().copied().filter(has_ended).collect();
    Ok((ended, written.into_iter().filter_map(|id| counted.remove(&id)).collect()))
}

/// What an ended call is counted by.
fn kind(call: &CallFacts, end: &CallEnd, grouped: &BTreeMap<String, i64>) -> Kind {
    let went = end.went.as_deref();
    let saved = call.config.and_then(|led| led.saved);
    let runs = call.prompt.as_deref();
    let outcome = end.kind();
    let attempts = end.tried.iter().map(|tried| {
        let kept = tried.end.as_ref().is_some_and(|end| end.then == model::Next::Kept);
        (&*tried.path, kept, &tried.found)
    });
    let (cache, rescued, verdict) = logs::told(outcome == model::CallOutcome::Ok, attempts);
    Kind {
        key: call.person.is_none().then_some(call.key),
        person: call.person,
        virtual_key: went.map_or(call.virtual_key, |went| went.virtual_key),
        provider: went.map_or(call.provider, |went| went.provider).map(Provider::name),
        model: went.map_or(&*call.model, |went| &went.model).to_owned(),
        endpoint: call.endpoint.name().to_owned(),
        streamed: call.streamed,
        outcome,
        status: Some(i64::from(end.status)),
        error: end.error.as_deref().map(str::to_owned),
        config: saved.map(|(id, _)| id),
        config_version: saved.map(|(_, version)| version),
        prompt: runs.map(|runs| runs.prompt),
        prompt_version: runs.map(|runs| runs.version),
        prompt_label: runs.and_then(|runs| runs.label.as_deref()).map(str::to_owned),
        cache,
        rescued,
        verdict,
        metadata: logs::counted_metadata(call.metadata.as_ref(), grouped),
    }
}

/// What an ended call counts for.
fn counts(call: &CallFacts, end: &CallEnd, kind: Uuid) -> Counted {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    Counted {
        kind,
        started_at: call.started_at,
        calls: number(end.count),
        tokens: end
            .usage
            .map(|usage| (number(usage.input_tokens), number(usage.cached_input_tokens), number(usage.output_tokens))),
        reasoning_tokens: end.usage.map_or(0, |usage| number(usage.reasoning_tokens)),
        cost: end.cost,
        saved: end.saved.unwrap_or(0),
        latency_us: (!end.is_interrupted()).then(|| number(end.latency_us)),
        first_byte_us: end.first_byte_us.map(number),
    }
}

fn attempt(record: &Record, number: i64, tried: &Tried) -> Vec<Value> {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let end = tried.end.as_ref();
    let usage = end.and_then(|end| end.usage);
    values![
        record.call.id,
        number,
        &*tried.path,
        tried.virtual_key,
        tried.provider.map(Provider::name),
        &*tried.model,
        end.and_then(|end| end.status).map(i64::from),
        end.and_then(|end| end.error.as_deref()),
        end.is_none_or(|end| end.sent),
        whole(tried.began_us),
        end.map(|end| whole(end.took_us)),
        end.map(|end| end.then.name()),
        (!tried.found.is_empty()).then(|| serde_json::to_string(&tried.found).unwrap_or_default()),
        end.and_then(|end| end.first_byte_us).map(whole),
        usage.map(|usage| whole(usage.input_tokens)),
        usage.map(|usage| whole(usage.cached_input_tokens)),
        usage.map(|usage| whole(usage.output_tokens)),
        end.and_then(|end| end.cost),
        record.call.started_at,
    ]
}

fn row(record: &Record, kind: Option<Uuid>) -> Vec<Value> {
    let (call, end) = (&record.call, record.outcome.as_ref());
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    // A call that the end of the process cut off has no known length.
    let latency = end.filter(|end| !end.is_interrupted()).map(|end| number(end.latency_us));
    let finished_at = end.map(|_| call.started_at.plus(latency.unwrap_or(0) / 1_000));
    let usage = end.and_then(|end| end.usage);
    let went = end.and_then(|end| end.went.as_deref());
    let saved = call.config.and_then(|led| led.saved);
    let runs = call.prompt.as_deref();
    values![
        call.id,
        call.started_at,
        finished_at,
        call.person.is_none().then_some(call.key),
        went.map_or(call.virtual_key, |went| went.virtual_key),
        went.map_or(call.provider, |went| went.provider).map(Provider::name),
        went.map_or(&*call.model, |went| &went.model),
        call.endpoint.name(),
        call.streamed,
        end.map_or(model::CallOutcome::Started, CallEnd::kind).name(),
        end.map(|end| i64::from(end.status)),
        end.and_then(|end| end.error.as_deref()),
        latency,
        end.and_then(|end| end.first_byte_us).map(number),
        usage.map(|usage| number(usage.input_tokens)),
        usage.map(|usage| number(usage.cached_input_tokens)),
        usage.map(|usage| number(usage.output_tokens)),
        end.and_then(|end| end.cost),
        &*call.trace,
        end.map_or(1, |end| number(end.count)),
        call.metadata.as_ref().map(|metadata| json!(metadata)),
        end.and_then(|end| end.upstream_id.as_deref()),
        call.config.is_some(),
        saved.map(|(id, _)| id),
        saved.map(|(_, version)| version),
        runs.map(|runs| runs.prompt),
        runs.map(|runs| runs.version),
        runs.and_then(|runs| runs.label.as_deref()),
        call.person,
        kind,
        usage.map(|usage| number(usage.reasoning_tokens)),
        end.and_then(|end| end.saved),
    ]
}

/// A config as it is stored: its id, the number of its newest version, and the text of that.
pub async fn config(tx: &mut OrgTx, slug: &str) -> Result<Option<(ConfigId, i64, String)>> {
    let row: Option<(Uuid, i64, String)> = tx.optional(CONFIG, values![slug]).await?;
    Ok(row.map(|(id, version, text)| (ConfigId(id), version, text)))
}

row! {
    /// What an organisation says of every call, whoever makes it.
    pub struct Rules {
        /// Whether calls may name only what is saved.
        pub saved_only: bool,
        /// Whether there are guardrails for all calls.
        pub guarded: bool,
        /// Whether calls' texts are kept, and without images.
        pub keep_texts: bool,
        pub leave_images_out: bool,
        /// Whether the organisation has prices of its own.
        pub priced: bool,
    }
}

pub async fn rules(tx: &mut OrgTx) -> Result<Rules> {
    tx.one(RULES, vec![]).await
}
