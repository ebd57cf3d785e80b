//! API keys, as programs cut and change them.

use super::{code, founded, made, well_formed};
use crate::tests::support::each_engine;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::sleep;

#[tokio::test]
async fn a_key_lives_its_life() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let (id, secret) = made(
            &program,
            json!({ "name": "CI", "scopes": ["completions.write", "api_keys.list"], "type": "organisation" }),
        )
        .await;
        let path = format!("/v1/api-keys/{id}");
        let shown = program.api("GET", &path, Value::Null).await;
        well_formed(&shown);
        assert!(!shown.text.contains(&secret));
        assert_eq!(shown.json()["scopes"], json!(["api_keys.list", "completions.write"]));
        assert_eq!(shown.json()["status"], "active");
        let list = program.api("GET", "/v1/api-keys?pageSize=1&currentPage=1", Value::Null).await.json();
        assert_eq!(
            (list["object"].as_str(), list["total"].as_i64(), list["data"].as_array().map(Vec::len)),
            (Some("list"), Some(2), Some(1))
        );

        let own = house.program(&secret);
        assert_eq!(own.api("GET", "/v1/api-keys", Value::Null).await.status, 200);
        let denied = own.api("POST", "/v1/api-keys", json!({ "name": "more" })).await;
        assert_eq!((denied.status, code(&denied).as_str()), (403, "permission_denied"));
        assert_eq!(denied.json()["error"]["permission"], "api_keys.create");
        assert_eq!(denied.json()["error"]["held_by"], "Owners and Admins");

        let answer = program
            .api("PUT", &path, json!({ "id": id, "name": "CI 2", "permissions": { "metrics": "enabled" } }))
            .await;
        assert_eq!((answer.status, answer.json()), (200, json!({})), "{}", answer.text);
        let shown = program.api("GET", &path, Value::Null).await.json();
        assert_eq!((shown["name"].as_str(), shown["permissions"]["metrics"].as_str()), (Some("CI 2"), Some("enabled")));
        assert_eq!(shown["permissions"]["api_keys"], "read");

        let rotated = program
            .api("POST", &format!("/v2/api-keys/{id}/rotate"), json!({ "key_transition_period_ms": 3_600_000 }))
            .await;
        assert_eq!(rotated.status, 200, "{}", rotated.text);
        let newer = house.program(rotated.json()["key"].as_str().expect("a secret"));
        for client in [&own, &newer] {
            assert_eq!(client.api("GET", "/v1/api-keys", Value::Null).await.status, 200);
        }
        let again = program.api("POST", &format!("{path}/rotate"), Value::Null).await;
        assert_eq!((again.status, code(&again).as_str()), (409, "conflict"));
        for period in [-1, 604_800_001, i64::MAX] {
            let odd =
                program.api("POST", &format!("{path}/rotate"), json!({ "key_transition_period_ms": period })).await;
            assert_eq!((odd.status, odd.json()["error"]["param"].as_str()), (422, Some("key_transition_period_ms")));
        }
        assert_eq!(program.api("POST", &format!("{path}/end-overlap"), Value::Null).await.status, 200);
        let ended = own.api("GET", "/v1/api-keys", Value::Null).await;
        assert_eq!((ended.status, code(&ended).as_str()), (401, "api_key_revoked"));

        for (verb, expected) in [("disable", 401), ("enable", 200)] {
            assert_eq!(program.api("POST", &format!("{path}/{verb}"), json!({})).await.status, 200);
            assert_eq!(newer.api("GET", "/v1/api-keys", Value::Null).await.status, expected);
        }
        let answer = program.api("DELETE", &path, json!({ "id": id })).await;
        assert_eq!((answer.status, answer.json()), (200, json!({})));
        let gone = newer.api("GET", "/v1/api-keys", Value::Null).await;
        assert_eq!((gone.status, code(&gone).as_str()), (401, "api_key_revoked"));
        for path in [
            "/v1/api-keys/none",
            "/v1/api-keys/00000000-0000-0000-0000-000000000001",
            "/v1/virtual-keys/none",
            "/v1/admin/users/none",
        ] {
            let answer = program.api("GET", path, Value::Null).await;
            assert_eq!((answer.status, code(&answer).as_str()), (404, "not_found"), "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn keys_are_made_where_existing_clients_make_them() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let body = json!({ "name": "a", "type": "workspace", "sub-type": "service", "workspace_id": house.organisation, "rate_limits": null });
        assert_eq!(program.api("POST", "/v1/api-keys/workspace/service", body).await.status, 200);
        let answer = program.api("POST", "/v1/api-keys/organisation/NOT_GIVEN", json!({ "name": "a" })).await;
        assert_eq!((answer.status, code(&answer).as_str()), (400, "malformed"));
    })
    .await;
}

