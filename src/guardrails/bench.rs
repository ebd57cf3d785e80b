//! Tries a guardrail on a text, for its editor.

use super::checks::Check;
use super::judge::{About, Outside, judge};
use super::{Guardrail, GuardrailResult, HashKey, Mark, Reading, Shape, Side};
use crate::kernel::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a guardrail makes of a text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    pub result: GuardrailResult,
    /// The text as it would go on, if it was changed.
    pub after: Option<String>,
    /// The places that were found, in their order.
    pub marks: Vec<Mark>,
}

/// Runs a guardrail over a text as the one message of a chat, or as its answer.
pub async fn try_text(
    guardrail: &Guardrail,
    (id, version): (&str, Option<i64>),
    side: Side,
    text: &str,
    (now, hash_key): (Timestamp, &HashKey),
    outside: &dyn Outside,
) -> Tried {
    let request = json!({ "model": "model", "messages": [{ "role": "user", "content": text }] }).to_string();
    let answer = json!({ "choices": [{ "index": 0, "message": { "role": "assistant", "content": text } }] });
    let reading = match side {
        Side::Request => Reading::request(Shape::Chat, request.as_bytes()),
        Side::Answer => Reading::answer(Shape::Chat, answer.to_string().as_bytes()),
    };
    let metadata = BTreeMap::new();
    let about = About {
        side,
        shape: Shape::Chat,
        model: "model",
        provider: "openai",
        metadata: &metadata,
        header: &|_| None,
        request: &request,
        streamed: false,
        status: if side == Side::Answer { 200 } else { 0 },
        now,
        hash_key,
    };
    let judged = judge(guardrail, (id, version), &about, &reading, outside).await;
    let content = |body: &str| {
        let body: Value = serde_json::from_str(body).ok()?;
        let messages = body["messages"].as_array().or_else(|| body["choices"].as_array())?;
        let told = messages.iter().map(|one| one["content"].as_str().or_else(|| one["message"]["content"].as_str()));
        Some(told.flatten().collect::<Vec<_>>().join("\n"))
    };
    let after = judged.reading.as_ref().and_then(|reading| content(reading.body()));
    let mut marks: Vec<Mark> = guardrail
        .checks
        .iter()
        .flat_map(|enabled| match &enabled.check {
            Check::Text(check) => check.marks(text),
            _ => vec![],
        })
        .collect();
    marks.sort_by_key(|mark| (mark.start, mark.end));
    Tried { result: judged.result, after, marks }
}
