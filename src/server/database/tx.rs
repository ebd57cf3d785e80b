//! Transactions. An operation holds one, and everything it does is in it.

use super::{
    Db, Row, SystemSql, TenantSql, Value,
    value::{postgres_arguments, sqlite_arguments},
};
use crate::kernel::{Code, Error, OrganisationId, UserId};
use sqlx::{Postgres, Sqlite, Transaction};

enum Engine {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// A transaction on the installation's own tables: accounts, sessions, the list of organisations.
pub struct Tx {
    engine: Engine,
}

/// A transaction inside one organisation. Every statement binds that organisation as `$1`; on PostgreSQL row-level
/// security holds the same wall. It has no public maker: it comes from `Access`.
pub struct OrgTx {
    tx: Tx,
    organisation: OrganisationId,
}

/// Runs a statement on whichever engine is there.
macro_rules! run {
    ($tx:expr, $sql:expr, $values:expr, $with:ident $(::<$row:ty>)?, $fetch:ident) => {
        match &mut $tx.engine {
            Engine::Sqlite(c) => run!(@with Sqlite, $with $(::<$row>)?, $sql, sqlite_arguments($values).map_err(failed)?).$fetch(&mut **c).await,
            Engine::Postgres(c) => run!(@with Postgres, $with $(::<$row>)?, $sql, postgres_arguments($values).map_err(failed)?).$fetch(&mut **c).await,
        }
    };
    (@with $db:ident, query_as_with::<$row:ty>, $sql:expr, $arguments:expr) => { sqlx::query_as_with::<$db, $row, _>($sql, $arguments) };
    (@with $db:ident, query_with, $sql:expr, $arguments:expr) => { sqlx::query_with::<$db, _>($sql, $arguments) };
}

impl Tx {
    pub(super) async fn begin(db: &Db, writes: bool) -> Result<Self, Error> {
        let engine = match db {
            Db::Sqlite { writer, .. } if writes => {
                Engine::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?)
            }
            Db::Sqlite { readers, .. } => Engine::Sqlite(readers.begin().await.map_err(failed)?),
            Db::Postgres(pool) => Engine::Postgres(pool.begin().await.map_err(failed)?),
        };
        Ok(Self { engine })
    }

    /// Tells PostgreSQL's row-level security who is asking, for this transaction alone.
    pub(super) async fn set_context(&mut self, name: &'static str, value: &str) -> Result<(), Error> {
        if let Engine::Postgres(connection) = &mut self.engine {
            sqlx::query("SELECT set_config($1, $2, true)")
                .bind(name)
                .bind(value)
                .execute(&mut **connection)
                .await
                .map_err(failed)?;
        }
        Ok(())
    }

    /// From here on the transaction may also see where this person belongs.
    pub async fn see_memberships_of(&mut self, user: UserId) -> Result<(), Error> {
        self.set_context("latchkey.user", &user.to_string()).await
    }

    /// From here on the transaction may also see every chain of the audit log.
    pub(in crate::server) async fn see_every_chain(&mut self) -> Result<(), Error> {
        self.set_context("latchkey.chains", "every").await
    }

    /// Tells the other replicas, when this commits, that something in the organisation changed.
    pub(in crate::server) async fn notify(&mut self, organisation: OrganisationId) -> Result<(), Error> {
        if let Engine::Postgres(connection) = &mut self.engine {
            sqlx::query("SELECT pg_notify('latchkey_changes', $1)")
                .bind(organisation.to_string())
                .execute(&mut **connection)
                .await
                .map_err(failed)?;
        }
        Ok(())
    }

    /// Goes on inside an organisation, in the same transaction.
    pub(in crate::server) async fn enter(mut self, organisation: OrganisationId) -> Result<OrgTx, Error> {
        self.set_context("latchkey.org", &organisation.to_string()).await?;
        Ok(OrgTx { tx: self, organisation })
    }

    /// All rows.
    pub async fn all<T: Row>(&mut self, sql: SystemSql, values: Vec<Value>) -> Result<Vec<T>, Error> {
        run!(self, sql.0, values, query_as_with::<T>, fetch_all).map_err(failed)
    }

