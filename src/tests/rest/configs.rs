//! Configs, as programs store and read them.

use super::{code, founded, made, well_formed};
use crate::tests::support::{Client, each_engine};
use serde_json::{Value, json};

async fn virtual_key(program: &Client, slug: &str) {
    let body = json!({ "name": slug, "slug": slug, "provider": "openai", "key": "sk-x", "base_url": "http://127.0.0.1:4000/v1" });
    let answer = program.api("POST", "/v1/virtual-keys", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn configs_are_stored_in_both_forms_that_clients_read() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        virtual_key(&program, "main").await;
        let config = json!({ "strategy": { "mode": "fallback" }, "targets": [{ "virtual_key": "main" }, { "virtual_key": "main", "weight": 1 }] });
        let new = json!({ "name": "Resilient chat", "config": config, "isDefault": 0, "workspace_id": house.organisation.to_string() });
        let answer = program.api("POST", "/v1/configs", new).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        well_formed(&answer);
        let body = answer.json();
        let slug = body["slug"].as_str().expect("a slug").to_owned();
        assert_eq!((&body["success"], &body["data"]["id"]), (&json!(true), &body["id"]));
        assert_eq!(body["data"]["version_id"], body["version_id"]);
        let path = format!("/v1/configs/{slug}");
        let shown = program.api("GET", &path, Value::Null).await.json();
        let text = shown["config"].as_str().expect("the text");
        assert_eq!(serde_json::from_str::<Value>(text).expect("JSON"), config);
        assert!(text.contains('\n'), "it is laid out for people: {text}");
        assert_eq!((&shown["is_default"], &shown["format"], &shown["type"]), (&json!(0), &json!("json"), &json!("ORG_CONFIG")));
        assert_eq!((&shown["version_id"], &shown["virtual_keys"]), (&body["version_id"], &json!(["main"])));
        // The same text once more makes no version, in whatever form it comes; another one does.
        for same in [json!({ "slug": slug, "name": "Renamed" }), json!({ "config": text })] {
            let answer = program.api("PUT", &path, same).await;
            assert_eq!((answer.status, &answer.json()["version_id"]), (200, &body["version_id"]), "{}", answer.text);
        }
        let change = json!({ "config": { "virtual_key": "main" }, "status": "active", "message": "Simpler", "isDefault": 1 });
        let changed = program.api("PUT", &path, change).await.json();
        assert_ne!(changed["version_id"], body["version_id"]);
        assert_eq!((&changed["data"]["version_id"], &changed["current_version"]), (&changed["version_id"], &json!(2)));
        let versions = program.api("GET", &format!("{path}/versions"), Value::Null).await.json();
        assert_eq!((&versions["object"], &versions["total"]), (&json!("list"), &json!(2)));
        assert_eq!((&versions["data"][0]["message"], &versions["data"][0]["is_current"]), (&json!("Simpler"), &json!(true)));
        let old = program.api("GET", &format!("{path}/versions/1"), Value::Null).await.json();
        assert_eq!((&old["config"], &old["config_version"]), (&json!(text), &json!(1)));
        let restored = program.api("POST", &format!("{path}/versions/1/restore"), json!({})).await.json();
        assert_eq!(restored["current_version"], 3);
        for nothing in ["/versions/4", "/versions/x"] {
            assert_eq!(program.api("GET", &format!("{path}{nothing}"), Value::Null).await.status, 404);
        }
        let list = program.api("GET", "/v1/configs?workspace_id=", Value::Null).await.json();
        assert_eq!((&list["data"][0]["slug"], &list["data"][0]["is_default"]), (&json!(slug), &json!(1)));
        let stale = program.api("PUT", &path, json!({ "name": "Late", "version": 1 })).await;
        assert_eq!((stale.status, code(&stale).as_str()), (409, "stale_version"));
        let kept = program.api("DELETE", &path, Value::Null).await;
        assert_eq!(kept.status, 409, "new keys begin with it");
        assert_eq!(program.api("PUT", &path, json!({ "is_default": 0 })).await.status, 200);
        assert_eq!(program.api("DELETE", &path, Value::Null).await.json(), json!({}));
        assert_eq!(program.api("GET", &path, Value::Null).await.status, 404);
    })
    .await;
}

