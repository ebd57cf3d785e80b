//! Feedback on calls: the contract's bodies, its bounds, who gives and sees it, when it goes, and its figures.

use super::support::{Answer, Client, House, World, done, each_engine};
use crate::{
    features::logs::ages,
    gateway::{
        facts::{CallEnd, CallFacts, EndedBy, Endpoint, Record},
        record::Sink,
        storage::call_log,
    },
    kernel::{
        CallId, KeyId, OrganisationId, SecretId, Timestamp,
        provider::Provider,
        time::{DAY, HOUR, MINUTE},
    },
    server::database::Db,
};
use axum::{body::Body, http::Request};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use std::{collections::BTreeMap, sync::Arc};
use uuid::Uuid;

/// A call that has ended, of this trace and model.
fn call(organisation: OrganisationId, key: KeyId, trace: &str, model: &str, at: Timestamp) -> Record {
    let facts = CallFacts {
        id: CallId(Uuid::now_v7()),
        organisation,
        key,
        secret: SecretId::numbered(0),
        person: None,
        virtual_key: None,
        provider: Some(Provider::OpenAi),
        endpoint: Endpoint::ChatCompletions,
        model: model.into(),
        streamed: false,
        trace: trace.into(),
        metadata: None,
        config: None,
        prompt: None,
        keeps: None,
        prices: None,
        started_at: at,
    };
    let end = CallEnd {
        status: 200,
        upstream_status: Some(200),
        upstream_id: None,
        error: None,
        sent: true,
        ended_by: EndedBy::Answer,
        latency_us: 1_000,
        first_byte_us: Some(400),
        usage: None,
        cost: None,
        saved: None,
        count: 1,
        went: None,
        tried: vec![],
        spent: vec![],
    };
    Record { call: Arc::new(facts), outcome: Some(end), texts: None }
}

async fn log(house: &House, records: &[Record]) {
    assert!(call_log(&house.app).write(records).await.is_ok());
}

async fn give(program: &Client, body: Value) -> Answer {
    program.api("POST", "/v1/feedback", body).await
}

fn ids(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    assert_eq!((answer.status, &body["status"]), (200, &json!("success")), "{}", answer.text);
    let ids = body["feedback_ids"].as_array().expect("ids");
    ids.iter().map(|id| id.as_str().expect("an id").to_owned()).collect()
}

fn faults(answer: &Answer) -> Vec<String> {
    assert_eq!((answer.status, answer.json()["error"]["code"].as_str()), (422, Some("invalid")), "{}", answer.text);
    let body = answer.json();
    let fields = body["error"]["fields"].as_array().expect("fields");
    fields.iter().map(|field| field["field"].as_str().expect("a name").to_owned()).collect()
}

/// How many entries there are.
async fn count(house: &House) -> i64 {
    const SQL: &str = "SELECT COUNT(*) FROM call_feedback";
    match &house.app.db {
        Db::Sqlite { readers, .. } => sqlx::query_scalar(SQL).fetch_one(readers).await.expect("a number"),
        Db::Postgres(_) => {
            let mut owner = PgConnection::connect(&house.owner_url().expect("an address")).await.expect("connects");
            sqlx::query_scalar(SQL).fetch_one(&mut owner).await.expect("a number")
        }
    }
}

/// The feedback on a call as its page reads it.
async fn on(who: &Client, house: &House, call: &str) -> Answer {
    who.form("feedback/list", &[("slug", &house.slug), ("id", call)]).await
}

fn values(answer: &Answer) -> Vec<i64> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    body["given"].as_array().expect("entries").iter().map(|entry| entry["value"].as_i64().expect("a value")).collect()
}

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

