//! One text with its tags, read into a tree.

use super::{MAX_NAME, MAX_SECTIONS, MAX_TAGS, MAX_TEXT};
use crate::kernel::Fault;
use std::collections::HashSet;

/// A text with tags, compiled.
#[derive(Debug)]
pub struct Template {
    pub(super) parts: Box<[Part]>,
    pub(super) names: Names,
    /// The partials that it names by slug.
    pub(super) partials: Vec<Slug>,
    size: usize,
}

/// The names in a template, each once, in the order in which they come first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Those that values are put in for, as written (`a.b`), placeholders included. `.` is none.
    pub variables: Vec<String>,
    /// Those of sections and inverted sections.
    pub sections: Vec<String>,
    /// Those of partials, as written (`tone`, `tone@2`); not those that a variable names.
    pub partials: Vec<String>,
    /// Whether a variable names one besides: any could be meant.
    pub by_variable: bool,
    /// Those of the variables that hold lists of messages.
    pub placeholders: Vec<String>,
}

#[derive(Debug)]
pub(super) enum Part {
    /// `fresh` where it begins a line.
    Text {
        text: Box<str>,
        fresh: bool,
    },
    /// A line begins here with a tag.
    Line,
    Value(Name),
    Section {
        name: Name,
        inverted: bool,
        parts: Box<[Part]>,
    },
    /// Alone in its line, the blanks before it are put before each line of the partial.
    Partial {
        which: Which,
        indent: Option<Box<str>>,
    },
}

#[derive(Debug)]
pub(super) enum Which {
    Named(Slug),
    /// `{{>>name}}`: the value is the slug.
    Variable(Name),
}

/// How a partial is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slug {
    pub written: Box<str>,
    /// How many bytes of it are the slug.
    length: usize,
    /// `@7`; otherwise what is published.
    pub version: Option<u32>,
}

/// The slug in the name of a partial as it is written, and the number of a version, if it names one: `tone`, `tone@2`.
pub fn partial_name(written: &str) -> (&str, Option<u32>) {
    let version = written.rsplit_once('@').filter(|(_, number)| number.bytes().all(|byte| byte.is_ascii_digit()));
    let version = version.and_then(|(slug, number)| Some((slug, number.parse().ok()?)));
    version.map_or((written, None), |(slug, number)| (slug, Some(number)))
}

impl Slug {
    pub fn of(written: &str) -> Self {
        let (slug, version) = partial_name(written);
        Self { written: written.into(), length: slug.len(), version }
    }

    pub fn slug(&self) -> &str {
        &self.written[..self.length]
    }
}

/// A name in a tag.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub written: Box<str>,
    /// What stands between its dots; nothing for `.`.
    pub steps: Box<[Box<str>]>,
}

impl Name {
    pub fn of(written: &str) -> Self {
        let steps = if written == "." { Box::default() } else { written.split('.').map(Into::into).collect() };
        Self { written: written.into(), steps }
    }
}

/// Why a name cannot stand in a tag.
pub(super) fn bad_name(name: &str) -> Option<&'static str> {
    if name.len() > MAX_NAME {
        Some("The name in this tag is too long.")
    } else if name.contains(['{', '}']) || name.chars().any(char::is_control) {
        Some("A name cannot hold braces or control characters.")
    } else if name != "." && name.split('.').any(str::is_empty) {
        Some("A name cannot begin or end with a dot, or hold two in a row.")
    } else {
        None
    }
}

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    /// The first mistake, at the line and column of the tag that is to blame; its path is empty. Codes: `unclosed_tag`,
    /// `unclosed_section`, `unexpected_end`, `wrong_end`, `no_name`, `bad_name`, `bad_delimiters`, `too_long`,
    /// `too_many_tags`, `too_deep`.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        let fault = |(at, code, message): Wrong| {
            let (line, column) = Fault::place(text, at);
            Fault { path: String::new(), line, column, code: code.into(), message }
        };
        if text.len() > MAX_TEXT {
            return Err(fault((0, "too_long", format!("A text may have {MAX_TEXT} bytes at most."))));
        }
        Parser::new(text).run().map_err(fault)
    }

    /// The names in it; partials are not followed.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Roughly the bytes that it takes in memory.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether it is only text, which no value changes.
    pub(super) fn is_plain(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Text { .. } | Part::Line))
    }

    /// Its text, if it is plain.
    pub(super) fn plain(&self) -> String {
        let text = |part: &Part| match part {
            Part::Text { text, .. } => text.to_string(),
            _ => String::new(),
        };
        self.parts.iter().map(text).collect()
    }
}

impl Names {
    /// The names at the top of the variables that these could ask for.
    pub(super) fn first_steps(&self) -> impl Iterator<Item = &str> {
        let names = self.variables.iter().chain(&self.sections).chain(&self.placeholders);
        names.map(|name| name.split('.').next().unwrap_or(name))
    }
}

