//! The management calls, as programs make them.

use super::support::{Answer, Client, House, each_engine};
use crate::{kernel::time::DAY, server::audit};
use axum::{body::Body, http::Request};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::sleep;
use uuid::Uuid;

async fn founded(house: House) -> (House, Client) {
    let house = house.founded().await;
    let program = house.program(&house.master_key);
    (house, program)
}

fn code(answer: &Answer) -> String {
    let body = answer.json();
    assert_eq!(body["success"], false, "{}", answer.text);
    assert_eq!(body["status"], "failure");
    assert_eq!(body["message"], body["error"]["message"]);
    assert_eq!(body["message"], body["data"]["message"]);
    assert!(body["request_id"].as_str().is_some_and(|id| id.len() == 36), "{}", answer.text);
    well_formed(answer);
    body["error"]["code"].as_str().unwrap_or_default().to_owned()
}

/// What clients need of every answer.
fn well_formed(answer: &Answer) {
    assert!(answer.json().is_object());
    for (name, value) in [("content-type", "application/json"), ("cache-control", "no-store")] {
        assert_eq!(answer.headers.get(name).and_then(|v| v.to_str().ok()), Some(value), "{name} of {}", answer.text);
    }
    assert!(answer.headers.contains_key("x-portkey-trace-id"));
}

