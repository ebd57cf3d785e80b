//! The texts of whole answers.

use super::places::{arguments, asides, content, part, tool_calls};
use super::{Found, Of, Shape, elements, get, text};
use crate::kernel::json::{Node, Value};

pub(super) fn find(shape: Shape, root: &Node, found: &mut Found<'_>) {
    match shape {
        Shape::Chat => {
            for choice in get(root, "choices").map(elements).unwrap_or_default() {
                let unit = found.unit();
                if let Some(message) = get(choice, "message") {
                    message_of(message, unit, found);
                }
            }
        }
        Shape::Completions => {
            for choice in get(root, "choices").map(elements).unwrap_or_default() {
                let unit = found.unit();
                if let Some(text) = get(choice, "text") {
                    found.take(Of::Unit(unit), text);
                }
            }
        }
        Shape::Messages => {
            let unit = found.unit();
            if let Some(inner) = get(root, "content") {
                content(inner, unit, found);
            }
        }
        Shape::Responses => response(root, found),
        Shape::Transcriptions => {
            let unit = found.unit();
            if let Some(text) = get(root, "text") {
                found.take(Of::Unit(unit), text);
            }
            for name in ["segments", "words"] {
                if let Some(inner) = get(root, name) {
                    asides(inner, name, found);
                }
            }
        }
        Shape::Embeddings | Shape::Moderations | Shape::Images | Shape::Speech | Shape::Rerank => {}
    }
}

/// A message of a chat: its content, its tool calls, and whatever else a person could read, such as a refusal.
pub(super) fn message_of(message: &Node, unit: usize, found: &mut Found<'_>) {
    let Value::Object(members) = &message.value else { return };
    for member in members {
        match member.key.as_str() {
            "content" => content(&member.value, unit, found),
            "tool_calls" | "function_call" => {}
            key => aside(key, &member.value, found),
        }
    }
    tool_calls(message, Some(unit), found);
}

fn aside(name: &str, value: &Node, found: &mut Found<'_>) {
    if !["role", "id", "name"].contains(&name) {
        asides(value, name, found);
    }
}

/// A response: all that it says together is one answer.
pub(super) fn response(root: &Node, found: &mut Found<'_>) {
    let unit = found.unit();
    // A list of what was said, as it can be asked for, is called `data`.
    let items = ["output", "data"].into_iter().filter_map(|name| get(root, name));
    for item in items.flat_map(elements) {
        output_item(item, unit, found);
    }
    // The text once more, as some servers add it.
    if let Some(text) = get(root, "output_text") {
        found.take(Of::Aside, text);
    }
}

pub(super) fn output_item(item: &Node, unit: usize, found: &mut Found<'_>) {
    match text(item, "type").unwrap_or("message") {
        "message" => {
            for one in get(item, "content").map(elements).unwrap_or_default() {
                part(one, unit, found);
            }
        }
        kind => {
            if kind.ends_with("_call") {
                found.calls_tools(unit);
            }
            let Value::Object(members) = &item.value else { return };
            for member in members {
                match member.key.as_str() {
                    "arguments" | "input" => arguments(&member.value, found),
                    key => aside(key, &member.value, found),
                }
            }
        }
    }
}
