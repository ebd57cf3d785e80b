//! The SQL of alerts by webhook.

use crate::{
    kernel::{LimitId, Result, Timestamp},
    server::{
        crypto::Sealed,
        database::{OrgTx, row, statements, values},
    },
};
use uuid::Uuid;

statements! {
    WEBHOOK: TenantSql = "SELECT id, url, secret, error, changed_by, changed_at FROM limit_webhooks WHERE org_id = $1";
    INSERT: TenantSql = "INSERT INTO limit_webhooks (org_id, id, url, secret, changed_by, changed_at) VALUES ($1, $2, $3, $4, $5, $6)";
    REMOVE: TenantSql = "DELETE FROM limit_webhooks WHERE org_id = $1";
    SET_ERROR: TenantSql = "UPDATE limit_webhooks SET error = $3 WHERE org_id = $1 AND id = $2";
    FORGET: TenantSql = "UPDATE limit_alerts SET hook_at = NULL WHERE org_id = $1 AND hook_at IS NOT NULL";
    DUE: TenantSql = "SELECT id, limit_id, period, kind, amount, used, at, hook_tries FROM limit_alerts WHERE org_id = $1 AND hook_at IS NOT NULL AND hook_at <= $2 ORDER BY id LIMIT $3";
    TAKE: TenantSql = "UPDATE limit_alerts SET hook_at = $4, hook_tries = hook_tries + 1 WHERE org_id = $1 AND id = $2 AND hook_at <= $3";
    // One that was forgotten meanwhile stays so.
    AGAIN: TenantSql = "UPDATE limit_alerts SET hook_at = $3 WHERE org_id = $1 AND id = $2 AND hook_at IS NOT NULL";
    SENT: TenantSql = "UPDATE limit_alerts SET hook_at = NULL, hook_sent_at = $3 WHERE org_id = $1 AND id = $2";
}

row! {
    /// The webhook of an organisation, as it is stored.
    pub struct Stored {
        pub id: Uuid,
        pub url: String,
        pub secret: Sealed,
        pub error: Option<String>,
        pub changed_by: String,
        pub changed_at: i64,
    }
}

row! {
    /// An alert that is to be sent.
    pub struct Due {
        pub id: Uuid,
        pub limit_id: Uuid,
        /// When the period began.
        pub period: i64,
        /// `threshold` or `exhausted`.
        pub kind: String,
        pub amount: i64,
        pub used: i64,
        pub at: i64,
        /// Attempts that were begun.
        pub hook_tries: i64,
    }
}

impl Due {
    pub fn limit(&self) -> LimitId {
        LimitId(self.limit_id)
    }
}

pub async fn webhook(tx: &mut OrgTx) -> Result<Option<Stored>> {
    tx.optional(WEBHOOK, vec![]).await
}

pub async fn insert(tx: &mut OrgTx, id: Uuid, url: &str, secret: Sealed, by: &str, now: Timestamp) -> Result<()> {
    tx.execute(INSERT, values![id, url, secret, by, now]).await.map(drop)
}

/// Removes the webhook; what waits for it waits no more.
pub async fn remove(tx: &mut OrgTx) -> Result<()> {
    tx.execute(REMOVE, vec![]).await?;
    tx.execute(FORGET, vec![]).await.map(drop)
}

/// Alerts whose time has come, the oldest first.
pub async fn due(tx: &mut OrgTx, now: Timestamp, most: i64) -> Result<Vec<Due>> {
    tx.all(DUE, values![now, most]).await
}

/// Keeps others from sending an alert until a moment, and counts the attempt. False: somebody else does, or has.
pub async fn take(tx: &mut OrgTx, id: Uuid, now: Timestamp, until: Timestamp) -> Result<bool> {
    Ok(tx.execute(TAKE, values![id, now, until]).await? > 0)
}

/// Notes that the webhook with this id has taken an alert.
pub async fn sent(tx: &mut OrgTx, webhook: Uuid, alert: Uuid, now: Timestamp) -> Result<()> {
    tx.execute(SENT, values![alert, now]).await?;
    tx.execute(SET_ERROR, values![webhook, None::<String>]).await.map(drop)
}

/// Notes why the webhook has not, and when the next attempt is; none: it is given up.
pub async fn failed(tx: &mut OrgTx, webhook: Uuid, alert: Uuid, next: Option<Timestamp>, why: &str) -> Result<()> {
    tx.execute(AGAIN, values![alert, next]).await?;
    tx.execute(SET_ERROR, values![webhook, why]).await.map(drop)
}

/// Sends an alert no more, since there is nothing left to tell.
pub async fn drop_alert(tx: &mut OrgTx, alert: Uuid) -> Result<()> {
    tx.execute(AGAIN, values![alert, None::<Timestamp>]).await.map(drop)
}
