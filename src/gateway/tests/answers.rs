//! Good answers, and what goes up and comes back with them.

use super::support::*;
use crate::kernel::{
    price::{Price, Prices},
    provider::Provider,
};
use http::Method;
use serde_json::json;
use std::sync::Arc;

#[tokio::test]
async fn a_call_goes_through_and_is_in_the_log() {
    let house = House::new().await;
    let mut upstream = Upstream::json(200, "", &completion()).await;
    house.target("main", Provider::OpenAi, upstream.port);
    let told = house.chat(&hello()).await;
    assert_eq!(told.status, 200, "{told:?}");
    assert_eq!(told.json(), completion());
    let received = upstream.request().await;
    assert!(received.head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{received:?}");
    assert_eq!(received.header("authorization"), Some(&*format!("Bearer {SECRET}")));
    assert_eq!(received.body, hello().to_string());

    let record = house.records().await.remove(0);
    let outcome = record.outcome.expect("an outcome");
    assert_eq!(record.call.organisation, ORGANISATION);
    assert_eq!(record.call.provider, Some(Provider::OpenAi));
    assert_eq!((&*record.call.model, record.call.started_at, record.call.streamed), ("gpt-4o", now(), false));
    assert_eq!(told.header("x-portkey-trace-id"), Some(&*record.call.trace));
    assert_eq!((outcome.status, outcome.upstream_status, outcome.error), (200, Some(200), None));
    assert_eq!(outcome.usage.map(|usage| (usage.input_tokens, usage.output_tokens)), Some((9, 2)));
    assert!(outcome.cost.is_some() && outcome.latency_us > 0 && outcome.first_byte_us.is_some());
}

#[tokio::test]
async fn a_call_costs_what_its_organisation_pays() {
    for provider in [Provider::OpenAi, Provider::OpenAiCompatible, Provider::Ollama] {
        let house = House::new().await;
        let upstream = Upstream::json(200, "", &completion()).await;
        house.target("main", provider, upstream.port);
        let mut prices = Prices::default();
        prices.insert(provider, "gpt-4o", Price { input: 1_000_000, cached_input: 7, output: 500_001 });
        house.key("lk_good", |key| key.prices = Some(Arc::new(prices)));
        assert_eq!(house.chat(&hello()).await.status, 200);
        let outcome = house.records().await.remove(0).outcome.expect("an outcome");
        // 9 tokens in and 2 out: a little more than 10 micro-cents.
        assert_eq!(outcome.cost, Some(11), "{provider:?}");
    }
}

#[tokio::test]
async fn nothing_of_the_caller_goes_up_but_the_body() {
    let house = House::new().await;
    let mut upstream = Upstream::json(200, "", &completion()).await;
    house.target("main", Provider::OpenAi, upstream.port);
    let mut headers = CALLER.to_vec();
    headers.extend([
        ("authorization", "Bearer lk_good"),
        ("cookie", "session=secret"),
        ("x-forwarded-for", "10.1.2.3"),
        ("x-real-ip", "10.1.2.3"),
        ("forwarded", "for=10.1.2.3"),
        ("via", "1.1 somewhere"),
        ("x-portkey-metadata", "{\"_user\":\"ann\"}"),
        ("x-portkey-trace-id", "my-trace"),
        ("proxy-authorization", "Basic dTpw"),
        ("te", "trailers"),
        ("openai-organization", "org-other"),
        ("x-custom", "custom"),
        ("accept-encoding", "gzip, br"),
        ("user-agent", "the caller's"),
    ]);
    assert_eq!(house.send(Method::POST, CHAT, &headers, hello().to_string()).await.status, 200);
    let head = upstream.request().await.head.to_lowercase();
    let mut names: Vec<_> =
        head.lines().skip(1).filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["accept", "accept-encoding", "authorization", "content-length", "content-type", "host", "user-agent"]
    );
    for text in ["lk_good", "secret\r", "10.1.2.3", "ann", "my-trace", "gzip", "caller"] {
        assert!(!head.contains(text), "{text} in {head}");
    }
}

#[tokio::test]
async fn nothing_of_the_provider_comes_back_but_what_helps() {
    let house = House::new().await;
    let headers = format!(
        "set-cookie: a=b\r\naccess-control-allow-origin: *\r\nauthorization: {SECRET}\r\nx-api-key: {SECRET}\r\n\
         server: nginx\r\nkeep-alive: timeout=5\r\nproxy-authenticate: Basic\r\nx-portkey-trace-id: theirs\r\n\
         x-ratelimit-remaining-requests: 99\r\nopenai-processing-ms: 12\r\nlocation: /elsewhere\r\n"
    );
    let upstream = Upstream::json(200, &headers, &completion()).await;
    house.target("main", Provider::OpenAi, upstream.port);
    let told = house.chat(&hello()).await;
    let mut names: Vec<_> = told.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "content-length",
            "content-type",
            "date",
            "openai-processing-ms",
            "x-portkey-cache-status",
            "x-portkey-last-used-option-index",
            "x-portkey-provider",
            "x-portkey-retry-attempt-count",
            "x-portkey-trace-id",
            "x-ratelimit-remaining-requests",
            "x-request-id",
        ]
    );
    assert_ne!(told.header("x-portkey-trace-id"), Some("theirs"));
    assert_eq!(told.header("x-portkey-provider"), Some("openai"));
}

