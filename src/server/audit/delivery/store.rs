//! The SQL of delivery: how far receivers have the events, and the webhooks of organisations.

use crate::{
    kernel::{Error, OrganisationId, Timestamp},
    server::{
        crypto::Sealed,
        database::{OrgTx, Tx, row, statements, values},
    },
};
use uuid::Uuid;

statements! {
    CURSORS: SystemSql = "SELECT org_id, seq, delivered_at, next_at, is_paused, claimed_by, claimed_until FROM audit_deliveries WHERE destination = $1";
    BEGIN: TenantSql = "INSERT INTO audit_deliveries (org_id, destination, seq, failures, next_at, is_paused, claimed_until) VALUES ($1, $2, $3, 0, 0, false, 0) ON CONFLICT (org_id, destination) DO NOTHING";
    CLAIM: TenantSql = "UPDATE audit_deliveries SET claimed_by = $3, claimed_until = $4 WHERE org_id = $1 AND destination = $2 AND NOT is_paused AND next_at <= $5 AND (claimed_until <= $5 OR claimed_by = $3) RETURNING seq, failures";
    // Whoever's claim was given to another one meanwhile changes nothing.
    DELIVERED: TenantSql = "UPDATE audit_deliveries SET seq = $5, delivered_at = $6, failures = 0, error = NULL, next_at = 0, claimed_until = 0 WHERE org_id = $1 AND destination = $2 AND claimed_by = $3 AND seq = $4";
    FAILED: TenantSql = "UPDATE audit_deliveries SET failures = failures + 1, error = $5, next_at = $6, claimed_until = 0 WHERE org_id = $1 AND destination = $2 AND claimed_by = $3 AND seq = $4";
    RELEASE: TenantSql = "UPDATE audit_deliveries SET claimed_until = 0 WHERE org_id = $1 AND destination = $2 AND claimed_by = $3";
    STATES: TenantSql = "SELECT destination, seq, delivered_at, failures, error, next_at, is_paused FROM audit_deliveries WHERE org_id = $1 ORDER BY destination";
    PAUSE: TenantSql = "UPDATE audit_deliveries SET is_paused = true WHERE org_id = $1 AND destination = $2 AND NOT is_paused";
    RESUME: TenantSql = "UPDATE audit_deliveries SET is_paused = false, failures = 0, next_at = 0 WHERE org_id = $1 AND destination = $2 AND is_paused";
    TRY_AGAIN: TenantSql = "UPDATE audit_deliveries SET failures = 0, next_at = 0 WHERE org_id = $1 AND destination = $2";
    END: TenantSql = "DELETE FROM audit_deliveries WHERE org_id = $1 AND destination = $2";
    WEBHOOK: TenantSql = "SELECT id, url, format, secret, secret_set_at, old_secret, old_until, changed_by, changed_at, version FROM audit_webhooks WHERE org_id = $1";
    INSERT_WEBHOOK: TenantSql = "INSERT INTO audit_webhooks (org_id, id, url, format, secret, secret_set_at, changed_by, changed_at, version) VALUES ($1, $2, $3, $4, $5, $7, $6, $7, 1)";
    UPDATE_WEBHOOK: TenantSql = "UPDATE audit_webhooks SET url = $3, format = $4, changed_by = $5, changed_at = $6, version = version + 1 WHERE org_id = $1 AND version = $2";
    ROTATE_SECRET: TenantSql = "UPDATE audit_webhooks SET old_secret = secret, old_until = $3, secret = $2, secret_set_at = $5, changed_by = $4, changed_at = $5, version = version + 1 WHERE org_id = $1";
    REMOVE_WEBHOOK: TenantSql = "DELETE FROM audit_webhooks WHERE org_id = $1";
}

row! {
    struct CursorRow {
        org_id: Uuid,
        seq: i64,
        delivered_at: Option<i64>,
        next_at: i64,
        is_paused: bool,
        claimed_by: Option<Uuid>,
        claimed_until: i64,
    }
}

