//! Sessions of people: a row each, found by a keyed digest of the cookie's value, so that they can be listed and ended
//! and a stolen table opens nothing. A session is begun in the transaction that proved who the person is, and proven anew
//! in every transaction that its person acts or reads in: one that was ended meanwhile opens nothing.

mod store;

use crate::{
    kernel::{
        Error, Result, Secret, SessionId, Timestamp, UserId, text,
        time::{DAY, HOUR, MINUTE},
    },
    server::{
        access::{App, Origin, SignedIn},
        audit::event::SignedInBy,
        database::Tx,
    },
};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::{collections::HashMap, fmt};
pub use store::{Listed, STATEMENTS, end, end_others, hold, list, replace, stands};
use time::OffsetDateTime;
use tower_sessions::{
    Session, SessionStore,
    session::{Error as SessionError, Id, Record},
    session_store,
};
use zeroize::Zeroizing;

/// A session unused for this long is over, in milliseconds.
const IDLE: i64 = 8 * HOUR;
/// A session older than this is over, used or not, in milliseconds.
const ABSOLUTE: i64 = 7 * DAY;

/// The purpose under which cookies' values are digested.
const PURPOSE: &str = "session";
/// What tower-sessions keeps for us during a request: who is signed in, and the value of a new cookie.
const WHO: &str = "who";
const TOKEN: &str = "token";

/// What a session remembers of the sign-in that began it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Data {
    /// When the password was proven.
    confirmed_at: Timestamp,
    /// How its person proved who they are; none in sessions that began before this was kept.
    by: Option<SignedInBy>,
    address: String,
    browser: String,
}

/// Begins a session, inside the transaction that proved who the person is. Gives the cookie's value, this once, and the
/// session's public id.
pub async fn begin(
    tx: &mut Tx,
    app: &App,
    user: UserId,
    by: Option<SignedInBy>,
    origin: &Origin,
) -> Result<(Secret, SessionId)> {
    let token = Zeroizing::new(Id::default().to_string());
    let data = Data {
        confirmed_at: app.clock.now(),
        by,
        address: origin.address.map(|address| address.to_string()).unwrap_or_default(),
        browser: text::cut(&origin.user_agent, 200).to_owned(),
    };
    let data = serde_json::to_string(&data).map_err(|_| Error::internal())?;
    let id = store::insert(tx, app.keyring.digest(PURPOSE, &token), user, &data, app.clock.now()).await?;
    Ok((Secret::new(token.as_str()), id))
}

/// Who is signed in by a cookie's value. None: it opens nothing, or not any more.
pub async fn find(app: &App, token: &str) -> Result<Option<SignedIn>> {
    let (now, digest) = (app.clock.now(), app.keyring.digest(PURPOSE, token));
    let mut tx = app.db.read().await?;
    let row = store::load(&mut tx, digest, now).await?;
    drop(tx);
    let Some(row) = row else { return Ok(None) };
    if row.seen_at + MINUTE <= now.0 {
        // Whoever only reads goes on while nothing can be written, as with a full disk. The session lives no longer for it.
        if let Err(error) = note_seen(app, SessionId(row.id), Timestamp(row.created_at), now).await {
            tracing::warn!(%error, "it could not be noted that a session is in use");
        }
    }
    let data: Data = serde_json::from_str(&row.data).map_err(|error| {
        tracing::error!(%error, "a session could not be read");
        Error::internal()
    })?;
    let (user, session) = (UserId(row.user_id), SessionId(row.id));
    Ok(Some(SignedIn { user, name: row.name, session, by: data.by, confirmed_at: data.confirmed_at }))
}

async fn note_seen(app: &App, id: SessionId, created_at: Timestamp, now: Timestamp) -> Result<()> {
    let mut tx = app.db.write().await?;
    store::seen(&mut tx, id, created_at, now).await?;
    tx.commit().await
}

/// Removes what is over. Returns how many.
pub async fn sweep(app: &App) -> Result<u64> {
    let mut tx = app.db.write().await?;
    let gone = store::sweep(&mut tx, app.clock.now()).await?;
    tx.commit().await?;
    Ok(gone)
}

/// Who is signed in, as the cookie of this request says.
pub async fn signed_in(session: &Session) -> Result<Option<SignedIn>> {
    session.get(WHO).await.map_err(fault)
}

/// Lets the browser keep a session that was begun, by the cookie's value that [`begin`] gave.
pub async fn keep(session: &Session, token: &Secret) -> Result<()> {
    forget(session).await?;
    session.insert(TOKEN, token.expose()).await.map_err(fault)
}

/// Lets the browser forget a session that has ended.
pub async fn forget(session: &Session) -> Result<()> {
    match session.id() {
        Some(_) => session.flush().await.map_err(fault),
        None => Ok(()),
    }
}

fn fault(error: SessionError) -> Error {
    tracing::error!(%error, "a session could not be read");
    Error::unavailable()
}

/// Sessions as tower-sessions reads them, which looks after the cookie. It writes none: a session begins and ends in the
/// transaction of an operation, never by itself.
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
}

#[async_trait]
impl SessionStore for Sessions {
    /// Takes up a session that was begun before.
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        let token = record.data.remove(TOKEN);
        let id = token.as_ref().and_then(Json::as_str).and_then(|token| token.parse().ok());
        record.id = id.ok_or_else(|| session_store::Error::Backend("no session was begun".into()))?;
        Ok(())
    }

    async fn save(&self, _: &Record) -> session_store::Result<()> {
        Ok(())
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let found = find(&self.0, &id.to_string()).await;
        let Some(who) = found.map_err(|error| session_store::Error::Backend(error.message))? else { return Ok(None) };
        // The lifetimes are ours to keep; tower-sessions only needs to find the record alive.
        #[expect(clippy::disallowed_methods, reason = "tower-sessions compares with the system's time")]
        let expiry_date = OffsetDateTime::now_utc() + time::Duration::milliseconds(IDLE);
        Ok(Some(Record { id: *id, data: HashMap::from([(WHO.to_owned(), json!(who))]), expiry_date }))
    }

    async fn delete(&self, _: &Id) -> session_store::Result<()> {
        Ok(())
    }
}
