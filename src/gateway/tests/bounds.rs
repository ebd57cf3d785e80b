//! What nobody can make grow: memory, the log, and what goes out.

use super::support::*;
use crate::kernel::{KeyId, SecretId};
use crate::{dialect::usage::MAX_TOKENS, kernel::provider::Provider};
use http::Method;
use serde_json::json;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

const KIB: usize = 1 << 10;

/// Begins a call of `length` bytes and sends `now` of them.
async fn begin(house: &House, key: &str, length: usize, now: usize) -> TcpStream {
    let mut caller = TcpStream::connect(("127.0.0.1", house.port)).await.expect("a connection");
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: x\r\nx-portkey-api-key: {key}\r\nx-portkey-virtual-key: main\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    caller.write_all(head.as_bytes()).await.expect("a head");
    caller.write_all(&vec![b' '; now]).await.expect("a part of the body");
    caller
}

async fn until_free(house: &House, bytes: usize) {
    let freed = async {
        while house.gateway.room.free() != bytes {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(5 * SOON, freed).await.unwrap_or_else(|_| panic!("{} are free", house.gateway.room.free()));
}

#[tokio::test]
async fn slow_bodies_of_one_organisation_leave_room_for_the_others() {
    let good = Upstream::json(200, "", &completion()).await;
    let mut limits = hasty();
    limits.request = 256 * KIB;
    let house = House::with(limits, 64).await;
    let all = house.gateway.room.free();
    house.target("main", Provider::OpenAi, good.port);
    house.target_of(OTHER, "main", Provider::OpenAi, good.port);
    house.key("lk_other", |key| (key.organisation, key.key) = (OTHER, KeyId::numbered(30)));
    // What is announced takes no room, as is seen once a later call has been answered.
    let announced = begin(&house, "lk_good", 256 * KIB, KIB).await;
    assert_eq!(house.chat(&hello()).await.status, 200);
    assert_eq!(house.gateway.room.free(), all);
    let mut slow = vec![announced];
    for number in 0..25 {
        let secret = format!("lk_slow{number}");
        house.key(&secret, |key| key.key = KeyId::numbered(40 + number));
        slow.push(begin(&house, &secret, 256 * KIB, 190 * KIB).await);
    }
    let filled = async {
        while house.gateway.room.free() >= all / 2 + 192 * KIB {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(5 * SOON, filled).await.unwrap_or_else(|_| panic!("{} of {all} are free", house.gateway.room.free()));
    let large = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "x".repeat(180 * KIB) }] });
    assert_eq!(house.chat(&large).await.refusal(), (503, "server_busy".into()));
    assert!(house.gateway.room.free() >= all / 2 - 192 * KIB, "{}", house.gateway.room.free());
    let mut headers = CALLER;
    headers[0].1 = "lk_other";
    assert_eq!(house.send(Method::POST, CHAT, &headers, large.to_string()).await.status, 200);
    assert_eq!(house.chat(&hello()).await.status, 200, "a small one needs no room");
    drop(slow);
    until_free(&house, all).await;
    assert_eq!(house.chat(&large).await.status, 200);
    until_free(&house, all).await;
}

#[tokio::test]
async fn an_answer_takes_room_and_gives_it_back() {
    let mut large = completion();
    large["choices"][0]["message"]["content"] = "x".repeat(300 * KIB).into();
    let upstream = Upstream::json(200, "", &large).await;
    let house = House::new().await;
    let all = house.gateway.room.free();
    house.target("main", Provider::OpenAi, upstream.port);
    let told = house.chat(&hello()).await;
    assert_eq!((told.status.as_u16(), told.json()), (200, large));
    until_free(&house, all).await;
    // While the key's other answers take its part of the room, there is none for another one.
    let share = house.gateway.room.share(ORGANISATION, KeyId::numbered(10));
    let others = share.hold(vec![0; 1200 * KIB].into()).expect("room");
    assert_eq!(house.chat(&hello()).await.refusal(), (503, "server_busy".into()));
    drop(others);
    assert_eq!(house.chat(&hello()).await.status, 200);
    until_free(&house, all).await;
}

