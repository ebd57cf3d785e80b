//! Transactions. An operation holds one, and everything it does is in it.

use super::{
    Db, Row, State, SystemSql, TenantSql, Value,
    browse::{LONGEST, Limit, Reader, Stop},
    failure::{WriteError, failed, not_written, note_failure},
    listing::Composed,
    value::{postgres_arguments, readable, sqlite_arguments},
};
use crate::kernel::{Error, OrganisationId, PromptId, Timestamp, UserId};
use sqlx::{Postgres, Sqlite, Transaction};
use std::sync::Arc;

pub(super) enum Engine {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// A transaction on the installation's own tables: accounts, sessions, the list of organisations.
pub struct Tx {
    /// What a reader of pages and lists holds. It stands before the engine, since it is to be dropped first.
    reader: Option<Reader>,
    engine: Engine,
    state: Arc<State>,
    /// Whether it has changed a row: only then does its end tell that writes work.
    changed: bool,
}

/// A transaction inside one organisation. Every statement binds that organisation as `$1`; on PostgreSQL row-level
/// security holds the same wall. It has no public maker: it comes from `Access`.
pub struct OrgTx {
    tx: Tx,
    organisation: OrganisationId,
    /// The prompts that there are for whoever asks; none: all.
    only_prompts: Vec<PromptId>,
}

/// Runs a statement on whichever engine is there; gives the driver's own result.
macro_rules! run {
    ($tx:expr, $sql:expr, $values:expr, $with:ident $(::<$row:ty>)?, $fetch:ident $(, $map:expr)?) => {{
        $tx.begin_statement();
        let done = match &mut $tx.engine {
            Engine::Sqlite(c) => match sqlite_arguments($values) {
                Ok(arguments) => run!(@with Sqlite, $with $(::<$row>)?, $sql, arguments).$fetch(&mut **c).await$(.map($map))?,
                Err(error) => Err(error),
            },
            Engine::Postgres(c) => match postgres_arguments($values) {
                Ok(arguments) => run!(@with Postgres, $with $(::<$row>)?, $sql, arguments).$fetch(&mut **c).await$(.map($map))?,
                Err(error) => Err(error),
            },
        };
        $tx.end_statement(done)
    }};
    (@with $db:ident, query_as_with::<$row:ty>, $sql:expr, $arguments:expr) => { sqlx::query_as_with::<$db, $row, _>($sql, $arguments) };
    (@with $db:ident, query_with, $sql:expr, $arguments:expr) => { sqlx::query_with::<$db, _>($sql, $arguments) };
}

/// The rows of a statement, each read for itself: one that does not fit its type is left out of the list.
macro_rules! rows {
    ($tx:expr, $sql:expr, $values:expr, $row:ty) => {
        run!($tx, $sql, $values, query_with, fetch_all, |rows| {
            readable(&rows, |row| <$row>::from_row(row).map_err(failed))
        })
    };
}

impl Tx {
    pub(super) async fn begin(db: &Db, writes: bool) -> Result<Self, Error> {
        let (engine, state) = match db {
            Db::Sqlite { writer, state, .. } if writes => {
                (writer.begin_with("BEGIN IMMEDIATE").await.map(Engine::Sqlite), state)
            }
            Db::Sqlite { readers, state, .. } => (readers.begin().await.map(Engine::Sqlite), state),
            Db::Postgres(server) => (server.begin().await.map(Engine::Postgres), &server.state),
        };
        let engine = engine.map_err(|error| {
            if writes {
                note_failure(&state.health, &error);
            }
            failed(error)
        })?;
        Ok(Self { reader: None, engine, state: state.clone(), changed: false })
    }

    /// A transaction that only reads, and sees the database as it was at one moment.
    pub(super) async fn moment(db: &Db) -> Result<Self, Error> {
        let Db::Postgres(server) = db else {
            // SQLite's are so of themselves.
            return Self::begin(db, false).await;
        };
        let tx = server.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(failed)?;
        Ok(Self { reader: None, engine: Engine::Postgres(tx), state: server.state.clone(), changed: false })
    }

