//! The audit log by REST: for the master key, and for no other.

use super::{code, founded, made, well_formed};
use crate::{
    server::{
        access::checkpoints::Checkpoints,
        audit::{
            Stored,
            verify::{Verdict, Verifier},
        },
    },
    tests::{
        audit_room::fill,
        support::{Client, House, done, each_engine, text},
        tampering::{id, run},
    },
};
use serde_json::{Value, json};

async fn good(program: &Client, path: &str) -> Value {
    let answer = program.api("GET", path, Value::Null).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    well_formed(&answer);
    answer.json()
}

async fn refused(program: &Client, path: &str, expected: (u16, &str)) -> Value {
    let answer = program.api("GET", path, Value::Null).await;
    assert_eq!((answer.status, code(&answer).as_str()), expected, "{path}: {}", answer.text);
    answer.json()
}

fn numbers(page: &Value) -> Vec<i64> {
    page["data"].as_array().expect("events").iter().map(|event| event["seq"].as_i64().expect("a number")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal")).collect()
}

#[tokio::test]
async fn pages_hold_the_whole_chain_as_it_is_hashed() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        fill(&house, 130).await;
        let (mut path, mut events, mut pages) = ("/v1/audit-events?page_size=60".to_owned(), vec![], vec![]);
        loop {
            let page = good(&program, &path).await;
            assert_eq!((&page["object"], &page["total"]), (&json!("list"), &json!(130)), "{page}");
            assert_eq!(page["has_more"], page["next"].is_string());
            pages.push(numbers(&page).len());
            events.extend(page["data"].as_array().expect("events").clone());
            let Some(next) = page["next"].as_str() else { break };
            path = format!("/v1/audit-events?page_size=60&cursor={next}");
        }
        assert_eq!(pages, [60, 60, 10]);
        // Reading leaves no event, and what was read is the chain, byte by byte.
        assert_eq!(house.chain(house.organisation).await.0, 130);
        let mut verifier = Verifier::new(house.organisation);
        let mut tx = house.app.read_proven(house.organisation).await.expect("reads");
        let stored = crate::server::audit::page(&mut tx, 0, 1_000).await.expect("events");
        drop(tx);
        for (event, stored) in events.iter().rev().zip(&stored) {
            let one = good(&program, &format!("/v1/audit-events/{}", stored.seq)).await;
            assert_eq!((&one, &event["object"]), (event, &json!("audit_event")));
            assert_eq!(event["event"], serde_json::from_str::<Value>(&stored.body).expect("JSON"));
            let (previous, hash) = (unhex(&text(event, "previous")), unhex(&text(event, "hash")));
            verifier.take(&Stored {
                seq: event["seq"].as_i64().expect("n"),
                body: stored.body.clone(),
                previous,
                hash,
                personal: serde_json::from_value(event["personal"].clone()).unwrap_or_default(),
            });
        }
        assert!(matches!(verifier.finish_export(), Verdict::Whole { events: 130, .. }));
        let exact = program.api("GET", "/v1/audit-events/7", Value::Null).await.text;
        assert!(exact.contains(&stored[6].body), "the text stands there as it is hashed: {exact}");
        for none in ["0", "131", "-1", "x", "99999999999999999999"] {
            refused(&program, &format!("/v1/audit-events/{none}"), (404, "not_found")).await;
        }
    })
    .await;
}

