//! What is wrong with a text that people write, and where.

use serde::{Deserialize, Serialize};

/// One fault of such a text: a config, a prompt, a partial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The value that is to blame, such as `targets[0].weight` or `[1].content`; empty where it is the whole.
    pub path: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// A name that never changes.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}

impl Fault {
    /// Line and column of a byte of a text, both from 1; the column in characters.
    pub fn place(text: &str, at: usize) -> (u32, u32) {
        let before = text.get(..at.min(text.len())).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let number = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
        (number(before.matches('\n').count()), number(before[line_start..].chars().count()))
    }
}
