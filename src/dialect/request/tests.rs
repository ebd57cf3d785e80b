use proptest::prelude::*;
use serde_json::{Value, json};

use super::{content::source, *};

fn refused(body: Value) -> (String, String) {
    let text = body.to_string();
    let error = ChatRequest::read(view(&text), "X").unwrap_err();
    (error.code, error.param.unwrap())
}

fn view(text: &str) -> View<'_> {
    View::object(text.as_bytes()).unwrap().0
}

#[test]
fn what_cannot_be_translated_is_refused_by_name() {
    for (name, value) in [
        ("logprobs", json!(true)),
        ("logit_bias", json!({ "5": 1 })),
        ("modalities", json!(["text", "audio"])),
        ("functions", json!([])),
        ("web_search_options", json!({})),
        ("response_format", json!({ "type": "grammar" })),
        ("tool_choice", json!({ "type": "allowed_tools" })),
        ("made_up", json!(1)),
    ] {
        let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
        body[name] = value;
        assert_eq!(refused(body), ("unsupported_parameter".into(), name.into()));
    }
    let audio = json!({ "messages": [{ "role": "user", "content": [{ "type": "input_audio" }] }] });
    assert_eq!(refused(audio), ("unsupported_parameter".into(), "messages[0].content[0].type".into()));
}

#[test]
fn what_is_wrong_is_refused_by_name() {
    let user = json!({ "role": "user", "content": "hi" });
    let call = json!({ "id": "c", "type": "function", "function": { "name": "f", "arguments": "[1]" } });
    for (body, param) in [
        (json!({}), "messages"),
        (json!({ "messages": "hi" }), "messages"),
        (json!({ "messages": [{ "role": "system", "content": "x" }] }), "messages"),
        (json!({ "messages": [{ "role": "me", "content": "x" }] }), "messages[0].role"),
        (json!({ "messages": [{ "role": "user", "content": 5 }] }), "messages[0].content"),
        (json!({ "messages": [user, { "role": "tool", "tool_call_id": "c" }] }), "messages[1].tool_call_id"),
        (
            json!({ "messages": [user, { "role": "assistant", "tool_calls": [call] }] }),
            "messages[1].tool_calls[0].function.arguments",
        ),
        (
            json!({ "messages": [{ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "http://a" } }] }] }),
            "messages[0].content[0].image_url.url",
        ),
        (json!({ "messages": [user], "temperature": 2.5 }), "temperature"),
        (json!({ "messages": [user], "max_tokens": 0 }), "max_tokens"),
        (json!({ "messages": [user], "n": -1 }), "n"),
        (json!({ "messages": [user], "stop": [1] }), "stop"),
        (json!({ "messages": [user], "tool_choice": "required" }), "tool_choice"),
        (json!({ "messages": [user], "tools": [{ "type": "function", "function": {} }] }), "tools[0].function.name"),
    ] {
        assert_eq!(refused(body), ("invalid_parameter".into(), param.into()));
    }
}

#[test]
fn sources() {
    let read = |url: &str| {
        let text = format!("{{\"u\":\"{url}\"}}");
        let url = view(&text).get("u").and_then(View::as_text).unwrap();
        source(url, || "p".into()).map(|source| match source {
            ContentSource::Inline { mime, base64 } => (mime.into_string(), base64.to_owned()),
            ContentSource::Url(url) => ("".into(), url.written().to_owned()),
        })
    };
    let pair = |mime: &str, rest: &str| (mime.to_owned(), rest.to_owned());
    assert_eq!(read("data:image/png;base64,AAAA").unwrap(), pair("image/png", "AAAA"));
    assert_eq!(read("DATA:image/png;charset=x;BASE64,AAAA").unwrap(), pair("image/png", "AAAA"));
    assert_eq!(read("data:image\\/png;base64,A\\/AA").unwrap(), pair("image/png", "A\\/AA"));
    assert_eq!(read("https://a/b.png").unwrap(), pair("", "https://a/b.png"));
    assert_eq!(read("https:\\/\\/a/b,c").unwrap(), pair("", "https:\\/\\/a/b,c"));
    for wrong in
        ["", "data:", "data:,x", "data:image/png,AAAA", "data:image/png;base64,", "file:///etc/passwd", "dätä:"]
    {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn nulls_and_idle_values_ask_for_nothing() {
    let body = json!({ "messages": [{ "role": "user", "content": "hi", "name": null }], "tools": null, "n": 1,
        "logprobs": false, "top_logprobs": 0, "logit_bias": {}, "modalities": ["text"], "frequency_penalty": 0.0,
        "max_tokens": 5, "max_completion_tokens": 7, "made_up": null });
    let body = body.to_string();
    let request = ChatRequest::read(view(&body), "X").unwrap();
    assert_eq!((request.max_tokens, request.n, request.frequency_penalty), (Some(7), 1, None));
}

#[test]
fn a_field_that_stands_there_twice_is_refused() {
    let error = ChatRequest::read(view(r#"{"messages":[{"role":"user","content":"a"}],"n":1,"\u006e":1}"#), "X");
    assert_eq!(error.unwrap_err().code, "duplicate_parameter");
}

#[test]
fn the_name_of_a_function_is_bounded_for_it_is_repeated() {
    let call = json!({ "id": "c", "type": "function", "function": { "name": "f".repeat(257) } });
    let body = json!({ "messages": [{ "role": "assistant", "tool_calls": [call] }] });
    assert_eq!(refused(body), ("invalid_parameter".into(), "messages[0].tool_calls[0].function.name".into()));
}

#[test]
fn a_result_belongs_to_the_last_call_of_its_id() {
    let call = |id: &str, name: &str| json!({ "role": "assistant", "tool_calls": [{ "id": id, "type": "function", "function": { "name": name } }] });
    let result = |id: &str| json!({ "role": "tool", "tool_call_id": id, "content": "x" });
    let messages = [call("a", "first"), call("b", "other"), result("a"), call("a", "second"), result("a"), result("b")];
    let body = json!({ "messages": messages }).to_string();
    let request = ChatRequest::read(view(&body), "X").unwrap();
    let names: Vec<&str> = request
        .turns
        .iter()
        .filter_map(|turn| match turn {
            Turn::ToolResult { name, .. } => Some(&**name),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["first", "second", "other"]);
}

proptest! {
    #[test]
    fn arbitrary_json_never_panics(body in super::super::testing::near_chat_request()) {
        let body = json!({ "k": body }).to_string();
        let _ = ChatRequest::read(view(&body).get("k").unwrap_or(View::NULL), "X");
    }
}
