//! A kept text as a conversation. Whose language it is in, its members say: a request is in its provider's words, an answer
//! in those of the interface that was called. Where nothing can be made out, the text itself is shown alone.

use super::texts::{Shown, Turn};
use serde_json::Value;

/// A kept text, to be shown.
pub fn shown(text: &str) -> Shown {
    let whole = serde_json::from_str::<Value>(text);
    // What was cut is read as far as it goes, and shown as it is.
    let raw = match &whole {
        Ok(value) => serde_json::to_string_pretty(value).unwrap_or_else(|_| text.to_owned()),
        Err(_) => text.to_owned(),
    };
    let value = whole.ok().or_else(|| mended(text));
    Shown { turns: value.as_ref().map(turns).unwrap_or_default(), raw }
}

/// The most values within one another.
const DEEPEST: usize = 120;

/// A JSON text whose end is missing, with what is open closed.
fn mended(text: &str) -> Option<Value> {
    let mut open: Vec<char> = vec![];
    let (mut within, mut escaped) = (false, false);
    // Up to where all is whole, and what is open there.
    let mut whole = None;
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if within => escaped = true,
            '"' => within = !within,
            _ if within => {}
            '{' => open.push('}'),
            '[' => open.push(']'),
            '}' | ']' => drop(open.pop()),
            ',' => whole = Some((at, open.clone())),
            _ => {}
        }
        // No body is as deep as that, and none could be read.
        if open.len() > DEEPEST {
            return None;
        }
    }
    let closed = |text: &str, open: &[char]| {
        let ends: String = open.iter().rev().collect();
        serde_json::from_str(&format!("{text}{ends}")).ok()
    };
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let mut last = text;
    if within {
        // An escape that was cut in two, such as \u00e, is left out.
        let begun = last.char_indices().rev().take(6).find(|(_, letter)| *letter == '\\').map(|(at, _)| at);
        let tail = begun.map(|at| &last[at..]);
        let is_cut = tail.is_some_and(|tail| escaped || tail.starts_with("\\u") && tail.len() < 6);
        if let Some(at) = begun.filter(|_| is_cut) {
            last = &last[..at];
        }
    }
    let quote = if within { "\"" } else { "" };
    closed(&format!("{last}{quote}"), &open).or_else(|| whole.and_then(|(at, open)| closed(&text[..at], &open)))
}

/// What is said in a request or an answer of any kind.
fn turns(value: &Value) -> Vec<Turn> {
    let mut turns = Turns::default();
    turns.request(value);
    turns.answer(value);
    turns.0
}

#[derive(Default)]
struct Turns(Vec<Turn>);

impl Turns {
    fn say(&mut self, who: &str, words: impl Into<String>) {
        let words = words.into();
        if !words.is_empty() {
            self.0.push(Turn { who: who.to_owned(), words });
        }
    }

    fn request(&mut self, value: &Value) {
        // Messages of Anthropic and of Google have what is said before the conversation in a place of its own.
        for name in ["system", "instructions", "systemInstruction", "system_instruction"] {
            if let Some(inner) = value.get(name) {
                self.content("system", inner.get("parts").unwrap_or(inner));
            }
        }
        for message in list(value, "messages") {
            self.message(message);
        }
        for content in list(value, "contents") {
            let who = if text(content, "role") == "model" { "assistant" } else { "user" };
            self.content(who, content.get("parts").unwrap_or(&Value::Null));
        }
        match value.get("input") {
            Some(Value::Array(items)) if items.iter().any(Value::is_object) => {
                for item in items {
                    self.item(item);
                }
            }
            Some(inner) => self.content("input", inner),
            None => {}
        }
        for name in ["prompt", "query", "documents"] {
            if let Some(inner) = value.get(name) {
                self.content(name, inner);
            }
        }
        for content in list(value, "requests") {
            if let Some(inner) = content.get("content") {
                self.content("input", inner.get("parts").unwrap_or(inner));
            }
        }
    }

