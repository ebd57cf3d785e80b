//! Requests and answers of every shape, and the streams in which answers come.

use super::*;

/// Requests, and the texts that are judged alone.
pub(super) fn requests() -> Vec<(Shape, Value, Vec<&'static str>)> {
    use Shape::*;
    let user = |content: Value| json!({ "role": "user", "content": content });
    let call = json!({ "role": "assistant", "content": null, "tool_calls": [
        { "id": "c", "type": "function", "function": { "name": "f", "arguments": "{\"q\":\"in a call\"}" } }] });
    vec![
        (Chat, json!({ "messages": [user("a".into())] }), vec!["a"]),
        // Every message of the user, not those of the application and the model.
        (
            Chat,
            json!({ "messages": [{ "role": "system", "content": "s" }, { "role": "developer", "content": "d" },
                user("a".into()), { "role": "assistant", "content": "m" }, user("b".into())] }),
            vec!["a", "b"],
        ),
        // The last, whoever speaks.
        (Chat, json!({ "messages": [user("a".into()), { "role": "assistant", "content": "m" }] }), vec!["a", "m"]),
        (Chat, json!({ "messages": [{ "role": "System", "content": "s" }, user("a".into())] }), vec!["s", "a"]),
        (Chat, json!({ "messages": [{ "content": "nobody" }, user("a".into())] }), vec!["nobody", "a"]),
        (
            Chat,
            json!({ "messages": [user(json!([{ "type": "text", "text": "a" },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } },
                { "type": "text", "text": "b" }]))] }),
            vec!["a\nb"],
        ),
        (
            Chat,
            json!({ "messages": [user("a".into()), call, { "role": "tool", "tool_call_id": "c", "content": "t" },
                { "role": "function", "name": "f", "content": "g" }, { "role": "assistant", "content": "m" },
                user("b".into())] }),
            vec!["a", "t", "g", "b"],
        ),
        (Completions, json!({ "prompt": "a" }), vec!["a"]),
        (Completions, json!({ "prompt": ["a", "b"], "suffix": "c" }), vec!["a", "b", "c"]),
        (Completions, json!({ "prompt": [[1, 2], [3]] }), vec![]),
        (Embeddings, json!({ "input": ["a", "b"] }), vec!["a", "b"]),
        (Embeddings, json!({ "input": "a" }), vec!["a"]),
        (Moderations, json!({ "input": [{ "type": "text", "text": "a" }] }), vec!["a"]),
        (Speech, json!({ "input": "a" }), vec!["a"]),
        (Images, json!({ "prompt": "a" }), vec!["a"]),
        (Rerank, json!({ "query": "a", "documents": ["b", { "text": "c" }] }), vec!["a", "b", "c"]),
        (Responses, json!({ "input": "a" }), vec!["a"]),
        (
            Responses,
            json!({ "input": [{ "role": "system", "content": "s" },
                { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "a" }] },
                { "type": "function_call", "call_id": "c", "name": "f", "arguments": "{}" },
                { "type": "function_call_output", "call_id": "c", "output": "t" },
                { "type": "function_call_output", "call_id": "c", "output": [{ "type": "input_text", "text": "u" }] },
                { "role": "user", "content": "b" }] }),
            vec!["a", "t", "u", "b"],
        ),
        (
            Messages,
            json!({ "system": "s", "messages": [user(json!([
                { "type": "text", "text": "a" },
                { "type": "document", "source": { "type": "text", "media_type": "text/plain", "data": "doc" } },
                { "type": "document", "source": { "type": "content", "content": [{ "type": "text", "text": "in" }] } },
            ])), { "role": "assistant", "content": [{ "type": "tool_use", "id": "c", "name": "f", "input": { "q": 1 } }] },
            user(json!([{ "type": "tool_result", "tool_use_id": "c", "content": "t" }])),
            user(json!([{ "type": "tool_result", "tool_use_id": "c", "content": [{ "type": "text", "text": "u" }] }]))] }),
            vec!["a\ndoc\nin", "t", "u"],
        ),
    ]
}

