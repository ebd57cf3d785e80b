//! What a request may say: bodies, paths and queries that are read, and those that are refused.

use super::{code, founded, made, raw};
use crate::tests::support::each_engine;
use serde_json::{Value, json};

#[tokio::test]
async fn what_cannot_be_read_is_refused_and_changes_nothing() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let before = house.snapshot().await;
        let json = ("content-type", "application/json");
        let long = format!(r#"{{"name":"{}"}}"#, "a".repeat(1 << 20));
        let deep = format!(r#"{{"name":{}1{}}}"#, "[".repeat(70), "]".repeat(70));
        for (headers, body, status, expected) in [
            (vec![], "{}", 415, "unsupported_media_type"),
            (vec![("content-type", "application/json; charset=latin1")], "{}", 415, "unsupported_media_type"),
            (vec![json], "{", 400, "malformed"),
            (vec![json], "[]", 400, "malformed"),
            (vec![json], r#"{"name":"a","name":"b"}"#, 400, "malformed"),
            (vec![json], deep.as_str(), 400, "malformed"),
            (vec![json], long.as_str(), 413, "too_large"),
            (vec![json], r#"{"name":7}"#, 422, "invalid"),
            (vec![json], "{}", 422, "invalid"),
            (vec![json], r#"{"name":"a","role":"owner"}"#, 422, "invalid"),
            (vec![json], r#"{"name":"a","usage_limits":{"credit_limit":1}}"#, 422, "invalid"),
            (vec![json], r#"{"name":"a\u0000b"}"#, 422, "invalid"),
            (vec![json], r#"{"name":"a","scopes":["audit_logs.list"]}"#, 422, "invalid"),
            (vec![json], r#"{"name":"a","scopes":["billing.manage"]}"#, 403, "permission_denied"),
            (vec![json], r#"{"name":"a","expires_at":"2001-01-01T00:00:00Z"}"#, 422, "invalid"),
            (vec![json], r#"{"name":"a","organisation_id":"00000000-0000-0000-0000-000000000009"}"#, 404, "not_found"),
        ] {
            let answer = program.send(raw("POST", "/v1/api-keys", &headers, body.to_owned())).await;
            assert_eq!((answer.status, code(&answer).as_str()), (status, expected), "{}", &body[..body.len().min(80)]);
        }
        let answer = program.api("POST", "/v1/api-keys", json!({ "name": "", "admin": true, "scopes": 1 })).await;
        let fields: Vec<_> =
            answer.json()["error"]["fields"].as_array().expect("fields").iter().map(|f| f["field"].clone()).collect();
        assert_eq!(fields, ["scopes", "admin"]);
        for permissions in [json!({ "metrics": "write" }), json!({ "billing": "write" })] {
            let answer = program.api("POST", "/v1/api-keys", json!({ "name": "a", "permissions": permissions })).await;
            assert_eq!((answer.status, answer.json()["error"]["param"].as_str()), (422, Some("permissions")));
        }
        for path in [
            "/v1/api-keys?page_size=101",
            "/v1/api-keys?current_page=-1",
            "/v1/api-keys?page_size=1&page_size=1",
            "/v1/api-keys?name=x",
        ] {
            let answer = program.api("GET", path, Value::Null).await;
            assert_eq!((answer.status, code(&answer).as_str()), (422, "invalid"), "{path}");
        }
        let answer = program.api("PATCH", "/v1/api-keys", Value::Null).await;
        assert_eq!((answer.status, code(&answer).as_str()), (405, "method_not_allowed"));
        let allowed = answer.headers.get("allow").and_then(|v| v.to_str().ok()).unwrap_or_default();
        assert!(allowed.contains("GET") && allowed.contains("POST") && !allowed.contains("PATCH"), "{allowed}");
        assert_eq!(house.snapshot().await, before);
    })
    .await;
}

#[tokio::test]
async fn what_repeats_the_path_passes_and_what_contradicts_it_is_refused() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let before = house.snapshot().await;
        let body = json!({ "name": "a", "type": "workspace", "sub-type": "user" });
        let answer = program.api("POST", "/v1/api-keys/workspace/service", body).await;
        assert_eq!((answer.status, answer.json()["error"]["param"].as_str()), (400, Some("sub-type")));
        assert_eq!(house.snapshot().await, before);
        let (id, _) = made(&program, json!({ "name": "a" })).await;
        let body = json!({ "email": "bo@x.test", "role": "member" });
        let invited = program.api("POST", "/v1/admin/users/invites", body).await.json();
        let invite = invited["id"].as_str().expect("an id");
        let (key, link) = (format!("/v1/api-keys/{id}"), format!("/v1/admin/users/invites/{invite}"));
        // As the official clients send them, and the same about another thing.
        for (method, path, name, value) in
            [("PUT", &key, "id", &*id), ("DELETE", &key, "id", &*id), ("DELETE", &link, "invite_id", invite)]
        {
            let answer = program.api(method, path, json!({ name: "00000000-0000-0000-0000-000000000007" })).await;
            assert_eq!((answer.status, code(&answer).as_str()), (400, "malformed"), "{method} {path}");
            let answer = program.api(method, path, json!({ name: value })).await;
            assert_eq!((answer.status, answer.json()), (200, json!({})), "{method} {path}: {}", answer.text);
        }
    })
    .await;
}

#[tokio::test]
async fn the_organisations_slug_is_as_good_as_its_id() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        for (place, status) in [(house.slug.as_str(), 200), ("south", 404), ("", 200)] {
            let answer = program.api("GET", &format!("/v1/api-keys?workspace_id={place}"), Value::Null).await;
            assert_eq!(answer.status, status, "{place}: {}", answer.text);
            let body = json!({ "name": "a", "workspace_id": place });
            let answer = program.api("POST", "/v1/api-keys", body).await;
            assert_eq!(answer.status, status, "{place}: {}", answer.text);
        }
    })
    .await;
}

#[tokio::test]
async fn refusals_name_the_field() {
    each_engine(async |house| {
        let (_house, program) = founded(house).await;
        for (body, message) in [
            (json!({}), "`name` is missing."),
            (json!({ "name": 7 }), "`name` must be a string."),
            (json!({ "name": "" }), "`name`: The name is needed."),
            (json!({ "scopes": 7, "admin": true }), "`name` is missing. 2 more fields are listed in `error.fields`."),
        ] {
            let answer = program.api("POST", "/v1/api-keys", body.clone()).await;
            assert_eq!((answer.status, answer.json()["message"].as_str()), (422, Some(message)), "{body}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_text_that_cannot_be_stored_finds_nothing() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        for path in ["/v1/api-keys?q=a%00b", "/v1/admin/users?q=a%00b", "/v1/api-keys?q=%E2%80%AE"] {
            let list = program.api("GET", path, Value::Null).await;
            assert_eq!((list.status, list.json()["total"].as_i64()), (200, Some(0)), "{path}: {}", list.text);
        }
        let model = program.api("GET", "/v1/logs?model=a%00b", Value::Null).await;
        assert_eq!((model.status, code(&model).as_str()), (422, "invalid"));
        let events = async || house.chain(house.organisation).await;
        let long = "a".repeat(50_000);
        for slug in ["a%00b", &long] {
            let path = format!("/v1/virtual-keys/{slug}");
            assert_eq!(program.api("GET", &path, Value::Null).await.status, 404);
            for (method, path) in [("PUT", path.clone()), ("DELETE", path.clone()), ("POST", format!("{path}/test"))] {
                let before = events().await.0;
                assert_eq!(program.api(method, &path, Value::Null).await.status, 404, "{method}");
                let (after, last) = events().await;
                assert_eq!(after - before, 1, "{method}");
                let last = last.expect("an event");
                assert!(last["subject"]["id"].as_str().is_some_and(|id| id.len() <= 40), "{method}");
            }
        }
        let ada = house.person("ada@north.test").await;
        assert_eq!(ada.form("team/list", &[("slug", "no\0rth")]).await.status, 404);
        assert_eq!(ada.form("team/list", &[("slug", house.slug.as_str()), ("q", "\0")]).await.json()["found"], 0);
        assert_eq!(
            house.nobody().form("account/sign_in", &[("email", "a\0@x.test"), ("password", "x")]).await.status,
            401
        );
    })
    .await;
}
