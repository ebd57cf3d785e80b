//! How many tokens a call used, found beside the bytes that pass through.

use std::{convert::Infallible, sync::LazyLock};

use memchr::memmem::Finder;
use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};

use super::sse::{self, Frame, Frames, MAX_FRAME};

/// The most tokens that one call is taken to have read or written: a thousand times what any model can. What a provider
/// says beyond that is no count, and sums of such figures would not fit where they are stored.
pub const MAX_TOKENS: u64 = 1_000_000_000;

/// Tokens of one call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Everything that the model read, cached or not.
    pub input_tokens: u64,
    /// Everything that it wrote, hidden reasoning included.
    pub output_tokens: u64,
    /// The part of `input_tokens` that came from the provider's prompt cache.
    pub cached_input_tokens: u64,
    /// The part of `output_tokens` that went into reasoning, as far as the provider tells it.
    #[serde(default)]
    pub reasoning_tokens: u64,
}

impl Usage {
    /// The sum of two, bounded.
    pub fn plus(self, other: Self) -> Self {
        let (one, two) = (self.bounded(), other.bounded());
        Self {
            input_tokens: one.input_tokens + two.input_tokens,
            output_tokens: one.output_tokens + two.output_tokens,
            cached_input_tokens: one.cached_input_tokens + two.cached_input_tokens,
            reasoning_tokens: one.reasoning_tokens + two.reasoning_tokens,
        }
        .bounded()
    }

    /// The same with every figure at most [`MAX_TOKENS`].
    pub fn bounded(self) -> Self {
        Self {
            input_tokens: self.input_tokens.min(MAX_TOKENS),
            output_tokens: self.output_tokens.min(MAX_TOKENS),
            cached_input_tokens: self.cached_input_tokens.min(MAX_TOKENS),
            reasoning_tokens: self.reasoning_tokens.min(MAX_TOKENS),
        }
    }
}

/// OpenAI's usage object, under the names of chat completions and under those of Responses. Some compatible servers send
/// both at once.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct OpenAiUsage {
    prompt_tokens: Option<u64>,
    input_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    output_tokens: Option<u64>,
    total_tokens: Option<u64>,
    prompt_tokens_details: Option<Cached>,
    input_tokens_details: Option<Cached>,
    #[serde(default, deserialize_with = "if_known")]
    completion_tokens_details: Option<Thought>,
    #[serde(default, deserialize_with = "if_known")]
    output_tokens_details: Option<Thought>,
}

/// What a field says, if it has the form that is known: what is merely told beside the counts never costs them.
fn if_known<'de, D: Deserializer<'de>, T: Deserialize<'de>>(field: D) -> Result<Option<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Told<T> {
        Known(T),
        Other(IgnoredAny),
    }
    Ok(match Told::deserialize(field)? {
        Told::Known(known) => Some(known),
        Told::Other(_) => None,
    })
}

