//! What a collector of OpenTelemetry receives of calls, and what becomes of calls when it is away.

use super::support::*;
use crate::{
    gateway::{
        facts::{CallFacts, Record},
        record::{Bounds, Recorder, Sink, SinkError},
        telemetry::export,
    },
    kernel::{KeyId, VirtualKeyId, provider::Provider},
    server::{
        metrics::Page,
        settings::{Collector, OtlpEndpoint},
    },
};
use async_trait::async_trait;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::task::yield_now;
use tokio::time::{Instant, sleep, timeout};

/// A collector on this port of loopback.
fn collector(port: u16) -> Collector {
    let address = format!("http://127.0.0.1:{port}").parse::<OtlpEndpoint>().expect("an address");
    let mut headers = HeaderMap::new();
    let mut token = HeaderValue::from_static("Bearer of-the-collector");
    token.set_sensitive(true);
    headers.insert("authorization", token);
    address.with(headers).expect("a collector")
}

/// A span with its attributes as one object.
struct Span {
    span: Value,
    attributes: Map<String, Value>,
}

/// The next spans that arrive, at least so many, and the body in which the last of them came.
async fn received(collector: &mut Upstream, at_least: usize) -> (Vec<Span>, Received) {
    let mut spans = vec![];
    loop {
        let request = timeout(10 * SOON, collector.request()).await.expect("spans arrive");
        let body: Value = serde_json::from_str(&request.body).expect("JSON");
        let resource = &body["resourceSpans"][0];
        assert!(resource["resource"]["attributes"].as_array().is_some_and(|all| {
            all.contains(&json!({ "key": "service.name", "value": { "stringValue": "latchkey" } }))
        }));
        for span in resource["scopeSpans"][0]["spans"].as_array().expect("spans") {
            let attributes = span["attributes"].as_array().expect("attributes").iter().map(|pair| {
                let value = pair["value"].as_object().and_then(|value| value.values().next()).expect("a value");
                (pair["key"].as_str().expect("a key").to_owned(), value.clone())
            });
            spans.push(Span { span: span.clone(), attributes: attributes.collect() });
        }
        if spans.len() >= at_least {
            return (spans, request);
        }
    }
}

/// A figure of this name.
fn figure(recorder: &Recorder, name: &str) -> u64 {
    let mut page = Page::default();
    recorder.telemetry().tell(&mut page);
    let page = page.finish();
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {name}: {page}")).parse().expect("a number")
}

/// What is told of spans, by result, and how many calls wait.
fn told(recorder: &Recorder) -> (u64, u64, u64, u64) {
    let spans = |result: &str| figure(recorder, &format!("latchkey_otlp_spans_total{{result=\"{result}\"}}"));
    (spans("exported"), spans("dropped"), spans("rejected"), figure(recorder, "latchkey_otlp_calls_waiting"))
}

fn failures(recorder: &Recorder) -> u64 {
    figure(recorder, "latchkey_otlp_request_failures_total")
}

