//! Calls that a config leads.

use super::support::*;
use crate::{
    features::logs::model::Next,
    gateway::{
        directory::{Standing, StoredConfig},
        facts::{CallEnd, Record, Tried},
    },
    kernel::{ConfigId, VirtualKeyId, provider::Provider},
};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

const CONFIG: &str = "x-portkey-config";
const KEY: (&str, &str) = ("x-portkey-api-key", "lk_good");

/// A provider that answers with these statuses in turn, the last again and again; 200 with `from <name>`.
async fn provider(house: &House, name: &'static str, statuses: &'static [u16]) -> Upstream {
    let asked = Arc::new(AtomicUsize::new(0));
    let upstream = Upstream::scripted(move |mut stream| {
        let asked = asked.clone();
        async move {
            let status = statuses[asked.fetch_add(1, Ordering::SeqCst).min(statuses.len() - 1)];
            let mut body = completion();
            body["choices"][0]["message"]["content"] = json!(format!("from {name}"));
            let body = if status == 200 { body } else { json!({ "error": { "message": "no" } }) }.to_string();
            let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nretry-after-ms: 20\r\n");
            let rest = format!("connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            let _ = stream.write_all(format!("{head}{rest}").as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    house.target(name, Provider::OpenAi, upstream.port);
    let number = u128::from(name.as_bytes()[0]);
    let mut targets = house.rooms.targets.lock().expect("the targets");
    let target = targets.get_mut(&(ORGANISATION, name.to_owned())).expect("a target");
    target.virtual_key = VirtualKeyId::numbered(number);
    drop(targets);
    upstream
}

fn save(house: &House, slug: &str, version: i64, config: &Value) {
    let id = ConfigId::numbered(slug.bytes().map(u128::from).sum());
    let stored = StoredConfig { id, version, text: config.to_string() };
    house.rooms.configs.lock().expect("the configs").insert((ORGANISATION, slug.to_owned()), stored);
}

async fn call_with(house: &House, headers: &[(&str, &str)], body: &Value) -> Told {
    let headers = [&[KEY, ("content-type", "application/json")], headers].concat();
    house.send(Method::POST, CHAT, &headers, body.to_string()).await
}

/// A call with this config in its header.
async fn inline(house: &House, config: &Value, body: &Value) -> Told {
    call_with(house, &[(CONFIG, &config.to_string())], body).await
}

fn fallback(targets: &[&str]) -> Value {
    let targets: Vec<_> = targets.iter().map(|slug| json!({ "virtual_key": slug })).collect();
    json!({ "strategy": { "mode": "fallback" }, "targets": targets })
}

fn content(told: &Told) -> String {
    assert_eq!(told.status, StatusCode::OK, "{}", told.text);
    told.json()["choices"][0]["message"]["content"].as_str().expect("a text").to_owned()
}

/// `x-portkey-…` of an answer: the target's path, retries, cache status.
fn about(told: &Told) -> (String, String, String) {
    let header = |name: &str| told.header(&format!("x-portkey-{name}")).unwrap_or("-").to_owned();
    (header("last-used-option-index"), header("retry-attempt-count"), header("cache-status"))
}

fn way(path: &str, retries: &str, cache: &str) -> (String, String, String) {
    (path.to_owned(), retries.to_owned(), cache.to_owned())
}

async fn only(house: &House) -> (Record, CallEnd) {
    let records = house.records().await;
    assert_eq!(records.len(), 1, "{records:?}");
    let end = records[0].outcome.clone().expect("an end");
    (records[0].clone(), end)
}

/// Path, the provider's status and what came after, of each attempt.
fn steps(tried: &[Tried]) -> Vec<(String, Option<u16>, Next)> {
    let step = |tried: &Tried| {
        let end = tried.end.as_ref().expect("an end");
        (tried.path.to_string(), end.status, end.then)
    };
    tried.iter().map(step).collect()
}

#[tokio::test]
async fn a_fallback_rescues_a_call_and_both_attempts_are_in_its_record() {
    let house = House::new().await;
    let (a, b) = (provider(&house, "a", &[500]).await, provider(&house, "b", &[200]).await);
    save(&house, "pc-1", 4, &fallback(&["a", "b"]));
    let told = call_with(&house, &[(CONFIG, "pc-1")], &hello()).await;
    assert_eq!((content(&told).as_str(), a.seen(), b.seen()), ("from b", 1, 1));
    assert_eq!(about(&told), way("config.targets[1]", "0", "DISABLED"));
    let (record, end) = only(&house).await;
    assert_eq!(
        record.call.config.and_then(|led| led.saved),
        Some((ConfigId::numbered("pc-1".bytes().map(u128::from).sum()), 4))
    );
    assert_eq!(
        steps(&end.tried),
        [("config.targets[0]".into(), Some(500), Next::LedOn), ("config.targets[1]".into(), Some(200), Next::Answered)]
    );
    // Each attempt tells of itself.
    let ends: Vec<_> = end.tried.iter().map(|tried| (tried.began_us, tried.end.clone().expect("an end"))).collect();
    assert_eq!((ends[0].1.usage, ends[0].1.cost), (None, None));
    assert_eq!((ends[1].1.usage, ends[1].1.cost), (end.usage, end.cost));
    let (began, second) = &ends[1];
    assert!(second.first_byte_us.is_some_and(|first| (*began..=began + second.took_us).contains(&first)));
    // What is counted is what was called in the end.
    let went = end.went.expect("a way");
    assert_eq!(went.virtual_key, Some(VirtualKeyId::numbered(u128::from(b'b'))));
    assert_eq!((end.status, end.upstream_status, end.error.as_deref()), (200, Some(200), None));
    assert_eq!(end.usage.map(|usage| usage.input_tokens), Some(9));
    assert!(end.cost.is_some());
}

#[tokio::test]
async fn when_all_fail_the_last_answer_is_the_callers() {
    let house = House::new().await;
    provider(&house, "a", &[500]).await;
    provider(&house, "b", &[404]).await;
    let told = inline(&house, &fallback(&["a", "b"]), &hello()).await;
    assert_eq!(told.refusal(), (404, "upstream_not_found".into()));
    assert_eq!(about(&told).0, "config.targets[1]");
    let (record, end) = only(&house).await;
    assert_eq!(record.call.config.map(|led| led.saved), Some(None));
    assert_eq!((end.status, end.tried.len(), end.sent), (404, 2, true));
}

#[tokio::test]
async fn a_target_that_cannot_be_asked_leads_on_as_one_that_fails() {
    let house = House::new().await;
    provider(&house, "b", &[200]).await;
    let told = inline(&house, &fallback(&["nobody", "b"]), &hello()).await;
    assert_eq!(content(&told), "from b");
    let (_, end) = only(&house).await;
    assert_eq!(end.tried.len(), 2);
    let first = end.tried[0].end.as_ref().expect("an end");
    assert_eq!((first.error.as_deref(), first.sent, first.then), (Some("virtual_key_not_found"), false, Next::LedOn));
    assert_eq!(&*end.tried[0].model, "@nobody/gpt-4o");
    // Where nothing leaves at all, the call is a refused one.
    let house = House::new().await;
    let told = inline(&house, &fallback(&["nobody", "none"]), &hello()).await;
    assert_eq!(told.refusal(), (404, "virtual_key_not_found".into()));
    let (_, end) = only(&house).await;
    assert_eq!((end.sent, end.status), (false, 404));
    // Its attempts are in the log all the same.
    let led = [("config.targets[0]".into(), None, Next::LedOn), ("config.targets[1]".into(), None, Next::Answered)];
    assert_eq!(steps(&end.tried), led);
    assert!(end.tried.iter().all(|tried| tried.end.as_ref().is_some_and(|end| !end.sent && end.error.is_some())));
    assert_eq!(&*end.went.expect("a way").model, "@none/gpt-4o");
}

#[tokio::test]
async fn what_a_model_failed_at_is_paid_for_once() {
    let house = House::new().await;
    let failed = json!({ "candidates": [{ "content": {}, "finishReason": "MALFORMED_FUNCTION_CALL" }],
        "usageMetadata": { "promptTokenCount": 7 } });
    let first = Upstream::json(200, "", &failed).await;
    house.target("first", Provider::Google, first.port);
    let b = provider(&house, "b", &[200]).await;
    let mut config = fallback(&["first", "b"]);
    config["retry"] = json!({ "attempts": 2 });
    let told = inline(&house, &config, &hello()).await;
    // The provider calls it a success, and lists of statuses are about the provider's own.
    assert_eq!(told.refusal(), (502, "upstream_model_failed".into()));
    assert_eq!((told.header("x-should-retry"), first.seen(), b.seen()), (Some("false"), 1, 0));
    let (_, end) = only(&house).await;
    assert_eq!(steps(&end.tried), [("config.targets[0]".into(), Some(200), Next::Answered)]);
    assert_eq!(end.usage.map(|usage| usage.input_tokens), Some(7));
}

#[tokio::test]
async fn the_same_target_is_asked_again_and_the_wait_is_the_providers() {
    let house = House::new().await;
    let a = provider(&house, "a", &[429, 429, 200]).await;
    let config = json!({ "virtual_key": "a", "retry": { "attempts": 3, "use_retry_after_header": true } });
    let began = Instant::now();
    let told = inline(&house, &config, &hello()).await;
    assert_eq!((content(&told).as_str(), a.seen()), ("from a", 3));
    assert_eq!(about(&told), way("config", "2", "DISABLED"));
    assert!((Duration::from_millis(40)..SOON).contains(&began.elapsed()), "{:?}", began.elapsed());
    let (_, end) = only(&house).await;
    let then: Vec<_> = steps(&end.tried).into_iter().map(|(_, status, then)| (status, then)).collect();
    assert_eq!(then, [(Some(429), Next::Retried), (Some(429), Next::Retried), (Some(200), Next::Answered)]);
    assert!(end.tried.windows(2).all(|two| {
        let ended = two[0].began_us + two[0].end.as_ref().expect("an end").took_us;
        two[1].began_us >= ended + 20_000
    }));
}

#[tokio::test]
async fn retries_that_do_not_help_are_told_as_used_up() {
    let house = House::new().await;
    let a = provider(&house, "a", &[429]).await;
    let config = json!({ "virtual_key": "a", "retry": { "attempts": 1, "use_retry_after_headers": true } });
    let told = inline(&house, &config, &hello()).await;
    assert_eq!((told.refusal(), a.seen()), ((429, "upstream_rate_limited".into()), 2));
    assert_eq!(about(&told), way("config", "-1", "DISABLED"));
}

#[tokio::test]
async fn a_key_that_ends_while_its_call_waits_makes_no_other_attempt() {
    let house = Arc::new(House::new().await);
    let a = provider(&house, "a", &[500]).await;
    let config = json!({ "virtual_key": "a", "retry": { "attempts": 3 } });
    let calling = {
        let house = house.clone();
        tokio::spawn(async move { inline(&house, &config, &hello()).await })
    };
    while a.seen() == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    house.key("lk_good", |key| key.standing = Standing::Revoked);
    house.gateway.directory.invalidate(ORGANISATION);
    let told = calling.await.expect("an answer");
    assert_eq!((told.refusal(), a.seen()), ((401, "api_key_revoked".into()), 1));
}

#[tokio::test]
async fn a_caller_who_leaves_ends_the_attempts() {
    let house = House::new().await;
    let a = provider(&house, "a", &[500]).await;
    let config = json!({ "virtual_key": "a", "retry": { "attempts": 5 } }).to_string();
    let (headers, body) = ([(CONFIG, config.as_str())], hello());
    let calling = call_with(&house, &headers, &body);
    assert!(tokio::time::timeout(Duration::from_millis(300), calling).await.is_err());
    let (_, end) = only(&house).await;
    assert_eq!((end.status, end.error.as_deref(), a.seen()), (499, Some("client_left"), 1));
    assert_eq!(steps(&end.tried), [("config".into(), Some(500), Next::Retried)]);
}

#[tokio::test]
async fn a_time_limit_is_the_targets_and_the_callers_own_goes_before_it() {
    let house = House::new().await;
    let slow = Upstream::scripted(|mut stream| async move {
        sleep(Duration::from_millis(200)).await;
        let body = completion().to_string();
        let head =
            format!("HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
        let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
    })
    .await;
    house.target("slow", Provider::OpenAi, slow.port);
    provider(&house, "b", &[200]).await;
    let mut config = fallback(&["slow", "b"]);
    config["request_timeout"] = json!(50);
    assert_eq!(content(&inline(&house, &config, &hello()).await), "from b");
    config["strategy"]["on_status_codes"] = json!([500]);
    let told = inline(&house, &config, &hello()).await;
    assert_eq!(told.refusal(), (408, "request_timeout".into()));
    assert_eq!(told.json()["error"]["type"], "timeout_error");
    let header = [(CONFIG, &*config.to_string()), ("x-portkey-request-timeout", "280")].map(|(n, v)| (n, v.to_owned()));
    let header = header.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(content(&call_with(&house, &header, &hello()).await), "Hi");
}

#[tokio::test]
async fn a_stream_falls_back_until_its_first_piece_and_not_after() {
    let house = House::new().await;
    let silent = Upstream::scripted(|mut stream| async move {
        let _ = stream.write_all(STREAM.as_bytes()).await;
        sleep(Duration::from_millis(100)).await;
        let _ = stream.shutdown().await;
    })
    .await;
    let broken = Upstream::scripted(|mut stream| async move {
        let _ = stream.write_all(format!("{STREAM}{}", chunk(&piece("so far"))).as_bytes()).await;
        let _ = stream.flush().await;
        sleep(Duration::from_millis(100)).await;
    })
    .await;
    let good = Upstream::saying(format!("{STREAM}{}{}0\r\n\r\n", chunk(&piece("well")), chunk(&ending()))).await;
    for (name, upstream) in [("silent", &silent), ("broken", &broken), ("good", &good)] {
        house.target(name, Provider::OpenAi, upstream.port);
    }
    let told = inline(&house, &fallback(&["silent", "good"]), &streamed()).await;
    assert!(told.text.contains("well") && told.text.contains("[DONE]"), "{}", told.text);
    assert_eq!(about(&told).0, "config.targets[1]");
    let told = inline(&house, &fallback(&["broken", "good"]), &streamed()).await;
    assert!(told.text.contains("so far") && told.text.contains("event: error") && !told.text.contains("[DONE]"));
    assert_eq!((about(&told).0.as_str(), good.seen()), ("config.targets[0]", 1));
    let late = json!({ "virtual_key": "silent", "request_timeout": 40 });
    assert_eq!(inline(&house, &late, &streamed()).await.refusal(), (408, "request_timeout".into()));
}

#[tokio::test]
async fn a_body_leaves_with_what_the_config_changes_in_it() {
    let house = House::new().await;
    let mut a = provider(&house, "a", &[200]).await;
    let config = json!({
        "virtual_key": "a", "default_params": { "temperature": 0.2, "seed": 7 }, "drop_params": ["user", "messages[*].name"],
        "override_params": { "model": "gpt-4.1" }, "forward_headers": ["X-Tenant"],
    });
    let body = json!({ "model": "@other/gpt-4o", "temperature": 0, "user": "u",
        "messages": [{ "role": "user", "name": "n", "content": "Hello" }] });
    let headers = [(CONFIG, config.to_string()), ("x-tenant", "north".to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    assert_eq!(content(&call_with(&house, &headers, &body).await), "from a");
    let received = a.request().await;
    assert_eq!(received.header("x-tenant"), Some("north"));
    assert!(!received.head.contains("lk_good"));
    let sent: Value = serde_json::from_str(&received.body).expect("JSON");
    let messages = json!([{ "role": "user", "content": "Hello" }]);
    assert_eq!(sent, json!({ "model": "gpt-4.1", "temperature": 0, "seed": 7, "messages": messages }));
    let (_, end) = only(&house).await;
    assert_eq!(&*end.went.expect("a way").model, "gpt-4.1");
}

#[tokio::test]
async fn where_a_config_names_no_virtual_key_the_request_does() {
    let house = House::new().await;
    provider(&house, "a", &[200]).await;
    let config = json!({ "retry": { "attempts": 1 } }).to_string();
    let by_header = [(CONFIG, &*config), ("x-portkey-virtual-key", "a")];
    assert_eq!(content(&call_with(&house, &by_header, &hello()).await), "from a");
    let by_model = json!({ "model": "@a/gpt-4o", "messages": [] });
    assert_eq!(content(&call_with(&house, &[(CONFIG, &config)], &by_model).await), "from a");
    let none = call_with(&house, &[(CONFIG, &config)], &hello()).await;
    assert_eq!(none.refusal(), (400, "virtual_key_missing".into()));
}

#[tokio::test]
async fn conditions_see_metadata_body_and_path() {
    let house = House::new().await;
    provider(&house, "a", &[200]).await;
    provider(&house, "b", &[200]).await;
    let config = json!({
        "strategy": { "mode": "conditional", "default": "two", "conditions": [
            { "query": { "metadata.plan": "paid", "params.n": { "$gt": 1 }, "url.pathname": CHAT }, "then": "one" }] },
        "targets": [{ "name": "one", "virtual_key": "a" }, { "name": "two", "virtual_key": "b" }],
    });
    let mut body = hello();
    body["n"] = json!(2);
    let config = config.to_string();
    let asked = async |metadata: &str| {
        content(&call_with(&house, &[(CONFIG, &config), ("x-portkey-metadata", metadata)], &body).await)
    };
    assert_eq!(asked(r#"{"plan":"paid"}"#).await, "from a");
    assert_eq!(asked(r#"{"plan":"free"}"#).await, "from b");
    assert_eq!(asked("no JSON").await, "from b", "what cannot be read counts as nothing said");
    let none = json!({ "strategy": { "mode": "conditional", "conditions": [{ "query": { "metadata.a": "1" }, "then": "one" }] },
        "targets": [{ "name": "one", "virtual_key": "a" }] });
    assert_eq!(inline(&house, &none, &body).await.refusal(), (400, "no_condition_holds".into()));
}

#[tokio::test]
async fn a_target_that_keeps_failing_is_left_out() {
    let house = House::new().await;
    let (a, b) = (provider(&house, "a", &[503]).await, provider(&house, "b", &[200]).await);
    let mut config = fallback(&["a", "b"]);
    config["cb_config"] = json!({ "failure_threshold": 2, "cooldown_interval": 30000 });
    save(&house, "pc-1", 1, &config);
    for _ in 0..5 {
        assert_eq!(about(&call_with(&house, &[(CONFIG, "pc-1")], &hello()).await).0, "config.targets[1]");
        // It is remembered, though the directory reads the config anew.
        house.gateway.directory.invalidate(ORGANISATION);
    }
    assert_eq!((a.seen(), b.seen()), (2, 5));
    // Of another version nothing is known.
    save(&house, "pc-1", 2, &config);
    house.gateway.directory.invalidate(ORGANISATION);
    call_with(&house, &[(CONFIG, "pc-1")], &hello()).await;
    assert_eq!(a.seen(), 3);
}

#[tokio::test]
async fn a_good_answer_is_kept_for_the_same_question() {
    let house = House::new().await;
    let a = provider(&house, "a", &[500, 200]).await;
    let config = json!({ "virtual_key": "a", "cache": { "mode": "simple" } });
    save(&house, "pc-1", 1, &config);
    let asked = async |headers: &[(&str, &str)], body: &Value| {
        let told = call_with(&house, &[&[(CONFIG, "pc-1")], headers].concat(), body).await;
        (told.status.as_u16(), about(&told).2, a.seen())
    };
    let (miss, hit) = (|seen| (200, "MISS".to_owned(), seen), |seen| (200, "HIT".to_owned(), seen));
    assert_eq!(asked(&[], &hello()).await, (502, "MISS".to_owned(), 1));
    assert_eq!(asked(&[], &hello()).await, miss(2), "an error is not kept");
    assert_eq!(asked(&[], &hello()).await, hit(2));
    let other = json!({ "model": "gpt-4o", "messages": [] });
    assert_eq!(asked(&[], &other).await, miss(3));
    assert_eq!(asked(&[("x-portkey-cache-namespace", "n")], &hello()).await, miss(4));
    assert_eq!(asked(&[("x-portkey-cache-namespace", "n")], &hello()).await, hit(4));
    let refresh = [("x-portkey-cache-force-refresh", "true")];
    assert_eq!(asked(&refresh, &hello()).await, (200, "REFRESH".to_owned(), 5));
    assert_eq!(asked(&[], &hello()).await, hit(5));
    // A key that may do something else does not share it, nor does another version.
    house.key("lk_other", |key| key.permissions = key.permissions.with(crate::policy::Permission::LogsView));
    let headers = [("x-portkey-api-key", "lk_other"), (CONFIG, "pc-1"), ("content-type", "application/json")];
    let told = house.send(Method::POST, CHAT, &headers, hello().to_string()).await;
    assert_eq!((about(&told).2.as_str(), a.seen()), ("MISS", 6));
    save(&house, "pc-1", 2, &config);
    house.gateway.directory.invalidate(ORGANISATION);
    assert_eq!(asked(&[], &hello()).await, miss(7));
    let kept: Vec<_> = house.records().await.into_iter().filter_map(|record| record.outcome).collect();
    let hits: Vec<_> = kept.iter().filter(|end| steps(&end.tried)[0].2 == Next::Kept).collect();
    assert_eq!(hits.len(), 3);
    assert!(hits.iter().all(|end| !end.sent && end.usage.is_none() && end.cost.is_none()));
    let paid = kept.iter().find_map(|end| end.cost);
    assert!(paid.is_some_and(|cost| cost > 0) && hits.iter().all(|end| end.saved == paid), "{paid:?} {hits:?}");
}

#[tokio::test]
async fn a_stream_is_kept_whole_and_replayed_as_a_stream() {
    let house = House::new().await;
    let good = Upstream::saying(format!("{STREAM}{}{}0\r\n\r\n", chunk(&piece("well")), chunk(&ending()))).await;
    let broken = Upstream::saying(format!("{STREAM}{}", chunk(&piece("so far")))).await;
    house.target("good", Provider::OpenAi, good.port);
    house.target("broken", Provider::OpenAi, broken.port);
    let config = |slug: &str| json!({ "virtual_key": slug, "cache": { "mode": "simple" } });
    let first = inline(&house, &config("good"), &streamed()).await;
    let again = inline(&house, &config("good"), &streamed()).await;
    assert_eq!((about(&first).2.as_str(), about(&again).2.as_str(), good.seen()), ("MISS", "HIT", 1));
    assert_eq!(first.text, again.text);
    assert_eq!(again.header("content-type"), Some("text/event-stream"));
    for _ in 0..2 {
        assert_eq!(about(&inline(&house, &config("broken"), &streamed()).await).2, "MISS");
    }
    assert_eq!(broken.seen(), 2);
}

#[tokio::test]
async fn the_header_goes_before_the_keys_own_config_where_the_key_allows_it() {
    let house = House::new().await;
    provider(&house, "a", &[200]).await;
    provider(&house, "b", &[200]).await;
    save(&house, "pc-a", 1, &json!({ "virtual_key": "a" }));
    save(&house, "pc-b", 1, &json!({ "virtual_key": "b" }));
    house.key("lk_good", |key| key.config = Some("pc-a".into()));
    assert_eq!(content(&call_with(&house, &[], &hello()).await), "from a");
    assert_eq!(content(&call_with(&house, &[(CONFIG, "pc-b")], &hello()).await), "from b");
    // No other way round the config leads to another virtual key.
    let round = json!({ "model": "@b/gpt-4o", "messages": [] });
    assert_eq!(content(&call_with(&house, &[("x-portkey-virtual-key", "b")], &round).await), "from a");
    house.key("lk_good", |key| (key.config, key.may_override) = (Some("pc-a".into()), false));
    house.gateway.directory.invalidate(ORGANISATION);
    let inline_b = json!({ "virtual_key": "b" }).to_string();
    for other in ["pc-b", "pc-none", &inline_b] {
        let told = call_with(&house, &[(CONFIG, other)], &hello()).await;
        assert_eq!(told.refusal(), (400, "config_override_not_allowed".into()), "{other}");
    }
    assert_eq!(content(&call_with(&house, &[(CONFIG, "pc-a")], &hello()).await), "from a");
    // A config of its own that is gone is no leave to go without.
    house.key("lk_good", |key| key.config = Some("".into()));
    house.gateway.directory.invalidate(ORGANISATION);
    assert_eq!(call_with(&house, &[], &hello()).await.refusal(), (400, "config_not_found".into()));
}

#[tokio::test]
async fn an_unknown_config_and_one_of_another_organisation_are_the_same() {
    let house = House::new().await;
    provider(&house, "a", &[200]).await;
    let stored = StoredConfig { id: ConfigId::numbered(31), version: 1, text: r#"{"virtual_key":"a"}"#.to_owned() };
    house.rooms.configs.lock().expect("the configs").insert((OTHER, "pc-other".to_owned()), stored);
    let long = "x".repeat(200);
    for name in ["pc-other", "pc-nobody", &long, "[]"] {
        let told = call_with(&house, &[(CONFIG, name)], &hello()).await;
        assert_eq!(told.refusal(), (400, "config_not_found".into()), "{name}");
    }
    let asked = house.rooms.configs_asked.load(Ordering::SeqCst);
    call_with(&house, &[(CONFIG, "pc-nobody")], &hello()).await;
    assert_eq!(house.rooms.configs_asked.load(Ordering::SeqCst), asked, "it is remembered that there is none");
}

#[tokio::test]
async fn a_bad_config_is_refused_with_the_place() {
    let house = House::new().await;
    let told = call_with(&house, &[(CONFIG, r#"{"virtual_key": "#)], &hello()).await;
    assert_eq!(told.refusal(), (400, "invalid_config".into()));
    let told = inline(&house, &json!({ "virtual_key": "a", "retry": { "attempts": 9 } }), &hello()).await;
    assert_eq!(told.refusal(), (400, "invalid_config".into()));
    let body = told.json();
    assert_eq!(body["error"]["fields"][0]["field"], "retry.attempts");
    let message = body["message"].as_str().expect("a message");
    assert!(message.contains("Line 1, column 22"), "{message}");
    let key = call_with(&house, &[(CONFIG, r#"{"provider":"openai","api_key":"sk-of-a-caller"}"#)], &hello()).await;
    assert!(key.refusal().1 == "invalid_config" && !key.text.contains("sk-of-a-caller"), "{}", key.text);
}

#[tokio::test]
async fn an_organisation_may_let_requests_name_only_what_is_saved() {
    let house = House::new().await;
    provider(&house, "a", &[200]).await;
    save(&house, "pc-a", 1, &json!({ "virtual_key": "a" }));
    house.key("lk_good", |key| key.saved_only = true);
    for (header, value, code) in [
        (CONFIG, r#"{"virtual_key":"a"}"#, "inline_config_blocked"),
        ("x-portkey-provider", "openai", "inline_provider_blocked"),
        ("x-portkey-custom-host", "https://llm.example/v1", "inline_custom_host_blocked"),
        ("x-portkey-forward-headers", "x-a", "inline_forward_headers_blocked"),
    ] {
        let told = call_with(&house, &[("x-portkey-virtual-key", "a"), (header, value)], &hello()).await;
        assert_eq!(told.refusal(), (400, code.to_owned()));
        assert_eq!(told.json()["error"]["field"], header);
    }
    assert_eq!(content(&call_with(&house, &[(CONFIG, "pc-a")], &hello()).await), "from a");
    assert_eq!(content(&call_with(&house, &[("x-portkey-provider", "@a")], &hello()).await), "from a");
}

#[tokio::test]
async fn a_warm_call_under_a_config_asks_and_compiles_nothing() {
    let house = House::new().await;
    provider(&house, "a", &[200]).await;
    save(&house, "pc-1", 1, &json!({ "virtual_key": "a" }));
    for _ in 0..20 {
        call_with(&house, &[(CONFIG, "pc-1")], &hello()).await;
    }
    assert_eq!(house.rooms.configs_asked.load(Ordering::SeqCst), 1);
    // Without a config nothing is looked up at all.
    let house = House::new().await;
    provider(&house, "main", &[200]).await;
    house.chat(&hello()).await;
    assert_eq!(house.rooms.configs_asked.load(Ordering::SeqCst), 0);
}
