//! Reads single values and lists of them.

use super::{Piece, Reader};
use crate::kernel::json::{Node, Value, element};
use crate::routing::level::{At, Field};

/// The most members of `override_params` or `default_params`, paths of `drop_params`, headers to forward, hash fields.
pub(super) const MAX_MEMBERS: usize = 100;

impl Reader<'_> {
    pub(super) fn whole(&mut self, part: &Piece<'_>, least: u64, most: u64, sentence: &str) -> Option<At<u64>> {
        match part.node.value {
            Value::Number(number) if number.fract() == 0.0 && number >= least as f64 && number <= most as f64 => {
                Some(At { at: part.node.at.start, value: number as u64 })
            }
            _ => {
                self.wrong(part, sentence);
                None
            }
        }
    }

    pub(super) fn flag(&mut self, part: &Piece<'_>) -> Option<bool> {
        if let Value::Bool(word) = part.node.value {
            return Some(word);
        }
        self.wrong(part, "This must be true or false.");
        None
    }

    pub(super) fn text_of(&mut self, part: &Piece<'_>, most: usize) -> Option<At<String>> {
        match &part.node.value {
            Value::Text(text) if !text.is_empty() && text.len() <= most => {
                Some(At { at: part.node.at.start, value: text.clone() })
            }
            Value::Text(text) if text.is_empty() => {
                self.wrong(part, "This must not be empty.");
                None
            }
            Value::Text(_) => {
                self.wrong(part, format!("This may have at most {most} bytes."));
                None
            }
            _ => {
                self.wrong(part, "This must be a string.");
                None
            }
        }
    }

    /// The elements of a list that every call goes through, with their paths.
    pub(super) fn few<'n>(&mut self, part: &Piece<'n>, sentence: &str) -> Vec<(String, &'n Node)> {
        let list = self.list(part, sentence);
        if list.len() > MAX_MEMBERS {
            self.wrong(part, "There may be at most 100 of these.");
            return vec![];
        }
        list
    }

    /// The elements of a list with their paths.
    pub(super) fn list<'n>(&mut self, part: &Piece<'n>, sentence: &str) -> Vec<(String, &'n Node)> {
        match &part.node.value {
            Value::List(elements) if elements.len() > 1_000 => {
                self.wrong(part, "This list is too long.");
                vec![]
            }
            Value::List(elements) => {
                elements.iter().enumerate().map(|(number, node)| (element(&part.path, number), node)).collect()
            }
            _ => {
                self.wrong(part, sentence);
                vec![]
            }
        }
    }
}

/// A value of a request, by the name that configs give it.
pub(super) fn field(name: &str, sticky: bool) -> Option<Field> {
    if name == "url.pathname" {
        return (!sticky).then_some(Field::Path);
    }
    let (kind, name) = name.split_once('.')?;
    if name.is_empty() || name.contains('.') {
        return None;
    }
    match kind {
        "metadata" => Some(Field::Metadata(name.into())),
        "params" => Some(Field::Param(name.into())),
        "headers" if sticky => Some(Field::Header(name.to_ascii_lowercase().into())),
        _ => None,
    }
}

/// As much of a word of the text as a sentence about it says.
pub(super) fn clip(word: &str) -> String {
    word.chars().take(40).collect()
}