/// How far a receiver has the events of a chain.
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    pub organisation: OrganisationId,
    /// The number of the last event that it has.
    pub seq: i64,
    /// When it took events last; 0: never.
    pub delivered_at: Timestamp,
    /// It is not tried before.
    pub next_at: Timestamp,
    pub is_paused: bool,
    claimed_by: Option<Uuid>,
    claimed_until: Timestamp,
}

impl Cursor {
    /// By this they have their turns: first whichever has not failed, and of those whichever has waited longest. Ones that are
    /// always busy keep none from its turn.
    pub fn turn(&self) -> (Timestamp, Timestamp, OrganisationId) {
        (self.next_at, self.delivered_at, self.organisation)
    }

    /// Whether any program has delivered from then on, or tried to.
    pub fn was_tried_since(&self, then: Timestamp) -> bool {
        // What has failed is tried again minutes later.
        self.delivered_at.max(self.next_at).max(self.claimed_until) >= then
    }

    /// Whether this program may send at this moment, if there is something to send.
    pub fn is_free(&self, program: Uuid, now: Timestamp) -> bool {
        let is_ours = self.claimed_until <= now || self.claimed_by == Some(program);
        is_ours && self.next_at <= now && !self.is_paused
    }
}

row! {
    /// How a delivery stands.
    #[derive(Clone, Debug)]
    pub struct StoredState {
        pub destination: String,
        pub seq: i64,
        pub delivered_at: Option<i64>,
        pub failures: i64,
        pub error: Option<String>,
        pub next_at: i64,
        pub is_paused: bool,
    }
}

row! {
    /// An organisation's webhook. The secrets are sealed.
    #[derive(Clone)]
    pub struct StoredWebhook {
        pub id: Uuid,
        pub url: String,
        pub format: String,
        pub secret: Vec<u8>,
        pub secret_set_at: i64,
        pub old_secret: Option<Vec<u8>>,
        pub old_until: Option<i64>,
        pub changed_by: String,
        pub changed_at: i64,
        pub version: i64,
    }
}

/// How far a destination has every chain that it has begun with. Needs a transaction that sees every chain.
pub async fn cursors(tx: &mut Tx, destination: &'static str) -> Result<Vec<Cursor>, Error> {
    let rows: Vec<CursorRow> = tx.list(CURSORS, values![destination]).await?;
    let cursor = |row: CursorRow| Cursor {
        organisation: OrganisationId(row.org_id),
        seq: row.seq,
        delivered_at: Timestamp(row.delivered_at.unwrap_or_default()),
        next_at: Timestamp(row.next_at),
        is_paused: row.is_paused,
        claimed_by: row.claimed_by,
        claimed_until: Timestamp(row.claimed_until),
    };
    Ok(rows.into_iter().map(cursor).collect())
}

/// Begins behind this number, unless it has begun.
pub async fn begin(tx: &mut OrgTx, destination: &'static str, seq: i64) -> Result<(), Error> {
    tx.execute(BEGIN, values![destination, seq]).await.map(drop)
}

/// Takes a delivery for this program until then: the number of the last event that is delivered, and the attempts that have
/// failed since. None: another one has it, it is paused, or it is too early.
pub async fn claim(
    tx: &mut OrgTx,
    destination: &'static str,
    program: Uuid,
    until: Timestamp,
    now: Timestamp,
) -> Result<Option<(i64, i64)>, Error> {
    tx.optional(CLAIM, values![destination, program, until, now]).await
}

/// Notes that the events as far as `last` were taken, and lets the delivery go. False: it was no longer this program's.
pub async fn delivered(
    tx: &mut OrgTx,
    destination: &'static str,
    program: Uuid,
    (before, last): (i64, i64),
    now: Timestamp,
) -> Result<bool, Error> {
    Ok(tx.execute(DELIVERED, values![destination, program, before, last, now]).await? == 1)
}

/// Notes why the events behind this number were not taken, and lets the delivery go until the next attempt.
pub async fn failed(
    tx: &mut OrgTx,
    destination: &'static str,
    program: Uuid,
    before: i64,
    why: &str,
    next_at: Timestamp,
) -> Result<(), Error> {
    tx.execute(FAILED, values![destination, program, before, why, next_at]).await.map(drop)
}

