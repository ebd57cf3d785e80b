//! The SQL of erasing.

use crate::{
    kernel::{Result, UserId},
    server::database::{OrgTx, Tx, row, statements, values},
};

/// Values read at once.
const PAGE: i64 = 1_000;

statements! {
    ACCOUNT: SystemSql = "SELECT email, email_canonical, disabled_at FROM users WHERE id = $1";
    PLACES: SystemSql = "SELECT COUNT(*) FROM memberships WHERE user_id = $1";
    ERASE_OWN: TenantSql = "DELETE FROM audit_personal WHERE org_id = $1 AND person = $2";
    OF_NOBODY: TenantSql = "SELECT p.seq, p.place, p.value, e.actor_kind FROM audit_personal p JOIN audit_events e ON e.org_id = p.org_id AND e.seq = p.seq WHERE p.org_id = $1 AND p.person IS NULL AND (p.seq, p.place) > ($2, $3) ORDER BY p.seq, p.place LIMIT $4";
    ERASE_ONE: TenantSql = "DELETE FROM audit_personal WHERE org_id = $1 AND seq = $2 AND place = $3";
    // The texts of the partial index stand here as they are.
    IN_CLEAR: TenantSql = "SELECT COUNT(*) FROM audit_events WHERE org_id = $1 AND (actor_id = $2 OR target_id = $2) AND SUBSTR(body, 1, 7) IN ('{\"v\":1,', '{\"v\":2,')";
}

row! {
    /// What an account is known by.
    pub(super) struct Account {
        pub email: String,
        pub email_canonical: String,
        pub disabled_at: Option<i64>,
    }
}

row! {
    /// A personal value and where it stands.
    pub(super) struct Found {
        pub seq: i64,
        pub place: i64,
        pub value: String,
        pub actor_kind: String,
    }
}

/// The account, if there is one, and in how many organisations its person is a member.
pub(super) async fn account(tx: &mut Tx, person: UserId) -> Result<(Option<Account>, i64)> {
    let account = tx.optional(ACCOUNT, values![person]).await?;
    let (memberships,): (i64,) = tx.one(PLACES, values![person]).await?;
    Ok((account, memberships))
}

/// The values behind this place that are of nobody who is known by an id, some at a time.
pub(super) async fn of_nobody(tx: &mut OrgTx, (seq, place): (i64, i64)) -> Result<Vec<Found>> {
    tx.all(OF_NOBODY, values![seq, place, PAGE]).await
}

/// Gives how many there were.
pub(super) async fn erase_own(tx: &mut OrgTx, person: UserId) -> Result<u64> {
    tx.execute(ERASE_OWN, values![person]).await
}

pub(super) async fn erase_one(tx: &mut OrgTx, (seq, place): (i64, i64)) -> Result<u64> {
    tx.execute(ERASE_ONE, values![seq, place]).await
}

/// How many events by or about a person hold personal values in their bodies.
pub(super) async fn in_clear(tx: &mut OrgTx, person: UserId) -> Result<i64> {
    let (events,): (i64,) = tx.one(IN_CLEAR, values![person.to_string()]).await?;
    Ok(events)
}
