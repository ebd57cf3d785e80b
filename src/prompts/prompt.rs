//! A stored version of a prompt: what it is made of, checked and compiled.

use super::data::{Data, quote};
use super::outcome::Output;
use super::render::{Partials, reach};
use super::shape;
use super::template::{Gathered, Name, Names, Slug, Template};
use super::{MAX_NAMES, MAX_TEXT};
use crate::kernel::Fault;
use crate::kernel::json::{self, Node, Value, Why, below, element};
use serde_json::Map;
use std::collections::BTreeSet;

/// The most faults that are told.
const MAX_FAULTS: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A list of messages.
    Chat,
    /// One text, to be completed.
    Text,
}

/// What a version of a prompt is stored as.
#[derive(Debug, Clone, Copy, Default)]
pub struct Source<'a> {
    /// The JSON text of the list of messages, or the text of a completion.
    pub string: &'a str,
    /// Without it, what begins like a list of objects is meant to be one.
    pub kind: Option<Kind>,
    /// The string is rendered as a text and read as JSON afterwards; always a chat.
    pub is_raw: bool,
    pub model: Option<&'a str>,
    /// An object: `temperature`, `max_tokens`, ….
    pub parameters: Option<&'a serde_json::Value>,
    pub functions: Option<&'a serde_json::Value>,
    pub tools: Option<&'a serde_json::Value>,
    pub tool_choice: Option<&'a serde_json::Value>,
}

/// A compiled version. It is shared between calls.
#[derive(Debug)]
pub struct Prompt {
    pub(super) body: Body,
    /// The first steps of its own names, sorted.
    pub(super) mentioned: Vec<String>,
    pub(super) partials: Vec<Slug>,
    /// The bytes of its text.
    pub(super) text_size: usize,
    names: Names,
    settings: Map<String, serde_json::Value>,
    size: usize,
}

#[derive(Debug)]
pub(super) enum Body {
    /// Messages and placeholders.
    Chat(Vec<Vec<Piece>>),
    Raw(Template),
    Text(Template),
}

/// A piece of a block.
#[derive(Debug)]
pub(super) enum Piece {
    /// JSON that no value changes.
    Json(String),
    /// A text with tags.
    Text(Template),
    /// The name of the variable that holds messages.
    Placeholder(Name),
}

/// What a text is meant to be.
fn guess(source: &Source) -> Kind {
    let begins_list = || {
        let inner = source.string.trim_start().strip_prefix('[')?.trim_start();
        let object = inner.strip_prefix('{').map(str::trim_start);
        (inner.starts_with(']') || object.is_some_and(|object| object.starts_with(['"', '}']))).then_some(())
    };
    match source.kind {
        _ if source.is_raw => Kind::Chat,
        Some(kind) => kind,
        None if begins_list().is_some() => Kind::Chat,
        None => Kind::Text,
    }
}

impl Prompt {
    /// Checks a version and compiles it.
    ///
    /// # Errors
    /// What is wrong, at most a hundred faults: those of the messages first, then those of their texts. A mistake in a tag
    /// has the path of the text in the list of messages (`[0].content[1].text`) and its line and column in that text; other
    /// mistakes have the place in the JSON text.
    /// Besides the codes of [`Template::parse`]: `invalid_json`, `too_deep`, `too_long`, `key_twice`, `not_messages`,
    /// `no_messages`, `unknown_role`, `bad_content`, `bad_part`, `bad_tool_calls`, `bad_placeholder`, `bad_parameters`,
    /// `bad_functions`, `bad_tools`, `bad_tool_choice`.
    pub fn read(source: &Source) -> Result<Self, Vec<Fault>> {
        let (settings, mut faults) = settings(source);
        let mut gathered = Gathered::default();
        let body = body(source, &mut gathered, &mut faults);
        let names = gathered.names;
        let Some(body) = body.filter(|_| faults.is_empty()) else { return Err(faults) };
        let mentioned: BTreeSet<&str> = names.first_steps().collect();
        let mentioned: Vec<String> = mentioned.into_iter().map(str::to_owned).collect();
        let partials = names.partials.iter().map(|written| Slug::of(written)).collect();
        let text_size = source.string.len();
        let kept = match &body {
            Body::Raw(template) | Body::Text(template) => template.size(),
            Body::Chat(blocks) => blocks.iter().flatten().map(Piece::size).sum(),
        };
        let size = size_of::<Self>() + kept + serde_json::to_string(&settings).map_or(0, |text| 2 * text.len());
        Ok(Self { body, mentioned, partials, text_size, names, settings, size })
    }

    /// Whether it makes messages or a text.
    pub fn kind(&self) -> Kind {
        if matches!(self.body, Body::Text(_)) { Kind::Text } else { Kind::Chat }
    }

