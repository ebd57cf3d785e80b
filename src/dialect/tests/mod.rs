//! Whole calls in every dialect, after answers as the providers send them.

mod accepts;
mod anthropic;
mod google;
mod openai;
mod streams;

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::dialect::sse::{self, Frame, Frames};

const CREATED: i64 = 1_700_000_000;
const ID: &str = "chatcmpl-7";

fn target(provider: Provider, model: &str) -> ModelTarget<'_> {
    ModelTarget { provider, model, api_version: None }
}

fn built(provider: Provider, model: &str, body: &Value) -> Result<(UpstreamRequest, Exchange), ApiError> {
    let bytes = Bytes::from(body.to_string());
    chat(&target(provider, model), &bytes, &Head::read(&bytes).unwrap())
}

/// The body that goes to the provider.
fn sent(provider: Provider, body: &Value) -> Value {
    let (request, _) = built(provider, body["model"].as_str().unwrap(), body).unwrap();
    serde_json::from_slice(&request.body).unwrap()
}

fn exchange(provider: Provider, stream: bool, include_usage: bool) -> Exchange {
    let mut body = json!({ "model": "m", "stream": stream, "messages": [{ "role": "user", "content": "hi" }] });
    if include_usage {
        body["stream_options"] = json!({ "include_usage": true });
    }
    built(provider, "m", &body).unwrap().1
}

/// The whole answer as the caller gets it.
fn answered(provider: Provider, answer: &Value) -> (Value, Option<Usage>) {
    let answer = exchange(provider, false, false).whole(200, answer.to_string().into(), CREATED, ID).unwrap();
    (serde_json::from_slice(&answer.body).unwrap(), answer.usage)
}

/// What the caller gets when the provider's bytes come in these pieces, and how the stream ended.
fn streamed(mut stream: ChatStream, pieces: &[&[u8]], clean: bool) -> (String, StreamState, Option<Usage>) {
    let mut out = Vec::new();
    for piece in pieces {
        out.extend_from_slice(&stream.push(Bytes::copy_from_slice(piece)));
    }
    out.extend_from_slice(&stream.finish(clean));
    (String::from_utf8_lossy(&out).into_owned(), stream.outcome().clone(), stream.usage())
}

/// The `data` of each event of a text: JSON, or the text itself.
fn data(text: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut frames = Frames::default();
    frames
        .feed(text.as_bytes(), |frame| {
            let Frame::Whole(frame) = frame else { panic!("an event is too large") };
            let Some(event) = sse::parse_frame(frame) else {
                assert_eq!(frame, b": ping\n\n");
                return Ok(());
            };
            all.push(serde_json::from_str(&event.data).unwrap_or_else(|_| Value::from(event.data.as_ref())));
            Ok::<_, ()>(())
        })
        .unwrap();
    assert!(frames.rest().is_empty(), "a last event is unfinished");
    all
}

/// Events with their names, as Anthropic sends them.
fn named(events: &[Value]) -> String {
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())).collect()
}

/// Events without names, as Gemini sends them.
fn unnamed(events: &[Value]) -> String {
    events.iter().map(|event| format!("data: {event}\r\n\r\n")).collect()
}

/// Puts the chunks of the answer `index` together as OpenAI's clients do, and checks what they rely on.
fn assembled(chunks: &[Value], index: u64) -> Value {
    let (mut content, mut calls, mut finish) = (String::new(), Vec::<Value>::new(), Value::Null);
    let mut first = true;
    for chunk in chunks.iter().filter(|chunk| chunk.is_object()) {
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!((&chunk["id"], &chunk["model"]), (&chunks[0]["id"], &chunks[0]["model"]));
        assert_eq!(chunk["created"], CREATED);
        for choice in chunk["choices"].as_array().unwrap().iter().filter(|choice| choice["index"] == index) {
            let delta = &choice["delta"];
            if std::mem::take(&mut first) {
                assert_eq!(delta, &json!({ "role": "assistant", "content": "" }));
            } else {
                assert_eq!(delta.get("role"), None);
            }
            assert_eq!(finish, Value::Null, "nothing follows the finish");
            content.push_str(delta["content"].as_str().unwrap_or(""));
            for call in delta["tool_calls"].as_array().into_iter().flatten() {
                let at = call["index"].as_u64().unwrap() as usize;
                if at == calls.len() {
                    assert_eq!(call["type"], "function");
                    assert!(call["id"].is_string() && call["function"]["name"].is_string());
                    calls.push(call.clone());
                } else {
                    assert_eq!(at + 1, calls.len(), "calls come one after another");
                    assert_eq!(call.get("id").or(call["function"].get("name")), None);
                    let more = call["function"]["arguments"].as_str().unwrap();
                    let known = calls[at]["function"]["arguments"].as_str().unwrap().to_owned();
                    calls[at]["function"]["arguments"] = Value::from(known + more);
                }
            }
            finish = choice["finish_reason"].clone();
        }
    }
    json!({ "content": content, "calls": calls, "finish": finish })
}

#[test]
fn the_credential_goes_into_the_providers_header_only_and_hides_itself() {
    for (provider, name, value) in [
        (Provider::OpenAi, "authorization", "Bearer s3cret"),
        (Provider::Ollama, "authorization", "Bearer s3cret"),
        (Provider::Anthropic, "x-api-key", "s3cret"),
        (Provider::Google, "x-goog-api-key", "s3cret"),
        (Provider::AzureOpenAi, "api-key", "s3cret"),
    ] {
        let header = Auth::of(provider).header("s3cret").unwrap();
        assert_eq!((header.0.as_str(), header.1.to_str().unwrap()), (name, value));
        assert!(!format!("{header:?}").contains("s3cret"));
        let error = Auth::of(provider).header("s3cret\r\nx: y").unwrap_err();
        assert!(error.code == "upstream_credential_refused" && !error.message.contains("s3cret"));
    }
}

#[test]
fn no_model_name_leaves_its_place_in_the_path() {
    let body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    for (provider, model, path) in [
        (Provider::Google, "models/gemini-2.5-flash", "/models/gemini-2.5-flash:generateContent"),
        (Provider::Google, "a?b#c", "/models/a%3Fb%23c:generateContent"),
        (Provider::Google, "a/b", "/models/a%2Fb:generateContent"),
        (Provider::AzureOpenAi, "my dep@x", "/openai/deployments/my%20dep%40x/chat/completions?api-version=2024-10-21"),
        (Provider::AzureOpenAi, "a\\%2e", "/openai/deployments/a%5C%252e/chat/completions?api-version=2024-10-21"),
        (Provider::Anthropic, "../x y", ""),
        (Provider::AzureOpenAi, "..", ""),
        (Provider::OpenAi, "", ""),
    ] {
        match built(provider, model, &body) {
            Ok((request, _)) => assert_eq!(request.path, path),
            Err(error) => assert!(path.is_empty() && error.param.as_deref() == Some("model"), "{model}"),
        }
    }
}

#[test]
fn a_refusal_keeps_its_shape_in_every_dialect() {
    for provider in Provider::ALL {
        for stream in [false, true] {
            let answer = exchange(provider, stream, false).whole(401, "{\"error\":\"no\"}".into(), CREATED, ID);
            let error = answer.unwrap_err();
            assert_eq!((error.status, error.code.as_str()), (424, "upstream_credential_refused"));
        }
        let error = exchange(provider, false, false).whole(200, "<html>".into(), CREATED, ID).unwrap_err();
        assert_eq!((error.status, error.code.as_str()), (502, "upstream_invalid_answer"));
    }
}
