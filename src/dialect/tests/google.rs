use super::*;

#[test]
fn a_whole_conversation_with_tools_and_images() {
    let body = json!({
        "model": "gemini-3-pro-preview",
        "max_completion_tokens": 100, "temperature": 1.5, "top_p": 0.9, "top_k": 40, "stop": ["A", "B"], "seed": 7, "n": 2,
        "presence_penalty": 0.5, "frequency_penalty": 0, "user": "u1",
        "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": [
                { "type": "text", "text": "What is this?" },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } },
                { "type": "image_url", "image_url": { "url": "https://a.example/b.JPG?x=1" } },
                { "type": "image_url", "image_url": { "url": "https://a.example/b" } },
            ] },
            { "role": "assistant", "content": "Wait.", "tool_calls": [
                { "id": "c1", "type": "function", "function": { "name": "look", "arguments": "{\"at\":\"b\"}" } },
                { "id": "c2", "type": "function", "function": { "name": "now", "arguments": "{}" },
                    "extra_content": { "google": { "thought_signature": "SIG" } } },
            ] },
            { "role": "tool", "tool_call_id": "c1", "content": "a cat" },
            { "role": "tool", "tool_call_id": "c2", "content": "{\"hour\":12}" },
            { "role": "user", "content": "And?" },
        ],
        "tools": [
            { "type": "function", "function": { "name": "look", "description": "Looks.",
                "parameters": { "type": "object", "properties": { "at": { "type": "string" } }, "additionalProperties": false } } },
            { "type": "function", "function": { "name": "now", "parameters": { "type": "object", "properties": {} } } },
        ],
        "tool_choice": { "type": "function", "function": { "name": "now" } },
        "response_format": { "type": "json_schema", "json_schema": { "name": "x", "schema": { "type": "object" } } },
    });
    assert_eq!(
        sent(Provider::Google, &body),
        json!({
            "systemInstruction": { "parts": [{ "text": "Be brief." }] },
            "contents": [
                { "role": "user", "parts": [
                    { "text": "What is this?" },
                    { "inlineData": { "mimeType": "image/png", "data": "AAAA" } },
                    { "fileData": { "mimeType": "image/jpeg", "fileUri": "https://a.example/b.JPG?x=1" } },
                    { "fileData": { "fileUri": "https://a.example/b" } },
                ] },
                { "role": "model", "parts": [
                    { "text": "Wait." },
                    { "functionCall": { "id": "c1", "name": "look", "args": { "at": "b" } },
                        "thoughtSignature": "skip_thought_signature_validator" },
                    { "functionCall": { "id": "c2", "name": "now", "args": {} }, "thoughtSignature": "SIG" },
                ] },
                { "role": "user", "parts": [
                    { "functionResponse": { "id": "c1", "name": "look", "response": { "result": "a cat" } } },
                    { "functionResponse": { "id": "c2", "name": "now", "response": { "hour": 12 } } },
                ] },
                { "role": "user", "parts": [{ "text": "And?" }] },
            ],
            "tools": [{ "functionDeclarations": [
                { "name": "look", "description": "Looks.", "parametersJsonSchema":
                    { "type": "object", "properties": { "at": { "type": "string" } }, "additionalProperties": false } },
                { "name": "now" },
            ] }],
            "toolConfig": { "functionCallingConfig": { "mode": "ANY", "allowedFunctionNames": ["now"] } },
            "generationConfig": {
                "maxOutputTokens": 100, "temperature": 1.5, "topP": 0.9, "topK": 40, "stopSequences": ["A", "B"], "seed": 7,
                "candidateCount": 2, "presencePenalty": 0.5, "responseMimeType": "application/json",
                "responseJsonSchema": { "type": "object" },
            },
        })
    );
}

#[test]
fn paths_and_what_has_no_counterpart() {
    let mut body = json!({ "model": "g", "messages": [{ "role": "user", "content": "hi" }], "stream": true });
    assert_eq!(built(Provider::Google, "g", &body).unwrap().0.path, "/models/g:streamGenerateContent?alt=sse");
    assert_eq!(sent(Provider::Google, &body), json!({ "contents": [{ "role": "user", "parts": [{ "text": "hi" }] }] }));
    body["tools"] = json!([{ "type": "function", "function": { "name": "f" } }]);
    for (name, value) in [("n", json!(9)), ("seed", json!(1_u64 << 40))] {
        let mut body = body.clone();
        body[name] = value;
        assert_eq!(built(Provider::Google, "g", &body).unwrap_err().param.as_deref(), Some(name));
    }
    for (ours, theirs) in [("auto", "AUTO"), ("none", "NONE"), ("required", "ANY")] {
        body["tool_choice"] = ours.into();
        assert_eq!(sent(Provider::Google, &body)["toolConfig"]["functionCallingConfig"]["mode"], theirs);
    }
    let json_mode = json!({ "model": "g", "messages": body["messages"], "response_format": { "type": "json_object" } });
    assert_eq!(
        sent(Provider::Google, &json_mode)["generationConfig"],
        json!({ "responseMimeType": "application/json" })
    );
}

