//! The audit log's room on both databases: sentences, filters, pages, the wall around it, and the log as a file.

use super::support::{Answer, Client, House, World, done, each_engine, text, told};
use crate::{
    kernel::{OrganisationId, time::HOUR},
    policy::Operation,
    server::{
        access::Access,
        audit::{
            event::{Event, Subject},
            schema,
        },
    },
};
use jsonschema::Validator;
use serde_json::Value;
use std::collections::HashMap;

/// Whether an event is one of those that a filter asks for.
type Fits<'a> = Box<dyn Fn(&Value) -> bool + 'a>;

/// Calls a server function of the room with a filter, and what else it takes.
pub async fn ask(client: &Client, path: &str, slug: &str, query: &[(&str, &str)], more: &[(&str, &str)]) -> Answer {
    let named: Vec<(String, &str)> = query.iter().map(|(name, value)| (format!("query[{name}]"), *value)).collect();
    let mut fields = vec![("slug", slug)];
    fields.extend(named.iter().map(|(name, value)| (name.as_str(), *value)));
    fields.extend_from_slice(more);
    client.form(path, &fields).await
}

/// A page of the log.
pub async fn page(client: &Client, slug: &str, query: &[(&str, &str)]) -> Value {
    let answer = ask(client, "audit/list", slug, query, &[]).await;
    assert_eq!(answer.status, 200, "{query:?}: {}", answer.text);
    answer.json()
}

fn numbers(page: &Value) -> Vec<i64> {
    page["events"].as_array().expect("events").iter().map(|event| event["seq"].as_i64().expect("a number")).collect()
}

/// Every event of the first organisation, by number.
pub async fn events(house: &House) -> Vec<(i64, Value)> {
    let mut tx = house.app.read_proven(house.organisation).await.expect("reads");
    let all = crate::server::audit::page(&mut tx, 0, 10_000).await.expect("a page");
    all.iter().map(|event| (event.seq, told(event))).collect()
}

/// Every event of these chains keeps to the schemas that are published: of all events, and of its action.
pub async fn expect_schema(house: &House, chains: &[OrganisationId]) {
    let schema: Value = serde_json::from_str(include_str!("../../docs/audit-event.schema.json")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let own: Value = serde_json::from_str(&schema::document()).expect("JSON");
    let actions: HashMap<&str, Validator> = own["oneOf"]
        .as_array()
        .expect("actions")
        .iter()
        .map(|action| {
            // By itself it says what is wrong.
            let mut alone = action.clone();
            alone["$defs"] = own["$defs"].clone();
            (action["title"].as_str().expect("a name"), jsonschema::validator_for(&alone).expect("a schema"))
        })
        .collect();
    let own = jsonschema::validator_for(&own).expect("a schema");
    for chain in chains {
        let mut tx = house.app.read_proven(*chain).await.expect("reads");
        let events = crate::server::audit::page(&mut tx, 0, 100_000).await.expect("a page");
        assert!(!events.is_empty(), "{chain} has events");
        for event in events {
            let body: Value = serde_json::from_str(&event.body).expect("JSON");
            let wrong: Vec<String> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{chain} {}: {wrong:?}\n{body}", event.seq);
            let action = text(&body, "action");
            let action = actions.get(action.as_str()).unwrap_or_else(|| panic!("{action} has no schema"));
            let wrong: Vec<String> = action.iter_errors(&body).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty() && own.is_valid(&body), "{chain} {}: {wrong:?}\n{body}", event.seq);
        }
    }
}

