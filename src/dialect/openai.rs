//! OpenAI's own language and that of compatible servers: bytes pass through.

use bytes::Bytes;
use memchr::memmem;

use super::{Answer, ApiError, ModelTarget, error, error::UNFINISHED, raw_json};
use crate::{
    dialect::usage::{OpenAiUsage, tells_failure},
    server::outgoing::encode_segment,
};

/// The path of a call.
pub(super) const PATH: &str = "/chat/completions";

/// Azure's path of a deployment's interface.
pub(super) fn deployment_path(target: &ModelTarget<'_>, path: &str) -> String {
    let deployment = encode_segment(target.model);
    format!("/openai/deployments/{deployment}{path}{}", target.azure_query())
}

/// A whole answer of a 2xx. It is handed on as it came, once it is known to be a JSON object that is no error.
pub(super) fn whole(body: Bytes) -> Result<Answer, ApiError> {
    let (mut usage, mut failed, mut answered, mut unfinished) = (None, None, false, false);
    raw_json::members(&body, |member| {
        match raw_json::text(&body[member.key]).as_deref() {
            Some("usage") => {
                usage = serde_json::from_slice::<OpenAiUsage>(&body[member.value]).ok().and_then(OpenAiUsage::told);
            }
            // A response says so itself, its error beside it.
            Some("status") if &body[member.value.clone()] == b"\"failed\"" => unfinished = true,
            Some("error") => failed = Some(member.value).filter(|at| &body[at.clone()] != b"null"),
            Some(name @ ("choices" | "data" | "output" | "results" | "text")) => {
                answered = true;
                unfinished |= name == "choices" && has_failed(&body[member.value]);
            }
            _ => {}
        }
        Ok::<_, raw_json::JsonError>(())
    })
    .map_err(|_| ApiError::bad_answer())?;
    match failed {
        // Some relays tell an error under status 200.
        Some(_) if !answered => Err(error::stream_error(&body)),
        _ => Ok(Answer { body, usage, failed: unfinished.then_some(UNFINISHED) }),
    }
}

/// Whether one of these choices says that the model has failed. A name with its quotes stands nowhere but where it is a
/// name, or a whole text: within a text the quotes are escaped.
fn has_failed(choices: &[u8]) -> bool {
    const NAME: &[u8] = b"\"finish_reason\"";
    memmem::find_iter(choices, NAME).any(|at| {
        let value = choices[at + NAME.len()..].trim_ascii_start().strip_prefix(b":").unwrap_or_default();
        let text = value.trim_ascii_start().strip_prefix(b"\"").unwrap_or_default();
        let end = memchr::memchr(b'"', text).unwrap_or(0);
        std::str::from_utf8(&text[..end]).is_ok_and(tells_failure)
    })
}
