//! Who gives, changes and sees feedback.

use super::{call, give, ids, log, on, values};
use crate::{
    kernel::{KeyId, time::MINUTE},
    tests::support::{Client, World, done, each_engine},
};
use serde_json::{Value, json};

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