#[tokio::test]
async fn filters_are_those_of_the_console() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let ada = house.person("ada@north.test").await;
        let (key, _) = made(&program, json!({ "name": "one" })).await;
        done(&ada, "api_keys/create", &[("slug", &house.slug), ("name", "two")]).await;
        let end = house.chain(house.organisation).await.0;
        for (query, expected) in [
            ("kind=api_key".to_owned(), vec![end, end - 1]),
            ("action=api_key.create&actor_kind=api_key".to_owned(), vec![end - 1]),
            (format!("target=api_key/{key}"), vec![end - 1]),
            ("outcome=refused".to_owned(), vec![]),
            ("range=1h&kind=api_key&actor_kind=person".to_owned(), vec![end]),
            ("from=2020-01-01&to=2021-01-01".to_owned(), vec![]),
        ] {
            let page = good(&program, &format!("/v1/audit-events?{query}")).await;
            assert_eq!((numbers(&page), &page["total"]), (expected.clone(), &json!(expected.len())), "{query}: {page}");
        }
        // What stands in bodies alone is not counted.
        let mine = good(&program, "/v1/audit-events?credential=command").await;
        assert!(mine["total"].is_null() && !numbers(&mine).is_empty(), "{mine}");
        for (query, field) in [
            ("outcome=ok", "outcome"),
            ("cursor=x", "cursor"),
            ("cursor=-1", "cursor"),
            ("range=2h", "range"),
            ("range=1h&from=2020-01-01", "range"),
            ("page_size=101", "page_size"),
            ("after=3", "after"),
        ] {
            let error = refused(&program, &format!("/v1/audit-events?{query}"), (422, "invalid")).await;
            assert!(error.to_string().contains(&format!("\"{field}\"")), "{query}: {error}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_contract_has_its_own_form() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let ada = house.person("ada@north.test").await;
        let (key, secret) = made(&program, json!({ "name": "one" })).await;
        assert_eq!(program.api("DELETE", &format!("/v1/api-keys/{key}"), Value::Null).await.status, 200);
        done(&ada, "api_keys/create", &[("slug", &house.slug), ("name", "two")]).await;
        refused(&house.program(&secret), "/v1/api-keys", (401, "api_key_revoked")).await;
        let denied = made(&program, json!({ "name": "weak", "scopes": ["models.call"] })).await.1;
        let answer = house.program(&denied).api("DELETE", &format!("/v1/api-keys/{key}"), Value::Null).await;
        assert_eq!(answer.status, 403);
        let time = "start_time=2020-01-01T00:00:00Z&end_time=2100-01-01";
        let all = good(&program, &format!("/v1/audit-logs?{time}")).await;
        let end = house.chain(house.organisation).await.0;
        assert_eq!((&all["object"], &all["total"]), (&json!("analytics-graph"), &json!(end)));
        let records = all["records"].as_array().expect("records");
        let of = |action: &str, status: u16| {
            records
                .iter()
                .find(|record| record["action"] == action && record["response_status_code"] == status)
                .unwrap_or_else(|| panic!("{action} {status} is not in {all}"))
        };
        let deleted = of("api_key.delete", 200);
        assert_eq!((&deleted["method"], &deleted["uri"]), (&json!("DELETE"), &json!("/v1/api-keys/{id}")));
        let told = ["user_type", "resource_type", "request_body", "query_params", "request_headers", "country"];
        let told = told.map(|name| deleted[name].as_str().expect(name));
        assert_eq!(told, ["api_key", "api_key", "{}", "{}", "{}", ""]);
        assert_eq!(deleted["organisation_id"], house.organisation.to_string());
        assert_eq!(of("api_key.delete", 403)["user_type"], "api_key");
        let by_person: Vec<&Value> = records.iter().filter(|record| record["user_type"] == "user").collect();
        assert!(!by_person.is_empty() && by_person.iter().all(|record| record["method"] == ""), "{all}");
        // Narrowed, and in pages.
        for (query, expected) in [
            ("user_type=api_key&action=api_key.delete", 2),
            ("user_type=user&resource_type=api_key", 1),
            ("resource_type=prompt", 0),
        ] {
            let found = good(&program, &format!("/v1/audit-logs?{time}&{query}")).await;
            assert_eq!(found["total"], expected, "{query}: {found}");
            assert_eq!(found["records"].as_array().map(Vec::len), Some(expected));
        }
        let second = good(&program, &format!("/v1/audit-logs?{time}&page_size=2&current_page=1")).await;
        assert_eq!(second["records"].as_array().expect("records")[..], records[2..4]);
        let own = good(&program, &format!("/v1/audit-logs?{time}&organisation_id={}", house.organisation)).await;
        assert_eq!(own["total"], end);
        for (query, status, code) in [
            ("", 422, "invalid"),
            ("start_time=2020-01-01", 422, "invalid"),
            ("start_time=x&end_time=2100-01-01", 422, "invalid"),
            ("start_time=&end_time=", 422, "invalid"),
            (&*format!("{time}&uri=/v1/x"), 422, "invalid"),
            (&*format!("{time}&method=POST"), 422, "invalid"),
            (&*format!("{time}&page_size=100&current_page=10"), 422, "invalid"),
            (&*format!("{time}&organisation_id=00000000-0000-0000-0000-000000000007"), 404, "not_found"),
        ] {
            refused(&program, &format!("/v1/audit-logs?{query}"), (status, code)).await;
        }
    })
    .await;
}

