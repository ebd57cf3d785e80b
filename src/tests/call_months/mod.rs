//! The log of calls in months, on PostgreSQL: where calls stand, who makes and drops months, and how they came about. Who may
//! read a month is in [`super::walls`], how statements find their rows in [`super::plans`].

mod before;
mod dropping;
mod due;
mod finding;
mod making;
mod writing;

use super::support::House;
use crate::kernel::Timestamp;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

const PARTED: [&str; 3] = ["call_logs", "call_attempts", "call_texts"];

/// Whoever owns the tables, on PostgreSQL.
async fn owner_of(house: &House) -> PgConnection {
    PgConnection::connect(&house.owner_url().expect("an address")).await.expect("connects")
}

async fn number(owner: &mut PgConnection, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
        .fetch_one(owner)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The name of the month that is so many months from this one, and a moment in its middle.
async fn month(owner: &mut PgConnection, from_now: i32) -> (String, Timestamp) {
    const SQL: &str = "SELECT to_char(m, 'YYYY_MM'), (extract(epoch FROM m + interval '14 days') * 1000)::bigint
        FROM (SELECT date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => $1) AS m) AS of_month";
    let (name, middle): (String, i64) = sqlx::query_as(SQL).bind(from_now).fetch_one(owner).await.expect("a month");
    (name, Timestamp(middle))
}

/// Makes a month that is over, as it was made in its time.
async fn make(owner: &mut PgConnection, name: &str) {
    let sql = format!("SELECT latchkey_make_call_partition(to_date('{name}', 'YYYY_MM'))");
    let came_to: String = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(owner).await.expect("it can be made");
    assert_eq!(came_to, "made", "{name}");
}

/// In which parts a call, its attempt and its texts stand.
async fn places(owner: &mut PgConnection, call: Uuid) -> Vec<String> {
    let mut places = vec![];
    for (table, id) in PARTED.into_iter().zip(["id", "call_id", "call_id"]) {
        let sql = format!("SELECT tableoid::regclass::text FROM {table} WHERE {id} = $1");
        let found: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(sql)).bind(call).fetch_all(&mut *owner).await.expect("reads");
        places.extend(found);
    }
    places
}

fn in_part(part: &str) -> Vec<String> {
    PARTED.iter().map(|table| format!("{table}_{part}")).collect()
}

async fn exists(owner: &mut PgConnection, part: &str) -> bool {
    number(owner, &format!("SELECT COUNT(*) FROM pg_class WHERE relname = 'call_logs_{part}'")).await > 0
}