#[test]
fn the_schema_refuses_what_is_no_event() {
    let schema: Value = serde_json::from_str(include_str!("../../docs/audit-event.schema.json")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let thing = serde_json::json!({ "kind": "person", "id": "1", "name": "Ada" });
    let good = serde_json::json!({
        "v": 1, "id": "01a2213b-56de-7491-9c32-e7dcc295ff44", "at": "2026-11-28T08:20:37.919Z", "action": "api_key.create",
        "outcome": "refused", "reason": "permission_denied", "count": 2, "actor": thing, "credential": "", "subject": thing,
        "changes": [{ "field": "name", "was": null, "now": { "any": [1] } }], "request_id": "", "address": "", "user_agent": "",
    });
    assert!(validator.is_valid(&good));
    for (member, value) in [
        ("v", Value::from(2)),
        ("id", "x".into()),
        ("at", "2026-11-28".into()),
        ("action", "API".into()),
        ("outcome", "done".into()),
        ("outcome", "allowed".into()),
        ("reason", Value::Null),
        ("count", 1.into()),
        ("credential", "session x".into()),
        ("changes", serde_json::json!([{ "field": "name" }])),
        ("actor", serde_json::json!({ "kind": "cat", "id": "", "name": "" })),
        ("user_agent", "x".repeat(201).into()),
        ("other", 1.into()),
        ("signed_in_by", Value::Null),
        ("credential_id", Value::Null),
    ] {
        let mut bad = good.clone();
        bad[member] = value;
        assert!(!validator.is_valid(&bad), "{bad}");
    }
    let id = "5c0bb1e3-1de9-4a0c-9f0e-3a3f5a0c7d11";
    let mut newer = good;
    for (member, value) in [
        ("v", Value::from(2)),
        ("signed_in_by", "password_again".into()),
        ("credential_id", id.into()),
        ("credential", format!("session {id}").into()),
    ] {
        newer[member] = value;
    }
    assert!(validator.is_valid(&newer));
    // From version 3 on commitments stand in the places of personal values, and before it none does.
    let hidden = serde_json::json!({ "personal": "0f".repeat(32) });
    for (place, is_a_place) in [
        ("/actor/name", true),
        ("/subject/name", true),
        ("/address", true),
        ("/user_agent", true),
        ("/changes/0/now", true),
        ("/actor/id", false),
        ("/request_id", false),
    ] {
        for (v, expected) in [(3, is_a_place), (2, place == "/changes/0/now")] {
            let mut event = newer.clone();
            event["v"] = v.into();
            *event.pointer_mut(place).expect("a place") = hidden.clone();
            assert_eq!(validator.is_valid(&event), expected, "{v} {place}");
        }
    }
    for (member, value) in [
        ("v", Value::from(1)),
        ("v", 4.into()),
        ("address", serde_json::json!({ "personal": "0f" })),
        ("address", serde_json::json!({ "personal": "0f".repeat(32), "salt": "0f" })),
        ("signed_in_by", "passkey".into()),
        ("credential_id", Value::Null),
        ("credential_id", "x".into()),
        ("credential", "command".into()),
    ] {
        let mut bad = newer.clone();
        bad[member] = value;
        assert!(!validator.is_valid(&bad), "{bad}");
    }
    for member in ["signed_in_by", "credential_id"] {
        let mut bad = newer.clone();
        bad.as_object_mut().expect("an object").remove(member);
        assert!(!validator.is_valid(&bad), "{bad}");
    }
}

/// Writes events into the first organisation's log until it has so many.
pub async fn fill(house: &House, until: i64) {
    let system = Access::system(house.app.clone());
    let (has, _) = house.chain(house.organisation).await;
    for _ in has..until {
        let subject = Subject::unnamed("test", "");
        system
            .by_proof(house.organisation)
            .act(Operation::Setup, subject.clone(), |change| change.commit(Event::of(subject), ()))
            .await
            .expect("an event");
    }
    assert_eq!(house.chain(house.organisation).await.0, until);
}

#[tokio::test]
async fn pages_cover_every_event_once_in_both_directions() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let slug = house.slug.as_str();
        // With 100 the last page is full, with 101 one event stands alone on it.
        for (until, sizes) in [(100, vec![50, 50]), (101, vec![50, 50, 1])] {
            fill(&house, until).await;
            let mut pages = vec![page(&ada, slug, &[]).await];
            assert!(pages[0]["previous"].is_null(), "nothing is newer");
            while let Some(next) = pages[pages.len() - 1]["next"].as_i64() {
                pages.push(page(&ada, slug, &[("after", &next.to_string())]).await);
            }
            assert_eq!(pages.iter().map(|page| numbers(page).len()).collect::<Vec<_>>(), sizes);
            let all: Vec<i64> = pages.iter().flat_map(numbers).collect();
            assert_eq!(all, (1..=until).rev().collect::<Vec<_>>(), "newest first, none twice");
            for back in (1..pages.len()).rev() {
                let place = pages[back]["previous"].as_i64().expect("there are newer ones").to_string();
                let before = page(&ada, slug, &[("before", &place)]).await;
                assert_eq!(numbers(&before), numbers(&pages[back - 1]));
                assert_eq!(before["previous"].is_null(), back == 1, "the first page has none before it");
                assert!(before["next"].is_i64());
            }
            assert_eq!(pages[0]["fitting"], serde_json::json!({ "Exactly": until }));
        }
        // Beyond the ends there is a way back.
        let behind = page(&ada, slug, &[("after", "1")]).await;
        assert_eq!((numbers(&behind), behind["previous"].as_i64()), (vec![], Some(0)));
        assert_eq!(numbers(&page(&ada, slug, &[("before", "0")]).await).last(), Some(&1));
        let ahead = page(&ada, slug, &[("before", "101")]).await;
        assert_eq!((numbers(&ahead), ahead["next"].as_i64()), (vec![], Some(102)));
        assert_eq!(numbers(&page(&ada, slug, &[("after", "102")]).await)[0], 101);
        for bad in ["x", "-1", "'; DROP TABLE audit_events; --"] {
            assert_eq!(ask(&ada, "audit/list", slug, &[("after", bad)], &[]).await.status, 422, "{bad}");
        }
    })
    .await;
}

