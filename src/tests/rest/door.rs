//! Who is let in, and what every answer and refusal leaves.

use super::{code, founded, made, raw};
use crate::{
    server::audit,
    tests::support::{Answer, House, each_engine},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

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
        // A browser asks for a page of another origin.
        let asked = house.nobody().api("OPTIONS", path, Value::Null).await;
        assert_eq!((asked.status, &asked.json()["error"]["code"]), (403, &json!("cross_origin_blocked")), "{path}");
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