#[test]
fn a_whole_answer() {
    let (body, usage) = answered(
        Provider::Google,
        &json!({
            "candidates": [
                { "index": 1, "content": { "role": "model", "parts": [{ "text": "Hello" }] }, "finishReason": "MAX_TOKENS" },
                { "content": { "role": "model", "parts": [
                    { "text": "hm", "thought": true },
                    { "functionCall": { "name": "look", "args": { "at": "b" } }, "thoughtSignature": "SIG" },
                    { "functionCall": { "id": "own", "name": "now" } },
                ] }, "finishReason": "STOP" },
            ],
            "usageMetadata": { "promptTokenCount": 10, "candidatesTokenCount": 4, "thoughtsTokenCount": 6,
                "cachedContentTokenCount": 3, "totalTokenCount": 20 },
            "modelVersion": "gemini-x", "responseId": "r1",
        }),
    );
    assert_eq!(usage, Some(Usage { input_tokens: 10, output_tokens: 10, cached_input_tokens: 3, reasoning_tokens: 6 }));
    assert_eq!((&body["id"], &body["model"], &body["created"]), (&json!("r1"), &json!("gemini-x"), &json!(CREATED)));
    assert_eq!(body["usage"]["completion_tokens_details"], json!({ "reasoning_tokens": 6 }));
    assert_eq!(
        body["choices"],
        json!([
            { "index": 0, "logprobs": null, "finish_reason": "tool_calls", "message": {
                "role": "assistant", "content": null, "refusal": null, "tool_calls": [
                    { "id": "call_chatcmpl-7_0_0", "type": "function", "function": { "name": "look", "arguments": "{\"at\":\"b\"}" },
                        "extra_content": { "google": { "thought_signature": "SIG" } } },
                    { "id": "own", "type": "function", "function": { "name": "now", "arguments": "{}" } },
                ] } },
            { "index": 1, "logprobs": null, "finish_reason": "length",
                "message": { "role": "assistant", "content": "Hello", "refusal": null } },
        ])
    );
}

#[test]
fn a_blocked_prompt_and_reasons_to_stop() {
    let (body, _) = answered(Provider::Google, &json!({ "promptFeedback": { "blockReason": "SAFETY" } }));
    assert_eq!(body["choices"][0]["finish_reason"], "content_filter");
    for (theirs, ours) in
        [("STOP", "stop"), ("MAX_TOKENS", "length"), ("RECITATION", "content_filter"), ("NEW", "stop")]
    {
        let said = json!({ "parts": [{ "text": "a" }] });
        let (body, usage) =
            answered(Provider::Google, &json!({ "candidates": [{ "finishReason": theirs, "content": said }] }));
        assert_eq!((&body["choices"][0]["finish_reason"], usage), (&json!(ours), None));
    }
    let none = exchange(Provider::Google, false, false).whole(200, "{}".into(), CREATED, ID);
    assert_eq!(none.unwrap_err().code, "upstream_invalid_answer");
}

#[test]
fn a_model_that_failed_has_given_no_answer() {
    for (reason, said) in [
        ("MALFORMED_FUNCTION_CALL", ""),
        ("MALFORMED_FUNCTION_CALL", "half"),
        ("UNEXPECTED_TOOL_CALL", ""),
        ("TOO_MANY_TOOL_CALLS", ""),
        ("OTHER", ""),
        ("NEW", ""),
    ] {
        let parts = if said.is_empty() { json!([]) } else { json!([{ "text": said }]) };
        let answer = json!({ "candidates": [{ "content": { "parts": parts }, "finishReason": reason }],
            "usageMetadata": { "promptTokenCount": 10, "candidatesTokenCount": 2 } });
        let error =
            exchange(Provider::Google, false, false).whole(200, answer.to_string().into(), CREATED, ID).unwrap_err();
        assert_eq!((error.status, error.code.as_str(), error.hopeless), (502, "upstream_model_failed", true));
        assert!(error.message.contains(reason), "{}", error.message);
        assert_eq!(error.usage.map(|usage| usage.input_tokens), Some(10), "its tokens are spent");
        let stream = exchange(Provider::Google, true, false).stream(CREATED, ID);
        let (text, outcome, usage) = streamed(stream, &[unnamed(&[answer]).as_bytes()], true);
        let last = data(&text).pop().unwrap();
        assert_eq!(last["error"]["code"], "upstream_model_failed");
        assert!(matches!(outcome, StreamState::Failed(_)) && !text.contains("\"stop\"") && !text.contains("[DONE]"));
        assert_eq!(usage.map(|usage| usage.input_tokens), Some(10));
    }
}

