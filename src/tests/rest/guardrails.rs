//! Guardrails, as programs store and read them.

use super::{code, founded, well_formed};
use crate::tests::support::each_engine;
use serde_json::{Value, json};

#[tokio::test]
async fn guardrails_are_stored_as_clients_send_them() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let checks = json!([
            { "id": "default.contains", "parameters": { "operator": "none", "words": ["halt", "Ünïcode"] }, "name": "Words" },
            { "id": "default.regexMatch", "parameters": { "rule": "a" }, "is_enabled": false },
        ]);
        let actions = json!({ "deny": true, "async": false, "on_fail": { "feedback": { "value": -5, "weight": 1, "metadata": {} } } });
        let new = json!({ "name": "No halts", "checks": checks, "actions": actions, "workspace_id": house.organisation.to_string() });
        let answer = program.api("POST", "/v1/guardrails", new).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        well_formed(&answer);
        let made = answer.json();
        let (slug, id) = (made["slug"].as_str().expect("a slug"), made["id"].as_str().expect("an id"));
        assert!(slug.starts_with("gr-nohalt-"), "{slug}");
        // By its slug and by its id.
        for of in [slug, id] {
            let shown = program.api("GET", &format!("/v1/guardrails/{of}"), Value::Null).await.json();
            assert_eq!((&shown["checks"], &shown["actions"]), (&checks, &actions), "{shown}");
            assert_eq!((&shown["version_id"], &shown["status"]), (&made["version_id"], &json!("active")));
        }
        let path = format!("/v1/guardrails/{id}");
        // What is left out stays; the same makes no version.
        let same = program.api("PUT", &path, json!({ "guardrail_id": id, "name": "Renamed", "checks": checks })).await;
        assert_eq!((same.status, &same.json()["version_id"]), (200, &made["version_id"]), "{}", same.text);
        let changed = program.api("PUT", &path, json!({ "actions": { "deny": false }, "message": "Milder" })).await.json();
        assert_ne!(changed["version_id"], made["version_id"]);
        assert_eq!((&changed["slug"], &changed["current_version"]), (&json!(slug), &json!(2)));
        let shown = program.api("GET", &path, Value::Null).await.json();
        assert_eq!((&shown["checks"], &shown["actions"]), (&checks, &json!({ "deny": false })));
        let versions = program.api("GET", &format!("{path}/versions"), Value::Null).await.json();
        assert_eq!((&versions["total"], &versions["data"][0]["message"]), (&json!(2), &json!("Milder")));
        let old = program.api("GET", &format!("{path}/versions/1"), Value::Null).await.json();
        assert_eq!((&old["actions"], &old["is_current"]), (&actions, &json!(false)));
        let restored = program.api("POST", &format!("{path}/versions/1/restore"), json!({})).await.json();
        assert_eq!(restored["current_version"], 3);
        let stale = program.api("PUT", &path, json!({ "name": "Late", "version": 1 })).await;
        assert_eq!((stale.status, code(&stale).as_str()), (409, "stale_version"));
        let list = program.api("GET", "/v1/guardrails?page_size=10&current_page=0", Value::Null).await.json();
        assert_eq!((&list["total"], &list["data"][0]["slug"]), (&json!(1), &json!(slug)));
        // For every call; then it is kept.
        let set = program.api("PUT", &format!("{path}/enforcement"), json!({ "answers": true })).await;
        assert_eq!(set.json(), json!({ "requests": false, "answers": true }), "{}", set.text);
        assert_eq!(program.api("DELETE", &path, Value::Null).await.status, 409);
        let off = json!({ "answers": false });
        assert_eq!(program.api("PUT", &format!("{path}/enforcement"), off).await.status, 200);
        assert_eq!(program.api("DELETE", &path, Value::Null).await.json(), json!({}));
        for of in [slug, id] {
            assert_eq!(program.api("GET", &format!("/v1/guardrails/{of}"), Value::Null).await.status, 404);
        }
    })
    .await;
}

#[tokio::test]
async fn refusals_name_the_field_of_each_check() {
    each_engine(async |house| {
        let (_house, program) = founded(house).await;
        let refused = async |checks: Value| {
            let answer = program.api("POST", "/v1/guardrails", json!({ "name": "x", "checks": checks })).await;
            assert_eq!(answer.status, 422, "{}", answer.text);
            let fields = answer.json()["error"]["fields"].as_array().expect("fields").clone();
            fields.iter().map(|field| field["field"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
        };
        let two = json!([{ "id": "default.regexMatch", "parameters": { "rule": "([a-z" } }, { "id": "acme.magic" }]);
        assert_eq!(refused(two).await, ["checks[0].parameters.rule", "checks[1].id"]);
        assert_eq!(refused(json!([])).await, ["checks"]);
        assert_eq!(refused(json!("nonsense")).await, ["checks"]);
        assert_eq!(program.api("GET", "/v1/guardrails", Value::Null).await.json()["total"], 0);
    })
    .await;
}

#[tokio::test]
async fn samples_and_tries_store_no_more_than_they_say() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let checks = json!([{ "id": "default.regexMatch", "parameters": { "rule": "INV" } }]);
        let made = program.api("POST", "/v1/guardrails", json!({ "name": "x", "checks": checks })).await.json();
        let path = format!("/v1/guardrails/{}", made["slug"].as_str().expect("a slug"));
        let before = house.snapshot().await;
        for (at, body, verdict) in [
            (format!("{path}/try"), json!({ "text": "INV-1" }), true),
            (format!("{path}/try"), json!({ "text": "none", "side": "answer" }), false),
            (
                format!("{path}/try"),
                json!({ "text": "none", "checks": [{ "id": "default.regexMatch", "parameters": { "rule": "none" } }] }),
                true,
            ),
            ("/v1/guardrails/try".to_owned(), json!({ "text": "none", "checks": checks }), false),
        ] {
            let answer = program.api("POST", &at, body).await;
            assert_eq!((answer.status, &answer.json()["result"]["verdict"]), (200, &json!(verdict)), "{}", answer.text);
        }
        assert_eq!(house.snapshot().await, before);
        let odd = program.api("POST", &format!("{path}/try"), json!({ "text": "a", "side": "both" })).await;
        assert_eq!((odd.status, &odd.json()["error"]["fields"][0]["field"]), (422, &json!("side")));
        let bare = program.api("POST", "/v1/guardrails/try", json!({ "text": "a" })).await;
        assert_eq!((bare.status, &bare.json()["error"]["fields"][0]["field"]), (422, &json!("checks")));
        let kept = program.api("POST", &format!("{path}/samples"), json!({ "text": "INV-9", "passes": true })).await;
        let id = kept.json()["id"].as_str().expect("an id").to_owned();
        let samples = program.api("GET", &format!("{path}/samples"), Value::Null).await.json();
        assert_eq!((&samples["data"][0]["text"], &samples["data"][0]["holds"]), (&json!("INV-9"), &json!(true)));
        let other = json!([{ "id": "default.regexMatch", "parameters": { "rule": "ORDER" } }]);
        let saved = program.api("PUT", &path, json!({ "checks": other })).await.json();
        assert_eq!(saved["broken_samples"], json!(["INV-9"]));
        assert_eq!(program.api("DELETE", &format!("{path}/samples/{id}"), Value::Null).await.status, 200);
        assert_eq!(program.api("DELETE", &format!("{path}/samples/{id}"), Value::Null).await.status, 404);
    })
    .await;
}
