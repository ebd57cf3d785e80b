//! A month goes when nobody keeps anything of it.

use super::{exists, in_part, make, month, number, owner_of, places};
use crate::{
    features::logs::{ages, operations::count_earlier},
    kernel::OrganisationId,
    tests::support::{House, World, test_server},
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use uuid::Uuid;

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