pub(super) fn events() -> Vec<Value> {
    vec![
        json!({ "candidates": [{ "content": { "parts": [{ "text": "hm", "thought": true }], "role": "model" }, "index": 0 }],
            "usageMetadata": { "promptTokenCount": 10 }, "modelVersion": "gemini-x", "responseId": "r1" }),
        json!({ "candidates": [{ "content": { "parts": [{ "text": "Grüß " }] } }], "responseId": "r1" }),
        json!({ "candidates": [{ "content": { "parts": [{ "text": "dich\n" }] } }] }),
        json!({ "candidates": [{ "content": { "parts": [
            { "functionCall": { "name": "look", "args": { "at": "b" } }, "thoughtSignature": "SIG" },
            { "functionCall": { "name": "now", "args": {} } },
        ] } }] }),
        json!({ "candidates": [{ "content": { "parts": [{ "text": "" }] }, "finishReason": "STOP" }],
            "usageMetadata": { "promptTokenCount": 10, "candidatesTokenCount": 5, "thoughtsTokenCount": 2 } }),
    ]
}

#[test]
fn a_stream() {
    for include_usage in [false, true] {
        let stream = exchange(Provider::Google, true, include_usage).stream(CREATED, ID);
        let (text, outcome, usage) = streamed(stream, &[unnamed(&events()).as_bytes()], true);
        let chunks = data(&text);
        assert_eq!(outcome, StreamState::Complete);
        assert_eq!(
            usage,
            Some(Usage { input_tokens: 10, output_tokens: 7, cached_input_tokens: 0, reasoning_tokens: 2 })
        );
        assert_eq!(
            assembled(&chunks, 0),
            json!({ "content": "Grüß dich\n", "finish": "tool_calls", "calls": [
                { "index": 0, "id": "call_chatcmpl-7_0_0", "type": "function",
                    "function": { "name": "look", "arguments": "{\"at\":\"b\"}" },
                    "extra_content": { "google": { "thought_signature": "SIG" } } },
                { "index": 1, "id": "call_chatcmpl-7_0_1", "type": "function", "function": { "name": "now", "arguments": "{}" } },
            ] })
        );
        assert_eq!(chunks[0]["id"], "r1");
        assert_eq!(chunks.last().unwrap(), "[DONE]");
        let before = &chunks[chunks.len() - 2];
        assert_eq!(before["choices"].as_array().unwrap().is_empty(), include_usage);
        if include_usage {
            assert_eq!(before["usage"]["completion_tokens_details"], json!({ "reasoning_tokens": 2 }));
        }
    }
}

#[test]
fn two_candidates_a_blocked_prompt_errors_and_breaks() {
    let ours = || exchange(Provider::Google, true, false).stream(CREATED, ID);
    let two = unnamed(&[json!({ "candidates": [
            { "index": 0, "content": { "parts": [{ "text": "a" }] }, "finishReason": "STOP" },
            { "index": 1, "content": { "parts": [{ "text": "b" }] }, "finishReason": "SAFETY" },
        ] })]);
    let (text, outcome, _) = streamed(ours(), &[two.as_bytes()], true);
    assert_eq!(outcome, StreamState::Complete);
    let chunks = data(&text);
    assert_eq!(assembled(&chunks, 0), json!({ "content": "a", "calls": [], "finish": "stop" }));
    assert_eq!(assembled(&chunks, 1), json!({ "content": "b", "calls": [], "finish": "content_filter" }));

    let blocked = unnamed(&[json!({ "promptFeedback": { "blockReason": "SAFETY" } })]);
    let (text, outcome, _) = streamed(ours(), &[blocked.as_bytes()], true);
    assert_eq!((&assembled(&data(&text), 0)["finish"], outcome), (&json!("content_filter"), StreamState::Complete));

    // The last blank line may be missing.
    let whole = unnamed(&events());
    let (text, outcome, _) = streamed(ours(), &[whole.trim_end().as_bytes()], true);
    assert_eq!((data(&text).last().unwrap(), outcome), (&json!("[DONE]"), StreamState::Complete));

    let cut = unnamed(&events()[..3]);
    for (text, clean) in [(&cut, true), (&cut, false), (&whole, false), (&String::new(), true)] {
        let (text, outcome, _) = streamed(ours(), &[text.as_bytes()], clean);
        assert_eq!(data(&text).last().unwrap()["error"]["code"], "upstream_stream_broken");
        assert!(matches!(outcome, StreamState::Failed(_)));
    }
    let error = unnamed(&[json!({ "error": { "code": 503, "message": "busy", "status": "UNAVAILABLE" } })]);
    let (text, _, _) = streamed(ours(), &[error.as_bytes()], true);
    assert_eq!(data(&text)[0]["error"]["message"], "busy");
}
