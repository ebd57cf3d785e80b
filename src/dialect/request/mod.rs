//! A chat-completions request of OpenAI's, read into what every provider must be told in its own words.
//!
//! Texts stay where they are in the caller's body. A field that nobody could translate is refused by its name; fields that
//! do not change what the answer may be (storage, tracing, cache and tier hints) are passed over.

mod content;
mod tools;

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use self::content::{mark, parts, take_mark};
pub use self::{
    content::{ContentPart, ContentSource},
    tools::{EarlierCall, Tool, ToolChoice},
};
use super::{
    error::ApiError,
    view::{Text, View},
};

/// The request, checked.
#[derive(Debug, Default)]
pub struct ChatRequest<'a> {
    /// Texts of the system and developer messages, in order.
    pub system: Vec<ContentPart<'a>>,
    /// Everything else that was said.
    pub turns: Vec<Turn<'a>>,
    pub tools: Vec<Tool<'a>>,
    pub tool_choice: ToolChoice<'a>,
    pub parallel_tool_calls: Option<bool>,
    pub max_tokens: Option<u64>,
    /// A number, as the three below.
    pub temperature: Option<View<'a>>,
    pub top_p: Option<View<'a>>,
    /// Not OpenAI's own, but known to both other dialects.
    pub top_k: Option<u64>,
    pub stop: Vec<Text<'a>>,
    pub seed: Option<i64>,
    pub presence_penalty: Option<View<'a>>,
    pub frequency_penalty: Option<View<'a>>,
    /// How many answers; 1 or more.
    pub n: u64,
    pub user: Option<Text<'a>>,
    pub format: Format<'a>,
    /// How much the model is to think; `None` where the caller has no wish.
    pub effort: Option<Effort>,
}

/// How much a model is to think before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// Not at all.
    Off,
    Minimal,
    Low,
    Medium,
    High,
    Highest,
}

/// One message.
#[derive(Debug)]
pub enum Turn<'a> {
    User(Vec<ContentPart<'a>>),
    Assistant {
        parts: Vec<ContentPart<'a>>,
        calls: Vec<EarlierCall<'a>>,
    },
    ToolResult {
        id: Cow<'a, str>,
        name: Cow<'a, str>,
        parts: Vec<ContentPart<'a>>,
        /// Of the result as a whole; its parts have none.
        cache_control: Option<View<'a>>,
    },
}

impl Turn<'_> {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        match self {
            Turn::User(parts) => parts.is_empty(),
            Turn::Assistant { parts, calls } => parts.is_empty() && calls.is_empty(),
            Turn::ToolResult { .. } => false,
        }
    }
}

#[derive(Debug, Default, PartialEq)]
pub enum Format<'a> {
    #[default]
    Text,
    /// Some JSON object.
    Json,
    /// JSON after this schema.
    Schema(View<'a>),
}

