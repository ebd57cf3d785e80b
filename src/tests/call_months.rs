//! The log of calls in months, on PostgreSQL: where calls stand, who makes and drops months, and how they came about. Who may
//! read a month is in [`super::walls`], how statements find their rows in [`super::plans`].

mod due;

use super::{
    statements::registered,
    support::{House, World, each_engine, test_server},
};
use crate::{
    features::logs::{ages, model::Next, operations::count_earlier},
    gateway::{
        facts::{CallEnd, CallFacts, EndedBy, Record, Tried, TriedEnd},
        record::{Sink, SinkError},
        storage::call_log,
        tests::support::facts,
    },
    kernel::{OrganisationId, Timestamp, time::DAY},
    server::database::{Db, migrate, months::Prepared},
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool, Row, SqlitePool, sqlite::SqliteConnectOptions};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
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

#[tokio::test]
async fn a_call_stands_in_its_month_or_is_kept_beside_them() {
    let Some(server) = test_server() else { return };
    let house = House::on_postgres(&server).await.founded().await;
    let mut owner = owner_of(&house).await;
    let program = house.program(&house.master_key);
    let (this, middle) = month(&mut owner, 0).await;
    let (last, end) = month(&mut owner, 3).await;
    let (_, beyond) = month(&mut owner, 4).await;
    for (at, part) in [
        (middle, this.as_str()),
        (end, &last),
        // A clock that is far ahead, or was never set.
        (beyond, "default"),
        (Timestamp(5), "default"),
    ] {
        let id = Uuid::now_v7();
        house.add_uncounted_call_at(id, at).await;
        assert_eq!(places(&mut owner, id).await, in_part(part), "{}", at.rfc3339());
        let told = program.api("GET", &format!("/v1/logs/{id}"), Value::Null).await;
        assert_eq!((told.status, &told.json()["id"]), (200, &json!(id.to_string())), "{}", told.text);
        let texts = program.api("GET", &format!("/v1/logs/{id}/texts"), Value::Null).await;
        assert_eq!(texts.status, 200, "{}", texts.text);
    }
    count_earlier(&house.app).await.expect("counted");
    assert_eq!(number(&mut owner, "SELECT COUNT(*) FROM call_logs WHERE kind_id IS NULL").await, 0, "each is counted");
}

/// Of a call only the months are asked in which it may have begun by its id; what is asked of it then, of one.
#[tokio::test]
async fn a_call_is_looked_for_in_its_month() {
    let Some(server) = test_server() else { return };
    let house = House::on_postgres(&server).await.founded().await;
    let mut owner = owner_of(&house).await;
    let (this, middle) = month(&mut owner, 0).await;
    let id = Uuid::now_v7();
    let mut asked = 0;
    for text in registered() {
        let about = text.contains("c.id = $2 AND NOT (c.started_at < $3)");
        let of_one = [
            "c.id = $2 AND c.started_at = $3",
            "a.call_id = $2 AND a.started_at IN ($3, 0)",
            "t.call_id = $2 AND t.created_at = $3",
        ];
        if !about && !of_one.iter().any(|condition| text.contains(condition)) {
            continue;
        }
        asked += 1;
        let values = match about {
            true => format!("{}, {}", middle.plus(-2 * DAY).0, middle.plus(2 * DAY).0),
            false => middle.0.to_string(),
        };
        let steps = format!(
            "PREPARE it AS {text}; EXPLAIN (FORMAT TEXT) EXECUTE it('{}', '{id}', {values}); DEALLOCATE it",
            house.organisation
        );
        let rows = sqlx::raw_sql(AssertSqlSafe(steps)).fetch_all(&mut owner).await.expect("a plan");
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let parts = plan.iter().filter(|step| {
            PARTED.iter().any(|table| step.contains(&format!(" on {table}"))) && !step.contains("Bitmap Index Scan")
        });
        let parts: Vec<&String> = parts.collect();
        let is_here = |step: &&&String| step.contains(&format!("_{this} "));
        // Attempts that do not say when their call began could stand beside the months.
        let elsewhere = parts.iter().filter(|step| !is_here(step) && !step.contains("call_attempts_default "));
        assert_eq!(elsewhere.count(), 0, "{text}\n{}", plan.join("\n"));
        assert_eq!(parts.iter().filter(is_here).count(), 1, "{text}\n{}", plan.join("\n"));
    }
    assert!(asked > 7, "statements about one call: {asked}");
}

