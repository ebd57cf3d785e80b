//! The accounts' SQL.

use super::email::Email;
use crate::{
    kernel::{OrganisationId, Result, Timestamp, UserId},
    server::{
        crypto::Digest,
        database::{Tx, row, statements, values},
    },
};
use uuid::Uuid;

statements! {
    INSERT: SystemSql = "INSERT INTO users (id, email, email_canonical, name, password_hash, created_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (email_canonical) DO NOTHING";
    BY_EMAIL: SystemSql = "SELECT id, email, name, password_hash, disabled_at FROM users WHERE email_canonical = $1";
    BY_ID: SystemSql = "SELECT id, email, name, password_hash, disabled_at FROM users WHERE id = $1";
    SET_PASSWORD: SystemSql = "UPDATE users SET password_hash = $2 WHERE id = $1";
    REPLACE_PASSWORD: SystemSql = "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
    RENAME: SystemSql = "UPDATE users SET name = $2 WHERE id = $1";
    INSERT_RESET: SystemSql = "INSERT INTO password_resets (digest, user_id, mailed, created_at, expires_at, made_by, made_in) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    // Those of others that are over go along, so that the table stays small.
    FORGET_RESETS: SystemSql = "DELETE FROM password_resets WHERE user_id = $1 OR expires_at <= $2";
    BY_RESET: SystemSql = "SELECT u.id, u.email, u.name, u.password_hash, u.disabled_at, r.made_by, r.made_in FROM password_resets r JOIN users u ON u.id = r.user_id WHERE r.digest = $1 AND r.expires_at > $2 AND u.disabled_at IS NULL";
    USE_RESET: SystemSql = "DELETE FROM password_resets WHERE digest = $1 AND expires_at > $2 RETURNING made_by, made_in";
    PROVE_ADDRESS: SystemSql = "UPDATE users SET address_proven_at = $2 WHERE id = $1 AND address_proven_at IS NULL";
    NOTE_NETWORK: SystemSql = "INSERT INTO known_networks (user_id, network, seen_at) VALUES ($1, $2, $3) ON CONFLICT (user_id, network) DO UPDATE SET seen_at = excluded.seen_at";
    FORGET_NETWORKS: SystemSql = "DELETE FROM known_networks WHERE user_id = $1 AND (seen_at < $2 OR network NOT IN (SELECT network FROM known_networks WHERE user_id = $1 ORDER BY seen_at DESC LIMIT 50))";
    IS_KNOWN_NETWORK: SystemSql = "SELECT COUNT(*) FROM known_networks n JOIN users u ON u.id = n.user_id WHERE u.email_canonical = $1 AND n.network = $2 AND n.seen_at >= $3";
}

row! {
    /// An account as stored.
    #[derive(Clone, Debug)]
    pub struct Account {
        pub id: Uuid,
        pub email: String,
        pub name: String,
        pub password_hash: String,
        pub disabled_at: Option<i64>,
    }
}

/// Who made a reset link for somebody else, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Maker {
    pub person: UserId,
    pub organisation: OrganisationId,
}

impl Maker {
    fn read(person: Option<Uuid>, organisation: Option<Uuid>) -> Option<Self> {
        let (person, organisation) = (UserId(person?), OrganisationId(organisation?));
        Some(Self { person, organisation })
    }
}

row! {
    struct ResetRow {
        id: Uuid,
        email: String,
        name: String,
        password_hash: String,
        disabled_at: Option<i64>,
        made_by: Option<Uuid>,
        made_in: Option<Uuid>,
    }
}

impl ResetRow {
    fn read(self) -> (Account, Option<Maker>) {
        let Self { id, email, name, password_hash, disabled_at, made_by, made_in } = self;
        (Account { id, email, name, password_hash, disabled_at }, Maker::read(made_by, made_in))
    }
}

/// Makes an account. False: the address has one already.
pub async fn insert(tx: &mut Tx, id: UserId, email: &Email, name: &str, hash: &str, now: Timestamp) -> Result<bool> {
    let row = values![id, &email.shown, &email.canonical, name, hash, now];
    Ok(tx.execute(INSERT, row).await? == 1)
}

