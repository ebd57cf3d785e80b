//! How many tokens a call used, found beside the bytes that pass through: in what providers write of it (`wire`), and in streams
//! (`observer`).

mod observer;
mod wire;

pub use observer::{MAX_WATCHED, Observer, Progress, Reading, Seen, StreamKind, tells_failure};
pub use wire::{AnthropicUsage, GoogleUsage, OpenAiUsage};

use serde::{Deserialize, Serialize};

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

#[cfg(test)]
mod tests;