/// On SQLite, attempts from before there were months do not say when their call began.
#[tokio::test]
async fn attempts_of_before_are_found() {
    let house = House::on_sqlite().await.founded().await;
    let id = Uuid::now_v7();
    house.add_uncounted_call(id).await;
    house.as_owner("UPDATE call_logs SET led = true").await.expect("a config led it");
    house.as_owner("UPDATE call_attempts SET started_at = 0").await.expect("as they were");
    let program = house.program(&house.master_key);
    let told = program.api("GET", &format!("/v1/logs/{id}"), Value::Null).await;
    assert_eq!(told.json()["attempts"].as_array().map(Vec::len), Some(1), "{}", told.text);
}

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

/// How much an event of `log.expire` tells of.
fn told(event: &Value, field: &str) -> i64 {
    assert_eq!(event["action"], "log.expire");
    let change = event["changes"].as_array().expect("changes").iter().find(|change| change["field"] == field);
    change.map_or(0, |change| change["now"].as_i64().expect("a number"))
}

#[tokio::test]
async fn a_month_goes_when_nobody_keeps_anything_of_it() {
    let Some(server) = test_server() else { return };
    let world = World::new(House::on_postgres(&server).await).await;
    let house = &world.house;
    let mut owner = owner_of(house).await;
    let (older, in_older) = month(&mut owner, -4).await;
    let (newer, in_newer) = month(&mut owner, -3).await;
    for part in [&older, &newer] {
        make(&mut owner, part).await;
    }
    let entries = async |owner: &mut PgConnection, organisation: OrganisationId| {
        number(owner, &format!("SELECT COUNT(*) FROM call_logs WHERE org_id = '{organisation}'")).await
    };
    let kept = entries(&mut owner, house.organisation).await;
    for (at, calls) in [(in_older, 3), (in_newer, 2)] {
        for _ in 0..calls {
            house.add_uncounted_call_at(Uuid::now_v7(), at).await;
        }
    }
    // One that never ended goes, too.
    let cut_off = format!(
        "INSERT INTO call_logs (org_id, id, started_at, endpoint, streamed, outcome, trace_id) VALUES ('{}', '{}', {}, 'chat_completions', false, 'started', 't')",
        house.organisation,
        Uuid::now_v7(),
        in_older.0
    );
    owner.execute(AssertSqlSafe(cut_off)).await.expect("a call");
    count_earlier(&house.app).await.expect("counted");
    let sums = "SELECT CAST(SUM(calls) AS BIGINT) FROM call_rollups";
    let counted = number(&mut owner, sums).await;
    let souths = format!(
        "INSERT INTO call_logs (org_id, id, started_at, finished_at, endpoint, streamed, outcome, trace_id) VALUES ('{}', '{}', {}, 1, 'chat_completions', false, 'ok', 't')",
        world.south_id,
        Uuid::now_v7(),
        in_newer.0
    );
    owner.execute(AssertSqlSafe(souths)).await.expect("a call of South");

    // As long as everybody keeps entries for ever, none goes; texts of no month are kept after their thirty days.
    let begun = house.chain(house.organisation).await.0;
    ages::round(&house.app).await.expect("a round");
    assert_eq!(entries(&mut owner, house.organisation).await, kept + 6);
    let (events, last) = house.chain(house.organisation).await;
    let last = last.expect("an event");
    assert_eq!((events, told(&last, "entries"), told(&last, "texts")), (begun + 1, 0, 5), "{last}");
    assert_eq!(number(&mut owner, &format!("SELECT COUNT(*) FROM call_texts_{newer}")).await, 0);

    // North keeps them for thirty days, and South for ever: the month goes in which South has none.
    let days =
        |organisation: OrganisationId| format!("UPDATE organisations SET logs_days = 30 WHERE id = '{organisation}'");
    owner.execute(AssertSqlSafe(days(house.organisation))).await.expect("set");
    ages::round(&house.app).await.expect("a round");
    assert_eq!((exists(&mut owner, &older).await, exists(&mut owner, &newer).await), (false, true));
    assert_eq!(entries(&mut owner, house.organisation).await, kept, "what is older went row by row in the other");
    assert_eq!(entries(&mut owner, world.south_id).await, 1);
    let (events, last) = house.chain(house.organisation).await;
    let last = last.expect("an event");
    assert_eq!((events, told(&last, "entries"), told(&last, "texts")), (begun + 2, 6, 0), "{last}");
    ages::round(&house.app).await.expect("a round");
    assert_eq!(house.chain(house.organisation).await.0, begun + 2, "it is told of once");

    // Then South does so, too.
    let begun = house.chain(world.south_id).await.0;
    owner.execute(AssertSqlSafe(days(world.south_id))).await.expect("set");
    ages::round(&house.app).await.expect("a round");
    assert!(!exists(&mut owner, &newer).await);
    let (events, last) = house.chain(world.south_id).await;
    let last = last.expect("an event");
    assert_eq!((events, told(&last, "entries")), (begun + 1, 1), "{last}");
    assert_eq!(entries(&mut owner, house.organisation).await, kept);
    let (this, _) = month(&mut owner, 0).await;
    assert!(exists(&mut owner, &this).await, "months that are not over stay, empty ones too");
    assert_eq!(number(&mut owner, sums).await, counted, "what was counted is counted");

    // What comes late for a month that is gone is kept beside them.
    let late = Uuid::now_v7();
    house.add_uncounted_call_at(late, in_newer).await;
    assert_eq!(places(&mut owner, late).await, in_part("default"));
    ages::round(&house.app).await.expect("a round");
    assert!(places(&mut owner, late).await.is_empty(), "and goes row by row");
}

