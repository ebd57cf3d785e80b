//! What the whole database holds.

use crate::server::database::Db;
use sqlx::{Connection, PgConnection, Row};

/// The audit log is where a refusal leaves its one trace. When sessions, members and keys were last seen, and so until
/// when a session lives, is left out as well.
const LEFT_OUT: [&str; 3] = ["audit_events", "audit_heads", "_sqlx_migrations"];

pub async fn take(db: &Db, owner_url: Option<&str>) -> Vec<String> {
    let mut lines = match (db, owner_url) {
        (Db::Sqlite { readers, .. }, _) => sqlite(readers).await,
        (Db::Postgres(_), Some(url)) => postgres(url).await,
        (Db::Postgres(_), None) => panic!("a PostgreSQL snapshot needs the owner's address"),
    };
    lines.sort();
    lines
}

/// The rows that are in one of two snapshots alone.
pub fn difference<'a>(before: &'a [String], after: &'a [String]) -> Vec<&'a String> {
    let gone = before.iter().filter(|row| !after.contains(row));
    after.iter().filter(|row| !before.contains(row)).chain(gone).collect()
}

fn kept(table: &str) -> bool {
    !LEFT_OUT.contains(&table)
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
        let sql = format!("SELECT {} FROM {table}", columns.join(" || ' ' || "));
        let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(pool).await.expect("the rows");
        lines.extend(rows.into_iter().map(|row| format!("{table}: {row}")));
    }
    lines
}

async fn postgres(url: &str) -> Vec<String> {
    let mut connection = PgConnection::connect(url).await.expect("the owner connects");
    let tables: Vec<String> = sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
        .fetch_all(&mut connection)
        .await
        .expect("the tables");
    let mut lines = vec![];
    for table in tables.iter().filter(|t| kept(t)) {
        let sql = format!(
            "SELECT (to_jsonb(t) - 'seen_at' - 'active_at' - 'used_at'{})::text FROM {table} AS t",
            if table == "sessions" { " - 'expires_at'" } else { "" }
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut connection).await.expect("the rows");
        lines.extend(rows.iter().map(|row| format!("{table}: {}", row.get::<String, _>(0))));
    }
    lines
}
