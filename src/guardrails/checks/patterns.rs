//! What the checks have in common that find places in texts and may take out what stands there.

use super::search::{each, in_arguments};
use super::{Found, Mark, Rewriting, Scene};
use crate::guardrails::checks::parameters::Parameters;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::collections::HashMap;

/// What finds places.
pub(super) trait Finder: Send + Sync {
    /// The places in their order, none of which overlaps another.
    fn places(&self, text: &str) -> Vec<Mark>;
}

/// What takes the place of what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redact {
    /// `{{CATEGORY_n}}`; the same value has the same number.
    Replace,
    /// Stars, with the last four characters where it is long.
    Mask,
    /// `{{CATEGORY_digest}}`, the first half of a SHA-256: the same value is the same in all calls.
    Hash,
}

impl Redact {
    /// `redact`: true, or which way.
    pub(super) fn read(read: &mut Parameters<'_>) -> Option<Self> {
        match read.get("redact") {
            None | Some(Value::Bool(false)) => None,
            Some(Value::Bool(true)) => Some(Redact::Replace),
            Some(Value::String(way)) if way == "replace" => Some(Redact::Replace),
            Some(Value::String(way)) if way == "mask" => Some(Redact::Mask),
            Some(Value::String(way)) if way == "hash" => Some(Redact::Hash),
            Some(_) => {
                read.wrong("redact", "This is true, false, `replace`, `mask` or `hash`.");
                None
            }
        }
    }
}

/// Judges texts and arguments: nothing may be found.
pub(super) fn judge(finder: &dyn Finder, scene: &Scene<'_>) -> Found {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for unit in scene.units {
        for mark in finder.places(&unit.text) {
            *counts.entry(mark.category).or_default() += 1;
        }
    }
    let failed = each(scene, |text| finder.places(text).is_empty());
    let in_tools = in_arguments(scene, |text| !finder.places(text).is_empty());
    match failed {
        Err(_) if in_tools => Found::verdict(false, json!({ "found": {}, "in_tool_calls": true })),
        Err(none) => none,
        Ok(failed) => Found::verdict(
            failed.is_empty() && !in_tools,
            json!({ "found": counts, "failed": failed, "in_tool_calls": in_tools }),
        ),
    }
}

/// Takes what is found out of texts.
pub(super) struct Redacting<'c> {
    finder: &'c dyn Finder,
    way: Redact,
    /// The number of each value, by its category.
    numbers: HashMap<String, HashMap<String, usize>>,
    found: BTreeMap<String, usize>,
}

impl<'c> Redacting<'c> {
    pub(super) fn new(finder: &'c dyn Finder, way: Redact) -> Self {
        Self { finder, way, numbers: HashMap::new(), found: BTreeMap::new() }
    }

    fn stand_in(&mut self, category: &str, value: &str) -> String {
        match self.way {
            Redact::Replace => {
                let known = self.numbers.entry(category.to_owned()).or_default();
                let next = known.len() + 1;
                let number = *known.entry(value.to_owned()).or_insert(next);
                format!("{{{{{category}_{number}}}}}")
            }
            Redact::Mask => {
                let length = value.chars().count();
                // Of what is short, the end would tell too much.
                let shown = if length >= 12 { 4 } else { 0 };
                let end: String = value.chars().skip(length - shown).collect();
                format!("{}{end}", "*".repeat(length - shown))
            }
            Redact::Hash => {
                let digest = Sha256::digest(value.as_bytes());
                let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
                // Letters alone, so that no digits are taken for a number of somebody.
                let letters: String =
                    digest.chars().map(|c| char::from(b'a' + c.to_digit(16).unwrap_or(0) as u8)).collect();
                format!("{{{{{category}_{letters}}}}}")
            }
        }
    }
}

impl Rewriting for Redacting<'_> {
    fn text(&mut self, text: &str) -> Option<String> {
        let places = self.finder.places(text);
        if places.is_empty() {
            return None;
        }
        let mut new = String::with_capacity(text.len());
        let mut at = 0;
        for Mark { start, end, category } in places {
            new.push_str(&text[at..start]);
            *self.found.entry(category.clone()).or_default() += 1;
            let stand_in = self.stand_in(&category, &text[start..end]);
            new.push_str(&stand_in);
            at = end;
        }
        new.push_str(&text[at..]);
        Some(new)
    }

    fn found(&self, had_text: bool) -> Found {
        if !had_text {
            return Found::no_text();
        }
        Found::verdict(true, json!({ "redacted": self.found }))
    }
}

/// Puts places in order and leaves out those that overlap an earlier or, at the same beginning, a longer one.
pub(super) fn apart(mut places: Vec<Mark>) -> Vec<Mark> {
    places.sort_by_key(|place| (place.start, std::cmp::Reverse(place.end)));
    let mut until = 0;
    places.retain(|place| {
        let free = place.start >= until;
        if free {
            until = place.end;
        }
        free
    });
    places
}

pub(super) fn mark(start: usize, end: usize, category: &str) -> Mark {
    Mark { start, end, category: category.to_owned() }
}