#[tokio::test]
async fn each_call_becomes_a_span_that_tells_nothing_of_what_was_said() {
    let house = House::new().await;
    let provider = Upstream::json(200, "x-request-id: req_of_the_provider\r\n", &completion()).await;
    let broken = Upstream::json(500, "", &json!({ "error": { "message": "Hello is what broke me" } })).await;
    house.target("main", Provider::OpenAi, provider.port);
    house.target("broken", Provider::Mistral, broken.port);
    {
        let mut targets = house.rooms.targets.lock().expect("the targets");
        let target = targets.get_mut(&(ORGANISATION, "broken".to_owned())).expect("a target");
        target.virtual_key = VirtualKeyId::numbered(21);
    }
    let mut collector = {
        let upstream = Upstream::json(200, "", &json!({ "partialSuccess": {} })).await;
        export(&house.gateway, collector(upstream.port));
        upstream
    };

    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let headers =
        [&CALLER[..], &[("x-portkey-trace-id", trace), ("x-portkey-metadata", r#"{"team":"secretive"}"#)]].concat();
    let good = house.send(Method::POST, CHAT, &headers, hello().to_string()).await;
    assert_eq!(good.status, StatusCode::OK, "{}", good.text);
    let config = json!({ "strategy": { "mode": "fallback" }, "retry": { "attempts": 0 },
        "targets": [{ "virtual_key": "broken" }, { "virtual_key": "main" }] })
    .to_string();
    let headers = [CALLER[0], CALLER[2], ("x-portkey-config", config.as_str())];
    let led = house.send(Method::POST, CHAT, &headers, hello().to_string()).await;
    assert_eq!(led.status, StatusCode::OK, "{}", led.text);
    let headers = [CALLER[0], CALLER[2], ("x-portkey-virtual-key", "broken")];
    let failed = house.send(Method::POST, CHAT, &headers, hello().to_string()).await;
    assert_eq!(failed.status, StatusCode::BAD_GATEWAY, "{}", failed.text);
    let headers = [CALLER[0], CALLER[2], ("x-portkey-virtual-key", "nobody")];
    let refused = house.send(Method::POST, CHAT, &headers, hello().to_string()).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND, "{}", refused.text);

    // Four calls, one of which made two attempts.
    let (spans, request) = received(&mut collector, 6).await;
    assert_eq!(spans.len(), 6);
    assert!(request.head.starts_with("POST /v1/traces HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("authorization"), Some("Bearer of-the-collector"));
    for said in ["Hello", "\"Hi\"", "secretive", "lk_good", SECRET] {
        assert!(spans.iter().all(|span| !span.span.to_string().contains(said)), "{said} is told");
    }
    let of = |told: &Told| {
        let id = told.header("x-request-id").expect("an id");
        let span = spans.iter().find(|span| span.attributes.get("latchkey.call.id") == Some(&json!(id)));
        span.unwrap_or_else(|| panic!("no span of {id}"))
    };
    let expect = |span: &Span, expected: Value| {
        for (name, value) in expected.as_object().expect("attributes") {
            assert_eq!(span.attributes.get(name).unwrap_or(&Value::Null), value, "{name}");
        }
    };
    let Span { span, attributes } = of(&good);
    assert_eq!((&span["traceId"], &span["name"], &span["kind"]), (&json!(trace), &json!("chat gpt-4o"), &json!(3)));
    assert_eq!(span["status"], json!({}));
    let nanos = |name: &str| span[name].as_str().expect("a time").parse::<u64>().expect("a number");
    assert_eq!(nanos("startTimeUnixNano"), 1_700_000_000_000_000_000);
    assert!((1..20_000_000_000).contains(&(nanos("endTimeUnixNano") - nanos("startTimeUnixNano"))));
    assert!(attributes["latchkey.first_byte_seconds"].as_f64().is_some_and(|first| first > 0.0 && first < 20.0));
    expect(
        of(&good),
        json!({
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.input_tokens": "9", "gen_ai.usage.output_tokens": "2", "http.response.status_code": "200",
            "latchkey.organisation.id": ORGANISATION.to_string(), "latchkey.key.id": KeyId::numbered(10).to_string(),
            "latchkey.trace.id": trace, "latchkey.outcome": "ok", "latchkey.attempts": "1",
            "latchkey.cost_dollars": 0.0000425, "latchkey.upstream_request_id": "req_of_the_provider", "error.type": null,
            "latchkey.virtual_key.slug": "main", "server.address": "127.0.0.1", "server.port": provider.port.to_string(),
        }),
    );
    expect(
        of(&led),
        json!({ "gen_ai.provider.name": "openai", "latchkey.attempts": "2", "latchkey.outcome": "ok", "error.type": null }),
    );
    let mut attempts: Vec<&Span> =
        spans.iter().filter(|span| span.span["parentSpanId"] == of(&led).span["spanId"]).collect();
    attempts.sort_by_key(|span| span.attributes["latchkey.attempt.number"].to_string());
    let [first, second] = attempts[..] else { panic!("{} attempts", attempts.len()) };
    expect(
        first,
        json!({
            "latchkey.attempt.path": "config.targets[0]", "latchkey.provider": "mistral-ai",
            "http.response.status_code": "500", "error.type": "upstream_error", "latchkey.attempt.next": "led_on",
        }),
    );
    expect(
        second,
        json!({ "http.response.status_code": "200", "error.type": null, "latchkey.attempt.next": "answered" }),
    );
    assert_eq!(first.span["traceId"], of(&led).span["traceId"]);
    expect(
        of(&failed),
        json!({
            "gen_ai.provider.name": "mistral_ai", "error.type": "upstream_error", "http.response.status_code": "500",
            "latchkey.status_code": "502", "latchkey.outcome": "failed", "latchkey.virtual_key.slug": "broken",
        }),
    );
    assert_eq!(of(&failed).span["status"], json!({ "code": 2, "message": "upstream_error" }));
    expect(
        of(&refused),
        json!({
            "error.type": "virtual_key_not_found", "http.response.status_code": null, "latchkey.outcome": "refused",
            "latchkey.sent": false, "latchkey.attempts": "0",
        }),
    );
    // The collector's word arrives after the spans do.
    let counted = async {
        while told(&house.gateway.recorder).0 < 6 {
            sleep(Duration::from_millis(10)).await
        }
    };
    timeout(10 * SOON, counted).await.expect("they are counted");
    assert_eq!(told(&house.gateway.recorder), (6, 0, 0, 0));
}

#[tokio::test]
async fn what_a_collector_refuses_is_counted_and_not_sent_again() {
    let house = House::new().await;
    let provider = Upstream::json(200, "", &completion()).await;
    house.target("main", Provider::OpenAi, provider.port);
    // First it takes a group but for one span, then it refuses one as a whole, then it is busy.
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let mut upstream = Upstream::scripted(move |mut stream| {
        let number = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        async move {
            let (status, body) = match number {
                0 => (200, r#"{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}"#),
                1 => (400, "no"),
                2 => (503, "later"),
                _ => (200, "{}"),
            };
            let head = format!("HTTP/1.1 {status} X\r\nretry-after: 0\r\nconnection: close\r\n");
            let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    export(&house.gateway, collector(upstream.port));
    for expected in [(0, 0, 1, 0), (0, 0, 2, 0), (1, 0, 2, 0)] {
        assert_eq!(house.chat(&hello()).await.status, StatusCode::OK);
        received(&mut upstream, 1).await;
        let counted = async {
            while told(&house.gateway.recorder) != expected {
                sleep(Duration::from_millis(10)).await;
            }
        };
        let counted = timeout(10 * SOON, counted).await;
        counted.unwrap_or_else(|_| panic!("{:?} in place of {expected:?}", told(&house.gateway.recorder)));
    }
    assert_eq!(upstream.seen(), 4, "what it could not take at the moment came twice");
}

/// A log that takes everything.
struct Nothing;

#[async_trait]
impl Sink for Nothing {
    async fn write(&self, _: &[Record]) -> Result<(), SinkError> {
        Ok(())
    }
}

fn call() -> CallFacts {
    CallFacts { provider: Some(Provider::OpenAi), ..facts(ORGANISATION, now()) }
}

#[tokio::test]
async fn a_collector_that_is_away_delays_no_call_and_loses_only_what_is_counted() {
    const CALLS: u64 = 6_000;
    let folder = TempDir::new().expect("a folder");
    let recorder = Recorder::start(folder.path(), Arc::new(Nothing), Bounds::default()).expect("a recorder");
    // Nobody listens there for now.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    recorder.telemetry().export_to(collector(address.port()), Arc::new(|_, _| None));
    let mut longest = Duration::ZERO;
    for _ in 0..CALLS {
        let open = recorder.begin(call(), Instant::now()).await.expect("a place");
        let ended = Instant::now();
        open.finish(200, None);
        longest = longest.max(ended.elapsed());
        // Whoever sends is let do so meanwhile.
        yield_now().await;
    }
    assert!(longest < SOON, "one waited {longest:?}");
    let (exported, dropped, rejected, waiting) = told(&recorder);
    assert_eq!((exported, rejected), (0, 0));
    // What is neither lost nor waits is in the one group that is being sent.
    assert!(dropped > 0 && dropped + waiting <= CALLS && dropped + waiting + 512 >= CALLS, "{dropped} {waiting}");
    let failed = async {
        while failures(&recorder) == 0 {
            sleep(Duration::from_millis(10)).await
        }
    };
    timeout(10 * SOON, failed).await.expect("it is tried");
    // Once it is there, everything else arrives.
    let listener = TcpListener::bind(address).await.expect("the same port");
    let mut upstream = Upstream::on(listener, |mut stream| async move {
        let answer = "HTTP/1.1 200 X\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    });
    let arrived = async {
        let mut arrived = 0;
        while arrived < CALLS - dropped {
            arrived += received(&mut upstream, 1).await.0.len() as u64;
        }
        arrived
    };
    assert_eq!(timeout(30 * SOON, arrived).await.expect("they arrive"), CALLS - dropped);
    recorder.telemetry().finish(SOON).await;
    assert_eq!(told(&recorder), (CALLS - dropped, dropped, 0, 0));
}

#[tokio::test]
async fn the_last_spans_are_sent_when_the_program_ends() {
    let folder = TempDir::new().expect("a folder");
    let recorder = Recorder::start(folder.path(), Arc::new(Nothing), Bounds::default()).expect("a recorder");
    let mut upstream = Upstream::json(200, "", &json!({})).await;
    recorder.telemetry().export_to(collector(upstream.port), Arc::new(|_, _| None));
    recorder.begin(call(), Instant::now()).await.expect("a place").finish(200, None);
    recorder.telemetry().finish(10 * SOON).await;
    assert_eq!(told(&recorder), (1, 0, 0, 0));
    assert_eq!(received(&mut upstream, 1).await.0.len(), 1);
    // Whatever comes after that is lost, and counted.
    recorder.begin(call(), Instant::now()).await.expect("a place").finish(200, None);
    assert_eq!(told(&recorder), (1, 1, 0, 0));
}
