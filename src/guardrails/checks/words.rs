//! Words: `default.contains` and `default.endsWith`. A word is found inside another word, and letter case matters, unless
//! `wholeWords` or `ignoreCase` (which are ours) say otherwise.

use super::parameters::Parameters;
use super::search::{Beside, beside, each, each_even_empty};
use super::{Found, Mark, Scene};
use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::json;

/// So many words are told of those that should not have been there.
const MOST_TOLD: usize = 20;

/// Which words of a list must occur.
#[derive(Debug)]
pub struct Contains {
    words: Vec<String>,
    all: AhoCorasick,
    operator: Operator,
    not: bool,
    whole: bool,
    fold: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Any,
    All,
    None,
}

impl Contains {
    pub(super) fn read(read: &mut Parameters<'_>) -> Option<Self> {
        let operator = match read.choice("operator", &["any", "all", "none"], "any") {
            "all" => Operator::All,
            "none" => Operator::None,
            _ => Operator::Any,
        };
        let not = read.not();
        let whole = read.flag_or("wholeWords", false);
        let fold = read.flag_or("ignoreCase", false);
        let mut words = read.texts("words", 0, 1_000, 200)?;
        if fold {
            words.iter_mut().for_each(|word| *word = word.to_lowercase());
        }
        let built = AhoCorasick::builder().match_kind(MatchKind::Standard).build(&words);
        match built {
            Ok(all) => Some(Self { words, all, operator, not, whole, fold }),
            Err(_) => {
                read.wrong("words", "There are too many words for one check.");
                None
            }
        }
    }

    /// Which words occur, by their numbers.
    fn occurring(&self, text: &str) -> Vec<usize> {
        let folded = self.fold.then(|| text.to_lowercase());
        let text = folded.as_deref().unwrap_or(text);
        let mut seen = vec![false; self.words.len()];
        // Where all must occur, words that lie in one another could be found again and again.
        if self.operator == Operator::All && !self.whole {
            return (0..self.words.len()).filter(|number| text.contains(self.words[*number].as_str())).collect();
        }
        let mut left = if self.operator == Operator::All { self.words.len() } else { self.words.len().min(MOST_TOLD) };
        for found in self.all.find_overlapping_iter(text) {
            let word = &mut seen[found.pattern().as_usize()];
            if !*word && (!self.whole || stands_alone(text, found.start(), found.end())) {
                *word = true;
                left -= 1;
                if left == 0 {
                    break;
                }
            }
        }
        (0..seen.len()).filter(|number| seen[*number]).collect()
    }

    fn holds(&self, text: &str) -> bool {
        let found = self.occurring(text).len();
        let holds = match self.operator {
            Operator::Any => found > 0,
            // A word that stands in the list twice occurs twice.
            Operator::All => found == self.words.len(),
            Operator::None => found == 0,
        };
        holds != self.not
    }

    /// Whether it looks for what must not be there.
    pub(super) fn forbids(&self) -> bool {
        (self.operator == Operator::None) != self.not && self.operator != Operator::All
    }

    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        let failed = each_even_empty(scene, |text| self.holds(text));
        let beside = match self.forbids() {
            true => beside(scene, |text| !self.occurring(text).is_empty()),
            false => Beside::default(),
        };
        // The words are the guardrail's own; which of them were there is no secret of the text.
        let words: Vec<&str> = match self.forbids() {
            true => {
                let found = failed.iter().filter_map(|unit| scene.units.get(*unit));
                let mut numbers: Vec<usize> = found.flat_map(|unit| self.occurring(&unit.text)).collect();
                numbers.sort_unstable();
                numbers.dedup();
                numbers.into_iter().take(MOST_TOLD).map(|number| self.words[number].as_str()).collect()
            }
            false => vec![],
        };
        Found::verdict(
            failed.is_empty() && !beside.is_there(),
            beside.tell(&failed, json!({ "failed": failed, "words": words })),
        )
    }

    pub(super) fn marks(&self, text: &str) -> Vec<Mark> {
        // Folding may move places.
        let folded = self.fold.then(|| text.to_lowercase()).filter(|folded| folded.len() == text.len());
        let text = folded.as_deref().unwrap_or(text);
        let found = self.all.find_overlapping_iter(text);
        let found = found.filter(|found| !self.whole || stands_alone(text, found.start(), found.end()));
        found.map(|found| Mark { start: found.start(), end: found.end(), category: "word".into() }).collect()
    }
}

fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let before = text[..start].chars().next_back();
    let after = text[end..].chars().next();
    let part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    !part(before) && !part(after)
}

/// Whether a text ends with another, or with it and a full stop.
#[derive(Debug)]
pub struct EndsWith {
    suffix: String,
    not: bool,
}

impl EndsWith {
    pub(super) fn read(read: &mut Parameters<'_>) -> Option<Self> {
        let not = read.not();
        Some(Self { suffix: read.text("suffix", 1_000)?, not })
    }

    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        let ends = |text: &str| {
            text.ends_with(&self.suffix) || text.strip_suffix('.').is_some_and(|text| text.ends_with(&self.suffix))
        };
        match each(scene, |text| ends(text) != self.not) {
            Err(none) => none,
            Ok(failed) => Found::verdict(failed.is_empty(), json!({ "failed": failed })),
        }
    }
}