impl OpenAiUsage {
    /// The tokens that it tells of; `None` where it tells of none, but perhaps of seconds or searches. Where there is a sum
    /// alone, as of texts that were ranked, all of them were read.
    pub fn told(self) -> Option<Usage> {
        let parts = [self.prompt_tokens, self.input_tokens, self.completion_tokens, self.output_tokens];
        if parts.iter().any(Option::is_some) {
            return Some(self.into());
        }
        self.total_tokens.map(|total| Usage { input_tokens: total, ..Usage::default() })
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Cached {
    cached_tokens: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Thought {
    reasoning_tokens: Option<u64>,
}

impl From<OpenAiUsage> for Usage {
    fn from(wire: OpenAiUsage) -> Self {
        let input_tokens = wire.prompt_tokens.or(wire.input_tokens).unwrap_or(0);
        let details = wire.prompt_tokens_details.or(wire.input_tokens_details);
        let cached = details.and_then(|details| details.cached_tokens).unwrap_or(0);
        let output_tokens = wire.completion_tokens.or(wire.output_tokens).unwrap_or(0);
        let details = wire.completion_tokens_details.or(wire.output_tokens_details);
        let thought = details.and_then(|details| details.reasoning_tokens).unwrap_or(0);
        Self {
            input_tokens,
            output_tokens,
            cached_input_tokens: cached.min(input_tokens),
            // Some servers count what was thought beside what they call their output.
            reasoning_tokens: thought.min(output_tokens),
        }
    }
}

/// Anthropic's usage object, in which input, cache reads and cache writes are counted apart.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct AnthropicUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
}

impl AnthropicUsage {
    /// Takes over what a later event of a stream says. The figures are running totals, not differences.
    pub fn update(&mut self, later: Self) {
        self.input_tokens = later.input_tokens.or(self.input_tokens);
        self.output_tokens = later.output_tokens.or(self.output_tokens);
        self.cache_read_input_tokens = later.cache_read_input_tokens.or(self.cache_read_input_tokens);
        self.cache_creation_input_tokens = later.cache_creation_input_tokens.or(self.cache_creation_input_tokens);
    }
}

impl From<AnthropicUsage> for Usage {
    fn from(wire: AnthropicUsage) -> Self {
        let cached = wire.cache_read_input_tokens.unwrap_or(0);
        let written = wire.cache_creation_input_tokens.unwrap_or(0);
        Self {
            input_tokens: wire.input_tokens.unwrap_or(0).saturating_add(cached).saturating_add(written),
            output_tokens: wire.output_tokens.unwrap_or(0),
            cached_input_tokens: cached,
            // Thinking is within the output, and nothing tells how much of it.
            reasoning_tokens: 0,
        }
    }
}

/// Gemini's `usageMetadata`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GoogleUsage {
    prompt_token_count: Option<u64>,
    candidates_token_count: Option<u64>,
    thoughts_token_count: Option<u64>,
    tool_use_prompt_token_count: Option<u64>,
    cached_content_token_count: Option<u64>,
}

impl GoogleUsage {
    /// The part of the output that was thought and not said.
    pub fn thoughts(&self) -> Option<u64> {
        self.thoughts_token_count
    }
}

impl From<GoogleUsage> for Usage {
    fn from(wire: GoogleUsage) -> Self {
        let input = wire.prompt_token_count.unwrap_or(0).saturating_add(wire.tool_use_prompt_token_count.unwrap_or(0));
        Self {
            input_tokens: input,
            output_tokens: wire
                .candidates_token_count
                .unwrap_or(0)
                .saturating_add(wire.thoughts_token_count.unwrap_or(0)),
            cached_input_tokens: wire.cached_content_token_count.unwrap_or(0).min(input),
            reasoning_tokens: wire.thoughts_token_count.unwrap_or(0),
        }
    }
}

/// Whose events an [`Observer`] reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    OpenAi,
    /// OpenAI's newer interfaces, whose events have a `type`: responses, images, transcripts, speech.
    Typed,
    Anthropic,
}

/// Texts that are looked for in every frame, prepared once.
struct Words {
    done: Finder<'static>,
    error: Finder<'static>,
    finish_reason: Finder<'static>,
    message_stop: Finder<'static>,
    ends: [Finder<'static>; 4],
    usage: Finder<'static>,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| Words {
    done: Finder::new("[DONE]"),
    error: Finder::new("\"error\""),
    finish_reason: Finder::new("\"finish_reason\""),
    message_stop: Finder::new("\"message_stop\""),
    ends: [".completed\"", ".incomplete\"", ".failed\"", ".done\""].map(Finder::new),
    usage: Finder::new("\"usage\""),
});

impl StreamKind {
    /// The largest frame that is read, in bytes. The last event of a response holds all of it.
    fn most(self) -> usize {
        if self == StreamKind::Typed { MAX_FRAME } else { MAX_WATCHED }
    }

    /// Whether a frame may hold usage, an end or an error. Most hold none: a search is cheaper than a parse.
    fn concerns(self, frame: &[u8]) -> bool {
        let words = &*WORDS;
        let holds = |word: &Finder<'_>| word.find(frame).is_some();
        match self {
            // Each chunk names what it does not say yet.
            StreamKind::OpenAi => {
                [&words.usage, &words.finish_reason, &words.error].into_iter().any(|word| says(frame, word))
                    || holds(&words.done)
            }
            StreamKind::Typed => {
                [&words.usage, &words.error].into_iter().any(|word| says(frame, word)) || words.ends.iter().any(holds)
            }
            StreamKind::Anthropic => holds(&words.usage) || holds(&words.message_stop) || holds(&words.error),
        }
    }
}

