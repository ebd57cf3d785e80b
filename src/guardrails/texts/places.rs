//! Where texts stand in messages and their parts, the same in every interface.

use super::{Found, Of, get, text};
use crate::kernel::json::{Node, Value};

/// Members that no person reads: kinds, ids, numbers of a kind, and data in letters that are none.
const UNREAD: [&str; 17] = [
    "type",
    "role",
    "id",
    "call_id",
    "tool_call_id",
    "tool_use_id",
    "item_id",
    "object",
    "status",
    "model",
    "finish_reason",
    "stop_reason",
    "encrypted_content",
    "signature",
    "thought_signature",
    "b64_json",
    "logprobs",
];

/// Whether a text is data such as a picture's, not words.
fn is_data(name: &str, text: &str) -> bool {
    is_data_url(text) || ["data", "file_data"].contains(&name) && looks_encoded(text)
}

/// An address that holds base64. Words behind `data:` are words all the same.
fn is_data_url(text: &str) -> bool {
    let encoded = text.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    encoded.is_some_and(|(kind, data)| !kind.contains(char::is_whitespace) && is_base64(data))
}

/// Base64 of some length, with no blank in it.
fn looks_encoded(text: &str) -> bool {
    text.len() >= 64 && is_base64(text)
}

fn is_base64(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=-_".contains(&byte))
}

/// Everything in a value that a person could read, beside its own text.
pub(super) fn asides(node: &Node, name: &str, found: &mut Found<'_>) {
    match &node.value {
        Value::Text(text) if !is_data(name, text) => found.take(Of::Aside, node),
        Value::List(elements) => elements.iter().for_each(|element| asides(element, name, found)),
        Value::Object(members) => {
            for member in members.iter().filter(|member| !UNREAD.contains(&member.key.as_str())) {
                asides(&member.value, &member.key, found);
            }
        }
        _ => {}
    }
}

/// The content of a message: a text, or parts of several kinds.
pub(super) fn content(node: &Node, unit: usize, found: &mut Found<'_>) {
    match &node.value {
        Value::Text(_) => found.take(Of::Unit(unit), node),
        Value::List(parts) => parts.iter().for_each(|one| part(one, unit, found)),
        // Some interfaces take one part in the place of a list.
        Value::Object(_) => part(node, unit, found),
        _ => {}
    }
}

/// One part of a content, a block in Anthropic's words.
pub(super) fn part(node: &Node, unit: usize, found: &mut Found<'_>) {
    let Value::Object(members) = &node.value else { return content(node, unit, found) };
    let kind = text(node, "type").unwrap_or_default();
    for member in members {
        let value = &member.value;
        match (kind, member.key.as_str()) {
            (_, key) if UNREAD.contains(&key) => {}
            ("text" | "input_text" | "output_text" | "summary_text" | "", "text") => found.take(Of::Unit(unit), value),
            // A tool's answer inside the user's message.
            ("tool_result" | "mcp_tool_result", "content") => content(value, unit, found),
            ("search_result", "content") => content(value, unit, found),
            // A document in words.
            ("document", "source") => match (text(value, "type"), get(value, "data"), get(value, "content")) {
                (Some("text"), Some(data), _) => found.take(Of::Unit(unit), data),
                (Some("content"), _, Some(inner)) => content(inner, unit, found),
                _ => asides(value, "source", found),
            },
            ("tool_use" | "server_tool_use" | "mcp_tool_use", "input") => {
                found.calls_tools(unit);
                found.take_value(value);
            }
            (_, key) => asides(value, key, found),
        }
    }
}

/// The tool calls of a message in OpenAI's words.
pub(super) fn tool_calls(message: &Node, unit: Option<usize>, found: &mut Found<'_>) {
    let calls = get(message, "tool_calls").map(super::elements).unwrap_or_default();
    for call in calls.iter().filter(|call| !matches!(call.value, Value::Null)) {
        if let Some(unit) = unit {
            found.calls_tools(unit);
        }
        for (kind, member) in [("function", "arguments"), ("custom", "input")] {
            if let Some(value) = get(call, kind).and_then(|inner| get(inner, member)) {
                arguments(value, found);
            }
        }
    }
    if let Some(value) = get(message, "function_call").and_then(|call| get(call, "arguments")) {
        if let Some(unit) = unit {
            found.calls_tools(unit);
        }
        arguments(value, found);
    }
}

/// The arguments of a call: a JSON text inside a string, or a value.
pub(super) fn arguments(value: &Node, found: &mut Found<'_>) {
    match &value.value {
        Value::Text(_) => found.take(Of::Arguments, value),
        Value::Null => {}
        _ => found.take_value(value),
    }
}