/// Answers, the texts of their choices, and a word that they hold somewhere else.
pub(super) fn answers() -> Vec<(Shape, Value, Vec<&'static str>)> {
    use Shape::*;
    let choice = |number: usize, message: Value| json!({ "index": number, "message": message });
    let arguments = r#"{"q":"an ü \"quoted\" hidden word","n":[1,{"k":null}]}"#;
    let call = json!({ "id": "c", "type": "function", "function": { "name": "f", "arguments": arguments } });
    let other = json!({ "id": "d", "type": "function", "function": { "name": "g", "arguments": "{\"two\":2}" } });
    vec![
        (
            Chat,
            json!({ "choices": [choice(0, json!({ "role": "assistant", "content": "one hidden text 😀" }))] }),
            vec!["one hidden text 😀"],
        ),
        (
            Chat,
            json!({ "choices": [choice(0, json!({ "content": "first" })), choice(1, json!({ "content": "hidden" }))] }),
            vec!["first", "hidden"],
        ),
        (Chat, json!({ "choices": [choice(0, json!({ "content": null, "tool_calls": [call, other] }))] }), vec![""]),
        (
            Chat,
            json!({ "choices": [choice(0, json!({ "content": "x", "function_call":
                { "name": "f", "arguments": arguments } }))] }),
            vec!["x"],
        ),
        (Chat, json!({ "choices": [choice(0, json!({ "content": "x", "refusal": "a hidden no" }))] }), vec!["x"]),
        (Chat, json!({ "choices": [choice(0, json!({ "content": "x", "reasoning_content": "hidden" }))] }), vec!["x"]),
        (
            Completions,
            json!({ "choices": [{ "index": 0, "text": "a" }, { "index": 1, "text": "b hidden" }] }),
            vec!["a", "b hidden"],
        ),
        (
            Messages,
            json!({ "type": "message", "role": "assistant", "content": [{ "type": "text", "text": "a" },
                { "type": "tool_use", "id": "c", "name": "f", "input": { "q": "the hidden one" } },
                { "type": "text", "text": "b" }] }),
            vec!["a\nb"],
        ),
        (
            Messages,
            json!({ "content": [{ "type": "thinking", "thinking": "hidden", "signature": "x" },
                { "type": "text", "text": "b" }] }),
            vec!["b"],
        ),
        (
            Responses,
            json!({ "output": [
                { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "a" },
                    { "type": "output_text", "text": "b" }] },
                { "type": "function_call", "call_id": "c", "name": "f", "arguments": arguments }] }),
            vec!["a\nb"],
        ),
        (
            Responses,
            json!({ "output": [{ "type": "message", "content": [{ "type": "refusal", "refusal": "hidden" }] }] }),
            vec![""],
        ),
        (
            Responses,
            json!({ "output": [
                { "type": "reasoning", "summary": [{ "type": "summary_text", "text": "hidden" }] },
                { "type": "message", "content": [{ "type": "output_text", "text": "x" }] }] }),
            vec!["x"],
        ),
    ]
}

/// A text in pieces, cut behind each character for which `cut` says so.
fn cut(text: &str, cut: &mut dyn FnMut() -> bool) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for char in text.chars() {
        pieces.last_mut().expect("a piece").push(char);
        if cut() {
            pieces.push(String::new());
        }
    }
    pieces
}

pub(super) fn event(data: &Value) -> String {
    match data["type"].as_str() {
        Some(name) => format!("event: {name}\ndata: {data}\n\n"),
        None => format!("data: {data}\n\n"),
    }
}

