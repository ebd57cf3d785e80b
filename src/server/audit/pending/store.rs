//! The SQL of what was begun and is not told of yet.

use super::Noted;
use crate::{
    kernel::{Error, OrganisationId, Timestamp},
    server::database::{OrgTx, Tx, statements, values},
};
use uuid::Uuid;

statements! {
    NOTE: TenantSql = "INSERT INTO audit_pending (org_id, id, at, body) VALUES ($1, $2, $3, $4)";
    SETTLE: TenantSql = "DELETE FROM audit_pending WHERE org_id = $1 AND id = $2";
    LEFT: SystemSql = "SELECT org_id, id, at, body FROM audit_pending WHERE at < $1 ORDER BY at LIMIT 100";
}

/// Notes what is about to be done.
pub async fn note(tx: &mut OrgTx, id: Uuid, noted: &Noted, now: Timestamp) -> Result<(), Error> {
    let body = serde_json::to_string(noted).map_err(|_| Error::internal())?;
    tx.execute(NOTE, values![id, now, body]).await.map(drop)
}

/// Forgets it, in the transaction of the event that tells of it. False: somebody has told of it already.
pub async fn settle(tx: &mut OrgTx, id: Uuid) -> Result<bool, Error> {
    Ok(tx.execute(SETTLE, values![id]).await? == 1)
}

/// What was begun before this moment, the oldest first: a hundred at most. What cannot be read has no content. Needs a
/// transaction that sees every chain.
pub async fn left(
    tx: &mut Tx,
    before: Timestamp,
) -> Result<Vec<(OrganisationId, Uuid, Timestamp, Option<Noted>)>, Error> {
    let rows: Vec<(Uuid, Uuid, i64, String)> = tx.list(LEFT, values![before]).await?;
    let read = |(organisation, id, at, body): (Uuid, Uuid, i64, String)| {
        (OrganisationId(organisation), id, Timestamp(at), serde_json::from_str(&body).ok())
    };
    Ok(rows.into_iter().map(read).collect())
}
