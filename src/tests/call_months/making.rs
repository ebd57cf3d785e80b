//! Months are made once, with what waited for them, and whoever serves has no say in which.

use super::{in_part, make, month, owner_of, places};
use crate::{
    kernel::Timestamp,
    tests::support::{House, test_server},
};
use sqlx::{AssertSqlSafe, Connection, Executor};
use uuid::Uuid;

/// Two replicas prepare at the same moment what is missing: one makes it, with what came too early for it.
#[tokio::test]
async fn months_are_made_once_with_what_waited_for_them() {
    let Some(server) = test_server() else { return };
    let house = House::on_postgres(&server).await.founded().await;
    let another = house.another(|_| {}).await;
    let mut owner = owner_of(&house).await;
    assert_eq!(house.app.db.prepare_months(0).await.expect("asks").made, 0, "a new schema has them");
    for from_now in [1, 3] {
        let (part, at) = month(&mut owner, from_now).await;
        let gone = format!("DROP TABLE call_texts_{part}, call_attempts_{part}, call_logs_{part}");
        owner.execute(AssertSqlSafe(gone)).await.expect("dropped");
        let (early, elsewhere) = (Uuid::now_v7(), Uuid::now_v7());
        house.add_uncounted_call_at(early, at).await;
        house.add_uncounted_call_at(elsewhere, Timestamp(5)).await;
        assert_eq!(places(&mut owner, early).await, in_part("default"));
        let (one, two) = tokio::join!(house.app.db.prepare_months(0), another.app.db.prepare_months(0));
        assert_eq!(one.expect("asks").made + two.expect("asks").made, 1, "{part}");
        assert_eq!(places(&mut owner, early).await, in_part(&part), "it moved");
        assert_eq!(places(&mut owner, elsewhere).await, in_part("default"), "it stays");
    }
    // While somebody holds on to what stands beside the months, nothing is made, and calls go on.
    let (part, at) = month(&mut owner, 2).await;
    owner
        .execute(AssertSqlSafe(format!("DROP TABLE call_texts_{part}, call_attempts_{part}, call_logs_{part}")))
        .await
        .expect("dropped");
    let mut reader = owner_of(&house).await;
    let mut tx = reader.begin().await.expect("begins");
    tx.execute("SELECT COUNT(*) FROM call_logs_default").await.expect("reads");
    assert_eq!(house.app.db.prepare_months(0).await.expect("asks").made, 0);
    let id = Uuid::now_v7();
    house.add_uncounted_call_at(id, at).await;
    tx.rollback().await.expect("ends");
    assert_eq!(house.app.db.prepare_months(0).await.expect("asks").made, 1);
    assert_eq!(places(&mut owner, id).await, in_part(&part));
}

/// Whoever serves asks for what is due, and has no say in what that is.
#[tokio::test]
async fn the_serving_role_cannot_misuse_what_makes_and_drops_months() {
    let Some(server) = test_server() else { return };
    let house = House::on_postgres(&server).await.founded().await;
    let mut owner = owner_of(&house).await;
    let (part, at) = month(&mut owner, -4).await;
    make(&mut owner, &part).await;
    let id = Uuid::now_v7();
    house.add_uncounted_call_at(id, at).await;
    let all: Vec<(String, String, bool, bool, bool)> = sqlx::query_as(
        "SELECT p.proname::text, oidvectortypes(p.proargtypes), p.prosecdef, COALESCE(array_to_string(p.proconfig, ' '), '') LIKE 'search_path=pg_catalog, pg_temp%',
            has_function_privilege('latchkey_serving', p.oid, 'EXECUTE')
         FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prorettype <> 'trigger'::regtype AND (p.prosecdef OR p.proname LIKE '%call%' OR p.proname LIKE '%dropped') ORDER BY 1",
    )
    .fetch_all(&mut owner)
    .await
    .expect("functions");
    let open: Vec<&str> = all.iter().filter(|(.., granted)| *granted).map(|(name, ..)| name.as_str()).collect();
    assert_eq!(open, ["latchkey_call_partitions", "latchkey_drop_old_calls"]);
    for (name, arguments, definer, fixed, granted) in &all {
        assert!(*fixed, "{name} has a search path of its own");
        assert_eq!(*definer, *granted, "{name}");
        assert!(
            !granted || ["", "integer"].contains(&arguments.as_str()),
            "{name}: no text is said to one that is open"
        );
    }
    owner.execute("SET ROLE latchkey_serving").await.expect("the role can be taken");
    for statement in [
        "SELECT latchkey_make_call_partition('2090-01-01')".to_owned(),
        format!("SELECT latchkey_count_dropped('{part}', true)"),
        "SELECT latchkey_note_dropped(ARRAY[]::uuid[], ARRAY[]::bigint[], ARRAY[]::bigint[])".to_owned(),
        "SELECT latchkey_close_call_partition('default')".to_owned(),
        format!("SELECT latchkey_keeps_calls('{part}', 0)"),
        format!("DROP TABLE call_logs_{part}"),
        format!("ALTER TABLE call_logs DETACH PARTITION call_logs_{part}"),
        format!("ALTER TABLE call_logs_{part} DISABLE ROW LEVEL SECURITY"),
    ] {
        let mut tx = owner.begin().await.expect("begins");
        let refused = tx.execute(AssertSqlSafe(statement.clone())).await.expect_err("it may not").to_string();
        assert!(refused.contains("permission denied") || refused.contains("must be owner"), "{statement}: {refused}");
    }
    // What is asked for by hand is what is due: texts of four months ago, and no entry, since all are kept for ever.
    let done: (i64, bool, bool) = sqlx::query_as(
        "SELECT (latchkey_call_partitions(-5)).made, latchkey_drop_old_calls(), latchkey_drop_old_calls()",
    )
    .fetch_one(&mut owner)
    .await
    .expect("asks");
    assert_eq!(done, (0, true, false));
    let most: i64 = sqlx::query_scalar("SELECT made FROM latchkey_call_partitions(2147483647)")
        .fetch_one(&mut owner)
        .await
        .expect("asks");
    assert_eq!(most, 23, "two years back, of which one month was there");
    owner.execute("RESET ROLE").await.expect("the owner again");
    assert_eq!(places(&mut owner, id).await, in_part(&part)[..2]);
}
