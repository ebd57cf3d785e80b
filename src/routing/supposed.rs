//! The dry run: what is supposed of a call, and what would become of it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A call that is not made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Supposed {
    /// The path of the call; empty for `/v1/chat/completions`.
    pub path: String,
    /// The body, as JSON text; without one, a body that holds only the model.
    pub body: Option<String>,
    /// Takes the place of the body's model.
    pub model: Option<String>,
    pub metadata: BTreeMap<String, String>,
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
    /// What each target answers, by its path (`config.targets[1]`) or by its virtual key's slug. One that is not named
    /// answers well.
    pub answers: BTreeMap<String, Answer>,
    /// Draws the targets that are shared out: the same number, the same targets.
    pub chance: u64,
}

/// What a target is supposed to answer, each time it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Well,
    Status(u16),
    /// Nothing in time.
    TooLate,
    Unreachable,
}

/// What would become of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// The target whose answer the caller would be given; `None` where nobody is asked.
    pub reached: Option<Reached>,
    /// The status that the caller would be given, by the provider's own.
    pub status: u16,
    /// Retries at the target reached; −1 when all were used up.
    pub retries: i32,
    pub steps: Vec<Step>,
}

/// A target that a call reaches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    pub path: String,
    /// The slug; `None` where the request names none.
    pub virtual_key: Option<String>,
    /// After all parameters.
    pub model: Option<String>,
    pub line: u32,
}

/// One step of the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub verdict: Verdict,
    /// In words, such as `metadata.plan equals paid`.
    pub words: String,
    /// Where in the config it is said, from 1.
    pub line: u32,
    /// The level or target that it is about: `config.targets[0]`.
    pub path: String,
}

/// How a step is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It holds; the way goes on here.
    Yes,
    /// It does not hold, or is passed over.
    No,
    /// Something failed, and the way goes on elsewhere.
    Onward,
    /// Something failed, and the way ends.
    Failed,
}
