//! Every kind of call, by one list: good, misbehaving, hanging and leaving, whole and streamed, with and without a config.

use super::support::*;
use crate::{
    dialect::usage::Usage,
    gateway::endpoints::{Endpoint, TABLE},
    kernel::provider::Provider,
};
use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

const CONFIG: &str = "x-portkey-config";
const JSON: &str = "application/json";
const FORM: &str = "multipart/form-data; boundary=xx";

/// A call of one kind, and a good answer.
struct Sample {
    endpoint: Endpoint,
    provider: Provider,
    /// The address, below `/v1`.
    path: &'static str,
    kind: &'static str,
    body: String,
    /// What the provider gets.
    leaves: String,
    answer: (&'static str, String),
    usage: Option<Usage>,
    /// The events of a streamed answer, and the body that asks for it.
    streamed: Option<(String, Vec<String>)>,
}

fn used(input_tokens: u64, output_tokens: u64, cached_input_tokens: u64) -> Option<Usage> {
    Some(Usage { input_tokens, output_tokens, cached_input_tokens, reasoning_tokens: 0 })
}

fn typed(event: &Value) -> String {
    format!("event: {}\ndata: {event}\n\n", event["type"].as_str().expect("a type"))
}

fn form(model: &str, more: &str) -> String {
    let part =
        |head: &str, content: &str| format!("--xx\r\ncontent-disposition: form-data; {head}\r\n\r\n{content}\r\n");
    let file = part("name=\"file\"; filename=\"a.mp3\"\r\ncontent-type: audio/mpeg", "ID3 \u{1}\r\n--x sound");
    format!("{}{more}{file}--xx--\r\n", part("name=\"model\"", model))
}

fn sample(endpoint: Endpoint) -> Sample {
    let body = |model: &str, more: Value| {
        let mut body = json!({ "model": model });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    };
    let plain = |model: &'static str, more: Value, answer: Value, usage: Option<Usage>| Sample {
        endpoint,
        provider: Provider::OpenAi,
        path: endpoint.row().path.strip_prefix("/v1").expect("a path"),
        kind: JSON,
        body: body(&format!("@main/{model}"), more.clone()).to_string(),
        leaves: body(model, more).to_string(),
        answer: (JSON, answer.to_string()),
        usage,
        streamed: None,
    };
    let stored = |path: &'static str, answer: Value| Sample {
        path,
        kind: "",
        body: String::new(),
        leaves: String::new(),
        ..plain("", json!({}), answer, None)
    };
    let response = json!({ "id": "resp_1", "object": "response", "status": "completed", "error": null, "output": [],
        "usage": { "input_tokens": 30, "input_tokens_details": { "cached_tokens": 10 }, "output_tokens": 7,
            "output_tokens_details": { "reasoning_tokens": 5 }, "total_tokens": 37 } });
    match endpoint {
        Endpoint::ChatCompletions => {
            let mut sample = plain("gpt-4o", json!({ "messages": [] }), completion(), used(9, 2, 0));
            let asking = r#"{"model":"@main/gpt-4o","stream":true,"stream_options":{"include_usage":true}}"#;
            sample.streamed = Some((asking.into(), vec![piece("Hi"), ending()]));
            sample
        }
        Endpoint::Messages => {
            let answer =
                json!({ "type": "message", "content": [], "usage": { "input_tokens": 4, "output_tokens": 1 } });
            let events = vec![
                typed(
                    &json!({ "type": "message_start", "message": { "usage": { "input_tokens": 4, "output_tokens": 1 } } }),
                ),
                typed(&json!({ "type": "message_stop" })),
            ];
            Sample {
                provider: Provider::Anthropic,
                streamed: Some((r#"{"model":"@main/claude-sonnet-4-5","stream":true}"#.into(), events)),
                ..plain("claude-sonnet-4-5", json!({ "messages": [], "max_tokens": 9 }), answer, used(4, 1, 0))
            }
        }
        Endpoint::Completions => {
            let choice = json!({ "index": 0, "text": "Hi", "finish_reason": "stop" });
            let usage = json!({ "prompt_tokens": 9, "completion_tokens": 2 });
            let answer = json!({ "object": "text_completion", "choices": [choice], "usage": usage });
            let chunk =
                |choices: Value, usage: Value| format!("data: {}\n\n", json!({ "choices": choices, "usage": usage }));
            let first = chunk(json!([{ "index": 0, "text": "Hi", "finish_reason": null }]), Value::Null);
            let last = chunk(json!([{ "index": 0, "text": "", "finish_reason": "stop" }]), Value::Null);
            let end = format!("{last}{}data: [DONE]\n\n", chunk(json!([]), usage));
            let asking = r#"{"model":"@main/davinci-002","stream":true,"stream_options":{"include_usage":true}}"#;
            Sample {
                streamed: Some((asking.into(), vec![first, end])),
                ..plain("davinci-002", json!({ "prompt": "Once" }), answer, used(9, 2, 0))
            }
        }
        Endpoint::Embeddings => {
            let answer = json!({ "object": "list", "data": [], "usage": { "prompt_tokens": 8, "total_tokens": 8 } });
            plain("text-embedding-3-small", json!({ "input": "a" }), answer, used(8, 0, 0))
        }
        Endpoint::Responses => {
            let begun =
                json!({ "type": "response.created", "response": { "id": "resp_1", "error": null, "usage": null } });
            let text = json!({ "type": "response.output_text.delta", "delta": "\"error\": .completed\"" });
            let done = json!({ "type": "response.completed", "response": response });
            let events = [begun, text, done].iter().map(typed).collect();
            Sample {
                streamed: Some((r#"{"model":"@main/gpt-4o","stream":true}"#.into(), events)),
                ..plain(
                    "gpt-4o",
                    json!({ "input": "Hello" }),
                    response,
                    used(30, 7, 10).map(|usage| Usage { reasoning_tokens: 5, ..usage }),
                )
            }
        }
        // What it used was counted when it was made.
        Endpoint::ResponseGet => stored("/responses/resp_1?include%5B%5D=reasoning", response),
        Endpoint::ResponseDelete => stored("/responses/resp_1", json!({ "id": "resp_1", "deleted": true })),
        Endpoint::ResponseCancel => stored("/responses/resp_1/cancel", response),
        Endpoint::ResponseInputItems => {
            stored("/responses/resp_1/input_items?limit=2", json!({ "object": "list", "data": [] }))
        }
        Endpoint::CountTokens => Sample {
            provider: Provider::Anthropic,
            ..plain("claude-sonnet-4-5", json!({ "messages": [] }), json!({ "input_tokens": 14 }), None)
        },
        Endpoint::Moderations => {
            plain("omni-moderation-latest", json!({ "input": "a" }), json!({ "results": [{ "flagged": false }] }), None)
        }
        Endpoint::Images => {
            let usage =
                json!({ "input_tokens": 13, "output_tokens": 400, "input_tokens_details": { "text_tokens": 13 } });
            let partial = json!({ "type": "image_generation.partial_image", "b64_json": "AAAA" });
            let done = json!({ "type": "image_generation.completed", "b64_json": "AAAA", "usage": usage });
            let events = [partial, done].iter().map(typed).collect();
            let answer = json!({ "created": 1, "data": [{ "b64_json": "AAAA" }], "usage": usage });
            Sample {
                streamed: Some((r#"{"model":"@main/gpt-image-1","stream":true}"#.into(), events)),
                ..plain("gpt-image-1", json!({ "prompt": "A cat" }), answer, used(13, 400, 0))
            }
        }
        Endpoint::Speech => {
            let delta = json!({ "type": "speech.audio.delta", "audio": "AAAA" });
            let done = json!({ "type": "speech.audio.done", "usage": { "input_tokens": 5, "output_tokens": 90 } });
            let events = [delta, done].iter().map(typed).collect();
            Sample {
                answer: ("audio/mpeg", "ID3 sound".into()),
                streamed: Some((
                    r#"{"model":"@main/gpt-4o-mini-tts","input":"a","stream_format":"sse"}"#.into(),
                    events,
                )),
                ..plain("gpt-4o-mini-tts", json!({ "input": "Hello", "voice": "alloy" }), json!({}), None)
            }
        }
        Endpoint::Transcriptions => {
            let usage = json!({ "type": "tokens", "input_tokens": 14, "output_tokens": 45 });
            let delta = json!({ "type": "transcript.text.delta", "delta": "Hi" });
            let done = json!({ "type": "transcript.text.done", "text": "Hi", "usage": usage });
            let asking = "--xx\r\ncontent-disposition: form-data; name=\"stream\"\r\n\r\ntrue\r\n";
            Sample {
                kind: FORM,
                body: form("@main/gpt-4o-transcribe", ""),
                leaves: form("gpt-4o-transcribe", ""),
                streamed: Some((form("@main/gpt-4o-transcribe", asking), [delta, done].iter().map(typed).collect())),
                ..plain("", json!({}), json!({ "text": "Hi", "usage": usage }), used(14, 45, 0))
            }
        }
        Endpoint::Rerank => Sample {
            provider: Provider::OpenAiCompatible,
            ..plain(
                "bge-reranker",
                json!({ "query": "a", "documents": ["a"] }),
                json!({ "results": [{ "index": 0, "relevance_score": 0.9 }], "usage": { "total_tokens": 12 } }),
                used(12, 0, 0),
            )
        },
    }
}

fn samples() -> impl Iterator<Item = Sample> {
    TABLE.iter().filter_map(|row| row.endpoint).map(sample)
}

/// An answer of a provider as bytes.
fn http(status: u16, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// A call of this kind, with more headers. The virtual key stands before the model, or in a header where there is no model.
async fn call(house: &House, sample: &Sample, body: &str, more: &[(&str, &str)]) -> Told {
    let mut headers = vec![("x-portkey-api-key", "lk_good")];
    if !sample.kind.is_empty() {
        headers.push(("content-type", sample.kind));
    } else if more.is_empty() {
        headers.push(("x-portkey-virtual-key", "main"));
    }
    headers.extend(more);
    let method: Method = sample.endpoint.row().method.parse().expect("a method");
    house.send(method, &format!("/v1{}", sample.path), &headers, body.to_owned()).await
}

async fn house_at(sample: &Sample, upstream: &Upstream) -> House {
    let house = House::new().await;
    house.target("main", sample.provider, upstream.port);
    house
}

/// A call at a provider that does this.
async fn told_by(sample: &Sample, upstream: Upstream) -> (Told, crate::gateway::facts::CallEnd) {
    let house = house_at(sample, &upstream).await;
    let told = call(&house, sample, &sample.body, &[]).await;
    let end = house.records().await.remove(0).outcome.expect("an end");
    (told, end)
}

#[tokio::test]
async fn every_kind_goes_through_as_it_is_and_is_in_the_log() {
    for sample in samples() {
        let name = sample.endpoint.name();
        let mut upstream = Upstream::saying(http(200, sample.answer.0, &sample.answer.1)).await;
        let house = house_at(&sample, &upstream).await;
        let told = call(&house, &sample, &sample.body, &[]).await;
        assert_eq!((told.status.as_u16(), &*told.text), (200, &*sample.answer.1), "{name}");
        assert_eq!(told.header("content-type"), Some(sample.answer.0), "{name}");
        assert_eq!(told.header("x-portkey-provider"), Some(sample.provider.name()), "{name}");
        let received = upstream.request().await;
        let method = sample.endpoint.row().method;
        assert!(received.head.starts_with(&format!("{method} /v1{} HTTP", sample.path)), "{name}: {}", received.head);
        assert_eq!(received.body, sample.leaves, "{name}");
        assert!(received.head.contains(SECRET) && !received.head.contains("lk_good"), "{name}");
        if !sample.kind.is_empty() {
            assert_eq!(received.header("content-type"), Some(sample.kind), "{name}");
        }
        let record = house.records().await.remove(0);
        assert_eq!((record.call.endpoint, record.call.streamed), (sample.endpoint, false), "{name}");
        let end = record.outcome.expect("an end");
        assert_eq!((end.status, end.error, end.usage), (200, None, sample.usage), "{name}");
        assert!(end.cost.is_none() || sample.usage.is_some(), "{name}: a price of nothing known");
    }
}

#[tokio::test]
async fn a_provider_without_such_an_interface_is_named_and_not_called() {
    for sample in samples().filter(|sample| sample.endpoint != Endpoint::ChatCompletions) {
        let provider = if sample.provider == Provider::Anthropic { Provider::OpenAi } else { Provider::Google };
        let upstream = Upstream::saying(http(200, JSON, "{}")).await;
        let house = House::new().await;
        house.target("main", provider, upstream.port);
        let told = call(&house, &sample, &sample.body, &[]).await;
        assert_eq!(told.refusal(), (400, "unsupported_provider".into()), "{}", sample.endpoint.name());
        let sentence = told.json()["error"]["message"].as_str().expect("a sentence").to_owned();
        assert!(sentence.starts_with(provider.label()) && sentence.contains(" has no "), "{sentence}");
        assert_eq!(upstream.seen(), 0);
        assert_eq!(house.only_record().await, (400, Some("unsupported_provider".into())));
    }
}

#[tokio::test]
async fn azure_finds_the_model_in_the_address_or_in_the_body() {
    for (endpoint, path) in [
        (Endpoint::Embeddings, "/openai/deployments/text-embedding-3-small/embeddings?api-version=2024-10-21"),
        (Endpoint::Transcriptions, "/openai/deployments/gpt-4o-transcribe/audio/transcriptions?api-version=2024-10-21"),
        (Endpoint::Responses, "/openai/v1/responses"),
        (Endpoint::ResponseDelete, "/openai/v1/responses/resp_1"),
    ] {
        let sample = sample(endpoint);
        let mut upstream = Upstream::saying(http(200, sample.answer.0, &sample.answer.1)).await;
        let house = House::new().await;
        house.target("main", Provider::AzureOpenAi, upstream.port);
        assert_eq!(call(&house, &sample, &sample.body, &[]).await.status, 200);
        let received = upstream.request().await;
        let method = endpoint.row().method;
        assert!(received.head.starts_with(&format!("{method} /v1{path} HTTP")), "{}", received.head);
    }
}

#[tokio::test]
async fn the_model_may_be_left_out_where_the_provider_chooses_it() {
    for (endpoint, status) in
        [(Endpoint::Moderations, 200), (Endpoint::Responses, 200), (Endpoint::Images, 200), (Endpoint::Embeddings, 400)]
    {
        let sample = sample(endpoint);
        let mut upstream = Upstream::saying(http(200, JSON, &sample.answer.1)).await;
        let house = house_at(&sample, &upstream).await;
        let told = call(&house, &sample, r#"{"input":"a"}"#, &[("x-portkey-virtual-key", "main")]).await;
        assert_eq!(told.status.as_u16(), status, "{}", told.text);
        if status == 200 {
            assert_eq!(upstream.request().await.body, r#"{"input":"a"}"#);
            assert_eq!(&*house.records().await[0].call.model, "");
        }
    }
}

#[tokio::test]
async fn who_refuses_hangs_or_lies_is_told_of_alike_on_every_endpoint() {
    for sample in samples() {
        let name = sample.endpoint.name();
        let error = r#"{"error":{"message":"slow down","type":"x"}}"#;
        let (told, end) = told_by(&sample, Upstream::saying(http(429, JSON, error)).await).await;
        assert_eq!((told.refusal(), end.status), ((429, "upstream_rate_limited".into()), 429), "{name}");
        assert!(told.text.contains("slow down"), "{name}");
        let (told, _) = told_by(&sample, Upstream::saying(http(401, JSON, error)).await).await;
        assert_eq!(told.refusal(), (424, "upstream_credential_refused".into()), "{name}");
        let (told, end) = told_by(&sample, Upstream::saying(http(200, JSON, "<html>")).await).await;
        assert_eq!((told.refusal(), end.usage), ((502, "upstream_invalid_answer".into()), None), "{name}");
        let unasked = format!("{STREAM}{}0\r\n\r\n", chunk(&piece("Hi")));
        if sample.endpoint != Endpoint::Speech {
            let (told, _) = told_by(&sample, Upstream::saying(unasked).await).await;
            assert_eq!(told.refusal(), (502, "upstream_invalid_answer".into()), "{name}");
        }
        let (told, _) = told_by(&sample, Upstream::saying("").await).await;
        assert_eq!(told.refusal(), (502, "upstream_broken_answer".into()), "{name}");
        let hanging = Upstream::scripted(|stream| async move {
            let _held = stream;
            sleep(5 * SOON).await;
        });
        let (told, end) = told_by(&sample, hanging.await).await;
        assert_eq!((told.refusal(), end.sent), ((504, "upstream_timeout".into()), true), "{name}");
    }
}

#[tokio::test]
async fn a_caller_that_leaves_ends_the_call_upstream_on_every_endpoint() {
    for sample in samples() {
        let (closed, mut closings) = mpsc::unbounded_channel();
        let mut upstream = Upstream::scripted(move |mut stream: TcpStream| {
            let closed = closed.clone();
            async move {
                let _ = stream.read_u8().await;
                let _ = closed.send(());
            }
        })
        .await;
        let mut limits = hasty();
        limits.upstream.headers = 30 * SOON;
        let house = House::with(limits, 8).await;
        house.target("main", sample.provider, upstream.port);
        let calling = timeout(Duration::from_millis(150), call(&house, &sample, &sample.body, &[]));
        assert!(calling.await.is_err());
        upstream.request().await;
        let name = sample.endpoint.name();
        timeout(5 * SOON, closings.recv()).await.unwrap_or_else(|_| panic!("{name}: still connected"));
        assert_eq!(house.only_record().await, (499, Some("client_left".into())), "{name}");
    }
}

#[tokio::test]
async fn streams_arrive_as_they_were_sent_and_are_counted() {
    for sample in samples() {
        let Some((body, events)) = &sample.streamed else { continue };
        let pieces: String = events.iter().map(|event| chunk(event)).collect();
        let upstream = Upstream::saying(format!("{STREAM}{pieces}0\r\n\r\n")).await;
        let house = house_at(&sample, &upstream).await;
        let told = call(&house, &sample, body, &[]).await;
        let name = sample.endpoint.name();
        assert_eq!((told.status.as_u16(), &*told.text), (200, &*events.concat()), "{name}");
        assert_eq!(told.header("content-type"), Some("text/event-stream"), "{name}");
        let end = house.records().await.remove(0).outcome.expect("an end");
        let usage = if sample.endpoint == Endpoint::Speech { used(5, 90, 0) } else { sample.usage };
        assert_eq!((end.status, end.error, end.usage), (200, None, usage), "{name}");
    }
}

#[tokio::test]
async fn streams_that_break_or_fall_silent_end_with_an_error_event() {
    for sample in samples() {
        let Some((body, events)) = &sample.streamed else { continue };
        let first = format!("{STREAM}{}", chunk(&events[0]));
        let clean = format!("{first}0\r\n\r\n");
        let silent = first.clone();
        let silent = Upstream::scripted(move |mut stream: TcpStream| {
            let silent = silent.clone();
            async move {
                let _ = stream.write_all(silent.as_bytes()).await;
                sleep(5 * SOON).await;
            }
        });
        for (upstream, code) in [
            (Upstream::saying(first).await, "upstream_broken_answer"),
            (Upstream::saying(clean).await, "upstream_stream_broken"),
            (silent.await, "upstream_idle_timeout"),
        ] {
            let house = house_at(&sample, &upstream).await;
            let told = call(&house, &sample, body, &[]).await;
            let name = sample.endpoint.name();
            let rest = told.text.strip_prefix(&*events[0]).unwrap_or_else(|| panic!("{name}: {}", told.text));
            let event = rest.strip_prefix("event: error\ndata: ").unwrap_or_else(|| panic!("{name}: {rest}"));
            let event: Value = serde_json::from_str(event.trim_end()).expect("one event");
            assert!(event["error"]["message"].is_string() && event["type"] == "error", "{name}: {event}");
            assert!(!told.text.contains("[DONE]"), "{name}");
            assert_eq!(house.only_record().await, (200, Some(code.into())), "{name}");
        }
    }
}

#[tokio::test]
async fn a_response_that_fails_in_its_stream_says_so_itself_and_is_logged() {
    let sample = sample(Endpoint::Responses);
    let usage = json!({ "input_tokens": 3, "output_tokens": 0 });
    let failed = typed(&json!({ "type": "response.failed", "response": { "status": "failed", "usage": usage } }));
    let error = typed(&json!({ "type": "error", "code": "server_error", "message": "no" }));
    for (event, code) in [(&failed, "upstream_model_failed"), (&error, "upstream_error")] {
        let upstream = Upstream::saying(format!("{STREAM}{}0\r\n\r\n", chunk(event))).await;
        let house = house_at(&sample, &upstream).await;
        let told = call(&house, &sample, &sample.streamed.as_ref().expect("a stream").0, &[]).await;
        assert_eq!(told.text, **event, "nothing is told twice");
        assert_eq!(house.only_record().await, (200, Some(code.into())));
    }
    let whole =
        json!({ "id": "resp_1", "status": "failed", "error": { "message": "no" }, "output": [], "usage": usage });
    let (told, end) = told_by(&sample, Upstream::saying(http(200, JSON, &whole.to_string())).await).await;
    assert_eq!((told.json(), end.error.as_deref()), (whole, Some("upstream_model_failed")));
    assert_eq!(end.usage, used(3, 0, 0));
}

#[tokio::test]
async fn a_sound_is_handed_on_as_it_comes_and_breaks_where_its_provider_breaks() {
    let sample = sample(Endpoint::Speech);
    let head = "HTTP/1.1 200 OK\r\ncontent-type: audio/wav\r\ntransfer-encoding: chunked\r\n\r\n";
    for (end, error) in [("0\r\n\r\n", None), ("", Some("upstream_broken_answer"))] {
        let upstream = Upstream::saying(format!("{head}{}{}{end}", chunk("RIFF"), chunk("data"))).await;
        let house = house_at(&sample, &upstream).await;
        let mut body = house.open(&Method::POST, "/v1/audio/speech", &sample.body).await.into_body();
        let (mut heard, mut broke) = (String::new(), false);
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => heard.push_str(&String::from_utf8_lossy(&frame.into_data().expect("data"))),
                Err(_) => {
                    broke = true;
                    break;
                }
            }
        }
        assert_eq!((&*heard, broke), ("RIFFdata", error.is_some()));
        assert_eq!(house.only_record().await, (200, error.map(str::to_owned)));
    }
    // Nothing else calls itself what a browser would run.
    let (told, _) = told_by(&sample, Upstream::saying(http(200, "text/html", "<script>")).await).await;
    assert_eq!(told.header("content-type"), Some("application/octet-stream"));
}

#[tokio::test]
async fn a_transcript_may_be_plain_text() {
    let sample = sample(Endpoint::Transcriptions);
    let (told, end) = told_by(&sample, Upstream::saying(http(200, "text/vtt", "WEBVTT\n\nHi")).await).await;
    assert_eq!((told.status.as_u16(), &*told.text), (200, "WEBVTT\n\nHi"));
    assert_eq!(told.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(end.usage, None, "not known, and not nothing");
    let timed = r#"{"text":"Hi","usage":{"type":"duration","seconds":3}}"#;
    assert_eq!(told_by(&sample, Upstream::saying(http(200, JSON, timed)).await).await.1.usage, None);
}

#[tokio::test]
async fn a_config_leads_every_kind_and_keeps_the_answers_that_are_json() {
    for sample in samples() {
        let name = sample.endpoint.name();
        let house = House::new().await;
        let bad = Upstream::saying(http(500, JSON, "{}")).await;
        let mut good = Upstream::saying(http(200, sample.answer.0, &sample.answer.1)).await;
        house.target("main", sample.provider, bad.port);
        house.target("good", sample.provider, good.port);
        let body = sample.body.replace("@main/", "");
        if sample.kind.is_empty() {
            let two = json!({ "strategy": { "mode": "fallback" }, "targets": [{ "virtual_key": "main" }, { "virtual_key": "good" }] });
            let told = call(&house, &sample, &body, &[(CONFIG, &two.to_string())]).await;
            assert_eq!(told.refusal(), (400, "config_has_many_targets".into()), "{name}");
            let one = json!({ "virtual_key": "good" }).to_string();
            assert_eq!(call(&house, &sample, &body, &[(CONFIG, &one)]).await.text, sample.answer.1, "{name}");
            continue;
        }
        let config = json!({ "strategy": { "mode": "fallback" }, "cache": { "mode": "simple" },
            "targets": [{ "virtual_key": "main" }, { "virtual_key": "good", "override_params": { "user": "me" } }] });
        let mut cached = vec![];
        for _ in 0..2 {
            let told = call(&house, &sample, &body, &[(CONFIG, &config.to_string())]).await;
            assert_eq!((told.status.as_u16(), &*told.text), (200, &*sample.answer.1), "{name}");
            assert_eq!(told.header("x-portkey-last-used-option-index"), Some("config.targets[1]"), "{name}");
            cached.push(told.header("x-portkey-cache-status").expect("a status").to_owned());
        }
        let kept = if sample.kind == JSON && sample.answer.0 == JSON { ["MISS", "HIT"] } else { ["DISABLED"; 2] };
        assert_eq!(cached, kept, "{name}");
        let left = good.request().await.body;
        if sample.kind == JSON {
            assert!(left.contains(r#""user":"me""#), "{name}: {left}");
        } else {
            assert_eq!(left, sample.leaves, "{name}");
        }
        let records = house.records().await;
        let tried: Vec<_> = records.iter().map(|record| record.outcome.as_ref().expect("an end").tried.len()).collect();
        assert_eq!(tried, [2, 2], "{name}");
    }
}

#[tokio::test]
async fn forms_are_read_strictly_and_within_their_bound() {
    let sample = sample(Endpoint::Transcriptions);
    let upstream = Upstream::saying(http(200, JSON, "{}")).await;
    let house = house_at(&sample, &upstream).await;
    let send = async |kind: &str, body: String| {
        let headers = [("x-portkey-api-key", "lk_good"), ("content-type", kind)];
        house.send(Method::POST, "/v1/audio/transcriptions", &headers, body).await.refusal().0
    };
    let large = form("@main/w", &"x".repeat(64 << 10));
    for (kind, body, status) in [
        (JSON, form("@main/w", ""), 415),
        ("multipart/form-data", form("@main/w", ""), 415),
        (FORM, "{}".to_owned(), 400),
        (FORM, form("", ""), 400),
        (FORM, form("@main/w", &form("@main/v", "").replace("--xx--\r\n", "")), 400),
        (FORM, form("../w", ""), 400),
        (FORM, form("w", ""), 400),
        (FORM, large, 413),
    ] {
        assert_eq!(send(kind, body.clone()).await, status, "{kind} {body:.80}");
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn an_id_or_a_query_that_is_none_goes_nowhere() {
    let upstream = Upstream::saying(http(200, JSON, "{}")).await;
    let house = House::new().await;
    house.target("main", Provider::OpenAi, upstream.port);
    let headers = &CALLER[..2];
    for path in ["/v1/responses/..%2fmodels", "/v1/responses/a%20b", "/v1/responses/a?x=%zz;", "/v1/responses/.."] {
        let told = house.send(Method::GET, path, headers, "").await;
        assert_eq!(told.refusal().0, 400, "{path}");
    }
    assert_eq!(upstream.seen(), 0);
    // Which provider has it, only the caller knows.
    let told = house.send(Method::GET, "/v1/responses/resp_1", &headers[..1], "").await;
    assert_eq!(told.refusal(), (400, "virtual_key_missing".into()));
}

#[tokio::test]
async fn other_addresses_methods_and_pages_of_other_origins_are_told_clearly() {
    let house = House::new().await;
    for row in &TABLE {
        let path = row.path.replace("{id}", "resp_1");
        let told = house.send(Method::PATCH, &path, &CALLER, "").await;
        assert_eq!(told.refusal(), (405, "method_not_allowed".into()), "{path}");
        assert!(told.header("allow").is_some_and(|methods| methods.contains(row.method)), "{path}");
        // Browsers send no credential with it.
        let asks = [("origin", "https://evil.example"), ("access-control-request-method", row.method)];
        let told = house.send(Method::OPTIONS, &path, &asks, "").await;
        assert_eq!(told.refusal(), (403, "cross_origin_blocked".into()), "{path}");
        assert!(told.headers.keys().all(|name| !name.as_str().starts_with("access-control")), "{path}");
    }
    assert_eq!(house.send(Method::OPTIONS, "/v1/files", &[], "").await.refusal().0, 403);
    for path in ["/v1/files", "/v1/responses/a/b", "/v1/audio", "/v1/embeddings/"] {
        assert_eq!(house.send(Method::POST, path, &CALLER, "").await.refusal(), (404, "not_found".into()), "{path}");
    }
}
