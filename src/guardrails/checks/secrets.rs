//! Secrets: `latchkey.secrets`, which is ours. Keys of known forms, private keys, tokens, and passwords in addresses; with
//! `random`, whatever looks drawn by chance as well.

use super::parameters::Parameters;
use super::patterns::{Finder, Redact, Redacting, apart, judge, mark};
use super::{Found, Mark, Rewriting, Scene};
use regex::Regex;
use std::sync::LazyLock;

/// Looks for secrets.
#[derive(Debug)]
pub struct Secrets {
    random: bool,
    redact: Option<Redact>,
}

pub(super) fn compile(read: &mut Parameters<'_>) -> Option<Secrets> {
    let redact = Redact::read(read);
    let random = read.flag_or("random", false);
    Some(Secrets { random, redact })
}

impl Secrets {
    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        judge(self, scene)
    }

    pub(super) fn rewriting(&self) -> Option<Box<dyn Rewriting + Send + '_>> {
        self.redact.map(|way| Box::new(Redacting::new(self, way)) as Box<dyn Rewriting + Send + '_>)
    }

    pub(super) fn marks(&self, text: &str) -> Vec<Mark> {
        self.places(text)
    }
}

/// Words with which keys begin, and what follows. A key ends where no letter of it can follow.
const KEYS: &str = concat!(
    r"(?-u:\b)(?:",
    r"lk_[mp][0-9A-Za-z]{20,}",
    r"|sk-[A-Za-z0-9_-]{20,}",
    r"|gsk_[A-Za-z0-9]{20,}",
    r"|xai-[A-Za-z0-9]{20,}",
    r"|pplx-[A-Za-z0-9]{20,}",
    r"|hf_[A-Za-z0-9]{20,}",
    r"|r8_[A-Za-z0-9]{20,}",
    r"|AIza[A-Za-z0-9_-]{30,}",
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}",
    r"|gh[pousr]_[A-Za-z0-9]{30,}",
    r"|github_pat_[A-Za-z0-9_]{30,}",
    r"|glpat-[A-Za-z0-9_-]{20,}",
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}",
    r"|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}",
    r"|whsec_[A-Za-z0-9+/=]{16,}",
    r"|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    r"|npm_[A-Za-z0-9]{30,}",
    r"|pypi-[A-Za-z0-9_-]{30,}",
    r"|dop_v1_[a-f0-9]{30,}",
    r")",
);

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of this program")
}

static KEY: LazyLock<Regex> = LazyLock::new(|| pattern(KEYS));
static TOKEN: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?-u:\b)eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"));
static PASSWORD: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)(?-u:\b)[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{0,100}:([^\s/@]{1,200})@"));
static RANDOM: LazyLock<Regex> = LazyLock::new(|| pattern(r"[A-Za-z0-9+/_=-]{24,}"));

const BEGIN: &str = "-----BEGIN ";

impl Finder for Secrets {
    fn places(&self, text: &str) -> Vec<Mark> {
        let mut places = vec![];
        places.extend(KEY.find_iter(text).map(|found| mark(found.start(), found.end(), "API_KEY")));
        if text.contains("eyJ") {
            places.extend(TOKEN.find_iter(text).map(|found| mark(found.start(), found.end(), "TOKEN")));
        }
        if text.contains("://") {
            let inner = PASSWORD.captures_iter(text).filter_map(|found| found.get(1));
            places.extend(inner.map(|found| mark(found.start(), found.end(), "PASSWORD")));
        }
        private_keys(text, &mut places);
        if self.random {
            let random = RANDOM.find_iter(text).filter(|found| looks_random(found.as_str()));
            places.extend(random.map(|found| mark(found.start(), found.end(), "RANDOM")));
        }
        apart(places)
    }
}

/// Blocks of private keys (RFC 7468), those that are cut off included.
fn private_keys(text: &str, places: &mut Vec<Mark>) {
    let mut at = 0;
    while let Some(begin) = text[at..].find(BEGIN).map(|found| at + found) {
        let label = text[begin + BEGIN.len()..].split("-----").next().unwrap_or_default();
        at = begin + BEGIN.len();
        if label.len() > 60 || !label.ends_with("PRIVATE KEY") && !label.ends_with("PRIVATE KEY BLOCK") {
            continue;
        }
        let end = format!("-----END {label}-----");
        let until = text[at..].find(&end).map_or(text.len(), |found| at + found + end.len());
        places.push(mark(begin, until, "PRIVATE_KEY"));
        at = until;
    }
}

/// Whether a word has letters and digits that hardly follow from one another: by the entropy of its characters.
fn looks_random(word: &str) -> bool {
    let word = word.trim_end_matches('=');
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let letters = word.bytes().filter(u8::is_ascii_alphabetic).count();
    // A long name has no digits, a long number no letters.
    if word.len() < 24 || digits < 2 || letters < 6 {
        return false;
    }
    let hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut counts = [0_u32; 256];
    for byte in word.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let length = f64::from(u32::try_from(word.len()).unwrap_or(u32::MAX));
    let share = |count: &u32| f64::from(*count) / length;
    let entropy: f64 = counts.iter().filter(|count| **count > 0).map(|count| -share(count) * share(count).log2()).sum();
    entropy >= if hex { 3.0 } else { 3.8 }
}
