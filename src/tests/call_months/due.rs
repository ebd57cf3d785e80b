//! Months that cannot be made are told of, to drop one holds up nobody for long, and nobody else's functions are called.

use super::{AssertSqlSafe, exists, make, month, number, owner_of};
use crate::{
    features::{
        ROOMS,
        logs::{ages, operations::count_earlier},
    },
    gateway::{facts::Record, record::Sink, storage::call_log, tests::support::facts},
    server::database::months::Prepared,
    tests::support::{House, test_server},
};
use sqlx::{Connection, Executor, PgConnection};
use std::{
    io,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use uuid::Uuid;

/// What the program's log says.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().expect("no panic"))).expect("text")
    }
}

/// As the month was before it was made.
async fn unmake(owner: &mut PgConnection, part: &str) {
    let gone = format!("DROP TABLE call_texts_{part}, call_attempts_{part}, call_logs_{part}");
    owner.execute(AssertSqlSafe(gone)).await.expect("dropped");
}

#[tokio::test]
async fn months_that_cannot_be_made_are_told_of() {
    let Some(server) = test_server() else { return };
    let house = House::on_postgres(&server).await.founded().await;
    let mut owner = owner_of(&house).await;
    let lines = Lines::default();
    let writer = lines.clone();
    let told = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(told);
    let prepared = async || ages::prepare(&house.app).await.expect("asks");
    assert_eq!(prepared().await, Prepared::default());
    let warning = "have no tables of their own";
    assert!(!lines.take().contains(warning), "nothing is missing");

    // One that comes later can wait.
    let (part, at) = month(&mut owner, 2).await;
    unmake(&mut owner, &part).await;
    let mut other = owner_of(&house).await;
    let held = "SELECT pg_advisory_lock(7310036)";
    other.execute(held).await.expect("held");
    assert_eq!(prepared().await.missing, Vec::<String>::new(), "{}", at.rfc3339());
    assert!(!lines.take().contains(warning));
    other.execute("SELECT pg_advisory_unlock(7310036)").await.expect("released");
    assert_eq!(prepared().await.made, 1);

    // This one and the next are told of each time, with the reason.
    for from_now in [0, 1] {
        let (part, at) = month(&mut owner, from_now).await;
        unmake(&mut owner, &part).await;
        let missing = part.replace('_', "-");
        let expect = |prepared: &Prepared, why: &str| {
            assert_eq!((prepared.made, &prepared.missing[..]), (0, &[missing.clone()][..]), "{why}");
            assert!(prepared.why.is_some_and(|said| said.contains(why)), "{why}: {prepared:?}");
            let line = lines.take();
            assert!([warning, "WARN", &missing, why].iter().all(|words| line.contains(words)), "{why}: {line}");
        };
        other.execute(held).await.expect("held");
        for _ in 0..2 {
            expect(&prepared().await, "somebody else makes or drops months");
        }
        other.execute("SELECT pg_advisory_unlock(7310036)").await.expect("released");
        let mut tx = other.begin().await.expect("begins");
        tx.execute("SELECT COUNT(*) FROM call_logs_default").await.expect("reads");
        expect(&prepared().await, "holds the tables of the log");
        tx.rollback().await.expect("ends");
        owner.execute(AssertSqlSafe(format!("CREATE TABLE call_texts_{part} (id INT)"))).await.expect("a table");
        expect(&prepared().await, "other tables have their names");
        owner.execute(AssertSqlSafe(format!("DROP TABLE call_texts_{part}"))).await.expect("dropped");
        let many = format!(
            "INSERT INTO call_logs (org_id, id, started_at, finished_at, endpoint, streamed, outcome, trace_id)
             SELECT '{}', gen_random_uuid(), {}, 1, 'chat_completions', false, 'ok', 't' FROM generate_series(1, 50001)",
            house.organisation, at.0
        );
        owner.execute(AssertSqlSafe(many)).await.expect("calls");
        expect(&prepared().await, "the default tables hold too much");
        owner.execute("DELETE FROM call_logs_default").await.expect("deleted");
        let made = prepared().await;
        assert_eq!(made, Prepared { made: 1, ..Prepared::default() });
        assert!(!lines.take().contains(warning));
    }
    // It is tried again within the hour.
    let job = ROOMS.iter().flat_map(|room| room.jobs).find(|job| job.failed.contains("months to come"));
    assert!(job.expect("the job").every <= Duration::from_secs(3_600));
}

