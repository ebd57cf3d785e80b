//! Finds the texts in the body of a request or an answer, and puts changed ones back in their place. Whatever else is in a
//! body stays as it is, byte by byte.
//!
//! A request's messages are judged one by one: those of the user, those that hold a tool's answer, and the last, whoever
//! speaks there. An answer is judged choice by choice. The arguments of tool calls, and whatever else of a message a person
//! could read, are for the checks that look for what must not be there.

mod answers;
mod places;
mod requests;
mod streams;

use super::checks::Unit;
use crate::kernel::json::{Node, Value};
use std::ops::Range;

/// What kind of body it is, by the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Chat,
    Completions,
    Embeddings,
    Responses,
    Messages,
    Moderations,
    Images,
    Speech,
    Transcriptions,
    Rerank,
}

impl Shape {
    /// The contract's name of the endpoint.
    pub fn request_type(self) -> &'static str {
        match self {
            Shape::Chat => "chatComplete",
            Shape::Completions => "complete",
            Shape::Embeddings => "embed",
            Shape::Responses => "createModelResponse",
            Shape::Messages => "messages",
            Shape::Moderations => "createModeration",
            Shape::Images => "imageGenerate",
            Shape::Speech => "createSpeech",
            Shape::Transcriptions => "createTranscription",
            Shape::Rerank => "rerank",
        }
    }

    /// Whether its answers hold texts that can be judged. Numbers, pictures and sounds cannot.
    pub fn answers_in_words(self) -> bool {
        match self {
            Shape::Chat | Shape::Completions | Shape::Responses | Shape::Messages | Shape::Transcriptions => true,
            Shape::Embeddings | Shape::Moderations | Shape::Images | Shape::Speech | Shape::Rerank => false,
        }
    }
}

/// The texts of a body.
#[derive(Debug, Default)]
pub struct Reading {
    /// The body.
    pub(super) text: String,
    pub(super) channels: Vec<Channel>,
    pub(super) units: Vec<Unit>,
    /// The JSON text of the arguments of each tool call.
    pub(super) arguments: Vec<String>,
    /// As JSON, what else can be read, but for what says a unit's own text once more.
    pub(super) asides: Vec<String>,
    /// Where an answer says once more, token by token, what it says: the values of `logprobs`.
    pub(super) telling: Vec<Range<usize>>,
    /// It is no body that can be read.
    pub(super) unreadable: bool,
    /// Something in it cannot be read, such as a text as numbers of tokens.
    unseen: bool,
    /// It holds no words at all, such as a sound.
    wordless: bool,
    /// Nothing is said with it, as when a stored answer is asked for.
    nothing: bool,
    /// It is a text, not JSON.
    plain: bool,
    stream: bool,
}

/// A text that stands at one place, or in pieces at several, as in a stream.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) of: Of,
    pub(super) spots: Vec<Spot>,
}

/// What a text belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// A unit's own text.
    Unit(usize),
    /// The arguments of a tool call, as a JSON text inside a string.
    Arguments,
    /// The name of a member in the arguments of a tool call.
    Name,
    /// Anything else.
    Aside,
}

/// A JSON string, or another value where arguments are values, and its place in the body.
#[derive(Debug, Clone)]
pub(super) struct Spot {
    pub(super) at: Range<usize>,
    pub(super) text: String,
}

impl Channel {
    pub(super) fn text(&self) -> String {
        self.spots.iter().map(|spot| spot.text.as_str()).collect()
    }
}

/// A text that takes the place of a JSON value.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) at: Range<usize>,
    pub(super) text: String,
}

impl Reading {
    /// Reads the body of a request.
    pub fn request(shape: Shape, body: &[u8]) -> Self {
        Self::read(body, |root, found| requests::find(shape, root, found))
    }

    /// Reads a whole answer.
    pub fn answer(shape: Shape, body: &[u8]) -> Self {
        let mut telling = vec![];
        let reading = Self::read(body, |root, found| {
            answers::find(shape, root, found);
            tokens(root, 0, &mut telling);
        });
        Self { telling, ..reading }
    }

