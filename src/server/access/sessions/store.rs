//! The sessions' SQL. Until `expires_at` a session lives, and while its person's account is active.

use super::{ABSOLUTE, Data, IDLE};
use crate::{
    kernel::{Error, SessionId, Timestamp, UserId},
    server::{
        crypto::Digest,
        database::{Tx, row, statements, values},
    },
};
use uuid::Uuid;

statements! {
    INSERT: SystemSql = "INSERT INTO sessions (digest, id, user_id, created_at, seen_at, expires_at, data) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    LOAD: SystemSql = "SELECT s.id, s.user_id, s.created_at, s.seen_at, s.data, u.name FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.digest = $1 AND s.expires_at > $2 AND u.disabled_at IS NULL";
    STANDS: SystemSql = "SELECT COUNT(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1 AND s.user_id = $2 AND s.expires_at > $3 AND u.disabled_at IS NULL";
    // Changes nothing, and keeps the row: on PostgreSQL whoever ends the session waits for the transaction.
    HOLD: SystemSql = "UPDATE sessions SET seen_at = seen_at WHERE id = $1 AND user_id = $2 AND expires_at > $3 AND EXISTS (SELECT 1 FROM users u WHERE u.id = $2 AND u.disabled_at IS NULL)";
    SEEN: SystemSql = "UPDATE sessions SET seen_at = $2, expires_at = $3 WHERE id = $1";
    EXPIRED: SystemSql = "DELETE FROM sessions WHERE expires_at < $1";
    LIST: SystemSql = "SELECT id, created_at, seen_at, data FROM sessions WHERE user_id = $1 AND expires_at > $2 ORDER BY seen_at DESC LIMIT 100";
    END: SystemSql = "DELETE FROM sessions WHERE user_id = $1 AND id = $2";
    END_OTHERS: SystemSql = "DELETE FROM sessions WHERE user_id = $1 AND id <> $2";
    END_ALL: SystemSql = "DELETE FROM sessions WHERE user_id = $1";
    REPLACE: SystemSql = "DELETE FROM sessions WHERE id = $1";
}

row! {
    /// A living session as stored. `name` is its person's.
    pub struct Row {
        pub id: Uuid,
        pub user_id: Uuid,
        pub created_at: i64,
        pub seen_at: i64,
        pub data: String,
        pub name: String,
    }
}

/// Makes a session. `data` is what it remembers, as JSON. Gives its public id.
pub async fn insert(tx: &mut Tx, digest: Digest, user: UserId, data: &str, now: Timestamp) -> Result<SessionId, Error> {
    let id = SessionId(Uuid::new_v4());
    let row = values![digest, id, user, now, now, now.plus(IDLE), data];
    tx.execute(INSERT, row).await.map(|_| id)
}

pub async fn load(tx: &mut Tx, digest: Digest, now: Timestamp) -> Result<Option<Row>, Error> {
    tx.optional(LOAD, values![digest, now]).await
}

/// Whether a person's session lives at this moment.
pub async fn stands(tx: &mut Tx, id: SessionId, user: UserId, now: Timestamp) -> Result<bool, Error> {
    let (count,): (i64,) = tx.one(STANDS, values![id, user, now]).await?;
    Ok(count == 1)
}

/// The same, and keeps it from ending before this transaction does. Whoever also locks the person's account takes the
/// sessions first, so that no two wait for one another.
pub async fn hold(tx: &mut Tx, id: SessionId, user: UserId, now: Timestamp) -> Result<bool, Error> {
    Ok(tx.execute(HOLD, values![id, user, now]).await? == 1)
}

/// Notes that a session is in use, and so until when it lives.
pub async fn seen(tx: &mut Tx, id: SessionId, created_at: Timestamp, now: Timestamp) -> Result<(), Error> {
    let end = now.plus(IDLE).min(created_at.plus(ABSOLUTE));
    tx.execute(SEEN, values![id, now, end]).await.map(|_| ())
}

/// Removes what is over. Returns how many.
pub async fn sweep(tx: &mut Tx, now: Timestamp) -> Result<u64, Error> {
    tx.execute(EXPIRED, values![now]).await
}

/// A session as its owner sees it.
#[derive(Clone, Debug)]
pub struct Listed {
    pub id: SessionId,
    pub created_at: Timestamp,
    pub seen_at: Timestamp,
    pub address: String,
    pub browser: String,
}

/// The living sessions of a person, latest first.
pub async fn list(tx: &mut Tx, user: UserId, now: Timestamp) -> Result<Vec<Listed>, Error> {
    let rows: Vec<(Uuid, i64, i64, String)> = tx.list(LIST, values![user, now]).await?;
    Ok(rows
        .into_iter()
        .map(|(id, created_at, seen_at, data)| {
            let Data { address, browser, .. } = serde_json::from_str(&data).unwrap_or_default();
            Listed {
                id: SessionId(id),
                created_at: Timestamp(created_at),
                seen_at: Timestamp(seen_at),
                address,
                browser,
            }
        })
        .collect())
}

/// Ends one session of a person. False: they have none with this id.
pub async fn end(tx: &mut Tx, user: UserId, id: SessionId) -> Result<bool, Error> {
    Ok(tx.execute(END, values![user, id]).await? == 1)
}

/// Ends the session in whose place another one comes, whoever's it was.
pub async fn replace(tx: &mut Tx, id: SessionId) -> Result<(), Error> {
    tx.execute(REPLACE, values![id]).await.map(|_| ())
}

/// Ends all sessions of a person but this one; none: all of them. Returns how many.
pub async fn end_others(tx: &mut Tx, user: UserId, but: Option<SessionId>) -> Result<u64, Error> {
    match but {
        Some(but) => tx.execute(END_OTHERS, values![user, but]).await,
        None => tx.execute(END_ALL, values![user]).await,
    }
}
