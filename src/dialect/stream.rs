//! A streamed answer on its way from the provider to the caller.

use std::{convert::Infallible, fmt};

use bytes::Bytes;

use super::error::{ApiError, StreamShape, UNFINISHED};
use crate::dialect::{
    sse::{self, Event, Frame, Frames},
    usage::{MAX_WATCHED, Observer, Progress, Reading, Seen, StreamKind, Usage},
};

/// Turns a provider's events into OpenAI's chunks.
pub(super) trait Translate: fmt::Debug + Send {
    /// Reads one event and appends what the caller gets. An error ends the stream.
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> Result<Progress, ApiError>;
    /// The bytes have ended in good order and no event said so: appends the end, or tells why it is none.
    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), ApiError>;
    /// Usage so far.
    fn usage(&self) -> Option<Usage>;
}

/// How a stream stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// It may go on.
    Running,
    /// The answer is whole. Later bytes of a translated stream are passed over.
    Complete,
    /// It failed, and the caller has been told in the stream.
    Failed(ApiError),
}

/// Reads a streamed answer piece by piece, wherever its bytes are cut.
#[derive(Debug)]
pub struct ChatStream {
    way: Way,
    outcome: StreamState,
}

#[derive(Debug)]
enum Way {
    /// Handed on as it is and watched.
    Untouched {
        observer: Observer,
        /// Whether what it says of usage counts.
        counts: bool,
    },
    /// Bytes that are no events, handed on as they are.
    Bytes,
    /// Handed on without the chunk of usage for which the caller has not asked.
    HidingUsage {
        frames: Frames,
        reading: Reading,
    },
    Translating {
        frames: Frames,
        translate: Box<dyn Translate>,
    },
}

impl ChatStream {
    pub(super) fn passing(hide_usage: bool) -> Self {
        Self::new(if hide_usage {
            Way::HidingUsage { frames: Frames::bounded(MAX_WATCHED), reading: Reading::new(StreamKind::OpenAi) }
        } else {
            Way::Untouched { observer: Observer::new(StreamKind::OpenAi), counts: true }
        })
    }

    pub(super) fn native() -> Self {
        Self::watching(StreamKind::Anthropic, true)
    }

    /// A stream that is handed on as it is. `counts` says whether what it tells of usage is to be believed.
    pub(super) fn watching(kind: StreamKind, counts: bool) -> Self {
        Self::new(Way::Untouched { observer: Observer::new(kind), counts })
    }

    /// An answer that is no events, such as a sound: its end is that of its bytes, and nothing can be told in it. A caller
    /// learns that it failed by the connection, which breaks.
    pub fn of_bytes() -> Self {
        Self::new(Way::Bytes)
    }

    /// Whether the caller can be told in the stream that it failed.
    pub fn tells(&self) -> bool {
        !matches!(self.way, Way::Bytes)
    }

    pub(super) fn translating(translate: impl Translate + 'static) -> Self {
        Self::new(Way::Translating { frames: Frames::default(), translate: Box::new(translate) })
    }

    fn new(way: Way) -> Self {
        Self { way, outcome: StreamState::Running }
    }