    /// At most one row.
    pub async fn optional<T: Row>(&mut self, sql: SystemSql, values: Vec<Value>) -> Result<Option<T>, Error> {
        run!(self, sql.0, values, query_as_with::<T>, fetch_optional).map_err(failed)
    }

    /// Exactly one row, such as a count.
    pub async fn one<T: Row>(&mut self, sql: SystemSql, values: Vec<Value>) -> Result<T, Error> {
        run!(self, sql.0, values, query_as_with::<T>, fetch_one).map_err(failed)
    }

    /// The number of rows that changed.
    pub async fn execute(&mut self, sql: SystemSql, values: Vec<Value>) -> Result<u64, Error> {
        self.execute_text(sql.0, values).await.map_err(failed)
    }

    async fn execute_text(&mut self, sql: &'static str, values: Vec<Value>) -> sqlx::Result<u64> {
        match &mut self.engine {
            Engine::Sqlite(c) => {
                let query = sqlx::query_with::<Sqlite, _>(sql, sqlite_arguments(values)?);
                query.execute(&mut **c).await.map(|done| done.rows_affected())
            }
            Engine::Postgres(c) => {
                let query = sqlx::query_with::<Postgres, _>(sql, postgres_arguments(values)?);
                query.execute(&mut **c).await.map(|done| done.rows_affected())
            }
        }
    }

    pub async fn commit(self) -> Result<(), Error> {
        match self.engine {
            Engine::Sqlite(tx) => tx.commit().await,
            Engine::Postgres(tx) => tx.commit().await,
        }
        .map_err(failed)
    }

    /// Ends the transaction with nothing changed. Dropping it does the same, a little later.
    pub async fn rollback(self) -> Result<(), Error> {
        match self.engine {
            Engine::Sqlite(tx) => tx.rollback().await,
            Engine::Postgres(tx) => tx.rollback().await,
        }
        .map_err(failed)
    }
}

impl OrgTx {
    pub fn organisation(&self) -> OrganisationId {
        self.organisation
    }

    /// Goes on inside another organisation, in the same transaction.
    pub(in crate::server) async fn elsewhere(self, organisation: OrganisationId) -> Result<Self, Error> {
        self.tx.enter(organisation).await
    }

    /// The installation's own tables, in the same transaction.
    pub fn system(&mut self) -> &mut Tx {
        &mut self.tx
    }

    /// All rows. `values` are `$2` and on.
    pub async fn all<T: Row>(&mut self, sql: TenantSql, values: Vec<Value>) -> Result<Vec<T>, Error> {
        let values = self.bound(values);
        run!(self.tx, sql.0, values, query_as_with::<T>, fetch_all).map_err(failed)
    }

    /// As [`Self::all`], for a text that a store puts together from its own constant parts (optional filters, sort
    /// orders); it must bind the organisation like any other.
    pub async fn all_composed<T: Row>(&mut self, sql: String, values: Vec<Value>) -> Result<Vec<T>, Error> {
        if !sql.contains("org_id = $1") {
            tracing::error!("a composed statement does not bind its organisation");
            return Err(Error::internal());
        }
        let values = self.bound(values);
        let sql = sqlx::AssertSqlSafe(sql);
        run!(self.tx, sql, values, query_as_with::<T>, fetch_all).map_err(failed)
    }

    pub async fn optional<T: Row>(&mut self, sql: TenantSql, values: Vec<Value>) -> Result<Option<T>, Error> {
        let values = self.bound(values);
        run!(self.tx, sql.0, values, query_as_with::<T>, fetch_optional).map_err(failed)
    }

    pub async fn one<T: Row>(&mut self, sql: TenantSql, values: Vec<Value>) -> Result<T, Error> {
        let values = self.bound(values);
        run!(self.tx, sql.0, values, query_as_with::<T>, fetch_one).map_err(failed)
    }

    pub async fn execute(&mut self, sql: TenantSql, values: Vec<Value>) -> Result<u64, Error> {
        let values = self.bound(values);
        self.tx.execute_text(sql.0, values).await.map_err(failed)
    }

