use super::*;

const STREAM: &str = concat!(
    ": keep-alive\n\n",
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"hi\"},\"finish_reason\":null}],\"usage\":null}\n\n",
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n",
);
const USAGE: &str = "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

#[test]
fn only_the_models_name_changes_on_the_way_out() {
    let body = Bytes::from_static(b"{ \"model\":\"@up/gpt-4o\", \"temperature\":1.0, \"unheard_of\":[1] }");
    let head = Head::read(&body).unwrap();
    let (request, exchange) = chat(&target(Provider::OpenAi, "gpt-4o"), &body, &head).unwrap();
    assert_eq!(request.body.as_ref(), b"{ \"model\":\"gpt-4o\", \"temperature\":1.0, \"unheard_of\":[1] }");
    assert_eq!((request.path.as_ref(), exchange.streamed), ("/chat/completions", false));
    assert_eq!(request.method, Method::POST);
    let body = Bytes::from_static(b"{\"model\":\"gpt-4o\"}");
    let (request, _) = chat(&target(Provider::OpenAi, "gpt-4o"), &body, &Head::read(&body).unwrap()).unwrap();
    assert_eq!(request.body.as_ptr(), body.as_ptr(), "no copy");
}

#[test]
fn usage_is_asked_for_where_the_provider_wants_to_be_asked() {
    let body = json!({ "model": "m", "stream": true, "messages": [] });
    for (provider, asked) in [(Provider::OpenAi, true), (Provider::AzureOpenAi, true), (Provider::Mistral, false)] {
        assert_eq!(sent(provider, &body).pointer("/stream_options/include_usage").is_some(), asked, "{provider}");
    }
}

#[test]
fn azure_is_asked_for_usage_only_by_versions_that_know_the_question() {
    let body = Bytes::from_static(b"{\"model\":\"m\",\"stream\":true,\"messages\":[]}");
    let head = Head::read(&body).unwrap();
    for (api_version, asked) in [
        (None, true),
        (Some(""), true),
        (Some("2024-10-21"), true),
        (Some("2024-09-01-preview"), true),
        (Some("preview"), true),
        (Some("2024-08-01-preview"), false),
        (Some("2024-06-01"), false),
    ] {
        let target = ModelTarget { api_version, ..target(Provider::AzureOpenAi, "m") };
        let (request, exchange) = chat(&target, &body, &head).unwrap();
        assert_eq!(request.body != body, asked, "{api_version:?}");
        let (text, ..) = streamed(exchange.stream(0, ""), &[[STREAM, USAGE, DONE].concat().as_bytes()], true);
        assert_eq!(!text.contains(USAGE), asked, "{api_version:?}");
    }
}

#[test]
fn a_caller_who_did_not_ask_for_usage_does_not_see_the_extra_chunk() {
    let upstream = [STREAM, USAGE, DONE].concat();
    let (text, outcome, usage) =
        streamed(exchange(Provider::OpenAi, true, false).stream(0, ""), &[upstream.as_bytes()], true);
    assert_eq!((text, outcome), ([STREAM, DONE].concat(), StreamState::Complete));
    assert_eq!(usage, Some(Usage { input_tokens: 3, output_tokens: 1, cached_input_tokens: 0, reasoning_tokens: 0 }));
    let (text, outcome, usage) =
        streamed(exchange(Provider::OpenAi, true, true).stream(0, ""), &[upstream.as_bytes()], true);
    assert_eq!((text, outcome), (upstream, StreamState::Complete));
    assert!(usage.is_some());
}

#[test]
fn a_stream_that_breaks_ends_with_an_error_event() {
    let cut = &STREAM[..STREAM.len() - 90];
    for (include_usage, clean) in [(false, false), (true, false), (false, true), (true, true)] {
        let stream = exchange(Provider::OpenAi, true, include_usage).stream(0, "");
        let (text, outcome, _) = streamed(stream, &[cut.as_bytes()], clean);
        let end = text.rsplit("data: ").next().unwrap();
        let error: Value = serde_json::from_str(end.trim_end()).unwrap();
        assert_eq!(error["error"]["code"], "upstream_stream_broken");
        assert!(matches!(outcome, StreamState::Failed(_)));
    }
}

#[test]
fn the_providers_own_error_event_is_handed_on_and_told_by_name() {
    let upstream =
        [STREAM.split_at(14).1, "data: {\"error\":{\"message\":\"no\"}}\n\n"].concat().replace("\"stop\"", "null");
    for include_usage in [false, true] {
        let stream = exchange(Provider::OpenAi, true, include_usage).stream(0, "");
        let (text, outcome, _) = streamed(stream, &[upstream.as_bytes()], true);
        let more = text.strip_prefix(&upstream).expect("what came stands first").trim_start();
        assert!(more.starts_with("event: error\ndata: {") && more.matches("data:").count() == 1, "{more}");
        assert!(matches!(outcome, StreamState::Failed(_)));
    }
}