    /// Takes the provider's next bytes and gives those for the caller, which may be none. Once the outcome is a failure
    /// nothing more comes, and the provider's connection can be dropped.
    pub fn push(&mut self, bytes: Bytes) -> Bytes {
        if matches!(self.outcome, StreamState::Failed(_)) {
            return Bytes::new();
        }
        match &mut self.way {
            Way::Bytes => bytes,
            Way::Untouched { observer, .. } => {
                observer.feed(&bytes);
                let progress = observer.progress();
                if progress == Progress::Failed {
                    let mut out = bytes.to_vec();
                    self.fail_as_told(&mut out);
                    return out.into();
                }
                self.passed(progress);
                bytes
            }
            Way::HidingUsage { frames, reading } => {
                // What came is handed on as it is up to the end of its last frame, unless it must be put together: with
                // what was held back before, or around what is hidden.
                let mut whole = 0;
                let mut parts = (!frames.rest().is_empty()).then(Vec::new);
                let _ = frames.feed(&bytes, |frame| {
                    let (Frame::Whole(text) | Frame::Piece(text)) = frame;
                    match (reading.frame(frame), &mut parts) {
                        (Seen::Other, None) => whole += text.len(),
                        (Seen::Other, Some(parts)) => parts.extend_from_slice(text),
                        (Seen::UsageAlone, None) => parts = Some(bytes[..whole].to_vec()),
                        (Seen::UsageAlone, Some(_)) => {}
                    }
                    Ok::<_, Infallible>(())
                });
                let progress = reading.progress();
                if progress == Progress::Failed {
                    let mut out = parts.unwrap_or_else(|| bytes[..whole].to_vec());
                    self.fail_as_told(&mut out);
                    return out.into();
                }
                self.passed(progress);
                parts.map_or_else(|| bytes.slice(..whole), Bytes::from)
            }
            Way::Translating { .. } if self.outcome == StreamState::Complete => Bytes::new(),
            Way::Translating { frames, translate } => {
                let mut out = Vec::new();
                let outcome = &mut self.outcome;
                let fed = frames.feed(&bytes, |frame| translated(translate.as_mut(), frame, outcome, &mut out));
                if let Err(error) = fed {
                    self.fail(&mut out, error);
                }
                out.into()
            }
        }
    }

    /// Ends the stream: the provider's bytes have ended, by themselves (`clean`) or by a broken connection. Gives the
    /// last bytes for the caller: an error event if the answer is not whole.
    pub fn finish(&mut self, clean: bool) -> Bytes {
        let mut out = Vec::new();
        if matches!(self.outcome, StreamState::Failed(_)) {
            return Bytes::new();
        }
        let ended = match &mut self.way {
            Way::Bytes if clean => Ok(()),
            Way::Bytes => Err(ApiError::broken_stream()),
            Way::Untouched { observer, .. } => {
                if observer.finish() {
                    // What was handed on may have ended within an event.
                    out.extend_from_slice(b"\n\n");
                }
                whole(observer.reading(), clean)
            }
            Way::HidingUsage { frames, reading } => {
                let rest = frames.rest();
                let told = !clean || rest.is_empty() || reading.frame(Frame::Whole(rest)) == Seen::UsageAlone;
                if !told {
                    out.extend_from_slice(rest);
                }
                if !told || frames.within() && rest.is_empty() {
                    out.extend_from_slice(b"\n\n");
                }
                whole(reading, clean)
            }
            Way::Translating { .. } if self.outcome == StreamState::Complete => Ok(()),
            Way::Translating { .. } if !clean => Err(ApiError::broken_stream()),
            Way::Translating { frames, translate } => {
                let rest = frames.rest().to_vec();
                let outcome = &mut self.outcome;
                translated(translate.as_mut(), Frame::Whole(&rest), outcome, &mut out).and_then(|()| match outcome {
                    StreamState::Complete => Ok(()),
                    _ => translate.end(&mut out),
                })
            }
        };
        match ended {
            Ok(()) => self.outcome = StreamState::Complete,
            Err(error) => self.fail(&mut out, error),
        }
        out.into()
    }

    /// How the stream stands.
    pub fn outcome(&self) -> &StreamState {
        &self.outcome
    }

    /// Usage so far.
    pub fn usage(&self) -> Option<Usage> {
        match &self.way {
            Way::Bytes => None,
            Way::Untouched { observer, counts } => observer.usage().filter(|_| *counts),
            Way::HidingUsage { reading, .. } => reading.usage(),
            Way::Translating { translate, .. } => translate.usage(),
        }
    }

