//! What Anthropic's server refuses of a chat completion (`anthropic-version: 2023-06-01`), and what is sent instead.

use super::{
    super::{
        error::ApiError,
        request::{ChatRequest, ContentPart, Effort, Format, ToolChoice, Turn},
        view::{Text, View},
        writer::Writer,
    },
    ids::{Ids, fingerprint},
};

const LABEL: &str = "Anthropic";

/// Anthropic needs a bound on the answer; this one stands where the caller gave none. Every model allows it.
const DEFAULT_MAX_TOKENS: u64 = 4096;

/// The longest `metadata.user_id`, in characters.
const LONGEST_USER: usize = 256;

/// The least budget of thinking that the server takes, in tokens.
const LEAST_BUDGET: u64 = 1024;

/// Models that are told how many tokens they may think. All later ones decide that themselves, and refuse a number.
const BUDGETED: &[&str] = &[
    "claude-3-7",
    "sonnet-4-0",
    "sonnet-4-2",
    "sonnet-4-5",
    "opus-4-0",
    "opus-4-1",
    "opus-4-2",
    "opus-4-5",
    "haiku-4-5",
];

/// What the pass has decided, beside what it has changed in the request.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Settled {
    pub(in super::super) max_tokens: u64,
    pub(in super::super) thinking: Thinking,
}

/// How the model is asked to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Thinking {
    /// It is not asked.
    Off,
    /// So many tokens at most, which count among those of the answer.
    Budget(u64),
    /// As much as it takes the word for.
    Effort(&'static str),
}

/// The pass. Fails with `unsupported_parameter`.
pub(in super::super) fn settle(chat: &mut ChatRequest<'_>, model: &str) -> Result<Settled, ApiError> {
    refuse(chat)?;
    // "text content blocks must contain non-whitespace text". A message of which nothing is left is not written, and its
    // neighbours become one, since roles must alternate.
    chat.system.retain(|part| !is_blank(part));
    for turn in &mut chat.turns {
        match turn {
            Turn::User(parts) | Turn::Assistant { parts, .. } | Turn::ToolResult { parts, .. } => {
                parts.retain(|part| !is_blank(part));
            }
        }
    }
    // "final assistant content cannot end with trailing whitespace".
    chat.turns.retain(|turn| !turn.is_empty());
    if let Some(Turn::Assistant { parts, calls }) = chat.turns.last_mut()
        && calls.is_empty()
        && let Some(ContentPart::Text { text, .. }) = parts.last_mut()
    {
        *text = text.without_blank_end();
    }
    name_calls(chat);
    // "each stop sequence must contain non-whitespace".
    chat.stop.retain(|text| !text.is_blank());
    // It may hold nothing that identifies a person, and is a hint.
    chat.user = chat.user.filter(|user| may_leave(*user));
    let settled = think(chat, model)?;
    sample(chat, settled.thinking)?;
    Ok(settled)
}

/// What has a meaning and no counterpart.
fn refuse(chat: &ChatRequest<'_>) -> Result<(), ApiError> {
    for (name, asked) in [
        ("n", chat.n != 1),
        ("presence_penalty", chat.presence_penalty.is_some()),
        ("frequency_penalty", chat.frequency_penalty.is_some()),
    ] {
        if asked {
            return Err(ApiError::unsupported(name, LABEL));
        }
    }
    // An instruction to answer in JSON would be no promise, and a schema without properties lets nothing through.
    if chat.format == Format::Json {
        return Err(ApiError {
            message: "`response_format` of the type json_object cannot be translated for Anthropic, which has no such \
                      mode. Send the type json_schema with the schema of the answer instead."
                .into(),
            ..ApiError::unsupported("response_format", LABEL)
        });
    }
    Ok(())
}

fn is_blank(part: &ContentPart<'_>) -> bool {
    matches!(part, ContentPart::Text { text, .. } if text.is_blank())
}

/// "tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'", in the call and in its result alike.
fn name_calls(chat: &mut ChatRequest<'_>) {
    fn fits(id: &str) -> bool {
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    }
    fn propose(id: &str, number: u32) -> String {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        let near: String = id.chars().map(|letter| if fits(letter) { letter } else { '_' }).collect();
        if number == 0 { near } else { format!("{near}_{}", fingerprint(id, number, 8)) }
    }
    let ids = {
        let called = chat.turns.iter().flat_map(|turn| match turn {
            Turn::Assistant { calls, .. } => calls.as_slice(),
            _ => &[],
        });
        // Every result belongs to a call.
        Ids::of(called.map(|call| &*call.id), fits, propose)
    };
    let rename = |id: &mut std::borrow::Cow<'_, str>| {
        if let Some(new) = ids.instead_of(id) {
            *id = new.to_owned().into();
        }
    };
    for turn in &mut chat.turns {
        match turn {
            Turn::Assistant { calls, .. } => calls.iter_mut().for_each(|call| rename(&mut call.id)),
            Turn::ToolResult { id, .. } => rename(id),
            Turn::User(_) => {}
        }
    }
}

