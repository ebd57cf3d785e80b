//! What the checks have in common that find places in texts and may take them out: `portkey.pii` and `latchkey.secrets`.

use super::parameters::Parameters;
use super::search::{beside, with_text};
use super::{Found, HashKey, Mark, Rewriting, Scene};
use ring::hmac;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// A place in a text, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub at: Range<usize>,
    pub category: &'static str,
}

/// What can find places. Each of its functions takes time in proportion to the text.
pub(super) trait Finder {
    /// All places, in any order; they may overlap. Of those that do, the one that was found first gives the name.
    fn find(&self, text: &str, found: &mut Vec<Place>);
    /// A value as it is compared with others, so that one way of writing it counts as the other.
    fn same(&self, category: &'static str, value: &str) -> String;
    /// A value that nobody can use, but its owner still knows.
    fn masked(&self, category: &'static str, value: &str) -> String;
}

/// The places in their order. Those that overlap are one.
pub(super) fn places(finder: &impl Finder, text: &str) -> Vec<Place> {
    let mut found = vec![];
    finder.find(text, &mut found);
    let mut ranked: Vec<(usize, Place)> = found.into_iter().enumerate().collect();
    ranked.sort_by_key(|(rank, place)| (place.at.start, *rank));
    let mut merged: Vec<(usize, Place)> = Vec::with_capacity(ranked.len());
    for (rank, place) in ranked {
        match merged.last_mut() {
            Some((first, last)) if place.at.start < last.at.end => {
                last.at.end = last.at.end.max(place.at.end);
                if rank < *first {
                    (*first, last.category) = (rank, place.category);
                }
            }
            _ => merged.push((rank, place)),
        }
    }
    merged.into_iter().map(|(_, place)| place).collect()
}

pub(super) fn marks(finder: &impl Finder, text: &str) -> Vec<Mark> {
    let mark = |place: Place| Mark { start: place.at.start, end: place.at.end, category: place.category.to_owned() };
    places(finder, text).into_iter().map(mark).collect()
}

/// Judges texts and the arguments of tool calls: nothing may be found in any of them.
pub(super) fn judge(finder: &impl Finder, scene: &Scene<'_>) -> Found {
    let mut found: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut failed = vec![];
    let mut any = false;
    for (number, unit) in with_text(scene) {
        any = true;
        let places = places(finder, &unit.text);
        if !places.is_empty() {
            failed.push(number);
        }
        for place in places {
            *found.entry(place.category).or_default() += 1;
        }
    }
    let says_more = !scene.arguments.is_empty() || !scene.asides.is_empty();
    if !any && !says_more && !scene.units.iter().any(|unit| unit.calls_tools) {
        return Found::no_text();
    }
    let counted = RefCell::new(found);
    let beside = beside(scene, |text| {
        let places = places(finder, text);
        for place in &places {
            *counted.borrow_mut().entry(place.category).or_default() += 1;
        }
        !places.is_empty()
    });
    let data = beside.tell(&failed, json!({ "found": counted.into_inner(), "failed": failed }));
    Found::verdict(failed.is_empty() && !beside.is_there(), data)
}

/// What is put in the place of something that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Redact {
    /// `{{CATEGORY_n}}`, the same n for the same value.
    Replace,
    /// The end of the value behind stars.
    Mask,
    /// `{{CATEGORY_digest}}`, the same digest for the same value in every call of an organisation.
    Hash,
}

impl Redact {
    pub(super) fn read(read: &mut Parameters<'_>) -> Option<Self> {
        match read.get("redact") {
            None | Some(Value::Bool(false)) => None,
            Some(Value::Bool(true)) => Some(Redact::Replace),
            Some(value) => match value.as_str() {
                Some("replace") => Some(Redact::Replace),
                Some("mask") => Some(Redact::Mask),
                Some("hash") => Some(Redact::Hash),
                _ => {
                    read.wrong("redact", "This must be true, false, \"replace\", \"mask\" or \"hash\".");
                    None
                }
            },
        }
    }
}

/// After so many passes in which there was still something left, the whole text is taken out.
const PASSES: usize = 8;

pub(super) struct Redacting<'c, F> {
    finder: &'c F,
    by: Redact,
    key: &'c HashKey,
    numbers: HashMap<(&'static str, String), usize>,
    /// The highest number of each category.
    last: BTreeMap<&'static str, usize>,
    found: BTreeMap<&'static str, usize>,
}

impl<'c, F: Finder> Redacting<'c, F> {
    pub(super) fn new(finder: &'c F, by: Redact, key: &'c HashKey) -> Self {
        Self { finder, by, key, numbers: HashMap::new(), last: BTreeMap::new(), found: BTreeMap::new() }
    }

    fn stand_in(&mut self, category: &'static str, value: &str) -> String {
        match self.by {
            Redact::Mask => self.finder.masked(category, value),
            Redact::Hash => {
                let digest = digest(self.key, category, &self.finder.same(category, value));
                format!("{{{{{category}_{digest}}}}}")
            }
            Redact::Replace => {
                let last = self.last.entry(category).or_default();
                let number = self.numbers.entry((category, self.finder.same(category, value))).or_insert_with(|| {
                    *last += 1;
                    *last
                });
                format!("{{{{{category}_{number}}}}}")
            }
        }
    }

    fn pass(&mut self, text: &str, places: &[Place]) -> String {
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for place in places {
            out.push_str(&text[from..place.at.start]);
            let stand_in = self.stand_in(place.category, &text[place.at.clone()]);
            out.push_str(&stand_in);
            from = place.at.end;
            *self.found.entry(place.category).or_default() += 1;
        }
        out.push_str(&text[from..]);
        out
    }
}

impl<F: Finder> Rewriting for Redacting<'_, F> {
    fn text(&mut self, text: &str) -> Option<String> {
        let first = places(self.finder, text);
        if first.is_empty() {
            return None;
        }
        let mut left = self.pass(text, &first);
        // What stood beside something that has gone may be something of its own now.
        for _ in 1..PASSES {
            let again = places(self.finder, &left);
            match again.first() {
                None => return Some(left),
                Some(_) => left = self.pass(&left, &again),
            }
        }
        match places(self.finder, &left).first() {
            None => Some(left),
            Some(place) => Some(format!("{{{{{}}}}}", place.category)),
        }
    }

    fn names(&self) -> bool {
        true
    }

    fn found(&self, had_text: bool) -> Found {
        if !had_text {
            return Found::no_text();
        }
        let redacted: usize = self.found.values().sum();
        Found::verdict(true, json!({ "found": self.found, "redacted": redacted }))
    }
}

/// Ten letters that tell a value from others, and not what it is: without the key, nobody can try all numbers. There are
/// no digits in it, which could become a part of something.
fn digest(key: &HashKey, category: &str, value: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), format!("{category}\0{value}").as_bytes());
    tag.as_ref().iter().take(5).flat_map(|byte| [byte >> 4, byte & 15]).map(|four| char::from(b'g' + four)).collect()
}