    /// The code for the log of a stream that came to its end and says itself that the model has failed.
    pub fn failed(&self) -> Option<&'static str> {
        let unfinished = match &self.way {
            Way::Bytes => false,
            Way::Untouched { observer, .. } => observer.reading().unfinished(),
            Way::HidingUsage { reading, .. } => reading.unfinished(),
            Way::Translating { .. } => false,
        };
        unfinished.then_some(UNFINISHED)
    }

    /// Bytes that are held until the rest of an event comes.
    pub fn held(&self) -> usize {
        match &self.way {
            Way::Bytes => 0,
            Way::Untouched { observer, .. } => observer.held(),
            Way::HidingUsage { frames, .. } | Way::Translating { frames, .. } => frames.rest().len(),
        }
    }

    /// Ends the stream where it is, whatever the provider would still send. Gives the last bytes for the caller, who is told
    /// `error` unless the answer is whole.
    pub fn abort(&mut self, error: ApiError) -> Bytes {
        let mut out = Vec::new();
        if self.outcome == StreamState::Running {
            let within = match &mut self.way {
                Way::Bytes => false,
                Way::Untouched { observer, .. } => observer.finish(),
                Way::HidingUsage { frames, .. } => frames.within(),
                Way::Translating { .. } => false,
            };
            if within {
                // What was handed on ended within an event.
                out.extend_from_slice(b"\n\n");
            }
            self.fail(&mut out, error);
        }
        out.into()
    }

    /// An event that tells the caller of an error, whatever has become of the answer.
    pub fn told(&self, error: ApiError) -> Bytes {
        let mut out = Vec::new();
        error.write_to_stream(&mut out, self.shape());
        out.into()
    }

    fn passed(&mut self, progress: Progress) {
        match progress {
            Progress::Running => {}
            Progress::Complete => self.outcome = StreamState::Complete,
            Progress::Failed => self.outcome = StreamState::Failed(told()),
        }
    }

    /// The provider's own error has just been handed on as it came. OpenAI's interface has it in an event without a
    /// name, which some callers pass over, so that they are told once more; others have stopped reading by then.
    fn fail_as_told(&mut self, out: &mut Vec<u8>) {
        if self.shape() == StreamShape::OpenAi {
            // What was handed on may have ended within an event.
            out.extend_from_slice(b"\n\n");
        }
        self.fail(out, told());
    }

    fn fail(&mut self, out: &mut Vec<u8>, error: ApiError) {
        let shape = self.shape();
        // A named error event of the provider's own has already told the caller.
        if self.tells() && (error != told() || shape == StreamShape::OpenAi) {
            error.write_to_stream(out, shape);
        }
        self.outcome = StreamState::Failed(error);
    }

    fn shape(&self) -> StreamShape {
        match &self.way {
            Way::Untouched { observer, .. } => match observer.kind() {
                StreamKind::OpenAi => StreamShape::OpenAi,
                StreamKind::Typed => StreamShape::Typed,
                StreamKind::Anthropic => StreamShape::Anthropic,
            },
            _ => StreamShape::OpenAi,
        }
    }
}

/// A comment, which every reader of events passes over.
const PING: &[u8] = b": ping\n\n";

fn told() -> ApiError {
    ApiError { message: "The provider sent an error in its stream.".into(), ..super::upstream_error(500, b"") }
}

fn whole(reading: &Reading, clean: bool) -> Result<(), ApiError> {
    match reading.progress() {
        Progress::Complete => Ok(()),
        Progress::Running if clean && reading.unread() => Ok(()),
        Progress::Running => Err(ApiError::broken_stream()),
        Progress::Failed => Err(told()),
    }
}

fn translated(
    translate: &mut dyn Translate,
    frame: Frame<'_>,
    outcome: &mut StreamState,
    out: &mut Vec<u8>,
) -> Result<(), ApiError> {
    if *outcome == StreamState::Complete {
        return Ok(());
    }
    let Frame::Whole(frame) = frame else { return Err(ApiError::bad_answer()) };
    let before = out.len();
    match sse::parse_frame(frame) {
        Some(event) => {
            if translate.event(&event, out)? == Progress::Complete {
                *outcome = StreamState::Complete;
            }
        }
        None if frame.starts_with(b":") => {}
        None => return Ok(()),
    }
    // The provider has been heard: a caller, or a proxy on the way to it, must not take the connection for dead while the
    // model thinks.
    if out.len() == before {
        out.extend_from_slice(PING);
    }
    Ok(())
}
