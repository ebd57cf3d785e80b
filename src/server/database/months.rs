//! The months that the log of calls is parted in on PostgreSQL. The schema's own functions make and drop them, since whoever
//! serves owns no table; they say themselves which, by the clock of the database (`migrations/0036_call_partitions.sql`).

use super::{Db, tx::failed};
use crate::kernel::Error;

impl Db {
    /// Makes the tables of this month and of the next three, and of so many before, where they are missing; gives of how many
    /// months. It may be asked by every replica at once. SQLite has none.
    pub async fn prepare_months(&self, past: i32) -> Result<i64, Error> {
        let Db::Postgres(server) = self else { return Ok(0) };
        sqlx::query_scalar("SELECT latchkey_call_partitions($1)").bind(past).fetch_one(&**server).await.map_err(failed)
    }

    /// Drops a month of which no organisation keeps an entry any more, or empties the texts of one of which none keeps a text,
    /// and notes for each organisation how much went. Whether it did, and there may be more: it does not where somebody reads
    /// the month just then. SQLite has none.
    pub async fn drop_old_month(&self) -> Result<bool, Error> {
        let Db::Postgres(server) = self else { return Ok(false) };
        sqlx::query_scalar("SELECT latchkey_drop_old_calls()").fetch_one(&**server).await.map_err(failed)
    }
}
