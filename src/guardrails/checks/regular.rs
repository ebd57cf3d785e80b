//! Patterns: `default.regexMatch` and `default.regexReplace`. They run in linear time, so look-around and back-references
//! are refused. Classes and letter case are Unicode's, a character is a code point, and nothing is normalised.

use super::parameters::Parameters;
use super::search::{Beside, beside, each};
use super::{Found, Mark, Rewriting, Scene};
use regex::{Regex, RegexBuilder};
use regex_syntax::ast;
use serde_json::json;
use std::time::{Duration, Instant};

/// The longest pattern, in bytes; the most bytes of its program, and of what the engine remembers of its states.
const LONGEST: usize = 4 << 10;
const PROGRAM: usize = 256 << 10;
const STATES: usize = 1 << 20;
/// How long the places of a pattern are looked for. One is found in linear time; many may take longer.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether a pattern occurs.
#[derive(Debug)]
pub struct Match {
    rule: Regex,
    not: bool,
}

impl Match {
    /// Whether it looks for what must not be there.
    pub(super) fn forbids(&self) -> bool {
        self.not
    }

    pub(super) fn read(read: &mut Parameters<'_>) -> Option<Self> {
        let not = read.not();
        let rule = read.text("rule", LONGEST)?;
        Some(Self { rule: compile(&rule, Flags::default(), read)?, not })
    }

    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        let is_there = |text: &str| self.rule.is_match(text);
        let failed = each(scene, |text| is_there(text) != self.not);
        let beside = if self.not { beside(scene, is_there) } else { Beside::default() };
        match failed {
            Err(_) if beside.is_there() => Found::verdict(false, beside.tell(&[], json!({}))),
            Err(none) => none,
            Ok(failed) => Found::verdict(
                failed.is_empty() && !beside.is_there(),
                beside.tell(&failed, json!({ "not": self.not, "failed": failed })),
            ),
        }
    }

    pub(super) fn marks(&self, text: &str) -> Vec<Mark> {
        marks(&self.rule, text)
    }
}

/// Replaces every match of a pattern by a text as it stands.
#[derive(Debug)]
pub struct Replace {
    rule: Regex,
    by: String,
    fails: bool,
}

impl Replace {
    pub(super) fn read(read: &mut Parameters<'_>) -> Option<Self> {
        let fails = read.flag_or("failOnDetection", false);
        let by = match read.get("redactText") {
            None => "[REDACTED]".to_owned(),
            Some(value) => match value.as_str().filter(|text| text.len() <= 1_000) {
                Some(text) => text.to_owned(),
                None => {
                    read.wrong("redactText", "This must be a string of at most 1,000 bytes.");
                    return None;
                }
            },
        };
        let rule = read.text("rule", LONGEST)?;
        let (rule, flags) = match slashed(&rule) {
            Some((inner, flags)) => (inner.to_owned(), flags),
            None => (rule, Flags::default()),
        };
        Some(Self { rule: compile(&rule, flags, read)?, by, fails })
    }

    /// Is only asked where nothing is to be changed.
    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        let is_there = |text: &str| self.rule.is_match(text);
        match each(scene, |text| !(self.fails && is_there(text))) {
            Err(none) => none,
            Ok(failed) => Found::verdict(failed.is_empty(), json!({ "failed": failed })),
        }
    }

    pub(super) fn rewriting(&self) -> Box<dyn Rewriting + Send + '_> {
        Box::new(Replacing { check: self, replaced: 0, until: Instant::now() + PATIENCE, late: false })
    }

    pub(super) fn marks(&self, text: &str) -> Vec<Mark> {
        marks(&self.rule, text)
    }
}

struct Replacing<'c> {
    check: &'c Replace,
    replaced: u64,
    until: Instant,
    /// It has taken too long, so that something may be left.
    late: bool,
}

impl Rewriting for Replacing<'_> {
    fn text(&mut self, text: &str) -> Option<String> {
        let Replace { rule, by, .. } = self.check;
        let mut new: Option<String> = None;
        let mut at = 0;
        for found in rule.find_iter(text) {
            let new = new.get_or_insert_with(|| String::with_capacity(text.len()));
            new.push_str(&text[at..found.start()]);
            new.push_str(by);
            at = found.end();
            self.replaced += 1;
            if Instant::now() > self.until {
                self.late = true;
                break;
            }
        }
        let mut new = new?;
        new.push_str(&text[at..]);
        Some(new)
    }

    fn found(&self, had_text: bool) -> Found {
        if !had_text {
            return Found::no_text();
        }
        if self.late {
            return Found::error("The pattern takes too long over this text.");
        }
        Found::verdict(!(self.check.fails && self.replaced > 0), json!({ "replaced": self.replaced }))
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    ignore_case: bool,
    multi_line: bool,
    dot_all: bool,
}

/// `/pattern/flags`, as JavaScript writes it.
fn slashed(rule: &str) -> Option<(&str, Flags)> {
    let (inner, said) = rule.strip_prefix('/')?.rsplit_once('/')?;
    let mut flags = Flags::default();
    for flag in said.chars() {
        match flag {
            'i' => flags.ignore_case = true,
            'm' => flags.multi_line = true,
            's' => flags.dot_all = true,
            // Every match is replaced, and patterns are Unicode's anyway.
            'g' | 'u' => {}
            _ => return None,
        }
    }
    (!inner.is_empty()).then_some((inner, flags))
}

fn compile(rule: &str, flags: Flags, read: &mut Parameters<'_>) -> Option<Regex> {
    // It alone tells the place of a fault.
    if let Err(error) = ast::parse::Parser::new().parse(rule) {
        let place = rule[..error.span().start.offset].chars().count() + 1;
        let message = match error.kind() {
            ast::ErrorKind::UnsupportedLookAround => {
                format!("Patterns run in linear time, so there is no look-ahead or look-behind. See character {place}.")
            }
            ast::ErrorKind::UnsupportedBackreference => {
                format!("Patterns run in linear time, so there are no back-references. See character {place}.")
            }
            kind => format!("This is not a valid pattern: {kind}. See character {place}."),
        };
        read.wrong("rule", message);
        return None;
    }
    let built = RegexBuilder::new(rule)
        .case_insensitive(flags.ignore_case)
        .multi_line(flags.multi_line)
        .dot_matches_new_line(flags.dot_all)
        .size_limit(PROGRAM)
        .dfa_size_limit(STATES)
        .build();
    match built {
        Ok(rule) => Some(rule),
        Err(regex::Error::CompiledTooBig(_)) => {
            read.wrong("rule", "The pattern becomes too large. Use fewer or smaller repetitions.");
            None
        }
        Err(error) => {
            let told = error.to_string();
            let last = told.lines().last().unwrap_or_default().trim_start_matches("error: ");
            read.wrong("rule", format!("This is not a valid pattern: {last}."));
            None
        }
    }
}

fn marks(rule: &Regex, text: &str) -> Vec<Mark> {
    let places = rule.find_iter(text).filter(|found| !found.is_empty()).take(1_000);
    places.map(|found| Mark { start: found.start(), end: found.end(), category: "match".into() }).collect()
}
