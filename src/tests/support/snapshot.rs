//! What the whole database holds.

use crate::server::database::Db;
use sqlx::PgPool;
use std::collections::HashSet;

/// The audit log is where a refusal leaves its one trace. When sessions, members and keys were last seen, and so until
/// when a session lives, is left out as well.
const LEFT_OUT: [&str; 4] = ["audit_events", "audit_heads", "audit_personal", "_sqlx_migrations"];

/// `owner` leads to whoever owns the tables, on PostgreSQL.
pub async fn take(db: &Db, owner: Option<&PgPool>) -> Vec<String> {
    let mut lines = match (db, owner) {
        (Db::Sqlite { readers, .. }, _) => sqlite(readers).await,
        (Db::Postgres(_), Some(owner)) => postgres(owner).await,
        (Db::Postgres(_), None) => panic!("a PostgreSQL snapshot needs the owner"),
    };
    lines.sort();
    lines
}

/// The rows that are in one of two snapshots alone.
pub fn difference<'a>(before: &'a [String], after: &'a [String]) -> Vec<&'a String> {
    let (was, is): (HashSet<_>, HashSet<_>) = (before.iter().collect(), after.iter().collect());
    let gone = before.iter().filter(|row| !is.contains(row));
    after.iter().filter(|row| !was.contains(row)).chain(gone).collect()
}

fn kept(table: &str) -> bool {
    !LEFT_OUT.contains(&table)
}

/// The rows of a table, which came as one text: many small ones take an unoptimised driver far longer.
fn apart(table: &str, rows: Option<String>) -> Vec<String> {
    rows.iter().flat_map(|rows| rows.split('\u{1e}')).map(|row| format!("{table}: {row}")).collect()
}

async fn sqlite(pool: &sqlx::SqlitePool) -> Vec<String> {
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
            .fetch_all(pool)
            .await
            .expect("the tables");
    let mut lines = vec![];
    for table in tables.iter().filter(|t| kept(t)) {
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
            .bind(table)
            .fetch_all(pool)
            .await
            .expect("the columns");
        let columns: Vec<String> = columns
            .into_iter()
            .filter(|c| {
                let moves = ["seen_at", "active_at", "used_at"].contains(&c.as_str());
                !moves && (table != "sessions" || c != "expires_at")
            })
            .map(|c| format!("quote({c})"))
            .collect();
        let sql = format!("SELECT group_concat({}, char(30)) FROM {table}", columns.join(" || ' ' || "));
        let rows: Option<String> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(pool).await.expect("the rows");
        lines.extend(apart(table, rows));
    }
    lines
}

async fn postgres(owner: &PgPool) -> Vec<String> {
    // What a table is parted into is read with the table.
    const TABLES: &str = "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition";
    let tables: Vec<String> = sqlx::query_scalar(TABLES).fetch_all(owner).await.expect("the tables");
    let mut lines = vec![];
    for table in tables.iter().filter(|t| kept(t)) {
        let sql = format!(
            "SELECT string_agg((to_jsonb(t) - 'seen_at' - 'active_at' - 'used_at'{})::text, chr(30)) FROM {table} AS t",
            if table == "sessions" { " - 'expires_at'" } else { "" }
        );
        let rows: Option<String> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(owner).await.expect("the rows");
        lines.extend(apart(table, rows));
    }
    lines
}