const PATHS: [&str; 4] = [
    "/v1/audit-events",
    "/v1/audit-events/1",
    "/v1/audit-events/verification",
    "/v1/audit-logs?start_time=2020-01-01&end_time=2100-01-01",
];

async fn expect_closed(client: &Client) {
    for path in PATHS {
        let error = refused(client, path, (403, "permission_denied")).await;
        assert_eq!(error["error"]["permission"], "audit.view", "{path}");
    }
}

/// Everything that keys can be given.
fn everything() -> Value {
    crate::policy::KeyFeature::ALL
        .map(|feature| (feature.name().to_owned(), Value::from(feature.steps().last().expect("a step").0.name())))
        .into_iter()
        .collect::<serde_json::Map<_, _>>()
        .into()
}

async fn master_id(program: &Client) -> String {
    let keys = program.api("GET", "/v1/api-keys", Value::Null).await.json();
    let keys = keys["data"].as_array().expect("keys").clone();
    text(keys.iter().find(|key| key["name"] == "Master key").expect("the master key"), "id")
}

#[tokio::test]
async fn no_other_key_can_get_it() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let (_, secret) = made(&program, json!({ "name": "full", "permissions": everything() })).await;
        let full = house.program(&secret);
        expect_closed(&full).await;
        let master = master_id(&program).await;
        // It is given to none by its name, and nobody learns the master key's secret without it.
        let named = program.api("POST", "/v1/api-keys", json!({ "name": "x", "scopes": ["audit.view"] })).await;
        assert_eq!(named.status, 422, "{}", named.text);
        let path = format!("/v1/api-keys/{master}");
        for (method, path, body) in [
            ("POST", format!("{path}/rotate"), json!({ "key_transition_period_ms": 0 })),
            ("PUT", path.clone(), json!({ "name": "Mine" })),
            ("POST", format!("{path}/disable"), Value::Null),
            ("DELETE", path.clone(), Value::Null),
        ] {
            let answer = full.api(method, &path, body).await;
            assert_eq!((answer.status, code(&answer).as_str()), (403, "permission_denied"), "{method} {path}");
            assert_eq!(answer.json()["error"]["permission"], "audit.view", "{method} {path}");
        }
        for path in PATHS {
            good(&program, path).await;
        }
        // Explanations say the same.
        let able = good(&program, "/v1/who-can?permission=audit.view").await;
        let able: Vec<String> =
            able["api_keys"].as_array().expect("keys").iter().map(|key| text(key, "name")).collect();
        assert_eq!(able, ["Master key"]);
        // A master key that holds less than all, or reaches less, has it no more; nor does it come back by another key.
        let ada = house.person("ada@north.test").await;
        let list = ada.form("api_keys/list", &[("slug", &house.slug)]).await.json();
        let key = list["keys"].as_array().expect("keys").iter().find(|key| key["id"] == master).expect("it").clone();
        let version = key["version"].to_string();
        let fields = [
            ("slug", house.slug.as_str()),
            ("id", &master),
            ("version", &version),
            ("name", "Master key"),
            ("metrics", "disabled"),
        ];
        done(&ada, "api_keys/update", &fields).await;
        expect_closed(&program).await;
        let back = full.api("PUT", &format!("/v1/api-keys/{master}"), json!({ "permissions": everything() })).await;
        assert_eq!(back.json()["error"]["permission"], "audit.view", "{}", back.text);
    })
    .await;
}

