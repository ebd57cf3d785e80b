//! What a key is narrowed to beside its permissions, as people and programs read and write it.

use crate::kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// The most entries of each kind.
pub const MOST: usize = 50;
/// The longest pattern of models, in characters.
pub const PATTERN_LIMIT: usize = 100;
/// The most characters of a list in the form.
const LIST_LIMIT: usize = MOST * (PATTERN_LIMIT + 2);
/// The fields of the form that take a list, one entry on each line.
pub const LISTS: [(&str, usize); 5] = [
    ("only_models", LIST_LIMIT),
    ("only_virtual_keys", LIST_LIMIT),
    ("only_configs", LIST_LIMIT),
    ("only_prompts", LIST_LIMIT),
    ("only_ips", LIST_LIMIT),
];

/// What a key is narrowed to. An empty list narrows nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Narrowed {
    /// Patterns of the models that it may call.
    pub models: Vec<String>,
    /// Slugs; the id of one that was deleted.
    pub virtual_keys: Vec<String>,
    /// As those.
    pub configs: Vec<String>,
    /// As those.
    pub prompts: Vec<String>,
    /// The address ranges from which it works.
    pub allowed_ips: Vec<String>,
    /// From when on it works.
    pub not_before: Option<Timestamp>,
    /// All that in words, such as `only models gpt-4o*, only from 10.0.0.0/8`; empty where nothing is narrowed.
    pub words: String,
}

impl Narrowed {
    /// The fields of the form: the lists, one entry on each line, and the moment.
    pub fn typed(&self) -> [String; 6] {
        let lines = |list: &[String]| list.join("\n");
        [
            lines(&self.models),
            lines(&self.virtual_keys),
            lines(&self.configs),
            lines(&self.prompts),
            lines(&self.allowed_ips),
            self.not_before.map(Timestamp::rfc3339).unwrap_or_default(),
        ]
    }
}