/// Somebody reads a month, as a backup does: it goes another time, and nothing is told of before.
#[tokio::test]
async fn a_month_that_is_read_goes_later() {
    let Some(server) = test_server() else { return };
    let house = House::on_postgres(&server).await.founded().await;
    let mut owner = owner_of(&house).await;
    let (part, at) = month(&mut owner, -4).await;
    make(&mut owner, &part).await;
    house.add_uncounted_call_at(Uuid::now_v7(), at).await;
    house.as_owner("UPDATE organisations SET logs_days = 30").await.expect("set");
    let mut reader = owner_of(&house).await;
    let mut tx = reader.begin().await.expect("begins");
    tx.execute(AssertSqlSafe(format!("SELECT COUNT(*) FROM call_logs_{part}"))).await.expect("reads");
    assert!(!house.app.db.drop_old_month().await.expect("asks"));
    assert!(exists(&mut owner, &part).await);
    assert_eq!(number(&mut owner, "SELECT CAST(SUM(entries_dropped) AS BIGINT) FROM organisations").await, 0);
    tx.rollback().await.expect("ends");
    assert!(house.app.db.drop_old_month().await.expect("asks"));
    assert!(!exists(&mut owner, &part).await);
    assert_eq!(number(&mut owner, "SELECT CAST(SUM(entries_dropped) AS BIGINT) FROM organisations").await, 1);
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

/// A call that came to the default table as its month was made would be refused there: it is no record that can never be stored.
#[tokio::test]
async fn a_call_that_comes_as_its_month_is_made_is_written_another_time() {
    let Some(server) = test_server() else { return };
    let house = House::on_postgres(&server).await.founded().await;
    let mut owner = owner_of(&house).await;
    let log = call_log(&house.app);
    let record =
        [Record { call: Arc::new(facts(house.organisation, house.app.clock.now())), outcome: None, texts: None }];
    for (constraint, expected) in [("", SinkError::Unavailable), (", CONSTRAINT = 'a_check'", SinkError::Rejected)] {
        let refusing = format!(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = '23514'{constraint}; END $$;
             CREATE TRIGGER refuse AFTER INSERT ON call_logs FOR EACH ROW EXECUTE FUNCTION refuse();"
        );
        owner.execute(AssertSqlSafe(refusing)).await.expect("a trigger");
        assert_eq!(log.write(&record).await, Err(expected));
        owner.execute("DROP TRIGGER refuse ON call_logs; DROP FUNCTION refuse").await.expect("dropped");
    }
    assert_eq!(log.write(&record).await, Ok(()));
    assert_eq!(number(&mut owner, "SELECT COUNT(*) FROM call_logs").await, 1);
}

/// Calls are written while months are made, dropped and made again: none is refused, and none is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_written_while_months_come() {
    let Some(server) = test_server() else { return };
    let house = House::on_postgres(&server).await.founded().await;
    let mut owner = owner_of(&house).await;
    let (part, at) = month(&mut owner, 3).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3)
        .map(|_| {
            let calls: Vec<CallFacts> = (0..2_000).map(|_| facts(house.organisation, at)).collect();
            let (log, stop) = (call_log(&house.app), stop.clone());
            tokio::spawn(async move {
                let mut written = 0;
                for call in calls {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let record = [Record { call: Arc::new(call), outcome: None, texts: None }];
                    // As the recorder does: again, unless it is refused.
                    loop {
                        match log.write(&record).await {
                            Ok(()) => break written += 1,
                            Err(SinkError::Unavailable) => {}
                            Err(SinkError::Rejected) => panic!("a call is refused"),
                        }
                    }
                }
                written
            })
        })
        .collect();
    for _ in 0..4 {
        // What stands in the month goes back beside it, as if it had never been made.
        let undone = format!(
            "BEGIN; LOCK TABLE call_logs IN ACCESS EXCLUSIVE MODE; ALTER TABLE call_logs DETACH PARTITION call_logs_{part};
             INSERT INTO call_logs SELECT * FROM call_logs_{part}; DROP TABLE call_texts_{part}, call_attempts_{part}, call_logs_{part}; COMMIT"
        );
        owner.execute(AssertSqlSafe(undone)).await.expect("undone");
        tokio::time::sleep(Duration::from_millis(200)).await;
        // On a busy machine it may have to be asked again.
        let mut asked = 0;
        while house.app.db.prepare_months(0).await.expect("asks").made == 0 {
            asked += 1;
            assert!(asked < 20, "it is made while calls are written");
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut all = 0;
    for writer in writers {
        all += writer.await.expect("no panic");
    }
    assert!(all > 0);
    assert_eq!(number(&mut owner, "SELECT COUNT(*) FROM call_logs").await, all);
    assert_eq!(number(&mut owner, &format!("SELECT COUNT(*) FROM call_logs_{part}")).await, all, "each in its month");
}

/// A call that begins, ends, and is read from the journal again after a crash, as often as that happens: one entry, counted
/// once. PostgreSQL knows it by its beginning besides, which every record of it repeats.
#[tokio::test]
async fn a_call_is_written_once_however_often_its_records_come() {
    each_engine(async |house| {
        let house = house.founded().await;
        let log = call_log(&house.app);
        // In a month, and in none.
        for (at, rows) in [(house.app.clock.now(), 1), (Timestamp(7 * DAY), 2)] {
            let call = facts(house.organisation, at);
            let tried = Tried {
                path: "config".into(),
                virtual_key: None,
                provider: None,
                model: "gpt-4o".into(),
                began_us: 1,
                found: Default::default(),
                end: Some(TriedEnd {
                    status: Some(200),
                    error: None,
                    sent: true,
                    took_us: 5,
                    then: Next::Answered,
                    first_byte_us: None,
                    usage: None,
                    cost: None,
                }),
            };
            // As the journal has it.
            let again: CallFacts = serde_json::from_str(&serde_json::to_string(&call).expect("JSON")).expect("facts");
            assert_eq!((again.id, again.started_at), (call.id, call.started_at));
            let end = CallEnd {
                status: 200,
                upstream_status: Some(200),
                upstream_id: None,
                error: None,
                sent: true,
                ended_by: EndedBy::Answer,
                latency_us: 5_000,
                first_byte_us: None,
                usage: None,
                cost: None,
                saved: None,
                count: 1,
                went: None,
                tried: vec![tried],
                spent: vec![],
            };
            let record = |call: CallFacts, outcome| Record { call: Arc::new(call), outcome, texts: None };
            assert_eq!(log.write(&[record(call.clone(), None)]).await, Ok(()));
            for _ in 0..3 {
                assert_eq!(log.write(&[record(call.clone(), Some(end.clone()))]).await, Ok(()));
                assert_eq!(log.write(&[record(again.clone(), Some(end.clone()))]).await, Ok(()));
            }
            let count = async |sql: &'static str| match &house.app.db {
                Db::Sqlite { readers, .. } => {
                    sqlx::query_scalar::<_, i64>(sql).fetch_one(readers).await.expect("a number")
                }
                Db::Postgres(_) => number(&mut owner_of(&house).await, sql).await,
            };
            assert_eq!(count("SELECT COUNT(*) FROM call_logs").await, rows);
            assert_eq!(count("SELECT COUNT(*) FROM call_attempts").await, rows);
            let hours = "SELECT CAST(SUM(entries) AS BIGINT) FROM call_rollups WHERE width = 3600000";
            assert_eq!(count(hours).await, rows, "each is counted once");
        }
    })
    .await;
}

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
