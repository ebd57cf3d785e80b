use super::*;

#[test]
fn a_whole_conversation_with_tools_and_images() {
    let body = json!({
        "model": "claude-sonnet-4-5",
        "max_tokens": 100, "temperature": 1.5, "top_p": 0.9, "top_k": 40, "stop": "END", "user": "u1", "seed": 7,
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "developer", "content": [{ "type": "text", "text": "In French.", "cache_control": { "type": "ephemeral" } }] },
            { "role": "user", "content": [
                { "type": "text", "text": "What is this?" },
                { "type": "image_url", "image_url": { "url": "data:image/jpg;base64,AAAA", "detail": "low" } },
                { "type": "image_url", "image_url": { "url": "https://a.example/b.png" } },
                { "type": "file", "file": { "filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB" } },
            ] },
            { "role": "assistant", "content": null, "tool_calls": [
                { "id": "c1", "type": "function", "function": { "name": "look", "arguments": "{\"at\":\"b\"}" } },
                { "id": "c2", "type": "function", "function": { "name": "now", "arguments": "" } },
            ] },
            { "role": "tool", "tool_call_id": "c1", "content": "a cat" },
            { "role": "tool", "tool_call_id": "c2", "content": [{ "type": "text", "text": "noon" }] },
            { "role": "user", "content": "And?" },
        ],
        "tools": [
            { "type": "function", "function": { "name": "look", "description": "Looks.", "strict": true,
                "parameters": { "type": "object", "properties": { "at": { "type": "string" } } } } },
            { "type": "function", "function": { "name": "now" } },
        ],
        "tool_choice": "required", "parallel_tool_calls": false,
        "response_format": { "type": "json_schema", "json_schema": { "name": "x", "schema": { "type": "object" } } },
    });
    assert_eq!(
        sent(Provider::Anthropic, &body),
        json!({
            "model": "claude-sonnet-4-5",
            "max_tokens": 100, "temperature": 1, "top_k": 40, "stop_sequences": ["END"],
            "metadata": { "user_id": "u1" },
            "system": [
                { "type": "text", "text": "Be brief." },
                { "type": "text", "text": "In French.", "cache_control": { "type": "ephemeral" } },
            ],
            "messages": [
                { "role": "user", "content": [
                    { "type": "text", "text": "What is this?" },
                    { "type": "image", "source": { "type": "base64", "media_type": "image/jpeg", "data": "AAAA" } },
                    { "type": "image", "source": { "type": "url", "url": "https://a.example/b.png" } },
                    { "type": "document", "title": "a.pdf",
                        "source": { "type": "base64", "media_type": "application/pdf", "data": "BBBB" } },
                ] },
                { "role": "assistant", "content": [
                    { "type": "tool_use", "id": "c1", "name": "look", "input": { "at": "b" } },
                    { "type": "tool_use", "id": "c2", "name": "now", "input": {} },
                ] },
                { "role": "user", "content": [
                    { "type": "tool_result", "tool_use_id": "c1", "content": [{ "type": "text", "text": "a cat" }] },
                    { "type": "tool_result", "tool_use_id": "c2", "content": [{ "type": "text", "text": "noon" }] },
                    { "type": "text", "text": "And?" },
                ] },
            ],
            "tools": [
                { "name": "look", "description": "Looks.",
                    "input_schema": { "type": "object", "properties": { "at": { "type": "string" } } } },
                { "name": "now", "input_schema": { "type": "object", "properties": {} } },
            ],
            "tool_choice": { "type": "any", "disable_parallel_tool_use": true },
            "output_config": { "format": { "type": "json_schema", "schema": { "type": "object" } } },
        })
    );
}