#[tokio::test]
async fn a_narrowed_master_key_does_not_have_it() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let master = master_id(&program).await;
        for (sql, is_open) in [(r#"{"allowed_ips":["0.0.0.0/0","::/0"]}"#, true), (r#"{"models":["gpt-4o"]}"#, false)] {
            let (org, key) = (id(&house, house.organisation.0), id(&house, master.parse().expect("an id")));
            run(&house, format!("UPDATE api_keys SET narrowing = '{sql}' WHERE org_id = {org} AND id = {key}")).await;
            match is_open {
                true => {
                    good(&house.program(&house.master_key).at("192.0.2.7"), "/v1/audit-events").await;
                }
                false => expect_closed(&program).await,
            }
        }
    })
    .await;
}

async fn verification(program: &Client) -> Value {
    good(program, "/v1/audit-events/verification").await
}

#[tokio::test]
async fn what_is_broken_is_told_by_its_number() {
    each_engine(async |house: House| {
        let (house, program) = founded(house).await;
        let north = house.organisation;
        let folder = tempfile::tempdir().expect("a folder");
        let mut maker = Checkpoints::new(folder.path().join("checkpoints.jsonl"));
        fill(&house, 5).await;
        let before = verification(&program).await;
        assert_eq!(
            (&before["verified_up_to"], &before["broken_at"], &before["newest"]),
            (&Value::Null, &Value::Null, &json!(5))
        );
        maker.round(&house.app, true).await.expect("made");
        fill(&house, 9).await;
        let whole = verification(&program).await;
        let told = (&whole["verified_up_to"], &whole["broken_at"], &whole["newest"], &whole["removed_up_to"]);
        assert_eq!(told, (&json!(5), &Value::Null, &json!(9), &Value::Null), "{whole}");
        assert!(whole["verified_at"].is_string());

        let triggers = match house.app.db.is_postgres() {
            true => "ALTER TABLE audit_events DISABLE TRIGGER USER; ALTER TABLE audit_checkpoints DISABLE TRIGGER USER",
            false => {
                "DROP TRIGGER audit_events_keep; DROP TRIGGER audit_events_stay; DROP TRIGGER audit_checkpoints_keep"
            }
        };
        run(&house, triggers.to_owned()).await;
        run(&house, "CREATE TABLE kept AS SELECT * FROM audit_events".to_owned()).await;
        let of = format!("org_id = {}", id(&house, north.0));
        for (sql, broken) in [
            (format!("UPDATE audit_events SET body = body || ' ' WHERE {of} AND seq = 7"), 7),
            (format!("DELETE FROM audit_events WHERE {of} AND seq = 8"), 8),
            (format!("DELETE FROM audit_events WHERE {of} AND seq = 9"), 9),
            (format!("UPDATE audit_events SET hash = previous WHERE {of} AND seq = 5"), 5),
            (format!("DELETE FROM audit_events WHERE {of} AND seq = 5"), 5),
        ] {
            run(&house, sql.clone()).await;
            assert_eq!(verification(&program).await["broken_at"], broken, "{sql}");
            run(&house, "DELETE FROM audit_events; INSERT INTO audit_events SELECT * FROM kept".to_owned()).await;
            assert_eq!(verification(&program).await["broken_at"], Value::Null);
        }
        run(&house, format!("UPDATE audit_checkpoints SET body = body || ' ' WHERE {of}")).await;
        let forged = verification(&program).await;
        assert_eq!((&forged["broken_at"], &forged["verified_up_to"]), (&json!(5), &Value::Null), "{forged}");
    })
    .await;
}