#[test]
fn whole_answers_pass_and_hidden_errors_do_not() {
    let body = Bytes::from_static(
        b"{\"choices\":[{}],\"error\":null,\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}",
    );
    let answer = exchange(Provider::OpenAi, false, false).whole(200, body.clone(), 0, "").unwrap();
    assert_eq!(answer.body.as_ptr(), body.as_ptr());
    assert_eq!(answer.usage.map(|usage| usage.output_tokens), Some(1));
    let hidden = "{\"error\":{\"message\":\"slow down\",\"code\":429}}";
    let error = exchange(Provider::OpenRouter, false, false).whole(200, hidden.into(), 0, "").unwrap_err();
    assert_eq!((error.status, error.message.as_str()), (429, "slow down"));
}

#[test]
fn native_messages_pass_and_fail_in_anthropics_shape() {
    let body = Bytes::from_static(b"{\"model\":\"@a/claude\",\"stream\":true,\"max_tokens\":5,\"messages\":[]}");
    let head = Head::read(&body).unwrap();
    let to = target(Provider::Anthropic, "claude");
    let (request, exchange) = messages(&to, &body, &head, Some("2024-01-01"), Some("a-1,b-2")).unwrap();
    assert_eq!(request.body.as_ref(), b"{\"model\":\"claude\",\"stream\":true,\"max_tokens\":5,\"messages\":[]}");
    let header = |name: &str| {
        let all: Vec<_> = request.headers.iter().filter(|(known, _)| *known == name).collect();
        assert_eq!(all.len(), 1, "{name}");
        all[0].1.to_str().unwrap().to_owned()
    };
    assert_eq!((header("anthropic-version"), header("anthropic-beta")), ("2024-01-01".into(), "a-1,b-2".into()));
    assert_eq!(
        messages(&to, &body, &head, None, Some("a\u{e4}")).unwrap_err().param.as_deref(),
        Some("anthropic-beta")
    );
    let wrong = messages(&target(Provider::OpenAi, "m"), &body, &head, None, None).unwrap_err();
    assert_eq!(wrong.code, "unsupported_provider");

    let body = r#"{"usage":{"input_tokens":3,"cache_creation_input_tokens":10,"cache_read_input_tokens":100,
        "output_tokens":7,"service_tier":"standard"}}"#;
    let answer = exchange.whole(200, body.into()).unwrap();
    assert_eq!(
        answer.usage,
        Some(Usage { input_tokens: 113, output_tokens: 7, cached_input_tokens: 100, reasoning_tokens: 0 })
    );
    assert_eq!(exchange.whole(200, "{}".into()).unwrap().usage, None);
    assert_eq!(exchange.whole(200, "<html>".into()).unwrap_err().code, "upstream_invalid_answer");
    assert_eq!(exchange.whole(403, "{}".into()).unwrap_err().status, 424);

    let events = named(&[
        json!({ "type": "message_start", "message": { "usage": { "input_tokens": 4 } } }),
        json!({ "type": "message_stop" }),
    ]);
    let (text, outcome, usage) = streamed(exchange.stream(), &[events.as_bytes()], true);
    assert_eq!((text.as_str(), outcome), (events.as_str(), StreamState::Complete));
    assert_eq!(usage.map(|usage| usage.input_tokens), Some(4));
    let (text, outcome, _) = streamed(exchange.stream(), &[&events.as_bytes()[..40]], false);
    assert!(text.contains("\n\nevent: error\ndata: {\"error\":{\"code\":\"upstream_stream_broken\""), "{text}");
    assert!(matches!(outcome, StreamState::Failed(_)));
}

#[test]
fn a_model_that_says_that_it_failed_is_logged_as_failed() {
    for (reason, failed) in [
        ("error", true),
        ("MALFORMED_FUNCTION_CALL", true),
        ("unexpected_tool_call", true),
        ("stop", false),
        ("length", false),
    ] {
        let choice =
            json!({ "index": 0, "message": { "content": "a \"finish_reason\": \"error\"" }, "finish_reason": reason });
        let body = json!({ "choices": [choice] }).to_string();
        let answer = exchange(Provider::OpenRouter, false, false).whole(200, body.clone().into(), 0, "").unwrap();
        assert_eq!((answer.failed.is_some(), answer.body.as_ref()), (failed, body.as_bytes()), "{reason}");
        let events = STREAM.replace("\"stop\"", &format!("\"{reason}\""));
        for asked in [true, false] {
            let mut stream = exchange(Provider::OpenRouter, true, asked).stream(0, "");
            let told = stream.push(Bytes::from(events.clone()));
            stream.finish(true);
            assert_eq!(stream.outcome(), &StreamState::Complete);
            assert_eq!((stream.failed().is_some(), told.as_ref()), (failed, events.as_bytes()), "{reason}");
        }
    }
}
