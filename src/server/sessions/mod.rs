//! Where sessions live: a row each, found by a keyed digest of the cookie's value, so that they can be listed and ended
//! and a stolen table opens nothing.

mod store;

use super::{app::App, crypto::Digest, database::hex};
use crate::kernel::{
    Error, Timestamp,
    time::{DAY, HOUR, MINUTE},
};
use async_trait::async_trait;
use serde_json::Value as Json;
use std::{collections::HashMap, fmt};
pub use store::{Listed, STATEMENTS, end, end_others, list};
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

/// The store that tower-sessions uses.
#[derive(Clone)]
pub struct Sessions(App);

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

impl Sessions {
    pub fn new(app: App) -> Self {
        Self(app)
    }

    fn digest(&self, id: &Id) -> Digest {
        self.0.keyring.digest("session", &hex(&id.0.to_be_bytes()))
    }

    async fn note_seen(&self, digest: Digest, created_at: Timestamp, now: Timestamp) -> Result<(), Error> {
        let mut tx = self.0.db.write().await?;
        store::seen(&mut tx, digest, created_at, now).await?;
        tx.commit().await
    }

    /// Removes what is over. Returns how many.
    pub async fn sweep(&self) -> Result<u64, Error> {
        let mut tx = self.0.db.write().await?;
        let gone = store::sweep(&mut tx, self.0.clock.now()).await?;
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
        // A session that takes the place of an ended one still has that one's id: whoever knows it would be in the new one.
        record.id = Id::default();
        let (user, data) = stored(record);
        let mut tx = self.0.db.write().await.map_err(backend)?;
        store::insert(&mut tx, self.digest(&record.id), user, &data, now).await.map_err(backend)?;
        tx.commit().await.map_err(backend)
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        let (user, data) = stored(record);
        let mut tx = self.0.db.write().await.map_err(backend)?;
        store::update(&mut tx, self.digest(&record.id), user, &data).await.map_err(backend)?;
        tx.commit().await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let now = self.0.clock.now();
        let digest = self.digest(id);
        let mut tx = self.0.db.read().await.map_err(backend)?;
        let row = store::load(&mut tx, digest).await.map_err(backend)?;
        drop(tx);
        let Some(row) = row else { return Ok(None) };
        let over = row.seen_at + IDLE <= now.0 || row.created_at + ABSOLUTE <= now.0 || row.disabled_at.is_some();
        if over {
            return Ok(None);
        }
        if row.seen_at + MINUTE <= now.0 {
            // Whoever only reads goes on while nothing can be written, as with a full disk. The session lives no longer for it.
            if let Err(error) = self.note_seen(digest, Timestamp(row.created_at), now).await {
                tracing::warn!(%error, "it could not be noted that a session is in use");
            }
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
        store::delete(&mut tx, self.digest(id)).await.map_err(backend)?;
        tx.commit().await.map_err(backend)
    }
}