async fn made(program: &Client, body: Value) -> (String, String) {
    let answer = program.api("POST", "/v1/api-keys", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    well_formed(&answer);
    let body = answer.json();
    (body["id"].as_str().expect("an id").to_owned(), body["key"].as_str().expect("a secret").to_owned())
}

fn raw(method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    headers
        .iter()
        .fold(request, |request, (name, value)| request.header(*name, *value))
        .body(body.into())
        .expect("a request")
}

#[tokio::test]
async fn the_key_comes_before_everything_else() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let key = house.master_key.as_str();
        let mut ada = house.person("ada@north.test").await;
        for client in [house.nobody(), ada.clone(), house.program("lk_nonsense")] {
            for (method, path) in [
                ("GET", "/v1/api-keys"),
                ("PATCH", "/v1/api-keys"),
                ("POST", "/v1/virtual-keys"),
                ("GET", "/v2/nothing"),
            ] {
                let answer = client.api(method, path, Value::Null).await;
                assert_eq!((answer.status, code(&answer).as_str()), (401, "invalid_api_key"), "{method} {path}");
            }
        }
        let bearer = format!("Bearer {key}");
        for (headers, path, expected) in [
            (vec![("authorization", bearer.as_str())], "/v1/api-keys", "200"),
            (vec![("authorization", "Bearer OPENAI_API_KEY"), ("x-portkey-api-key", key)], "/v1/api-keys", "200"),
            // What is none of ours says nothing beside one that is.
            (vec![("authorization", "Bearer other"), ("x-portkey-api-key", key)], "/v1/api-keys", "200"),
            (vec![("authorization", "Bearer other"), ("x-api-key", key)], "/v1/api-keys", "200"),
            (vec![("x-goog-api-key", key)], "/v1/api-keys", "200"),
            (
                vec![("authorization", "Bearer lk_other"), ("x-portkey-api-key", key)],
                "/v1/api-keys",
                "conflicting_credentials",
            ),
            (vec![("x-portkey-api-key", key)], "/v1/api-keys?api_key=x", "credential_in_query"),
        ] {
            let answer = house.nobody().send(raw("GET", path, &headers, "")).await;
            match expected {
                "200" => assert_eq!(answer.status, 200, "{}", answer.text),
                expected => assert_eq!((answer.status, code(&answer).as_str()), (400, expected)),
            }
        }
        // A key opens neither pages nor server functions.
        ada = house.nobody().with_key(key);
        assert_eq!(ada.form("organisation/list", &[]).await.status, 401);
        assert_eq!(program.api("GET", "/v1/api-keys", Value::Null).await.status, 200);
    })
    .await;
}

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
async fn refusals_name_the_field() {
    each_engine(async |house| {
        let (_house, program) = founded(house).await;
        for (body, message) in [
            (json!({}), "`name` is missing."),
            (json!({ "name": 7 }), "`name` must be a text."),
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
async fn every_answer_has_a_request_id_of_its_own() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let (ada, south) = (house.person("ada@north.test").await, house.nobody());
        let id = |answer: &Answer| answer.headers["x-request-id"].to_str().expect("a text").to_owned();
        let own = program.clone().with_header("x-request-id", "callers-own");
        let mut answers = vec![
            own.api("GET", "/v1/api-keys", Value::Null).await,
            own.api("GET", "/v1/nothing", Value::Null).await,
            own.api("POST", "/v1/chat/completions", json!({})).await,
            own.api("GET", "/v1/chat/completions", Value::Null).await,
            own.api("GET", "/v1/models", Value::Null).await,
            south.api("GET", "/v1/api-keys", Value::Null).await,
            south.api("GET", "/v1/openapi.json", Value::Null).await,
            ada.form("organisation/list", &[]).await,
            ada.form("no/such", &[]).await,
        ];
        for path in ["/", "/sign-in", "/nothing", "/healthz", "/readyz", "/favicon.svg", "/robots.txt"] {
            answers.push(ada.page(path).await);
        }
        let ids: BTreeSet<_> = answers.iter().map(id).collect();
        assert_eq!(ids.len(), answers.len(), "none twice");
        for answer in &answers {
            assert!(id(answer).parse::<Uuid>().is_ok(), "{}", answer.text);
            let told = serde_json::from_str::<Value>(&answer.text).unwrap_or_default()["request_id"].take();
            assert!(told.is_null() || told == id(answer), "{}", answer.text);
        }
        // The event of a refusal has it too.
        let refused = program.api("POST", "/v1/api-keys", json!({ "nonsense": 1 })).await;
        let event = house.chain(house.organisation).await.1.expect("an event");
        assert!(event.to_string().contains(&id(&refused)), "{event}");
    })
    .await;
}

#[tokio::test]
async fn members_and_invitations_are_looked_after() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let users = program.api("GET", "/v1/admin/users?email=ADA@north.test&pageSize=10", Value::Null).await.json();
        assert_eq!((users["total"].as_i64(), users["data"][0]["role"].as_str()), (Some(1), Some("owner")));
        for (query, total) in
            [("email=da@north.test", 0), ("q=da@north.test", 1), ("email=ada@north.test&role=admin", 0)]
        {
            let users = program.api("GET", &format!("/v1/admin/users?{query}"), Value::Null).await.json();
            assert_eq!(
                (users["total"].as_i64(), users["data"].as_array().map(Vec::len)),
                (Some(total), usize::try_from(total).ok()),
                "{query}"
            );
        }
        let odd = program.api("GET", "/v1/admin/users?email=nonsense", Value::Null).await;
        assert_eq!((odd.status, odd.json()["error"]["param"].as_str()), (422, Some("email")));
        let ada = users["data"][0]["id"].as_str().expect("an id").to_owned();
        let answer = program.api("PUT", &format!("/v1/admin/users/{ada}"), json!({ "role": "member" })).await;
        assert_eq!((answer.status, code(&answer).as_str()), (403, "permission_denied"));
        let before = house.snapshot().await;
        // No key makes an Owner, whatever it holds; that is for the policy to say.
        for (role, status, expected) in [("owner", 403, "permission_denied"), ("root", 422, "invalid")] {
            let answer =
                program.api("POST", "/v1/admin/users/invites", json!({ "email": "bo@x.test", "role": role })).await;
            assert_eq!((answer.status, code(&answer).as_str()), (status, expected), "{role}");
        }
        assert_eq!(house.snapshot().await, before);
        let invited = program
            .api("POST", "/v1/admin/users/invites", json!({ "email": "bo@x.test", "role": "member", "workspaces": [] }))
            .await;
        assert_eq!(invited.status, 200, "{}", invited.text);
        assert!(invited.json()["invite_link"].as_str().is_some_and(|link| link.starts_with("http://latchkey.test/")));
        let path = format!("/v1/admin/users/invites/{}", invited.json()["id"].as_str().expect("an id"));
        assert_eq!(program.api("GET", &path, Value::Null).await.json()["status"], "pending");
        assert_eq!(program.api("GET", "/v1/admin/users/invites", Value::Null).await.json()["total"], 1);
        let again = program.api("POST", &format!("{path}/resend"), Value::Null).await;
        assert_eq!(again.status, 200, "a link that is handed over waits for nothing: {}", again.text);
        assert_ne!(again.json()["invite_link"], invited.json()["invite_link"]);
        // Whoever is invited already, or is a member, is no mistake of the body.
        for email in ["BO@x.test", "ada@north.test"] {
            let body = json!({ "email": email, "role": "member" });
            let again = program.api("POST", "/v1/admin/users/invites", body).await;
            assert_eq!((again.status, code(&again).as_str()), (409, "conflict"), "{email}");
        }
        assert_eq!(program.api("DELETE", &path, Value::Null).await.status, 200);
        assert_eq!(program.api("GET", &path, Value::Null).await.json()["status"], "cancelled");
    })
    .await;
}

