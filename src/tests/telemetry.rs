//! What monitoring reads of a running installation.

use super::gateway::{call, key, with_provider};
use super::statements::sources;
use super::support::{House, each_engine, provide};
use crate::{
    gateway::{
        telemetry::{codes, page},
        tests::support::Upstream,
    },
    http::serve_metrics,
    kernel::Timestamp,
};
use axum::{
    body::Body,
    http::{Method, Request},
};
use regex::Regex;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A house whose figures are served at this port.
async fn watched(house: &House) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (app, recorder) = (house.app.clone(), house.gateway.recorder.clone());
    tokio::spawn(serve_metrics(listener, move || page(&app, &recorder, Timestamp(1_700_000_000_000))));
    port
}

/// Sends one request; gives head and body of the answer.
async fn ask(port: u16, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("connects");
    stream.write_all(format!("{request} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.expect("writes");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("reads");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    (head.to_owned(), body.to_owned())
}

/// Every sample, by its name and labels. The page is one that Prometheus reads.
async fn scraped(port: u16) -> BTreeMap<String, f64> {
    let (head, body) = ask(port, "GET /metrics").await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    assert!(body.ends_with('\n'));
    let sample =
        Regex::new(r#"^([a-z_]+)((?:\{[a-z_]+="[^"\\]*"(?:,[a-z_]+="[^"\\]*")*\})?) (\S+)$"#).expect("a pattern");
    let mut samples = BTreeMap::new();
    let mut kinds: BTreeMap<String, String> = BTreeMap::new();
    let mut family = String::new();
    for line in body.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, sentence) = help.split_once(' ').expect("a sentence");
            assert!(sentence.ends_with('.'), "{line}");
            assert!(!kinds.contains_key(name), "{name} is there twice");
            family = name.to_owned();
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a kind");
            assert_eq!(name, family);
            // A counter's name says so, and no other's.
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            kinds.insert(name.to_owned(), kind.to_owned());
        } else {
            let parts = sample.captures(line).unwrap_or_else(|| panic!("no sample: {line}"));
            let name = match kinds[&family].as_str() {
                "histogram" => {
                    let ends = ["_bucket", "_sum", "_count"];
                    ends.iter().find_map(|end| parts[1].strip_suffix(end)).unwrap_or_else(|| panic!("{line}"))
                }
                _ => &parts[1],
            };
            assert_eq!(name, family, "{line}");
            let value: f64 = parts[3].parse().unwrap_or_else(|_| panic!("no number: {line}"));
            let before = samples.insert(format!("{}{}", &parts[1], &parts[2]), value);
            assert_eq!(before, None, "{line} is there twice");
        }
    }
    samples
}

