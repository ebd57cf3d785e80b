//! Lengths: `default.wordCount`, `default.sentenceCount`, `default.characterCount`.
//!
//! Words are parted by white space of any kind. Each `.`, `!` and `?` counts as a sentence, wherever it stands. Characters
//! are UTF-16 code units.

use super::parameters::Parameters;
use super::search::{each_even_empty, is_empty_choice, with_text};
use super::{Found, Scene};
use serde_json::json;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Words,
    Sentences,
    Characters,
}

/// How long a text may be.
#[derive(Debug)]
pub struct Count {
    what: What,
    least: u64,
    most: u64,
    not: bool,
}

impl Count {
    pub(super) fn read(what: What, read: &mut Parameters<'_>) -> Option<Self> {
        const MOST: u64 = 1_000_000_000;
        let (low, high, usual) = match what {
            What::Words => ("minWords", "maxWords", 99_999),
            What::Sentences => ("minSentences", "maxSentences", 99_999),
            What::Characters => ("minCharacters", "maxCharacters", 9_999_999),
        };
        let not = read.not();
        let least = read.whole(low, 0, MOST);
        let most = read.whole(high, usual.max(least), MOST);
        if least > most {
            read.wrong(low, format!("`{low}` is above `{high}`, so no text could pass."));
            return None;
        }
        Some(Self { what, least, most, not })
    }

    fn count(&self, text: &str) -> u64 {
        let counted = match self.what {
            What::Words => text.split(is_blank).filter(|word| !word.is_empty()).count(),
            What::Sentences => text.bytes().filter(|byte| matches!(byte, b'.' | b'!' | b'?')).count(),
            What::Characters => text.encode_utf16().count(),
        };
        counted as u64
    }

    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        let holds = |text: &str| (self.least..=self.most).contains(&self.count(text)) != self.not;
        let failed = if self.what == What::Sentences {
            each_even_empty(scene, holds)
        } else {
            // Blanks alone are no words, but they are characters.
            let is_nothing = |text: &str| match self.what {
                What::Words => text.chars().all(is_blank),
                _ => text.is_empty(),
            };
            let judged: Vec<_> = with_text(scene).filter(|(_, unit)| !is_nothing(&unit.text)).collect();
            if judged.is_empty() && !scene.units.iter().any(|unit| unit.calls_tools) {
                return Found::no_text();
            }
            let mut failed: Vec<usize> =
                judged.into_iter().filter(|(_, unit)| !holds(&unit.text)).map(|(number, _)| number).collect();
            let nothing = scene.units.iter().enumerate();
            let nothing = nothing.filter(|(_, unit)| is_empty_choice(scene, unit) && !holds(&unit.text));
            failed.extend(nothing.map(|(number, _)| number));
            failed
        };
        let counts: Vec<u64> = scene.units.iter().take(100).map(|unit| self.count(&unit.text)).collect();
        Found::verdict(
            failed.is_empty(),
            json!({ "counts": counts, "min": self.least, "max": self.most, "not": self.not, "failed": failed }),
        )
    }
}

/// White space as clients' own checks know it: Unicode's, and the mark of the byte order.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}
