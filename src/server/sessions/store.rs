//! The sessions' SQL. A session is found by the keyed digest of its cookie's value.

use super::{ABSOLUTE, IDLE, field};
use crate::{
    kernel::{Error, SessionId, Timestamp, UserId},
    server::{
        crypto::Digest,
        database::{Tx, statements, values},
    },
};
use serde_json::Value as Json;
use std::collections::HashMap;
use uuid::Uuid;

statements! {
    INSERT: SystemSql = "INSERT INTO sessions (digest, id, user_id, created_at, seen_at, expires_at, data) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    UPDATE: SystemSql = "UPDATE sessions SET user_id = $2, data = $3 WHERE digest = $1";
    LOAD: SystemSql = "SELECT s.id, s.user_id, s.created_at, s.seen_at, s.data, u.name, u.disabled_at FROM sessions s LEFT JOIN users u ON u.id = s.user_id WHERE s.digest = $1";
    SEEN: SystemSql = "UPDATE sessions SET seen_at = $2, expires_at = $3 WHERE digest = $1";
    DELETE: SystemSql = "DELETE FROM sessions WHERE digest = $1";
    EXPIRED: SystemSql = "DELETE FROM sessions WHERE expires_at < $1";
    LIST: SystemSql = "SELECT id, created_at, seen_at, data FROM sessions WHERE user_id = $1 AND expires_at > $2 ORDER BY seen_at DESC LIMIT 100";
    END: SystemSql = "DELETE FROM sessions WHERE user_id = $1 AND id = $2";
    END_OTHERS: SystemSql = "DELETE FROM sessions WHERE user_id = $1 AND id <> $2";
    END_ALL: SystemSql = "DELETE FROM sessions WHERE user_id = $1";
}

/// A session as stored. `name` and `disabled_at` are its person's.
#[derive(sqlx::FromRow)]
pub struct Row {
    pub id: Uuid,
    pub user_id: Option<Uuid>,
    pub created_at: i64,
    pub seen_at: i64,
    pub data: String,
    pub name: Option<String>,
    pub disabled_at: Option<i64>,
}

/// Makes a session. `data` is what it holds, as JSON.
pub async fn insert(tx: &mut Tx, digest: Digest, user: Option<Uuid>, data: &str, now: Timestamp) -> Result<(), Error> {
    let row = values![digest, Uuid::new_v4(), user, now, now, now.plus(IDLE), data];
    tx.execute(INSERT, row).await.map(|_| ())
}

pub async fn update(tx: &mut Tx, digest: Digest, user: Option<Uuid>, data: &str) -> Result<(), Error> {
    tx.execute(UPDATE, values![digest, user, data]).await.map(|_| ())
}

pub async fn load(tx: &mut Tx, digest: Digest) -> Result<Option<Row>, Error> {
    tx.optional(LOAD, values![digest]).await
}

/// Notes that a session is in use, and so until when it lives.
pub async fn seen(tx: &mut Tx, digest: Digest, created_at: Timestamp, now: Timestamp) -> Result<(), Error> {
    let end = now.plus(IDLE).min(created_at.plus(ABSOLUTE));
    tx.execute(SEEN, values![digest, now, end]).await.map(|_| ())
}

pub async fn delete(tx: &mut Tx, digest: Digest) -> Result<(), Error> {
    tx.execute(DELETE, values![digest]).await.map(|_| ())
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
            let data: HashMap<String, Json> = serde_json::from_str(&data).unwrap_or_default();
            let text = |name: &str| data.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
            Listed {
                id: SessionId(id),
                created_at: Timestamp(created_at),
                seen_at: Timestamp(seen_at),
                address: text(field::ADDRESS),
                browser: text(field::BROWSER),
            }
        })
        .collect())
}

/// Ends one session of a person. False: they have none with this id.
pub async fn end(tx: &mut Tx, user: UserId, id: SessionId) -> Result<bool, Error> {
    Ok(tx.execute(END, values![user, id]).await? == 1)
}

/// Ends all sessions of a person but this one; none: all of them. Returns how many.
pub async fn end_others(tx: &mut Tx, user: UserId, but: Option<SessionId>) -> Result<u64, Error> {
    match but {
        Some(but) => tx.execute(END_OTHERS, values![user, but]).await,
        None => tx.execute(END_ALL, values![user]).await,
    }
}