    /// The names in it alone; its partials are those by which it uses others.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The names in it and in all partials within its reach: everything that can be asked of a caller.
    pub fn variables(&self, partials: &Partials) -> Names {
        let mut gathered = Gathered::default();
        gathered.add(&self.names);
        reach(self.partials.iter(), partials, |template| {
            gathered.add(template.names());
            gathered.names.variables.len() + gathered.names.sections.len() < MAX_NAMES
        });
        gathered.names
    }

    /// Model, parameters, functions, tools and tool choice, as members of a request. A stored `stream` is none of them.
    pub fn settings(&self) -> &Map<String, serde_json::Value> {
        &self.settings
    }

    /// The JSON text of a request: the settings, those of a caller before them, and what was rendered.
    pub fn request(&self, output: &Output, overrides: &Map<String, serde_json::Value>) -> String {
        let mut members = self.settings.clone();
        let theirs = overrides.iter().filter(|(key, _)| !["messages", "prompt", "variables"].contains(&key.as_str()));
        members.extend(theirs.map(|(key, value)| (key.clone(), value.clone())));
        let mut text = String::from("{");
        for (key, value) in &members {
            quote(&mut text, key);
            text.push(':');
            text.push_str(&value.to_string());
            text.push(',');
        }
        match output {
            Output::Messages(messages) => {
                text.push_str("\"messages\":");
                text.push_str(messages);
            }
            Output::Text(prompt) => {
                text.push_str("\"prompt\":");
                quote(&mut text, prompt);
            }
        }
        text.push('}');
        text
    }

    /// Roughly the bytes that it takes in memory.
    pub fn size(&self) -> usize {
        self.size
    }
}

impl Piece {
    fn size(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Json(json) => json.capacity(),
                Self::Text(template) => template.size(),
                Self::Placeholder(name) => 3 * name.written.len(),
            }
    }
}

/// The members of a request that are not rendered.
fn settings(source: &Source) -> (Map<String, serde_json::Value>, Vec<Fault>) {
    use serde_json::Value;
    let mut members = Map::new();
    let mut faults = vec![];
    let mut wrong = |path: &str, code: &str, message: &str| {
        faults.push(Fault { path: path.into(), line: 1, column: 1, code: code.into(), message: message.into() });
    };
    match source.parameters {
        None | Some(Value::Null) => {}
        Some(Value::Object(told)) => {
            let kept = told.iter().filter(|(key, _)| !["stream", "messages", "prompt"].contains(&key.as_str()));
            members.extend(kept.map(|(key, value)| (key.clone(), value.clone())));
        }
        Some(_) => wrong("parameters", "bad_parameters", "The parameters must be an object."),
    }
    if let Some(model) = source.model.filter(|model| !model.is_empty()) {
        members.insert("model".into(), model.into());
    }
    for (key, code, told) in [("functions", "bad_functions", source.functions), ("tools", "bad_tools", source.tools)] {
        match told {
            None | Some(Value::Null) => {}
            Some(Value::Array(list)) if list.iter().all(Value::is_object) => {
                if !list.is_empty() {
                    members.insert(key.into(), Value::Array(list.clone()));
                }
            }
            Some(_) => wrong(key, code, "This must be a list of objects."),
        }
    }
    match source.tool_choice {
        None | Some(Value::Null) => {}
        Some(choice @ (Value::String(_) | Value::Object(_))) => {
            members.insert("tool_choice".into(), choice.clone());
        }
        Some(_) => wrong("tool_choice", "bad_tool_choice", "The tool choice must be a text or an object."),
    }
    (members, faults)
}

/// Compiles what is rendered.
fn body(source: &Source, gathered: &mut Gathered, faults: &mut Vec<Fault>) -> Option<Body> {
    let text = source.string;
    let mut fault = |at: usize, path: String, code: &str, message: String| {
        if faults.len() >= MAX_FAULTS {
            return;
        }
        let (line, column) = Fault::place(text, at);
        faults.push(Fault { path, line, column, code: code.into(), message });
    };
    if text.len() > MAX_TEXT {
        fault(0, String::new(), "too_long", format!("A prompt may have {MAX_TEXT} bytes at most."));
        return None;
    }
    if source.is_raw || guess(source) == Kind::Text {
        return match Template::parse(text) {
            Ok(template) => {
                gathered.add(template.names());
                Some(if source.is_raw { Body::Raw(template) } else { Body::Text(template) })
            }
            Err(wrong) => {
                faults.push(wrong);
                None
            }
        };
    }
    let (node, twice) = match json::read(text) {
        Ok(read) => read,
        Err(unreadable) => {
            let (code, message) = match unreadable.why {
                Why::TooDeep => {
                    ("too_deep", format!("The messages are nested deeper than {} levels.", json::MAX_DEPTH))
                }
                Why::Number => ("invalid_json", "This number is too large.".into()),
                Why::Syntax => ("invalid_json", "The messages are no valid JSON from here on.".into()),
            };
            fault(unreadable.at, String::new(), code, message);
            return None;
        }
    };
    for twice in twice {
        fault(twice.at, twice.path, "key_twice", "This key stands twice.".into());
    }
    shape::blocks(&node, &mut |value, path, code, message| fault(value.at.start, path, code, message));
    let mut compiler = Compiler { text, gathered, faults, pieces: vec![] };
    let Value::List(blocks) = &node.value else { return None };
    let mut compiled = Vec::with_capacity(blocks.len());
    for (number, block) in blocks.iter().enumerate() {
        compiled.push(compiler.block(block, &element("", number)));
    }
    Some(Body::Chat(compiled))
}

