//! Reads the parameters of a check, each fault at its own name.

use super::Fault;
use serde_json::{Map, Value};

/// The parameters of a check while they are read.
pub(super) struct Parameters<'p> {
    members: &'p Map<String, Value>,
    at: String,
    known: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl<'p> Parameters<'p> {
    pub(super) fn new(members: &'p Map<String, Value>, at: String) -> Self {
        Self { members, at, known: vec![], faults: vec![] }
    }

    /// The value of a parameter; null counts as left out.
    pub(super) fn get(&mut self, name: &'static str) -> Option<&'p Value> {
        self.known.push(name);
        self.members.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn wrong(&mut self, name: &str, message: impl Into<String>) {
        self.faults.push(Fault::new(format!("{}.{name}", self.at), "invalid_value", message));
    }

    fn missing(&mut self, name: &str) {
        self.faults.push(Fault::new(format!("{}.{name}", self.at), "missing_key", format!("`{name}` is missing.")));
    }

    /// A text that must be there and not be empty.
    pub(super) fn text(&mut self, name: &'static str, longest: usize) -> Option<String> {
        match self.get(name) {
            None => self.missing(name),
            Some(Value::String(text)) if !text.is_empty() && text.len() <= longest => return Some(text.clone()),
            Some(_) => self.wrong(name, format!("This must be a string of 1 to {longest} bytes.")),
        }
        None
    }

    pub(super) fn flag_or(&mut self, name: &'static str, usual: bool) -> bool {
        match self.get(name) {
            None => usual,
            Some(Value::Bool(on)) => *on,
            Some(_) => {
                self.wrong(name, "This must be true or false.");
                usual
            }
        }
    }

    pub(super) fn not(&mut self) -> bool {
        self.flag_or("not", false)
    }

    /// One of some words; the usual one where it is left out.
    pub(super) fn choice(&mut self, name: &'static str, words: &[&'static str], usual: &'static str) -> &'static str {
        match self.get(name) {
            None => usual,
            Some(value) => match value.as_str().and_then(|said| words.iter().find(|word| **word == said)) {
                Some(word) => word,
                None => {
                    self.wrong(name, format!("This must be one of {}.", words.join(", ")));
                    usual
                }
            },
        }
    }

    /// A whole number from 0.
    pub(super) fn whole(&mut self, name: &'static str, usual: u64, most: u64) -> u64 {
        match self.get(name) {
            None => usual,
            Some(value) => {
                // 3.0 is a whole number too.
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be whole")]
                let float = value.as_f64().filter(|n| n.fract() == 0.0 && *n >= 0.0 && *n < 9e15).map(|n| n as u64);
                match value.as_u64().or(float).filter(|number| *number <= most) {
                    Some(number) => number,
                    None => {
                        self.wrong(name, format!("This must be a whole number from 0 to {most}."));
                        usual
                    }
                }
            }
        }
    }

    /// A list of texts; `least` may be 0.
    pub(super) fn texts(
        &mut self,
        name: &'static str,
        least: usize,
        most: usize,
        longest: usize,
    ) -> Option<Vec<String>> {
        let Some(value) = self.get(name) else {
            self.missing(name);
            return None;
        };
        self.texts_of(name, value, least, most, longest)
    }

    fn texts_of(
        &mut self,
        name: &str,
        value: &Value,
        least: usize,
        most: usize,
        longest: usize,
    ) -> Option<Vec<String>> {
        let good = |value: &Value| {
            let text = value.as_str()?;
            (!text.is_empty() && text.chars().count() <= longest).then(|| text.to_owned())
        };
        let read = match value {
            Value::Array(values) if (least..=most).contains(&values.len()) => values.iter().map(good).collect(),
            _ => None,
        };
        if read.is_none() {
            self.wrong(name, format!("This must be a list of {least} to {most} texts of 1 to {longest} characters."));
        }
        read
    }

    /// The faults, those of parameters that nobody has asked for included.
    pub(super) fn finish(mut self) -> Vec<Fault> {
        for name in self.members.keys().filter(|name| !self.known.contains(&name.as_str())) {
            let shown: String = name.chars().take(40).collect();
            let field = format!("{}.{shown}", self.at);
            self.faults.push(Fault::new(field, "unknown_key", format!("This check has no parameter `{shown}`.")));
        }
        self.faults
    }
}
