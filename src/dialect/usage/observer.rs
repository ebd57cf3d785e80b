//! What a stream says of its usage and its end, while it passes through.

use super::{AnthropicUsage, OpenAiUsage, Usage};
use crate::dialect::sse::{self, Frame, Frames, MAX_FRAME};
use memchr::memmem::Finder;
use serde::{Deserialize, de::IgnoredAny};
use std::{convert::Infallible, sync::LazyLock};

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
    pub(super) fn concerns(self, frame: &[u8]) -> bool {
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