    /// Reads a whole stream of events. The text of what was read is [`body`](Self::body): the same events, each in the
    /// simplest form, comments left out.
    pub fn stream(shape: Shape, body: &[u8]) -> Self {
        Self { stream: true, ..streams::read(shape, body) }
    }

    /// Stands for a body that is no text, such as a form with a sound in it.
    pub fn wordless() -> Self {
        Self { wordless: true, ..Self::default() }
    }

    /// Stands for a request that says nothing but which answer is wanted.
    pub fn nothing() -> Self {
        Self { nothing: true, ..Self::default() }
    }

    /// Reads an answer that is a text and nothing else.
    pub fn plain(body: &[u8]) -> Self {
        let Ok(text) = str::from_utf8(body) else { return Self::unreadable(String::new()) };
        let spot = Spot { at: 0..text.len(), text: text.to_owned() };
        Self {
            channels: vec![Channel { of: Of::Unit(0), spots: vec![spot] }],
            units: vec![Unit { text: text.to_owned(), calls_tools: false }],
            text: text.to_owned(),
            plain: true,
            ..Self::default()
        }
    }

    /// A text in which something is to be changed.
    pub(super) fn of_text(text: String) -> Self {
        Self { text, ..Self::default() }
    }

    fn read(body: &[u8], find: impl FnOnce(&Node, &mut Found<'_>)) -> Self {
        let Ok(text) = str::from_utf8(body) else { return Self::unreadable(String::new()) };
        match crate::kernel::json::read(text) {
            // Of two members with one name nobody can tell which the reader takes.
            Ok((root, twice)) if twice.is_empty() && matches!(root.value, Value::Object(_)) => {
                let mut found = Found::new(text);
                find(&root, &mut found);
                found.reading(text.to_owned())
            }
            _ => Self::unreadable(text.to_owned()),
        }
    }

    fn unreadable(text: String) -> Self {
        Self { text, unreadable: true, ..Self::default() }
    }

    /// The body.
    pub fn body(&self) -> &str {
        &self.text
    }

    /// Whether it is no JSON object, or one that could be read in two ways.
    pub fn is_unreadable(&self) -> bool {
        self.unreadable
    }

    /// Whether there are words in it, or may be, that nobody can judge.
    pub(super) fn hides_words(&self) -> bool {
        self.unreadable || self.wordless || self.unseen
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.nothing
    }

    pub(super) fn is_plain(&self) -> bool {
        self.plain
    }

    pub(super) fn is_stream(&self) -> bool {
        self.stream
    }

    /// Whether every text in it has come to the end of a sentence, and no tool is called.
    pub fn ends_a_sentence(&self) -> bool {
        let ends = |channel: &Channel| match channel.of {
            Of::Unit(_) | Of::Aside => {
                let text = channel.text();
                let end = text.trim_end_matches([' ', '"', '\'', ')', ']', '*', '_', '»', '”', '’']);
                text.is_empty() || end.ends_with(['.', '!', '?', '\n', '…', '。', '！', '？'])
            }
            Of::Arguments | Of::Name => false,
        };
        !self.hides_words() && !self.units.iter().any(|unit| unit.calls_tools) && self.channels.iter().all(ends)
    }

    /// The last text of the user, or all texts of an answer: what a webhook is shown.
    pub(super) fn words(&self, last: bool) -> String {
        let units = if last && !self.units.is_empty() { &self.units[self.units.len() - 1..] } else { &self.units[..] };
        units.iter().map(|unit| unit.text.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// The body with other texts in it.
    pub(super) fn changed(&self, mut changes: Vec<Change>) -> String {
        changes.sort_by_key(|change| change.at.start);
        let mut text = String::with_capacity(self.text.len());
        let mut at = 0;
        for change in changes {
            text.push_str(&self.text[at..change.at.start]);
            text.push_str(&change.text);
            at = change.at.end;
        }
        text.push_str(&self.text[at..]);
        text
    }
}

/// What is found in a body, while it is read.
pub(super) struct Found<'t> {
    text: &'t str,
    channels: Vec<Channel>,
    /// Whether each unit calls tools.
    units: Vec<bool>,
    /// Arguments that are values, not texts.
    values: Vec<String>,
    unseen: bool,
}

impl<'t> Found<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, channels: vec![], units: vec![], values: vec![], unseen: false }
    }

