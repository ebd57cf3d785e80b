//! The texts of requests.

use super::places::{arguments, asides, content, part, tool_calls};
use super::{Found, Of, Shape, elements, get, text};
use crate::kernel::json::{Node, Value};

pub(super) fn find(shape: Shape, root: &Node, found: &mut Found<'_>) {
    let member = |name: &str| get(root, name);
    match shape {
        Shape::Chat | Shape::Messages => messages(member("messages"), found),
        Shape::Responses => {
            input(member("input"), found);
            if let Some(variables) = get(root, "prompt").and_then(|prompt| get(prompt, "variables")) {
                asides(variables, "variables", found);
            }
        }
        Shape::Completions => {
            each(member("prompt"), found);
            each(member("suffix"), found);
        }
        Shape::Embeddings | Shape::Moderations | Shape::Speech => each(member("input"), found),
        Shape::Images => each(member("prompt"), found),
        Shape::Transcriptions => each(member("prompt"), found),
        Shape::Rerank => {
            each(member("query"), found);
            each(member("documents"), found);
        }
    }
}

/// A text, or several, each judged alone.
fn each(value: Option<&Node>, found: &mut Found<'_>) {
    for element in value.map(elements).unwrap_or_default() {
        match &element.value {
            Value::Text(_) | Value::Object(_) => {
                let unit = found.unit();
                content(element, unit, found);
            }
            Value::List(inner) if inner.iter().any(|one| matches!(one.value, Value::Text(_) | Value::Object(_))) => {
                let unit = found.unit();
                content(element, unit, found);
            }
            Value::Null => {}
            // Tokens as numbers are a text that nobody here can read.
            _ => found.unseen = true,
        }
    }
}

/// Whether a message is judged: all but those that the application and the model itself have written.
fn is_judged(message: &Node, is_last: bool) -> bool {
    is_last || !matches!(text(message, "role"), Some("system" | "developer" | "assistant"))
}

fn messages(value: Option<&Node>, found: &mut Found<'_>) {
    let all = value.map(elements).unwrap_or_default();
    for (number, message) in all.iter().enumerate() {
        if !is_judged(message, number + 1 == all.len()) {
            tool_calls(message, None, found);
            if let Some(Value::List(parts)) = get(message, "content").map(|content| &content.value) {
                for part in parts {
                    if let Some(input) = get(part, "input") {
                        found.take_value(input);
                    }
                }
            }
            continue;
        }
        let unit = found.unit();
        judged(message, unit, found);
    }
}

fn judged(message: &Node, unit: usize, found: &mut Found<'_>) {
    if let Some(inner) = get(message, "content") {
        content(inner, unit, found);
    }
    tool_calls(message, Some(unit), found);
}

/// What a response is asked for: a text, or items of several kinds.
fn input(value: Option<&Node>, found: &mut Found<'_>) {
    let all = value.map(elements).unwrap_or_default();
    for (number, item) in all.iter().enumerate() {
        let is_last = number + 1 == all.len();
        if matches!(item.value, Value::Text(_)) {
            let unit = found.unit();
            found.take(Of::Unit(unit), item);
            continue;
        }
        match text(item, "type").unwrap_or("message") {
            "message" => {
                if is_judged(item, is_last) {
                    let unit = found.unit();
                    judged(item, unit, found);
                }
            }
            "function_call" | "custom_tool_call" | "mcp_call" => {
                for name in ["arguments", "input"] {
                    if let Some(value) = get(item, name) {
                        arguments(value, found);
                    }
                }
                if let Some(output) = get(item, "output") {
                    let unit = found.unit();
                    content(output, unit, found);
                }
            }
            "reasoning" | "item_reference" => {}
            kind if kind.ends_with("_output") => {
                let unit = found.unit();
                match get(item, "output") {
                    Some(output) => content(output, unit, found),
                    None => part(item, unit, found),
                }
            }
            _ => asides(item, "", found),
        }
    }
}