/// Whether a member of this name has another value than `null` somewhere.
fn says(frame: &[u8], name: &Finder<'_>) -> bool {
    name.find_iter(frame).any(|at| {
        let value = frame[at + name.needle().len()..].trim_ascii_start();
        !value.strip_prefix(b":").is_some_and(|value| value.trim_ascii_start().starts_with(b"null"))
    })
}

/// How far a stream has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing has said that the answer is whole.
    Running,
    /// The answer is whole.
    Complete,
    /// The provider sent an error event.
    Failed,
}

/// What a frame turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// OpenAI's extra chunk that holds usage and no choice.
    UsageAlone,
    Other,
}

/// Largest frame of a passing stream that is read, in bytes. Those that say how many tokens were used are small.
pub const MAX_WATCHED: usize = 256 << 10;

/// Watches a stream that passes through: feed it the same bytes. It never fails; an event that is too large is merely
/// not read.
#[derive(Debug)]
pub struct Observer {
    kind: StreamKind,
    frames: Frames,
    reading: Reading,
}

/// What has been read from the frames so far.
#[derive(Debug)]
pub struct Reading {
    kind: StreamKind,
    anthropic: AnthropicUsage,
    usage: Option<Usage>,
    progress: Progress,
    unread: bool,
    unfinished: bool,
}

/// Whether a reason to finish, in OpenAI's language, says that the model has failed. Servers that have such reasons give
/// them with status 200, and with nothing or half an answer.
pub fn tells_failure(finish_reason: &str) -> bool {
    let reason = finish_reason.to_ascii_lowercase();
    let failed = ["malformed", "unexpected_tool", "too_many_tool", "missing_thought"];
    reason.contains("error")
        || matches!(&*reason, "failed" | "network_failure")
        || failed.iter().any(|word| reason.starts_with(word))
}

impl Observer {
    /// An observer of a stream that has just begun.
    pub fn new(kind: StreamKind) -> Self {
        Self { kind, frames: Frames::bounded(kind.most()), reading: Reading::new(kind) }
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        let reading = &mut self.reading;
        let _ = self.frames.feed(bytes, |frame| {
            reading.frame(frame);
            Ok::<_, Infallible>(())
        });
    }

    /// Ends the stream, and says whether an event was left unfinished.
    pub fn finish(&mut self) -> bool {
        self.reading.frame(Frame::Whole(self.frames.rest()));
        self.frames.within()
    }

    /// Bytes that are held to be read.
    pub fn held(&self) -> usize {
        self.frames.rest().len()
    }

    /// What has been read.
    pub fn reading(&self) -> &Reading {
        &self.reading
    }

    /// Usage so far.
    pub fn usage(&self) -> Option<Usage> {
        self.reading.usage()
    }

    /// How far the stream has come.
    pub fn progress(&self) -> Progress {
        self.reading.progress()
    }

    /// Whose events these are.
    pub fn kind(&self) -> StreamKind {
        self.kind
    }
}

impl Reading {
    /// Nothing read yet.
    pub fn new(kind: StreamKind) -> Self {
        Self {
            kind,
            anthropic: AnthropicUsage::default(),
            usage: None,
            progress: Progress::Running,
            unread: false,
            unfinished: false,
        }
    }

    /// Reads one frame.
    pub fn frame(&mut self, frame: Frame<'_>) -> Seen {
        let Frame::Whole(frame) = frame else {
            self.unread = true;
            return Seen::Other;
        };
        if !self.kind.concerns(frame) {
            return Seen::Other;
        }
        let Some(event) = sse::parse_frame(frame) else { return Seen::Other };
        match self.kind {
            StreamKind::OpenAi => self.openai(&event.data),
            StreamKind::Typed => {
                self.typed(&event.data);
                Seen::Other
            }
            StreamKind::Anthropic => {
                self.anthropic(&event.data);
                Seen::Other
            }
        }
    }

