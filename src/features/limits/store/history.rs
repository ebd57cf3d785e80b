//! The SQL of corrections of limits: they are written once, and read.

use crate::{
    features::limits::model::{Correction, CorrectionKind, Measure},
    kernel::{Error, LimitId, Result, Timestamp},
    server::database::{OrgTx, row, statements, values},
};
use uuid::Uuid;

statements! {
    NOTE: TenantSql = "INSERT INTO limit_corrections (org_id, id, limit_id, kind, period, at, made_by, amount_before, amount_after, raised_until, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    OF: TenantSql = "SELECT kind, period, at, made_by, amount_before, amount_after, raised_until, reason FROM limit_corrections WHERE org_id = $1 AND limit_id = $2 ORDER BY id DESC LIMIT 100";
    // A deleted one as well.
    MEASURE: TenantSql = "SELECT l.measure FROM limits l WHERE l.org_id = $1 AND l.id = $2";
}

row! {
    struct CorrectionRow {
        kind: String,
        period: i64,
        at: i64,
        made_by: String,
        amount_before: i64,
        amount_after: i64,
        raised_until: Option<i64>,
        reason: Option<String>,
    }
}

/// Notes a correction.
pub async fn note(tx: &mut OrgTx, id: LimitId, correction: &Correction) -> Result<()> {
    let Correction { kind, period, at, by, before, after, until, reason } = correction;
    let values =
        values![Uuid::now_v7(), id, kind.name(), *period, *at, by.as_str(), *before, *after, *until, reason.clone(),];
    tx.execute(NOTE, values).await.map(drop)
}

/// What a limit counts, or counted before it was deleted. None: there never was such a one.
pub async fn measure(tx: &mut OrgTx, id: LimitId) -> Result<Option<Measure>> {
    let row: Option<(String,)> = tx.optional(MEASURE, values![id]).await?;
    row.map(|(measure,)| Measure::parse(&measure).ok_or_else(Error::internal)).transpose()
}

/// How a limit was corrected, the newest first; of more than 100 those.
pub async fn of(tx: &mut OrgTx, id: LimitId) -> Result<Vec<Correction>> {
    let rows: Vec<CorrectionRow> = tx.list(OF, values![id]).await?;
    let read = |row: CorrectionRow| {
        Ok(Correction {
            kind: CorrectionKind::parse(&row.kind).ok_or_else(Error::internal)?,
            period: Timestamp(row.period),
            at: Timestamp(row.at),
            by: row.made_by,
            before: row.amount_before,
            after: row.amount_after,
            until: row.raised_until.map(Timestamp),
            reason: row.reason,
        })
    };
    rows.into_iter().map(read).collect()
}