    /// A reading transaction for pages and lists of an organisation, within their bounds.
    pub(super) async fn browse(db: &Db, organisation: OrganisationId) -> Result<Self, Error> {
        let (engine, state, reader) = match db {
            Db::Sqlite { browsers, state, .. } => {
                /// Instructions of SQLite's machine between two looks at the clock: some tens of microseconds.
                const STEPS: i32 = 1_000;
                let place = state.places.take(organisation).await?;
                let mut tx = browsers.begin().await.map_err(failed)?;
                let limit = Limit::new();
                let asked = limit.clone();
                tx.lock_handle().await.map_err(failed)?.set_progress_handler(STEPS, move || asked.goes_on());
                (Engine::Sqlite(tx), state, Reader::new(place, Stop::Sqlite(limit)))
            }
            Db::Postgres(server) => {
                const BEGIN: &str = "SELECT set_config('statement_timeout', $1, true), pg_backend_pid(), now()::text";
                let place = server.state.places.take(organisation).await?;
                // What a page puts together of several answers is of one moment.
                let mut tx = server.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ").await.map_err(failed)?;
                let (_, process, begun): (String, i32, String) = sqlx::query_as(BEGIN)
                    .bind(LONGEST.as_millis().to_string())
                    .fetch_one(&mut *tx)
                    .await
                    .map_err(failed)?;
                let stop = Stop::Postgres { by: server.stopper.clone(), process, begun };
                (Engine::Postgres(tx), &server.state, Reader::new(place, stop))
            }
        };
        Ok(Self { reader: Some(reader), engine, state: state.clone(), changed: false })
    }

    fn begin_statement(&mut self) {
        if let Some(reader) = &mut self.reader {
            reader.at_work = true;
        }
    }

