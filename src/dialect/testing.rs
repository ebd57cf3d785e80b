//! Random JSON that is nearly what a dialect expects: its own field names and words in wrong places.

use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};

const REQUEST: &[&str] = &[
    "messages",
    "role",
    "content",
    "type",
    "text",
    "image_url",
    "url",
    "file",
    "file_data",
    "tool_calls",
    "id",
    "function",
    "name",
    "arguments",
    "tool_call_id",
    "tools",
    "parameters",
    "tool_choice",
    "response_format",
    "json_schema",
    "schema",
    "stop",
    "max_tokens",
    "temperature",
    "n",
    "seed",
    "cache_control",
    "reasoning_effort",
];
const ANSWER: &[&str] = &[
    "type",
    "message",
    "id",
    "model",
    "content",
    "content_block",
    "index",
    "delta",
    "text",
    "partial_json",
    "stop_reason",
    "usage",
    "input_tokens",
    "output_tokens",
    "name",
    "input",
    "error",
    "candidates",
    "parts",
    "functionCall",
    "args",
    "finishReason",
    "usageMetadata",
    "promptTokenCount",
    "promptFeedback",
    "blockReason",
    "data",
    "models",
    "created_at",
    "code",
    "details",
    "reason",
    "status",
    "choices",
    "finish_reason",
];
const WORDS: &[&str] = &[
    "",
    "user",
    "assistant",
    "system",
    "tool",
    "text",
    "image_url",
    "file",
    "function",
    "auto",
    "required",
    "json_object",
    "data:image/png;base64,AA",
    "https://a/b.png",
    "{}",
    "{\"a\":1}",
    "c1",
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
    "error",
    "ping",
    "text_delta",
    "input_json_delta",
    "tool_use",
    "end_turn",
    "STOP",
    "SAFETY",
    "API_KEY_INVALID",
    "2025-01-01T00:00:00Z",
    "MALFORMED_FUNCTION_CALL",
    "developer",
    "high",
    "ü\u{2028}\n",
    " \\",
];

fn json_of(keys: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0u64..3).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(WORDS).prop_map(Value::from),
        select(WORDS).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 6, move |inner| {
        let object = proptest::collection::vec((select(keys), inner.clone()), 0..6).prop_map(|members| {
            members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<serde_json::Map<_, _>>().into()
        });
        prop_oneof![proptest::collection::vec(inner, 0..4).prop_map(Value::from), object.clone(), object]
    })
}

/// Often a request with messages of the right outer shape.
pub fn near_chat_request() -> impl Strategy<Value = Value> {
    let message = (select(&["user", "assistant", "tool", "system"][..]), json_of(REQUEST), json_of(REQUEST))
        .prop_map(|(role, content, calls)| json!({ "role": role, "content": content, "tool_calls": calls }));
    let whole = (proptest::collection::vec(message, 0..4), json_of(REQUEST), json_of(REQUEST)).prop_map(
        |(messages, tools, format)| json!({ "messages": messages, "tools": tools, "response_format": format }),
    );
    prop_oneof![json_of(REQUEST), whole]
}

/// Often an answer or an event of a provider.
pub fn near_answer() -> impl Strategy<Value = Value> {
    let event = (select(WORDS), json_of(ANSWER), json_of(ANSWER), json_of(ANSWER))
        .prop_map(|(kind, a, b, c)| json!({ "type": kind, "index": 0, "delta": a, "content_block": b, "message": c }));
    let generated = proptest::collection::vec(json_of(ANSWER), 0..3)
        .prop_map(|parts| json!({ "candidates": [{ "content": { "parts": parts }, "finishReason": "STOP" }] }));
    prop_oneof![json_of(ANSWER), event, generated]
}
