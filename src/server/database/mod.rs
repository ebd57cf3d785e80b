//! SQLite and PostgreSQL behind one type. A statement is one text for both; a transaction is either on the installation's
//! own tables ([`Tx`]) or inside one organisation ([`OrgTx`]), and there is nothing else to query with.

mod migrate;
mod statement;
mod tx;
mod value;

pub(crate) use statement::statements;
pub use statement::{SystemSql, TenantSql, registered};
pub use tx::{OrgTx, Tx, WriteError};
pub(crate) use value::values;
pub use value::{Raw, Row, Value, containing, read_role, storable};

use crate::kernel::{Error, OrganisationId, Timestamp, UserId, time::DAY};
use sqlx::{
    PgPool, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use std::{path::Path, str::FromStr, time::Duration};

/// The role under which PostgreSQL serves: it owns nothing and is bound by row-level security.
const SERVING_ROLE: &str = "latchkey_serving";

/// A database: one SQLite file with one writer and a pool of readers, or PostgreSQL.
#[derive(Clone, Debug)]
pub enum Db {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
}

impl Db {
    /// Opens `postgres://…` or a SQLite file, and brings the schema up to date.
    pub async fn open(url: &str) -> StartResult<Self> {
        match sqlite_file(url) {
            Some(path) => Self::open_sqlite(path).await,
            None => Self::open_postgres(url, 16).await,
        }
    }

    async fn open_sqlite(path: &Path) -> StartResult<Self> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .optimize_on_close(true, None);
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        migrate::sqlite(&writer).await?;
        let readers = SqlitePoolOptions::new().max_connections(4).connect_with(options.read_only(true)).await?;
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&writer).await?;
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&writer).await?;
        let foreign_keys: i64 = sqlx::query_scalar("PRAGMA foreign_keys").fetch_one(&writer).await?;
        if (journal.as_str(), synchronous, foreign_keys) != ("wal", 2, 1) {
            return Err(
                "the database file cannot be opened safely (it needs WAL, synchronous FULL and foreign keys)".into()
            );
        }
        Ok(Db::Sqlite { writer, readers })
    }

    /// Opens PostgreSQL with at most `connections` connections, each bound to the serving role.
    pub async fn open_postgres(url: &str, connections: u32) -> StartResult<Self> {
        let options = PgConnectOptions::from_str(url)?;
        let owner = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(10))
            .connect_with(options.clone())
            .await?;
        migrate::postgres(&owner).await?;
        owner.close().await;
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_secs(2))
            .after_connect(|connection, _| {
                Box::pin(async move {
                    sqlx::query(sqlx::AssertSqlSafe(format!("SET ROLE {SERVING_ROLE}"))).execute(connection).await?;
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        Ok(Db::Postgres(pool))
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

    /// A writing transaction inside one organisation.
    pub(in crate::server) async fn write_in(&self, organisation: OrganisationId) -> Result<OrgTx, Error> {
        self.write().await?.enter(organisation).await
    }

    /// True when the database answers.
    pub async fn is_ready(&self) -> bool {
        match self {
            Db::Sqlite { readers, .. } => sqlx::query("SELECT 1").execute(readers).await.is_ok(),
            Db::Postgres(pool) => sqlx::query("SELECT 1").execute(pool).await.is_ok(),
        }
    }

    pub async fn close(&self) {
        match self {
            Db::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Db::Postgres(pool) => pool.close().await,
        }
    }
}

/// The file of a SQLite database's address; none if the address is PostgreSQL's.
pub fn sqlite_file(url: &str) -> Option<&Path> {
    let is_postgres = url.starts_with("postgres://") || url.starts_with("postgresql://");
    (!is_postgres).then(|| Path::new(url.strip_prefix("sqlite:").unwrap_or(url)))
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