/// Names of several templates, each once.
#[derive(Default)]
pub(super) struct Gathered {
    pub names: Names,
    known: HashSet<(u8, String)>,
}

impl Gathered {
    pub fn add(&mut self, other: &Names) {
        let mut add = |kind: u8, own: &mut Vec<String>, others: &[String]| {
            own.extend(others.iter().filter(|name| self.known.insert((kind, (*name).clone()))).cloned());
        };
        add(b'v', &mut self.names.variables, &other.variables);
        add(b's', &mut self.names.sections, &other.sections);
        add(b'p', &mut self.names.partials, &other.partials);
        add(b'l', &mut self.names.placeholders, &other.placeholders);
        self.names.by_variable |= other.by_variable;
    }
}

/// A byte, a code, a sentence.
type Wrong = (usize, &'static str, String);

/// What a tag says.
enum Tag<'a> {
    Value(&'a str),
    Open { name: &'a str, inverted: bool },
    Close(&'a str),
    Comment,
    Delimiters,
    Partial { name: &'a str, by_variable: bool },
}

/// A section that is open, with what stands before it.
struct Open<'a> {
    at: usize,
    name: &'a str,
    inverted: bool,
    before: Vec<Part>,
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    open: &'a str,
    close: &'a str,
    parts: Vec<Part>,
    /// Text that is not yet among them, and whether it begins a line.
    pending: (String, bool),
    sections: Vec<Open<'a>>,
    /// A line begins at `at`.
    fresh: bool,
    /// Nothing but blanks stands in this line before `at`.
    clear: bool,
    tags: usize,
    names: Names,
    known: HashSet<(u8, &'a str)>,
    partials: Vec<Slug>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            open: "{{",
            close: "}}",
            parts: vec![],
            pending: (String::new(), false),
            sections: vec![],
            fresh: true,
            clear: true,
            tags: 0,
            names: Names::default(),
            known: HashSet::new(),
            partials: vec![],
        }
    }

    fn run(mut self) -> Result<Template, Wrong> {
        while let Some(found) = self.text[self.at..].find(self.open) {
            let start = self.at + found;
            let before = &self.text[self.at..start];
            let line = before.rfind('\n').map(|end| end + 1);
            let blanks = &before[line.unwrap_or(0)..];
            let clear = (line.is_some() || self.clear) && is_blank(blanks);
            let fresh = blanks.is_empty() && (line.is_some() || self.fresh);
            let (tag, end) = self.tag(start)?;
            let alone = clear && !matches!(tag, Tag::Value(_));
            let next = if alone { line_end(self.text, end) } else { None };
            match next {
                Some(next) => {
                    self.say(&before[..before.len() - blanks.len()]);
                    (self.at, self.fresh, self.clear) = (next, true, true);
                }
                None => {
                    self.say(before);
                    if fresh {
                        self.parts().push(Part::Line);
                    }
                    (self.at, self.fresh, self.clear) = (end, false, false);
                }
            }
            self.put(tag, start, next.map(|_| blanks))?;
        }
        self.say(&self.text[self.at..]);
        if let Some(open) = self.sections.last() {
            return Err((open.at, "unclosed_section", format!("The section “{}” is never closed.", short(open.name))));
        }
        self.parts();
        let size = size_of::<Template>() + 2 * self.text.len() + (self.tags * 2 + 1) * size_of::<Part>();
        Ok(Template { parts: self.parts.into(), names: self.names, partials: self.partials, size })
    }

    /// Adds text as it stands.
    fn say(&mut self, told: &str) {
        if self.pending.0.is_empty() {
            self.pending.1 = self.fresh;
        }
        self.pending.0.push_str(told);
    }

    /// The parts so far, the text that waits among them.
    fn parts(&mut self) -> &mut Vec<Part> {
        if !self.pending.0.is_empty() {
            let text = std::mem::take(&mut self.pending.0).into();
            self.parts.push(Part::Text { text, fresh: self.pending.1 });
        }
        &mut self.parts
    }

    /// Reads the tag at `start`; gives the byte behind it.
    fn tag(&mut self, start: usize) -> Result<(Tag<'a>, usize), Wrong> {
        let (text, close) = (self.text, self.close);
        self.tags += 1;
        if self.tags > MAX_TAGS {
            return Err((start, "too_many_tags", format!("A text may have {MAX_TAGS} tags at most.")));
        }
        let unclosed = || (start, "unclosed_tag", format!("This tag is never closed with “{}”.", short(close)));
        let inner = start + self.open.len();
        let content = text[inner..].trim_start();
        let sign_at = text.len() - content.len();
        let sign = content.bytes().next();
        // Only where it directly follows is a third brace part of the tag.
        let braced = text[inner..].starts_with('{');
        let (from, ending) = match sign {
            _ if braced => (inner + 1, format!("}}{close}")),
            Some(b'=') => (sign_at + 1, format!("={close}")),
            Some(b'#' | b'^' | b'/' | b'>' | b'&' | b'!') => (sign_at + 1, close.to_owned()),
            _ => (inner, close.to_owned()),
        };
        let bad_delimiters = || {
            let message = "Delimiters are two, with a blank between them and no “=” in them: {{=<% %>=}}.";
            (start, "bad_delimiters", message.to_owned())
        };
        let Some(length) = text[from..].find(&ending) else {
            let closes = sign == Some(b'=') && text[inner..].contains(close);
            return Err(if closes { bad_delimiters() } else { unclosed() });
        };
        let end = from + length + ending.len();
        let told = &text[from..from + length];
        if sign == Some(b'!') && !braced {
            return Ok((Tag::Comment, end));
        }
        if sign == Some(b'=') && !braced {
            let mut words = told.split_whitespace();
            return match (words.next(), words.next(), words.next()) {
                (Some(open), Some(close), None) if !told.contains('=') => {
                    (self.open, self.close) = (open, close);
                    Ok((Tag::Delimiters, end))
                }
                _ => Err(bad_delimiters()),
            };
        }
        let (told, by_variable) = match told.trim().strip_prefix('>') {
            Some(told) if sign == Some(b'>') => (told.trim(), true),
            _ => (told.trim(), false),
        };
        if told.is_empty() {
            return Err((start, "no_name", "This tag has no name.".into()));
        }
        if told.contains(['\n', '\r']) || told.contains(self.open) {
            return Err(unclosed());
        }
        let tag = match sign {
            _ if braced => Tag::Value(told),
            Some(b'#') => Tag::Open { name: told, inverted: false },
            Some(b'^') => Tag::Open { name: told, inverted: true },
            Some(b'/') => Tag::Close(told),
            Some(b'>') => Tag::Partial { name: told, by_variable },
            _ => Tag::Value(told),
        };
        let is_slug = matches!(tag, Tag::Partial { by_variable: false, .. });
        let checked = if is_slug { told.replace('.', "-") } else { told.to_owned() };
        match bad_name(&checked) {
            Some(message) => Err((start, "bad_name", message.to_owned())),
            None => Ok((tag, end)),
        }
    }

    /// Notes a name of a kind; whether it is new.
    fn note(&mut self, kind: u8, name: &'a str) -> bool {
        name != "." && self.known.insert((kind, name))
    }

    fn variable(&mut self, name: &'a str) -> Name {
        if self.note(b'v', name) {
            self.names.variables.push(name.to_owned());
        }
        Name::of(name)
    }

    /// Puts a tag into the tree.
    fn put(&mut self, tag: Tag<'a>, at: usize, indent: Option<&str>) -> Result<(), Wrong> {
        match tag {
            Tag::Comment | Tag::Delimiters => {}
            Tag::Value(name) => {
                let name = self.variable(name);
                self.parts().push(Part::Value(name));
            }
            Tag::Partial { name, by_variable } => {
                let which = if by_variable {
                    self.names.by_variable = true;
                    Which::Variable(self.variable(name))
                } else {
                    let slug = Slug::of(name);
                    if self.known.insert((b'p', name)) {
                        self.names.partials.push(name.to_owned());
                        self.partials.push(slug.clone());
                    }
                    Which::Named(slug)
                };
                self.parts().push(Part::Partial { which, indent: indent.map(Into::into) });
            }
            Tag::Open { name, inverted } => {
                if self.sections.len() >= MAX_SECTIONS {
                    let message = format!("Sections may stand {MAX_SECTIONS} deep within one another.");
                    return Err((at, "too_deep", message));
                }
                if self.note(b's', name) {
                    self.names.sections.push(name.to_owned());
                }
                let before = std::mem::take(self.parts());
                self.sections.push(Open { at, name, inverted, before });
            }
            Tag::Close(name) => {
                let Some(open) = self.sections.pop() else {
                    let message = format!("This ends “{}”, but no section is open here.", short(name));
                    return Err((at, "unexpected_end", message));
                };
                if open.name != name {
                    let message = format!("This ends “{}”, but “{}” is open here.", short(name), short(open.name));
                    return Err((at, "wrong_end", message));
                }
                let inner = std::mem::replace(self.parts(), open.before).into();
                self.parts.push(Part::Section { name: Name::of(name), inverted: open.inverted, parts: inner });
            }
        }
        Ok(())
    }
}

/// A name as sentences repeat it.
fn short(name: &str) -> &str {
    name.char_indices().nth(80).map_or(name, |(end, _)| &name[..end])
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t'))
}

/// The byte where the next line begins, if only blanks stand between `at` and the end of the line.
fn line_end(text: &str, at: usize) -> Option<usize> {
    let rest = text[at..].trim_start_matches([' ', '\t']);
    let from = text.len() - rest.len();
    if rest.is_empty() {
        Some(from)
    } else if rest.starts_with('\n') {
        Some(from + 1)
    } else if rest.starts_with("\r\n") {
        Some(from + 2)
    } else {
        None
    }
}
