//! Properties of every stream and answer: how the bytes are cut changes nothing, and nothing that comes panics.

use proptest::prelude::*;

use super::{super::testing, *};

const OPENAI: &str = concat!(
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Grüß\"},\"finish_reason\":null}],\"usage\":null}\n\n",
    ": comment\r\n\r\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\ndata: [DONE]\n\n",
);
/// The event in it that a caller who did not ask for usage does not see.
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":1}}\n\n";

fn cases() -> Vec<(Provider, String)> {
    vec![
        (Provider::OpenAi, OPENAI.to_owned()),
        (Provider::Anthropic, named(&anthropic::events())),
        (Provider::Google, unnamed(&google::events())),
    ]
}

fn check_outcome(text: &str, outcome: &StreamState) {
    match outcome {
        StreamState::Running => panic!("a finished stream still runs"),
        StreamState::Complete => {}
        StreamState::Failed(error) => assert!(text.contains(&error.code) || text.contains("\"error\"")),
    }
}

#[test]
fn an_event_that_is_too_large_passes_and_is_not_translated() {
    let line = vec![b'x'; sse::MAX_FRAME + 1];
    for asked in [true, false] {
        let stream = exchange(Provider::OpenAi, true, asked).stream(CREATED, ID);
        let (text, outcome, usage) = streamed(stream, &[&line, b"\n\n", OPENAI.as_bytes()], true);
        // With the second half of the line break before it.
        let hidden = if asked { 0 } else { USAGE.len() + 1 };
        assert_eq!((text.len(), outcome), (line.len() + 2 + OPENAI.len() - hidden, StreamState::Complete));
        assert_eq!(usage.map(|usage| usage.input_tokens), Some(3), "the events behind it are read");
    }
    // Nobody can tell what was in it.
    let stream = exchange(Provider::OpenAi, true, true).stream(CREATED, ID);
    assert_eq!(streamed(stream, &[&line], true).1, StreamState::Complete);
    let stream = exchange(Provider::Google, true, true).stream(CREATED, ID);
    let (text, outcome, _) = streamed(stream, &[&line, OPENAI.as_bytes()], true);
    assert_eq!(data(&text)[0]["error"]["code"], "upstream_invalid_answer");
    assert!(matches!(outcome, StreamState::Failed(_)));
}

#[test]
fn an_event_of_many_small_parts_is_not_blown_up() {
    let parts = |one: &str, count: usize| {
        format!(
            "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{}{one}]}}}}]}}\n\n",
            format!("{one},").repeat(count)
        )
    };
    let texts = parts(r#"{"text":"a"}"#, 4_000);
    let (text, ..) = streamed(exchange(Provider::Google, true, false).stream(CREATED, ID), &[texts.as_bytes()], false);
    assert!(text.len() < 6_000, "{}", text.len());
    let calls = parts(r#"{"functionCall":{"name":"f"}}"#, 4_000);
    let (text, ..) = streamed(exchange(Provider::Google, true, false).stream(CREATED, ID), &[calls.as_bytes()], false);
    assert_eq!(data(&text)[0]["error"]["code"], "upstream_invalid_answer");
}

#[test]
fn what_comes_after_the_end_is_passed_over() {
    let mut late = named(&anthropic::events()).into_bytes();
    late.extend(named(&anthropic::events()).into_bytes());
    let stream = || exchange(Provider::Anthropic, true, false).stream(CREATED, ID);
    let once = streamed(stream(), &[named(&anthropic::events()).as_bytes()], true);
    assert_eq!(streamed(stream(), &[&late, b"data: {"], false), once);
}

proptest! {
    #[test]
    fn how_the_bytes_are_cut_changes_nothing(cuts in proptest::collection::vec(0usize..4000, 0..20), usage: bool, clean: bool) {
        for (provider, text) in cases() {
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            let stream = || exchange(provider, true, usage).stream(CREATED, ID);
            prop_assert_eq!(streamed(stream(), &pieces, clean), streamed(stream(), &[bytes], clean));
        }
    }

    #[test]
    fn a_stream_cut_off_anywhere_is_whole_or_says_that_it_is_not(at in 0usize..4000, clean: bool) {
        for (provider, text) in cases() {
            let bytes = &text.as_bytes()[..at % (text.len() + 1)];
            let (text, outcome, _) = streamed(exchange(provider, true, false).stream(CREATED, ID), &[bytes], clean);
            check_outcome(&text, &outcome);
        }
    }

    #[test]
    fn arbitrary_events_never_panic(events in proptest::collection::vec(testing::near_answer(), 0..6), clean: bool) {
        let text = unnamed(&events);
        for provider in [Provider::OpenAi, Provider::Anthropic, Provider::Google] {
            let (text, outcome, _) = streamed(exchange(provider, true, true).stream(CREATED, ID), &[text.as_bytes()], clean);
            check_outcome(&text, &outcome);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for provider in [Provider::OpenAi, Provider::Anthropic, Provider::Google] {
            let exchange = exchange(provider, true, false);
            let (text, outcome, _) = streamed(exchange.stream(CREATED, ID), &[b"data: {", &bytes, b"}\n\n"], true);
            check_outcome(&text, &outcome);
            let answer = exchange.whole(200, bytes.clone().into(), CREATED, ID);
            prop_assert!(answer.is_err() || serde_json::from_slice::<Value>(&answer.unwrap().body).unwrap().is_object());
        }
    }

    #[test]
    fn arbitrary_answers_give_an_object(answer in testing::near_answer(), status in prop_oneof![Just(200u16), 300u16..600]) {
        for provider in [Provider::OpenAi, Provider::Anthropic, Provider::Google] {
            let answer = exchange(provider, false, false).whole(status, answer.to_string().into(), CREATED, ID);
            match answer {
                Ok(answer) => prop_assert!(serde_json::from_slice::<Value>(&answer.body).unwrap().is_object()),
                Err(error) => prop_assert!(!matches!(error.status, 200 | 401 | 403)),
            }
        }
    }

    #[test]
    fn arbitrary_requests_are_translated_or_refused(body in testing::near_chat_request(), stream: bool) {
        let mut body = body;
        if let Some(fields) = body.as_object_mut() {
            fields.insert("model".into(), "m".into());
            fields.insert("stream".into(), stream.into());
            for provider in [Provider::Anthropic, Provider::Google, Provider::OpenAi, Provider::AzureOpenAi] {
                match built(provider, "m", &body) {
                    Ok((request, _)) => prop_assert!(serde_json::from_slice::<Value>(&request.body).unwrap().is_object()),
                    Err(error) => prop_assert!(error.status == 400 && error.param.is_some()),
                }
            }
        }
    }
}