#[tokio::test]
async fn figures_agree_with_what_has_happened() {
    each_engine(async |house| {
        let (house, owner, _provider) = with_provider(house).await;
        let (_, secret) = key(&house, &owner, "Production", "enabled").await;
        let port = watched(&house).await;
        let before = scraped(port).await;
        assert_eq!(before.keys().filter(|name| name.starts_with("latchkey_model_calls_total")).count(), 0);
        let program = house.program(&house.master_key);
        assert_eq!(program.api("GET", "/v1/virtual-keys", serde_json::Value::Null).await.status, 200);
        assert_eq!(program.api("GET", "/v1/virtual-keys/nobody", serde_json::Value::Null).await.status, 404);
        assert_eq!(owner.page(&format!("/o/{}/logs", house.slug)).await.status, 200);
        for _ in 0..3 {
            assert_eq!(call(&house, &secret).await.status, 200);
        }
        assert_eq!(call(&house, "lk_nobody").await.status, 401);
        let body = json!({ "model": "@nobody/gpt-4o", "messages": [{ "role": "user", "content": "Hello" }] });
        for _ in 0..25 {
            let request = Request::post("/v1/chat/completions").header("content-type", "application/json");
            let request = request.body(Body::from(body.to_string())).expect("a request");
            assert_eq!(house.program(&secret).send(request).await.status, 404);
        }
        // Refusals alike that the log tells of later are counted then; to come to rest it tells of all.
        assert!(house.gateway.recorder.drain(Duration::from_secs(5)).await, "the log comes to rest");
        let after = scraped(port).await;
        let value = |name: &str| *after.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", after.keys()));
        let chat = r#"endpoint="chat_completions""#;
        for (name, expected) in [
            (format!(r#"latchkey_model_calls_total{{outcome="ok",{chat},provider="openai",status="2xx"}}"#), 3.0),
            (format!(r#"latchkey_model_calls_total{{outcome="refused",{chat},provider="none",status="4xx"}}"#), 25.0),
            (r#"latchkey_model_call_errors_total{outcome="refused",code="virtual_key_not_found"}"#.into(), 25.0),
            (r#"latchkey_model_calls_unrecorded_total{code="invalid_api_key"}"#.into(), 1.0),
            (format!(r#"latchkey_model_call_duration_seconds_count{{{chat},provider="openai"}}"#), 3.0),
            (format!(r#"latchkey_model_call_duration_seconds_bucket{{{chat},provider="openai",le="+Inf"}}"#), 3.0),
            (format!(r#"latchkey_model_call_duration_seconds_bucket{{{chat},provider="openai",le="655.36"}}"#), 3.0),
            (format!(r#"latchkey_model_call_first_byte_seconds_count{{{chat},provider="openai"}}"#), 3.0),
            (format!(r#"latchkey_model_call_before_sent_seconds_count{{{chat}}}"#), 3.0),
            (r#"latchkey_tokens_total{provider="openai",kind="input"}"#.into(), 27.0),
            (r#"latchkey_tokens_total{provider="openai",kind="output"}"#.into(), 6.0),
            (r#"latchkey_cost_dollars_total{provider="openai"}"#.into(), 3.0 * 4_250.0 / 1e8),
            ("latchkey_model_calls_under_way".into(), 0.0),
            (r#"latchkey_log_places{state="free"}"#.into(), 20_000.0),
            (r#"latchkey_log_places{state="used"}"#.into(), 0.0),
            ("latchkey_log_records_waiting".into(), 0.0),
            (r#"latchkey_log_write_failures_total{reason="unavailable"}"#.into(), 0.0),
            (concat!(r#"latchkey_build_info{version=""#, env!("CARGO_PKG_VERSION"), r#""}"#).into(), 1.0),
            ("process_start_time_seconds".into(), 1_700_000_000.0),
        ] {
            assert_eq!(value(&name), expected, "{name}");
        }
        let grown = |name: &str| value(name) - before[name];
        assert_eq!(grown(r#"latchkey_http_requests_total{part="api",status="2xx"}"#), 1.0);
        assert_eq!(grown(r#"latchkey_http_requests_total{part="api",status="4xx"}"#), 1.0);
        assert_eq!(grown(r#"latchkey_http_requests_total{part="console",status="2xx"}"#), 1.0);
        // Twenty refusals have entries of their own, and one tells of the others.
        assert!(grown("latchkey_log_records_written_total") >= 3.0 + 21.0);
        assert!(grown("latchkey_log_write_duration_seconds_count") >= 1.0);
        let total = value(&format!(r#"latchkey_model_call_duration_seconds_sum{{{chat},provider="openai"}}"#));
        assert!(total > 0.0 && total < 60.0, "{total}");
        let pool = if house.app.db.is_postgres() { "serving" } else { "writer" };
        let connections =
            |state: &str| value(&format!(r#"latchkey_database_connections{{pool="{pool}",state="{state}"}}"#));
        let most = value(&format!(r#"latchkey_database_connections_max{{pool="{pool}"}}"#));
        assert!((1.0..=most).contains(&(connections("idle") + connections("in_use"))));
    })
    .await;
}

#[tokio::test]
async fn callers_can_make_no_new_series() {
    let (house, owner, _provider) = with_provider(House::on_sqlite().await).await;
    let (id, secret) = key(&house, &owner, "Production", "enabled").await;
    // Each refusal of this provider has another word.
    let asked = Arc::new(AtomicUsize::new(0));
    let odd = Upstream::scripted(move |mut stream| {
        let number = asked.fetch_add(1, Ordering::SeqCst);
        async move {
            let body = json!({ "error": { "message": "no", "code": format!("odd_word_{number}") } }).to_string();
            let head = "HTTP/1.1 400 X\r\ncontent-type: application/json\r\nconnection: close\r\n";
            let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    provide(&owner, &house.slug, "odd", "openai-compatible", &odd).await;
    let port = watched(&house).await;
    let send = async |method: Method, path: &str, model: &str, trace: &str| {
        let body = json!({ "model": model, "messages": [{ "role": "user", "content": "Hello" }] });
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .header("x-portkey-trace-id", trace)
            .header("x-portkey-metadata", json!({ trace: trace }).to_string());
        let request = request.body(Body::from(body.to_string())).expect("a request");
        house.program(&secret).send(request).await.status
    };
    let round = async |number: usize| {
        let (model, trace) = (format!("@main/odd-{number}\"}} 1"), format!("odd-trace-{number}"));
        assert_eq!(send(Method::POST, "/v1/chat/completions", &model, &trace).await, 200);
        let (model, path) = (format!("@odd/odd-{number}"), format!("/v1/odd-{number}"));
        assert_eq!(send(Method::POST, "/v1/chat/completions", &model, &trace).await, 400);
        let model = format!("@odd-{number}/odd");
        assert_eq!(send(Method::POST, "/v1/chat/completions", &model, &trace).await, 404);
        assert_eq!(send(Method::POST, &path, "@main/odd", &trace).await, 404);
        let method = Method::from_bytes(format!("ODD{number}").as_bytes()).expect("a method");
        assert!(send(method, "/v1/chat/completions", "@main/odd", &trace).await >= 400);
        assert_eq!(call(&house, &format!("lk_odd{number}")).await.status, 401);
    };
    round(0).await;
    assert!(house.gateway.recorder.drain(Duration::from_secs(5)).await, "the log comes to rest");
    let first: BTreeSet<String> = scraped(port).await.into_keys().collect();
    for number in 1..15 {
        round(number).await;
    }
    assert!(house.gateway.recorder.drain(Duration::from_secs(5)).await, "the log comes to rest");
    let after = scraped(port).await;
    assert_eq!(after[r#"latchkey_model_call_errors_total{outcome="failed",code="other"}"#], 15.0);
    let later: BTreeSet<String> = after.into_keys().collect();
    assert_eq!(first, later);
    for told in ["odd", &house.slug, &house.organisation.to_string(), &id, &secret] {
        assert!(!later.iter().any(|name| name.contains(told)), "{told} is told");
    }
}

#[tokio::test]
async fn nothing_but_the_page_is_served() {
    let house = House::on_sqlite().await.founded().await;
    let port = watched(&house).await;
    for request in ["GET /", "POST /metrics", "HEAD /metrics", "GET /metrics/", "GET /v1/models", "GET /healthz"] {
        let (head, body) = ask(port, request).await;
        assert!(
            head.starts_with("HTTP/1.1 404 ") && !body.contains("latchkey_build_info"),
            "{request}: {head}\n{body}"
        );
    }
    // Nor is the page served anywhere else, whoever asks.
    for client in [house.nobody(), house.person("ada@north.test").await, house.program(&house.master_key)] {
        for path in ["/metrics", "/v1/metrics"] {
            let answer = client.page(path).await;
            assert!(answer.status >= 300 && !answer.text.contains("latchkey_build_info"), "{path}: {}", answer.text);
        }
    }
}

#[test]
fn every_code_of_refusals_is_in_the_list_by_which_they_are_counted() {
    assert!(codes::CODES.is_sorted() && !codes::CODES.contains(&codes::OTHER));
    // The words of the families stand beside the codes.
    let is_family = |word: &str| (word.ends_with("_error") && word != "upstream_error") || word == "hooks_failed";
    let code = Regex::new(r#""([a-z]+(?:_[a-z]+)+)""#).expect("a pattern");
    let upstream = Regex::new(r#""(upstream(?:_[a-z]+)+)""#).expect("a pattern");
    let mut seen = 0;
    for (place, text) in sources() {
        let pattern = match &*place {
            "web/refusal.rs" | "web/refusal/calls.rs" | "web/refusal/narrowed.rs" => &code,
            "dialect/error.rs" => &upstream,
            _ => continue,
        };
        let program = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (_, [word]) in pattern.captures_iter(program).map(|found| found.extract()) {
            seen += 1;
            assert!(codes::CODES.contains(&word) || is_family(word), "{place} has {word}, which is not in the list");
        }
    }
    assert!(seen > 60, "only {seen} words were found");
    for known in ["client_left", "interrupted", "invalid_json", "missing_parameter", "not_found"] {
        assert_eq!(codes::at(codes::place(known)), known);
    }
    assert_eq!(codes::at(codes::place("content_filter")), codes::OTHER);
}