    /// Begins another unit; gives its number.
    fn unit(&mut self) -> usize {
        self.units.push(false);
        self.units.len() - 1
    }

    fn calls_tools(&mut self, unit: usize) {
        if let Some(calls) = self.units.get_mut(unit) {
            *calls = true;
        }
    }

    /// Takes a text as it stands.
    fn take(&mut self, of: Of, node: &Node) {
        if let Value::Text(text) = &node.value {
            let spot = Spot { at: node.at.clone(), text: text.clone() };
            self.channels.push(Channel { of, spots: vec![spot] });
        }
    }

    /// Takes the arguments of a tool call that are a JSON value themselves.
    fn take_value(&mut self, node: &Node) {
        self.values.push(self.text[node.at.clone()].to_owned());
        self.each_text(node);
    }

    /// Every text inside a value, and every number, which may be a card's.
    fn each_text(&mut self, node: &Node) {
        match &node.value {
            Value::Text(text) => self
                .channels
                .push(Channel { of: Of::Aside, spots: vec![Spot { at: node.at.clone(), text: text.clone() }] }),
            Value::Number(_) => {
                let text = self.text[node.at.clone()].to_owned();
                self.channels.push(Channel { of: Of::Aside, spots: vec![Spot { at: node.at.clone(), text }] });
            }
            Value::List(elements) => elements.iter().for_each(|element| self.each_text(element)),
            Value::Object(members) => {
                for member in members {
                    let spot = Spot { at: member.key_range(self.text), text: member.key.clone() };
                    self.channels.push(Channel { of: Of::Name, spots: vec![spot] });
                    self.each_text(&member.value);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn reading(self, text: String) -> Reading {
        let Self { channels, units, mut values, unseen, .. } = self;
        let mut texts: Vec<Vec<String>> = vec![vec![]; units.len()];
        let mut asides = vec![];
        for channel in &channels {
            match channel.of {
                Of::Unit(unit) => texts[unit].push(channel.text()),
                Of::Arguments => values.push(channel.text()),
                // What a call's own value holds is among the values already; once more does no harm.
                Of::Name => {}
                Of::Aside => asides.push(channel.text()),
            }
        }
        let unit = |(parts, calls_tools): (Vec<String>, bool)| Unit { text: parts.join("\n"), calls_tools };
        let units: Vec<Unit> = texts.into_iter().zip(units).map(unit).collect();
        // A stream tells many a text twice: in pieces, and once more as a whole.
        asides.retain(|aside| aside.is_empty() || units.iter().all(|unit| unit.text != *aside));
        let mut asides: Vec<String> =
            asides.into_iter().map(|aside| serde_json::Value::String(aside).to_string()).collect();
        for told in [&mut values, &mut asides] {
            told.sort_unstable();
            told.dedup();
        }
        Reading { text, channels, units, arguments: values, asides, unseen, ..Reading::default() }
    }
}

/// The places of all `logprobs` that hold something.
pub(super) fn tokens(node: &Node, offset: usize, found: &mut Vec<Range<usize>>) {
    match &node.value {
        Value::List(elements) => elements.iter().for_each(|element| tokens(element, offset, found)),
        Value::Object(members) => {
            for member in members {
                match (member.key.as_str(), &member.value.value) {
                    ("logprobs", Value::Null) => {}
                    ("logprobs", Value::List(_) | Value::Object(_)) => {
                        found.push(member.value.at.start + offset..member.value.at.end + offset);
                    }
                    // What a tool is asked may have a member of that name; it is read as it is.
                    ("input" | "arguments", _) => {}
                    _ => tokens(&member.value, offset, found),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

/// A member of an object.
pub(super) fn get<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    let Value::Object(members) = &node.value else { return None };
    members.iter().find(|member| member.key == name).map(|member| &member.value)
}

pub(super) fn text<'n>(node: &'n Node, name: &str) -> Option<&'n str> {
    match &get(node, name)?.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// The elements of a list, or the value itself where it is none.
pub(super) fn elements(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(elements) => elements,
        _ => std::slice::from_ref(node),
    }
}