pub async fn by_email(tx: &mut Tx, canonical: &str) -> Result<Option<Account>> {
    tx.optional(BY_EMAIL, values![canonical]).await
}

pub async fn by_id(tx: &mut Tx, id: UserId) -> Result<Option<Account>> {
    tx.optional(BY_ID, values![id]).await
}

/// Whether the account is active and this is still its password: it may have been changed, or the account disabled, while
/// a password was checked against the hash.
pub async fn has_password(tx: &mut Tx, id: UserId, hash: &str) -> Result<bool> {
    let account = by_id(tx, id).await?;
    Ok(account.is_some_and(|account| account.disabled_at.is_none() && account.password_hash == hash))
}

pub async fn set_password(tx: &mut Tx, id: UserId, hash: &str) -> Result<()> {
    tx.execute(SET_PASSWORD, values![id, hash]).await.map(|_| ())
}

/// Sets a password in place of the one that was proven. False: it is another one by now.
pub async fn replace_password(tx: &mut Tx, id: UserId, was: &str, hash: &str) -> Result<bool> {
    Ok(tx.execute(REPLACE_PASSWORD, values![id, was, hash]).await? == 1)
}

pub async fn rename(tx: &mut Tx, id: UserId, name: &str) -> Result<()> {
    tx.execute(RENAME, values![id, name]).await.map(|_| ())
}

/// Notes that the person reads the mail of their address. False: it was known.
pub async fn prove_address(tx: &mut Tx, id: UserId, now: Timestamp) -> Result<bool> {
    Ok(tx.execute(PROVE_ADDRESS, values![id, now]).await? == 1)
}

/// Stores the digest of a reset link's token; without a maker it is one that its person alone was sent. Call
/// [`forget_resets`] first: only the newest link of a person works.
pub async fn insert_reset(
    tx: &mut Tx,
    user: UserId,
    digest: &Digest,
    maker: Option<Maker>,
    now: Timestamp,
    until: Timestamp,
) -> Result<()> {
    let (person, organisation) = (maker.map(|maker| maker.person.0), maker.map(|maker| maker.organisation.0));
    tx.execute(INSERT_RESET, values![*digest, user, maker.is_none(), now, until, person, organisation])
        .await
        .map(|_| ())
}

/// Ends the reset links of a person.
pub async fn forget_resets(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<()> {
    tx.execute(FORGET_RESETS, values![user, now]).await.map(|_| ())
}

/// The active account that a living reset link opens, and who made the link.
pub async fn by_reset(tx: &mut Tx, digest: &Digest, now: Timestamp) -> Result<Option<(Account, Option<Maker>)>> {
    let row: Option<ResetRow> = tx.optional(BY_RESET, values![*digest, now]).await?;
    Ok(row.map(ResetRow::read))
}

/// Uses a reset link up, and says who made it. None: somebody else used it, or its time is over.
pub async fn use_reset(tx: &mut Tx, digest: &Digest, now: Timestamp) -> Result<Option<Option<Maker>>> {
    let used: Option<(Option<Uuid>, Option<Uuid>)> = tx.optional(USE_RESET, values![*digest, now]).await?;
    Ok(used.map(|(person, organisation)| Maker::read(person, organisation)))
}

/// Notes that a person has signed in from a network.
pub async fn note_network(tx: &mut Tx, user: UserId, network: &Digest, now: Timestamp) -> Result<()> {
    tx.execute(NOTE_NETWORK, values![user, *network, now]).await.map(|_| ())
}

/// Forgets the networks that a person used last before `until`, and all but their latest 50.
pub async fn forget_networks(tx: &mut Tx, user: UserId, until: Timestamp) -> Result<()> {
    tx.execute(FORGET_NETWORKS, values![user, until]).await.map(|_| ())
}

/// Whether the person of this address has signed in from a network, at `since` or later.
pub async fn is_known_network(tx: &mut Tx, canonical: &str, network: &Digest, since: Timestamp) -> Result<bool> {
    let (count,): (i64,) = tx.one(IS_KNOWN_NETWORK, values![canonical, *network, since]).await?;
    Ok(count > 0)
}