#[test]
fn choices_of_tools_and_what_has_no_counterpart() {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }],
        "tools": [{ "type": "function", "function": { "name": "f" } }] });
    let chosen = |choice: Value, parallel: Value| {
        let mut body = body.clone();
        body["tool_choice"] = choice;
        body["parallel_tool_calls"] = parallel;
        sent(Provider::Anthropic, &body)["tool_choice"].clone()
    };
    assert_eq!(chosen(Value::Null, Value::Null), Value::Null);
    assert_eq!(chosen("auto".into(), true.into()), json!({ "type": "auto" }));
    assert_eq!(chosen("none".into(), false.into()), json!({ "type": "none" }));
    assert_eq!(chosen(Value::Null, false.into()), json!({ "type": "auto", "disable_parallel_tool_use": true }));
    let one = json!({ "type": "function", "function": { "name": "f" } });
    assert_eq!(chosen(one, Value::Null), json!({ "type": "tool", "name": "f" }));
    body["stream"] = true.into();
    let plain = sent(Provider::Anthropic, &body);
    assert_eq!((&plain["max_tokens"], &plain["stream"]), (&json!(4096), &json!(true)));
    for (name, value) in [
        ("n", json!(2)),
        ("presence_penalty", json!(1)),
        ("frequency_penalty", json!(-0.5)),
        ("response_format", json!({ "type": "json_object" })),
    ] {
        let mut body = body.clone();
        body[name] = value;
        let error = built(Provider::Anthropic, "m", &body).unwrap_err();
        assert_eq!(
            (error.status, error.code.as_str(), error.param.as_deref()),
            (400, "unsupported_parameter", Some(name))
        );
    }
}

#[test]
fn a_whole_answer() {
    let (body, usage) = answered(
        Provider::Anthropic,
        &json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x",
            "content": [
                { "type": "thinking", "thinking": "hm", "signature": "s" },
                { "type": "text", "text": "Let me " }, { "type": "text", "text": "look." },
                { "type": "tool_use", "id": "t1", "name": "look", "input": { "at": "b" } },
                { "type": "tool_use", "id": "t2", "name": "now", "input": {} },
            ],
            "stop_reason": "tool_use", "stop_sequence": null,
            "usage": { "input_tokens": 10, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 1, "output_tokens": 7 },
        }),
    );
    assert_eq!(usage, Some(Usage { input_tokens: 16, output_tokens: 7, cached_input_tokens: 5, reasoning_tokens: 0 }));
    assert_eq!(
        body,
        json!({
            "id": "msg_1", "object": "chat.completion", "created": CREATED, "model": "claude-x",
            "choices": [{ "index": 0, "logprobs": null, "finish_reason": "tool_calls", "message": {
                "role": "assistant", "content": "Let me look.", "refusal": null, "tool_calls": [
                    { "id": "t1", "type": "function", "function": { "name": "look", "arguments": "{\"at\":\"b\"}" } },
                    { "id": "t2", "type": "function", "function": { "name": "now", "arguments": "{}" } },
                ],
            } }],
            "usage": { "prompt_tokens": 16, "completion_tokens": 7, "total_tokens": 23,
                "prompt_tokens_details": { "cached_tokens": 5 } },
        })
    );
}

#[test]
fn reasons_to_stop() {
    for (theirs, ours) in [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("something_new", "stop"),
    ] {
        let answer = json!({ "content": [], "stop_reason": theirs });
        let (body, _) = answered(Provider::Anthropic, &answer);
        assert_eq!(body["choices"][0]["finish_reason"], ours);
        assert_eq!((&body["choices"][0]["message"]["content"], &body["id"]), (&json!(""), &json!(ID)));
    }
}

pub(super) fn events() -> Vec<Value> {
    vec![
        json!({ "type": "message_start", "message": { "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x",
            "content": [], "stop_reason": null, "usage": { "input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 1 } } }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "thinking", "thinking": "" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "thinking_delta", "thinking": "hm" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "signature_delta", "signature": "s" } }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "ping" }),
        json!({ "type": "content_block_start", "index": 1, "content_block": { "type": "text", "text": "" } }),
        json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "text_delta", "text": "Grüß " } }),
        json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "text_delta", "text": "dich\n" } }),
        json!({ "type": "content_block_stop", "index": 1 }),
        json!({ "type": "content_block_start", "index": 2, "content_block": { "type": "tool_use", "id": "t1", "name": "look", "input": {} } }),
        json!({ "type": "content_block_delta", "index": 2, "delta": { "type": "input_json_delta", "partial_json": "" } }),
        json!({ "type": "content_block_delta", "index": 2, "delta": { "type": "input_json_delta", "partial_json": "{\"at\":" } }),
        json!({ "type": "content_block_delta", "index": 2, "delta": { "type": "input_json_delta", "partial_json": "\"b\"}" } }),
        json!({ "type": "content_block_stop", "index": 2 }),
        json!({ "type": "content_block_start", "index": 3, "content_block": { "type": "tool_use", "id": "t2", "name": "now", "input": {} } }),
        json!({ "type": "content_block_stop", "index": 3 }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use", "stop_sequence": null }, "usage": { "output_tokens": 30 } }),
        json!({ "type": "message_stop" }),
    ]
}