/// Lets the delivery go.
pub async fn release(tx: &mut OrgTx, destination: &'static str, program: Uuid) -> Result<(), Error> {
    tx.execute(RELEASE, values![destination, program]).await.map(drop)
}

/// How each delivery of the organisation stands, the installation's among them.
pub async fn states(tx: &mut OrgTx) -> Result<Vec<StoredState>, Error> {
    tx.list(STATES, vec![]).await
}

/// False: it is paused already, or there is none.
pub async fn pause(tx: &mut OrgTx, destination: &'static str) -> Result<bool, Error> {
    Ok(tx.execute(PAUSE, values![destination]).await? == 1)
}

/// False: it is not paused, or there is none.
pub async fn resume(tx: &mut OrgTx, destination: &'static str) -> Result<bool, Error> {
    Ok(tx.execute(RESUME, values![destination]).await? == 1)
}

/// Has it tried again at once.
pub async fn try_again(tx: &mut OrgTx, destination: &'static str) -> Result<(), Error> {
    tx.execute(TRY_AGAIN, values![destination]).await.map(drop)
}

/// Forgets how far a delivery has come.
pub async fn end(tx: &mut OrgTx, destination: &'static str) -> Result<(), Error> {
    tx.execute(END, values![destination]).await.map(drop)
}

/// The organisation's webhook, if it has one.
pub async fn webhook(tx: &mut OrgTx) -> Result<Option<StoredWebhook>, Error> {
    tx.optional(WEBHOOK, vec![]).await
}

pub async fn insert_webhook(
    tx: &mut OrgTx,
    id: Uuid,
    (url, format): (&str, &str),
    secret: Sealed,
    by: &str,
    now: Timestamp,
) -> Result<(), Error> {
    tx.execute(INSERT_WEBHOOK, values![id, url, format, secret, by, now]).await.map(drop)
}

/// False: somebody else has changed it since this version.
pub async fn update_webhook(
    tx: &mut OrgTx,
    version: i64,
    (url, format): (&str, &str),
    by: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    Ok(tx.execute(UPDATE_WEBHOOK, values![version, url, format, by, now]).await? == 1)
}

/// Sets a new secret. The one before signs as well until then.
pub async fn rotate_secret(
    tx: &mut OrgTx,
    secret: Sealed,
    old_until: Timestamp,
    by: &str,
    now: Timestamp,
) -> Result<(), Error> {
    tx.execute(ROTATE_SECRET, values![secret, old_until, by, now]).await.map(drop)
}

pub async fn remove_webhook(tx: &mut OrgTx) -> Result<(), Error> {
    tx.execute(REMOVE_WEBHOOK, vec![]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(number: u128, delivered_at: i64, next_at: i64) -> Cursor {
        Cursor {
            organisation: OrganisationId(Uuid::from_u128(number)),
            seq: 0,
            delivered_at: Timestamp(delivered_at),
            next_at: Timestamp(next_at),
            is_paused: false,
            claimed_by: None,
            claimed_until: Timestamp(0),
        }
    }

    #[test]
    fn a_destination_is_in_use_while_somebody_tries() {
        let claimed = Cursor { claimed_until: Timestamp(50), ..cursor(1, 0, 0) };
        for used in [cursor(1, 50, 0), cursor(1, 0, 50), claimed] {
            assert!(used.was_tried_since(Timestamp(50)) && !used.was_tried_since(Timestamp(51)), "{used:?}");
        }
    }

    #[test]
    fn whichever_has_waited_longest_comes_first() {
        let mut all = [cursor(1, 50, 0), cursor(2, 10, 90), cursor(3, 40, 0), cursor(4, 0, 0), cursor(5, 40, 0)];
        all.sort_by_key(Cursor::turn);
        assert_eq!(all.map(|one| one.organisation.0.as_u128()), [4, 3, 5, 1, 2]);
    }
}
