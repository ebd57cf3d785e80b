//! Which bodies are taken, and what is out of bounds.

use super::{call, count, faults, give, ids, log, on, values};
use crate::{
    kernel::{
        KeyId,
        time::{HOUR, MINUTE},
    },
    tests::support::{World, each_engine},
};
use axum::{body::Body, http::Request};
use serde_json::{Value, json};

#[tokio::test]
async fn the_bodies_of_existing_clients_are_taken() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let program = house.program(&world.key("calls", &[("completions", "enabled")]).await.1);
        let events = house.chain(house.organisation).await.0;
        // It comes before the log has the call.
        let one = ids(&give(&program, json!({ "trace_id": "t-1", "value": 5 })).await);
        let list = json!([
            { "trace_id": "t-1", "value": -10, "weight": 0.25, "metadata": { "who": "ben", "n": [1, null, "\u{0}"] } },
            { "trace_id": "t-2", "value": 0, "weight": 0 },
        ]);
        let two = ids(&give(&program, list).await);
        // One of the official clients makes an object of the list, and changes the names.
        let broken =
            json!({ "1": { "traceID": "t-1", "value": 2 }, "0": { "traceID": "t-1", "value": 1, "weight": 1 } });
        let three = ids(&give(&program, broken).await);
        assert_eq!((one.len(), two.len(), three.len(), count(house).await), (1, 2, 2, 5));
        let record = call(house.organisation, KeyId::numbered(1), "t-1", "gpt-4o", house.app.clock.now());
        let id = record.call.id.to_string();
        log(house, &[record]).await;
        assert_eq!(values(&on(&world.member, house, &id).await), [5, -10, 1, 2], "in the order of the numbers");

        // What is left out of a change stays, and null is nothing.
        let path = format!("/v1/feedback/{}", two[0]);
        let changed = program.api("PUT", &path, json!({ "value": 3, "metadata": null })).await;
        assert_eq!(ids(&changed), [two[0].clone()]);
        let master = house.program(&house.master_key);
        let entry = master.api("GET", &format!("/v1/logs/{id}"), Value::Null).await.json();
        let told = &entry["feedback"][1];
        assert_eq!((&told["value"], &told["weight"], &told["created_by"]), (&json!(3), &json!(0.25), &json!("calls")));
        assert_eq!(told["metadata"], json!({ "who": "ben", "n": [1, null, "\u{0}"] }));
        let changed = program.api("PUT", &path, json!({ "id": two[0], "value": 4, "weight": 1, "metadata": {} })).await;
        assert_eq!(changed.status, 200, "a part of the path may be repeated: {}", changed.text);
        let entry = master.api("GET", &format!("/v1/logs/{id}"), Value::Null).await.json();
        let told = &entry["feedback"][1];
        assert_eq!((&told["value"], &told["weight"], &told["metadata"]), (&json!(4), &json!(1.0), &json!({})));
        assert_eq!(house.chain(house.organisation).await.0, events, "it is data and leaves no event");
    })
    .await;
}

