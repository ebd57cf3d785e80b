//! What both sides know of versions.

use crate::kernel::{Timestamp, Window, text};
use serde::{Deserialize, Serialize};

/// Longest message of a version, in characters.
pub const MESSAGE_LIMIT: usize = 200;
/// Versions on one page of their list.
pub const PAGE: i64 = 50;
/// Versions that one thing can have.
pub const MOST: i64 = 1_000;

/// One version, without its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    pub number: i64,
    pub message: String,
    pub created_by: String,
    pub created_at: Timestamp,
}

/// The versions of one thing, the newest first, and what differs between two of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The number of the newest.
    pub current: i64,
    pub versions: Vec<Version>,
    pub total: i64,
    pub window: Window,
    /// None: there is one version alone.
    pub difference: Option<Difference>,
    pub now: Timestamp,
}

/// What differs between two versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    pub was: Version,
    pub now: Version,
    pub rows: Vec<Row>,
}

/// A row of two texts side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Row {
    /// The same in both: the number of the line in each, and its text.
    Same(u32, u32, String),
    /// What was there and what is; none: nothing in its place.
    Changed(Option<Line>, Option<Line>),
    /// So many lines that are the same and not shown.
    Folded(u32),
}

/// A line that was changed: its number, and its parts with whether each was changed.
pub type Line = (u32, Vec<(bool, String)>);

/// What a version is about: one line, or nothing.
pub fn parse_message(text: &str) -> Result<String, String> {
    text::optional_line("The message", text, MESSAGE_LIMIT)
}
