//! A config as it was read, level by level, before anything is inherited. What could not be read is left out of it: its
//! faults are told beside it, and what is there can be drawn all the same.

use super::condition::Condition;
use crate::guardrails::Guardrail;
use std::sync::Arc;

/// A level of a config: the config itself, or one of its targets.
#[derive(Debug, Default)]
pub struct Level {
    /// Empty for the config itself, else such as `targets[0].targets[1]`.
    pub path: String,
    /// Where it begins, in bytes.
    pub at: usize,
    pub name: Option<At<String>>,
    pub weight: Option<At<f64>>,
    pub strategy: Option<Strategy>,
    pub targets: Vec<Level>,
    /// The virtual key that this level itself names.
    pub virtual_key: Option<Named>,
    pub retry: Option<At<Retry>>,
    pub cache: Option<At<Cache>>,
    /// Milliseconds.
    pub request_timeout: Option<At<u64>>,
    pub default_params: Option<At<Params>>,
    pub override_params: Option<At<Params>>,
    /// The model that `override_params` names, without a virtual key's slug.
    pub model: Option<String>,
    pub drop_params: Option<At<Vec<Vec<Part>>>>,
    /// Names of headers, in lower case.
    pub forward_headers: Option<At<Vec<String>>>,
    pub breaker: Option<At<Breaker>>,
    pub guards: Guards,
    /// Says that the request names the virtual key, which it does wherever none is named here.
    pub passthrough: bool,
}

/// The guardrails of a level, by what they look at.
#[derive(Debug, Default)]
pub struct Guards {
    pub requests: Rules,
    pub answers: Rules,
}

#[derive(Debug, Default)]
pub struct Rules {
    /// Where the first list stands.
    pub at: Option<usize>,
    /// Those of the level itself; they take the place of the outer ones.
    pub own: Option<Vec<Guard>>,
    /// Those that hold below as well, whatever is said there.
    pub always: Vec<Guard>,
}

/// A guardrail that a config names, or one that it writes itself.
#[derive(Debug, Clone)]
pub enum Guard {
    Named(Named),
    /// What it is called, and itself.
    Inline(Arc<str>, Arc<Guardrail>),
}

/// A value with its place.
#[derive(Debug, Clone)]
pub struct At<T> {
    pub at: usize,
    pub value: T,
}

/// A virtual key that is named.
#[derive(Debug, Clone)]
pub struct Named {
    pub slug: String,
    pub path: String,
    pub at: usize,
}

#[derive(Debug)]
pub struct Strategy {
    pub mode: Mode,
}

#[derive(Debug)]
pub enum Mode {
    Single,
    Fallback { on: Option<Vec<u16>> },
    LoadBalance { sticky: Option<Sticky> },
    Conditional { cases: Vec<ReadCase>, default: Option<At<String>> },
}

/// What a request must have in common with another for both to go to the same target, beside the API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sticky {
    pub fields: Vec<Field>,
}

/// A value of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Field {
    Metadata(Box<str>),
    /// A member of the body.
    Param(Box<str>),
    /// In small letters.
    Header(Box<str>),
    Path,
}

impl Field {
    /// The name that configs give it.
    pub fn name(&self) -> String {
        match self {
            Field::Metadata(name) => format!("metadata.{name}"),
            Field::Param(name) => format!("params.{name}"),
            Field::Header(name) => format!("headers.{name}"),
            Field::Path => "url.pathname".to_owned(),
        }
    }
}

#[derive(Debug)]
pub struct ReadCase {
    pub at: usize,
    pub query: Option<Condition>,
    pub then: Option<At<String>>,
}

/// When the same target is asked again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// 0 to 5, the first try not counted.
    pub attempts: u8,
    /// `None` for the usual ones.
    pub on: Option<Vec<u16>>,
    /// Whether a provider's own word of how long to wait goes before ours.
    pub heed: bool,
}

/// How long answers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cache {
    /// Seconds.
    pub max_age: u64,
}

/// When a target is left out for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    pub failures: u64,
    /// Of all calls, where that is asked for.
    pub percent: Option<u64>,
    /// Calls before a percentage says anything.
    pub minimum: u64,
    /// Milliseconds.
    pub cooldown: u64,
    /// `None` for 500 and above.
    pub on: Option<Vec<u16>>,
}

/// Members of a request's body with the JSON texts of their values.
pub type Params = Vec<(Arc<str>, Arc<str>)>;

/// A part of a path into a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Key(Box<str>),
    Element(usize),
    /// Each element.
    All,
}