    fn end_statement<T>(&mut self, done: sqlx::Result<T>) -> sqlx::Result<T> {
        if let Some(reader) = &mut self.reader {
            reader.at_work = false;
        }
        if let Err(error) = &done {
            note_failure(&self.state.health, error);
        }
        done
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

    /// From here on the transaction acts as the user that is logged in and owns the tables: for erasing what the serving role
    /// may not delete. Row-level security binds that user as well. SQLite overwrites what is deleted.
    pub(in crate::server) async fn erase_as_owner(&mut self) -> Result<(), Error> {
        match &mut self.engine {
            Engine::Sqlite(connection) => {
                sqlx::query("PRAGMA secure_delete = ON").execute(&mut **connection).await.map(drop)
            }
            Engine::Postgres(connection) => {
                sqlx::query("SET LOCAL ROLE NONE").execute(&mut **connection).await.map(drop)
            }
        }
        .map_err(failed)
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

    /// The time as the database has it, for what programs with clocks of their own must see alike. None: only one program
    /// uses the database.
    pub async fn clock(&mut self) -> Result<Option<Timestamp>, Error> {
        const NOW: &str = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";
        let Engine::Postgres(connection) = &mut self.engine else { return Ok(None) };
        let now: i64 = sqlx::query_scalar(NOW).fetch_one(&mut **connection).await.map_err(failed)?;
        Ok(Some(Timestamp(now)))
    }

    /// Goes on inside an organisation, in the same transaction.
    pub(in crate::server) async fn enter(mut self, organisation: OrganisationId) -> Result<OrgTx, Error> {
        self.set_context("latchkey.org", &organisation.to_string()).await?;
        Ok(OrgTx { tx: self, organisation, only_prompts: vec![] })
    }

    /// All rows.
    pub async fn all<T: Row>(&mut self, sql: SystemSql, values: Vec<Value>) -> Result<Vec<T>, Error> {
        run!(self, sql.0, values, query_as_with::<T>, fetch_all).map_err(failed)
    }

    /// The rows of a list, as far as they can be read: for what is shown. What something is decided by is read with
    /// [`Self::all`], which fails where a row cannot be read, so that nothing is allowed for want of it.
    pub async fn list<T: Row>(&mut self, sql: SystemSql, values: Vec<Value>) -> Result<Vec<T>, Error> {
        rows!(self, sql.0, values, T).map_err(failed)
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
        self.begin_statement();
        let done = match &mut self.engine {
            Engine::Sqlite(c) => match sqlite_arguments(values) {
                Ok(arguments) => {
                    let query = sqlx::query_with::<Sqlite, _>(sql, arguments);
                    query.execute(&mut **c).await.map(|done| done.rows_affected())
                }
                Err(error) => Err(error),
            },
            Engine::Postgres(c) => match postgres_arguments(values) {
                Ok(arguments) => {
                    let query = sqlx::query_with::<Postgres, _>(sql, arguments);
                    query.execute(&mut **c).await.map(|done| done.rows_affected())
                }
                Err(error) => Err(error),
            },
        };
        self.changed |= done.as_ref().is_ok_and(|rows| *rows > 0);
        self.end_statement(done)
    }

    pub async fn commit(self) -> Result<(), Error> {
        let done = match self.engine {
            Engine::Sqlite(tx) => tx.commit().await,
            Engine::Postgres(tx) => tx.commit().await,
        };
        match &done {
            Ok(()) if self.changed => self.state.health.succeeded(),
            Ok(()) => {}
            Err(error) => note_failure(&self.state.health, error),
        }
        done.map_err(failed)
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

    /// Says which prompts there are for whoever asks, once they have proven who they are; none: all.
    pub fn narrow_prompts(&mut self, only: Vec<PromptId>) {
        self.only_prompts = only;
    }

    /// The prompts that there are for whoever asks; none: all.
    pub fn only_prompts(&self) -> &[PromptId] {
        &self.only_prompts
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

    /// As [`Self::all`], for what a list is put together of.
    pub(super) async fn all_composed<T: Row>(&mut self, sql: Composed) -> Result<Vec<T>, Error> {
        let (text, values) = sql.into_parts();
        let values = self.bound(values);
        run!(self.tx, sqlx::AssertSqlSafe(text), values, query_as_with::<T>, fetch_all).map_err(failed)
    }

    /// The rows of a list, as far as they can be read: for what is shown. What something is decided by is read with
    /// [`Self::all`], which fails where a row cannot be read, so that nothing is allowed for want of it.
    pub async fn list<T: Row>(&mut self, sql: TenantSql, values: Vec<Value>) -> Result<Vec<T>, Error> {
        let values = self.bound(values);
        rows!(self.tx, sql.0, values, T).map_err(failed)
    }

    /// As [`Self::list`], for what a list is put together of.
    pub(super) async fn list_composed<T: Row>(&mut self, sql: Composed) -> Result<Vec<T>, Error> {
        let (text, values) = sql.into_parts();
        let values = self.bound(values);
        rows!(self.tx, sqlx::AssertSqlSafe(text), values, T).map_err(failed)
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

    pub(super) fn engine(&mut self) -> &mut Engine {
        self.tx.begin_statement();
        &mut self.tx.engine
    }

    /// Notes how a statement ended that wrote.
    pub(super) fn wrote(&mut self, done: &sqlx::Result<()>) {
        self.tx.changed |= done.is_ok();
        if let Err(error) = done {
            note_failure(&self.tx.state.health, error);
        }
    }

    /// As [`Self::execute`], for a writer that tries again unless it is the values that are refused.
    pub async fn write(&mut self, sql: TenantSql, values: Vec<Value>) -> Result<u64, WriteError> {
        let values = self.bound(values);
        self.tx.execute_text(sql.0, values).await.map_err(not_written)
    }

    /// As [`Self::write`], with the rows that the statement gives back.
    pub async fn write_all<T: Row>(&mut self, sql: TenantSql, values: Vec<Value>) -> Result<Vec<T>, WriteError> {
        let values = self.bound(values);
        let done = run!(self.tx, sql.0, values, query_as_with::<T>, fetch_all);
        self.tx.changed |= done.is_ok();
        done.map_err(not_written)
    }

    pub(in crate::server) async fn commit(self) -> Result<(), Error> {
        self.tx.commit().await
    }

    fn bound(&self, mut values: Vec<Value>) -> Vec<Value> {
        values.insert(0, Value::from(self.organisation));
        values
    }
}
