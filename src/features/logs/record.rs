//! What the gateway writes of calls: many rows in one statement, so that the log keeps up with it.

use super::model::Outcome;
use crate::{
    features::virtual_keys::provider::Provider,
    kernel::{CallId, KeyId, Result, Timestamp, VirtualKeyId},
    server::database::{OrgTx, Value, statements, values},
};
use std::{collections::HashSet, sync::LazyLock};

/// Rows in one statement. Groups are of any size, and each size would be a statement to prepare and keep.
const MANY: usize = 64;
/// Values of a row, the organisation left out.
const COLUMNS: usize = 19;

macro_rules! insert {
    () => {
        "INSERT INTO call_logs (org_id, id, started_at, finished_at, key_id, virtual_key_id, provider, model, endpoint, \
         streamed, outcome, status, error_code, latency_us, first_byte_us, input_tokens, cached_input_tokens, \
         output_tokens, cost, trace_id) VALUES "
    };
}
// A record may come twice, and the one without an end may come late: what has ended stays as it is.
macro_rules! merge {
    () => {
        " ON CONFLICT (org_id, id) DO UPDATE SET finished_at = excluded.finished_at, outcome = excluded.outcome, \
         status = excluded.status, error_code = excluded.error_code, latency_us = excluded.latency_us, \
         first_byte_us = excluded.first_byte_us, input_tokens = excluded.input_tokens, \
         cached_input_tokens = excluded.cached_input_tokens, output_tokens = excluded.output_tokens, \
         cost = excluded.cost WHERE call_logs.org_id = $1 AND call_logs.finished_at IS NULL"
    };
}

statements! {
    WRITE_ONE: TenantSql = concat!(
        insert!(),
        "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
        merge!()
    );
    ABANDON: TenantSql = "UPDATE call_logs SET outcome = 'lost', error_code = 'interrupted', finished_at = $3 WHERE org_id = $1 AND finished_at IS NULL AND started_at < $2";
}

static WRITE_MANY: LazyLock<String> = LazyLock::new(|| {
    let row = |n: usize| {
        let places: Vec<String> = (0..COLUMNS).map(|column| format!("${}", 2 + n * COLUMNS + column)).collect();
        format!("($1, {})", places.join(", "))
    };
    let rows: Vec<String> = (0..MANY).map(row).collect();
    format!("{}{}{}", insert!(), rows.join(", "), merge!())
});

/// A call as it is known before it leaves.
#[derive(Clone, Debug)]
pub struct Started {
    pub id: CallId,
    pub started_at: Timestamp,
    pub key: Option<KeyId>,
    /// None: it was refused before its virtual key was found.
    pub virtual_key: Option<VirtualKeyId>,
    pub provider: Option<Provider>,
    pub model: Option<String>,
    /// The gateway's name of the endpoint, `chat_completions`.
    pub endpoint: &'static str,
    pub streamed: bool,
    pub trace_id: String,
}

/// How it ended.
#[derive(Clone, Debug)]
pub struct Finished {
    pub at: Timestamp,
    pub outcome: Outcome,
    pub status: u16,
    pub error_code: Option<String>,
    pub latency_us: i64,
    pub first_byte_us: Option<i64>,
    pub input_tokens: Option<i64>,
    pub cached_input_tokens: Option<i64>,
    pub output_tokens: Option<i64>,
    /// Micro-cents.
    pub cost: Option<i64>,
}

/// One entry of the log; without an end it is under way.
#[derive(Clone, Debug)]
pub struct Record {
    pub call: Started,
    pub end: Option<Finished>,
}

impl Record {
    fn values(&self) -> Vec<Value> {
        let (call, end) = (&self.call, self.end.as_ref());
        values![
            call.id,
            call.started_at,
            end.map(|end| end.at),
            call.key,
            call.virtual_key,
            call.provider.map(Provider::name),
            call.model.as_deref(),
            call.endpoint,
            call.streamed,
            end.map_or(Outcome::Started, |end| end.outcome).name(),
            end.map(|end| i64::from(end.status)),
            end.and_then(|end| end.error_code.as_deref()),
            end.map(|end| end.latency_us),
            end.and_then(|end| end.first_byte_us),
            end.and_then(|end| end.input_tokens),
            end.and_then(|end| end.cached_input_tokens),
            end.and_then(|end| end.output_tokens),
            end.and_then(|end| end.cost),
            &call.trace_id,
        ]
    }
}

/// Writes a group of one organisation's calls. A record may come twice, and one that is under way is followed by one
/// that has ended.
pub async fn write(tx: &mut OrgTx, records: &[Record]) -> Result<()> {
    // One statement may touch a row once. The last word on a call is the one with an end.
    let mut ordered: Vec<&Record> = records.iter().collect();
    ordered.sort_by_key(|record| record.end.is_none());
    let mut seen = HashSet::with_capacity(ordered.len());
    ordered.retain(|record| seen.insert(record.call.id));
    let groups = ordered.chunks_exact(MANY);
    let rest = groups.remainder();
    for group in groups {
        let values = group.iter().flat_map(|record| record.values()).collect();
        tx.execute_composed(WRITE_MANY.clone(), values).await?;
    }
    for record in rest {
        tx.execute(WRITE_ONE, record.values()).await?;
    }
    Ok(())
}

/// Marks calls that began before `before` and never ended as lost: the process that made them is gone. Gives their number.
pub async fn abandon_unfinished(tx: &mut OrgTx, before: Timestamp, now: Timestamp) -> Result<u64> {
    tx.execute(ABANDON, values![before, now]).await
}
