//! What a database held before there were months is moved into them.

use super::{PARTED, in_part, number, places};
use crate::{
    kernel::time::DAY,
    server::database::{Db, migrate, months::Prepared},
    tests::support::{House, test_server},
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool, SqlitePool, sqlite::SqliteConnectOptions};
use uuid::Uuid;

/// Rows of the schema before, with what may stand in them: two organisations, months that are over, this one, and clocks that
/// were wrong.
const BEFORE: &str = "
INSERT INTO organisations (id, slug, name, created_at, updated_at, version, revision) VALUES ({1}, 'north', 'North', 0, 0, 1, 1), ({2}, 'south', 'South', 0, 0, 1, 1);
INSERT INTO call_logs (org_id, id, started_at, finished_at, endpoint, streamed, outcome, trace_id, count, led, upstream_id) VALUES
    ({1}, {11}, {old}, {old}, 'chat_completions', false, 'ok', 'a', 1, true, 'u'),
    ({1}, {12}, {now}, NULL, 'chat_completions', true, 'started', 'b', 1, false, NULL),
    ({2}, {11}, {old} + 1, {old} + 1, 'chat_completions', false, 'failed', 'c', 7, false, NULL),
    ({2}, {13}, 5, 5, 'chat_completions', false, 'ok', 'd', 1, false, NULL),
    ({2}, {14}, 4000000000000, 5, 'chat_completions', false, 'ok', 'e', 1, false, NULL);
INSERT INTO call_attempts (org_id, call_id, number, path, model, sent, began_us, cost) VALUES
    ({1}, {11}, 1, 'config', 'm', true, 1, 3), ({1}, {11}, 2, 'config', 'n', false, 2, NULL), ({2}, {13}, 1, 'config', 'o', true, 3, 4);
INSERT INTO call_texts (org_id, call_id, request_size, answer_size, request_cut, answer_cut, left_out, dropped, created_at) VALUES
    ({1}, {11}, 1, 2, false, true, 3, false, {old}), ({2}, {13}, 1, 2, false, false, 0, true, 5), ({1}, {12}, 1, 2, false, false, 0, true, {now});";

fn filled(now: i64, id: impl Fn(u128) -> String) -> String {
    let ids = [1, 2, 11, 12, 13, 14].into_iter();
    let text = ids.fold(BEFORE.to_owned(), |text, number| text.replace(&format!("{{{number}}}"), &id(number)));
    text.replace("{old}", &(now - 100 * DAY).to_string()).replace("{now}", &now.to_string())
}

