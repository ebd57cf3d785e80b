//! Virtual keys, as programs store and change them.

use super::{code, founded, made, well_formed};
use crate::tests::support::each_engine;
use serde_json::{Value, json};

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