#[test]
fn a_stream() {
    for include_usage in [false, true] {
        let stream = exchange(Provider::Anthropic, true, include_usage).stream(CREATED, ID);
        let (text, outcome, usage) = streamed(stream, &[named(&events()).as_bytes()], true);
        let chunks = data(&text);
        assert_eq!(outcome, StreamState::Complete);
        assert_eq!(
            usage,
            Some(Usage { input_tokens: 15, output_tokens: 30, cached_input_tokens: 5, reasoning_tokens: 0 })
        );
        assert_eq!(
            assembled(&chunks, 0),
            json!({ "content": "Grüß dich\n", "finish": "tool_calls", "calls": [
                { "index": 0, "id": "t1", "type": "function", "function": { "name": "look", "arguments": "{\"at\":\"b\"}" } },
                { "index": 1, "id": "t2", "type": "function", "function": { "name": "now", "arguments": "{}" } },
            ] })
        );
        assert_eq!((&chunks[0]["id"], &chunks[0]["model"]), (&json!("msg_1"), &json!("claude-x")));
        assert_eq!(chunks.last().unwrap(), "[DONE]");
        let before = &chunks[chunks.len() - 2];
        assert_eq!(chunks[0].get("usage"), include_usage.then_some(&Value::Null));
        if include_usage {
            assert_eq!((&before["choices"], &before["usage"]["total_tokens"]), (&json!([]), &json!(45)));
        } else {
            assert_eq!(before["choices"][0]["finish_reason"], "tool_calls");
        }
    }
}

#[test]
fn each_event_is_told_when_it_comes() {
    let mut stream = exchange(Provider::Anthropic, true, false).stream(CREATED, ID);
    for event in events() {
        let out = stream.push(named(std::slice::from_ref(&event)).into());
        let speaks = matches!(event["type"].as_str(), Some("message_start" | "message_delta" | "message_stop"))
            || event.pointer("/delta/text").is_some()
            || event.pointer("/delta/partial_json").is_some_and(|json| json != "")
            || event.pointer("/content_block/name").is_some()
            || event == json!({ "type": "content_block_stop", "index": 3 });
        assert_eq!(out == ": ping\n\n", !speaks, "{event}");
        assert!(!out.is_empty(), "never silent: {event}");
    }
}

#[test]
fn errors_and_breaks_within_a_stream() {
    let ours = || exchange(Provider::Anthropic, true, false).stream(CREATED, ID);
    let mut all = events()[..8].to_vec();
    let (text, outcome, usage) = streamed(ours(), &[named(&all).as_bytes()], true);
    assert_eq!(data(&text).last().unwrap()["error"]["code"], "upstream_stream_broken");
    assert!(matches!(outcome, StreamState::Failed(_)) && usage.is_some());
    assert!(!text.contains("[DONE]"));

    all.push(json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } }));
    all.push(json!({ "type": "message_stop" }));
    let (text, outcome, _) = streamed(ours(), &[named(&all).as_bytes()], true);
    assert_eq!(data(&text).last().unwrap()["error"]["message"], "Overloaded");
    assert!(matches!(outcome, StreamState::Failed(error) if error.status == 503));

    let (text, outcome, _) = streamed(ours(), &[b"event: x\ndata: {no json\n\n"], true);
    assert_eq!(data(&text)[0]["error"]["code"], "upstream_invalid_answer");
    assert!(matches!(outcome, StreamState::Failed(_)));
}
