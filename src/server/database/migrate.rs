//! One migration text for both engines.

use super::StartResult;
use sqlx::{
    AssertSqlSafe, PgPool, SqlSafeStr, SqlitePool,
    migrate::{Migration, MigrationType, Migrator},
};
use std::borrow::Cow;

/// The migrations, oldest first. A released one never changes.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "foundation", include_str!("../../../migrations/0001_foundation.sql")),
    (7, "traces", include_str!("../../../migrations/0007_traces.sql")),
];

#[derive(Clone, Copy, PartialEq)]
enum Dialect {
    Sqlite,
    Postgres,
}

pub(super) async fn sqlite(pool: &SqlitePool) -> StartResult<()> {
    Ok(migrator(Dialect::Sqlite).run(pool).await?)
}

pub(super) async fn postgres(pool: &PgPool) -> StartResult<()> {
    Ok(migrator(Dialect::Postgres).run(pool).await?)
}

fn migrator(dialect: Dialect) -> Migrator {
    Migrator::with_migrations(
        MIGRATIONS
            .iter()
            .map(|(version, name, text)| {
                let sql = AssertSqlSafe(translate(text, dialect)).into_sql_str();
                Migration::new(*version, Cow::Borrowed(*name), MigrationType::Simple, sql, false)
            })
            .collect(),
    )
}

/// The text for one engine: blocks `-- only: <engine>` … `-- end` are kept or dropped, and for SQLite the type words are
/// swapped and tables made STRICT.
fn translate(text: &str, dialect: Dialect) -> String {
    let mut out = String::with_capacity(text.len());
    let mut only: Option<Dialect> = None;
    for line in text.lines() {
        match line.trim() {
            "-- only: sqlite" => only = Some(Dialect::Sqlite),
            "-- only: postgres" => only = Some(Dialect::Postgres),
            "-- end" => only = None,
            _ if only.is_some_and(|wanted| wanted != dialect) => {}
            ");" if dialect == Dialect::Sqlite => out.push_str(") STRICT;\n"),
            _ => {
                out.push_str(&if dialect == Dialect::Sqlite { swap_types(line) } else { line.to_owned() });
                out.push('\n');
            }
        }
    }
    out
}

fn swap_types(line: &str) -> String {
    if line.trim_start().starts_with("--") {
        return line.to_owned();
    }
    line.split(' ')
        .map(|word| {
            let (core, tail) = word.strip_suffix(',').map_or((word, ""), |core| (core, ","));
            let core = match core {
                "UUID" | "BYTEA" => "BLOB",
                "BOOLEAN" | "BIGINT" => "INTEGER",
                "JSONB" => "TEXT",
                other => other,
            };
            format!("{core}{tail}")
        })
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_serves_both() {
        let text = "CREATE TABLE t (\n    id UUID NOT NULL,\n    at BIGINT,\n    on_ BOOLEAN\n);\n-- only: postgres\nGRANT x;\n-- end\n";
        assert_eq!(
            translate(text, Dialect::Sqlite),
            "CREATE TABLE t (\n    id BLOB NOT NULL,\n    at INTEGER,\n    on_ INTEGER\n) STRICT;\n"
        );
        assert!(translate(text, Dialect::Postgres).contains("GRANT x;"));
    }
}
