//! Keys that are narrowed beside their permissions.

use super::support::*;
use crate::{
    features::api_keys::narrowing::{KeyBounds, Narrowing},
    gateway::directory::{CallerKey, StoredConfig},
    kernel::{ConfigId, VirtualKeyId, provider::Provider},
};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

const CONFIG: &str = "x-portkey-config";
const NARROW: &str = "lk_narrow";

fn narrowed(change: impl FnOnce(&mut Narrowing)) -> impl FnOnce(&mut CallerKey) {
    let mut bounds = KeyBounds::default();
    change(&mut bounds.own);
    move |key| key.bounds = Some(Arc::new(bounds))
}

fn only_models(patterns: &[&str]) -> impl FnOnce(&mut CallerKey) + use<> {
    let models = patterns.iter().map(|text| text.parse().expect("a pattern")).collect();
    narrowed(|own| own.models = models)
}

/// A virtual key of its own number, so that it can be told from others.
async fn target(house: &House, slug: &str) -> (Upstream, VirtualKeyId) {
    let upstream = Upstream::json(200, "", &completion()).await;
    house.target(slug, Provider::OpenAi, upstream.port);
    let id = VirtualKeyId::numbered(slug.bytes().map(u128::from).sum());
    let mut targets = house.rooms.targets.lock().expect("the targets");
    targets.get_mut(&(ORGANISATION, slug.to_owned())).expect("a target").virtual_key = id;
    drop(targets);
    (upstream, id)
}

fn save(house: &House, slug: &str, config: &Value) -> ConfigId {
    let id = ConfigId::numbered(slug.bytes().map(u128::from).sum());
    let stored = StoredConfig { id, version: 1, text: config.to_string() };
    house.rooms.configs.lock().expect("the configs").insert((ORGANISATION, slug.to_owned()), stored);
    id
}

async fn post(house: &House, path: &str, headers: &[(&str, &str)], body: &Value) -> Told {
    let own = [("x-portkey-api-key", NARROW), ("content-type", "application/json")];
    house.send(Method::POST, path, &[&own, headers].concat(), body.to_string()).await
}

async fn chat(house: &House, headers: &[(&str, &str)], model: &str) -> Told {
    let mut body = hello();
    body["model"] = json!(model);
    post(house, CHAT, headers, &body).await
}

fn refused(told: &Told) -> (u16, String) {
    told.refusal()
}

#[tokio::test]
async fn the_model_that_is_really_called_is_judged_before_anything_leaves() {
    let house = House::new().await;
    let (upstream, _) = target(&house, "a").await;
    house.key(NARROW, only_models(&["gpt-4o*", "text-*"]));
    assert_eq!(chat(&house, &[], "@a/gpt-4o-mini").await.status, StatusCode::OK);
    let told = chat(&house, &[], "@a/gpt-5-pro").await;
    assert_eq!(refused(&told), (403, "model_not_allowed".into()));
    assert!(told.text.contains("gpt-5-pro") && !told.text.contains("gpt-4o"), "{}", told.text);
    // After the overrides of a config, whatever the request says.
    let overridden = |model: &str| json!({ "virtual_key": "a", "override_params": { "model": model } }).to_string();
    let worse = chat(&house, &[(CONFIG, &overridden("gpt-5-pro"))], "gpt-4o").await;
    assert_eq!(refused(&worse), (403, "model_not_allowed".into()));
    let better = chat(&house, &[(CONFIG, &overridden("gpt-4o"))], "gpt-5-pro").await;
    assert_eq!(better.status, StatusCode::OK, "{}", better.text);
    // What a provider may lead the call on to is no way around it.
    for models in [json!(["gpt-5-pro"]), json!(["gpt-4o", "gpt-5-pro"]), json!("gpt-5-pro"), json!([{ "id": "x" }])] {
        let mut body = hello();
        body["models"] = models;
        let told = post(&house, CHAT, &[("x-portkey-virtual-key", "a")], &body).await;
        assert_eq!(refused(&told), (403, "model_not_allowed".into()), "{body}");
    }
    assert_eq!(upstream.seen(), 2, "what was refused did not leave");
    let records = house.records().await;
    let told: Vec<_> = records
        .iter()
        .filter_map(|record| record.outcome.as_ref())
        .map(|end| (end.status, end.error.as_deref().map(str::to_owned)))
        .collect();
    assert_eq!(told.iter().filter(|(status, _)| *status == 200).count(), 2);
    assert_eq!(told.iter().filter(|(_, error)| error.as_deref() == Some("model_not_allowed")).count(), 6, "{told:?}");
}

