//! What is wrong with a config, and where.

use serde::{Deserialize, Serialize};

/// One fault of a config's text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The value that is to blame, such as `targets[0].weight`; empty where it is the whole.
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
