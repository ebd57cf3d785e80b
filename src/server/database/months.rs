//! The months that the log of calls is parted in on PostgreSQL. The schema's own functions make and drop them, since whoever
//! serves owns no table; they say themselves which, by the clock of the database (`migrations/0036_call_partitions.sql`).

use super::{Db, failure::failed};
use crate::kernel::Error;

/// What came of an attempt to make months.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// Of how many months tables were made.
    pub made: i64,
    /// Which of this month and the next have none, such as `2027-02`: their calls go into the default tables.
    pub missing: Vec<String>,
    /// Why, as far as it is known.
    pub why: Option<&'static str>,
}

impl Db {
    /// Makes the tables of this month and of the next three, and of so many before, where they are missing. It may be asked by
    /// every replica at once. SQLite has none.
    pub async fn prepare_months(&self, past: i32) -> Result<Prepared, Error> {
        let Db::Postgres(server) = self else { return Ok(Prepared::default()) };
        let (made, missing, why): (i64, Vec<String>, Option<String>) =
            sqlx::query_as("SELECT made, missing, why FROM latchkey_call_partitions($1)")
                .bind(past)
                .fetch_one(&**server)
                .await
                .map_err(failed)?;
        Ok(Prepared { made, missing, why: why.as_deref().and_then(reason) })
    }

    /// Drops a month of which no organisation keeps an entry any more, or empties the texts of one of which none keeps a text,
    /// and notes for each organisation how much went. Whether it did, and there may be more: it does not where somebody uses
    /// the log for longer than a moment just then. SQLite has none.
    pub async fn drop_old_month(&self) -> Result<bool, Error> {
        let Db::Postgres(server) = self else { return Ok(false) };
        sqlx::query_scalar("SELECT latchkey_drop_old_calls()").fetch_one(&**server).await.map_err(failed)
    }
}

/// What the function says of why a month could not be made, in words.
fn reason(why: &str) -> Option<&'static str> {
    match why {
        "busy" => Some("somebody else makes or drops months just now"),
        "locked" => Some("somebody holds the tables of the log, such as a dump or a long statement"),
        "taken" => Some("other tables have their names"),
        "full" => {
            Some("the default tables hold too much of it, or in all, to be looked through and moved while calls wait")
        }
        _ => None,
    }
}