#[tokio::test]
async fn an_event_that_finds_no_room_ends_its_stream() {
    let upstream = Upstream::scripted(|mut stream: TcpStream| async move {
        let _ = stream.write_all(STREAM.as_bytes()).await;
        let _ =
            stream.write_all(chunk("data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"").as_bytes()).await;
        while stream.write_all(chunk(&"x".repeat(8000)).as_bytes()).await.is_ok() {}
    })
    .await;
    let house = House::new().await;
    let all = house.gateway.room.free();
    house.target("main", Provider::Google, upstream.port);
    let told = house.chat(&streamed()).await;
    assert!(told.text.contains("\"code\":\"server_busy\""), "{told:?}");
    assert_eq!(house.only_record().await, (200, Some("server_busy".into())));
    until_free(&house, all).await;
}

#[tokio::test]
async fn a_body_of_very_many_values_is_not_translated() {
    let upstream = Upstream::json(200, "", &completion()).await;
    let mut limits = hasty();
    limits.request = 8 << 20;
    let house = House::with(limits, 8).await;
    let part = json!({ "type": "text", "text": "a" });
    let body = json!({ "model": "m", "messages": [{ "role": "user", "content": vec![part; 40_000] }] });
    for provider in [Provider::Google, Provider::Anthropic] {
        house.target("main", provider, upstream.port);
        house.gateway.directory.invalidate(ORGANISATION);
        let told = house.chat(&body).await;
        assert_eq!(told.refusal(), (400, "too_many_values".into()));
        assert_eq!(told.json()["error"]["param"], "body");
    }
    house.target("main", Provider::OpenAi, upstream.port);
    house.gateway.directory.invalidate(ORGANISATION);
    assert_eq!(house.chat(&body).await.status, 200, "it passes where nothing is translated");
}

#[tokio::test]
async fn a_large_body_is_translated_off_the_threads_that_serve() {
    let answer = json!({ "candidates": [{ "content": { "parts": [{ "text": "Hi" }] }, "finishReason": "STOP" }] });
    let mut upstream = Upstream::json(200, "", &answer).await;
    let mut limits = hasty();
    limits.request = 4 << 20;
    let house = House::with(limits, 8).await;
    let all = house.gateway.room.free();
    house.target("main", Provider::Google, upstream.port);
    let text = "a\n".repeat(500 * KIB);
    let body = json!({ "model": "gemini", "messages": [{ "role": "user", "content": text }] });
    assert_eq!(house.chat(&body).await.status, 200);
    let sent: serde_json::Value = serde_json::from_str(&upstream.request().await.body).expect("JSON");
    assert_eq!(sent, json!({ "contents": [{ "role": "user", "parts": [{ "text": text }] }] }));
    until_free(&house, all).await;
}

#[tokio::test]
async fn refused_calls_are_counted_when_they_are_many() {
    let upstream = Upstream::json(200, "", &completion()).await;
    let house = House::new().await;
    house.target("main", Provider::OpenAi, upstream.port);
    house.key("lk_gone", |key| {
        key.standing = crate::gateway::directory::Standing::Revoked;
        key.secret = SecretId::numbered(12);
    });
    let mut headers = CALLER;
    headers[0].1 = "lk_gone";
    for _ in 0..200 {
        assert_eq!(house.send(Method::POST, CHAT, &headers, hello().to_string()).await.status, 401);
    }
    // What went to a provider has an entry of its own, and another key's refusal is not hidden.
    for _ in 0..30 {
        assert_eq!(house.chat(&hello()).await.status, 200);
    }
    assert_eq!(house.chat(&json!({ "model": "m" })).await.status, 200);
    assert_eq!(house.chat(&json!({})).await.status, 400);
    let counts = |records: &[crate::gateway::facts::Record], code: Option<&str>| {
        let outcomes = records.iter().filter_map(|record| record.outcome.as_ref());
        outcomes.filter(|outcome| outcome.error.as_deref() == code).map(|outcome| outcome.count).collect::<Vec<_>>()
    };
    let records = house.records().await;
    let mut want = vec![1; 20];
    want.push(180);
    assert_eq!(counts(&records, Some("api_key_revoked")), want);
    assert_eq!(counts(&records, None), [1; 31]);
    assert_eq!(counts(&records, Some("missing_parameter")), [1]);
}

#[tokio::test]
async fn absurd_figures_of_a_provider_are_bounded() {
    let mut answer = completion();
    answer["usage"] = json!({ "prompt_tokens": 36_800_000_000_000_000_u64, "completion_tokens": u64::MAX });
    let upstream = Upstream::json(200, "", &answer).await;
    let house = House::new().await;
    house.target("main", Provider::OpenAi, upstream.port);
    assert_eq!(house.chat(&hello()).await.json(), answer, "the caller gets what the provider said");
    let outcome = house.records().await.remove(0).outcome.expect("an outcome");
    let usage = outcome.usage.expect("usage");
    assert_eq!((usage.input_tokens, usage.output_tokens), (MAX_TOKENS, MAX_TOKENS));
    assert!(outcome.cost.is_some_and(|cost| cost <= crate::gateway::prices::MAX_COST));
}

#[tokio::test]
async fn dead_virtual_keys_do_not_delay_the_list_and_are_left_alone() {
    let list = json!({ "data": [{ "id": "gpt-4o", "object": "model", "created": 5, "owned_by": "system" }] });
    let good = Upstream::json(200, "", &list).await;
    let hanging = Upstream::scripted(|stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let failing = Upstream::json(500, "", &json!({})).await;
    let mut limits = hasty();
    limits.models = Duration::from_millis(1_500);
    let house = House::with(limits, 8).await;
    for number in 0..40 {
        house.target(&format!("dead-{number:03}"), Provider::OpenAi, hanging.port);
    }
    house.target("failing", Provider::OpenAi, failing.port);
    house.target("good", Provider::OpenAi, good.port);
    let mut seen = vec![];
    for _ in 0..2 {
        let begun = Instant::now();
        let told = house.send(Method::GET, "/v1/models", &CALLER[..1], "").await;
        assert_eq!((&told.json()["total"], &told.json()["data"][0]["id"]), (&json!(1), &json!("@good/gpt-4o")));
        assert_eq!(told.header("x-latchkey-left-out"), Some("41"));
        seen.push((begun.elapsed(), hanging.seen(), failing.seen(), good.seen()));
    }
    assert!(seen[0].0 < 3 * SOON, "{seen:?}");
    // Those that failed are left alone, so that the second list asks nobody.
    assert!(seen[1].0 < SOON, "{seen:?}");
    assert_eq!((seen[1].1, seen[1].2, seen[1].3), (40, 1, 1));
    // Who names one of them has it asked.
    let mut headers = CALLER;
    headers[1].1 = "failing";
    assert_eq!(house.send(Method::GET, "/v1/models", &headers, "").await.status, 502);
    assert_eq!(failing.seen(), 2);
}
