//! What messages look like: held against prompts that are saved, raw prompts that were rendered, and lists of messages
//! that are put into placeholders.

use super::data::Data;
use super::template::bad_name;
use crate::kernel::json::{Node, Value, below, element};

/// The roles of messages.
pub const ROLES: [&str; 5] = ["system", "developer", "user", "assistant", "tool"];
/// The kinds of parts, with the member in which each has what it shows.
const PARTS: [(&str, &str); 5] = [
    ("text", "text"),
    ("image_url", "image_url"),
    ("input_audio", "input_audio"),
    ("file", "file"),
    ("refusal", "refusal"),
];

/// A JSON value, however it is kept.
pub trait Look: Sized {
    fn text(&self) -> Option<&str>;
    fn list(&self) -> Option<&[Self]>;
    fn is_object(&self) -> bool;
    fn is_null(&self) -> bool;
    fn member(&self, key: &str) -> Option<&Self>;
}

impl Look for Node {
    fn text(&self) -> Option<&str> {
        if let Value::Text(text) = &self.value { Some(text) } else { None }
    }
    fn list(&self) -> Option<&[Self]> {
        if let Value::List(list) = &self.value { Some(list) } else { None }
    }
    fn is_object(&self) -> bool {
        matches!(self.value, Value::Object(_))
    }
    fn is_null(&self) -> bool {
        self.value == Value::Null
    }
    fn member(&self, key: &str) -> Option<&Self> {
        let Value::Object(members) = &self.value else { return None };
        members.iter().find(|member| member.key == key).map(|member| &member.value)
    }
}

impl Look for Data {
    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
    fn list(&self) -> Option<&[Self]> {
        if let Self::List(list) = self { Some(list) } else { None }
    }
    fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }
    fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
    fn member(&self, key: &str) -> Option<&Self> {
        if let Self::Object(object) = self { object.get(key) } else { None }
    }
}

/// Told of each mistake: the value to blame, its path, a code that never changes, a sentence.
pub type Say<'a, T> = &'a mut dyn FnMut(&T, String, &'static str, String);

/// The name of the variable of a placeholder block, `{"type": "placeholder", "name": …}`.
pub fn placeholder<T: Look>(block: &T) -> Option<&T> {
    let is_one = block.member("role").is_none() && block.member("type").and_then(T::text) == Some("placeholder");
    if is_one { Some(block.member("name").unwrap_or(block)) } else { None }
}

/// Holds a list of messages against what they look like. It may be empty only where it `may_be_empty`.
pub fn messages<T: Look>(list: &T, may_be_empty: bool, say: Say<T>) {
    let Some(blocks) = list.list() else {
        return say(list, String::new(), "not_messages", "The messages must be a list.".into());
    };
    if blocks.is_empty() && !may_be_empty {
        say(list, String::new(), "no_messages", "There must be a message.".into());
    }
    for (number, block) in blocks.iter().enumerate() {
        message(block, &element("", number), say);
    }
}

/// Holds the blocks of a prompt that is saved against it: messages and placeholders.
pub fn blocks<T: Look>(list: &T, say: Say<T>) {
    let Some(blocks) = list.list() else { return messages(list, false, say) };
    if blocks.is_empty() {
        return messages(list, false, say);
    }
    for (number, block) in blocks.iter().enumerate() {
        let path = element("", number);
        let Some(name) = placeholder(block) else {
            message(block, &path, say);
            continue;
        };
        let why = match name.text().map(str::trim) {
            None | Some("") => Some("A placeholder needs the name of a variable."),
            Some(".") => Some("A placeholder cannot be named “.”."),
            Some(name) => bad_name(name),
        };
        if let Some(why) = why {
            say(name, below(&path, "name"), "bad_placeholder", why.into());
        }
    }
}

fn message<T: Look>(message: &T, path: &str, say: Say<T>) {
    if !message.is_object() {
        return say(
            message,
            path.into(),
            "not_messages",
            "A message must be an object with a role and a content.".into(),
        );
    }
    let role = message.member("role");
    let known = role.and_then(T::text).is_some_and(|role| ROLES.contains(&role));
    if !known {
        let why = format!("The role must be one of {}.", ROLES.join(", "));
        say(role.unwrap_or(message), below(path, "role"), "unknown_role", why);
    }
    let from_assistant = role.and_then(T::text) == Some("assistant");
    match message.member("content") {
        Some(content) if !content.is_null() => self::content(content, &below(path, "content"), say),
        _ if from_assistant => {}
        nothing => {
            let why = "A message must have a content: a text, or a list of parts.";
            say(nothing.unwrap_or(message), below(path, "content"), "bad_content", why.into());
        }
    }
    let Some(calls) = message.member("tool_calls").filter(|calls| !calls.is_null()) else { return };
    let path = below(path, "tool_calls");
    let Some(list) = calls.list().filter(|_| from_assistant) else {
        let why = "Tool calls must be a list, and only the assistant makes them.";
        return say(calls, path, "bad_tool_calls", why.into());
    };
    for (number, call) in list.iter().enumerate() {
        if !call.is_object() {
            say(call, element(&path, number), "bad_tool_calls", "A tool call must be an object.".into());
        }
    }
}

fn content<T: Look>(content: &T, path: &str, say: Say<T>) {
    if content.text().is_some() {
        return;
    }
    let Some(parts) = content.list() else {
        return say(content, path.into(), "bad_content", "The content must be a text, or a list of parts.".into());
    };
    for (number, part) in parts.iter().enumerate() {
        let path = element(path, number);
        let kind = part.member("type").and_then(T::text);
        match kind.and_then(|kind| PARTS.iter().find(|(known, _)| *known == kind)) {
            None => {
                let kinds: Vec<_> = PARTS.iter().map(|(kind, _)| *kind).collect();
                let why = format!("The type of a part must be one of {}.", kinds.join(", "));
                say(part.member("type").unwrap_or(part), below(&path, "type"), "bad_part", why);
            }
            Some((kind, member)) => {
                let is_text = matches!(*kind, "text" | "refusal");
                let told = part.member(member);
                if !told.is_some_and(|told| if is_text { told.text().is_some() } else { told.is_object() }) {
                    let what = if is_text { "a text" } else { "an object" };
                    let why = format!("A part of the type {kind} must have {what} at “{member}”.");
                    say(told.unwrap_or(part), below(&path, member), "bad_part", why);
                }
            }
        }
    }
}