#[tokio::test]
async fn every_kind_of_call_is_judged_and_one_without_a_model_is_refused() {
    let house = House::new().await;
    let (upstream, _) = target(&house, "a").await;
    house.key(NARROW, only_models(&["good"]));
    let slug = [("x-portkey-virtual-key", "a")];
    for path in [
        "/v1/completions",
        "/v1/embeddings",
        "/v1/responses",
        "/v1/moderations",
        "/v1/images/generations",
        "/v1/audio/speech",
    ] {
        let body = json!({ "model": "bad", "input": "x", "prompt": "x", "voice": "x" });
        assert_eq!(refused(&post(&house, path, &slug, &body).await), (403, "model_not_allowed".into()), "{path}");
    }
    for path in ["/v1/responses", "/v1/moderations", "/v1/images/generations"] {
        let told = post(&house, path, &slug, &json!({ "input": "x", "prompt": "x" })).await;
        assert_eq!(refused(&told), (403, "model_not_allowed".into()), "{path}");
        assert!(told.text.contains("names no model"), "{}", told.text);
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn a_virtual_key_that_it_was_not_given_fails_a_target_as_any_failure_does() {
    let house = House::new().await;
    let ((a, _), (b, id)) = (target(&house, "a").await, target(&house, "b").await);
    house.key(NARROW, narrowed(|own| own.virtual_keys = vec![id]));
    for slug in ["a", "nobody"] {
        let told = chat(&house, &[], &format!("@{slug}/gpt-4o")).await;
        assert_eq!(refused(&told), (403, "virtual_key_not_allowed".into()), "{slug}");
        // What there is and what there is not are the same.
        assert_eq!(
            told.json()["error"]["message"],
            format!("This API key may not use the virtual key {slug}: it is narrowed to others.")
        );
    }
    assert_eq!(chat(&house, &[], "@b/gpt-4o").await.status, StatusCode::OK);
    let fallback =
        json!({ "strategy": { "mode": "fallback" }, "targets": [{ "virtual_key": "a" }, { "virtual_key": "b" }] });
    let told = chat(&house, &[(CONFIG, &fallback.to_string())], "gpt-4o").await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.text);
    assert_eq!(told.header("x-portkey-last-used-option-index"), Some("config.targets[1]"));
    let alone = json!({ "virtual_key": "a" });
    let told = chat(&house, &[(CONFIG, &alone.to_string())], "gpt-4o").await;
    assert_eq!(refused(&told), (403, "virtual_key_not_allowed".into()));
    assert_eq!((a.seen(), b.seen()), (0, 2));
    // Another that takes its name later is not the one that was given.
    house.target("b", Provider::OpenAi, b.port);
    house.gateway.directory.invalidate(ORGANISATION);
    assert_eq!(refused(&chat(&house, &[], "@b/gpt-4o").await), (403, "virtual_key_not_allowed".into()));
}

#[tokio::test]
async fn the_list_of_models_has_those_that_it_may_call() {
    let house = House::new().await;
    let list = json!({ "object": "list", "data": [{ "id": "gpt-4o" }, { "id": "o3" }] });
    let upstream = Upstream::json(200, "", &list).await;
    house.target("a", Provider::OpenAi, upstream.port);
    house.target("b", Provider::OpenAi, upstream.port);
    let id = VirtualKeyId::numbered(77);
    {
        let mut targets = house.rooms.targets.lock().expect("the targets");
        targets.get_mut(&(ORGANISATION, "b".to_owned())).expect("a target").virtual_key = id;
    }
    house.key(
        NARROW,
        narrowed(|own| {
            own.virtual_keys = vec![id];
            own.models = vec!["gpt-*".parse().expect("a pattern")];
        }),
    );
    let ids = |told: &Told| {
        let data = told.json()["data"].as_array().cloned().unwrap_or_default();
        data.iter().map(|model| model["id"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let all = house.send(Method::GET, "/v1/models", &[("x-portkey-api-key", NARROW)], "").await;
    assert_eq!((ids(&all), all.header("x-latchkey-left-out")), (vec!["@b/gpt-4o".to_owned()], None), "{}", all.text);
    let of = |slug: &'static str| [("x-portkey-api-key", NARROW), ("x-portkey-virtual-key", slug)];
    let one = house.send(Method::GET, "/v1/models", &of("b"), "").await;
    assert_eq!(ids(&one), ["gpt-4o"]);
    let other = house.send(Method::GET, "/v1/models", &of("a"), "").await;
    assert_eq!(refused(&other), (403, "virtual_key_not_allowed".into()));
    // Nor is there one by its name that the list does not have.
    for (slug, model, expected) in [
        ("b", "gpt-4o", (200, String::new())),
        ("b", "o3", (404, "model_not_found".into())),
        ("a", "gpt-4o", (403, "virtual_key_not_allowed".into())),
    ] {
        let told = house.send(Method::GET, &format!("/v1/models/{model}"), &of(slug), "").await;
        match expected {
            (200, _) => assert_eq!((told.status.as_u16(), told.json()["id"].as_str()), (200, Some(model))),
            expected => assert_eq!(refused(&told), expected, "{slug} {model}"),
        }
    }
}

#[tokio::test]
async fn only_the_configs_that_it_was_given_lead_its_calls() {
    let house = House::new().await;
    let (upstream, _) = target(&house, "a").await;
    let given = save(&house, "pc-given", &json!({ "virtual_key": "a" }));
    save(&house, "pc-other", &json!({ "virtual_key": "a" }));
    house.key(NARROW, narrowed(|own| own.configs = vec![given]));
    assert_eq!(chat(&house, &[(CONFIG, "pc-given")], "gpt-4o").await.status, StatusCode::OK);
    for config in ["pc-other", "pc-nobody", r#"{"virtual_key":"a"}"#] {
        let told = chat(&house, &[(CONFIG, config)], "gpt-4o").await;
        assert_eq!(refused(&told), (403, "config_not_allowed".into()), "{config}");
    }
    // Its own is judged as well.
    house.key(NARROW, |key| {
        narrowed(|own| own.configs = vec![given])(key);
        key.config = Some("pc-other".into());
    });
    house.gateway.directory.invalidate(ORGANISATION);
    assert_eq!(refused(&chat(&house, &[], "gpt-4o").await), (403, "config_not_allowed".into()));
    assert_eq!(upstream.seen(), 1);
}

#[tokio::test]
async fn the_callers_address_and_time_are_judged() {
    let house = House::new().await;
    let (upstream, _) = target(&house, "a").await;
    house.key(NARROW, narrowed(|own| own.allowed_ips = vec!["10.0.0.0/8".parse().expect("a range")]));
    // The caller of these tests is at 127.0.0.1, which is a proxy of this installation.
    let told = chat(&house, &[], "@a/gpt-4o").await;
    assert_eq!(refused(&told), (403, "address_not_allowed".into()));
    assert!(told.text.contains("127.0.0.1"), "{}", told.text);
    let from = |address: &'static str| [("x-forwarded-for", address)];
    assert_eq!(chat(&house, &from("10.1.2.3"), "@a/gpt-4o").await.status, StatusCode::OK);
    let told = chat(&house, &from("10.1.2.3, 203.0.113.7"), "@a/gpt-4o").await;
    assert_eq!(refused(&told), (403, "address_not_allowed".into()), "only the nearest hop is believed");
    let list = |address: &'static str| [("x-portkey-api-key", NARROW), ("x-forwarded-for", address)];
    let told = house.send(Method::GET, "/v1/models", &list("203.0.113.7"), "").await;
    assert_eq!(refused(&told), (403, "address_not_allowed".into()));
    // The organisation's ranges hold beside the key's own.
    house.key(NARROW, |key| {
        let mut bounds = KeyBounds { ranges: vec!["10.1.0.0/16".parse().expect("a range")], ..KeyBounds::default() };
        bounds.own.allowed_ips = vec!["10.0.0.0/8".parse().expect("a range")];
        key.bounds = Some(Arc::new(bounds));
    });
    house.gateway.directory.invalidate(ORGANISATION);
    assert_eq!(chat(&house, &from("10.1.2.3"), "@a/gpt-4o").await.status, StatusCode::OK);
    assert_eq!(refused(&chat(&house, &from("10.2.2.3"), "@a/gpt-4o").await), (403, "address_not_allowed".into()));

    house.key(NARROW, narrowed(|own| own.not_before = Some(now().plus(1))));
    house.gateway.directory.invalidate(ORGANISATION);
    assert_eq!(refused(&chat(&house, &[], "@a/gpt-4o").await), (401, "api_key_not_yet_valid".into()));
    house.key(NARROW, narrowed(|own| own.not_before = Some(now())));
    house.gateway.directory.invalidate(ORGANISATION);
    assert_eq!(chat(&house, &[], "@a/gpt-4o").await.status, StatusCode::OK);
    house.key(NARROW, |key| {
        key.bounds = Some(Arc::new(KeyBounds { breaks: Some("Give it an end.".into()), ..KeyBounds::default() }));
    });
    house.gateway.directory.invalidate(ORGANISATION);
    let told = chat(&house, &[], "@a/gpt-4o").await;
    assert_eq!(refused(&told), (403, "key_breaks_policy".into()));
    assert!(told.text.contains("Give it an end."));
    assert_eq!(upstream.seen(), 3);
}

#[tokio::test]
async fn a_key_that_is_narrowed_while_its_body_comes_is_judged_anew() {
    let house = House::new().await;
    let (upstream, _) = target(&house, "main").await;
    let body = hello().to_string();
    let (first, rest) = body.split_at(10);
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: x\r\nx-portkey-api-key: {NARROW}\r\nx-portkey-virtual-key: main\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{first}",
        body.len()
    );
    house.key(NARROW, |_| {});
    let mut slow = tokio::net::TcpStream::connect(("127.0.0.1", house.port)).await.expect("a connection");
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    slow.write_all(head.as_bytes()).await.expect("a head");
    // The key is known once it was looked up.
    while house.rooms.asked.load(std::sync::atomic::Ordering::SeqCst) == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    house.key(NARROW, only_models(&["other"]));
    house.gateway.directory.invalidate(ORGANISATION);
    slow.write_all(rest.as_bytes()).await.expect("the rest");
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("api_key_changed"), "{answer}");
    assert_eq!(upstream.seen(), 0);
    assert_eq!(refused(&chat(&house, &[], "@main/gpt-4o").await), (403, "model_not_allowed".into()));
}
