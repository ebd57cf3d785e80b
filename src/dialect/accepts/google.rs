//! What Gemini's server refuses of a chat completion (v1beta), and what is sent instead.

use super::super::{
    error::ApiError,
    request::{ChatRequest, Effort, ToolChoice},
};

/// Most answers of one request.
pub(in super::super) const MAX_CANDIDATES: u64 = 8;

/// What the pass has decided.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Settled {
    pub(in super::super) seed: Option<i32>,
    /// How many tokens the model may think; `None` leaves it to the model. Every model that thinks takes a number, while
    /// the names of levels differ among them.
    pub(in super::super) thinking: Option<u64>,
}

/// The pass. Fails with `invalid_parameter`.
pub(in super::super) fn settle(chat: &ChatRequest<'_>) -> Result<Settled, ApiError> {
    if chat.n > MAX_CANDIDATES {
        return Err(ApiError::invalid("n", "`n` must be between 1 and 8."));
    }
    let seed = chat.seed.map(i32::try_from).transpose();
    let seed = seed.map_err(|_| ApiError::invalid("seed", "`seed` must fit in 32 bits."))?;
    // The numbers of Google's own translation, where it has one.
    let thinking = chat.effort.map(|effort| match effort {
        Effort::Off => 0,
        Effort::Minimal | Effort::Low => 1_024,
        Effort::Medium => 8_192,
        Effort::High | Effort::Highest => 24_576,
    });
    Ok(Settled { seed, thinking })
}

/// Whether an answer may hold one call at most. There is no word for it, so that it is kept to when the answer is read: the
/// model asks for the next one once it has the result of the first.
pub(in super::super) fn one_call(chat: &ChatRequest<'_>) -> bool {
    chat.parallel_tool_calls == Some(false) && !chat.tools.is_empty() && chat.tool_choice != ToolChoice::None
}
