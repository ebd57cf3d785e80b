//! Feedback goes with the entries of the log, and what is on calls that never came goes after a week.

use super::{call, count, give, ids, log};
use crate::{
    features::logs::ages,
    kernel::{
        KeyId,
        time::{DAY, HOUR, MINUTE},
    },
    tests::support::{World, done, each_engine},
};
use serde_json::{Value, json};

#[tokio::test]
async fn feedback_goes_with_the_days_of_entries() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let program = house.program(&house.master_key);
        // More than a batch of them.
        for round in 0..4 {
            let trace = format!("t-{round}");
            let now = house.app.clock.now();
            log(house, &[call(house.organisation, KeyId::numbered(1), &trace, "gpt-4o", now)]).await;
            let many = (0..100).map(|_| json!({ "trace_id": trace, "value": 1 })).collect();
            ids(&give(&program, Value::Array(many)).await);
        }
        house.app.clock.advance(20 * DAY);
        ages::round(&house.app).await.expect("a round");
        assert_eq!(count(house).await, 400, "for ever, as entries");
        ids(&give(&house.program(&house.master_key), json!({ "trace_id": "late", "value": 1 })).await);
        let owner = house.person("ada@north.test").await;
        let fields = [("slug", house.slug.as_str()), ("texts_days", "5"), ("logs_days", "10")];
        done(&owner, "organisation/keep_texts", &fields).await;
        let before = house.chain(house.organisation).await.0;
        ages::round(&house.app).await.expect("a round");
        assert_eq!(count(house).await, 1, "what is young stays");
        let (after, last) = house.chain(house.organisation).await;
        let changes = last.expect("an event")["changes"].clone();
        let told =
            changes.as_array().is_some_and(|all| all.contains(&json!({ "field": "feedback", "was": 0, "now": 400 })));
        assert!(after == before + 1 && told, "{changes}");
        ages::round(&house.app).await.expect("a round");
        assert_eq!(house.chain(house.organisation).await.0, after, "a round that deletes nothing tells nothing");
    })
    .await;
}

#[tokio::test]
async fn feedback_on_calls_that_never_came_goes_after_a_week() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let program = house.program(&house.master_key);
        // More than one look takes, most of it on traces that the log comes to know.
        let mut records = vec![];
        for hour in 0..6 {
            for part in 0..2 {
                let trace = |n: usize| format!("t-{hour}-{part}-{n}");
                let many = (0..100).map(|n| json!({ "trace_id": trace(n), "value": 1 })).collect();
                ids(&give(&house.program(&house.master_key), Value::Array(many)).await);
                let known = (0..100).filter(|n| hour < 5 || n % 4 == 0).map(trace);
                let now = house.app.clock.now();
                let of = |trace: String| call(house.organisation, KeyId::numbered(1), &trace, "gpt-4o", now);
                records.extend(known.map(of));
            }
            house.app.clock.advance(HOUR + MINUTE);
        }
        for part in records.chunks(100) {
            log(house, part).await;
        }
        let before = house.chain(house.organisation).await.0;
        house.app.clock.advance(6 * DAY);
        ages::round(&house.app).await.expect("a round");
        assert_eq!(
            (count(house).await, house.chain(house.organisation).await.0),
            (1_200, before),
            "they may still come"
        );
        ids(&give(&program, json!({ "trace_id": "young", "value": 1 })).await);
        house.app.clock.advance(DAY);
        // 1,200 of which the log does not know three quarters of the last 200; and a young one.
        ages::round(&house.app).await.expect("a round");
        assert_eq!(count(house).await, 1_050 + 1, "without any rule of the organisation");
        let (after, last) = house.chain(house.organisation).await;
        let changes = last.expect("an event")["changes"].clone();
        let told =
            changes.as_array().is_some_and(|all| all.contains(&json!({ "field": "feedback", "was": 0, "now": 150 })));
        assert!(after == before + 1 && told, "{changes}");
        ages::round(&house.app).await.expect("a round");
        assert_eq!(house.chain(house.organisation).await.0, after, "a round that deletes nothing tells nothing");
        // What the log came to know stays, for ever.
        house.app.clock.advance(30 * DAY);
        ages::round(&house.app).await.expect("a round");
        assert_eq!(count(house).await, 1_050);
    })
    .await;
}
