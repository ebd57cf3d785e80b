//! A small JSON text as a tree in which every value knows its place.

use std::collections::HashSet;
use std::ops::Range;

/// Arrays and objects inside one another, the outermost included.
pub const MAX_DEPTH: usize = 64;

/// A value and its place in the text, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub at: Range<usize>,
    pub value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Object(Vec<Member>),
}

/// A member of an object, in the order of the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    pub key: String,
    pub key_at: usize,
    pub value: Node,
}

impl Member {
    /// The place of the key in the text that it was read from, its quotes included.
    pub fn key_range(&self, text: &str) -> Range<usize> {
        let between = &text[self.key_at..self.value.at.start];
        let key = between.trim_end().trim_end_matches(':').trim_end();
        self.key_at..self.key_at + key.len()
    }
}

/// Why a text cannot be read, and the byte at which that shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    pub at: usize,
    pub why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// No JSON (RFC 8259), or a text that is none.
    Syntax,
    TooDeep,
    /// A number that no float can hold.
    Number,
}

/// So many keys that stand twice are told.
const MOST_TWICE: usize = 100;

/// A key that stands twice in one object: its place, and the path of the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Twice {
    pub at: usize,
    pub path: String,
}

/// Reads a text. Keys that stand twice are told, and the first of them holds.
///
/// # Errors
/// At the first place that is no JSON.
pub fn read(text: &str) -> Result<(Node, Vec<Twice>), Unreadable> {
    let mut reader = Reader { text, at: 0, path: String::new(), twice: vec![] };
    reader.blanks();
    let node = reader.value(0)?;
    reader.blanks();
    if reader.at == text.len() { Ok((node, reader.twice)) } else { Err(reader.wrong()) }
}

/// The most characters of a key that a path repeats.
const MAX_KEY: usize = 80;

/// Puts a member's name behind a path.
pub fn below(path: &str, key: &str) -> String {
    let key = key.char_indices().nth(MAX_KEY).map_or(key, |(end, _)| &key[..end]);
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Puts an element's number behind a path.
pub fn element(path: &str, number: usize) -> String {
    format!("{path}[{number}]")
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    path: String,
    twice: Vec<Twice>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn wrong(&self) -> Unreadable {
        Unreadable { at: self.at, why: Why::Syntax }
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Unreadable> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.wrong())
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, Unreadable> {
        let start = self.at;
        let value = match self.peek() {
            Some(b'{' | b'[') if depth >= MAX_DEPTH => return Err(Unreadable { at: start, why: Why::TooDeep }),
            Some(b'{') => Value::Object(self.object(depth + 1)?),
            Some(b'[') => Value::List(self.list(depth + 1)?),
            Some(b'"') => Value::Text(self.string()?),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => return Err(self.wrong()),
        };
        Ok(Node { at: start..self.at, value })
    }

    fn object(&mut self, depth: usize) -> Result<Vec<Member>, Unreadable> {
        let mut members: Vec<Member> = vec![];
        let mut known = HashSet::new();
        self.at += 1;
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(members);
        }
        loop {
            self.blanks();
            let key_at = self.at;
            let key = self.string()?;
            self.blanks();
            self.expect(b':')?;
            self.blanks();
            let outer = self.path.len();
            let path = below(&self.path, &key);
            let new = known.insert(key.clone());
            if !new && self.twice.len() < MOST_TWICE {
                self.twice.push(Twice { at: key_at, path: path.clone() });
            }
            self.path = path;
            let value = self.value(depth)?;
            self.path.truncate(outer);
            if new {
                members.push(Member { key, key_at, value });
            }
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.wrong()),
            }
        }
        self.at += 1;
        Ok(members)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Unreadable> {
        let mut elements = vec![];
        self.at += 1;
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(elements);
        }
        loop {
            self.blanks();
            let outer = self.path.len();
            self.path = element(&self.path, elements.len());
            elements.push(self.value(depth)?);
            self.path.truncate(outer);
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.wrong()),
            }
        }
        self.at += 1;
        Ok(elements)
    }

    fn string(&mut self) -> Result<String, Unreadable> {
        let start = self.at;
        self.expect(b'"')?;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(0..=0x1f) | None => return Err(self.wrong()),
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        let literal = self.text.get(start..self.at).ok_or(Unreadable { at: start, why: Why::Syntax })?;
        serde_json::from_str(literal).map_err(|_| Unreadable { at: start, why: Why::Syntax })
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Unreadable> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.wrong())
        }
    }

    fn number(&mut self) -> Result<Value, Unreadable> {
        let start = self.at;
        while let Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        let literal = &self.text[start..self.at];
        serde_json::from_str::<f64>(literal).map(Value::Number).map_err(|error| {
            let why = if error.to_string().contains("out of range") { Why::Number } else { Why::Syntax };
            Unreadable { at: start, why }
        })
    }
}
