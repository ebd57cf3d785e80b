//! Reading bodies and streams, running guardrails over them, and definitions that are refused.

use super::checks::{KeySet, Webhook};
use super::*;
use crate::kernel::Timestamp;
use async_trait::async_trait;
use futures_util::FutureExt;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Outside, where nobody is but a webhook with one answer.
#[derive(Default)]
struct Alone(Option<(u16, Value)>);

#[async_trait]
impl Outside for Alone {
    async fn ask(&self, _: &Webhook, _: &Value) -> Result<(u16, Vec<u8>), String> {
        let (status, answer) = self.0.as_ref().ok_or("It cannot be reached.")?;
        Ok((*status, answer.to_string().into_bytes()))
    }

    async fn keys(&self, _: &str, _: u64, _: bool) -> Result<Arc<KeySet>, String> {
        Err("There are no keys.".to_owned())
    }
}

fn guardrail(definition: &Value) -> Guardrail {
    Guardrail::compile(definition, &|_| Ok(())).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn of_check(id: &str, parameters: &Value) -> Guardrail {
    guardrail(&json!({ "checks": [{ "id": id, "parameters": parameters }], "actions": { "deny": true } }))
}

fn without(words: &[&str]) -> Guardrail {
    of_check("default.contains", &json!({ "operator": "none", "words": words }))
}

fn run(guardrail: &Guardrail, side: Side, shape: Shape, body: &Reading, outside: &Alone) -> Judged {
    let metadata = BTreeMap::new();
    let about = About {
        side,
        shape,
        model: "m",
        provider: "openai",
        metadata: &metadata,
        header: &|_| None,
        request: "{}",
        streamed: body.is_stream(),
        status: if side == Side::Answer { 200 } else { 0 },
        now: Timestamp(1_700_000_000_000),
        hash_key: &[7; 32],
    };
    judge(guardrail, ("g", None), &about, body, outside).now_or_never().expect("nothing is waited for")
}

fn request(shape: Shape, body: &Value) -> Reading {
    Reading::request(shape, body.to_string().as_bytes())
}

fn answer(shape: Shape, body: &Value) -> Reading {
    Reading::answer(shape, body.to_string().as_bytes())
}

fn units(reading: &Reading) -> Vec<&str> {
    reading.units.iter().map(|unit| unit.text.as_str()).collect()
}

/// Whether a word is found where none may be.
fn finds(word: &str, side: Side, shape: Shape, reading: &Reading) -> bool {
    !run(&without(&[word]), side, shape, reading, &Alone::default()).result.verdict
}

fn replaced(side: Side, shape: Shape, reading: &Reading) -> Option<String> {
    let redact = of_check("default.regexReplace", &json!({ "rule": "secret", "redactText": "X" }));
    run(&redact, side, shape, reading, &Alone::default()).reading.map(|left| left.body().to_owned())
}

/// Requests, and the texts that are judged alone.
fn requests() -> Vec<(Shape, Value, Vec<&'static str>)> {
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
fn answers() -> Vec<(Shape, Value, Vec<&'static str>)> {
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

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (bound.max(1) as u64)).expect("a small number")
    }
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

fn event(data: &Value) -> String {
    match data["type"].as_str() {
        Some(name) => format!("event: {name}\ndata: {data}\n\n"),
        None => format!("data: {data}\n\n"),
    }
}

/// The events in which a provider would send an answer.
fn stream_of(shape: Shape, answer: &Value, at: &mut dyn FnMut() -> bool) -> String {
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

/// What must be the same of an answer, however it came: units, and the arguments that are whole texts.
fn heart(reading: &Reading) -> (Vec<(String, bool)>, Vec<String>) {
    let of = |unit: &checks::Unit| (unit.text.clone(), unit.calls_tools);
    let whole = reading.arguments.iter().filter(|text| text.starts_with('{') && *text != "{}");
    (reading.units.iter().map(of).collect(), whole.cloned().collect())
}

#[test]
fn each_text_of_a_request_is_judged_alone() {
    for (shape, body, expected) in requests() {
        let reading = request(shape, &body);
        assert!(!reading.is_unreadable());
        assert_eq!(units(&reading), expected, "{shape:?} {body}");
        for text in expected {
            assert!(text.split('\n').all(|part| finds(part, Side::Request, shape, &reading)), "{text} of {body}");
        }
    }
}

#[test]
fn what_tools_were_asked_is_read_in_the_history() {
    let arguments = r#"{"q":"se\u0063ret"}"#;
    let user = json!({ "role": "user", "content": "a" });
    let cases = [
        (
            Shape::Chat,
            json!({ "messages": [{ "role": "assistant", "tool_calls": [{ "type": "function",
            "function": { "name": "f", "arguments": arguments } }] }, user] }),
        ),
        (
            Shape::Chat,
            json!({ "messages": [{ "role": "assistant", "tool_calls": [{ "type": "custom",
            "custom": { "name": "f", "input": "the secret" } }] }, user] }),
        ),
        (
            Shape::Chat,
            json!({ "messages": [{ "role": "assistant",
            "function_call": { "name": "f", "arguments": arguments } }, user] }),
        ),
        (
            Shape::Chat,
            json!({ "messages": [{ "role": "assistant",
            "function_call": { "name": "f", "arguments": { "q": "secret" } } }, user] }),
        ),
        (
            Shape::Messages,
            json!({ "messages": [{ "role": "assistant", "content": [
            { "type": "tool_use", "id": "c", "name": "f", "input": { "deep": [{ "q": "secret" }] } }] }, user] }),
        ),
        (
            Shape::Responses,
            json!({ "input": [{ "type": "function_call", "name": "f", "arguments": arguments }, user] }),
        ),
        (Shape::Responses, json!({ "input": [{ "type": "custom_tool_call", "name": "f", "input": "secret" }, user] })),
        (Shape::Responses, json!({ "input": [{ "type": "mcp_call", "arguments": "{}", "output": "secret" }, user] })),
        (
            Shape::Responses,
            json!({ "input": [{ "type": "computer_call_output", "output": { "text": "secret" } }, user] }),
        ),
        (Shape::Responses, json!({ "prompt": { "id": "p", "variables": { "who": "secret" } } })),
    ];
    for (shape, body) in cases {
        let reading = request(shape, &body);
        assert!(finds("secret", Side::Request, shape, &reading), "{body}");
        assert!(!finds("nowhere", Side::Request, shape, &reading), "{body}");
        let redacted = replaced(Side::Request, shape, &reading).unwrap_or_else(|| panic!("{body}"));
        let again = Reading::request(shape, redacted.as_bytes());
        assert!(!finds("secret", Side::Request, shape, &again), "{redacted}");
    }
    // A name is found, and is taken out by no replacement: the tool would not know it again.
    let named = json!({ "messages": [{ "role": "assistant",
        "function_call": { "name": "f", "arguments": { "secret": 1 } } }, user] });
    let reading = request(Shape::Chat, &named);
    assert!(finds("secret", Side::Request, Shape::Chat, &reading));
    assert_eq!(replaced(Side::Request, Shape::Chat, &reading), None);
}

#[test]
fn a_text_that_only_looks_like_data_is_read() {
    let output = json!({ "input": [{ "type": "shell_call_output", "output": [{ "stdout": "data: a secret" }] },
        { "role": "user", "content": "a" }] });
    assert!(finds("secret", Side::Request, Shape::Responses, &request(Shape::Responses, &output)));
    let refusal = json!({ "choices": [{ "message": { "content": "x", "refusal": "data:text/plain,secret" } }] });
    assert!(finds("secret", Side::Answer, Shape::Chat, &answer(Shape::Chat, &refusal)));
    // A picture is none.
    let picture = json!({ "messages": [{ "role": "user", "content": [{ "type": "text", "text": "a" },
        { "type": "image_url", "image_url": { "url": "data:image/png;base64,c2secret+/==" } }] }] });
    assert!(!finds("secret", Side::Request, Shape::Chat, &request(Shape::Chat, &picture)));
}

#[test]
fn bodies_that_can_be_read_in_two_ways_are_not_judged() {
    for body in [
        r#"{"messages":[{"role":"user","content":"a","content":"b"}]}"#,
        r#"{"messages":[],"messages":[]}"#,
        r#"{"messages":[],"message\u0073":[]}"#,
        "[]",
        "",
        "{",
        "\u{0}",
        "null",
    ] {
        let reading = Reading::request(Shape::Chat, body.as_bytes());
        assert!(reading.is_unreadable(), "{body}");
        let judged = run(&without(&["x"]), Side::Request, Shape::Chat, &reading, &Alone::default()).result;
        assert!(!judged.verdict && judged.checks[0].verdict.is_none(), "{body}");
    }
    assert!(Reading::request(Shape::Chat, b"{\"messages\":\"\xff\"}").is_unreadable());
    let twice = "data: {\"choices\":[{\"delta\":{\"content\":\"a\",\"content\":\"b\"}}]}\n\n";
    assert!(Reading::stream(Shape::Chat, twice.as_bytes()).is_unreadable());
}

#[test]
fn only_what_is_found_is_written_anew() {
    let body = "{ \"x\" : 1.50,\t\"messages\":[{\"role\":\"user\",\"content\":\"a \\u0073ecret \\/ b\"},\n\
        {\"role\":\"user\", \"content\":[{\"type\":\"text\",\"text\":\"se\\u0063ret\"}]}],\"secret\":\"secret\",\"z\":1e2 }";
    let reading = Reading::request(Shape::Chat, body.as_bytes());
    let expected = "{ \"x\" : 1.50,\t\"messages\":[{\"role\":\"user\",\"content\":\"a X / b\"},\n\
        {\"role\":\"user\", \"content\":[{\"type\":\"text\",\"text\":\"X\"}]}],\"secret\":\"secret\",\"z\":1e2 }";
    assert_eq!(replaced(Side::Request, Shape::Chat, &reading).as_deref(), Some(expected));
    let harmless = body.replace("\\u0073ecret", "x").replace("se\\u0063ret", "y");
    assert_eq!(replaced(Side::Request, Shape::Chat, &Reading::request(Shape::Chat, harmless.as_bytes())), None);
}

#[test]
fn an_answer_reads_the_same_whole_and_however_it_is_cut() {
    for (shape, body, expected) in answers() {
        let whole = answer(shape, &body);
        assert_eq!(units(&whole), expected, "{body}");
        let mut dice = Dice(0x5eed);
        for round in 0..30 {
            let mut at = || match round {
                0 => false,
                1 => true,
                _ => dice.below(round) == 0,
            };
            let events = stream_of(shape, &body, &mut at);
            for events in [events.clone(), events.replace('\n', "\r\n"), events.trim_end().to_owned()] {
                let streamed = Reading::stream(shape, events.as_bytes());
                assert_eq!(heart(&streamed), heart(&whole), "{events}");
                for word in ["hidden", "nowhere"] {
                    let found = finds(word, Side::Answer, shape, &whole);
                    assert_eq!(finds(word, Side::Answer, shape, &streamed), found, "{word} in {events}");
                }
            }
        }
    }
}

#[test]
fn a_redacted_stream_holds_nothing_of_what_was_taken_out() {
    for (shape, body, _) in answers() {
        let body: Value = serde_json::from_str(&body.to_string().replace("hidden", "secret")).expect("JSON");
        let mut dice = Dice(0xabcd);
        for _ in 0..10 {
            let events = stream_of(shape, &body, &mut || dice.below(3) == 0);
            let streamed = Reading::stream(shape, events.as_bytes());
            let Some(redacted) = replaced(Side::Answer, shape, &streamed) else {
                assert!(!finds("secret", Side::Answer, shape, &streamed), "{events}");
                continue;
            };
            let again = Reading::stream(shape, redacted.as_bytes());
            let expected: Vec<_> = streamed.units.iter().map(|unit| unit.text.replace("secret", "X")).collect();
            assert_eq!(units(&again), expected, "{redacted}");
            assert!(!finds("secret", Side::Answer, shape, &again), "{redacted}");
        }
    }
}

#[test]
fn nothing_of_a_redacted_answer_is_left_in_its_probabilities() {
    let tokens = json!({ "content": [{ "token": "secret", "logprob": -0.1, "top_logprobs": [] }] });
    let whole = json!({ "choices": [{ "message": { "content": "a secret" }, "logprobs": tokens }] });
    let redacted = replaced(Side::Answer, Shape::Chat, &answer(Shape::Chat, &whole)).expect("a change");
    assert!(!redacted.contains("secret"), "{redacted}");
    let events = event(&json!({ "choices": [{ "index": 0, "delta": { "content": "secret" }, "logprobs": tokens }] }));
    let streamed = Reading::stream(Shape::Chat, events.as_bytes());
    let redacted = replaced(Side::Answer, Shape::Chat, &streamed).expect("a change");
    assert!(!redacted.contains("secret"), "{redacted}");
    // Where nothing is taken out, they stay.
    let harmless = whole.to_string().replace("a secret", "a text");
    assert_eq!(replaced(Side::Answer, Shape::Chat, &Reading::answer(Shape::Chat, harmless.as_bytes())), None);
}

#[test]
fn rare_pieces_of_streams_are_read_as_well() {
    let tool = json!({ "choices": [{ "index": 0, "delta": { "tool_calls": [
        { "index": 0, "function": { "name": "f", "arguments": { "q": "secret" } } }] } }] });
    let legacy =
        json!({ "choices": [{ "index": 0, "delta": { "function_call": { "arguments": { "q": "secret" } } } }] });
    let both = json!({ "choices": [{ "index": 0, "delta": {}, "message": { "content": "secret" } }] });
    let cited = json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "",
        "citations": [{ "type": "page_location", "cited_text": "secret" }] } });
    let noted = json!({ "type": "response.output_text.annotation.added", "output_index": 0, "content_index": 0,
        "annotation": { "type": "url_citation", "title": "secret" } });
    let code = json!({ "type": "response.code_interpreter_call_code.done", "output_index": 0, "code": "secret" });
    let done = json!({ "type": "response.completed", "response": { "output": [
        { "type": "message", "content": [{ "type": "output_text", "text": "secret" }] }] } });
    for (shape, data) in [
        (Shape::Chat, tool),
        (Shape::Chat, legacy),
        (Shape::Chat, both),
        (Shape::Messages, cited),
        (Shape::Responses, noted),
        (Shape::Responses, code),
        (Shape::Responses, done),
    ] {
        let streamed = Reading::stream(shape, event(&data).as_bytes());
        assert!(finds("secret", Side::Answer, shape, &streamed), "{data}");
        let redacted = replaced(Side::Answer, shape, &streamed).unwrap_or_else(|| panic!("{data}"));
        assert!(!redacted.contains("secret"), "{redacted}");
    }
    // The first event counts, also behind a mark of byte order.
    let marked = "\u{feff}data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"secret\"}}]}\n\n";
    assert!(finds("secret", Side::Answer, Shape::Chat, &Reading::stream(Shape::Chat, marked.as_bytes())));
}