    fn openai(&mut self, data: &str) -> Seen {
        #[derive(Deserialize)]
        struct Chunk {
            usage: Option<OpenAiUsage>,
            x_groq: Option<Groq>,
            choices: Option<Vec<Choice>>,
            error: Option<IgnoredAny>,
        }
        #[derive(Deserialize)]
        struct Groq {
            usage: Option<OpenAiUsage>,
        }
        #[derive(Deserialize)]
        struct Choice {
            finish_reason: Option<serde_json::Value>,
        }
        if data.trim() == "[DONE]" {
            self.complete();
            return Seen::Other;
        }
        let Ok(chunk) = serde_json::from_str::<Chunk>(data) else { return Seen::Other };
        if chunk.error.is_some() {
            self.progress = Progress::Failed;
        }
        let usage = chunk.usage.or_else(|| chunk.x_groq.and_then(|groq| groq.usage));
        if let Some(usage) = usage.and_then(OpenAiUsage::told) {
            self.usage = Some(usage);
        }
        let choices = chunk.choices.unwrap_or_default();
        if choices.iter().any(|choice| choice.finish_reason.is_some()) {
            self.complete();
        }
        let mut reasons = choices.iter().filter_map(|choice| choice.finish_reason.as_ref()?.as_str());
        self.unfinished |= reasons.any(tells_failure);
        if usage.is_some() && choices.is_empty() { Seen::UsageAlone } else { Seen::Other }
    }

    fn typed(&mut self, data: &str) {
        #[derive(Deserialize)]
        struct Event {
            r#type: Option<String>,
            response: Option<Response>,
            usage: Option<serde_json::Value>,
            error: Option<IgnoredAny>,
        }
        #[derive(Deserialize)]
        struct Response {
            usage: Option<serde_json::Value>,
        }
        let Ok(event) = serde_json::from_str::<Event>(data) else { return };
        let usage = event.response.and_then(|response| response.usage).or(event.usage);
        let usage = usage.and_then(|usage| serde_json::from_value::<OpenAiUsage>(usage).ok());
        if let Some(usage) = usage.and_then(OpenAiUsage::told) {
            self.usage = Some(usage);
        }
        match event.r#type.as_deref().unwrap_or_default() {
            "response.failed" => {
                self.unfinished = true;
                self.complete();
            }
            "response.completed"
            | "response.incomplete"
            | "image_generation.completed"
            | "transcript.text.done"
            | "speech.audio.done" => self.complete(),
            "error" => self.progress = Progress::Failed,
            _ if event.error.is_some() => self.progress = Progress::Failed,
            _ => {}
        }
    }

    fn anthropic(&mut self, data: &str) {
        #[derive(Deserialize)]
        struct Event {
            r#type: String,
            message: Option<Message>,
            usage: Option<AnthropicUsage>,
        }
        #[derive(Deserialize)]
        struct Message {
            usage: Option<AnthropicUsage>,
        }
        let Ok(event) = serde_json::from_str::<Event>(data) else { return };
        match event.r#type.as_str() {
            "message_stop" => self.complete(),
            "error" => self.progress = Progress::Failed,
            _ => {}
        }
        if let Some(usage) = event.usage.or_else(|| event.message.and_then(|message| message.usage)) {
            self.anthropic.update(usage);
            self.usage = Some(self.anthropic.into());
        }
    }

    /// Whether the model has said that it failed, in an answer that is otherwise whole.
    pub fn unfinished(&self) -> bool {
        self.unfinished
    }

    /// Whether an event was too large to be read, so that the end may not be known.
    pub fn unread(&self) -> bool {
        self.unread
    }

    fn complete(&mut self) {
        if self.progress == Progress::Running {
            self.progress = Progress::Complete;
        }
    }

    /// Usage so far.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// How far the stream has come.
    pub fn progress(&self) -> Progress {
        self.progress
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
        let responses =
            br#"{"usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":50},"output_tokens":1}}"#;
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
}
