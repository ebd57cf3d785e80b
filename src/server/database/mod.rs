//! SQLite and PostgreSQL behind one type. A statement is one text for both; a transaction is either on the installation's
//! own tables ([`Tx`]) or inside one organisation ([`OrgTx`]), and there is nothing else to query with.

mod address;
mod batch;
mod browse;
mod failure;
mod health;
pub mod listing;
#[cfg(not(test))]
mod migrate;
#[cfg(test)]
pub mod migrate;
pub mod months;
mod statement;
#[cfg(test)]
mod tests;
mod tx;
mod value;

pub use address::Address;
pub use batch::{Batch, Then};
pub use failure::WriteError;
pub use health::{Health, STATEMENTS as HEALTH_STATEMENTS};
pub(crate) use statement::statements;
pub use statement::{SystemSql, TenantSql};
pub use tx::{OrgTx, Tx};
pub use value::{Raw, Row, Value, containing, read_role, readable, storable};
pub(crate) use value::{row, values};

use crate::kernel::{Error, OrganisationId, Timestamp, UserId, time::DAY};
use browse::Places;
use sqlx::{
    Connection, PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{ops::Deref, path::Path, sync::Arc, time::Duration};

/// The role under which PostgreSQL serves: it owns nothing and is bound by row-level security.
const SERVING_ROLE: &str = "latchkey_serving";
/// Connections of a SQLite file that look up who asks, and those that read for pages and lists.
const LOOKUPS: u32 = 4;
const BROWSERS: u32 = 6;
/// Connections to PostgreSQL; at most half of them read for pages and lists.
const CONNECTIONS: u32 = 16;
/// How long a reader waits for a connection.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a start waits for PostgreSQL, also while another replica brings the schema up to date.
const START_PATIENCE: Duration = Duration::from_secs(10);

/// A database: one SQLite file with one writer and pools of readers, or PostgreSQL.
#[derive(Clone, Debug)]
pub enum Db {
    Sqlite {
        writer: SqlitePool,
        /// For look-ups, which are short.
        readers: SqlitePool,
        /// For pages and lists.
        browsers: SqlitePool,
        state: Arc<State>,
    },
    Postgres(Server),
}

/// A PostgreSQL server: the pool of connections that serve.
#[derive(Clone, Debug)]
pub struct Server {
    pool: PgPool,
    /// Stops statements of the pool, as the user that is logged in: it opens a connection when it is needed.
    stopper: PgPool,
    state: Arc<State>,
}

impl Deref for Server {
    type Target = PgPool;
    fn deref(&self) -> &PgPool {
        &self.pool
    }
}

/// What all users of a database share.
#[derive(Debug)]
pub struct State {
    health: Health,
    places: Places,
}

impl State {
    fn new(readers: u32) -> Arc<Self> {
        Arc::new(Self { health: Health::default(), places: Places::new(readers as usize) })
    }
}

impl Db {
    /// Opens `postgres://…` or a SQLite file, and brings the schema up to date.
    pub async fn open(address: &str) -> StartResult<Self> {
        Self::open_at(Address::parse(address)?).await
    }

    /// The same for an address that was read before.
    pub async fn open_at(address: Address) -> StartResult<Self> {
        match address {
            Address::Sqlite(path) => Self::open_sqlite(&path)
                .await
                .map_err(|error| format!("the database {}: {}", path.display(), start_error(&*error)).into()),
            Address::Postgres(options) => Self::open_postgres(*options)
                .await
                .map_err(|error| format!("the PostgreSQL database: {}", start_error(&*error)).into()),
        }
    }

    async fn open_sqlite(path: &Path) -> StartResult<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10));
        let pool = |connections| SqlitePoolOptions::new().max_connections(connections).after_release(keep_if_ended);
        let readers = |connections| pool(connections).acquire_timeout(PATIENCE);
        let writer = pool(1).connect_with(options.clone()).await?;
        migrate::sqlite(&writer).await?;
        forget_statistics(&writer).await?;
        let options = options.read_only(true);
        let browsers = readers(BROWSERS).connect_lazy_with(options.clone());
        let readers = readers(LOOKUPS).connect_with(options).await?;
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&writer).await?;
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&writer).await?;
        let foreign_keys: i64 = sqlx::query_scalar("PRAGMA foreign_keys").fetch_one(&writer).await?;
        if (journal.as_str(), synchronous, foreign_keys) != ("wal", 2, 1) {
            return Err("it cannot be opened safely (it needs WAL, synchronous FULL and foreign keys)".into());
        }
        Ok(Db::Sqlite { writer, readers, browsers, state: State::new(BROWSERS) })
    }

    /// Each connection is bound to the serving role.
    async fn open_postgres(options: PgConnectOptions) -> StartResult<Self> {
        let owner = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(START_PATIENCE)
            .connect_with(options.clone())
            .await?;
        migrate::postgres(&owner).await?;
        owner.close().await;
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    sqlx::query(sqlx::AssertSqlSafe(format!("SET ROLE {SERVING_ROLE}"))).execute(connection).await?;
                    Ok(())
                })
            })
            .connect_with(options.clone())
            .await?;
        let stopper = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(PATIENCE)
            .idle_timeout(Duration::from_secs(30))
            .connect_lazy_with(options);
        Ok(Db::Postgres(Server { pool, stopper, state: State::new(CONNECTIONS / 2) }))
    }

    fn health(&self) -> &Health {
        match self {
            Db::Sqlite { state, .. } | Db::Postgres(Server { state, .. }) => &state.health,
        }
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self, Db::Postgres(_))
    }

    /// A transaction that only reads.
    pub async fn read(&self) -> Result<Tx, Error> {
        Tx::begin(self, false).await
    }

    /// A transaction that writes, on the installation's own tables; it begins as a writer.
    pub async fn write(&self) -> Result<Tx, Error> {
        Tx::begin(self, true).await
    }

    /// A reading transaction that may also see where this person belongs.
    pub async fn read_as(&self, user: UserId) -> Result<Tx, Error> {
        let mut tx = self.read().await?;
        tx.set_context("latchkey.user", &user.to_string()).await?;
        Ok(tx)
    }

    /// A reading transaction for the holder of a secret with this digest.
    pub async fn read_by_digest(&self, digest: &[u8]) -> Result<Tx, Error> {
        let mut tx = self.read().await?;
        tx.set_context("latchkey.digest", &hex(digest)).await?;
        Ok(tx)
    }

    /// A reading transaction for the holder of this address.
    pub async fn read_by_email(&self, canonical: &str) -> Result<Tx, Error> {
        let mut tx = self.read().await?;
        tx.set_context("latchkey.email", canonical).await?;
        Ok(tx)
    }

    /// A reading transaction that may also see every chain of the audit log: for those who verify it.
    pub(in crate::server) async fn read_every_chain(&self) -> Result<Tx, Error> {
        let mut tx = self.read().await?;
        tx.see_every_chain().await?;
        Ok(tx)
    }

    /// A reading transaction inside one organisation. Only `server` makes these, for a proven membership, key or token.
    pub(in crate::server) async fn read_in(&self, organisation: OrganisationId) -> Result<OrgTx, Error> {
        self.read().await?.enter(organisation).await
    }

    /// The same, of one moment: for what is put together of many answers.
    pub(in crate::server) async fn read_moment_in(&self, organisation: OrganisationId) -> Result<OrgTx, Error> {
        Tx::moment(self).await?.enter(organisation).await
    }

    /// The same for pages and lists, which may be long: bounded in number and time, and stopped when it is dropped.
    ///
    /// # Errors
    /// `busy` when too many are under way. So end statements that take too long.
    pub(in crate::server) async fn browse_in(&self, organisation: OrganisationId) -> Result<OrgTx, Error> {
        Tx::browse(self, organisation).await?.enter(organisation).await
    }

    /// A writing transaction inside one organisation.
    pub(in crate::server) async fn write_in(&self, organisation: OrganisationId) -> Result<OrgTx, Error> {
        self.write().await?.enter(organisation).await
    }

    /// True when the database answers, and takes writes as far as the last one tells.
    pub async fn is_ready(&self) -> bool {
        let answers = match self {
            Db::Sqlite { readers, .. } => sqlx::query("SELECT 1").execute(readers).await.is_ok(),
            Db::Postgres(pool) => sqlx::query("SELECT 1").execute(&**pool).await.is_ok(),
        };
        answers && self.can_write().await
    }

    /// How each pool of connections stands, by its name.
    pub fn pools(&self) -> Vec<(&'static str, PoolUse)> {
        match self {
            Db::Sqlite { writer, readers, browsers, .. } => vec![
                ("writer", PoolUse::of(writer)),
                ("readers", PoolUse::of(readers)),
                ("browsers", PoolUse::of(browsers)),
            ],
            Db::Postgres(server) => vec![("serving", PoolUse::of(&server.pool))],
        }
    }

    pub async fn close(&self) {
        match self {
            Db::Sqlite { writer, readers, browsers, .. } => {
                browsers.close().await;
                readers.close().await;
                writer.close().await;
            }
            Db::Postgres(server) => {
                server.stopper.close().await;
                server.pool.close().await;
            }
        }
    }
}