#[tokio::test]
async fn each_filter_finds_what_fits_and_nothing_else() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let slug = house.slug.as_str();
        let (id, _) = world.key("ci", &[("completions", "enabled")]).await;
        world.key("other", &[]).await;
        house.app.clock.advance(HOUR);
        let from_afar = world.owner.clone().at("203.0.113.7");
        done(&from_afar, "api_keys/disable", &[("slug", slug), ("id", &id)]).await;
        done(&world.owner.clone().at("203.0.113.70"), "api_keys/enable", &[("slug", slug), ("id", &id)]).await;
        let made = house
            .program(&house.master_key)
            .api("POST", "/v1/api-keys", serde_json::json!({ "name": "by a key" }))
            .await;
        assert!(made.status < 300, "{}", made.text);
        let denied = world.member.form("api_keys/delete", &[("slug", slug), ("id", &id)]).await;
        let request = text(&denied.json(), "request_id");
        house.app.clock.advance(2 * HOUR);
        done(&world.admin, "api_keys/disable", &[("slug", slug), ("id", &id)]).await;

        let all = events(house).await;
        let of = |number: usize| &all[number].1;
        let afar = all.iter().find(|(_, event)| event["address"] == "203.0.113.7").expect("from afar").1.clone();
        let (credential, session) = (text(&afar, "credential"), text(&afar, "credential_id"));
        let ada = text(&afar["actor"], "id");
        let (first, last) = (text(of(0), "at"), text(of(all.len() - 1), "at"));
        let (key, config) = (format!("api_key/{id}"), format!("config/{id}"));
        let is = |path: &'static str, value: String| -> Fits<'static> {
            Box::new(move |event| event.pointer(path) == Some(&Value::from(value.clone())))
        };
        let cases: Vec<(Vec<(&str, &str)>, Fits<'_>)> = vec![
            (vec![], Box::new(|_| true)),
            (vec![("kind", "api_key")], Box::new(|event| text(event, "action").starts_with("api_key."))),
            (vec![("kind", "api")], Box::new(|_| false)),
            (vec![("action", "api_key.disable")], is("/action", "api_key.disable".into())),
            (vec![("outcome", "refused")], is("/outcome", "refused".into())),
            (vec![("actor", &ada)], is("/actor/id", ada.clone())),
            (vec![("actor_kind", "api_key")], is("/actor/kind", "api_key".into())),
            (vec![("target", &id)], is("/subject/id", id.clone())),
            (vec![("target", &key)], is("/subject/id", id.clone())),
            (vec![("target", &config)], Box::new(|_| false)),
            (vec![("request_id", &request)], is("/request_id", request.clone())),
            (vec![("credential", &credential)], is("/credential", credential.clone())),
            (vec![("credential_id", &session)], is("/credential_id", session.clone())),
            (vec![("credential_id", &session[1..])], Box::new(|_| false)),
            (vec![("address", "203.0.113.7")], is("/address", "203.0.113.7".into())),
            (vec![("address", "203.0.113")], Box::new(|_| false)),
            (vec![("address", "%")], Box::new(|_| false)),
            (vec![("range", "1h")], Box::new(|event| text(event, "at") >= last)),
            (vec![("range", "custom"), ("to", &last)], Box::new(|event| text(event, "at") < last)),
            (vec![("range", "custom"), ("from", &last)], Box::new(|event| text(event, "at") >= last)),
            (vec![("range", "custom"), ("to", &first)], Box::new(|_| false)),
            (vec![("range", "custom"), ("from", "2999-01-01")], Box::new(|_| false)),
            (
                vec![("kind", "api_key"), ("outcome", "done"), ("actor", &ada), ("address", "203.0.113.7")],
                is("/address", "203.0.113.7".into()),
            ),
        ];
        for (query, fits) in &cases {
            let expected: Vec<i64> = all.iter().rev().filter(|(_, event)| fits(event)).map(|(seq, _)| *seq).collect();
            let found = page(&world.owner, slug, query).await;
            assert_eq!(numbers(&found), expected, "{query:?}");
            let by_body = query.iter().any(|(name, _)| *name == "credential");
            let fitting =
                if by_body { Value::from("NotCounted") } else { serde_json::json!({ "Exactly": expected.len() }) };
            assert_eq!(found["fitting"], fitting, "{query:?}");
        }
        assert!(cases.iter().any(|(_, fits)| all.iter().filter(|(_, event)| fits(event)).count() == 1));
        for bad in [("kind", "API"), ("outcome", "ok"), ("actor_kind", "cat"), ("range", "2h")] {
            let refused = ask(&world.owner, "audit/list", slug, &[bad], &[]).await;
            assert_eq!(
                (refused.status, refused.json()["fields"][0]["field"].as_str()),
                (422, Some(bad.0)),
                "{}",
                refused.text
            );
        }
    })
    .await;
}