    fn answer(&mut self, value: &Value) {
        for choice in list(value, "choices") {
            match (choice.get("message"), choice.get("text")) {
                (Some(message), _) => self.message(message),
                (None, Some(said)) => self.content("assistant", said),
                (None, None) => {}
            }
        }
        if text(value, "type") == "message" {
            self.message(value);
        }
        for item in list(value, "output") {
            self.item(item);
        }
        // The text of a transcription.
        if let Some(Value::String(said)) = value.get("text") {
            self.say("text", said.as_str());
        }
        let embeddings = list(value, "data").iter().filter(|one| one.get("embedding").is_some()).count();
        if embeddings > 0 {
            self.say("embeddings", embeddings.to_string());
        }
        match value.get("error") {
            Some(Value::String(sentence)) => self.say("error", sentence.as_str()),
            Some(error) => self.say("error", text(error, "message")),
            None => {}
        }
    }

    /// A message of a chat, of Anthropic's messages, or of a response.
    fn message(&mut self, message: &Value) {
        let who = match text(message, "role") {
            "" => "assistant",
            role => role,
        };
        for name in ["reasoning_content", "reasoning"] {
            self.say("thoughts", text(message, name));
        }
        if let Some(content) = message.get("content") {
            let answers = text(message, "tool_call_id");
            let who = if answers.is_empty() { who.to_owned() } else { format!("{who} {answers}") };
            self.content(&who, content);
        }
        self.say("refusal", text(message, "refusal"));
        for call in list(message, "tool_calls") {
            let inner = call.get("function").or_else(|| call.get("custom")).unwrap_or(call);
            self.tool(text(inner, "name"), inner.get("arguments").or_else(|| inner.get("input")));
        }
        if let Some(call) = message.get("function_call") {
            self.tool(text(call, "name"), call.get("arguments"));
        }
    }

    /// An item of a response's input or output.
    fn item(&mut self, item: &Value) {
        match text(item, "type") {
            "" | "message" => self.message(item),
            "reasoning" => {
                for part in list(item, "summary").iter().chain(list(item, "content")) {
                    self.say("thoughts", text(part, "text"));
                }
            }
            kind if kind.ends_with("_output") => {
                self.content("tool", item.get("output").unwrap_or(&Value::Null));
            }
            kind => {
                let name = match text(item, "name") {
                    "" => kind,
                    name => name,
                };
                self.tool(name, item.get("arguments").or_else(|| item.get("input")));
            }
        }
    }

    fn tool(&mut self, name: &str, arguments: Option<&Value>) {
        let words = match arguments {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => "{}".to_owned(),
            Some(value) => value.to_string(),
        };
        self.say(format!("tool call {name}").trim_end(), if words.is_empty() { "{}".to_owned() } else { words });
    }

    /// A text, or a list of parts.
    fn content(&mut self, who: &str, content: &Value) {
        match content {
            Value::String(said) => self.say(who, said.as_str()),
            Value::Array(parts) => {
                let numbers = !parts.is_empty() && parts.iter().all(|part| part.is_number() || is_numbers(part));
                if numbers {
                    return self.say(who, content.to_string());
                }
                for part in parts {
                    self.part(who, part);
                }
            }
            Value::Object(_) => self.part(who, content),
            _ => {}
        }
    }

    fn part(&mut self, who: &str, part: &Value) {
        match (part, text(part, "type")) {
            (Value::String(said), _) => self.say(who, said.as_str()),
            (_, "tool_use" | "server_tool_use") => self.tool(text(part, "name"), part.get("input")),
            (_, "tool_result") => {
                self.content(
                    &format!("tool {}", text(part, "tool_use_id")),
                    part.get("content").unwrap_or(&Value::Null),
                );
            }
            (_, "thinking") => self.say("thoughts", text(part, "thinking")),
            (_, "refusal") => self.say("refusal", text(part, "refusal")),
            _ => {
                if let Some(call) = part.get("functionCall").or_else(|| part.get("function_call")) {
                    self.tool(text(call, "name"), call.get("args"));
                } else if let Some(Value::String(said)) = part.get("text") {
                    self.say(who, said.as_str());
                } else if part.is_object() {
                    // An image, a sound, a file, or what is not known.
                    self.say(who, short(part));
                }
            }
        }
    }
}

/// A part that is no text, in few words.
fn short(part: &Value) -> String {
    const MOST: usize = 300;
    let words = part.to_string();
    match words.len() {
        0..=MOST => words,
        _ => format!("{}…", &words[..words.floor_char_boundary(MOST)]),
    }
}

