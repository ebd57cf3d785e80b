//! Many rows of one table, written on one way to the engine and back.

use super::{
    TenantSql, Value, WriteError,
    failure::not_written,
    tx::{Engine, OrgTx},
    value::{postgres_arguments, sqlite_arguments},
};
use futures_util::TryStreamExt;
use sqlx::{Either, Executor, Postgres, Sqlite};
use std::collections::HashSet;
use uuid::Uuid;

/// Rows that one text writes. What is left over goes by the smaller ones.
const SIZES: [usize; 3] = [32, 8, 1];

/// An `INSERT` of rows that each begin with their organisation and an id.
///
/// PostgreSQL is sent rows in one statement. SQLite is sent a statement for each row, all in one text: its driver seeks the
/// place of each numbered value among all that stand before it, and takes unnumbered ones in their order.
pub struct Batch(Vec<Texts>);

/// What follows the values of an `INSERT`, on each engine.
#[derive(Clone, Copy)]
pub struct Then<'a> {
    pub postgres: &'a str,
    pub sqlite: &'a str,
}

struct Texts {
    rows: usize,
    postgres: TenantSql,
    sqlite: &'static str,
}

impl Batch {
    /// `insert` is `INSERT INTO table (org_id, id, …)`, `columns` how many it names. Made once each for the life of the
    /// program, so that its texts may stay for as long.
    pub fn new(insert: &str, columns: usize, then: Then<'_>) -> Self {
        let of = |rows: usize| {
            let places = |row: usize| {
                let own = (1..columns).map(|column| format!(", ${}", 1 + row * (columns - 1) + column));
                format!("($1{})", own.collect::<String>())
            };
            let values: Vec<String> = (0..rows).map(places).collect();
            let postgres = format!("{insert} VALUES {}{} RETURNING id", values.join(", "), then.postgres);
            let sqlite = format!("{insert} VALUES (?{}){};", ", ?".repeat(columns - 1), then.sqlite).repeat(rows);
            Texts { rows, postgres: TenantSql::new(postgres.leak()), sqlite: sqlite.leak() }
        };
        Self(SIZES.into_iter().map(of).collect())
    }

    /// The texts that PostgreSQL is sent, for the test that prepares each.
    pub fn on_postgres(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|texts| texts.postgres.text())
    }

    /// The statement that SQLite is sent for each row.
    pub fn on_sqlite(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter(|texts| texts.rows == 1).map(|texts| texts.sqlite)
    }
}

impl OrgTx {
    /// Writes rows, each without its organisation and with its id first; gives the ids of those that were written, and not
    /// passed over as known. No two rows may have one id.
    ///
    /// # Errors
    /// As [`OrgTx::write`]; then nothing of the transaction may be kept.
    pub async fn write_batch(&mut self, batch: &Batch, rows: Vec<Vec<Value>>) -> Result<HashSet<Uuid>, WriteError> {
        let mut written = HashSet::with_capacity(rows.len());
        let mut rows = rows.into_iter();
        while let Some(texts) = batch.0.iter().find(|texts| texts.rows <= rows.len()) {
            let part: Vec<Vec<Value>> = rows.by_ref().take(texts.rows).collect();
            self.write_part(texts, part, &mut written).await.map_err(not_written)?;
        }
        Ok(written)
    }

    async fn write_part(
        &mut self,
        texts: &Texts,
        rows: Vec<Vec<Value>>,
        written: &mut HashSet<Uuid>,
    ) -> sqlx::Result<()> {
        let organisation = Value::from(self.organisation());
        let ids: Vec<Option<Uuid>> = rows.iter().map(|row| row.first().and_then(Value::uuid)).collect();
        let done = match self.engine() {
            Engine::Sqlite(connection) => {
                let values =
                    rows.into_iter().flat_map(|row| std::iter::once(organisation.clone()).chain(row)).collect();
                let query = sqlx::query_with::<Sqlite, _>(texts.sqlite, sqlite_arguments(values)?);
                let mut told = (&mut **connection).fetch_many(query);
                let mut number = 0;
                loop {
                    match told.try_next().await {
                        Ok(Some(Either::Left(row))) => {
                            written.extend(ids.get(number).copied().flatten().filter(|_| row.rows_affected() > 0));
                            number += 1;
                        }
                        Ok(Some(Either::Right(_))) => {}
                        Ok(None) => break Ok(()),
                        Err(error) => break Err(error),
                    }
                }
            }
            Engine::Postgres(connection) => {
                let values = std::iter::once(organisation).chain(rows.into_iter().flatten()).collect();
                let query =
                    sqlx::query_as_with::<Postgres, (Uuid,), _>(texts.postgres.text(), postgres_arguments(values)?);
                query.fetch_all(&mut **connection).await.map(|rows| written.extend(rows.into_iter().map(|(id,)| id)))
            }
        };
        self.wrote(&done);
        done
    }
}