#[tokio::test]
async fn traces_of_the_same_name_in_two_organisations_stay_apart() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let (north, south) = (house.program(&house.master_key), house.program(&world.south_key));
        let now = house.app.clock.now();
        let of = |organisation| call(organisation, KeyId::numbered(1), "same", "gpt-4o", now);
        let (ours, theirs) = (of(house.organisation), of(world.south_id));
        let (our_id, their_id) = (ours.call.id.to_string(), theirs.call.id.to_string());
        log(house, &[ours]).await;
        log(house, &[theirs]).await;
        let own = ids(&give(&north, json!({ "trace_id": "same", "value": 7 })).await);
        ids(&give(&south, json!({ "trace_id": "same", "value": -7 })).await);
        assert_eq!(values(&on(&world.owner, house, &our_id).await), [7]);
        assert_eq!(on(&world.owner, house, &their_id).await.status, 404);
        assert_eq!(on(&world.stranger, house, &our_id).await.status, 404);
        let path = format!("/v1/feedback/{}", own[0]);
        assert_eq!(south.api("PUT", &path, json!({ "value": -9 })).await.status, 404);
        assert_eq!(values(&on(&world.owner, house, &our_id).await), [7]);
        for (program, value) in [(&north, 7), (&south, -7)] {
            let scores = program.api("GET", "/v1/analytics/graphs/feedbacks/scores", Value::Null).await.json();
            assert_eq!(scores["data_points"], json!([{ "score": value, "total": 1 }]));
            let models = program.api("GET", "/v1/analytics/graphs/feedbacks/ai-models", Value::Null).await.json();
            assert_eq!((&models["data_points"][0]["total"], &models["data_points"][1]), (&json!(1), &Value::Null));
        }
    })
    .await;
}