/// How a pool of connections stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUse {
    pub in_use: usize,
    pub idle: usize,
    /// The most that it may have.
    pub most: u32,
}

impl PoolUse {
    fn of<E: sqlx::Database>(pool: &sqlx::Pool<E>) -> Self {
        let (open, idle) = (pool.size() as usize, pool.num_idle());
        Self { in_use: open.saturating_sub(idle), idle, most: pool.options().get_max_connections() }
    }
}

/// A SQLite connection goes back into its pool only when its transaction has ended. If it has not, as when the disk took
/// neither COMMIT nor ROLLBACK, or the engine ended it by itself, nobody knows where it stands: it is closed, and another
/// takes its place. (PostgreSQL's driver does the same of its own accord.)
fn keep_if_ended<'c>(
    connection: &'c mut sqlx::SqliteConnection,
    _: sqlx::pool::PoolConnectionMetadata,
) -> futures_util::future::BoxFuture<'c, sqlx::Result<bool>> {
    Box::pin(async move {
        // A rollback may still be under way.
        connection.ping().await?;
        Ok(!connection.is_in_transaction())
    })
}

/// Statistics that were made while the tables were nearly empty mislead SQLite's planner for good. Its statements are
/// planned, and their plans tested, without any.
async fn forget_statistics(writer: &SqlitePool) -> StartResult<()> {
    const MADE: &str = "SELECT name FROM sqlite_schema WHERE name IN ('sqlite_stat1', 'sqlite_stat4')";
    let tables: Vec<String> = sqlx::query_scalar(MADE).fetch_all(writer).await?;
    for table in tables {
        sqlx::query(sqlx::AssertSqlSafe(format!("DROP TABLE {table}"))).execute(writer).await?;
    }
    Ok(())
}