#[tokio::test]
async fn an_event_shows_what_it_changed_and_leads_to_what_is_there() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let slug = house.slug.as_str();
        let (id, _) = world.key("ci", &[("completions", "enabled")]).await;
        let fields = [("slug", slug), ("id", &id), ("name", "deploy"), ("version", "1"), ("completions", "enabled")];
        done(&world.owner, "api_keys/update", &fields).await;
        let number = house.chain(house.organisation).await.0;
        let get =
            async |number: i64| world.admin.form("audit/get", &[("slug", slug), ("number", &number.to_string())]).await;
        let event = get(number).await.json();
        let named = event["changes"].as_array().expect("changes").iter().find(|change| change["field"] == "name");
        assert_eq!(named, Some(&serde_json::json!({ "field": "name", "was": "ci", "now": "deploy" })), "{event}");
        assert_eq!(text(&event["told"], "verb"), "changed the API key");
        assert_eq!(event["subject_page"], format!("/o/{slug}/api-keys/{id}"));
        assert_eq!((&event["fits"], &event["newer"]), (&true.into(), &false.into()));
        assert_eq!(event["previous"], get(number - 1).await.json()["hash"]);
        assert!(text(&event, "credential").starts_with("session "));
        assert_eq!(format!("session {}", text(&event["told"], "credential_id")), text(&event, "credential"));
        assert_eq!(event["told"]["signed_in_by"], "password");

        done(&world.owner, "api_keys/delete", &[("slug", slug), ("id", &id)]).await;
        let event = get(number).await.json();
        // A key that was deleted keeps its page, which says so.
        assert_eq!(
            (world.admin.page(&text(&event, "subject_page")).await.status, &event["newer"]),
            (200, &true.into())
        );
        let history = page(&world.owner, slug, &[("target", &format!("api_key/{id}"))]).await;
        assert_eq!(numbers(&history), [number + 1, number, number - 1]);

        let denied = world.member.form("api_keys/create", &[("slug", slug), ("name", "x")]).await;
        assert_eq!(denied.status, 403);
        let event = get(number + 2).await.json();
        assert_eq!(event["reason"][1], "permission_denied");
        assert_eq!(event["told"]["outcome"], "refused");
        for bad in ["0", "-1", "x", "9999", "9223372036854775807", "9223372036854775808"] {
            let answer = world.owner.form("audit/get", &[("slug", slug), ("number", bad)]).await;
            assert_eq!((answer.status, answer.code().as_str()), (404, "not_found"), "{bad}");
        }
        assert_eq!(world.owner.page(&format!("/o/{slug}/audit/9999")).await.status, 404);
        let shown = world.owner.page(&format!("/o/{slug}/audit/{number}")).await;
        assert!(
            shown.status == 200 && shown.text.contains("<del") && shown.text.contains("deploy"),
            "{}",
            shown.status
        );
    })
    .await;
}