#[tokio::test]
async fn invitations_are_listed_by_role_address_and_status() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let invite = async |email: &str, role: &str| {
            let body = json!({ "email": email, "role": role });
            let invited = program.api("POST", "/v1/admin/users/invites", body).await;
            assert_eq!(invited.status, 200, "{}", invited.text);
            invited.json()["id"].as_str().expect("an id").to_owned()
        };
        let revoked = invite("gone@x.test", "member").await;
        assert_eq!(program.api("DELETE", &format!("/v1/admin/users/invites/{revoked}"), Value::Null).await.status, 200);
        invite("late@x.test", "member").await;
        house.app.clock.advance(8 * DAY);
        invite("bo@x.test", "admin").await;
        for (query, expected) in [
            ("", vec!["bo@x.test", "late@x.test"]),
            ("status=pending", vec!["bo@x.test"]),
            ("status=expired", vec!["late@x.test"]),
            ("status=cancelled", vec!["gone@x.test"]),
            ("status=accepted", vec![]),
            ("role=member", vec!["late@x.test"]),
            ("email=BO@x.test", vec!["bo@x.test"]),
            ("email=bo@x.test&role=member", vec![]),
        ] {
            let list = program.api("GET", &format!("/v1/admin/users/invites?{query}"), Value::Null).await.json();
            let emails: Vec<_> =
                list["data"].as_array().expect("a list").iter().map(|invite| &invite["email"]).collect();
            assert_eq!(emails, expected, "{query}");
            assert_eq!(list["total"].as_u64(), Some(expected.len() as u64), "{query}");
        }
        let odd = program.api("GET", "/v1/admin/users/invites?status=open", Value::Null).await;
        assert_eq!((odd.status, odd.json()["error"]["param"].as_str()), (422, Some("status")));
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
async fn credentials_of_virtual_keys_go_in_and_never_come_out() {
    each_engine(async |house| {
        let (_house, program) = founded(house).await;
        let secret = "sk-verysecret1234567890";
        let answer = program
            .api(
                "POST",
                "/v1/virtual-keys",
                json!({ "name": "Main", "provider": "openai", "key": secret, "note": "n" }),
            )
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let made = answer.json();
        assert_eq!(
            (made["slug"].as_str(), made["data"]["slug"].as_str(), made["success"].as_bool()),
            (Some("main"), Some("main"), Some(true))
        );
        let copy =
            program.api("POST", "/v1/virtual-keys/main/duplicate", json!({ "slug": "main", "name": "Copy" })).await;
        assert_eq!((copy.status, copy.json()["slug"].as_str()), (200, Some("copy")), "{}", copy.text);
        let change = json!({ "slug": "main", "note": null, "name": "Main 2" });
        assert_eq!(program.api("PUT", "/v1/virtual-keys/main", change).await.json(), json!({}));
        let shown = program.api("GET", "/v1/virtual-keys/main", Value::Null).await;
        let list = program.api("GET", "/v1/virtual-keys", Value::Null).await;
        for answer in [&copy, &shown, &list] {
            well_formed(answer);
            assert!(!answer.text.contains("verysecret"));
        }
        let shown = shown.json();
        assert_eq!(
            (shown["name"].as_str(), shown["note"].as_str(), shown["key"].as_str()),
            (Some("Main 2"), Some(""), Some(""))
        );
        assert_eq!(list.json()["total"], 2);
        // Another address needs the credential again.
        let answer = program.api("PUT", "/v1/virtual-keys/main", json!({ "base_url": "https://example.com/v1" })).await;
        assert_eq!((answer.status, answer.json()["error"]["param"].as_str()), (422, Some("key")), "{}", answer.text);
        let answer = program
            .api(
                "POST",
                "/v1/virtual-keys",
                json!({ "name": "x", "provider": "openai", "key": secret, "slug": "main" }),
            )
            .await;
        assert_eq!((answer.status, answer.json()["error"]["param"].as_str()), (422, Some("slug")));
        assert_eq!(program.api("DELETE", "/v1/virtual-keys/copy", Value::Null).await.json(), json!({}));
    })
    .await;
}