struct Compiler<'a> {
    text: &'a str,
    gathered: &'a mut Gathered,
    faults: &'a mut Vec<Fault>,
    pieces: Vec<Piece>,
}

impl Compiler<'_> {
    fn block(&mut self, block: &Node, path: &str) -> Vec<Piece> {
        if let Some(name) = shape::placeholder(block) {
            let Value::Text(name) = &name.value else { return vec![] };
            let name = name.trim();
            let own = || vec![name.to_owned()];
            self.gathered.add(&Names { variables: own(), placeholders: own(), ..Names::default() });
            return vec![Piece::Placeholder(Name::of(name))];
        }
        self.value(block, path, None);
        std::mem::take(&mut self.pieces)
    }

    /// The JSON that is being put together.
    fn json(&mut self) -> &mut String {
        if !matches!(self.pieces.last(), Some(Piece::Json(_))) {
            self.pieces.push(Piece::Json(String::new()));
        }
        match self.pieces.last_mut() {
            Some(Piece::Json(json)) => json,
            _ => unreachable!("it was put there"),
        }
    }

    /// Compiles a value; roles and types are what a message is made of, and stay as they are.
    fn value(&mut self, node: &Node, path: &str, key: Option<&str>) {
        match &node.value {
            Value::Text(told) if !matches!(key, Some("role" | "type")) => self.template(told, path),
            Value::List(elements) => {
                self.json().push('[');
                for (number, one) in elements.iter().enumerate() {
                    if number > 0 {
                        self.json().push(',');
                    }
                    self.value(one, &element(path, number), None);
                }
                self.json().push(']');
            }
            Value::Object(members) => {
                self.json().push('{');
                for (number, member) in members.iter().enumerate() {
                    if number > 0 {
                        self.json().push(',');
                    }
                    quote(self.json(), &member.key);
                    self.json().push(':');
                    self.value(&member.value, &below(path, &member.key), Some(&member.key));
                }
                self.json().push('}');
            }
            _ => {
                let text = self.text;
                Data::of(node, text).write(self.json(), usize::MAX);
            }
        }
    }

    fn template(&mut self, told: &str, path: &str) {
        match Template::parse(told) {
            Ok(template) if template.is_plain() => {
                let plain = template.plain();
                quote(self.json(), &plain);
            }
            Ok(template) => {
                self.gathered.add(template.names());
                self.pieces.push(Piece::Text(template));
            }
            Err(_) if self.faults.len() >= MAX_FAULTS => {}
            Err(wrong) => self.faults.push(Fault { path: path.to_owned(), ..wrong }),
        }
    }
}

/// A prompt as lines for people, in which two versions can be compared: each message with its role, its texts as they
/// are, everything else as JSON. What is no list of messages is given as it is.
pub fn plain(string: &str) -> String {
    let Ok((node, _)) = json::read(string) else { return string.to_owned() };
    let Data::List(blocks) = Data::of(&node, string) else { return string.to_owned() };
    let mut out = String::new();
    let line = |out: &mut String, key: &str, value: &Data| {
        out.push_str(key);
        out.push_str(": ");
        value.write(out, usize::MAX);
        out.push('\n');
    };
    for block in &blocks {
        let Data::Object(block) = block else {
            line(&mut out, "", block);
            continue;
        };
        if let Some(Data::Text(role)) = block.get("role") {
            out.push_str(&format!("[{role}]\n"));
        }
        for (key, value) in &block.members {
            match (key.as_str(), value) {
                ("role", Data::Text(_)) => {}
                ("content", Data::Text(text)) => out.push_str(&format!("{text}\n")),
                ("content", Data::List(parts)) => {
                    for part in parts {
                        match part {
                            Data::Object(part) if part.members.len() == 2 => match (part.get("type"), part.get("text"))
                            {
                                (Some(Data::Text(_)), Some(Data::Text(text))) => out.push_str(&format!("{text}\n")),
                                _ => line(&mut out, "part", &Data::Object(part.clone())),
                            },
                            part => line(&mut out, "part", part),
                        }
                    }
                }
                _ => line(&mut out, key, value),
            }
        }
        out.push('\n');
    }
    out
}
