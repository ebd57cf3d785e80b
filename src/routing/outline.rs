//! What a config does, for pages to draw.

use serde::{Deserialize, Serialize};

/// A whole config.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outline {
    pub root: Item,
}

/// The config, or one of its targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// `config`, `config.targets[1]` and so on.
    pub path: String,
    /// The same as faults name it: empty, `targets[1]` and so on.
    pub place: String,
    /// From 1.
    pub line: u32,
    pub name: Option<String>,
    /// The share of the calls, 0 to 1, where the level above shares them out.
    pub share: Option<f64>,
    pub kind: Kind,
    /// What this level itself sets, in the order of the text.
    pub settings: Vec<Setting>,
    /// Empty for a target that is asked itself.
    pub targets: Vec<Item>,
}

/// What a level does with a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kind {
    /// Asks a provider.
    Target {
        /// The slug, also where a level above names it; `None` where the request does.
        virtual_key: Option<String>,
        /// `None` where the request's own stays.
        model: Option<String>,
    },
    /// Always asks the first target.
    Single,
    /// Asks one after another.
    InTurn {
        /// The statuses that lead on; `None` for every failure.
        on: Option<Vec<u16>>,
    },
    /// Asks one by weight.
    SharedOut {
        /// What calls to the same target have in common; `None` where each is drawn anew.
        sticky: Option<Vec<String>>,
    },
    /// Asks the first whose condition holds.
    ByCondition {
        cases: Vec<Case>,
        /// The number of the target that is asked otherwise.
        otherwise: Option<usize>,
    },
}

/// A condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// In words: `metadata.plan equals paid`.
    pub words: String,
    pub line: u32,
    /// The number of its target, if there is one of that name.
    pub target: Option<usize>,
}

/// Something that holds for a level and everything below it. Each has its line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Setting {
    Retry {
        attempts: u8,
        on: Vec<u16>,
        heeds_retry_after: bool,
        line: u32,
    },
    /// Seconds.
    Cache {
        max_age: u64,
        line: u32,
    },
    /// Milliseconds.
    Timeout {
        ms: u64,
        line: u32,
    },
    Defaults {
        names: Vec<String>,
        line: u32,
    },
    Overrides {
        names: Vec<String>,
        line: u32,
    },
    Drops {
        paths: Vec<String>,
        line: u32,
    },
    Forwards {
        headers: Vec<String>,
        line: u32,
    },
    Breaker {
        breaker: Breaker,
        line: u32,
    },
    /// What looks at requests, or at answers: names of saved guardrails, or of the config's own.
    Guards {
        answers: bool,
        names: Vec<String>,
        line: u32,
    },
}

impl Setting {
    pub fn line(&self) -> u32 {
        match self {
            Setting::Retry { line, .. }
            | Setting::Cache { line, .. }
            | Setting::Timeout { line, .. }
            | Setting::Defaults { line, .. }
            | Setting::Overrides { line, .. }
            | Setting::Drops { line, .. }
            | Setting::Forwards { line, .. }
            | Setting::Breaker { line, .. }
            | Setting::Guards { line, .. } => *line,
        }
    }
}

/// When targets are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breaker {
    pub failures: u64,
    pub percent: Option<u64>,
    pub minimum: u64,
    /// Milliseconds.
    pub cooldown: u64,
    /// `None` for 500 and above.
    pub on: Option<Vec<u16>>,
}