#[tokio::test]
async fn what_is_out_of_bounds_is_refused_and_changes_nothing() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let program = house.program(&house.master_key);
        let entry = |value: i64| json!({ "trace_id": "t", "value": value });
        for (body, expected) in [
            (json!({}), vec!["trace_id", "value"]),
            (json!([]), vec!["trace_id", "value"]),
            (json!({ "trace_id": "t", "value": 1.5 }), vec!["value"]),
            (json!({ "trace_id": "t", "value": "1" }), vec!["value"]),
            (json!({ "trace_id": "t", "value": 11, "weight": 2, "metadata": [] }), vec!["value", "weight", "metadata"]),
            (json!({ "trace_id": "a b", "value": -11 }), vec!["trace_id", "value"]),
            (json!({ "trace_id": "t", "value": 1, "admin": true }), vec!["admin"]),
            (json!([entry(1), { "trace_id": "t" }, 7]), vec!["1.value", "2"]),
            (json!([entry(1), entry(99)]), vec!["1.value"]),
            (json!({ "0": entry(1), "value": 3 }), vec!["value"]),
            (json!({ "trace_id": "t", "value": 1, "metadata": { "a": "x".repeat(5_000) } }), vec!["metadata"]),
            (Value::Array((0..101).map(|_| entry(1)).collect()), vec!["feedback"]),
        ] {
            assert_eq!(faults(&give(&program, body.clone()).await), expected, "{body}");
        }
        for body in ["[", "7", "\"x\"", "{\"trace_id\":\"t\",\"trace_id\":\"u\",\"value\":1}"] {
            let request = Request::post("/v1/feedback").header("content-type", "application/json");
            let answer = program.send(request.body(Body::from(body)).expect("a request")).await;
            assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (400, Some("malformed")), "{body}");
        }
        assert_eq!(count(house).await, 0, "nothing of all that was kept");

        // A trace has a hundred, whichever way they come.
        assert_eq!(ids(&give(&program, Value::Array((0..100).map(|_| entry(1)).collect())).await).len(), 100);
        let full = give(&program, json!([{ "trace_id": "other", "value": 1 }, entry(1)])).await;
        assert_eq!((full.status, full.json()["error"]["code"].as_str()), (409, Some("conflict")), "{}", full.text);
        assert_eq!(count(house).await, 100, "all of a request or nothing");

        // Traces that the log does not know have a bound for each key and one together, for an hour. One key leaves room to
        // others.
        let unknown = |round: usize, entries: usize| {
            Value::Array((0..entries).map(|n| json!({ "trace_id": format!("u-{round}-{n}"), "value": 1 })).collect())
        };
        assert_eq!(ids(&give(&program, unknown(0, 100)).await).len(), 100);
        let flood = give(&program, unknown(1, 1)).await;
        assert_eq!((flood.status, count(house).await), (429, 200), "{}", flood.text);
        for round in 1..=4 {
            let (_, secret) = world.key(&format!("flood {round}"), &[("completions", "enabled")]).await;
            let other = house.program(&secret);
            assert_eq!(ids(&give(&other, unknown(round, 99)).await).len(), 99);
            let flood = give(&other, unknown(round + 10, 100)).await;
            assert_eq!(ids(&flood).len(), 100);
            assert_eq!(give(&other, unknown(round + 20, 2)).await.status, 429, "all of a request or nothing");
            assert_eq!(ids(&give(&other, unknown(round + 30, 1)).await).len(), 1);
        }
        assert_eq!(count(house).await, 1_000);
        let (_, secret) = world.key("late", &[("completions", "enabled")]).await;
        let late = house.program(&secret);
        assert_eq!(give(&late, unknown(50, 1)).await.status, 429, "the bound of all");
        let flood = give(&program, json!({ "trace_id": "one more", "value": 1 })).await;
        assert_eq!(flood.status, 422, "a blank: {}", flood.text);
        let flood = give(&program, json!({ "trace_id": "one-more", "value": 1 })).await;
        assert_eq!(flood.status, 429, "{}", flood.text);
        let now = house.app.clock.now();
        log(house, &[call(house.organisation, KeyId::numbered(1), "known", "gpt-4o", now)]).await;
        assert_eq!(ids(&give(&program, json!({ "trace_id": "known", "value": 1 })).await).len(), 1);
        house.app.clock.advance(HOUR + MINUTE);
        assert_eq!(ids(&give(&program, json!({ "trace_id": "one-more", "value": 1 })).await).len(), 1);
        assert_eq!(ids(&give(&late, unknown(50, 1)).await).len(), 1);
        for id in ["nonsense", "00000000-0000-7000-8000-000000000000"] {
            assert_eq!(program.api("PUT", &format!("/v1/feedback/{id}"), json!({ "value": 1 })).await.status, 404);
        }
    })
    .await;
}

/// Counts and what is written on them are one step: of several that come at once, no more is kept than there is room for.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_at_once_is_counted() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let program = house.program(&house.master_key);
        let forty = || Value::Array((0..40).map(|_| json!({ "trace_id": "t", "value": 1 })).collect());
        let answers = futures_util::future::join_all((0..6).map(|_| give(&program, forty()))).await;
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!((statuses, count(house).await), (vec![200, 200, 409, 409, 409, 409], 80));
        // The same of what the log does not know: there is room for one hundred and twenty more.
        let many = |round: usize| {
            Value::Array((0..60).map(|n| json!({ "trace_id": format!("u-{round}-{n}"), "value": 1 })).collect())
        };
        let answers = futures_util::future::join_all((0..6).map(|round| give(&program, many(round)))).await;
        let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
        statuses.sort_unstable();
        assert_eq!((statuses, count(house).await), (vec![200, 200, 429, 429, 429, 429], 200));
    })
    .await;
}
