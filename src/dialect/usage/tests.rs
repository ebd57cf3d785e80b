//! Usage in whole answers and in streams, however they are cut.

use super::*;
use crate::dialect::sse::Frame;
use proptest::prelude::*;
use serde::Deserialize;

/// Usage in a whole answer of an OpenAI-like server.
fn of_openai_body(body: &[u8]) -> Option<Usage> {
    #[derive(Deserialize)]
    struct Body {
        usage: Option<OpenAiUsage>,
    }
    serde_json::from_slice::<Body>(body).ok()?.usage.map(Usage::from)
}

fn usage(input_tokens: u64, output_tokens: u64, cached_input_tokens: u64) -> Usage {
    Usage { input_tokens, output_tokens, cached_input_tokens, reasoning_tokens: 0 }
}

#[test]
fn whole_bodies() {
    let openai =
        br#"{"id":"x","choices":[{"message":{"content":"hi"}}],"usage":{"prompt_tokens":20,"completion_tokens":5,
        "total_tokens":25,"prompt_tokens_details":{"cached_tokens":8,"audio_tokens":0}}}"#;
    assert_eq!(of_openai_body(openai), Some(usage(20, 5, 8)));
    let responses = br#"{"usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":50},"output_tokens":1}}"#;
    assert_eq!(of_openai_body(responses), Some(usage(9, 1, 9)));
    let both = br#"{"usage":{"prompt_tokens":9,"input_tokens":9,"completion_tokens":1,"output_tokens":1}}"#;
    assert_eq!(of_openai_body(both), Some(usage(9, 1, 0)));
    assert_eq!(of_openai_body(b"{\"choices\":[]}"), None);
    assert_eq!(of_openai_body(b"{\"usage\":null}"), None);
    assert_eq!(of_openai_body(b"{\"usage\":{\"prompt_tokens\":-1}}"), None);
    assert_eq!(of_openai_body(b"<html>"), None);
    let most = format!("{{\"input_tokens\":{0},\"cache_read_input_tokens\":{0}}}", u64::MAX);
    let most: AnthropicUsage = serde_json::from_str(&most).expect("usage");
    assert_eq!(Usage::from(most), usage(u64::MAX, 0, u64::MAX));
}

const OPENAI: &str = concat!(
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"the \\\"usage\\\" of\"},\"finish_reason\":null}],\"usage\":null}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":2,\"prompt_tokens_details\":{\"cached_tokens\":4}}}\n\n",
    "data: [DONE]\n\n",
);

const ANTHROPIC: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"usage\":{\"input_tokens\":5,\"cache_read_input_tokens\":6,\"output_tokens\":1}}}\n\n",
    "event: ping\ndata: {\"type\": \"ping\"}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":15}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

fn observe(kind: StreamKind, pieces: &[&[u8]]) -> (Option<Usage>, Progress) {
    let mut observer = Observer::new(kind);
    for piece in pieces {
        observer.feed(piece);
    }
    observer.finish();
    (observer.usage(), observer.progress())
}

#[test]
fn absurd_figures_are_bounded() {
    let absurd = r#"{"prompt_tokens":36800000000000000,"completion_tokens":18446744073709551615}"#;
    let wire: OpenAiUsage = serde_json::from_str(absurd).expect("usage");
    assert_eq!(Usage::from(wire).bounded(), usage(MAX_TOKENS, MAX_TOKENS, 0));
    assert_eq!(usage(5, 6, 4).bounded(), usage(5, 6, 4));
}

#[test]
fn streams() {
    let whole = |kind, text: &str| observe(kind, &[text.as_bytes()]);
    assert_eq!(whole(StreamKind::OpenAi, OPENAI), (Some(usage(11, 2, 4)), Progress::Complete));
    assert_eq!(whole(StreamKind::Anthropic, ANTHROPIC), (Some(usage(11, 15, 6)), Progress::Complete));
    let groq = "data: {\"choices\":[{\"finish_reason\":\"stop\"}],\"x_groq\":{\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}}\n\n";
    assert_eq!(whole(StreamKind::OpenAi, groq), (Some(usage(1, 2, 0)), Progress::Complete));
    let error = "data: {\"error\":{\"message\":\"no\"}}\n\n";
    assert_eq!(whole(StreamKind::OpenAi, error), (None, Progress::Failed));
    let cut = &ANTHROPIC[..ANTHROPIC.len() - 80];
    assert_eq!(whole(StreamKind::Anthropic, cut).1, Progress::Running);
    let azure = "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n";
    assert_eq!(Reading::new(StreamKind::OpenAi).frame(Frame::Whole(azure.as_bytes())), Seen::Other);
}

#[test]
fn only_frames_that_say_something_are_read() {
    for (kind, frame, concerns) in [
        (StreamKind::OpenAi, r#"data: {"delta":{"content":"hi"},"finish_reason":null,"usage":null}"#, false),
        (StreamKind::OpenAi, r#"data: {"delta":{"content":"hi"},"finish_reason" : null,"error": null}"#, false),
        (StreamKind::OpenAi, r#"data: {"delta":{"content":"the \"usage\" of"}}"#, false),
        (StreamKind::OpenAi, r#"data: {"finish_reason": "stop","usage":null}"#, true),
        (StreamKind::OpenAi, r#"data: {"usage":null,"x_groq":{"usage":{}}}"#, true),
        (StreamKind::OpenAi, "data: {\"usage\"\ndata: :{}}", true),
        (StreamKind::OpenAi, "data: [DONE]", true),
        (StreamKind::Anthropic, r#"data: {"type":"content_block_delta","delta":{"text":"hi"}}"#, false),
        (StreamKind::Anthropic, r#"data: {"type":"message_stop"}"#, true),
    ] {
        assert_eq!(kind.concerns(frame.as_bytes()), concerns, "{frame}");
    }
}

proptest! {
    #[test]
    fn splits_change_nothing(cut in 0usize..600, second in 0usize..600) {
        for (kind, text) in [(StreamKind::OpenAi, OPENAI), (StreamKind::Anthropic, ANTHROPIC)] {
            let bytes = text.as_bytes();
            let (a, b) = (cut.min(second).min(bytes.len()), cut.max(second).min(bytes.len()));
            prop_assert_eq!(
                observe(kind, &[&bytes[..a], &bytes[a..b], &bytes[b..]]),
                observe(kind, &[bytes])
            );
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = of_openai_body(&bytes);
        observe(StreamKind::OpenAi, &[b"data: {\"usage\":", &bytes, b"\n\n"]);
        observe(StreamKind::Anthropic, &[b"data: {\"type\":\"error\"", &bytes, b"\n\n"]);
    }
}
