//! Where sessions live: a row each, found by a keyed digest of the cookie's value, so that they can be listed and ended
//! and a stolen table opens nothing.

use super::{
    app::App,
    database::{Tx, hex, statements, values},
};
use crate::kernel::{
    Error, SessionId, Timestamp, UserId,
    time::{DAY, HOUR, MINUTE},
};
use async_trait::async_trait;
use serde_json::Value as Json;
use std::{collections::HashMap, fmt};
use time::OffsetDateTime;
use tower_sessions::{
    SessionStore,
    session::{Id, Record},
    session_store,
};
use uuid::Uuid;

/// A session unused for this long is over.
pub const IDLE: i64 = 8 * HOUR;
/// A session older than this is over, used or not.
pub const ABSOLUTE: i64 = 7 * DAY;

/// Names of what a session holds.
pub mod field {
    /// The person's id.
    pub const USER: &str = "user";
    /// The person's name as it is now; read with the session, never stored in it.
    pub const NAME: &str = "name";
    /// The session's public id.
    pub const SESSION: &str = "session";
    /// When the password was last proven, in milliseconds.
    pub const CONFIRMED: &str = "confirmed_at";
    pub const ADDRESS: &str = "address";
    pub const BROWSER: &str = "browser";
}

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

/// The store that tower-sessions uses.
#[derive(Clone)]
pub struct Sessions(App);

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    user_id: Option<Uuid>,
    created_at: i64,
    seen_at: i64,
    data: String,
    name: Option<String>,
    disabled_at: Option<i64>,
}

impl Sessions {
    pub fn new(app: App) -> Self {
        Self(app)
    }

    fn digest(&self, id: &Id) -> [u8; 32] {
        self.0.keyring.digest("session", &hex(&id.0.to_be_bytes()))
    }

    /// Removes what is over. Returns how many.
    pub async fn sweep(&self) -> Result<u64, Error> {
        let mut tx = self.0.db.write().await?;
        let gone = tx.execute(EXPIRED, values![self.0.clock.now()]).await?;
        tx.commit().await?;
        Ok(gone)
    }
}

fn backend(error: Error) -> session_store::Error {
    session_store::Error::Backend(error.message)
}

/// What is stored: everything but what is read from elsewhere.
fn stored(record: &Record) -> (Option<Uuid>, String) {
    let data: HashMap<&String, &Json> = record
        .data
        .iter()
        .filter(|(key, _)| *key != field::NAME && *key != field::SESSION && *key != field::USER)
        .collect();
    let user = record.data.get(field::USER).and_then(Json::as_str).and_then(|id| Uuid::parse_str(id).ok());
    (user, serde_json::to_string(&data).unwrap_or_default())
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        let now = self.0.clock.now();
        let (user, data) = stored(record);
        let id = Uuid::new_v4();
        let row = values![self.digest(&record.id), id, user, now, now, now.plus(IDLE), data];
        let mut tx = self.0.db.write().await.map_err(backend)?;
        tx.execute(INSERT, row).await.map_err(backend)?;
        tx.commit().await.map_err(backend)
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        let (user, data) = stored(record);
        let mut tx = self.0.db.write().await.map_err(backend)?;
        tx.execute(UPDATE, values![self.digest(&record.id), user, data]).await.map_err(backend)?;
        tx.commit().await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let now = self.0.clock.now();
        let digest = self.digest(id);
        let mut tx = self.0.db.read().await.map_err(backend)?;
        let row: Option<Row> = tx.optional(LOAD, values![digest]).await.map_err(backend)?;
        drop(tx);
        let Some(row) = row else { return Ok(None) };
        let over = row.seen_at + IDLE <= now.0 || row.created_at + ABSOLUTE <= now.0 || row.disabled_at.is_some();
        if over {
            return Ok(None);
        }
        if row.seen_at + MINUTE <= now.0 {
            let end = now.plus(IDLE).min(Timestamp(row.created_at).plus(ABSOLUTE));
            let mut tx = self.0.db.write().await.map_err(backend)?;
            tx.execute(SEEN, values![digest, now, end]).await.map_err(backend)?;
            tx.commit().await.map_err(backend)?;
        }
        let mut data: HashMap<String, Json> =
            serde_json::from_str(&row.data).map_err(|e| session_store::Error::Decode(e.to_string()))?;
        data.insert(field::SESSION.into(), row.id.to_string().into());
        if let Some(user) = row.user_id {
            data.insert(field::USER.into(), user.to_string().into());
            data.insert(field::NAME.into(), row.name.unwrap_or_default().into());
        }
        // The lifetimes are ours to keep; tower-sessions only needs to find the record alive.
        let expiry_date = OffsetDateTime::now_utc() + time::Duration::milliseconds(IDLE);
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        let mut tx = self.0.db.write().await.map_err(backend)?;
        tx.execute(DELETE, values![self.digest(id)]).await.map_err(backend)?;
        tx.commit().await.map_err(backend)
    }
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
    let rows: Vec<(Uuid, i64, i64, String)> = tx.all(LIST, values![user, now]).await?;
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