#[tokio::test]
async fn the_callers_trace_is_kept_on_answers_and_refusals() {
    let house = House::new().await;
    let upstream = Upstream::json(200, "", &completion()).await;
    house.target("main", Provider::OpenAi, upstream.port);
    let mut headers = CALLER.to_vec();
    headers.push(("x-portkey-trace-id", "my-trace"));
    let told = house.send(Method::POST, CHAT, &headers, hello().to_string()).await;
    assert_eq!((told.status.as_u16(), told.header("x-portkey-trace-id")), (200, Some("my-trace")));
    let told = house.send(Method::POST, CHAT, &headers, "{}").await;
    assert_eq!(told.refusal().0, 400);
    assert_eq!(told.header("x-portkey-trace-id"), Some("my-trace"));
    assert!(house.records().await.iter().all(|record| &*record.call.trace == "my-trace"));
}

#[tokio::test]
async fn a_chat_completion_is_translated_for_a_provider_of_another_language() {
    let house = House::new().await;
    let answer = json!({ "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
        "content": [{ "type": "text", "text": "Hi" }], "stop_reason": "end_turn",
        "usage": { "input_tokens": 5, "output_tokens": 1 } });
    let mut upstream = Upstream::json(200, "", &answer).await;
    house.target("main", Provider::Anthropic, upstream.port);
    let told = house
        .chat(&json!({ "model": "claude-sonnet-4-5", "messages": [{ "role": "user", "content": "Hello" }] }))
        .await;
    assert_eq!(told.status, 200, "{told:?}");
    let body = told.json();
    assert_eq!(body["choices"][0]["message"]["content"], "Hi");
    assert_eq!((&body["object"], &body["created"]), (&json!("chat.completion"), &json!(now().0 / 1000)));
    let received = upstream.request().await;
    assert!(received.head.starts_with("POST /v1/messages "), "{received:?}");
    assert_eq!(received.header("x-api-key"), Some(SECRET));
    assert_eq!(received.header("authorization"), None);
    assert_eq!(house.only_record().await, (200, None));
}

#[tokio::test]
async fn anthropics_own_interface_passes_through() {
    let house = House::new().await;
    let answer = json!({ "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
        "content": [{ "type": "text", "text": "Hi" }], "stop_reason": "end_turn",
        "usage": { "input_tokens": 5, "output_tokens": 1 } });
    let mut upstream = Upstream::json(200, "", &answer).await;
    house.target("main", Provider::Anthropic, upstream.port);
    let headers = [
        ("x-api-key", "lk_good"),
        ("content-type", "application/json"),
        ("anthropic-version", "2023-06-01"),
        ("anthropic-beta", "tools-2024-04-04"),
    ];
    let body = json!({ "model": "@main/claude-sonnet-4-5", "max_tokens": 9, "messages": [] });
    let told = house.send(Method::POST, "/v1/messages", &headers, body.to_string()).await;
    assert_eq!((told.status.as_u16(), told.json()), (200, answer));
    let received = upstream.request().await;
    assert_eq!(received.header("x-api-key"), Some(SECRET));
    assert_eq!(received.header("anthropic-beta"), Some("tools-2024-04-04"));
    let record = house.records().await.remove(0);
    assert_eq!(record.outcome.and_then(|outcome| outcome.usage).map(|usage| usage.input_tokens), Some(5));

    house.target("main", Provider::OpenAi, upstream.port);
    house.gateway.directory.invalidate(ORGANISATION);
    let told = house.send(Method::POST, "/v1/messages", &headers, body.to_string()).await;
    assert_eq!(told.refusal(), (400, "unsupported_provider".into()));
    assert_eq!(upstream.seen(), 1);
}

#[tokio::test]
async fn models_are_listed_for_one_virtual_key_or_for_all() {
    let house = House::new().await;
    let list = json!({ "object": "list", "data": [{ "id": "gpt-4o", "object": "model", "created": 5, "owned_by": "system" }] });
    let upstream = Upstream::json(200, "", &list).await;
    let broken = Upstream::saying("nonsense").await;
    house.target("main", Provider::OpenAi, upstream.port);
    house.target("broken", Provider::OpenAi, broken.port);
    house.target_of(OTHER, "theirs", Provider::OpenAi, upstream.port);
    let told = house.send(Method::GET, "/v1/models", &CALLER, "").await;
    assert_eq!(told.json()["data"], list["data"]);
    let told = house.send(Method::GET, "/v1/models", &CALLER[..1], "").await;
    let body = told.json();
    assert_eq!((&body["object"], &body["total"]), (&json!("list"), &json!(1)));
    assert_eq!(body["data"][0]["id"], "@main/gpt-4o");
    let before = upstream.seen();
    assert_eq!(before, 1, "a list is remembered for a while");
    house.key("lk_weak", |key| key.may_complete = false);
    let told = house.send(Method::GET, "/v1/models", &[("authorization", "Bearer lk_weak")], "").await;
    assert_eq!(told.refusal(), (403, "permission_denied".into()));
    assert_eq!(upstream.seen(), before);
    let headers = [("x-portkey-api-key", "lk_good"), ("x-portkey-virtual-key", "theirs")];
    let told = house.send(Method::GET, "/v1/models", &headers, "").await;
    assert_eq!(told.refusal(), (404, "virtual_key_not_found".into()));
}

