//! What is kept of what calls say: only where that is wanted, within bounds, and nothing that a guardrail has taken out.

use super::support::*;
use crate::{
    features::{
        guardrails::model::AllCalls,
        logs::texts::{Keeps, LIMIT},
    },
    gateway::{directory::StoredGuardrail, texts::Kept},
    kernel::{GuardrailId, provider::Provider},
};
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;

const KEEPS: Keeps = Keeps { without_images: true };

async fn keeping(port: u16) -> House {
    let house = House::new().await;
    house.target("main", Provider::OpenAi, port);
    house.key("lk_good", |key| key.keeps = Some(KEEPS));
    house
}

/// What is kept of the only call.
async fn only(house: &House) -> Option<Arc<Kept>> {
    let records = house.records().await;
    let mut ended = records.into_iter().filter(|record| record.outcome.is_some());
    let record = ended.next().expect("a record");
    assert!(ended.next().is_none(), "one call");
    record.texts
}

fn saying(text: &str) -> Value {
    let mut body = completion();
    body["choices"][0]["message"]["content"] = json!(text);
    body
}

async fn stream_of(pieces: &[&str]) -> Upstream {
    let pieces: String = pieces.iter().map(|text| chunk(&piece(text))).collect();
    Upstream::saying(format!("{STREAM}{pieces}{}0\r\n\r\n", chunk(&ending()))).await
}

#[tokio::test]
async fn nothing_is_kept_where_nobody_wants_it() {
    let upstream = Upstream::json(200, "", &completion()).await;
    let house = House::new().await;
    house.target("main", Provider::OpenAi, upstream.port);
    assert_eq!(house.chat(&hello()).await.status, 200);
    assert!(only(&house).await.is_none());
}

#[tokio::test]
async fn both_sides_are_kept_as_they_left_and_as_they_were_given() {
    let mut upstream = Upstream::json(200, "", &completion()).await;
    let house = keeping(upstream.port).await;
    let told = house.chat(&hello()).await;
    assert_eq!(told.status, 200, "{told:?}");
    let kept = only(&house).await.expect("texts");
    let (request, answer) = (kept.request.as_ref().expect("a request"), kept.answer.as_ref().expect("an answer"));
    assert_eq!(request.text, upstream.request().await.body);
    assert_eq!(answer.text, told.text);
    assert_eq!((request.is_cut, answer.is_cut, kept.dropped), (false, false, false));
    for secret in [SECRET, "lk_good", "authorization"] {
        assert!(!request.text.contains(secret) && !answer.text.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_stream_is_kept_as_one_text() {
    let upstream = stream_of(&["Hel", "lo"]).await;
    let house = keeping(upstream.port).await;
    let told = house.chat(&streamed()).await;
    assert!(told.text.ends_with("data: [DONE]\n\n"), "{told:?}");
    let kept = only(&house).await.expect("texts");
    let answer: Value = serde_json::from_str(&kept.answer.as_ref().expect("an answer").text).expect("JSON");
    let choice = &answer["choices"][0];
    assert_eq!((&choice["message"]["content"], &choice["finish_reason"]), (&json!("Hello"), &json!("stop")));
    assert!(kept.request.is_some());
}

#[tokio::test]
async fn a_caller_can_take_its_call_out_but_none_in() {
    let upstream = Upstream::json(200, "", &completion()).await;
    let house = keeping(upstream.port).await;
    let call = async |house: &House, word: &str| {
        let headers = [&CALLER[..], &[("x-portkey-debug", word)]].concat();
        let told = house.send(Method::POST, CHAT, &headers, hello().to_string()).await;
        assert_eq!(told.status, 200, "{told:?}");
    };
    for word in ["false", "False", " false "] {
        call(&house, word).await;
    }
    assert!(house.records().await.iter().all(|record| record.texts.is_none()));
    let house = keeping(upstream.port).await;
    call(&house, "true").await;
    assert!(only(&house).await.is_some());
    let house = House::new().await;
    house.target("main", Provider::OpenAi, upstream.port);
    call(&house, "true").await;
    assert!(only(&house).await.is_none(), "no header turns it on");
}

#[tokio::test]
async fn texts_are_cut_and_images_are_left_out() {
    let upstream = Upstream::json(200, "", &saying(&"long ".repeat(LIMIT))).await;
    let house = keeping(upstream.port).await;
    let image = format!("data:image/png;base64,iVBORw0KGgo{}", "A".repeat(8_000));
    let parts =
        json!([{ "type": "image_url", "image_url": { "url": image } }, { "type": "text", "text": "What is it?" }]);
    let body = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": parts }] });
    assert_eq!(house.chat(&body).await.status, 200);
    let kept = only(&house).await.expect("texts");
    let request = kept.request.as_ref().expect("a request");
    assert_eq!((request.left_out, request.is_cut), (1, false));
    assert!(request.text.contains("left out") && request.text.contains("What is it?"), "{}", request.text);
    assert!(!request.text.contains("AAAAAAAA"), "{}", request.text);
    let answer = kept.answer.as_ref().expect("an answer");
    assert!(answer.is_cut && answer.text.len() <= LIMIT && answer.size > 4 * LIMIT as u64);
}

#[tokio::test]
async fn what_a_guardrail_takes_out_is_kept_nowhere() {
    let upstream = Upstream::json(200, "", &saying("Write to bo@north.test, please.")).await;
    let house = keeping(upstream.port).await;
    let text = json!({
        "checks": [{ "id": "default.regexReplace", "parameters": { "rule": "[a-z]+@north\\.test", "redactText": "someone" } }],
        "actions": {},
    });
    let stored =
        StoredGuardrail { id: GuardrailId::numbered(7), slug: "mask".into(), version: 1, text: text.to_string() };
    let all = AllCalls { requests: true, answers: true };
    house.rooms.guardrails.lock().expect("the guardrails").insert((ORGANISATION, "mask".to_owned()), (stored, all));
    house.key("lk_good", |key| {
        key.guarded = true;
        key.keeps = Some(KEEPS);
    });
    let body = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "I am ada@north.test" }] });
    let told = house.chat(&body).await;
    assert!(told.status.is_success() && !told.text.contains("north.test"), "{told:?}");
    let kept = only(&house).await.expect("texts");
    for side in [&kept.request, &kept.answer] {
        let side = side.as_ref().expect("a text");
        assert!(side.text.contains("someone") && !side.text.contains("north.test"), "{}", side.text);
    }
}