#[tokio::test]
async fn who_sees_their_own_calls_gives_and_sees_feedback_on_these_alone() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let levels = [("completions", "enabled"), ("metrics", "enabled")];
        let (theirs, secret) = world.key("of the member", &levels).await;
        house
            .as_owner_composed("UPDATE api_keys SET responsible = (SELECT user_id FROM memberships WHERE role = 'member' AND org_id = api_keys.org_id LIMIT 1) WHERE name = 'of the member'")
            .await
            .expect("another person answers for it");
        let now = house.app.clock.now();
        let own = call(house.organisation, theirs.parse().expect("an id"), "own", "gpt-4o", now);
        let other = call(house.organisation, KeyId::numbered(77), "other", "gpt-4o", now);
        let (own_id, other_id) = (own.call.id.to_string(), other.call.id.to_string());
        log(house, &[own, other]).await;
        let (program, master) = (house.program(&secret), house.program(&house.master_key));
        let given = ids(&give(&master, json!([{ "trace_id": "own", "value": 1 }, { "trace_id": "other", "value": 9 }])).await);
        assert_eq!(values(&on(&world.member, house, &other_id).await), [9], "all is seen until it is said otherwise");
        let fields = [("slug", house.slug.as_str()), ("version", "0"), ("own_only", "true")];
        done(&world.owner, "logs/change_settings", &fields).await;
        house.app.changes.announce(crate::server::watch::ChangeNews::Of(house.organisation));

        assert_eq!(values(&on(&world.member, house, &own_id).await), [1]);
        assert_eq!(on(&world.member, house, &other_id).await.status, 404);
        let typed = |id: &str| [("slug", house.slug.clone()), ("id", id.to_owned()), ("value", "2".to_owned())];
        for (id, status) in [(&own_id, 200), (&other_id, 404)] {
            let fields = typed(id);
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = world.member.form("feedback/give", &fields).await;
            assert_eq!(answer.status, status, "{}", answer.text);
        }
        // What may not be seen, and what is not there, are the same.
        for (trace, status) in [("own", 200), ("other", 404), ("nowhere", 404)] {
            let answer = give(&program, json!({ "trace_id": trace, "value": 3 })).await;
            assert_eq!(answer.status, status, "{trace}: {}", answer.text);
        }
        let mixed = give(&program, json!([{ "trace_id": "own", "value": 3 }, { "trace_id": "other", "value": 3 }])).await;
        assert_eq!(mixed.status, 404, "all of a request or nothing");
        // What others gave is not there, on the same trace either.
        let mine = ids(&give(&program, json!({ "trace_id": "own", "value": 5 })).await).remove(0);
        for (id, status) in [(&mine, 200), (&given[0], 404), (&given[1], 404)] {
            let answer = program.api("PUT", &format!("/v1/feedback/{id}"), json!({ "value": 4 })).await;
            assert_eq!(answer.status, status, "{}", answer.text);
        }
        assert_eq!(values(&on(&world.member, house, &own_id).await), [1, 2, 3, 4]);
        assert_eq!(program.api("GET", &format!("/v1/logs/{other_id}"), Value::Null).await.status, 404);
        let entry = program.api("GET", &format!("/v1/logs/{own_id}"), Value::Null).await.json();
        assert_eq!(entry["feedback"].as_array().map(Vec::len), Some(4), "{entry}");
        for (graph, total) in [("feedbacks", 4), ("feedbacks/scores", 4), ("feedbacks/ai-models", 4)] {
            let told = program.api("GET", &format!("/v1/analytics/graphs/{graph}"), Value::Null).await.json();
            assert_eq!(told["summary"]["total"], total, "{graph}: {told}");
            let all = master.api("GET", &format!("/v1/analytics/graphs/{graph}"), Value::Null).await.json();
            assert_eq!(all["summary"]["total"], 5, "{graph}: {all}");
        }
        let page = world.member.form("analytics/view", &[("slug", &house.slug)]).await.json();
        assert_eq!(page["feedback"]["all"]["given"], 4, "{}", page["feedback"]);
        let page = world.owner.form("analytics/view", &[("slug", &house.slug)]).await.json();
        assert_eq!(page["feedback"]["all"]["given"], 5, "{}", page["feedback"]);

        // A call of their own under the name of another's trace opens nothing of it, and another's call among their own
        // closes these.
        let now = house.app.clock.now();
        let guess = call(house.organisation, theirs.parse().expect("an id"), "other", "gpt-4o", now);
        let guess_id = guess.call.id.to_string();
        log(house, &[guess]).await;
        let withheld = async |id: &str| {
            let read = on(&world.member, house, id).await;
            assert_eq!((values(&read), read.json()["is_withheld"].as_bool()), (vec![], Some(true)), "{}", read.text);
            let entry = program.api("GET", &format!("/v1/logs/{id}"), Value::Null).await;
            assert_eq!((entry.status, &entry.json()["feedback"]), (200, &json!([])), "the call itself is seen");
            let fields = typed(id);
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(world.member.form("feedback/give", &fields).await.status, 404);
        };
        withheld(&guess_id).await;
        assert_eq!(give(&program, json!({ "trace_id": "other", "value": 3 })).await.status, 404);
        let told = async |total: i64| {
            for graph in ["feedbacks", "feedbacks/scores", "feedbacks/ai-models"] {
                let path = format!("/v1/analytics/graphs/{graph}");
                let told = house.program(&secret).api("GET", &path, Value::Null).await.json();
                assert_eq!(told["summary"]["total"], total, "{graph}: {told}");
            }
        };
        house.app.clock.advance(MINUTE);
        told(4).await;
        // That of a key is no person's.
        let another = call(house.organisation, KeyId::numbered(77), "own", "gpt-4o", house.app.clock.now());
        log(house, &[another]).await;
        withheld(&own_id).await;
        let answer = program.api("PUT", &format!("/v1/feedback/{mine}"), json!({ "value": 6 })).await;
        assert_eq!(answer.status, 404, "{}", answer.text);
        house.app.clock.advance(MINUTE);
        told(0).await;
        assert_eq!(values(&on(&world.owner, house, &own_id).await), [1, 2, 3, 4], "others see it all");
    })
    .await;
}