impl<'a> ChatRequest<'a> {
    /// Reads the body. `provider` names the provider in refusals.
    pub fn read(body: View<'a>, provider: &str) -> Result<Self, ApiError> {
        if !body.is_object() {
            return Err(ApiError::invalid("body", "The body must be a JSON object."));
        }
        let mut request = Self { n: 1, ..Self::default() };
        let (mut max_tokens, mut max_completion_tokens) = (None, None);
        let mut seen = HashSet::new();
        for (name, value) in body.members() {
            if value.is_null() {
                continue;
            }
            match &*name {
                "messages" => request.messages(value, provider)?,
                "tools" => request.tools = tools::tools(value, provider)?,
                "tool_choice" => request.tool_choice = tools::tool_choice(value, provider)?,
                "parallel_tool_calls" => request.parallel_tool_calls = Some(boolean(&name, value)?),
                "max_tokens" => max_tokens = Some(count(&name, value, 1)?),
                "max_completion_tokens" => max_completion_tokens = Some(count(&name, value, 1)?),
                "temperature" => request.temperature = Some(number(&name, value, 0.0, 2.0)?),
                "top_p" => request.top_p = Some(number(&name, value, 0.0, 1.0)?),
                "top_k" => request.top_k = Some(count(&name, value, 0)?).filter(|top_k| *top_k > 0),
                "presence_penalty" => request.presence_penalty = nonzero(number(&name, value, -2.0, 2.0)?),
                "frequency_penalty" => request.frequency_penalty = nonzero(number(&name, value, -2.0, 2.0)?),
                "stop" => request.stop = stop(value)?,
                "seed" => {
                    let seed = value.as_i64().ok_or_else(|| ApiError::invalid(&name, "`seed` must be an integer."))?;
                    request.seed = Some(seed);
                }
                "n" => request.n = count(&name, value, 1)?,
                "user" => request.user = Some(string(&name, value)?),
                "reasoning_effort" => request.effort = effort(&name, value)?,
                "response_format" => request.format = format(value, provider)?,
                // Read from the raw bytes before; or hints that do not change what may be answered.
                "model"
                | "stream"
                | "stream_options"
                | "store"
                | "metadata"
                | "service_tier"
                | "prediction"
                | "prompt_cache_key"
                | "prompt_cache_retention"
                | "safety_identifier"
                | "verbosity" => {}
                // Their idle values ask for nothing.
                "logprobs" if value.as_bool() == Some(false) => {}
                "top_logprobs" if value.as_u64() == Some(0) => {}
                "logit_bias" if value.is_object() && value.members().next().is_none() => {}
                "modalities" if value.is_array() && value.elements().all(|one| one.says("text")) => {}
                _ => return Err(ApiError::unsupported(&name, provider)),
            }
            if let Some(twice) = seen.replace(name) {
                return Err(ApiError::duplicate(&twice));
            }
        }
        request.max_tokens = max_completion_tokens.or(max_tokens);
        if request.turns.is_empty() {
            return Err(ApiError::invalid("messages", "`messages` must contain a message other than system messages."));
        }
        if let ToolChoice::Function(name) = &request.tool_choice
            && !request.tools.iter().any(|tool| tool.name == *name)
        {
            return Err(ApiError::invalid("tool_choice", "`tool_choice` names a function that is not among `tools`."));
        }
        if request.tools.is_empty() && request.tool_choice == ToolChoice::Required {
            return Err(ApiError::invalid("tool_choice", "`tool_choice` needs `tools`."));
        }
        Ok(request)
    }

    fn messages(&mut self, value: View<'a>, provider: &str) -> Result<(), ApiError> {
        if !value.is_array() {
            return Err(ApiError::invalid("messages", "`messages` must be an array."));
        }
        // The name behind the id of every call so far, for providers that match results by name.
        let mut called: HashMap<Cow<'a, str>, Cow<'a, str>> = HashMap::new();
        for (at, message) in value.elements().enumerate() {
            let path = format!("messages[{at}]");
            let [role, content, calls, function_call, call_id, cache_control] =
                message.pick(["role", "content", "tool_calls", "function_call", "tool_call_id", "cache_control"]);
            let role = role.and_then(View::as_str).unwrap_or_default();
            let content = content.unwrap_or(View::NULL);
            let cache_control = mark(cache_control, || path.clone())?;
            let parts = || parts(content, &path, provider);
            match &*role {
                "system" | "developer" => {
                    let mut parts = parts()?;
                    if parts.iter().any(|part| !matches!(part, ContentPart::Text { .. })) {
                        return Err(ApiError::invalid(&path, "A system message can hold only text."));
                    }
                    mark_last(&mut parts, cache_control);
                    self.system.extend(parts);
                }
                "user" => {
                    let mut parts = parts()?;
                    mark_last(&mut parts, cache_control);
                    self.turns.push(Turn::User(parts));
                }
                "assistant" => {
                    let mut parts = parts()?;
                    if function_call.is_some() {
                        return Err(ApiError::unsupported(&format!("{path}.function_call"), provider));
                    }
                    let mut calls = tools::calls(calls, &path, provider)?;
                    match calls.last_mut() {
                        Some(last) => last.cache_control = last.cache_control.or(cache_control),
                        None => mark_last(&mut parts, cache_control),
                    }
                    called.extend(calls.iter().map(|call| (call.id.clone(), call.name.clone())));
                    self.turns.push(Turn::Assistant { parts, calls });
                }
                "tool" => {
                    let id = call_id.and_then(View::as_str);
                    let name = id.as_ref().and_then(|id| called.get(id).cloned());
                    let (Some(id), Some(name)) = (id, name) else {
                        let path = format!("{path}.tool_call_id");
                        return Err(ApiError::invalid(&path, "No earlier tool call has this id."));
                    };
                    let mut parts = parts()?;
                    let cache_control = parts.iter_mut().filter_map(take_mark).last().or(cache_control);
                    self.turns.push(Turn::ToolResult { id, name, parts, cache_control });
                }
                "function" => return Err(ApiError::unsupported(&format!("{path}.role"), provider)),
                _ => return Err(ApiError::invalid(&format!("{path}.role"), "This `role` is not known.")),
            }
        }
        Ok(())
    }
}