#[tokio::test]
async fn an_event_that_was_tampered_with_is_called_that() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let postgres = house.app.db.is_postgres();
        let free =
            if postgres { "ALTER TABLE audit_events DISABLE TRIGGER USER" } else { "DROP TRIGGER audit_events_keep" };
        house.as_owner(free).await.expect("no trigger");
        let has = house.chain(house.organisation).await.0;
        fill(&house, has + 3).await;
        let of = |seq: i64| format!("WHERE seq = {seq} AND action = 'account.setup'");
        for change in [
            format!("UPDATE audit_events SET body = REPLACE(body, 'latchkey', 'somebody') {}", of(has + 2)),
            format!("UPDATE audit_events SET body = '{{}}' {}", of(has + 3)),
        ] {
            house.as_owner_composed(&change).await.expect("tampered");
        }
        for (number, fits) in [(has + 1, true), (has + 2, false), (has + 3, false)] {
            let number = number.to_string();
            let event = ada.form("audit/get", &[("slug", &house.slug), ("number", &number)]).await.json();
            assert_eq!(event["fits"], fits, "{event}");
        }
        let list = page(&ada, &house.slug, &[]).await;
        assert_eq!(
            (list["events"][0]["seq"].clone(), list["events"][0]["action"].clone()),
            ((has + 3).into(), "".into())
        );
        let shown = ada.page(&format!("/o/{}/audit", house.slug)).await;
        assert!(shown.text.contains("not as Latchkey has written it"), "the list says it");
        let shown = ada.page(&format!("/o/{}/audit/{}", house.slug, has + 2)).await;
        assert!(shown.text.contains("latchkey audit verify"), "and so does the event");
    })
    .await;
}

#[tokio::test]
async fn whose_log_it_is_decides_who_reads_it() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let slug = house.slug.as_str();
        let (id, _) = world.key("ci", &[]).await;
        fill(house, 40).await;
        // South's owner reads South's log, in which there is nothing of North.
        let own = page(&world.stranger, &world.south, &[]).await;
        let south = house.chain(world.south_id).await.0;
        assert_eq!(numbers(&own), (1..=south).rev().collect::<Vec<_>>());
        assert!(south < 40 && !own.to_string().contains(&id));
        assert_eq!(numbers(&page(&world.stranger, &world.south, &[("target", &id)]).await), Vec::<i64>::new());
        let get = world.stranger.form("audit/get", &[("slug", &world.south), ("number", "40")]).await;
        assert_eq!(get.status, 404, "a number of North's alone");
        let file = ask(&world.stranger, "audit/export", &world.south, &[], &[("format", "jsonl")]).await;
        assert!(file.status == 200 && !file.text.contains(&house.organisation.to_string()) && !file.text.contains(&id));
        let calls: [(&str, &[(&str, &str)]); 4] = [
            ("audit/list", &[]),
            ("audit/arrived", &[("after", "0")]),
            ("audit/get", &[("number", "1")]),
            ("audit/export", &[("format", "csv")]),
        ];
        for (path, more) in calls {
            let status = async |client: &Client| ask(client, path, slug, &[], more).await.status;
            assert_eq!(status(&world.owner).await, 200, "{path}");
            assert_eq!(status(&world.admin).await, 200, "{path}");
            let before = house.chain(house.organisation).await.0;
            assert_eq!(status(&world.member).await, 403, "{path}");
            let (after, last) = house.chain(house.organisation).await;
            assert_eq!(after - before, i64::from(path == "audit/export"), "{path}: reading leaves no event");
            if after > before {
                assert_eq!(last.expect("an event")["outcome"], "refused");
            }
            assert_eq!(status(&world.stranger).await, 404, "{path}");
            assert_eq!(status(&house.nobody()).await, 401, "{path}");
            assert_eq!(status(&house.program(&house.master_key)).await, 401, "{path}: no key reads it");
        }
        for address in [format!("/o/{slug}/audit"), format!("/o/{slug}/audit/1")] {
            assert_eq!(world.member.page(&address).await.status, 403, "{address}");
            assert_eq!(world.stranger.page(&address).await.status, 404, "{address}");
            assert_eq!(world.admin.page(&address).await.status, 200, "{address}");
        }
        let link = format!("href=\"/o/{slug}/audit\"");
        assert!(world.admin.page(&format!("/o/{slug}")).await.text.contains(&link));
        assert!(!world.member.page(&format!("/o/{slug}")).await.text.contains(&link), "not in a Member's navigation");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_told_by_its_number() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (house, slug) = (&world.house, world.house.slug.as_str());
        for _ in 0..30 {
            assert_eq!(world.member.form("api_keys/create", &[("slug", slug), ("name", "x")]).await.status, 403);
        }
        Access::record_floods(&house.app).await;
        let query = [("outcome", "refused"), ("action", "api_key.create")];
        let list = page(&world.owner, slug, &query).await;
        let counts: Vec<u64> =
            list["events"].as_array().expect("events").iter().map(|e| e["count"].as_u64().expect("a count")).collect();
        assert_eq!(counts.iter().sum::<u64>(), 30, "{counts:?}");
        let most = counts.iter().max().expect("events");
        assert!(*most > 1, "{counts:?}");
        let shown = world.owner.page(&format!("/o/{slug}/audit?outcome=refused")).await;
        assert!(
            shown.text.contains(" did not succeed in this: created the API key "),
            "it is not told as if it had been done"
        );
        assert!(shown.text.contains(&format!(", {most} times")));
    })
    .await;
}

