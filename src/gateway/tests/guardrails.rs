//! Calls that guardrails judge, and the ways past them that are closed.

use super::support::*;
use crate::{
    features::guardrails::model::AllCalls,
    gateway::directory::StoredGuardrail,
    guardrails::HookResults,
    kernel::{GuardrailId, OrganisationId, provider::Provider},
    server::crypto::{Keyring, WebhookSigner},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::Method;
use http_body_util::BodyExt;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

const REQUESTS: AllCalls = AllCalls { requests: true, answers: false };
const ANSWERS: AllCalls = AllCalls { requests: false, answers: true };
const NAMED: AllCalls = AllCalls { requests: false, answers: false };
const TELLS: (&str, &str) = ("x-portkey-strict-open-ai-compliance", "false");

fn save(house: &House, slug: &str, text: &str, calls: AllCalls) {
    let id = GuardrailId::numbered(slug.bytes().map(u128::from).sum());
    let stored = StoredGuardrail { id, slug: slug.into(), version: 3, text: text.to_owned() };
    house.rooms.guardrails.lock().expect("the guardrails").insert((ORGANISATION, slug.to_owned()), (stored, calls));
    if calls.requests || calls.answers {
        house.key("lk_good", |key| key.guarded = true);
    }
}

fn without(word: &str, actions: &Value) -> Value {
    let check = json!({ "id": "default.contains", "parameters": { "operator": "none", "words": [word] } });
    json!({ "checks": [check], "actions": actions })
}

fn denying() -> String {
    without("secret", &json!({ "deny": true })).to_string()
}

fn saying(text: &str) -> Value {
    let mut body = completion();
    body["choices"][0]["message"]["content"] = json!(text);
    body
}

async fn answering(text: &str) -> (House, Upstream) {
    let upstream = Upstream::json(200, "", &saying(text)).await;
    let house = House::new().await;
    house.target("main", Provider::OpenAi, upstream.port);
    (house, upstream)
}

fn asking(text: &str) -> Value {
    json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": text }] })
}

async fn call(house: &House, config: Option<&Value>, more: &[(&str, &str)], body: &Value) -> Told {
    let config = config.map(Value::to_string);
    let mut headers = [&CALLER[..], more].concat();
    if let Some(config) = &config {
        headers.push(("x-portkey-config", config));
    }
    house.send(Method::POST, CHAT, &headers, body.to_string()).await
}

/// What the only attempt of the only call was found to be.
async fn found(house: &House) -> HookResults {
    let records = house.records().await;
    assert_eq!(records.len(), 1, "{records:?}");
    let end = records[0].outcome.clone().expect("an end");
    assert_eq!(end.tried.len(), 1, "{end:?}");
    end.tried[0].found.clone()
}

#[tokio::test]
async fn a_request_that_is_denied_never_leaves() {
    let user = |content: Value| json!({ "model": "m", "messages": [{ "role": "user", "content": content }] });
    let call = json!({ "role": "assistant", "tool_calls": [{ "id": "c", "type": "function",
        "function": { "name": "f", "arguments": "{\"q\":\"s\\u0065cret\"}" } }] });
    let tool = json!({ "role": "tool", "tool_call_id": "c", "content": "x" });
    let cases = [
        (CHAT, user("a secret".into())),
        (CHAT, user(json!([{ "type": "text", "text": "a" }, { "type": "text", "text": "secret" }]))),
        // Not only the last message.
        (
            CHAT,
            json!({ "model": "m", "messages": [{ "role": "user", "content": "secret" },
            { "role": "assistant", "content": "b" }, { "role": "user", "content": "c" }] }),
        ),
        (CHAT, json!({ "model": "m", "messages": [{ "role": "user", "content": "a" }, call, tool] })),
        (CHAT, json!({ "model": "m", "stream": true, "messages": [{ "role": "user", "content": "secret" }] })),
        ("/v1/completions", json!({ "model": "m", "prompt": ["a", "secret"] })),
        ("/v1/embeddings", json!({ "model": "m", "input": ["a", "secret"] })),
        ("/v1/responses", json!({ "model": "m", "input": "secret" })),
        (
            "/v1/responses",
            json!({ "model": "m", "input": [
            { "type": "function_call_output", "call_id": "c", "output": "secret" }, { "role": "user", "content": "a" }] }),
        ),
        (
            "/v1/messages",
            json!({ "model": "m", "max_tokens": 9, "messages": [{ "role": "user", "content": "secret" }] }),
        ),
    ];
    for (path, body) in cases {
        let (house, upstream) = answering("Hi").await;
        save(&house, "gr-a", &denying(), REQUESTS);
        let told = house.send(Method::POST, path, &CALLER, body.to_string()).await;
        assert_eq!((told.status.as_u16(), upstream.seen()), (446, 0), "{path} {body}: {}", told.text);
        assert_eq!(told.header("x-latchkey-guardrails"), Some("denied"));
    }
}

#[tokio::test]
async fn what_is_denied_is_told_and_logged() {
    let (house, _) = answering("Hi").await;
    save(&house, "gr-a", &without("secret", &json!({ "deny": true })).to_string(), REQUESTS);
    let told = house.chat(&asking("secret")).await;
    assert_eq!(told.refusal(), (446, "guardrail_denied".into()));
    let results = told.json()["hook_results"]["before_request_hooks"].clone();
    assert_eq!((&results[0]["id"], &results[0]["verdict"]), (&json!("gr-a"), &json!(false)));
    let found = found(&house).await;
    assert_eq!((found.before_request_hooks.len(), found.before_request_hooks[0].version), (1, Some(3)));
    assert!(!found.before_request_hooks[0].verdict && found.after_request_hooks.is_empty());
}

#[tokio::test]
async fn an_organisations_guardrails_hold_whatever_the_config() {
    let inline = without("other", &json!({ "deny": true }));
    for config in [
        None,
        Some(json!({ "retry": { "attempts": 0 } })),
        Some(json!({ "input_guardrails": [] })),
        Some(json!({ "input_guardrails": [inline] })),
        Some(json!({ "input_guardrails": ["gr-a"] })),
    ] {
        let (house, upstream) = answering("Hi").await;
        save(&house, "gr-a", &denying(), REQUESTS);
        let told = call(&house, config.as_ref(), &[], &asking("secret")).await;
        assert_eq!((told.refusal(), upstream.seen()), ((446, "guardrail_denied".into()), 0), "{config:?}");
        assert_eq!(call(&house, config.as_ref(), &[], &asking("a")).await.status, 200, "{config:?}");
    }
}

#[tokio::test]
async fn one_that_cannot_be_read_or_found_lets_nothing_pass() {
    let (house, upstream) = answering("Hi").await;
    let named = json!({ "input_guardrails": ["gr-nowhere"] });
    assert_eq!(call(&house, Some(&named), &[], &asking("a")).await.refusal(), (400, "guardrail_not_found".into()));
    save(&house, "gr-a", "{\"checks\": [{\"id\": \"default.gone\"}]}", NAMED);
    let named = json!({ "output_guardrails": ["gr-a"] });
    assert_eq!(call(&house, Some(&named), &[], &asking("a")).await.refusal(), (503, "guardrail_unusable".into()));
    assert_eq!(upstream.seen(), 0);
    for text in ["{", "", "[]"] {
        let (house, upstream) = answering("Hi").await;
        save(&house, "gr-b", text, ANSWERS);
        assert_eq!(house.chat(&asking("a")).await.refusal(), (503, "guardrail_unusable".into()));
        assert_eq!(upstream.seen(), 0);
    }
}

#[tokio::test]
async fn a_body_with_a_key_twice_is_not_judged_by_half() {
    let (house, upstream) = answering("Hi").await;
    save(&house, "gr-a", &denying(), REQUESTS);
    for body in [
        r#"{"model":"m","messages":[{"role":"user","content":"a","content":"secret"}]}"#,
        r#"{"model":"m","messages":[{"role":"user","content":"secret"}],"messages":[{"role":"user","content":"a"}]}"#,
    ] {
        let told = house.send(Method::POST, CHAT, &CALLER, body).await;
        assert!([400, 446].contains(&told.status.as_u16()), "{}", told.text);
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn an_answer_that_is_denied_is_not_given() {
    let arguments = json!({ "role": "assistant", "content": null, "tool_calls": [{ "id": "c", "type": "function",
        "function": { "name": "f", "arguments": "{\"q\":\"s\\u0065cret\"}" } }] });
    let mut second = saying("a");
    second["choices"] = json!([{ "index": 0, "message": { "role": "assistant", "content": "a" }, "finish_reason": "stop" },
        { "index": 1, "message": { "role": "assistant", "content": "secret" }, "finish_reason": "stop" }]);
    let mut tools = saying("a");
    tools["choices"][0]["message"] = arguments;
    for body in [saying("a secret"), second, tools] {
        let upstream = Upstream::json(200, "", &body).await;
        let house = House::new().await;
        house.target("main", Provider::OpenAi, upstream.port);
        save(&house, "gr-a", &denying(), ANSWERS);
        let told = house.chat(&asking("a")).await;
        assert_eq!((told.refusal(), upstream.seen()), ((446, "guardrail_denied".into()), 1), "{body}");
        let found = found(&house).await;
        assert!(found.before_request_hooks.is_empty() && !found.after_request_hooks[0].verdict);
    }
}

/// A provider that says these pieces, waits for `go`, and says the rest.
async fn halting(before: String, after: String, go: Arc<Notify>) -> Upstream {
    Upstream::scripted(move |mut stream| {
        let (before, after, go) = (before.clone(), after.clone(), go.clone());
        async move {
            let _ = stream.write_all(format!("{STREAM}{before}").as_bytes()).await;
            go.notified().await;
            let _ = stream.write_all(after.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

#[tokio::test]
async fn nothing_of_a_stream_leaves_before_it_has_passed() {
    let (first, rest) = (chunk(&piece("a ")), format!("{}{}0\r\n\r\n", chunk(&piece("text")), chunk(&ending())));
    let go = Arc::new(Notify::new());
    let upstream = halting(first, rest, go.clone()).await;
    let house = House::new().await;
    house.target("main", Provider::OpenAi, upstream.port);
    save(&house, "gr-a", &denying(), ANSWERS);
    let body = streamed();
    let mut answer = Box::pin(house.open_chat(&body));
    assert!(timeout(Duration::from_millis(150), &mut answer).await.is_err(), "not even a status has come");
    go.notify_one();
    let answer = answer.await;
    assert_eq!(answer.status(), 200);
    let text = answer.into_body().collect().await.expect("a body").to_bytes();
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("text") && text.ends_with("data: [DONE]\n\n"), "{text}");
    assert!(!text.contains("hook_results"), "it was not asked for: {text}");
}

#[tokio::test]
async fn a_stream_that_is_denied_is_a_plain_refusal() {
    let whole = format!("{}{}{}0\r\n\r\n", chunk(&piece("a sec")), chunk(&piece("ret")), chunk(&ending()));
    // One that breaks off is no way past.
    let cut = format!("{}{}", chunk(&piece("a sec")), chunk(&piece("ret")));
    for (events, whole) in [(whole, true), (cut, false)] {
        let upstream = Upstream::saying(format!("{STREAM}{events}")).await;
        let house = House::new().await;
        house.target("main", Provider::OpenAi, upstream.port);
        save(&house, "gr-a", &denying(), ANSWERS);
        let told = house.chat(&streamed()).await;
        assert!(!told.text.contains("a sec"), "{}", told.text);
        assert_ne!(told.status, 200, "{}", told.text);
        if whole {
            assert_eq!(told.refusal(), (446, "guardrail_denied".into()));
        }
    }
}

#[tokio::test]
async fn a_stream_that_flows_tells_what_was_found_only_where_asked() {
    for asked in [true, false] {
        let events = format!("{}{}0\r\n\r\n", chunk(&piece("secret")), chunk(&ending()));
        let upstream = Upstream::saying(format!("{STREAM}{events}")).await;
        let house = House::new().await;
        house.target("main", Provider::OpenAi, upstream.port);
        save(&house, "gr-a", &without("secret", &json!({})).to_string(), ANSWERS);
        let more: &[(&str, &str)] = if asked { &[TELLS] } else { &[] };
        let told = call(&house, None, more, &streamed()).await;
        assert_eq!(told.status, 200);
        assert_eq!(told.text.contains("hook_results"), asked, "{}", told.text);
        assert!(told.text.ends_with("data: [DONE]\n\n"), "{}", told.text);
        assert!(!found(&house).await.after_request_hooks[0].verdict);
    }
}

#[tokio::test]
async fn a_stream_tells_what_was_found_on_either_side_before_its_tokens_and_its_end() {
    let events = |text: &str| -> Vec<Value> {
        let data = text.split("\n\n").filter_map(|event| event.lines().find_map(|line| line.strip_prefix("data: ")));
        data.map(|data| serde_json::from_str(data).unwrap_or_else(|_| json!(data))).collect()
    };
    for (calls, side, asked) in [
        (REQUESTS, "before_request_hooks", true),
        (ANSWERS, "after_request_hooks", true),
        (REQUESTS, "before_request_hooks", false),
    ] {
        let answer = format!("{}{}0\r\n\r\n", chunk(&piece("Hello you")), chunk(&ending()));
        let upstream = Upstream::saying(format!("{STREAM}{answer}")).await;
        let house = House::new().await;
        house.target("main", Provider::OpenAi, upstream.port);
        save(&house, "gr-a", &without("Hello", &json!({})).to_string(), calls);
        let mut body = streamed();
        body["stream_options"] = json!({ "include_usage": true });
        let more: &[(&str, &str)] = if asked { &[TELLS] } else { &[] };
        let told = call(&house, None, more, &body).await;
        assert_eq!(told.status, 200, "{}", told.text);
        let all = events(&told.text);
        assert_eq!(all.last(), Some(&json!("[DONE]")), "{side} {}", told.text);
        let at = all.iter().position(|event| event.get("hook_results").is_some());
        assert_eq!(at, asked.then(|| all.len() - 3), "{side} {}", told.text);
        assert!(all[all.len() - 2]["usage"].is_object(), "{side} {}", told.text);
        if let Some(at) = at {
            assert_eq!(all[at]["hook_results"][side][0]["verdict"], false, "{}", all[at]);
            // Callers take the first choice without looking.
            assert_eq!(all[at]["choices"], json!([{ "index": 0, "delta": {}, "finish_reason": null }]));
            for name in ["id", "created", "model"] {
                assert_eq!(all[at][name], all[0][name], "{name} {}", told.text);
            }
        }
        let records = house.records().await;
        let end = records[0].outcome.clone().expect("an end");
        assert_eq!((end.status, end.error, end.usage.map(|usage| usage.output_tokens)), (200, None, Some(2)));
    }
}

#[tokio::test]
async fn a_stream_that_its_caller_leaves_is_judged_as_far_as_it_came() {
    let (observe, sentence) = (json!({ "observe": true }), json!({ "deny": true, "stream": "sentence" }));
    for (events, actions, denied) in
        [(piece("a secret"), &observe, true), (piece("nothing"), &observe, false), (piece("One is."), &sentence, false)]
    {
        let upstream = halting(chunk(&events), String::new(), Arc::new(Notify::new())).await;
        let house = House::new().await;
        house.target("main", Provider::OpenAi, upstream.port);
        save(&house, "gr-a", &without("secret", actions).to_string(), ANSWERS);
        let mut answer = house.open_chat(&streamed()).await.into_body();
        let first = answer.frame().await.expect("a piece").expect("no fault").into_data().expect("data");
        assert!(!first.is_empty());
        drop(answer);
        let records = house.records().await;
        let end = records[0].outcome.clone().expect("an end");
        assert_eq!(end.error.as_deref(), Some("client_left"));
        let found = end.tried[0].found.after_request_hooks.clone();
        assert_eq!(found.iter().map(|one| one.verdict).collect::<Vec<_>>(), [!denied], "{found:?}");
    }
}

#[tokio::test]
async fn sentences_go_out_once_they_have_passed() {
    let by_sentence = without("secret", &json!({ "deny": true, "stream": "sentence" })).to_string();
    // The first sentence is there while the provider still speaks; a begun one is not.
    let first = [piece("One"), piece(" is."), piece(" A sec")].map(|one| chunk(&one)).concat();
    let go = Arc::new(Notify::new());
    let rest = [piece("ret"), piece("."), ending()].map(|one| chunk(&one)).concat();
    let upstream = halting(first, format!("{rest}0\r\n\r\n"), go.clone()).await;
    let house = House::new().await;
    house.target("main", Provider::OpenAi, upstream.port);
    save(&house, "gr-a", &by_sentence, ANSWERS);
    let answer = house.open_chat(&streamed()).await;
    assert_eq!(answer.status(), 200);
    let mut body = answer.into_body();
    let mut told = String::new();
    while !told.contains(" is.") {
        let frame = body.frame().await.expect("a piece").expect("no fault");
        told.push_str(&String::from_utf8_lossy(&frame.into_data().expect("data")));
    }
    assert!(!told.contains("A sec"), "{told}");
    go.notify_one();
    let rest = String::from_utf8_lossy(&body.collect().await.expect("an end").to_bytes()).into_owned();
    assert!(!rest.contains("sec") && !rest.contains("[DONE]"), "{rest}");
    assert!(rest.contains("guardrail_denied"), "{rest}");
    let end = house.records().await[0].outcome.clone().expect("an end");
    assert_eq!((end.status, end.error.as_deref()), (200, Some("guardrail_denied")));
    assert!(!end.tried[0].found.after_request_hooks[0].verdict);
}

#[tokio::test]
async fn what_passes_by_sentence_comes_whole_and_unchanged() {
    let by_sentence = without("secret", &json!({ "deny": true, "stream": "sentence" })).to_string();
    for pieces in [vec!["One", " is.", " Two", " is", "!"], vec!["no end"], vec!["a.b", "\n", "c."], vec![]] {
        let events = pieces.iter().map(|text| chunk(&piece(text))).collect::<String>();
        let events = format!("{events}{}0\r\n\r\n", chunk(&ending()));
        let told = async |guarded: bool| {
            let upstream = Upstream::saying(format!("{STREAM}{events}")).await;
            let house = House::new().await;
            house.target("main", Provider::OpenAi, upstream.port);
            if guarded {
                save(&house, "gr-a", &by_sentence, ANSWERS);
            }
            house.chat(&streamed()).await.text
        };
        let (with, without) = (told(true).await, told(false).await);
        assert!(with.ends_with("data: [DONE]\n\n"), "{with}");
        assert_eq!(with, without);
    }
}

#[tokio::test]
async fn kept_answers_are_judged_for_whoever_gets_them() {
    let events = format!("{}{}0\r\n\r\n", chunk(&piece("secret")), chunk(&ending()));
    for (stream, upstream) in [
        (false, Upstream::json(200, "", &saying("secret")).await),
        (true, Upstream::saying(format!("{STREAM}{events}")).await),
    ] {
        let house = House::new().await;
        house.target("main", Provider::OpenAi, upstream.port);
        save(&house, "gr-a", &denying(), NAMED);
        let mut body = asking("a secret");
        body["stream"] = json!(stream);
        let stored = |guards: &Value| {
            let mut config = json!({ "cache": { "mode": "simple" } });
            config.as_object_mut().expect("an object").extend(guards.as_object().expect("an object").clone());
            config
        };
        let kept = stored(&json!({}));
        assert_eq!(call(&house, Some(&kept), &[], &body).await.status, 200);
        assert_eq!(call(&house, Some(&kept), &[], &body).await.header("x-portkey-cache-status"), Some("HIT"));
        for side in ["input_guardrails", "output_guardrails"] {
            let config = stored(&json!({ side: ["gr-a"] }));
            for _ in 0..2 {
                let told = call(&house, Some(&config), &[], &body).await;
                assert_eq!(told.refusal(), (446, "guardrail_denied".into()), "{side} {stream}");
            }
        }
        // And of the organisation, by the very config under which it is kept.
        for calls in [REQUESTS, ANSWERS] {
            save(&house, "gr-b", &denying(), calls);
            house.key("lk_other", |key| key.guarded = true);
            let config = kept.to_string();
            let headers = [("x-portkey-api-key", "lk_other"), CALLER[1], CALLER[2], ("x-portkey-config", &config)];
            let told = house.send(Method::POST, CHAT, &headers, body.to_string()).await;
            assert_eq!(told.status.as_u16(), 446, "{}", told.text);
        }
    }
}

#[tokio::test]
async fn a_denial_leads_on_only_where_it_is_listed() {
    for (codes, calls) in [(None, 1), (Some(json!([446])), 2)] {
        let (a, b) = (Upstream::json(200, "", &saying("secret")).await, Upstream::json(200, "", &saying("b")).await);
        let house = House::new().await;
        house.target("a", Provider::OpenAi, a.port);
        house.target("b", Provider::OpenAi, b.port);
        let mut config = json!({ "strategy": { "mode": "fallback" }, "targets": [{ "virtual_key": "a" },
            { "virtual_key": "b" }], "output_guardrails": [without("secret", &json!({ "deny": true }))] });
        if let Some(codes) = &codes {
            config["strategy"]["on_status_codes"] = codes.clone();
        }
        let config = config.to_string();
        let headers = [CALLER[0], CALLER[2], ("x-portkey-config", &config)];
        let told = house.send(Method::POST, CHAT, &headers, asking("a").to_string()).await;
        let status = if calls == 2 { 200 } else { 446 };
        assert_eq!((told.status.as_u16(), a.seen() + b.seen()), (status, calls), "{codes:?} {}", told.text);
    }
}

#[tokio::test]
async fn what_is_found_without_denying_is_246_and_is_tried_again_where_listed() {
    for (config, calls) in [
        (json!({}), 1),
        (json!({ "retry": { "attempts": 2, "on_status_codes": [500] } }), 1),
        (json!({ "retry": { "attempts": 1, "on_status_codes": [246] } }), 2),
    ] {
        let (house, upstream) = answering("secret").await;
        save(&house, "gr-a", &without("secret", &json!({})).to_string(), NAMED);
        let mut config = config;
        config["output_guardrails"] = json!(["gr-a"]);
        let told = call(&house, Some(&config), &[], &asking("a")).await;
        assert_eq!((told.status.as_u16(), upstream.seen()), (246, calls), "{config} {}", told.text);
        let body = told.json();
        assert_eq!(body["choices"][0]["message"]["content"], "secret");
        assert_eq!(body["hook_results"]["after_request_hooks"][0]["verdict"], false);
        let end = house.records().await[0].outcome.clone().expect("an end");
        assert_eq!((end.status, end.tried.len()), (246, calls));
        // Each of them is paid for.
        let used = end.usage.expect("a usage");
        let once = saying("")["usage"]["prompt_tokens"].as_u64().expect("tokens");
        assert_eq!(used.input_tokens, once * calls as u64, "{config}");
    }
}

#[tokio::test]
async fn what_watches_and_what_comes_later_changes_nothing_and_is_logged() {
    for actions in [json!({ "observe": true }), json!({ "async": true }), json!({ "async": true, "deny": true })] {
        let (house, mut upstream) = answering("a secret").await;
        let redact = json!({ "id": "default.regexReplace", "parameters": { "rule": "secret", "redactText": "X" } });
        let mut definition = without("secret", &actions);
        definition["checks"].as_array_mut().expect("checks").push(redact);
        save(&house, "gr-a", &definition.to_string(), AllCalls { requests: true, answers: true });
        let told = call(&house, None, &[TELLS], &asking("secret")).await;
        assert_eq!((told.status.as_u16(), told.json()), (200, saying("a secret")), "{actions}");
        assert!(told.header("x-latchkey-guardrails").is_none());
        assert!(upstream.request().await.body.contains("secret"));
        let found = found(&house).await;
        assert_eq!((found.before_request_hooks.len(), found.after_request_hooks.len()), (1, 1), "{actions} {found:?}");
        assert!(found.all().all(|result| !result.verdict && !result.transformed));
    }
}

#[tokio::test]
async fn what_is_taken_out_reaches_neither_provider_nor_caller() {
    let redact = json!({ "checks": [{ "id": "default.regexReplace",
        "parameters": { "rule": "secret", "redactText": "[gone]" } }] });
    let (house, mut upstream) = answering("your secret").await;
    save(&house, "gr-a", &redact.to_string(), AllCalls { requests: true, answers: true });
    let told = house.chat(&asking("my secret")).await;
    assert_eq!(told.status, 200, "{}", told.text);
    assert_eq!(told.json()["choices"][0]["message"]["content"], "your [gone]");
    let sent = upstream.request().await.body;
    assert!(sent.contains("my [gone]") && !sent.contains("secret"), "{sent}");
    assert!(found(&house).await.all().all(|result| result.verdict && result.transformed));
    let events = format!("{}{}{}0\r\n\r\n", chunk(&piece("your sec")), chunk(&piece("ret")), chunk(&ending()));
    let upstream = Upstream::saying(format!("{STREAM}{events}")).await;
    house.target("streams", Provider::OpenAi, upstream.port);
    let headers = [CALLER[0], ("x-portkey-virtual-key", "streams"), CALLER[2]];
    let told = house.send(Method::POST, CHAT, &headers, streamed().to_string()).await;
    assert!(told.text.contains("your [gone]") && !told.text.contains("your sec"), "{}", told.text);
}

#[tokio::test]
async fn a_webhook_that_does_not_judge_is_an_error_and_denies() {
    let right = Upstream::json(200, "", &json!({ "verdict": true })).await;
    let away = format!("location: http://127.0.0.1:{}/v1\r\n", right.port);
    let late = Upstream::scripted(|mut stream| async move {
        sleep(Duration::from_millis(500)).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{\"verdict\":true}").await;
    })
    .await;
    let hooks = [
        (Upstream::json(200, "", &json!({ "verdict": true })).await, true),
        (Upstream::json(200, "", &json!({ "verdict": false })).await, false),
        (Upstream::json(200, "", &json!({ "verdict": "true" })).await, false),
        (Upstream::json(200, "", &json!([true])).await, false),
        (Upstream::json(500, "", &json!({ "verdict": true })).await, false),
        (Upstream::json(307, &away, &json!({ "verdict": true })).await, false),
        (late, false),
    ];
    for (number, (mut hook, passes)) in hooks.into_iter().enumerate() {
        let (house, upstream) = answering("Hi").await;
        let url = format!("http://127.0.0.1:{}/v1/hook", hook.port);
        let check = json!({ "id": "default.webhook", "parameters": { "webhookURL": url, "timeout": 200,
            "headers": { "x-own": "mine" } } });
        save(&house, "gr-a", &json!({ "checks": [check], "actions": { "deny": true } }).to_string(), REQUESTS);
        let told = call(&house, None, &[("x-mine", "callers")], &asking("a")).await;
        let expected = if passes { (200, 1) } else { (446, 0) };
        assert_eq!((told.status.as_u16(), upstream.seen()), expected, "{number} {}", told.text);
        let asked = hook.request().await;
        assert_eq!(asked.header("x-own"), Some("mine"));
        assert!(asked.header("x-mine").is_none() && !asked.head.contains("lk_good"));
        assert!(asked.body.contains("beforeRequestHook"));
        // Whoever is called knows who calls, by the organisation's own key.
        let part = |name: &str| asked.header(name).expect("a part of the signature").to_owned();
        let signed = format!("{}.{}.{}", part("webhook-id"), part("webhook-timestamp"), asked.body);
        let decoded = |text: &str| BASE64_STANDARD.decode(text).expect("base64");
        let signature = part("webhook-signature");
        let signature = decoded(signature.strip_prefix("v1a,").expect("a version"));
        let keyring = Keyring::open(None, &house.key_file()).expect("the key");
        let public = |organisation| {
            let key = WebhookSigner::new(&keyring, organisation).public_key();
            UnparsedPublicKey::new(&ED25519, decoded(key.strip_prefix("whpk_").expect("a key")))
        };
        assert!(public(ORGANISATION).verify(signed.as_bytes(), &signature).is_ok());
        assert!(public(OrganisationId::numbered(77)).verify(signed.as_bytes(), &signature).is_err());
    }
    assert_eq!(right.seen(), 0, "no redirect is followed");
}
