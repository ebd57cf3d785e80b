//! One migration text for both engines.

use super::StartResult;
use sqlx::{
    AssertSqlSafe, PgPool, SqlSafeStr, SqlitePool,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};
use std::borrow::Cow;

/// The migrations, oldest first. A released one never changes.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "foundation", include_str!("../../../migrations/0001_foundation.sql")),
    (2, "reset makers", include_str!("../../../migrations/0002_reset_makers.sql")),
    (3, "lists", include_str!("../../../migrations/0003_lists.sql")),
    (4, "counted_calls", include_str!("../../../migrations/0004_counted_calls.sql")),
    (5, "record", include_str!("../../../migrations/0005_record.sql")),
    (6, "known networks", include_str!("../../../migrations/0006_known_networks.sql")),
    (7, "traces", include_str!("../../../migrations/0007_traces.sql")),
    (8, "walls", include_str!("../../../migrations/0008_walls.sql")),
    (9, "upstream ids", include_str!("../../../migrations/0009_upstream_ids.sql")),
    (10, "configs", include_str!("../../../migrations/0010_configs.sql")),
    (11, "attempts", include_str!("../../../migrations/0011_attempts.sql")),
    (12, "guardrails", include_str!("../../../migrations/0012_guardrails.sql")),
    (13, "found", include_str!("../../../migrations/0013_found.sql")),
    (14, "prompts", include_str!("../../../migrations/0014_prompts.sql")),
    (15, "prompt_values", include_str!("../../../migrations/0015_prompt_values.sql")),
    (16, "rollups", include_str!("../../../migrations/0016_rollups.sql")),
    (17, "texts", include_str!("../../../migrations/0017_texts.sql")),
    (18, "exports", include_str!("../../../migrations/0018_exports.sql")),
    (19, "feedback", include_str!("../../../migrations/0019_feedback.sql")),
    (20, "prices_and_filters", include_str!("../../../migrations/0020_prices_and_filters.sql")),
    (21, "reckoning", include_str!("../../../migrations/0021_reckoning.sql")),
    (22, "checkpoints", include_str!("../../../migrations/0022_checkpoints.sql")),
    (23, "audit_room", include_str!("../../../migrations/0023_audit_room.sql")),
    (24, "limits", include_str!("../../../migrations/0024_limits.sql")),
    (25, "audit_delivery", include_str!("../../../migrations/0025_audit_delivery.sql")),
    (26, "access_review", include_str!("../../../migrations/0026_access_review.sql")),
    (27, "billing", include_str!("../../../migrations/0027_billing.sql")),
    (28, "narrowing", include_str!("../../../migrations/0028_narrowing.sql")),
    (29, "credentials", include_str!("../../../migrations/0029_credentials.sql")),
    (30, "limit_webhooks", include_str!("../../../migrations/0030_limit_webhooks.sql")),
    (31, "audit_personal", include_str!("../../../migrations/0031_audit_personal.sql")),
    (32, "audit_retention", include_str!("../../../migrations/0032_audit_retention.sql")),
    (34, "audit_pending", include_str!("../../../migrations/0034_audit_pending.sql")),
    (35, "limit_reasons", include_str!("../../../migrations/0035_limit_reasons.sql")),
    (36, "call_partitions", include_str!("../../../migrations/0036_call_partitions.sql")),
    (37, "call_indexes", include_str!("../../../migrations/0037_call_indexes.sql")),
];

#[derive(Clone, Copy, PartialEq)]
enum Dialect {
    Sqlite,
    Postgres,
}

pub(super) async fn sqlite(pool: &SqlitePool) -> StartResult<()> {
    Ok(migrator(Dialect::Sqlite).run(pool).await?)
}

/// Brings the schema to where it was before a migration.
#[cfg(test)]
pub async fn sqlite_before(pool: &SqlitePool, version: i64) -> StartResult<()> {
    Ok(migrator_before(Dialect::Sqlite, version).run(pool).await?)
}

/// The same on PostgreSQL.
#[cfg(test)]
pub async fn postgres_before(pool: &PgPool, version: i64) -> StartResult<()> {
    Ok(migrator_before(Dialect::Postgres, version).run(pool).await?)
}

pub(super) async fn postgres(pool: &PgPool) -> StartResult<()> {
    Ok(migrator(Dialect::Postgres).run(pool).await?)
}

/// Why a schema cannot be brought up to date, as a sentence; else the error of the database that was in the way.
pub(super) fn cause(error: &MigrateError) -> Result<String, &sqlx::Error> {
    match error {
        MigrateError::VersionMissing(version) => {
            let known = MIGRATIONS.iter().map(|(version, ..)| *version).max().unwrap_or_default();
            let schema = format!("its schema ({version}) is newer than this program knows ({known})");
            Ok(format!("{schema}: start the version of latchkey that last used it, or a newer one"))
        }
        MigrateError::VersionMismatch(version) => {
            Ok(format!("its schema ({version}) was made by another build of latchkey, and does not fit this one"))
        }
        MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _) => Err(cause),
        other => Ok(other.to_string()),
    }
}

fn migrator(dialect: Dialect) -> Migrator {
    migrator_before(dialect, i64::MAX)
}

fn migrator_before(dialect: Dialect, end: i64) -> Migrator {
    Migrator::with_migrations(
        MIGRATIONS
            .iter()
            .filter(|(version, ..)| *version < end)
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
            let (core, tail) = word.split_at(word.trim_end_matches([',', ';']).len());
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
        assert_eq!(
            translate("ALTER TABLE t ADD COLUMN at BIGINT;", Dialect::Sqlite),
            "ALTER TABLE t ADD COLUMN at INTEGER;\n"
        );
    }
}