fn is_numbers(value: &Value) -> bool {
    value.as_array().is_some_and(|all| all.iter().all(Value::is_number))
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(value: &Value) -> Vec<(String, String)> {
        shown(&value.to_string()).turns.into_iter().map(|turn| (turn.who, turn.words)).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(who, words)| ((*who).to_owned(), (*words).to_owned())).collect()
    }

    #[test]
    fn requests_of_every_language_are_read() {
        let call = json!({ "id": "c", "function": { "name": "now", "arguments": "{\"a\":1}" } });
        let image = json!({ "type": "image_url", "image_url": { "url": "u" } });
        let chat = json!({ "messages": [
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": [{ "type": "text", "text": "Hello" }, image] },
            { "role": "assistant", "content": null, "tool_calls": [call] },
            { "role": "tool", "tool_call_id": "c", "content": "noon" },
        ] });
        let image = image.to_string();
        let expected = [
            ("system", "Be brief."),
            ("user", "Hello"),
            ("user", image.as_str()),
            ("tool call now", "{\"a\":1}"),
            ("tool c", "noon"),
        ];
        assert_eq!(said(&chat), pairs(&expected));
        let messages = json!({ "system": "Be brief.", "messages": [
            { "role": "user", "content": "Hello" },
            { "role": "assistant", "content": [{ "type": "tool_use", "id": "t", "name": "f", "input": { "x": 2 } }] },
            { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "t", "content": "three" }] },
        ] });
        let expected = [("system", "Be brief."), ("user", "Hello"), ("tool call f", "{\"x\":2}"), ("tool t", "three")];
        assert_eq!(said(&messages), pairs(&expected));
        let google = json!({
            "systemInstruction": { "parts": [{ "text": "Be brief." }] },
            "contents": [{ "role": "user", "parts": [{ "text": "Hello" }] }, { "role": "model", "parts": [{ "text": "Hi" }] }],
        });
        assert_eq!(said(&google), pairs(&[("system", "Be brief."), ("user", "Hello"), ("assistant", "Hi")]));
        let responses = json!({ "instructions": "Be brief.", "input": [{ "role": "user", "content": "Hello" }] });
        assert_eq!(said(&responses), pairs(&[("system", "Be brief."), ("user", "Hello")]));
        assert_eq!(said(&json!({ "prompt": "Once" })), pairs(&[("prompt", "Once")]));
        assert_eq!(said(&json!({ "input": ["a", "b"] })), pairs(&[("input", "a"), ("input", "b")]));
        assert_eq!(said(&json!({ "input": [1, 2] })), pairs(&[("input", "[1,2]")]));
    }

    #[test]
    fn answers_of_every_interface_are_read() {
        let chat = json!({ "choices": [{ "message": { "role": "assistant", "content": "Hi", "refusal": "No" } }] });
        assert_eq!(said(&chat), pairs(&[("assistant", "Hi"), ("refusal", "No")]));
        assert_eq!(said(&json!({ "choices": [{ "text": "upon" }] })), pairs(&[("assistant", "upon")]));
        let message = json!({ "type": "message", "role": "assistant", "content": [{ "type": "text", "text": "Hi" }] });
        assert_eq!(said(&message), pairs(&[("assistant", "Hi")]));
        let response = json!({ "object": "response", "output": [
            { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "Hi" }] },
            { "type": "function_call", "name": "f", "arguments": "{}" },
        ] });
        assert_eq!(said(&response), pairs(&[("assistant", "Hi"), ("tool call f", "{}")]));
        let data = json!({ "object": "list", "data": [{ "embedding": [0.1] }, { "embedding": [0.2] }] });
        assert_eq!(said(&data), pairs(&[("embeddings", "2")]));
        assert_eq!(said(&json!({ "error": { "message": "Too many." } })), pairs(&[("error", "Too many.")]));
    }

    #[test]
    fn a_text_that_was_cut_is_read_as_far_as_it_goes() {
        let whole = json!({ "messages": [{ "role": "user", "content": "One" }, { "role": "user", "content": "Two \u{e9} \\ \"q\"" }] });
        let text = whole.to_string();
        for end in text.char_indices().map(|(at, _)| at).skip(40) {
            let shown = shown(&text[..end]);
            assert_eq!(shown.raw, &text[..end]);
            assert!(shown.turns.first().is_some_and(|turn| "One".starts_with(&turn.words)), "{}", &text[..end]);
        }
        for odd in ["", "plain words", "{", "[", "{\"a", "\u{0}"] {
            assert!(shown(odd).turns.is_empty(), "{odd}");
        }
    }
}