/// Puts a message's own mark on the last thing in it, which is what it means.
fn mark_last<'a>(parts: &mut [ContentPart<'a>], cache_control: Option<View<'a>>) {
    if let Some(last) = parts.last_mut() {
        let own = last.mark();
        *own = own.or(cache_control);
    }
}

/// The words of OpenAI's models, and those by which clients say that they have no wish.
fn effort(name: &str, value: View<'_>) -> Result<Option<Effort>, ApiError> {
    Ok(match &*value.as_str().unwrap_or(Cow::Borrowed("?")) {
        "" | "auto" | "default" => None,
        "none" | "disable" => Some(Effort::Off),
        "minimal" => Some(Effort::Minimal),
        "low" => Some(Effort::Low),
        "medium" => Some(Effort::Medium),
        "high" => Some(Effort::High),
        "xhigh" | "max" => Some(Effort::Highest),
        _ => {
            let words = "none, minimal, low, medium, high or xhigh";
            return Err(ApiError::invalid(name, format!("`{name}` must be {words}.")));
        }
    })
}

fn format<'a>(value: View<'a>, provider: &str) -> Result<Format<'a>, ApiError> {
    let [kind, schema] = value.pick(["type", "json_schema"]);
    Ok(match &*kind.and_then(View::as_str).unwrap_or_default() {
        "text" => Format::Text,
        "json_object" => Format::Json,
        "json_schema" => {
            let schema = schema.and_then(|schema| schema.get("schema")).filter(|schema| schema.is_object());
            Format::Schema(schema.ok_or_else(|| {
                ApiError::invalid("response_format.json_schema.schema", "It must be a JSON Schema object.")
            })?)
        }
        _ => return Err(ApiError::unsupported("response_format", provider)),
    })
}

fn stop(value: View<'_>) -> Result<Vec<Text<'_>>, ApiError> {
    let wrong = || ApiError::invalid("stop", "`stop` must be a string or an array of strings.");
    let all = match value.as_text() {
        Some(text) => vec![text],
        None if value.is_array() => {
            value.elements().map(|item| item.as_text().ok_or_else(wrong)).collect::<Result<_, _>>()?
        }
        None => return Err(wrong()),
    };
    Ok(all.into_iter().filter(|text| !text.is_empty()).collect())
}

fn string<'a>(name: &str, value: View<'a>) -> Result<Text<'a>, ApiError> {
    value.as_text().ok_or_else(|| ApiError::invalid(name, format!("`{name}` must be a string.")))
}

fn boolean(name: &str, value: View<'_>) -> Result<bool, ApiError> {
    value.as_bool().ok_or_else(|| ApiError::invalid(name, format!("`{name}` must be true or false.")))
}

fn count(name: &str, value: View<'_>, least: u64) -> Result<u64, ApiError> {
    let fits = value.as_u64().filter(|count| (least..=i32::MAX as u64).contains(count));
    fits.ok_or_else(|| ApiError::invalid(name, format!("`{name}` must be a whole number, at least {least}.")))
}

fn number<'a>(name: &str, value: View<'a>, least: f64, most: f64) -> Result<View<'a>, ApiError> {
    if value.as_f64().is_some_and(|it| (least..=most).contains(&it)) {
        return Ok(value);
    }
    Err(ApiError::invalid(name, format!("`{name}` must be a number between {least} and {most}.")))
}

fn nonzero(number: View<'_>) -> Option<View<'_>> {
    (number.as_f64() != Some(0.0)).then_some(number)
}

#[cfg(test)]
mod tests;
