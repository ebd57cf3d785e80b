//! Conditions over a request: what may stand there, and whether it holds.

use super::level::Field;
use regex::{Regex, RegexBuilder};
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;

/// The most bytes of a compiled pattern, and of what the engine remembers of its states.
const MAX_PATTERN: usize = 256 << 10;

/// What is asked of a request.
#[derive(Debug, Clone)]
pub enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Is { field: Field, test: Test },
}

#[derive(Debug, Clone)]
pub enum Test {
    Equal(Operand),
    NotEqual(Operand),
    Above(f64),
    AtLeast(f64),
    Below(f64),
    AtMost(f64),
    OneOf(Vec<Operand>),
    NoneOf(Vec<Operand>),
    Matches(Pattern),
}

/// A pattern that runs in linear time.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// A sentence for people.
    pub fn new(text: &str) -> Result<Self, String> {
        RegexBuilder::new(text).size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN).build().map(Self).map_err(|error| {
            match error {
                regex::Error::CompiledTooBig(_) => {
                    "The pattern becomes too large. Use fewer or smaller repetitions.".to_owned()
                }
                _ if ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|look| text.contains(look)) => {
                    "Patterns run in linear time, so look-ahead and look-behind are not supported.".to_owned()
                }
                // The engine draws the place in several lines; the last says what is wrong.
                error => {
                    let told = error.to_string();
                    let last = told.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                    format!("This is not a valid pattern: {last}.")
                }
            }
        })
    }

    pub fn text(&self) -> &str {
        self.0.as_str()
    }
}

/// A value that conditions compare.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    Null,
    Bool(bool),
    Number(f64),
    Text(Box<str>),
    /// A list or an object, which equals nothing.
    Other,
}

impl Operand {
    /// The number that it is or spells.
    fn number(&self) -> Option<f64> {
        match self {
            Operand::Number(number) => Some(*number),
            Operand::Text(text) => number(text),
            _ => None,
        }
    }

    fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Operand::Text(text) => Some(Cow::Borrowed(text)),
            Operand::Number(number) => Some(Cow::Owned(number.to_string())),
            Operand::Bool(word) => Some(Cow::Borrowed(if *word { "true" } else { "false" })),
            Operand::Null | Operand::Other => None,
        }
    }

    /// As it is written in JSON.
    pub fn words(&self) -> String {
        match self {
            Operand::Null => "null".to_owned(),
            Operand::Other => "…".to_owned(),
            Operand::Text(text) => text.to_string(),
            other => other.text().unwrap_or_default().into_owned(),
        }
    }
}

/// Read without a tree.
impl<'de> Deserialize<'de> for Operand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalar)
    }
}

struct Scalar;

impl<'de> Visitor<'de> for Scalar {
    type Value = Operand;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Operand, E> {
        Ok(Operand::Null)
    }

    fn visit_bool<E>(self, word: bool) -> Result<Operand, E> {
        Ok(Operand::Bool(word))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Operand, E> {
        Ok(Operand::Number(number as f64))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Operand, E> {
        Ok(Operand::Number(number as f64))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Operand, E> {
        Ok(Operand::Number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Operand, E> {
        Ok(Operand::Text(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Operand, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Operand::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Operand, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Operand::Other)
    }
}

/// A number that a text spells, blanks around it aside.
pub fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let spelled = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    text.parse::<f64>().ok().filter(|number| spelled && number.is_finite())
}

impl Test {
    /// Whether a value passes; `None` is one that is not there, which differs from everything and passes nothing else.
    fn passes(&self, value: Option<&Operand>) -> bool {
        let Some(value) = value else { return matches!(self, Test::NotEqual(_) | Test::NoneOf(_)) };
        let compare =
            |holds: fn(f64, f64) -> bool, bound: f64| value.number().is_some_and(|number| holds(number, bound));
        // What is no scalar is not even like itself.
        let equal = |other: &Operand| *value != Operand::Other && value == other;
        match self {
            Test::Equal(other) => equal(other),
            Test::NotEqual(other) => !equal(other),
            Test::Above(bound) => compare(|a, b| a > b, *bound),
            Test::AtLeast(bound) => compare(|a, b| a >= b, *bound),
            Test::Below(bound) => compare(|a, b| a < b, *bound),
            Test::AtMost(bound) => compare(|a, b| a <= b, *bound),
            Test::OneOf(list) => list.iter().any(equal),
            Test::NoneOf(list) => !list.iter().any(equal),
            Test::Matches(pattern) => value.text().is_some_and(|text| pattern.0.is_match(&text)),
        }
    }

    fn words(&self) -> String {
        let list = |list: &[Operand]| list.iter().map(Operand::words).collect::<Vec<_>>().join(", ");
        match self {
            Test::Equal(other) => format!("equals {}", other.words()),
            Test::NotEqual(other) => format!("is not {}", other.words()),
            Test::Above(bound) => format!("is above {bound}"),
            Test::AtLeast(bound) => format!("is at least {bound}"),
            Test::Below(bound) => format!("is below {bound}"),
            Test::AtMost(bound) => format!("is at most {bound}"),
            Test::OneOf(values) => format!("is one of {}", list(values)),
            Test::NoneOf(values) => format!("is none of {}", list(values)),
            Test::Matches(pattern) => format!("matches {}", pattern.text()),
        }
    }
}

impl Condition {
    /// Whether it holds for a request whose values `find` gives.
    pub fn holds(&self, find: &impl Fn(&Field) -> Option<Operand>) -> bool {
        match self {
            Condition::All(parts) => parts.iter().all(|part| part.holds(find)),
            Condition::Any(parts) => parts.iter().any(|part| part.holds(find)),
            Condition::Is { field, test } => test.passes(find(field).as_ref()),
        }
    }

    /// In words: `metadata.plan equals paid`.
    pub fn words(&self) -> String {
        let joined = |parts: &[Condition], word: &str| {
            let several =
                |part: &Condition| matches!(part, Condition::All(inner) | Condition::Any(inner) if inner.len() > 1);
            let one = |part: &Condition| if several(part) { format!("({})", part.words()) } else { part.words() };
            parts.iter().map(one).collect::<Vec<_>>().join(word)
        };
        match self {
            Condition::All(parts) => joined(parts, " and "),
            Condition::Any(parts) => joined(parts, " or "),
            Condition::Is { field, test } => format!("{} {}", field.name(), test.words()),
        }
    }

    /// Calls `each` with every value that is looked at.
    pub fn fields(&self, each: &mut impl FnMut(&Field)) {
        match self {
            Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| part.fields(each)),
            Condition::Is { field, .. } => each(field),
        }
    }

    /// How many patterns are in it.
    pub fn patterns(&self) -> usize {
        match self {
            Condition::All(parts) | Condition::Any(parts) => parts.iter().map(Condition::patterns).sum(),
            Condition::Is { test, .. } => usize::from(matches!(test, Test::Matches(_))),
        }
    }
}