#[tokio::test]
async fn virtual_keys_are_changed_and_deleted_by_those_who_may_not_list_them() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let base = "http://127.0.0.1:4000/v1";
        let body = json!({ "name": "Main", "provider": "openai", "key": "sk-x", "base_url": base });
        let made_of = program.api("POST", "/v1/virtual-keys", body).await;
        assert_eq!(made_of.status, 200, "{}", made_of.text);
        let scopes = json!(["virtual_keys.update", "virtual_keys.delete"]);
        let (_, secret) = made(&program, json!({ "name": "hand", "scopes": scopes })).await;
        let hand = house.program(&secret);
        assert_eq!(hand.api("GET", "/v1/virtual-keys/main", Value::Null).await.status, 403);
        // Another name of the provider that it has is no move: address and credential stay.
        let change = json!({ "provider": "Open_AI", "note": "n" });
        let changed = hand.api("PUT", "/v1/virtual-keys/main", change).await;
        assert_eq!((changed.status, changed.json()), (200, json!({})), "{}", changed.text);
        let shown = program.api("GET", "/v1/virtual-keys/main", Value::Null).await.json();
        assert_eq!((&shown["base_url"], &shown["note"]), (&json!(base), &json!("n")));
        assert!(shown["credential_set_at"].is_string());
        let stale = hand.api("PUT", "/v1/virtual-keys/main", json!({ "note": "m", "version": 1 })).await;
        assert_eq!((stale.status, code(&stale).as_str()), (409, "stale_version"));
        assert!(!stale.text.contains("Main"), "it may not be read: {}", stale.text);
        assert_eq!(hand.api("DELETE", "/v1/virtual-keys/main", Value::Null).await.json(), json!({}));
    })
    .await;
}

#[tokio::test]
async fn what_is_refused_leaves_its_event() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let (_, secret) = made(&program, json!({ "name": "weak", "scopes": [] })).await;
        let events = async || {
            let mut tx = house.app.read_proven(house.organisation).await.expect("a transaction");
            audit::head(&mut tx).await.expect("the chain").expect("an event").seq
        };
        let before = events().await;
        assert_eq!(house.program(&secret).api("POST", "/v1/api-keys", json!({ "nonsense": 1 })).await.status, 403);
        assert_eq!(program.api("POST", "/v1/api-keys", json!({ "nonsense": 1 })).await.status, 422);
        assert_eq!(events().await, before + 2);
        // So does what fails before the operation itself: a role that is none, a thing that is not there.
        let role = json!({ "email": "bo@x.test", "role": "root" });
        assert_eq!(program.api("POST", "/v1/admin/users/invites", role).await.status, 422);
        assert_eq!(program.api("PUT", "/v1/virtual-keys/none", json!({ "note": "n" })).await.status, 404);
        assert_eq!(events().await, before + 4);
    })
    .await;
}

#[tokio::test]
async fn the_log_is_listed_by_number_and_cursor() {
    each_engine(async |house| {
        let (house, program) = founded(house).await;
        let answer = program.api("GET", "/v1/logs?range=7d&pageSize=10&currentPage=0&status=4xx", Value::Null).await;
        well_formed(&answer);
        let list = answer.json();
        assert_eq!(
            (answer.status, list["total"].as_i64(), list["data"].as_array().map(Vec::len)),
            (200, Some(0), Some(0)),
            "{list}"
        );
        for path in [
            "?range=9d",
            "?status=nope",
            "?range=7d&from=2027-01-01",
            "?cursor=x&current_page=1",
            "?page_size=100&current_page=10",
        ] {
            let answer = program.api("GET", &format!("/v1/logs{path}"), Value::Null).await;
            assert_eq!((answer.status, code(&answer).as_str()), (422, "invalid"), "{path}");
        }
        let answer = program.api("GET", "/v1/logs/none", Value::Null).await;
        assert_eq!((answer.status, code(&answer).as_str()), (404, "not_found"));
        // To view is not to filter.
        let (_, secret) = made(&program, json!({ "name": "viewer", "scopes": ["logs.view"] })).await;
        let viewer = house.program(&secret);
        assert_eq!(viewer.api("GET", "/v1/logs?range=7d", Value::Null).await.status, 200);
        for filter in ["status=ok", "ai_model=gpt", "api_key_id=x", "virtual_key=x"] {
            let denied = viewer.api("GET", &format!("/v1/logs?{filter}"), Value::Null).await;
            assert_eq!((denied.status, code(&denied).as_str()), (403, "permission_denied"), "{filter}");
            assert_eq!(denied.json()["error"]["permission"], "logs.filter");
        }
    })
    .await;
}

/// What programs may ask without a key. This list may only shrink.
const OPEN: [&str; 3] = ["/healthz", "/readyz", "/v1/openapi.json"];

#[tokio::test]
async fn only_health_and_the_document_need_no_key() {
    let house = House::on_sqlite().await;
    for path in OPEN {
        assert_eq!(house.nobody().api("GET", path, Value::Null).await.status, 200, "{path}");
    }
    let document = house.nobody().api("GET", "/v1/openapi.json", Value::Null).await.json();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("methods").keys() {
            let answer = house.nobody().api(&method.to_uppercase(), path, Value::Null).await;
            assert_eq!(
                (answer.status, answer.json()["error"]["code"].as_str()),
                (401, Some("invalid_api_key")),
                "{method} {path}"
            );
        }
    }
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
