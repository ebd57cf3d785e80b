//! Calls are written once, whatever happens to their months meanwhile.

use super::{month, number, owner_of};
use crate::{
    features::logs::model::Next,
    gateway::{
        facts::{CallEnd, CallFacts, EndedBy, Record, Tried, TriedEnd},
        record::{Sink, SinkError},
        storage::call_log,
        tests::support::facts,
    },
    kernel::{Timestamp, time::DAY},
    server::database::Db,
    tests::support::{House, each_engine, test_server},
};
use sqlx::{AssertSqlSafe, Executor};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

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
