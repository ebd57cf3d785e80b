//! Rendering: a compiled prompt, values and partials make messages or a text.

use super::data::{Data, Variables, escape};
use super::outcome::{Code, Output, Refusal, Rendered, Warning};
use super::prompt::{Body, Piece, Prompt};
use super::shape;
use super::template::{Name, Part, Slug, Template, Which};
use super::{MAX_DEPTH, MAX_NAME, MAX_OUTPUT, MAX_PARTIALS, MAX_STEPS, MAX_TOLD};
use crate::kernel::{Fault, json};
use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

/// Finds a partial of the prompt's organisation by slug: the version, or without one the published one.
pub type Partials<'a> = dyn Fn(&str, Option<u32>) -> Option<Arc<Template>> + 'a;

/// The steps that it takes to find a partial.
const PARTIAL_STEPS: usize = 8;

/// How text and values are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// As they are.
    Plain,
    /// Both between the quotes of a JSON string.
    Quoted,
    /// The template is JSON itself; values are escaped for the place where they stand.
    Raw,
}

impl Prompt {
    /// Fills the prompt with values. `strict` refuses missing and unknown names, of which warnings tell otherwise.
    ///
    /// # Errors
    /// See [`Refusal`]. A rendering ends after [`MAX_STEPS`] steps at the latest.
    pub fn render(&self, variables: &Variables, partials: &Partials, strict: bool) -> Result<Rendered, Refusal> {
        let mut run = Run {
            out: String::with_capacity(self.text_size + self.text_size / 4 + 64),
            mode: Mode::Plain,
            quotes: Quotes::default(),
            contexts: vec![&variables.0],
            indent: String::new(),
            depth: 0,
            steps: 0,
            charged: 0,
            partials,
            missing: Told::default(),
            missing_partials: Told::default(),
            by_variable: vec![],
        };
        match &self.body {
            Body::Text(template) => run.parts(&template.parts)?,
            Body::Raw(template) => {
                run.mode = Mode::Raw;
                run.parts(&template.parts)?;
            }
            Body::Chat(blocks) => run.chat(blocks)?,
        }
        run.charge()?;
        let unknown = self.unknown(variables, partials, &run.by_variable);
        let (missing, missing_partials) = (run.missing.names, run.missing_partials.names);
        if strict && !(missing.is_empty() && unknown.is_empty() && missing_partials.is_empty()) {
            return Err(Refusal::Unfilled { missing, unknown, missing_partials });
        }
        let output = match &self.body {
            Body::Text(_) => Output::Text(run.out),
            Body::Chat(_) => Output::Messages(run.out),
            Body::Raw(_) => {
                check_raw(&run.out)?;
                Output::Messages(run.out)
            }
        };
        let told = |code, names: Vec<String>| names.into_iter().map(move |name| Warning { code, name });
        let warnings = told(Code::MissingVariable, missing)
            .chain(told(Code::UnknownVariable, unknown))
            .chain(told(Code::MissingPartial, missing_partials));
        Ok(Rendered { output, warnings: warnings.collect() })
    }

    /// The variables that neither the prompt nor a partial within its reach mentions.
    fn unknown(&self, variables: &Variables, partials: &Partials, by_variable: &[Arc<Template>]) -> Vec<String> {
        let own = |name: &&str| self.mentioned.binary_search_by(|known| known.as_str().cmp(name)).is_err();
        let mut unknown: Vec<&str> = variables.names().filter(own).collect();
        if !unknown.is_empty() {
            let mut left: HashSet<&str> = unknown.iter().copied().collect();
            let mut looked = 0;
            let mut strike = |template: &Template| {
                for name in template.names.first_steps() {
                    left.remove(name);
                    looked += 1;
                }
                looked < MAX_STEPS && !left.is_empty()
            };
            let by_variable_too = by_variable.iter().all(|template| strike(template));
            let roots = self.partials.iter().chain(by_variable.iter().flat_map(|template| &template.partials));
            if by_variable_too {
                reach(roots, partials, strike);
            }
            unknown.retain(|name| left.contains(name));
            unknown.truncate(MAX_TOLD);
        }
        unknown.into_iter().map(str::to_owned).collect()
    }
}

