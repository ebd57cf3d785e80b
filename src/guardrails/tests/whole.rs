//! What is read of requests and answers, and what is written anew in them.

use super::{cases::requests, *};

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
