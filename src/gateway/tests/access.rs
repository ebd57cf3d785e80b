//! Who may call, where to, and what is refused before a provider sees a connection.

use super::support::*;
use crate::{gateway::directory::Standing, kernel::provider::Provider};
use http::Method;
use serde_json::json;
use std::sync::atomic::Ordering;

async fn house() -> (House, Upstream) {
    let house = House::new().await;
    let upstream = Upstream::json(200, "", &completion()).await;
    house.target("main", Provider::OpenAi, upstream.port);
    (house, upstream)
}

/// The headers of a call with another key.
fn with(key: &str) -> [(&'static str, &str); 3] {
    [("x-portkey-api-key", key), ("x-portkey-virtual-key", "main"), ("content-type", "application/json")]
}

#[tokio::test]
async fn missing_malformed_and_unknown_keys_are_told_the_same() {
    let (house, upstream) = house().await;
    let body = || hello().to_string();
    let trace = ("x-portkey-trace-id", "t");
    let json = ("content-type", "application/json");
    let mut answers = Vec::new();
    for headers in [
        vec![trace, json],
        vec![trace, json, ("authorization", "Bearer nonsense")],
        vec![trace, json, ("authorization", "Bearer OPENAI_API_KEY")],
        vec![trace, json, ("authorization", "Basic bGs6bGs=")],
        vec![trace, json, ("x-portkey-api-key", "lk_unknown")],
        vec![trace, json, ("cookie", "x-portkey-api-key=lk_good")],
    ] {
        let told = house.send(Method::POST, CHAT, &headers, body()).await;
        assert_eq!(told.refusal(), (401, "invalid_api_key".into()), "{headers:?}");
        let mut answer = told.json();
        answer["request_id"].take();
        answers.push(answer);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(upstream.seen(), 0);
    assert!(house.records().await.is_empty());
}

#[tokio::test]
async fn a_key_that_stands_no_longer_is_told_why() {
    let (house, upstream) = house().await;
    house.key("lk_revoked", |key| key.standing = Standing::Revoked);
    house.key("lk_disabled", |key| key.standing = Standing::Disabled);
    house.key("lk_expired", |key| key.expires_at = Some(now()));
    house.key("lk_lasting", |key| key.expires_at = Some(now().plus(1)));
    for (key, code) in
        [("lk_revoked", "api_key_revoked"), ("lk_disabled", "api_key_disabled"), ("lk_expired", "api_key_expired")]
    {
        let told = house.send(Method::POST, CHAT, &with(key), hello().to_string()).await;
        assert_eq!(told.refusal(), (401, code.into()));
    }
    assert_eq!(upstream.seen(), 0);
    let told = house.send(Method::POST, CHAT, &with("lk_lasting"), hello().to_string()).await;
    assert_eq!(told.status, 200, "{told:?}");
    let codes: Vec<_> =
        house.records().await.into_iter().map(|record| record.outcome.expect("an outcome").status).collect();
    assert_eq!(codes, [401, 401, 401, 200]);
}

#[tokio::test]
async fn revoking_is_seen_by_the_next_request() {
    let (house, upstream) = house().await;
    assert_eq!(house.chat(&hello()).await.status, 200);
    house.key("lk_good", |key| key.standing = Standing::Revoked);
    house.gateway.directory.invalidate(ORGANISATION);
    assert_eq!(house.chat(&hello()).await.refusal(), (401, "api_key_revoked".into()));
    assert_eq!(upstream.seen(), 1);
}

#[tokio::test]
async fn without_completions_every_model_path_is_403_and_no_provider_sees_a_connection() {
    let (house, upstream) = house().await;
    house.key("lk_weak", |key| key.may_complete = false);
    let call = |key: &'static str| {
        let house = &house;
        async move {
            let mut told = Vec::new();
            for (method, path) in [
                (Method::POST, CHAT),
                (Method::POST, "/v1/messages"),
                (Method::GET, "/v1/models"),
                (Method::GET, "/v1/models/gpt-4o"),
                (Method::POST, "/v1/no/such/model/path"),
                (Method::POST, "/v1/audio/translations"),
                (Method::GET, CHAT),
                (Method::DELETE, "/v1/models"),
            ] {
                told.push(house.send(method, path, &with(key), streamed().to_string()).await);
            }
            told
        }
    };
    for told in call("lk_weak").await {
        assert_eq!(told.refusal(), (403, "permission_denied".into()));
        assert_eq!(told.json()["error"]["permission"], "models.call");
        assert_eq!(told.json()["error"]["held_by"], "Owners, Admins and Members");
    }
    for told in call("lk_nobody").await {
        assert_eq!(told.refusal().0, 401);
    }
    assert_eq!(upstream.seen(), 0);
    // With the permission the same requests get further, so the refusals above were not of another kind.
    let codes: Vec<_> = call("lk_good").await.iter().map(|told| told.status.as_u16()).collect();
    assert_eq!(codes[4..], [404, 404, 405, 405]);
    assert!(upstream.seen() > 0);
}

#[tokio::test]
async fn a_virtual_key_of_another_organisation_is_like_an_invented_one() {
    let (house, upstream) = house().await;
    house.target_of(OTHER, "theirs", Provider::OpenAi, upstream.port);
    let mut answers = Vec::new();
    for slug in ["theirs", "invented"] {
        let headers = [
            ("x-portkey-api-key", "lk_good"),
            ("x-portkey-virtual-key", slug),
            ("content-type", "application/json"),
            ("x-portkey-trace-id", "t"),
        ];
        let told = house.send(Method::POST, CHAT, &headers, hello().to_string()).await;
        assert_eq!(told.refusal(), (404, "virtual_key_not_found".into()));
        let mut answer = told.json();
        answer["request_id"].take();
        answers.push(answer);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn the_virtual_key_may_stand_before_the_model() {
    let (house, mut upstream) = house().await;
    let headers = [("authorization", "Bearer lk_good"), ("content-type", "application/json")];
    let body = json!({ "model": "@main/gpt-4o", "messages": [] }).to_string();
    let told = house.send(Method::POST, CHAT, &headers, body).await;
    assert_eq!(told.status, 200, "{told:?}");
    assert_eq!(upstream.request().await.body, json!({ "model": "gpt-4o", "messages": [] }).to_string());
    let record = house.records().await.remove(0);
    assert_eq!(&*record.call.model, "gpt-4o");
}

#[tokio::test]
async fn a_caller_chooses_no_host() {
    let (house, upstream) = house().await;
    let evil = Upstream::json(200, "", &completion()).await;
    let host = format!("http://127.0.0.1:{}", evil.port);
    let mut headers = CALLER.to_vec();
    headers.push(("x-portkey-custom-host", &host));
    assert_eq!(house.send(Method::POST, CHAT, &headers, hello().to_string()).await.refusal().0, 400);
    let name = format!("127.0.0.1:{}", evil.port);
    let mut headers = CALLER.to_vec();
    headers.extend([("x-forwarded-host", &*name), ("forwarded", &*name), ("x-portkey-forward-headers", "host")]);
    let body = json!({ "model": "gpt-4o", "messages": [], "base_url": host, "host": name }).to_string();
    assert_eq!(house.send(Method::POST, CHAT, &headers, body).await.status, 200);
    assert_eq!((upstream.seen(), evil.seen()), (1, 0));
}

#[tokio::test]
async fn a_key_in_the_address_or_two_credentials_are_bad_requests() {
    let (house, upstream) = house().await;
    let told = house.send(Method::POST, "/v1/chat/completions?api_key=lk_good", &CALLER, hello().to_string()).await;
    assert_eq!(told.refusal(), (400, "credential_in_query".into()));
    let mut headers = CALLER.to_vec();
    headers.push(("authorization", "Bearer lk_other"));
    let told = house.send(Method::POST, CHAT, &headers, hello().to_string()).await;
    assert_eq!(told.refusal(), (400, "conflicting_credentials".into()));
    assert_eq!(upstream.seen(), 0);
    let mut headers = CALLER.to_vec();
    headers.push(("authorization", "Bearer OPENAI_API_KEY"));
    assert_eq!(house.send(Method::POST, CHAT, &headers, hello().to_string()).await.status, 200);
    assert!(house.records().await.iter().all(|record| !format!("{record:?}").contains("lk_good")));
}

#[tokio::test]
async fn bad_bodies_are_refused_before_the_call() {
    let (house, upstream) = house().await;
    let json = "application/json";
    let deep = format!("{{\"model\":\"m\",\"x\":{}{}}}", "[".repeat(100), "]".repeat(100));
    let large = format!("{{\"model\":\"m\",\"x\":\"{}\"}}", "x".repeat(64 << 10));
    for (kind, body, status) in [
        ("text/plain", "{\"model\":\"m\"}", 415),
        ("application/json; charset=utf-16", "{\"model\":\"m\"}", 415),
        (json, "", 400),
        (json, "[]", 400),
        (json, "{\"model\":\"m\"", 400),
        (json, "{\"model\":1}", 400),
        (json, "{\"messages\":[]}", 400),
        (json, "{\"model\":\"m\",\"model\":\"n\"}", 400),
        (json, "{\"model\":\"m\",\"stream\":\"yes\"}", 400),
        (json, "{\"model\":\"../../x\"}", 400),
        (json, &deep, 400),
        (json, &large, 413),
    ] {
        let headers = [("x-portkey-api-key", "lk_good"), ("x-portkey-virtual-key", "main"), ("content-type", kind)];
        let told = house.send(Method::POST, CHAT, &headers, body.to_owned()).await;
        assert_eq!(told.refusal().0, status, "{kind} {body:.60}");
    }
    assert_eq!(upstream.seen(), 0);
    assert!(house.records().await.iter().all(|record| record.call.virtual_key.is_none()));
}

#[tokio::test]
async fn wrong_methods_are_405_and_say_which_is_right() {
    let (house, _upstream) = house().await;
    let told = house.send(Method::GET, CHAT, &CALLER, "").await;
    assert_eq!((told.refusal().0, told.header("allow")), (405, Some("POST")));
    let told = house.send(Method::POST, "/v1/models", &CALLER, "").await;
    assert_eq!((told.refusal().0, told.header("allow")), (405, Some("GET, HEAD")));
}

#[tokio::test]
async fn who_cannot_be_verified_or_recorded_is_not_served() {
    let house = House::with(hasty(), 2).await;
    let upstream = Upstream::json(200, "", &completion()).await;
    house.target("main", Provider::OpenAi, upstream.port);
    house.rooms.away.store(true, Ordering::SeqCst);
    let told = house.chat(&hello()).await;
    assert_eq!((told.refusal(), told.header("retry-after")), ((503, "verification_unavailable".into()), Some("1")));
    house.rooms.away.store(false, Ordering::SeqCst);
    house.log.away.store(true, Ordering::SeqCst);
    for _ in 0..2 {
        assert_eq!(house.chat(&hello()).await.status, 200);
    }
    let told = house.chat(&hello()).await;
    assert_eq!(told.refusal(), (503, "log_unavailable".into()));
    assert_eq!(upstream.seen(), 2);
    house.log.away.store(false, Ordering::SeqCst);
    assert_eq!(house.records().await.len(), 2);
    assert_eq!(house.chat(&hello()).await.status, 200);
}
