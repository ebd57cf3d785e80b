//! Puts a text before a message: the one check that changes the order of a request, not only its words.

use super::checks::Prefix;
use super::texts::{Change, elements, get, text};
use super::{Reading, Shape};
use crate::kernel::json::{self, Node, Value};
use serde_json::json;

/// The body with the prefix in it; `None` where the request has no messages that could take it.
pub(super) fn put(prefix: &Prefix, shape: Shape, reading: &Reading) -> Option<String> {
    let (root, _) = json::read(reading.body()).ok()?;
    let change = match shape {
        Shape::Messages if prefix.leads() => in_system(prefix, &root)?,
        Shape::Chat | Shape::Messages => in_messages(prefix, get(&root, "messages")?, shape)?,
        Shape::Responses => match get(&root, "input")? {
            node @ Node { value: Value::Text(_), .. } => before(prefix, node)?,
            list => in_messages(prefix, list, shape)?,
        },
        Shape::Completions => before(prefix, elements(get(&root, "prompt")?).first()?)?,
        _ => return None,
    };
    Some(reading.changed(vec![change]))
}

/// The prefix before a text.
fn before(prefix: &Prefix, node: &Node) -> Option<Change> {
    let Value::Text(text) = &node.value else { return None };
    if prefix.only_if_empty && !text.is_empty() {
        return None;
    }
    Some(Change { at: node.at.clone(), text: json!(format!("{}{text}", prefix.prefix)).to_string() })
}

impl Prefix {
    /// Whether it is for the model alone, before whatever is said.
    fn leads(&self) -> bool {
        matches!(self.role.as_str(), "system" | "developer")
    }
}

/// In Anthropic's words, where what leads a conversation stands beside the messages and not among them.
fn in_system(prefix: &Prefix, root: &Node) -> Option<Change> {
    let block = json!({ "type": "text", "text": prefix.prefix });
    let Some(system) = get(root, "system") else {
        // There are messages, so that it is not the only member.
        get(root, "messages")?;
        let at = root.at.start + 1;
        return Some(Change { at: at..at, text: format!("\"system\":{},", json!(prefix.prefix)) });
    };
    let instead = |text: serde_json::Value| Some(Change { at: system.at.clone(), text: text.to_string() });
    match &system.value {
        Value::Null => instead(json!(prefix.prefix)),
        Value::Text(text) if prefix.only_if_empty && !text.trim().is_empty() => None,
        Value::Text(text) if prefix.add_to_existing => instead(json!(format!("{}{text}", prefix.prefix))),
        Value::Text(text) if text.is_empty() => instead(json!(prefix.prefix)),
        Value::Text(text) => instead(json!([block, { "type": "text", "text": text }])),
        Value::List(blocks) if prefix.only_if_empty && !blocks.is_empty() => None,
        Value::List(blocks) => match blocks.first() {
            Some(first) if prefix.add_to_existing => before(prefix, get(first, "text")?),
            first => {
                let comma = if first.is_some() { "," } else { "" };
                let at = system.at.start + 1;
                Some(Change { at: at..at, text: format!("{block}{comma}") })
            }
        },
        _ => None,
    }
}

fn in_messages(prefix: &Prefix, list: &Node, shape: Shape) -> Option<Change> {
    let Value::List(messages) = &list.value else { return None };
    let of_role = |message: &&Node| text(message, "role") == Some(&prefix.role);
    let message = json!({ "role": prefix.role, "content": prefix.prefix }).to_string();
    let insert = |at: usize, text: String| Some(Change { at: at..at, text });
    let Some(first) = messages.iter().find(of_role) else {
        // What leads a conversation is put first, any other last.
        return match (messages.first(), messages.last()) {
            (Some(first), _) if prefix.leads() => insert(first.at.start, format!("{message},")),
            (_, Some(last)) => insert(last.at.end, format!(",{message}")),
            _ => insert(list.at.start + 1, message),
        };
    };
    if prefix.only_if_empty && !is_empty(first) {
        return None;
    }
    if !prefix.add_to_existing {
        return insert(first.at.start, format!("{message},"));
    }
    let content = get(first, "content")?;
    match &content.value {
        Value::Text(text) => {
            Some(Change { at: content.at.clone(), text: json!(format!("{}{text}", prefix.prefix)).to_string() })
        }
        Value::Null => Some(Change { at: content.at.clone(), text: json!(prefix.prefix).to_string() }),
        Value::List(parts) => {
            let kind = if shape == Shape::Responses { "input_text" } else { "text" };
            match parts.first() {
                Some(part) if text(part, "type") == Some(kind) => {
                    let node = get(part, "text")?;
                    let Value::Text(text) = &node.value else { return None };
                    Some(Change { at: node.at.clone(), text: json!(format!("{}{text}", prefix.prefix)).to_string() })
                }
                first => {
                    let part = json!({ "type": kind, "text": prefix.prefix }).to_string();
                    let comma = if first.is_some() { "," } else { "" };
                    insert(content.at.start + 1, format!("{part}{comma}"))
                }
            }
        }
        _ => None,
    }
}

fn is_empty(message: &Node) -> bool {
    match get(message, "content").map(|content| &content.value) {
        None | Some(Value::Null) => true,
        Some(Value::Text(text)) => text.trim().is_empty(),
        Some(Value::List(parts)) => parts.is_empty(),
        Some(_) => false,
    }
}