#[tokio::test]
async fn a_request_that_is_denied_is_kept_nowhere() {
    let upstream = Upstream::json(200, "", &completion()).await;
    let house = keeping(upstream.port).await;
    let check = json!({ "id": "default.contains", "parameters": { "operator": "none", "words": ["secret"] } });
    let text = json!({ "checks": [check], "actions": { "deny": true } }).to_string();
    let stored = StoredGuardrail { id: GuardrailId::numbered(8), slug: "deny".into(), version: 1, text };
    let requests = AllCalls { requests: true, answers: false };
    house
        .rooms
        .guardrails
        .lock()
        .expect("the guardrails")
        .insert((ORGANISATION, "deny".to_owned()), (stored, requests));
    house.key("lk_good", |key| {
        key.guarded = true;
        key.keeps = Some(KEEPS);
    });
    let body = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "a secret" }] });
    assert_eq!(house.chat(&body).await.status.as_u16(), 446);
    assert!(only(&house).await.is_none_or(|kept| kept.request.is_none()));
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn a_refusal_is_kept_as_the_caller_was_given_it() {
    let body = json!({ "error": { "message": "Too many.", "type": "requests", "code": "rate_limit_exceeded" } });
    let upstream = Upstream::json(429, "", &body).await;
    let house = keeping(upstream.port).await;
    let told = house.chat(&hello()).await;
    assert_eq!(told.status, 429, "{told:?}");
    let kept = only(&house).await.expect("texts");
    let answer: Value = serde_json::from_str(&kept.answer.as_ref().expect("an answer").text).expect("JSON");
    assert_eq!(answer["error"]["message"], told.json()["error"]["message"]);
    assert!(kept.request.as_ref().is_some_and(|request| request.text.contains("Hello")));
}
