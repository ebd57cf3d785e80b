//! Many rows of one table, written on one way to the engine and back.

use super::{TenantSql, Value, WriteError, tx::{Engine, OrgTx}, value::{postgres_arguments, sqlite_arguments}};
use futures_util::TryStreamExt;
use sqlx::{Either, Executor, Postgres, Sqlite};
use std::{collections::HashSet, fmt::Write, sync::LazyLock};
use uuid::Uuid;

/// Rows that one text writes. What is left over goes by the smaller ones.
const SIZES: [usize; 3] = [32, 8, 1];

/// An `INSERT` of rows that each begin with the organisation and an id of their own.
///
/// PostgreSQL gets rows in one statement; SQLite gets one statement for each row, all in one text: its driver seeks the place
/// of each named value among all that stand before it, and unnamed ones it takes in their order.
pub struct Batch {
    texts: LazyLock<[Texts; 3], fn() -> [Texts; 3]>,
}

/// The texts of so many rows.
struct Texts {
    postgres: TenantSql,
    sqlite: &'static str,
}

impl Batch {
    /// `make` gives `INSERT INTO table (org_id, id, …)`, the number of columns, and what follows the values.
    pub const fn new(make: fn() -> [Texts; 3]) -> Self {
        Self { texts: LazyLock::new(make) }
    }

    /// The texts of PostgreSQL, which SQLite takes too, for the test that prepares each on both engines.
    pub fn statements(&self) -> impl Iterator<Item = &'static str> {
        self.texts.iter().map(|texts| texts.postgres.text())
    }
}