#[tokio::test]
async fn what_is_new_is_announced_as_far_as_it_fits() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let slug = world.house.slug.as_str();
        let seen = page(&world.owner, slug, &[]).await["seen"].to_string();
        let arrived = async |query: &[(&str, &str)], after: &str| {
            let answer = ask(&world.owner, "audit/arrived", slug, query, &[("after", after)]).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            answer.json()
        };
        assert_eq!(arrived(&[], &seen).await["changes"], 0);
        world.key("one", &[]).await;
        world.key("two", &[]).await;
        let news = arrived(&[], &seen).await;
        assert_eq!(news["changes"], 2);
        assert_eq!(arrived(&[("kind", "api_key")], &seen).await["changes"], 2);
        assert_eq!(arrived(&[("kind", "config")], &seen).await["changes"], 0);
        assert_eq!(arrived(&[("range", "custom"), ("to", "2001-01-01")], &seen).await["changes"], 0);
        assert_eq!(arrived(&[], &news["seen"].to_string()).await["changes"], 0, "each is told once");
        assert_eq!(arrived(&[], "9223372036854775807").await["changes"], 0);
    })
    .await;
}

/// The page says what vouches for the events, and gives it as a file; what stands there after somebody changed it vouches
/// for nothing.
#[tokio::test]
async fn the_page_tells_how_far_the_log_is_vouched_for() {
    use crate::server::access::checkpoints::Checkpoints;
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let fields = [("slug", house.slug.as_str())];
        let proof = async || page(&world.owner, &house.slug, &[]).await["proof"].clone();
        assert_eq!(proof().await, "None");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("checkpoints.jsonl");
        Checkpoints::new(file.clone()).round(&house.app, true).await.expect("a round");
        let seen = page(&world.owner, &house.slug, &[]).await["seen"].clone();
        assert_eq!(proof().await["UpTo"][0], seen);
        let taken = world.owner.form("audit/checkpoints", &fields).await;
        assert_eq!(taken.status, 200, "{}", taken.text);
        let all = std::fs::read_to_string(&file).expect("the file");
        let own = |line: &&str| line.contains("public_key") || line.contains(&house.organisation.to_string());
        assert_eq!(taken.text.lines().collect::<Vec<_>>(), all.lines().filter(own).collect::<Vec<_>>());
        let shown = world.admin.page(&format!("/o/{}/audit", house.slug)).await;
        assert!(shown.text.contains("Verified and signed up to event #"), "{}", shown.text);
        assert_eq!(world.member.form("audit/checkpoints", &fields).await.status, 403);
        // The triggers are away, as for whoever owns the database.
        let drop = if house.app.db.is_postgres() {
            "ALTER TABLE audit_checkpoints DISABLE TRIGGER USER"
        } else {
            "DROP TRIGGER audit_checkpoints_keep"
        };
        house.as_owner_composed(drop).await.expect("the triggers are away");
        let spoil = r#"UPDATE audit_checkpoints SET body = REPLACE(body, '"v":1', '"v":2')"#;
        house.as_owner_composed(spoil).await.expect("spoilt");
        assert_eq!(proof().await, "Broken");
    })
    .await;
}