#[tokio::test]
async fn refusals_name_path_line_and_column() {
    each_engine(async |house| {
        let (_house, program) = founded(house).await;
        virtual_key(&program, "main").await;
        let refused = async |config: Value| {
            let answer = program.api("POST", "/v1/configs", json!({ "name": "x", "config": config })).await;
            assert_eq!(answer.status, 422, "{}", answer.text);
            assert_eq!(code(&answer), "invalid");
            answer.json()
        };
        let body = refused(json!({ "strategy": { "mode": "loadbalance" }, "targets": [{ "virtual_key": "main" }, { "virtual_key": "main", "wieght": 2 }] })).await;
        let field = &body["error"]["fields"][0];
        assert_eq!(field["field"], "config.targets[1].wieght");
        assert!(field["message"].as_str().is_some_and(|words| words.starts_with("Line 1, column ")), "{field}");
        let unknown = refused(json!({ "virtual_key": "nobody" })).await;
        assert_eq!(unknown["error"]["fields"][0]["field"], "config.virtual_key");
        // Two at once; and the whole, which has no place.
        let two = refused(json!({ "virtual_key": "main", "retry": { "attempts": 6 }, "odd": 1 })).await;
        assert_eq!(two["error"]["fields"].as_array().map(Vec::len), Some(2), "{two}");
        let whole = refused(json!({ "name": "idle", "weight": 2 })).await;
        assert_eq!(whole["error"]["fields"][0]["field"], "config");
        let text = "{\n \"virtual_key\": \"main\",\n \"retry\": {}\n}";
        let answer = program.api("POST", "/v1/configs", json!({ "name": "x", "config": text })).await;
        assert!(answer.text.contains("Line 3, column "), "the text's own lines: {}", answer.text);
        for odd in [json!([]), json!(7), json!("nonsense"), json!(null)] {
            let answer = program.api("POST", "/v1/configs", json!({ "name": "x", "config": odd })).await;
            assert!((400..500).contains(&answer.status), "{odd}: {}", answer.text);
        }
        assert_eq!(program.api("GET", "/v1/configs", Value::Null).await.json()["total"], 0);
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_tells_the_way_and_calls_nobody() {
    each_engine(async |house| {
        let (_house, program) = founded(house).await;
        virtual_key(&program, "first").await;
        virtual_key(&program, "second").await;
        let config = json!({ "strategy": { "mode": "fallback" }, "targets": [{ "virtual_key": "first" }, { "virtual_key": "second" }] });
        let made = program.api("POST", "/v1/configs", json!({ "name": "x", "config": config })).await.json();
        let path = format!("/v1/configs/{}/dry-run", made["slug"].as_str().expect("a slug"));
        let well = program.api("POST", &path, json!({ "model": "gpt-4o" })).await;
        assert_eq!(well.status, 200, "{}", well.text);
        assert_eq!(well.json()["reached"]["path"], "config.targets[0]");
        let asked = json!({ "model": "gpt-4o", "answers": { "config.targets[0]": "503" }, "metadata": { "plan": "paid" } });
        let next = program.api("POST", &path, asked).await.json();
        assert_eq!((&next["reached"]["virtual_key"], &next["object"]), (&json!("second"), &json!("config-dry-run")), "{next}");
        assert!(next["steps"].as_array().is_some_and(|steps| steps.iter().all(|step| step["line"].as_u64() > Some(0))));
        let odd = program.api("POST", &path, json!({ "answers": { "first": "tomorrow" } })).await;
        assert_eq!((odd.status, &odd.json()["error"]["fields"][0]["field"]), (422, &json!("answers.first")));
    })
    .await;
}

#[tokio::test]
async fn a_key_has_a_config_of_its_own_organisation() {
    each_engine(async |house| {
        let (_house, program) = founded(house).await;
        virtual_key(&program, "main").await;
        let config = json!({ "name": "x", "config": { "virtual_key": "main" } });
        let slug = program.api("POST", "/v1/configs", config).await.json()["slug"].clone();
        let defaults = json!({ "config_id": slug, "allow_config_override": false });
        let (id, _) = made(&program, json!({ "name": "k", "scopes": [], "defaults": defaults })).await;
        let path = format!("/v1/api-keys/{id}");
        let shown = program.api("GET", &path, Value::Null).await.json();
        assert_eq!((&shown["defaults"], &shown["allow_config_override"]), (&defaults, &json!(0)));
        // What is left out stays; null takes it away.
        assert_eq!(program.api("PUT", &path, json!({ "defaults": { "allow_config_override": 1 } })).await.status, 200);
        let shown = program.api("GET", &path, Value::Null).await.json();
        assert_eq!(shown["defaults"], json!({ "config_id": slug, "allow_config_override": true }));
        assert_eq!(program.api("PUT", &path, json!({ "defaults": { "config_id": null } })).await.status, 200);
        assert_eq!(program.api("GET", &path, Value::Null).await.json()["defaults"]["config_id"], Value::Null);
        for (defaults, field) in [
            (json!({ "config_id": "pc-nobody-0a1b2c" }), "defaults.config_id"),
            (json!({ "metadata": { "a": "b" } }), "defaults"),
            (json!({ "odd": 1 }), "defaults"),
        ] {
            let answer = program.api("PUT", &path, json!({ "defaults": defaults })).await;
            assert_eq!(
                (answer.status, answer.json()["error"]["fields"][0]["field"].as_str()),
                (422, Some(field)),
                "{}",
                answer.text
            );
        }
    })
    .await;
}

#[tokio::test]
async fn programs_may_restrict_calls_to_saved_configs() {
    each_engine(async |house| {
        let (_house, program) = founded(house).await;
        let own = program.api("GET", "/v1/admin/organisation", Value::Null).await.json();
        assert_eq!((&own["saved_only"], &own["object"]), (&json!(false), &json!("organisation")));
        let set =
            program.api("PUT", "/v1/admin/organisation", json!({ "saved_only": true, "usage_limits": null })).await;
        assert_eq!((set.status, set.json()), (200, json!({})), "{}", set.text);
        assert_eq!(program.api("GET", "/v1/admin/organisation", Value::Null).await.json()["saved_only"], true);
        for odd in [json!({ "saved_only": "yes" }), json!({ "saved_only": null }), json!({})] {
            let odd = program.api("PUT", "/v1/admin/organisation", odd).await;
            assert_eq!(odd.status, 422, "{}", odd.text);
        }
    })
    .await;
}