/// Why a database cannot be opened, in one sentence for whoever starts the program. It repeats no setting.
fn start_error(error: &(dyn std::error::Error + Send + Sync + 'static)) -> String {
    let cause = match error.downcast_ref::<sqlx::migrate::MigrateError>() {
        Some(error) => match migrate::cause(error) {
            Ok(sentence) => return sentence,
            Err(cause) => Some(cause),
        },
        None => error.downcast_ref::<sqlx::Error>(),
    };
    match cause {
        Some(sqlx::Error::Database(cause)) if failure::is_of_the_disk(cause.code().as_deref()) => {
            format!("nothing can be written to it; the disk may be full ({})", cause.message())
        }
        Some(sqlx::Error::Database(cause)) => cause.message().to_owned(),
        Some(sqlx::Error::PoolTimedOut) => "it did not answer in time".to_owned(),
        Some(cause) => cause.to_string(),
        None => error.to_string(),
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The result of what happens at start, before there is a caller to answer: any error, shown as one line.
pub type StartResult<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

statements! {
    REVISIONS: SystemSql = "SELECT id, revision FROM organisations";
    REVISE: SystemSql = "UPDATE organisations SET revision = revision + 1 WHERE id = $1";
    FORGET_SUBMISSIONS: TenantSql = "DELETE FROM submissions WHERE org_id = $1 AND at < $2";
    NOTE_SUBMISSION: TenantSql = "INSERT INTO submissions (org_id, id, at) VALUES ($1, $2, $3) ON CONFLICT (org_id, id) DO NOTHING";
    NOTE_MADE: TenantSql = "UPDATE submissions SET made = $3 WHERE org_id = $1 AND id = $2";
    MADE: TenantSql = "SELECT made FROM submissions WHERE org_id = $1 AND id = $2";
}

/// The revision of every organisation: it grows with each change inside.
pub async fn revisions(db: &Db) -> Result<Vec<(uuid::Uuid, i64)>, Error> {
    db.read().await?.all(REVISIONS, vec![]).await
}

/// Counts a change inside an organisation.
pub(in crate::server) async fn revise(tx: &mut Tx, organisation: OrganisationId) -> Result<(), Error> {
    tx.execute(REVISE, values![organisation]).await.map(|_| ())
}

/// How long it is known that a form was sent.
const REMEMBERED: i64 = DAY;

/// Notes that a form was sent. False: it was noted before, within a day; older notes go.
pub(in crate::server) async fn note_submission(tx: &mut OrgTx, id: uuid::Uuid, now: Timestamp) -> Result<bool, Error> {
    tx.execute(FORGET_SUBMISSIONS, values![now.plus(-REMEMBERED)]).await?;
    Ok(tx.execute(NOTE_SUBMISSION, values![id, now]).await? == 1)
}

/// Notes what a form made.
pub(in crate::server) async fn note_made(tx: &mut OrgTx, id: uuid::Uuid, made: &str) -> Result<(), Error> {
    tx.execute(NOTE_MADE, values![id, made]).await.map(|_| ())
}

/// The id of what a form has made. None: nothing is known of it.
pub(in crate::server) async fn made_by_submission(tx: &mut OrgTx, id: uuid::Uuid) -> Result<Option<String>, Error> {
    let row: Option<(Option<String>,)> = tx.optional(MADE, values![id]).await?;
    Ok(row.and_then(|(made,)| made))
}