/// Whether this may be told of a caller's user: no mail address, no telephone number, and not too long.
fn may_leave(user: Text<'_>) -> bool {
    let Some(user) = user.read() else { return false };
    let user = user.trim();
    let number = user.strip_prefix("tel:").unwrap_or(user);
    let digits = number.chars().filter(char::is_ascii_digit).count();
    let dialled = |letter: char| letter.is_ascii_digit() || " \u{a0}+-().,/".contains(letter);
    let is_telephone = (7..=15).contains(&digits) && number.chars().all(dialled);
    !user.is_empty() && !user.contains('@') && !is_telephone && user.chars().count() <= LONGEST_USER
}

/// Translates the effort. Thinking comes to an end where the server has no place for it.
fn think(chat: &ChatRequest<'_>, model: &str) -> Result<Settled, ApiError> {
    let off = Settled { max_tokens: chat.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS), thinking: Thinking::Off };
    let (word, percent) = match chat.effort {
        // It does not think unless it is asked.
        None | Some(Effort::Off) => return Ok(off),
        Some(Effort::Minimal | Effort::Low) => ("low", 20),
        Some(Effort::Medium) => ("medium", 50),
        Some(Effort::High | Effort::Highest) => ("high", 80),
    };
    // "Thinking may not be enabled when tool_choice forces tool use."
    if matches!(chat.tool_choice, ToolChoice::Required | ToolChoice::Function(_)) {
        return Err(beside("reasoning_effort", "`tool_choice` forces a call"));
    }
    // Nor can it begin to think in the middle of an answer.
    if matches!(chat.turns.last(), Some(Turn::Assistant { .. })) {
        return Ok(off);
    }
    if !BUDGETED.iter().any(|known| model.contains(known)) && !model.ends_with("-4") {
        return Ok(Settled { thinking: Thinking::Effort(word), ..off });
    }
    // "a final assistant message must start with a thinking block (preceeding the lastmost set of tool_use and tool_result
    // blocks)", and the thoughts are not in OpenAI's form of the conversation: a model that has called goes on without.
    let last = chat.turns.iter().rev().find_map(|turn| match turn {
        Turn::Assistant { calls, .. } => Some(!calls.is_empty()),
        _ => None,
    });
    if last == Some(true) {
        return Ok(off);
    }
    // The budget must be smaller than the bound on the answer, which holds for both.
    Ok(match chat.max_tokens {
        Some(most) if most <= LEAST_BUDGET => off,
        Some(most) => {
            let budget = (most.saturating_mul(percent) / 100).clamp(LEAST_BUDGET, 32_000);
            Settled { max_tokens: most, thinking: Thinking::Budget(budget.min(most - 1)) }
        }
        None => {
            let budget = LEAST_BUDGET * percent / 20;
            Settled { max_tokens: DEFAULT_MAX_TOKENS + budget, thinking: Thinking::Budget(budget) }
        }
    })
}

/// "`temperature` and `top_p` cannot both be specified for this model": newer models take one of them, and temperature is
/// the one that is kept. While it thinks, a model takes neither below its bounds, and no `top_k`.
fn sample(chat: &mut ChatRequest<'_>, thinking: Thinking) -> Result<(), ApiError> {
    let is_one = |number: &View<'_>| number.as_f64() == Some(1.0);
    chat.top_p = chat.top_p.filter(|top_p| !is_one(top_p));
    if chat.top_p.is_some() {
        chat.temperature = chat.temperature.filter(|temperature| !is_one(temperature));
    }
    if chat.temperature.is_some() {
        chat.top_p = None;
    }
    if thinking == Thinking::Off {
        return Ok(());
    }
    chat.temperature = chat.temperature.filter(|temperature| !is_one(temperature));
    let low = chat.top_p.and_then(View::as_f64).is_some_and(|top_p| top_p < 0.95);
    for (name, asked) in [("temperature", chat.temperature.is_some()), ("top_p", low), ("top_k", chat.top_k.is_some())]
    {
        if asked {
            return Err(beside(name, "`reasoning_effort` asks for thinking"));
        }
    }
    Ok(())
}

fn beside(name: &str, why: &str) -> ApiError {
    let message = format!("`{name}` cannot be translated for {LABEL} when {why}.");
    ApiError { message, ..ApiError::unsupported(name, LABEL) }
}

/// Writes a function's parameters. "tools.0.custom.input_schema.type: Field required": a schema that does not say that it
/// is of an object is made to say so.
pub(in super::super) fn write_schema(out: &mut Writer, parameters: Option<View<'_>>) {
    let Some(schema) = parameters else { return out.json(r#"{"type":"object","properties":{}}"#) };
    let [kind, properties] = schema.pick(["type", "properties"]);
    if kind.is_some() {
        return out.view(schema);
    }
    out.begin_object();
    out.key("type").value("object");
    if properties.is_none() {
        out.key("properties").json("{}");
    }
    for (name, value) in schema.members() {
        if !(value.is_null() && matches!(&*name, "type" | "properties")) {
            out.name(&name).view(value);
        }
    }
    out.end_object();
}
