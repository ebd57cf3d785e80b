//! OpenAI's own language and that of compatible servers: bytes pass through.

use bytes::Bytes;

use super::{Answer, ApiError, ModelTarget, error, raw_json};
use crate::{
    dialect::usage::{OpenAiUsage, Usage},
    server::outgoing::encode_segment,
};

/// The path of a call.
pub(super) const PATH: &str = "/chat/completions";

/// Azure's path of a deployment.
pub(super) fn azure_path(target: &ModelTarget<'_>) -> String {
    let deployment = encode_segment(target.model);
    format!("/openai/deployments/{deployment}/chat/completions{}", target.azure_query())
}

/// A whole answer of a 2xx. It is handed on as it came, once it is known to be a JSON object that is no error.
pub(super) fn whole(body: Bytes) -> Result<Answer, ApiError> {
    let (mut usage, mut failed, mut answered) = (None, None, false);
    raw_json::members(&body, |member| {
        match raw_json::text(&body[member.key]).as_deref() {
            Some("usage") => usage = serde_json::from_slice::<OpenAiUsage>(&body[member.value]).ok().map(Usage::from),
            Some("error") => failed = Some(member.value).filter(|at| &body[at.clone()] != b"null"),
            Some("choices" | "data" | "output") => answered = true,
            _ => {}
        }
        Ok::<_, raw_json::JsonError>(())
    })
    .map_err(|_| ApiError::bad_answer())?;
    match failed {
        // Some relays tell an error under status 200.
        Some(_) if !answered => Err(error::stream_error(&body)),
        _ => Ok(Answer { body, usage }),
    }
}