/// Whoever reads some month holds up that another is dropped, and is not held up by it: nor are acts in organisations, nor calls.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_drop_a_month_waits_for_a_moment_and_holds_no_organisation_meanwhile() {
    let Some(server) = test_server() else { return };
    let house = House::on_postgres(&server).await.founded().await;
    let mut owner = owner_of(&house).await;
    let (part, at) = month(&mut owner, -4).await;
    make(&mut owner, &part).await;
    house.add_uncounted_call_at(Uuid::now_v7(), at).await;
    count_earlier(&house.app).await.expect("counted");
    house.as_owner("UPDATE organisations SET logs_days = 30").await.expect("set");
    let (this, _) = month(&mut owner, 0).await;
    let mut reader = owner_of(&house).await;
    let mut tx = reader.begin().await.expect("begins");
    // What a statement on the table of the log holds that finds its rows in this month.
    let reads = format!("LOCK TABLE ONLY call_logs, call_logs_{this} IN ACCESS SHARE MODE");
    tx.execute(AssertSqlSafe(reads)).await.expect("reads");
    let db = house.app.db.clone();
    let dropping = tokio::spawn(async move {
        let begun = Instant::now();
        (db.drop_old_month().await.expect("asks"), begun.elapsed())
    });
    let mut looks = 0;
    while !dropping.is_finished() {
        let free = "SELECT FROM organisations FOR NO KEY UPDATE NOWAIT";
        let mut look = owner.begin().await.expect("begins");
        look.execute(free).await.expect("nobody holds an organisation's row");
        look.rollback().await.expect("ends");
        looks += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (dropped, took) = dropping.await.expect("no panic");
    assert!(!dropped && looks > 0, "it is given up");
    assert!(took < Duration::from_millis(1_200), "it took {took:?}");
    assert!(exists(&mut owner, &part).await);
    let noted = "SELECT CAST(SUM(entries_dropped) AS BIGINT) FROM organisations";
    assert_eq!(number(&mut owner, noted).await, 0);
    tx.rollback().await.expect("ends");
    // Somebody acts in the organisation: the tables are let go at once.
    let mut tx = reader.begin().await.expect("begins");
    tx.execute("SELECT FROM organisations FOR NO KEY UPDATE").await.expect("held");
    let begun = Instant::now();
    assert!(!house.app.db.drop_old_month().await.expect("asks"));
    assert!(begun.elapsed() < Duration::from_millis(1_200));
    tx.rollback().await.expect("ends");
    assert!(house.app.db.drop_old_month().await.expect("asks"));
    assert!(!exists(&mut owner, &part).await);
    assert_eq!(number(&mut owner, noted).await, 1);
}

/// Where others may create something in the schema, a function of theirs may fit better than PostgreSQL's own: what runs with
/// the rights of the tables' owner calls none of them.
#[tokio::test]
async fn what_others_create_in_the_schema_is_not_called() {
    let Some(server) = test_server() else { return };
    let house = House::on_postgres(&server).await.founded().await;
    let mut owner = owner_of(&house).await;
    let (old, _) = month(&mut owner, -4).await;
    make(&mut owner, &old).await;
    let (next, _) = month(&mut owner, 1).await;
    unmake(&mut owner, &next).await;
    house.as_owner("UPDATE organisations SET logs_days = 30").await.expect("set");
    for arguments in [
        "format(text, text)",
        "format(text, text, text)",
        "format(text, text, text, text)",
        "format(text, text, text, text, bigint, bigint)",
        "to_char(date, text)",
        "latchkey_make_call_partition(timestamp)",
        "latchkey_keeps_calls(text, numeric)",
    ] {
        let theirs = format!(
            "CREATE FUNCTION public.{arguments} RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'theirs was called'; END $$"
        );
        owner.execute(AssertSqlSafe(theirs)).await.expect("a function");
    }
    let called = owner.execute("SELECT format('%I', text 'a')").await.expect_err("it fits better").to_string();
    assert!(called.contains("theirs was called"), "{called}");
    assert_eq!(house.app.db.prepare_months(0).await.expect("none of theirs is called").made, 1);
    assert!(house.app.db.drop_old_month().await.expect("none of theirs is called"));
    assert_eq!((exists(&mut owner, &next).await, exists(&mut owner, &old).await), (true, false));
    // Calls are written there, too.
    let record =
        Record { call: Arc::new(facts(house.organisation, house.app.clock.now())), outcome: None, texts: None };
    assert_eq!(call_log(&house.app).write(&[record]).await, Ok(()));
}
