//! Usage as each provider writes it.

use super::Usage;
use serde::{Deserialize, Deserializer, de::IgnoredAny};

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