    /// As [`Self::execute`], for a writer that tries again unless it is the values that are refused.
    pub async fn write(&mut self, sql: TenantSql, values: Vec<Value>) -> Result<u64, WriteError> {
        let values = self.bound(values);
        self.tx.execute_text(sql.0, values).await.map_err(|error| {
            let refused = is_of_values(&error);
            failed(error);
            if refused { WriteError::Refused } else { WriteError::Failed }
        })
    }

    pub(in crate::server) async fn commit(self) -> Result<(), Error> {
        self.tx.commit().await
    }

    fn bound(&self, mut values: Vec<Value>) -> Vec<Value> {
        values.insert(0, Value::from(self.organisation));
        values
    }
}

/// What a database error means to a caller; the cause goes to the log. A clash of unique values is a conflict, and an
/// operation that can name the field says so before it comes to this.
fn failed(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::Database(cause) if cause.is_unique_violation() => {
            Error::new(Code::Conflict, "Something with this name exists already.")
        }
        sqlx::Error::PoolTimedOut
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => {
            tracing::error!(%error, "the database cannot be reached");
            Error::unavailable()
        }
        sqlx::Error::Database(cause) if is_transient(cause.code().as_deref()) => {
            tracing::warn!(%error, "the database refused for now");
            Error::unavailable()
        }
        _ => {
            tracing::error!(%error, "a statement failed");
            Error::internal()
        }
    }
}

/// Why a write was not done. The cause is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// The database refuses these values, and will again.
    Refused,
    /// It may succeed another time.
    Failed,
}

impl From<Error> for WriteError {
    fn from(_: Error) -> Self {
        Self::Failed
    }
}

/// Whether it is the values that a statement was refused for, and not its text or the state of the database.
fn is_of_values(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Encode(_) => true,
        sqlx::Error::Database(cause) => is_of_data(cause.code().as_deref()),
        _ => false,
    }
}

/// The five letters of PostgreSQL's codes, or SQLite's primary code.
enum EngineCode<'a> {
    Postgres(&'a str),
    Sqlite(i64),
}

impl<'a> EngineCode<'a> {
    fn read(code: Option<&'a str>) -> Option<Self> {
        match code? {
            code if code.len() == 5 => Some(Self::Postgres(code)),
            code => code.parse::<i64>().ok().map(|code| Self::Sqlite(code & 0xff)),
        }
    }
}

/// Two rows in conflict, data, constraints (PostgreSQL classes); too big, constraint, mismatch, range (SQLite).
fn is_of_data(code: Option<&str>) -> bool {
    match EngineCode::read(code) {
        Some(EngineCode::Postgres(code)) => ["21", "22", "23"].iter().any(|class| code.starts_with(class)),
        Some(EngineCode::Sqlite(code)) => matches!(code, 18 | 19 | 20 | 25),
        None => false,
    }
}

/// Connection, serialisation, deadlock, resources, shutdown, system (PostgreSQL classes), and a server that only reads
/// for now; busy, locked, read only, input and output, full, cannot open (SQLite).
fn is_transient(code: Option<&str>) -> bool {
    match EngineCode::read(code) {
        Some(EngineCode::Postgres(code)) => {
            code == "25006" || ["08", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class))
        }
        Some(EngineCode::Sqlite(code)) => matches!(code, 5 | 6 | 8 | 10 | 13 | 14),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_engines_are_told_apart() {
        let transient =
            ["08006", "25006", "40001", "40P01", "53300", "57P01", "58030", "5", "6", "517", "8", "1032", "14"];
        let data = ["21000", "22003", "22021", "23503", "23514", "18", "19", "787", "20", "25"];
        let neither = ["25P02", "42P01", "42501", "XX000", "1", "11", "26", "nonsense"];
        for (codes, expected) in [(&transient[..], (true, false)), (&data, (false, true)), (&neither, (false, false))] {
            for code in codes {
                assert_eq!((is_transient(Some(code)), is_of_data(Some(code))), expected, "{code}");
            }
        }
        assert!(!is_transient(None) && !is_of_data(None));
    }
}
