//! What providers refuse of a request, and what they are sent instead.

use super::*;

fn user(text: &str) -> Value {
    json!({ "role": "user", "content": text })
}

fn asked(more: Value) -> Value {
    let mut body = json!({ "model": "claude-sonnet-4-5", "messages": [user("hi")] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn refused(provider: Provider, body: &Value) -> (String, Option<String>) {
    let error = built(provider, "m", body).unwrap_err();
    assert_eq!(error.status, 400);
    (error.code, error.param)
}

fn unsupported(name: &str) -> (String, Option<String>) {
    ("unsupported_parameter".into(), Some(name.into()))
}

mod anthropic {
    use super::*;

    fn sent(more: Value) -> Value {
        super::sent(Provider::Anthropic, &asked(more))
    }

    #[test]
    fn every_schema_is_of_an_object() {
        for (given, want) in [
            (json!({}), json!({ "type": "object", "properties": {} })),
            (Value::Null, json!({ "type": "object", "properties": {} })),
            (json!({ "type": null }), json!({ "type": "object", "properties": {} })),
            (
                json!({ "properties": { "a": { "type": "string" } }, "required": ["a"] }),
                json!({ "type": "object", "properties": { "a": { "type": "string" } }, "required": ["a"] }),
            ),
            (json!({ "\"$ref\"": "#/x" }), json!({ "type": "object", "properties": {}, "\"$ref\"": "#/x" })),
            (json!({ "type": "object" }), json!({ "type": "object" })),
            (
                json!({ "type": "object", "additionalProperties": false, "properties": { "type": {} } }),
                json!({ "type": "object", "additionalProperties": false, "properties": { "type": {} } }),
            ),
        ] {
            let tools = json!([{ "type": "function", "function": { "name": "f", "parameters": given } }]);
            assert_eq!(sent(json!({ "tools": tools }))["tools"][0]["input_schema"], want);
        }
    }

    #[test]
    fn ids_of_calls_are_spelt_as_the_server_wants_them_and_stay_apart() {
        let call = |id: &str| json!({ "id": id, "type": "function", "function": { "name": "f", "arguments": "{}" } });
        let result = |id: &str| json!({ "role": "tool", "tool_call_id": id, "content": "x" });
        let ids = ["call:1", "call.1", "call_1", "toolu-Ab_9", "ü", "functions.get:0"];
        let mut messages = vec![user("hi")];
        messages.push(json!({ "role": "assistant", "tool_calls": ids.map(call) }));
        messages.extend(ids.map(result));
        let body = sent(json!({ "messages": messages }));
        let told = |at: usize, name: &str| -> Vec<String> {
            let blocks = body["messages"][at]["content"].as_array().unwrap();
            blocks.iter().map(|block| block[name].as_str().unwrap().to_owned()).collect()
        };
        let (called, answered) = (told(1, "id"), told(2, "tool_use_id"));
        assert_eq!(called, answered);
        assert_eq!((&*called[2], &*called[3], &*called[4]), ("call_1", "toolu-Ab_9", "_"));
        let plain = |id: &String| id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        assert!(called.iter().all(plain), "{called:?}");
        assert_eq!(called.iter().collect::<std::collections::HashSet<_>>().len(), ids.len());
        assert_eq!(
            called,
            sent(json!({ "messages": messages }))["messages"][1]["content"]
                .as_array()
                .unwrap()
                .iter()
                .map(|block| block["id"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>(),
            "always the same"
        );
    }

    #[test]
    fn of_temperature_and_top_p_one_is_sent() {
        for (temperature, top_p, want) in [
            (json!(0.3), json!(1), [json!(0.3), Value::Null]),
            (json!(0), json!(1.0), [json!(0), Value::Null]),
            (json!(1), json!(0.9), [Value::Null, json!(0.9)]),
            (json!(0.3), json!(0.9), [json!(0.3), Value::Null]),
            (json!(1), json!(1), [json!(1), Value::Null]),
            (Value::Null, json!(1), [Value::Null, Value::Null]),
            (Value::Null, json!(0.9), [Value::Null, json!(0.9)]),
        ] {
            let body = sent(json!({ "temperature": temperature, "top_p": top_p }));
            assert_eq!([body["temperature"].clone(), body["top_p"].clone()], want, "{temperature} {top_p}");
        }
    }

    #[test]
    fn nothing_that_names_a_person_leaves() {
        for user in [
            "ada@example.org",
            "Ada <ada@example.org>",
            "+49 (30) 123456-78",
            "tel:+4930123456",
            "004930123456",
            &"x".repeat(257),
            "",
            "  ",
        ] {
            assert_eq!(sent(json!({ "user": user })).get("metadata"), None, "{user}");
        }
        for user in ["u1", "42", "5f0c7a52-93f5-4f3e-9a1e-1f6f0d9d4c11", &"ü".repeat(256)] {
            assert_eq!(sent(json!({ "user": user }))["metadata"]["user_id"], user);
        }
    }

    #[test]
    fn blank_texts_say_nothing() {
        let body = sent(json!({ "stop": [" ", "\n", "END", ""], "messages": [
            { "role": "system", "content": " \n" },
            user("one"),
            { "role": "assistant", "content": " \n\t" },
            { "role": "user", "content": [{ "type": "text", "text": "\u{a0}" }, { "type": "text", "text": "two" }] },
            { "role": "assistant", "content": "So:  \n" },
            user("  "),
        ] }));
        assert_eq!(body.get("system"), None);
        assert_eq!(body["stop_sequences"], json!(["END"]));
        assert_eq!(
            body["messages"],
            json!([
                { "role": "user", "content": [{ "type": "text", "text": "one" }, { "type": "text", "text": "two" }] },
                { "role": "assistant", "content": [{ "type": "text", "text": "So:" }] },
            ])
        );
        assert_eq!(sent(json!({ "stop": " \n" })).get("stop_sequences"), None);
        let blank = asked(json!({ "messages": [user("\n")] }));
        assert_eq!(refused(Provider::Anthropic, &blank), ("invalid_parameter".into(), Some("messages".into())));
        // Only what the answer goes on from is trimmed.
        let body = sent(json!({ "messages": [user("a"), { "role": "assistant", "content": "b " }, user("c ")] }));
        assert_eq!(
            (&body["messages"][1]["content"][0]["text"], &body["messages"][2]["content"][0]["text"]),
            (&json!("b "), &json!("c "))
        );
    }

    #[test]
    fn marks_for_the_cache_stand_where_the_server_looks_for_them() {
        let mark = json!({ "type": "ephemeral" });
        let call = json!({ "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{}" } });
        let body = sent(json!({ "messages": [
            { "role": "system", "content": "s", "cache_control": mark },
            { "role": "user", "content": "u", "cache_control": mark },
            { "role": "assistant", "content": "a", "tool_calls": [call], "cache_control": mark },
            { "role": "tool", "tool_call_id": "c1", "content": [
                { "type": "text", "text": "t1", "cache_control": { "type": "ephemeral", "ttl": "1h" } },
                { "type": "text", "text": "t2" },
            ] },
            { "role": "user", "content": [{ "type": "file", "cache_control": mark,
                "file": { "filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB" } }] },
        ], "tools": [{ "type": "function", "function": { "name": "f", "cache_control": mark } }] }));
        assert_eq!(body["system"][0]["cache_control"], mark);
        assert_eq!(body["messages"][0]["content"][0]["cache_control"], mark);
        assert_eq!(body["messages"][1]["content"][0].get("cache_control"), None);
        assert_eq!(body["messages"][1]["content"][1]["cache_control"], mark);
        let results = &body["messages"][2]["content"];
        assert_eq!(
            results[0],
            json!({ "type": "tool_result", "tool_use_id": "c1",
            "content": [{ "type": "text", "text": "t1" }, { "type": "text", "text": "t2" }],
            "cache_control": { "type": "ephemeral", "ttl": "1h" } })
        );
        assert_eq!(results[1]["cache_control"], mark);
        assert_eq!(body["tools"][0]["cache_control"], mark);
        for (messages, param) in [
            (json!([{ "role": "user", "content": "u", "cache_control": true }]), "messages[0].cache_control"),
            (
                json!([{ "role": "user", "content": [{ "type": "text", "text": "u", "cache_control": "on" }] }]),
                "messages[0].content[0].cache_control",
            ),
        ] {
            let body = asked(json!({ "messages": messages }));
            assert_eq!(refused(Provider::Anthropic, &body), ("invalid_parameter".into(), Some(param.into())));
        }
    }

    #[test]
    fn effort_is_translated_for_older_models_and_newer_ones() {
        let thinking = |more: Value| {
            let body = sent(more);
            (body["thinking"].clone(), body["max_tokens"].clone(), body["output_config"]["effort"].clone())
        };
        let budget = |tokens: u64| json!({ "type": "enabled", "budget_tokens": tokens });
        for idle in [json!("none"), json!(null), json!(""), json!("default")] {
            assert_eq!(
                thinking(json!({ "reasoning_effort": idle })),
                (Value::Null, json!(4096), Value::Null),
                "{idle}"
            );
        }
        for (effort, tokens, most) in
            [("minimal", 1024, 5120), ("low", 1024, 5120), ("medium", 2560, 6656), ("high", 4096, 8192)]
        {
            assert_eq!(thinking(json!({ "reasoning_effort": effort })), (budget(tokens), json!(most), Value::Null));
        }
        let bounded = |most: u64| thinking(json!({ "reasoning_effort": "high", "max_completion_tokens": most })).0;
        assert_eq!((bounded(10_000), bounded(1_200), bounded(1_024)), (budget(8_000), budget(1_024), Value::Null));
        for model in ["claude-opus-4-7", "claude-sonnet-5", "claude-x"] {
            let body = sent(json!({ "model": model, "reasoning_effort": "medium", "max_tokens": 50 }));
            assert_eq!(
                (&body["thinking"], &body["output_config"]),
                (&json!({ "type": "adaptive" }), &json!({ "effort": "medium" }))
            );
        }
        let word = asked(json!({ "reasoning_effort": "hard" }));
        assert_eq!(refused(Provider::Anthropic, &word), ("invalid_parameter".into(), Some("reasoning_effort".into())));
    }

    #[test]
    fn thinking_has_no_place_beside_some_wishes_and_in_the_middle_of_calls() {
        let tool = json!([{ "type": "function", "function": { "name": "f" } }]);
        for (more, name) in [
            (json!({ "temperature": 0.2 }), "temperature"),
            (json!({ "top_p": 0.5 }), "top_p"),
            (json!({ "top_k": 5 }), "top_k"),
            (json!({ "tools": tool, "tool_choice": "required" }), "reasoning_effort"),
        ] {
            let mut body = asked(more);
            body["reasoning_effort"] = "low".into();
            assert_eq!(refused(Provider::Anthropic, &body), unsupported(name));
        }
        let body = sent(json!({ "reasoning_effort": "low", "temperature": 1, "top_p": 1, "top_k": 0 }));
        assert!(body["thinking"].is_object() && body.get("temperature").is_none() && body.get("top_p").is_none());
        let call = json!({ "id": "c1", "type": "function", "function": { "name": "f", "arguments": "{}" } });
        let rounds = json!([user("u"), { "role": "assistant", "tool_calls": [call] },
            { "role": "tool", "tool_call_id": "c1", "content": "t" }]);
        let body = |model: &str| sent(json!({ "model": model, "reasoning_effort": "low", "messages": rounds }));
        assert_eq!(body("claude-sonnet-4-5").get("thinking"), None);
        assert!(body("claude-sonnet-5")["thinking"].is_object());
    }
}

mod google {
    use super::*;

    fn sent(more: Value) -> Value {
        super::sent(Provider::Google, &asked(more))
    }

    #[test]
    fn images_of_a_tool_stand_beside_its_response() {
        let call = |id: &str| json!({ "id": id, "type": "function", "function": { "name": "f", "arguments": "{}" } });
        let body =
            sent(json!({ "messages": [user("u"), { "role": "assistant", "tool_calls": [call("c1"), call("c2")] },
            { "role": "tool", "tool_call_id": "c1", "content": [
                { "type": "text", "text": "seen" },
                { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } },
            ] },
            { "role": "tool", "tool_call_id": "c2", "content": "t" },
        ] }));
        assert_eq!(
            body["contents"][2]["parts"],
            json!([
                { "functionResponse": { "id": "c1", "name": "f", "response": { "result": "seen" } } },
                { "inlineData": { "mimeType": "image/png", "data": "AAAA" } },
                { "functionResponse": { "id": "c2", "name": "f", "response": { "result": "t" } } },
            ])
        );
        // Whatever the model is called.
        let signed = |at: usize| body["contents"][1]["parts"][at].get("thoughtSignature").cloned();
        assert_eq!((signed(0), signed(1)), (Some("skip_thought_signature_validator".into()), None));
    }

    #[test]
    fn idle_wishes_are_none() {
        let plain = sent(json!({}));
        for idle in [
            json!({ "top_k": 0 }),
            json!({ "verbosity": "medium" }),
            json!({ "parallel_tool_calls": false }),
            json!({ "reasoning_effort": null }),
        ] {
            assert_eq!(sent(idle.clone()), plain, "{idle}");
        }
    }

    #[test]
    fn one_call_at_a_time_is_kept_to_in_the_answer() {
        let tools = json!([{ "type": "function", "function": { "name": "f" } }]);
        let answer = json!({ "candidates": [{ "content": { "parts": [
            { "functionCall": { "name": "f", "args": { "n": 1 } } }, { "functionCall": { "name": "f", "args": { "n": 2 } } },
        ] }, "finishReason": "STOP" }] });
        for (parallel, calls) in [(json!(false), 1), (json!(true), 2), (Value::Null, 2)] {
            let body = asked(json!({ "tools": tools, "parallel_tool_calls": parallel }));
            let (_, exchange) = built(Provider::Google, "g", &body).unwrap();
            let whole = exchange.whole(200, answer.to_string().into(), CREATED, ID).unwrap();
            let whole: Value = serde_json::from_slice(&whole.body).unwrap();
            assert_eq!(whole["choices"][0]["message"]["tool_calls"].as_array().unwrap().len(), calls);
            let (text, ..) =
                streamed(exchange.stream(CREATED, ID), &[unnamed(std::slice::from_ref(&answer)).as_bytes()], true);
            assert_eq!(assembled(&data(&text), 0)["calls"].as_array().unwrap().len(), calls);
        }
    }

    #[test]
    fn effort_is_a_number_of_tokens() {
        for (effort, tokens) in [("none", 0), ("minimal", 1024), ("low", 1024), ("medium", 8192), ("high", 24576)] {
            let body = sent(json!({ "reasoning_effort": effort }));
            assert_eq!(body["generationConfig"]["thinkingConfig"], json!({ "thinkingBudget": tokens }));
        }
    }
}

mod strict_servers {
    use super::*;

    #[test]
    fn mistral_gets_its_own_names_and_nothing_that_it_refuses() {
        let body = json!({
            "model": "mistral-large-latest", "max_tokens": 5, "max_completion_tokens": 7, "seed": 3, "user": "u", "store": false,
            "metadata": { "a": "b" }, "stream": true, "stream_options": { "include_usage": true }, "logprobs": false,
            "logit_bias": {}, "temperature": 0.50, "safe_prompt": true,
            "messages": [
                { "role": "developer", "content": "Be brief." },
                { "role": "user", "name": "ada", "content": [{ "type": "text", "text": "\"developer\"" }] },
                { "role": "assistant", "content": null, "refusal": null, "annotations": [], "tool_calls": [
                    { "id": "call_abc", "type": "function", "function": { "name": "f", "arguments": "{}" } },
                    { "id": "D681PevKs", "type": "function", "function": { "name": "f", "arguments": "{}" } },
                ] },
                { "role": "tool", "tool_call_id": "call_abc", "name": "f", "content": "x" },
                { "role": "tool", "tool_call_id": "D681PevKs", "content": "y" },
            ],
        });
        let told = sent(Provider::Mistral, &body);
        let id = told["messages"][2]["tool_calls"][0]["id"].as_str().unwrap().to_owned();
        assert!(id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        assert_eq!(
            told,
            json!({
                "model": "mistral-large-latest", "max_tokens": 7, "random_seed": 3, "stream": true, "temperature": 0.5,
                "safe_prompt": true,
                "messages": [
                    { "role": "system", "content": "Be brief." },
                    { "role": "user", "content": [{ "type": "text", "text": "\"developer\"" }] },
                    { "role": "assistant", "content": null, "tool_calls": [
                        { "id": id, "type": "function", "function": { "name": "f", "arguments": "{}" } },
                        { "id": "D681PevKs", "type": "function", "function": { "name": "f", "arguments": "{}" } },
                    ] },
                    { "role": "tool", "tool_call_id": id, "name": "f", "content": "x" },
                    { "role": "tool", "tool_call_id": "D681PevKs", "content": "y" },
                ],
            })
        );
    }

    #[test]
    fn a_field_with_a_meaning_goes_on_for_its_server_to_judge() {
        let body = asked(json!({ "logprobs": true, "logit_bias": { "5": 1 }, "seed": null, "user": "u" }));
        let told = sent(Provider::Mistral, &body);
        assert_eq!((&told["logprobs"], &told["logit_bias"]), (&json!(true), &json!({ "5": 1 })));
        assert_eq!((told.get("random_seed"), told.get("user")), (None, None));
    }

    #[test]
    fn each_server_gets_what_it_knows() {
        let body = asked(json!({ "max_completion_tokens": 7, "seed": 3, "user": "u", "store": true, "stream": true,
            "messages": [{ "role": "developer", "content": "d" }, user("hi")] }));
        for (provider, bound, role, store, usage) in [
            (Provider::OpenAi, "max_completion_tokens", "developer", true, true),
            (Provider::AzureOpenAi, "max_completion_tokens", "developer", true, true),
            (Provider::OpenRouter, "max_completion_tokens", "developer", true, true),
            (Provider::Groq, "max_completion_tokens", "system", false, true),
            (Provider::Ollama, "max_tokens", "system", true, true),
            (Provider::OpenAiCompatible, "max_tokens", "system", true, true),
            (Provider::Mistral, "max_tokens", "system", false, false),
        ] {
            let told = sent(provider, &body);
            assert_eq!((&told[bound], &told["messages"][0]["role"]), (&json!(7), &json!(role)), "{provider}");
            assert_eq!(told.get("store").is_some(), store, "{provider}");
            assert_eq!(told.pointer("/stream_options/include_usage").is_some(), usage, "{provider}");
        }
    }

    #[test]
    fn what_needs_no_change_is_not_copied() {
        let body = Bytes::from_static(b"{\"model\":\"m\",\"max_tokens\":5,\"messages\":[]}");
        for provider in [Provider::Mistral, Provider::Groq, Provider::Ollama, Provider::OpenAiCompatible] {
            let (request, _) = chat(&target(provider, "m"), &body, &Head::read(&body).unwrap()).unwrap();
            assert_eq!(request.body.as_ptr(), body.as_ptr(), "{provider}");
        }
    }
}