#[tokio::test]
async fn one_model_is_read_by_its_name_in_the_list() {
    let house = House::new().await;
    let names = ["gpt-4o", "meta/llama-3:8b", "models/a b"];
    let models = names.map(|id| json!({ "id": id, "object": "model", "created": 5, "owned_by": "system" }));
    let upstream = Upstream::json(200, "", &json!({ "object": "list", "data": models })).await;
    let broken = Upstream::saying("nonsense").await;
    house.target("main", Provider::OpenAi, upstream.port);
    house.target("broken", Provider::OpenAi, broken.port);
    house.target_of(OTHER, "theirs", Provider::OpenAi, upstream.port);
    let get = async |headers: &[(&str, &str)], name: &str| {
        house.send(Method::GET, &format!("/v1/models/{name}"), headers, "").await
    };
    let (of_key, alone) = (&CALLER[..], &CALLER[..1]);
    // Some clients escape a name and others send it as it is.
    for (name, place) in
        [("gpt-4o", 0), ("gpt%2D4o", 0), ("meta/llama-3:8b", 1), ("meta%2Fllama-3%3A8b", 1), ("models%2Fa%20b", 2)]
    {
        let told = get(of_key, name).await;
        assert_eq!((told.status.as_u16(), told.json()), (200, models[place].clone()), "{name}: {}", told.text);
    }
    let list = house.send(Method::GET, "/v1/models", alone, "").await.json();
    for (name, place) in [("@main/gpt-4o", 0), ("%40main%2Fmeta%2Fllama-3%3A8b", 1), ("@main/meta/llama-3:8b", 1)] {
        for headers in [alone, of_key] {
            let told = get(headers, name).await;
            assert_eq!(
                (told.status.as_u16(), told.json()),
                (200, list["data"][place].clone()),
                "{name}: {}",
                told.text
            );
        }
    }
    assert_eq!(upstream.seen(), 1, "the list is remembered for a while");
    for (headers, name) in [
        (of_key, "gpt-5"),
        (of_key, "gpt-4o/"),
        (of_key, "@main/gpt-5"),
        (of_key, "%ff"),
        (alone, "gpt-4o"),
        (alone, "@main"),
        (alone, "@main/"),
    ] {
        let told = get(headers, name).await;
        assert_eq!(told.refusal(), (404, "model_not_found".into()), "{name}: {}", told.text);
        let error = told.json()["error"].clone();
        assert_eq!((&error["type"], &error["param"]), (&json!("invalid_request_error"), &json!("model")), "{error}");
    }
    for name in ["@theirs/gpt-4o", "@nobody/gpt-4o"] {
        assert_eq!(get(alone, name).await.refusal(), (404, "virtual_key_not_found".into()), "{name}");
    }
    assert_eq!(get(of_key, "@broken/gpt-4o").await.refusal(), (400, "virtual_key_conflict".into()));
    assert_eq!(get(alone, "@broken/gpt-4o").await.status, 502);
    let told = house.send(Method::DELETE, "/v1/models/gpt-4o", of_key, "").await;
    assert_eq!((told.status.as_u16(), told.header("allow")), (405, Some("GET, HEAD")));
    house.key("lk_weak", |key| key.may_complete = false);
    let weak = [("authorization", "Bearer lk_weak")];
    assert_eq!(get(&weak, "@main/gpt-4o").await.refusal(), (403, "permission_denied".into()));
    assert_eq!(get(&[], "@main/gpt-4o").await.refusal().0, 401);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_left_out_of_the_list() {
    let list = json!({ "data": [{ "id": "gpt-4o", "object": "model", "created": 5, "owned_by": "system" }] });
    let good = Upstream::json(200, "", &list).await;
    let hanging = Upstream::scripted(|stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let house = House::new().await;
    house.target("good", Provider::OpenAi, good.port);
    house.target("hanging", Provider::OpenAi, hanging.port);
    let told = house.send(Method::GET, "/v1/models", &CALLER[..1], "").await;
    assert_eq!((&told.json()["total"], &told.json()["data"][0]["id"]), (&json!(1), &json!("@good/gpt-4o")));
}