#[tokio::test]
async fn an_entry_is_changed_by_the_key_alone_that_gave_it() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let (master, key) =
            (house.program(&house.master_key), world.key("giver", &[("completions", "enabled")]).await.1);
        let giver = house.program(&key);
        log(house, &[call(house.organisation, KeyId::numbered(1), "t", "gpt-4o", house.app.clock.now())]).await;
        let id = ids(&give(&giver, json!({ "trace_id": "t", "value": 1 })).await).remove(0);
        let put = async |who: &Client, id: &str, value: i64| {
            let answer = who.api("PUT", &format!("/v1/feedback/{id}"), json!({ "value": value })).await;
            let mut body = answer.json();
            body.as_object_mut().expect("an object").remove("request_id");
            (answer.status, body)
        };
        let nowhere = put(&master, "00000000-0000-7000-8000-000000000000", 2).await;
        assert_eq!(nowhere.0, 404);
        assert_eq!(put(&master, &id, 2).await, nowhere, "another's entry is as one that is not there");
        // Whatever is wrong with the change.
        assert_eq!(put(&master, &id, 99).await, nowhere);
        // What a person gave on the page is no key's.
        let fields = [("slug", house.slug.as_str()), ("id", world.log.as_str()), ("value", "7")];
        done(&world.member, "feedback/give", &fields).await;
        let given = on(&world.member, house, &world.log).await.json();
        let of_person = given["given"][0]["id"].as_str().expect("an id");
        assert_eq!(put(&master, of_person, 2).await, nowhere);
        assert_eq!(put(&giver, &id, 3).await.0, 200);
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

#[tokio::test]
async fn people_give_feedback_on_the_page_of_a_call_without_scripts() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let page = format!("/o/{}/logs/{}", house.slug, world.log);
        let fields = |value: &str, weight: &str| {
            let all = [("slug", house.slug.as_str()), ("id", world.log.as_str()), ("value", value), ("weight", weight)];
            let all = all.into_iter().chain([("note", "Too long, <b>but</b> right"), ("page", page.as_str())]);
            all.map(|(name, value)| (name, value.to_owned())).collect::<Vec<_>>()
        };
        let post = async |fields: Vec<(&'static str, String)>| {
            let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            world.member.plain_form(&page, "feedback/give", &fields).await
        };
        for (value, weight, sentence) in [
            ("11", "1", "A value is a whole number from -10 to 10."),
            ("x", "1", "A value is a whole number from -10 to 10."),
            ("1", "heavy", "A weight is a number from 0 to 1."),
        ] {
            let refused = post(fields(value, weight)).await;
            assert!(refused.status == 422 && refused.text.contains(sentence), "{} {}", refused.status, refused.text);
            assert!(refused.text.contains("Too long, "), "what was typed is kept: {}", refused.text);
        }
        let given = post(fields("−3", "0.5")).await;
        assert_eq!(given.status, 303, "{}", given.text);
        let opened = world.owner.page(&page).await.text;
        for part in ["Cy", "−3", "0.5", "&lt;b&gt;but&lt;/b&gt; right"] {
            assert!(opened.contains(part), "{part}: {opened}");
        }
        // The steps of the call stand there in words and as a table.
        house.as_owner("UPDATE call_logs SET latency_us = 900000").await.expect("it took some time");
        let opened = world.owner.page(&page).await.text;
        for part in ["What happened", "Arrived", "Ended", "What happened, from the arrival of the request"] {
            assert!(opened.contains(part), "{part}: {opened}");
        }
    })
    .await;
}

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