/// Calls `found` for every partial that can be reached by slug, each once, the nearest first, until it gives false.
pub(super) fn reach<'a>(
    roots: impl Iterator<Item = &'a Slug>,
    partials: &Partials,
    mut found: impl FnMut(&Template) -> bool,
) {
    let mut waiting: VecDeque<Slug> = roots.cloned().collect();
    let mut known: HashSet<Box<str>> = HashSet::new();
    while let Some(slug) = waiting.pop_front() {
        if known.len() >= MAX_PARTIALS || !known.insert(slug.written.clone()) {
            continue;
        }
        if let Some(template) = partials(slug.slug(), slug.version) {
            if !found(&template) {
                return;
            }
            waiting.extend(template.partials.iter().filter(|slug| !known.contains(&slug.written)).cloned());
        }
    }
}

/// Holds what a raw prompt was rendered to against the shape of messages.
fn check_raw(text: &str) -> Result<(), Refusal> {
    let (node, twice) = json::read(text).map_err(|unreadable| {
        let (line, column) = Fault::place(text, unreadable.at);
        let message = format!(
            "With these variables the prompt is no JSON, or nested too deep: line {line}, column {column} of what was rendered."
        );
        Refusal::NotMessages { message }
    })?;
    let mut first = twice.first().map(|twice| format!("{}: This key stands twice.", twice.path));
    shape::messages(&node, false, &mut |_, path, _, message| {
        first.get_or_insert_with(|| if path.is_empty() { message } else { format!("{path}: {message}") });
    });
    match first {
        None => Ok(()),
        Some(first) => Err(Refusal::NotMessages {
            message: format!("With these variables the prompt is no list of messages. {first}"),
        }),
    }
}

/// Names that are told, each once.
#[derive(Default)]
struct Told {
    names: Vec<String>,
    known: HashSet<String>,
}

impl Told {
    fn tell(&mut self, name: &str) {
        if self.names.len() < MAX_TOLD && !self.known.contains(name) {
            self.known.insert(name.to_owned());
            self.names.push(name.to_owned());
        }
    }
}

/// Whether the end of a JSON text stands within a string.
#[derive(Default)]
struct Quotes {
    inside: bool,
    /// The last character within the string began an escape.
    escape: bool,
}

impl Quotes {
    fn pass(&mut self, text: &str) {
        for byte in text.bytes() {
            match byte {
                _ if self.escape => self.escape = false,
                b'\\' if self.inside => self.escape = true,
                b'"' => self.inside = !self.inside,
                _ => {}
            }
        }
    }

    /// Whether a value may stand here without ending a string or beginning something else.
    fn take(&self, value: &Data) -> Result<(), Refusal> {
        let fits = match value {
            Data::Null | Data::Bool(_) | Data::Number(_) => true,
            Data::List(_) | Data::Object(_) => !self.inside,
            Data::Text(_) if self.inside => true,
            // Outside a string only what is a value by itself, such as a number that was sent as text.
            Data::Text(text) => {
                let text = text.trim();
                let value = || serde_json::from_str::<serde_json::Value>(text);
                text.is_empty() || !text.starts_with(['"', '[', '{']) && value().is_ok()
            }
        };
        if fits && !self.escape {
            return Ok(());
        }
        let message = match value {
            _ if self.escape => "A value stands directly behind a backslash.",
            Data::Text(_) => "A text is put in where the prompt has no quotes around it.",
            _ => "A list or an object is put in between quotes.",
        };
        Err(Refusal::NotMessages { message: format!("With these variables the prompt is no JSON. {message}") })
    }
}

/// One rendering.
struct Run<'v> {
    out: String,
    mode: Mode,
    quotes: Quotes,
    /// The values of the sections around, the innermost last.
    contexts: Vec<&'v Data>,
    /// What is put before each line of the partial.
    indent: String,
    depth: usize,
    steps: usize,
    /// The bytes of output that steps were counted for.
    charged: usize,
    partials: &'v Partials<'v>,
    missing: Told,
    missing_partials: Told,
    /// The partials that variables named.
    by_variable: Vec<Arc<Template>>,
}

