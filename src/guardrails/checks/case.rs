//! Letter case (`default.alllowercase`, `default.alluppercase`, ASCII letters alone), and whether there is anything at all
//! (`default.notNull`).

use super::parameters::Parameters;
use super::search::each;
use super::{Found, Scene, Side};
use serde_json::json;

/// Whether all letters are large, or all small.
#[derive(Debug)]
pub struct LetterCase {
    upper: bool,
    not: bool,
}

impl LetterCase {
    pub(super) fn read(upper: bool, read: &mut Parameters<'_>) -> Self {
        Self { upper, not: read.not() }
    }

    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        let is_other = |byte: u8| if self.upper { byte.is_ascii_lowercase() } else { byte.is_ascii_uppercase() };
        match each(scene, |text| text.bytes().any(is_other) == self.not) {
            Err(none) => none,
            Ok(failed) => Found::verdict(failed.is_empty(), json!({ "failed": failed })),
        }
    }
}

/// Whether there is a text, or a call of a tool.
#[derive(Debug)]
pub struct NotNull {
    not: bool,
}

impl NotNull {
    pub(super) fn read(read: &mut Parameters<'_>) -> Self {
        Self { not: read.not() }
    }

    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        let is_something = |text: &str| !text.trim().is_empty();
        // A message of pictures beside one with text is passed over.
        let any = scene.side == Side::Request && scene.units.iter().any(|unit| is_something(&unit.text));
        let judged = scene.units.iter().enumerate().filter(|(_, unit)| !(any && unit.text.is_empty()));
        let mut failed: Vec<usize> = judged
            .filter(|(_, unit)| (is_something(&unit.text) || unit.calls_tools) == self.not)
            .map(|(number, _)| number)
            .collect();
        if scene.units.is_empty() && !self.not {
            failed.push(0);
        }
        Found::verdict(failed.is_empty(), json!({ "failed": failed }))
    }
}