#[tokio::test]
async fn what_stood_in_one_table_is_moved_into_months() {
    let Some(server) = test_server() else { return };
    let (name, url) = House::empty_database(&server).await;
    let pool = PgPool::connect(&url).await.expect("connects");
    migrate::postgres_before(&pool, 36).await.expect("the schema before");
    let now: i64 =
        sqlx::query_scalar("SELECT (extract(epoch FROM now()) * 1000)::bigint").fetch_one(&pool).await.expect("now");
    let rows = filled(now, |number| format!("'{}'", Uuid::from_u128(number)));
    sqlx::raw_sql(AssertSqlSafe(rows)).execute(&pool).await.expect("rows");
    let read = async || {
        let mut all: Vec<String> = vec![];
        for (table, id) in PARTED.into_iter().zip(["id", "call_id", "call_id"]) {
            let without = if table == "call_attempts" { "- 'started_at'" } else { "" };
            let sql = format!("SELECT (to_jsonb(t) {without})::text FROM {table} t ORDER BY org_id, {id}, 1");
            let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&pool).await.expect("rows");
            all.extend(rows);
        }
        // Indexes by their names, rights, defaults.
        for sql in [
            "SELECT indexname::text FROM pg_indexes WHERE tablename IN ('call_logs', 'call_attempts', 'call_texts') ORDER BY 1",
            "SELECT table_name || ' ' || privilege_type FROM information_schema.role_table_grants WHERE grantee = 'latchkey_serving' AND table_name IN ('call_logs', 'call_attempts', 'call_texts') ORDER BY 1",
            "SELECT table_name || ' ' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || COALESCE(column_default, '') FROM information_schema.columns WHERE table_name IN ('call_logs', 'call_attempts', 'call_texts') AND (table_name, column_name) <> ('call_attempts', 'started_at') ORDER BY 1",
            "SELECT conrelid::regclass::text || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'call_logs'::regclass AND contype = 'f'",
        ] {
            all.extend(sqlx::query_scalar::<_, String>(sql).fetch_all(&pool).await.expect("the schema"));
        }
        all
    };
    let before = read().await;
    assert!(before.len() > 11 + 10 + 12 + 60, "{before:?}");
    // The second time nothing is left to do.
    for _ in 0..2 {
        let db = Db::open(&url).await.expect("the schema of today");
        assert_eq!(read().await, before);
        assert_eq!(db.prepare_months(0).await.expect("asks").made, 0, "it is prepared");
        db.close().await;
    }
    let mut owner = PgConnection::connect(&url).await.expect("connects");
    let part: String = sqlx::query_scalar("SELECT to_char(to_timestamp($1 / 1000.0) AT TIME ZONE 'UTC', 'YYYY_MM')")
        .bind(now - 100 * DAY)
        .fetch_one(&mut owner)
        .await
        .expect("a month");
    let of_first = places(&mut owner, Uuid::from_u128(11)).await;
    assert!(of_first.iter().all(|place| place.ends_with(&part)), "{of_first:?}");
    assert_eq!(of_first.len(), 2 + 2 + 1, "both organisations' calls of this id, its attempts and texts");
    assert_eq!(places(&mut owner, Uuid::from_u128(13)).await, in_part("default"));
    assert_eq!(number(&mut owner, "SELECT COUNT(*) FROM call_logs_default").await, 2, "whatever their clocks said");
    let apart = "SELECT COUNT(*) FROM call_attempts a JOIN call_logs c ON c.org_id = a.org_id AND c.id = a.call_id AND c.started_at = a.started_at";
    assert_eq!(number(&mut owner, apart).await, 3);
    // An attempt without its call is refused, as before.
    let orphan = format!(
        "INSERT INTO call_attempts (org_id, call_id, number, path, model, sent, began_us, started_at) VALUES ('{}', '{}', 1, 'p', 'm', true, 1, {now})",
        Uuid::from_u128(1),
        Uuid::from_u128(99)
    );
    let refused = owner.execute(AssertSqlSafe(orphan)).await.expect_err("no call").to_string();
    assert!(refused.contains("foreign key"), "{refused}");
    owner.close().await.expect("closes");
    pool.close().await;
    let mut admin = PgConnection::connect(&server).await.expect("connects");
    admin.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.expect("dropped");
}

#[tokio::test]
async fn sqlite_keeps_its_tables() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("latchkey.db");
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true).foreign_keys(true);
    let pool = SqlitePool::connect_with(options).await.expect("opens");
    migrate::sqlite_before(&pool, 36).await.expect("the schema before");
    let rows = filled(9_000_000_000_000, |number| format!("X'{}'", Uuid::from_u128(number).simple()));
    sqlx::raw_sql(AssertSqlSafe(rows)).execute(&pool).await.expect("rows");
    pool.close().await;
    let db = Db::open(&file.display().to_string()).await.expect("the schema of today");
    let Db::Sqlite { readers, .. } = &db else { panic!("SQLite") };
    for (table, rows) in PARTED.into_iter().zip([5, 3, 3]) {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(readers).await.expect("a number");
        assert_eq!(count, rows, "{table}");
    }
    assert_eq!(db.prepare_months(0).await.expect("asks"), Prepared::default());
    assert!(!db.drop_old_month().await.expect("asks"));
    db.close().await;
}