#[tokio::test]
async fn scopes_are_read_again_under_the_names_that_were_given() {
    each_engine(async |house| {
        let (_house, program) = founded(house).await;
        let given = json!(["prompts.read", "prompts.render", "completions.write"]);
        let (id, _) = made(&program, json!({ "name": "a", "scopes": given })).await;
        let path = format!("/v1/api-keys/{id}");
        let scopes = async || {
            let mut scopes: Vec<String> =
                serde_json::from_value(program.api("GET", &path, Value::Null).await.json()["scopes"].take())
                    .expect("names");
            scopes.sort();
            scopes
        };
        assert_eq!(scopes().await, ["completions.write", "prompts.read", "prompts.render"]);
        // What is said of something else changes none of them; a level takes some away; new names replace all.
        for (change, expected) in [
            (json!({ "name": "b" }), vec!["completions.write", "prompts.read", "prompts.render"]),
            (json!({ "permissions": { "completions": "disabled" } }), vec!["prompts.read", "prompts.render"]),
            (json!({ "scopes": ["models.call"] }), vec!["models.call"]),
        ] {
            assert_eq!(program.api("PUT", &path, change.clone()).await.status, 200, "{change}");
            assert_eq!(scopes().await, expected, "{change}");
        }
    })
    .await;
}

#[tokio::test]
async fn scopes_of_existing_clients_open_what_they_say_and_nothing_else() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        // The contract's own examples.
        let lists = [
            json!(["workspaces.list", "logs.export", "logs.list", "logs.view"]),
            json!([
                "logs.export",
                "logs.list",
                "logs.view",
                "configs.create",
                "configs.update",
                "configs.delete",
                "configs.read",
                "configs.list",
                "virtual_keys.create",
                "virtual_keys.update",
                "virtual_keys.delete",
                "virtual_keys.read",
                "virtual_keys.list",
                "virtual_keys.copy",
            ]),
        ];
        for scopes in lists {
            let (id, _) = made(&program, json!({ "name": "example", "scopes": scopes })).await;
            let path = format!("/v1/api-keys/{id}");
            let read = async || program.api("GET", &path, Value::Null).await.json()["scopes"].clone();
            let sorted = |scopes: &Value| {
                let mut names: Vec<String> = serde_json::from_value(scopes.clone()).expect("names");
                names.sort();
                names
            };
            let told = read().await;
            assert_eq!(sorted(&told), sorted(&scopes));
            assert_eq!(program.api("PUT", &path, json!({ "scopes": told })).await.status, 200);
            assert_eq!(read().await, told, "what is read can be sent back");
        }
        let export = json!({ "filters": { "status_code": "200,429" }, "requested_data": ["id"] });
        let calls = [
            ("POST", "/v1/logs/exports", export),
            ("GET", "/v1/analytics/graphs/requests?range=7d", Value::Null),
            ("GET", "/v1/configs", Value::Null),
            ("GET", "/v1/models", Value::Null),
            ("GET", "/v1/virtual-keys", Value::Null),
        ];
        for (scope, opens) in [
            ("logs.export", &[0][..]),
            ("analytics.view", &[1]),
            ("configs.list", &[2]),
            ("completions.write", &[3]),
            ("workspace_integrations.list", &[4]),
            ("workspaces.list", &[]),
        ] {
            let (_, secret) = made(&program, json!({ "name": scope, "scopes": [scope] })).await;
            let key = house.program(&secret);
            for (number, (method, path, body)) in calls.iter().enumerate() {
                let answer = key.api(method, path, body.clone()).await;
                let expected = if opens.contains(&number) { 200 } else { 403 };
                assert_eq!(answer.status, expected, "{scope} {path}: {}", answer.text);
            }
        }
        let keys = async || program.api("GET", "/v1/api-keys", Value::Null).await.json()["total"].clone();
        let before = keys().await;
        for scope in ["logs.write", "audit_logs.list", "mcp.invoke", "no.such"] {
            let refused =
                program.api("POST", "/v1/api-keys", json!({ "name": "x", "scopes": ["logs.view", scope] })).await;
            assert_eq!((refused.status, code(&refused).as_str()), (422, "invalid"), "{}", refused.text);
            let error = refused.json()["error"].clone();
            assert_eq!(error["param"], "scopes", "{error}");
            assert!(error["message"].as_str().is_some_and(|message| message.contains(scope)), "{error}");
        }
        assert_eq!(keys().await, before, "nothing was made");
    })
    .await;
}