#[tokio::test]
async fn graphs_equal_a_naive_sum() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let program = house.program(&house.master_key);
        let begin = house.app.clock.now();
        let models = ["gpt-4o", "claude-sonnet-4-5", "gpt-4o-mini"];
        // The third trace has calls of two models, and the fourth has none.
        let calls = [("t-0", 0), ("t-1", 1), ("t-2", 1), ("t-2", 2), ("t-2", 2)];
        let records: Vec<_> = calls
            .iter()
            .map(|(trace, model)| call(house.organisation, KeyId::numbered(1), trace, models[*model], begin))
            .collect();
        log(house, &records).await;
        // Trace, value, weight in hundredths, and when: (hours after the beginning).
        let mut given: Vec<(String, i64, i64, i64)> = vec![];
        let mut seed = 7_u64;
        for hour in 0..6 {
            let mut body = vec![];
            for _ in 0..9 {
                let mut next = |below: u64| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    i64::try_from((seed >> 33) % below).expect("small")
                };
                let (trace, value, weight) = (format!("t-{}", next(4)), next(21) - 10, next(101));
                body.push(json!({ "trace_id": trace, "value": value, "weight": weight as f64 / 100.0 }));
                given.push((trace, value, weight, hour));
            }
            ids(&give(&program, Value::Array(body)).await);
            house.app.clock.advance(HOUR);
        }
        let graph = async |name: &str, query: &str| {
            let path = format!("/v1/analytics/graphs/{name}?range=24h{query}");
            let answer = house.program(&house.master_key).api("GET", &path, Value::Null).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
            let body = answer.json();
            assert_eq!(body["object"], "analytics-graph");
            body
        };
        let mean = |of: &[&(String, i64, i64, i64)]| {
            let sum: i64 = of.iter().map(|(_, value, weight, _)| value * weight).sum();
            (!of.is_empty()).then(|| sum as f64 / 100.0 / of.len() as f64)
        };
        let near = |told: &Value, expected: Option<f64>| match expected {
            None => assert!(told.is_null(), "{told}"),
            Some(mean) => assert!((told.as_f64().expect("a number") - mean).abs() < 1e-6, "{told} {mean}"),
        };
        let has = |trace: &str, model: usize| calls.iter().any(|(of, asked)| *of == trace && *asked == model);
        for (query, fits) in [
            (String::new(), None),
            (format!("&ai_model={}", models[1]), Some(1)),
            (format!("&ai_model={}", models[2]), Some(2)),
            ("&ai_model=nobody".to_owned(), Some(9)),
        ] {
            let all: Vec<_> = given.iter().filter(|(trace, ..)| fits.is_none_or(|model| has(trace, model))).collect();
            assert!(fits == Some(9) || !all.is_empty());
            let count = graph("feedbacks", &query).await;
            assert_eq!(count["summary"]["total"], all.len(), "{query}");
            let weighted = graph("feedbacks/weighted", &query).await;
            near(&weighted["summary"]["avg"], mean(&all));
            let mut in_bars = 0;
            let bars = count["data_points"].as_array().expect("bars").iter();
            for (point, weighted) in bars.zip(weighted["data_points"].as_array().expect("bars")) {
                assert_eq!(point["timestamp"], weighted["timestamp"]);
                let start = Timestamp::parse(point["timestamp"].as_str().expect("a moment")).expect("a moment");
                let inside = |hour: i64| (start.0..start.0 + HOUR).contains(&begin.plus(hour * HOUR).0);
                let here: Vec<_> = all.iter().copied().filter(|(.., hour)| inside(*hour)).collect();
                assert_eq!(point["total"], here.len(), "{query} {point}");
                near(&weighted["avg"], mean(&here));
                in_bars += here.len();
            }
            assert_eq!(in_bars, all.len(), "the bars hold all");
            let mut scores: BTreeMap<i64, usize> = BTreeMap::new();
            all.iter().for_each(|(_, value, ..)| *scores.entry(*value).or_default() += 1);
            let scores: Vec<_> =
                scores.iter().map(|(value, total)| json!({ "score": value, "total": total })).collect();
            for spelling in ["feedbacks/scores", "feedbacks/score", "feedbacks-score"] {
                assert_eq!(graph(spelling, &query).await["data_points"], json!(scores), "{query} {spelling}");
            }
        }
        let told = graph("feedbacks/ai-models", "").await;
        let told = told["data_points"].as_array().expect("models");
        assert_eq!(told.len(), 3, "{told:?}");
        for (number, model) in models.iter().enumerate() {
            let of: Vec<_> = given.iter().filter(|(trace, ..)| has(trace, number)).collect();
            let point = told.iter().find(|point| point["ai_model"] == *model).expect("the model");
            assert_eq!(point["total"], of.len(), "{model}: each entry once, however many calls its trace has");
            near(&point["avg_weighted_feedback"], mean(&of));
        }
        let totals: Vec<_> = told.iter().map(|point| point["total"].as_i64().expect("a number")).collect();
        assert!(totals.windows(2).all(|pair| pair[0] >= pair[1]), "{totals:?}");
        let missing = program.api("GET", "/v1/analytics/graphs/feedbacks/nothing", Value::Null).await;
        assert_eq!(missing.status, 404);
        // The page shows the same.
        let page = world.owner.page(&format!("/o/{}/analytics?range=24h", house.slug)).await.text;
        assert!(page.contains(&format!("{} entries", given.len())) && page.contains("Feedback by value"), "{page}");
    })
    .await;
}