/// The events in which a provider would send an answer.
pub(super) fn stream_of(shape: Shape, answer: &Value, at: &mut dyn FnMut() -> bool) -> String {
    let mut all = String::new();
    let mut say = |data: Value| all.push_str(&event(&data));
    match shape {
        Shape::Chat => {
            for choice in answer["choices"].as_array().expect("choices") {
                let mut delta = |delta: Value| {
                    say(json!({ "object": "chat.completion.chunk",
                        "choices": [{ "index": choice["index"], "delta": delta, "finish_reason": null }] }))
                };
                delta(json!({ "role": "assistant", "content": "" }));
                for (name, value) in choice["message"].as_object().expect("a message") {
                    match (name.as_str(), value) {
                        ("role", _) | (_, Value::Null) => {}
                        ("tool_calls", Value::Array(calls)) => {
                            for (number, call) in calls.iter().enumerate() {
                                delta(json!({ "tool_calls": [{ "index": number, "id": "c", "type": "function",
                                    "function": { "name": "f", "arguments": "" } }] }));
                                for piece in cut(call["function"]["arguments"].as_str().expect("arguments"), at) {
                                    let function = json!({ "arguments": piece });
                                    delta(json!({ "tool_calls": [{ "index": number, "function": function }] }));
                                }
                            }
                        }
                        ("function_call", call) => {
                            for piece in cut(call["arguments"].as_str().expect("arguments"), at) {
                                delta(json!({ "function_call": { "arguments": piece } }));
                            }
                        }
                        (name, Value::String(text)) => {
                            cut(text, at).into_iter().for_each(|piece| delta(json!({ name: piece })))
                        }
                        other => panic!("{other:?}"),
                    }
                }
            }
        }
        Shape::Completions => {
            for choice in answer["choices"].as_array().expect("choices") {
                for piece in cut(choice["text"].as_str().expect("a text"), at) {
                    say(json!({ "choices": [{ "index": choice["index"], "text": piece }] }));
                }
            }
        }
        Shape::Messages => {
            say(json!({ "type": "message_start", "message": { "role": "assistant", "content": [] } }));
            for (number, block) in answer["content"].as_array().expect("a content").iter().enumerate() {
                let kind = block["type"].as_str().expect("a type");
                let (begun, text, name, delta) = match kind {
                    "text" => (json!({ "type": kind, "text": "" }), block["text"].clone(), "text", "text_delta"),
                    "thinking" => (
                        json!({ "type": kind, "thinking": "" }),
                        block["thinking"].clone(),
                        "thinking",
                        "thinking_delta",
                    ),
                    _ => {
                        let begun = json!({ "type": kind, "id": "c", "name": "f", "input": {} });
                        (begun, block["input"].to_string().into(), "partial_json", "input_json_delta")
                    }
                };
                say(json!({ "type": "content_block_start", "index": number, "content_block": begun }));
                for piece in cut(text.as_str().expect("a text"), at) {
                    let delta = json!({ "type": delta, name: piece });
                    say(json!({ "type": "content_block_delta", "index": number, "delta": delta }));
                }
                say(json!({ "type": "content_block_stop", "index": number }));
            }
            say(json!({ "type": "message_stop" }));
        }
        Shape::Responses => {
            for (item, output) in answer["output"].as_array().expect("an output").iter().enumerate() {
                let mut told = |kind: &str, part: usize, text: &str| {
                    for piece in cut(text, at) {
                        say(json!({ "type": format!("response.{kind}.delta"), "output_index": item,
                            "content_index": part, "delta": piece }));
                    }
                };
                match output["type"].as_str() {
                    Some("function_call") => {
                        told("function_call_arguments", 0, output["arguments"].as_str().expect("arguments"))
                    }
                    Some("reasoning") => {
                        told("reasoning_summary_text", 0, output["summary"][0]["text"].as_str().expect("a text"))
                    }
                    _ => {
                        for (number, part) in output["content"].as_array().expect("a content").iter().enumerate() {
                            match part["text"].as_str() {
                                Some(text) => told("output_text", number, text),
                                None => told("refusal", number, part["refusal"].as_str().expect("a refusal")),
                            }
                        }
                    }
                }
            }
        }
        other => panic!("{other:?}"),
    }
    if matches!(shape, Shape::Chat | Shape::Completions) {
        all.push_str("data: [DONE]\n\n");
    }
    all
}