#[test]
fn mangled_bodies_and_streams_are_read_without_panic() {
    let mut dice = Dice(0x1234_5678);
    let shapes = [Shape::Chat, Shape::Completions, Shape::Messages, Shape::Responses];
    let redact = of_check("portkey.pii", &json!({ "redact": true, "categories": ["EMAIL_ADDRESS"] }));
    let prefix = of_check("default.addPrefix", &json!({ "prefix": "p" }));
    let mut read = 0;
    let (questions, told) = (requests(), answers());
    for round in 0..4_000 {
        let (side, mut shape, text) = if round % 2 == 0 {
            let (shape, body, _) = &questions[dice.below(questions.len())];
            (Side::Request, *shape, body.to_string())
        } else {
            let (shape, body, _) = &told[dice.below(told.len())];
            let text =
                if round % 4 == 1 { body.to_string() } else { stream_of(*shape, body, &mut || dice.below(4) == 0) };
            (Side::Answer, *shape, text)
        };
        let mut bytes = text.into_bytes();
        for _ in 0..dice.below(6) {
            let at = dice.below(bytes.len());
            match dice.below(5) {
                0 => bytes.truncate(at),
                1 => bytes[at] = b"\"{}[]:,\\\n\r0a\xc3\xff"[dice.below(14)],
                2 => {
                    bytes.insert(at, b"\"{}[]:,\\\n\r0a\xc3\xff"[dice.below(14)]);
                }
                3 => {
                    bytes.remove(at);
                }
                _ => {
                    let piece = bytes[at..(at + 20).min(bytes.len())].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        if dice.below(4) == 0 {
            shape = shapes[dice.below(shapes.len())];
        }
        let reading = match (side, round % 4) {
            (Side::Request, _) => Reading::request(shape, &bytes),
            (_, 1) => Reading::answer(shape, &bytes),
            _ => Reading::stream(shape, &bytes),
        };
        read += usize::from(!reading.is_unreadable());
        let whole = run(&without(&["hidden"]), side, shape, &reading, &Alone::default()).result;
        assert!(!(reading.is_unreadable() && whole.verdict), "{}", String::from_utf8_lossy(&bytes));
        for guardrail in [&redact, &prefix] {
            if let Some(changed) = run(guardrail, side, shape, &reading, &Alone::default()).reading {
                assert!(!changed.is_unreadable(), "{} from {}", changed.body(), String::from_utf8_lossy(&bytes));
            }
        }
        if let Some(changed) = replaced(side, shape, &reading) {
            let again = reading_of(side, shape, round % 4 == 3, changed.as_bytes());
            assert!(!again.is_unreadable(), "{changed}");
        }
    }
    // Not all of them were spoilt.
    assert!(read > 500, "{read}");
}

fn reading_of(side: Side, shape: Shape, streamed: bool, bytes: &[u8]) -> Reading {
    match side {
        Side::Request => Reading::request(shape, bytes),
        Side::Answer if streamed => Reading::stream(shape, bytes),
        Side::Answer => Reading::answer(shape, bytes),
    }
}

#[test]
fn a_word_is_found_in_a_stream_exactly_where_it_is_in_the_whole_answer() {
    let letters = ["a", "b", "ab", "\"", "\\", "é", "😀", " ", "\n"];
    let mut dice = Dice(0xfeed);
    let mut found = 0;
    for _ in 0..2_000 {
        let mut text = || (0..dice.below(12)).map(|_| letters[dice.below(letters.len())]).collect::<String>();
        let (one, two, three) = (text(), text(), text());
        let arguments = json!({ "q": three }).to_string();
        let (shape, body) = match dice.below(4) {
            0 => (
                Shape::Chat,
                json!({ "choices": [{ "index": 0, "message": { "content": one, "refusal": two,
                "tool_calls": [{ "function": { "arguments": arguments } }] } }] }),
            ),
            1 => (Shape::Completions, json!({ "choices": [{ "index": 0, "text": one }, { "index": 1, "text": two }] })),
            2 => (
                Shape::Messages,
                json!({ "content": [{ "type": "text", "text": one }, { "type": "text", "text": two },
                { "type": "tool_use", "input": { "q": three } }] }),
            ),
            _ => (
                Shape::Responses,
                json!({ "output": [{ "type": "message", "content": [
                { "type": "output_text", "text": one }, { "type": "refusal", "refusal": two }] },
                { "type": "function_call", "arguments": arguments }] }),
            ),
        };
        let whole = answer(shape, &body);
        let events = stream_of(shape, &body, &mut || dice.below(3) == 0);
        let streamed = Reading::stream(shape, events.as_bytes());
        for word in ["abab", "a\"b", "é😀", "aaa"] {
            let there = finds(word, Side::Answer, shape, &whole);
            assert_eq!(finds(word, Side::Answer, shape, &streamed), there, "{word:?} of {body} in {events}");
            found += usize::from(there);
        }
    }
    assert!(found > 100, "{found}");
}

#[test]
fn parts_of_a_streamed_list_are_put_together_by_place_and_kind() {
    let event = |content: Value| {
        format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": { "content": content } }] }))
    };
    let text = |text: &str| json!({ "type": "text", "text": text });
    let thinking = |text: &str| json!({ "type": "thinking", "thinking": [{ "type": "text", "text": text }] });
    let read = |events: &[Value]| {
        Reading::stream(Shape::Chat, events.iter().map(|one| event(one.clone())).collect::<String>().as_bytes())
    };
    // A thought between two halves of a word is no way past.
    let cut = read(&[json!([text("a sec")]), json!([thinking("hm")]), json!([text("ret")])]);
    assert!(finds("secret", Side::Answer, Shape::Chat, &cut));
    let thought = read(&[json!([thinking("a sec")]), json!([text("b")]), json!([thinking("ret")])]);
    assert!(finds("secret", Side::Answer, Shape::Chat, &thought));
    // Nor is the number of a part that stands at another place of its list.
    let part = |index: u32, text: &str| json!({ "type": "text", "index": index, "text": text });
    let numbered = read(&[json!([part(0, "x"), part(1, "a sec")]), json!([part(1, "ret")])]);
    assert!(finds("secret", Side::Answer, Shape::Chat, &numbered));
}

#[test]
fn sentences_are_for_checks_that_forbid() {
    let reads = |check: Value| {
        let definition = json!({ "checks": [check], "actions": { "deny": true, "stream": "sentence" } });
        Guardrail::compile(&definition, &|_| Ok(())).map_err(|faults| faults[0].field.clone()).is_ok()
    };
    let of = |id: &str, parameters: Value| json!({ "id": id, "parameters": parameters });
    assert!(reads(of("default.contains", json!({ "operator": "none", "words": ["a"] }))));
    assert!(reads(of("default.regexMatch", json!({ "rule": "a", "not": true }))));
    assert!(reads(of("portkey.pii", json!({ "categories": ["EMAIL_ADDRESS"] }))));
    for whole in [
        of("default.contains", json!({ "operator": "any", "words": ["a"] })),
        of("default.regexMatch", json!({ "rule": "a" })),
        of("portkey.pii", json!({ "categories": ["EMAIL_ADDRESS"], "redact": true })),
        of("default.wordCount", json!({ "minWords": 1, "maxWords": 9 })),
        of("default.jsonSchema", json!({ "schema": { "type": "object" } })),
        of("default.endsWith", json!({ "suffix": "a" })),
    ] {
        assert!(!reads(whole.clone()), "{whole}");
    }
}

/// Whatever is let out by sentences, nothing that is denied as a whole is in it.
#[test]
fn the_beginnings_that_go_out_hold_nothing_that_is_denied() {
    let mut dice = Dice(0x9e37_79b9);
    let check = without(&["secret"]);
    let (mut out, mut denied) = (0, 0);
    for _ in 0..2_000 {
        let words = ["a sec", "ret", ".", " ", "!", "\\n", "sec. ret", "secret", "b", "”"];
        let pieces: Vec<&str> = (0..dice.below(8) + 1).map(|_| words[dice.below(words.len())]).collect();
        let event =
            |text: &&str| format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": { "content": text } }] }));
        let mut seen = String::new();
        for piece in &pieces {
            seen.push_str(&event(piece));
            let reading = Reading::stream(Shape::Chat, seen.as_bytes());
            if !run(&check, Side::Answer, Shape::Chat, &reading, &Alone::default()).result.verdict {
                denied += 1;
                break;
            }
            if reading.ends_a_sentence() {
                out += 1;
                let text: String = reading.units.iter().map(|unit| unit.text.clone()).collect();
                assert!(!text.contains("secret") && !text.ends_with("sec"), "{text}");
            }
        }
    }
    assert!(out > 500 && denied > 200, "{out} {denied}");
}

#[test]
fn a_call_for_a_stored_answer_is_judged_by_who_calls_alone() {
    let models = of_check("default.modelWhitelist", &json!({ "models": ["other"] }));
    let members = of_check("default.requiredMetadataKeys", &json!({ "metadataKeys": ["team"], "operator": "all" }));
    let judged = |guardrail| {
        run(guardrail, Side::Request, Shape::Responses, &Reading::nothing(), &Alone::default()).result.verdict
    };
    assert!(judged(&models), "no model is asked");
    assert!(!judged(&members));
    assert!(
        !run(
            &models,
            Side::Request,
            Shape::Responses,
            &request(Shape::Responses, &json!({ "input": "a" })),
            &Alone::default()
        )
        .result
        .verdict
    );
}

#[test]
fn a_prefix_is_put_where_its_role_speaks() {
    let put = |shape, parameters: Value, body: Value| {
        let prefix = of_check("default.addPrefix", &parameters);
        let judged = run(&prefix, Side::Request, shape, &request(shape, &body), &Alone::default());
        assert!(judged.result.verdict);
        judged.reading.map(|reading| serde_json::from_str::<Value>(reading.body()).expect("JSON"))
    };
    let user = |content: &str| json!({ "role": "user", "content": content });
    let messages = |all: &[Value]| json!({ "messages": all });
    assert_eq!(
        put(Shape::Chat, json!({ "prefix": "p: " }), messages(&[user("a"), user("b")])),
        Some(messages(&[user("p: a"), user("b")]))
    );
    let system = json!({ "prefix": "p", "applyToRole": "system" });
    let told = json!({ "role": "system", "content": "p" });
    assert_eq!(put(Shape::Chat, system.clone(), messages(&[user("a")])), Some(messages(&[told.clone(), user("a")])));
    let developer = json!({ "prefix": "p", "applyToRole": "developer" });
    let first = messages(&[json!({ "role": "developer", "content": "p" }), user("a")]);
    assert_eq!(put(Shape::Chat, developer.clone(), messages(&[user("a")])), Some(first));
    // Anthropic's interface takes no such message: what leads stands beside the messages.
    let beside = |system: Value| json!({ "system": system, "messages": [user("a")] });
    let text = |text: &str| json!({ "type": "text", "text": text });
    for how in [&system, &developer] {
        assert_eq!(put(Shape::Messages, how.clone(), messages(&[user("a")])), Some(beside(json!("p"))));
        assert_eq!(put(Shape::Messages, how.clone(), beside(json!("s"))), Some(beside(json!("ps"))));
        assert_eq!(put(Shape::Messages, how.clone(), beside(json!([text("s")]))), Some(beside(json!([text("ps")]))));
        assert_eq!(put(Shape::Messages, how.clone(), beside(json!([]))), Some(beside(json!([text("p")]))));
    }
    let alone = json!({ "prefix": "p", "applyToRole": "system", "addToExisting": false });
    assert_eq!(put(Shape::Messages, alone.clone(), beside(json!("s"))), Some(beside(json!([text("p"), text("s")]))));
    assert_eq!(put(Shape::Messages, alone, beside(json!([text("s")]))), Some(beside(json!([text("p"), text("s")]))));
    let once = json!({ "prefix": "p", "applyToRole": "system", "onlyIfEmpty": true });
    assert_eq!(put(Shape::Messages, once, beside(json!("s"))), None);
    let apart = json!({ "prefix": "p", "addToExisting": false });
    assert_eq!(put(Shape::Chat, apart, messages(&[user("a")])), Some(messages(&[user("p"), user("a")])));
    let empty = json!({ "prefix": "p", "onlyIfEmpty": true });
    assert_eq!(put(Shape::Chat, empty.clone(), messages(&[user("a")])), None);
    assert_eq!(put(Shape::Chat, empty, messages(&[user("")])), Some(messages(&[user("p")])));
    let parts = |all: Value| messages(&[json!({ "role": "user", "content": all })]);
    let text = |text: &str| json!({ "type": "text", "text": text });
    assert_eq!(put(Shape::Chat, json!({ "prefix": "p" }), parts(json!([text("a")]))), Some(parts(json!([text("pa")]))));
    assert_eq!(put(Shape::Chat, json!({ "prefix": "p" }), parts(json!([]))), Some(parts(json!([text("p")]))));
    assert_eq!(
        put(Shape::Completions, json!({ "prefix": "p" }), json!({ "prompt": "a" })),
        Some(json!({ "prompt": "pa" }))
    );
    assert_eq!(
        put(Shape::Responses, json!({ "prefix": "p" }), json!({ "input": "a" })),
        Some(json!({ "input": "pa" }))
    );
    assert_eq!(put(Shape::Embeddings, json!({ "prefix": "p" }), json!({ "input": "a" })), None);
}

#[test]
fn feedback_follows_the_verdict_and_names_the_checks() {
    let definition = json!({
        "checks": [
            { "id": "default.contains", "parameters": { "operator": "none", "words": ["secret"] } },
            { "id": "default.wordCount", "parameters": { "minWords": 1, "maxWords": 9 } },
            { "id": "default.webhook", "parameters": { "webhookURL": "https://example.com/" } },
        ],
        "actions": {
            "on_success": { "feedback": { "value": 5, "weight": 1, "metadata": { "who": "me" } } },
            "on_fail": { "feedback": { "value": -5, "weight": 0.5, "metadata": {} } },
        },
    });
    let guardrail = guardrail(&definition);
    let says = |text: &str| {
        let body = request(Shape::Chat, &json!({ "messages": [{ "role": "user", "content": text }] }));
        run(&guardrail, Side::Request, Shape::Chat, &body, &Alone::default()).result.feedback.expect("a feedback")
    };
    let good = says("a text");
    assert_eq!((good.value, good.weight), (5.0, 1.0));
    let metadata = json!({ "who": "me", "successfulChecks": "default.contains, default.wordCount", "failedChecks": "",
        "erroredChecks": "default.webhook" });
    assert_eq!(good.metadata, metadata);
    let bad = says("a secret");
    assert_eq!((bad.value, bad.weight), (-5.0, 0.5));
    assert_eq!(bad.metadata["failedChecks"], "default.contains");
}

#[test]
fn an_error_counts_as_its_own_check_says() {
    let hook = |fail: bool| {
        json!({ "id": "default.webhook",
        "parameters": { "webhookURL": "https://example.com/", "failOnError": fail } })
    };
    let body = request(Shape::Chat, &json!({ "messages": [{ "role": "user", "content": "a" }] }));
    let verdict = |definition: Value, outside: &Alone| {
        run(&guardrail(&definition), Side::Request, Shape::Chat, &body, outside).result.verdict
    };
    let away = Alone::default();
    assert!(verdict(json!({ "checks": [hook(false)] }), &away));
    assert!(!verdict(json!({ "checks": [hook(true)] }), &away));
    assert!(!verdict(json!({ "checks": [hook(false)], "actions": { "deny": true } }), &away));
    assert!(verdict(json!({ "checks": [hook(false)], "actions": { "deny": true, "on_error": "pass" } }), &away));
    for (status, answer, expected) in [
        (200, json!({ "verdict": true }), true),
        (200, json!({ "verdict": false }), false),
        (200, json!({ "verdict": "true" }), false),
        (200, json!([]), false),
        (302, json!({ "verdict": true }), false),
        (500, json!({ "verdict": true }), false),
    ] {
        let denies = json!({ "checks": [hook(false)], "actions": { "deny": true } });
        assert_eq!(verdict(denies, &Alone(Some((status, answer.clone())))), expected, "{status} {answer}");
    }
    // The parameters of one webhook say nothing of another.
    struct One;
    #[async_trait]
    impl Outside for One {
        async fn ask(&self, webhook: &Webhook, _: &Value) -> Result<(u16, Vec<u8>), String> {
            if webhook.fail_on_error { Ok((200, b"{\"verdict\":true}".to_vec())) } else { Err("away".to_owned()) }
        }

        async fn keys(&self, _: &str, _: u64, _: bool) -> Result<Arc<KeySet>, String> {
            Err("There are no keys.".to_owned())
        }
    }
    let two = guardrail(&json!({ "checks": [hook(false), hook(true)] }));
    let tried = try_text(&two, ("g", None), Side::Request, "a", (Timestamp(0), &[7; 32]), &One);
    assert!(tried.now_or_never().expect("nothing is waited for").result.verdict);
}

#[test]
fn definitions_that_cannot_work_are_refused_with_their_fields() {
    let check = |id: &str, parameters: Value| json!({ "checks": [{ "id": id, "parameters": parameters }] });
    let acting = |actions: Value| json!({ "checks": [{ "id": "default.notNull" }], "actions": actions });
    let cases = [
        (json!([]), ""),
        (json!({ "checks": [], "more": 1 }), "more"),
        (check("default.nothing", json!({})), "checks[0].id"),
        (check("default.regexMatch", json!({ "rule": "(" })), "checks[0].parameters.rule"),
        (check("default.regexMatch", json!({ "rule": "(?=a)" })), "checks[0].parameters.rule"),
        (check("default.contains", json!({ "words": "a" })), "checks[0].parameters.words"),
        (check("default.webhook", json!({})), "checks[0].parameters.webhookURL"),
        (check("default.webhook", json!({ "webhookURL": "http://10.0.0.1/" })), "checks[0].parameters.webhookURL"),
        (check("portkey.pii", json!({ "categories": ["MOOD"] })), "checks[0].parameters.categories"),
        (acting(json!({ "deny": "yes" })), "actions.deny"),
        (acting(json!({ "denies": true })), "actions.denies"),
        (acting(json!({ "deny": true, "observe": true })), "actions.observe"),
        (acting(json!({ "on_error": "perhaps" })), "actions.on_error"),
        (acting(json!({ "stream": "drop" })), "actions.stream"),
        (acting(json!({ "on_fail": { "feedback": { "value": 11 } } })), "actions.on_fail"),
        (acting(json!([])), "actions"),
    ];
    for (definition, field) in cases {
        let faults = Guardrail::compile(&definition, &|url| match url.contains("10.0.0.1") {
            true => Err("It must not be called.".to_owned()),
            false => Ok(()),
        });
        let faults = faults.expect_err(&definition.to_string());
        assert!(faults.iter().any(|fault| fault.field.starts_with(field)), "{definition}: {faults:?}");
        assert!(faults.iter().all(|fault| !fault.message.is_empty() && !fault.code.is_empty()), "{faults:?}");
    }
}