impl<'v> Run<'v> {
    fn chat(&mut self, blocks: &[Vec<Piece>]) -> Result<(), Refusal> {
        self.out.push('[');
        for block in blocks {
            let before = self.out.len();
            if before > 1 {
                self.out.push(',');
            }
            let from = self.out.len();
            for piece in block {
                match piece {
                    Piece::Json(json) => self.json(json)?,
                    Piece::Text(template) => {
                        self.mode = Mode::Quoted;
                        self.out.push('"');
                        self.parts(&template.parts)?;
                        self.out.push('"');
                    }
                    Piece::Placeholder(name) => self.placeholder(name)?,
                }
            }
            if self.out.len() == from {
                self.out.truncate(before);
            }
        }
        self.out.push(']');
        Ok(())
    }

    fn json(&mut self, json: &str) -> Result<(), Refusal> {
        self.step()?;
        self.room(json.len())?;
        self.out.push_str(json);
        Ok(())
    }

    /// Writes the messages that a variable holds, commas between them.
    fn placeholder(&mut self, name: &Name) -> Result<(), Refusal> {
        let value = match self.find(name)? {
            None => {
                self.missing.tell(&name.written);
                return Ok(());
            }
            Some(Data::Null) => return Ok(()),
            Some(value) => value,
        };
        let mut wrong = None;
        shape::messages(value, true, &mut |_, path, _, message| {
            wrong.get_or_insert_with(|| if path.is_empty() { message } else { format!("{path}: {message}") });
        });
        if let Some(message) = wrong {
            return Err(Refusal::BadPlaceholder { name: name.written.to_string(), message });
        }
        let Data::List(messages) = value else { return Ok(()) };
        for (number, message) in messages.iter().enumerate() {
            if number > 0 {
                self.out.push(',');
            }
            message.write(&mut self.out, MAX_OUTPUT);
            self.charge()?;
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Refusal> {
        self.steps += 1;
        if self.steps > MAX_STEPS { Err(Refusal::TooMuchWork) } else { Ok(()) }
    }

    /// Refuses what so many bytes more would make too long.
    fn room(&self, more: usize) -> Result<(), Refusal> {
        if self.out.len() + more > MAX_OUTPUT { Err(Refusal::TooLong) } else { Ok(()) }
    }

    /// Counts what was written.
    fn charge(&mut self) -> Result<(), Refusal> {
        let written = self.out.len() - self.charged;
        if written >= 256 {
            self.steps += written / 256;
            self.charged = self.out.len();
        }
        self.room(0)
    }

    fn parts(&mut self, parts: &[Part]) -> Result<(), Refusal> {
        for part in parts {
            self.step()?;
            match part {
                Part::Text { text, fresh } => {
                    if self.indent.is_empty() {
                        self.text(text)?;
                    } else {
                        self.lines(text, *fresh)?;
                    }
                }
                Part::Line => self.indent()?,
                Part::Value(name) => match self.find(name)? {
                    Some(value) => self.value(value)?,
                    None => self.missing.tell(&name.written),
                },
                Part::Section { name, inverted, parts } => self.section(name, *inverted, parts)?,
                Part::Partial { which, indent } => self.partial(which, indent.as_deref())?,
            }
        }
        Ok(())
    }

    /// Looks a name up: its first step outwards, the others in what that is.
    fn find(&mut self, name: &Name) -> Result<Option<&'v Data>, Refusal> {
        let Some((first, others)) = name.steps.split_first() else { return Ok(self.contexts.last().copied()) };
        let mut steps = 0;
        let mut found = None;
        for context in self.contexts.iter().rev() {
            steps += 1;
            if let Data::Object(object) = context
                && let Some(value) = object.get(first)
            {
                found = Some(value);
                break;
            }
        }
        self.steps += steps + others.len();
        for step in others {
            found = match found {
                Some(Data::Object(object)) => object.get(step),
                _ => None,
            };
        }
        self.step()?;
        Ok(found)
    }

    fn section(&mut self, name: &Name, inverted: bool, parts: &[Part]) -> Result<(), Refusal> {
        let value = self.find(name)?.filter(|value| value.shows());
        self.deeper()?;
        match value {
            None if inverted => self.parts(parts)?,
            None => {}
            Some(_) if inverted => {}
            Some(Data::List(list)) => {
                for one in list {
                    self.step()?;
                    self.contexts.push(one);
                    self.parts(parts)?;
                    self.contexts.pop();
                }
            }
            // As in JavaScript, `true` is no context of its own.
            Some(Data::Bool(_)) => self.parts(parts)?,
            Some(value) => {
                self.contexts.push(value);
                self.parts(parts)?;
                self.contexts.pop();
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn deeper(&mut self) -> Result<(), Refusal> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(Refusal::TooDeep) } else { Ok(()) }
    }

    fn partial(&mut self, which: &Which, indent: Option<&str>) -> Result<(), Refusal> {
        let template = match which {
            Which::Named(slug) => self.get(slug),
            Which::Variable(name) => match self.find(name)? {
                None => {
                    self.missing.tell(&name.written);
                    None
                }
                Some(Data::Text(written)) if written.is_empty() => None,
                Some(Data::Text(written)) if written.len() <= MAX_NAME => {
                    let template = self.get(&Slug::of(written));
                    self.steps += self.by_variable.len();
                    if let Some(template) = &template
                        && self.by_variable.len() < MAX_PARTIALS
                        && !self.by_variable.iter().any(|known| Arc::ptr_eq(known, template))
                    {
                        self.by_variable.push(template.clone());
                    }
                    template
                }
                Some(Data::Null) => None,
                Some(_) => {
                    self.missing_partials.tell(&name.written);
                    None
                }
            },
        };
        self.step()?;
        let Some(template) = template else { return Ok(()) };
        self.deeper()?;
        // Within a line a partial begins none, so that the indent around is not for its lines.
        let outer = std::mem::take(&mut self.indent);
        if let Some(own) = indent {
            self.room(outer.len() + own.len())?;
            self.steps += (outer.len() + own.len()) / 256;
            self.indent = [&outer, own].concat();
        }
        self.parts(&template.parts)?;
        self.indent = outer;
        self.depth -= 1;
        Ok(())
    }

    /// A partial; a missing one is told. To find it is more work than other steps.
    fn get(&mut self, slug: &Slug) -> Option<Arc<Template>> {
        self.steps += PARTIAL_STEPS;
        let template = (self.partials)(slug.slug(), slug.version);
        if template.is_none() {
            self.missing_partials.tell(&slug.written);
        }
        template
    }

    /// Writes text of the template.
    fn text(&mut self, text: &str) -> Result<(), Refusal> {
        self.room(text.len())?;
        match self.mode {
            Mode::Plain => self.out.push_str(text),
            Mode::Quoted => escape(&mut self.out, text),
            Mode::Raw => {
                self.quotes.pass(text);
                self.out.push_str(text);
            }
        }
        self.charge()
    }

    fn indent(&mut self) -> Result<(), Refusal> {
        if self.indent.is_empty() {
            return Ok(());
        }
        let indent = std::mem::take(&mut self.indent);
        self.step()?;
        self.text(&indent)?;
        self.indent = indent;
        Ok(())
    }

    /// Writes text with the indent before each of its lines that is not empty.
    fn lines(&mut self, text: &str, fresh: bool) -> Result<(), Refusal> {
        for (number, line) in text.split_inclusive('\n').enumerate() {
            if (fresh || number > 0) && !matches!(line, "\n" | "\r\n") {
                self.indent()?;
            }
            self.text(line)?;
        }
        Ok(())
    }

    /// Writes a value.
    fn value(&mut self, value: &Data) -> Result<(), Refusal> {
        if self.mode == Mode::Raw {
            self.quotes.take(value)?;
        }
        match value {
            Data::Null => return Ok(()),
            Data::Bool(told) => self.out.push_str(if *told { "true" } else { "false" }),
            Data::Number(number) => {
                self.room(number.len())?;
                self.out.push_str(number);
            }
            Data::Text(text) => {
                self.room(text.len())?;
                if self.mode == Mode::Plain { self.out.push_str(text) } else { escape(&mut self.out, text) }
            }
            Data::List(_) | Data::Object(_) if self.mode == Mode::Quoted => {
                let mut json = String::new();
                value.write(&mut json, MAX_OUTPUT);
                self.room(json.len())?;
                escape(&mut self.out, &json);
            }
            Data::List(_) | Data::Object(_) => value.write(&mut self.out, MAX_OUTPUT),
        }
        self.charge()
    }
}