#[tokio::test]
async fn a_management_call_is_a_use_of_its_key() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let (id, secret) = made(&program, json!({ "name": "tool", "scopes": ["api_keys.list"] })).await;
        let used = async || {
            program.api("GET", &format!("/v1/api-keys/{id}"), Value::Null).await.json()["last_used_at"].clone()
        };
        assert_eq!(used().await, Value::Null);
        assert_eq!(house.program(&secret).api("GET", "/v1/api-keys", Value::Null).await.status, 200);
        let mut at = used().await;
        for _ in 0..100 {
            if !at.is_null() {
                break;
            }
            // Nobody waits for the note, apart from this test.
            sleep(Duration::from_millis(20)).await;
            at = used().await;
        }
        assert!(at.is_string(), "the use is noted");
    })
    .await;
}

#[tokio::test]
async fn a_key_is_made_once_under_one_idempotency_key() {
    each_engine(async |house| {
        let house = house.founded().await;
        let program = |name: &str| house.program(&house.master_key).with_header("idempotency-key", name);
        let count = async || {
            let list = house.program(&house.master_key).api("GET", "/v1/api-keys", Value::Null).await.json();
            list["data"].as_array().expect("keys").len()
        };
        let body = json!({ "name": "ci", "scopes": ["models.call"] });
        let first = program("one").api("POST", "/v1/api-keys", body.clone()).await;
        assert_eq!(first.status, 200, "{}", first.text);
        assert!(first.text.contains("lk_p"), "{}", first.text);
        for _ in 0..2 {
            let again = program("one").api("POST", "/v1/api-keys", body.clone()).await;
            let (first, second) = (first.json(), again.json());
            assert_eq!(again.status, 200, "{}", again.text);
            assert!(second["key"].is_null() && !again.text.contains("lk_p"), "{}", again.text);
            for field in ["id", "name", "scopes", "expires_at"] {
                assert_eq!(first[field], second[field], "{field}");
            }
        }
        assert_eq!(count().await, 2);
        let other = program("one").api("POST", "/v1/api-keys", json!({ "name": "other" })).await;
        assert_eq!((other.status, code(&other).as_str()), (409, "conflict"), "{}", other.text);
        let long = "x".repeat(256);
        for bad in ["", &long] {
            let refused = program(bad).api("POST", "/v1/api-keys", body.clone()).await;
            assert_eq!((refused.status, code(&refused).as_str()), (400, "malformed"), "{}", refused.text);
        }
        assert_eq!(count().await, 2);
        // Another key that uses the same word means another request.
        let made = house
            .program(&house.master_key)
            .api("POST", "/v1/api-keys", json!({ "name": "maker", "permissions": { "api_keys": "write" } }))
            .await
            .json();
        let maker = made["key"].as_str().expect("a secret").to_owned();
        let own = house.program(&maker).with_header("idempotency-key", "one");
        let own = own
            .api(
                "POST",
                "/v1/api-keys",
                json!({ "name": "ci", "permissions": { "completions": "disabled", "prompts": "disabled" } }),
            )
            .await;
        assert!(own.status == 200 && own.text.contains("lk_p"), "{}", own.text);
        assert_eq!(count().await, 4);
    })
    .await;
}
