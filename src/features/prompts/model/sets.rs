//! Values that a prompt is tried with, kept under a name, and two of its versions beside each other over all of them.

use super::Ran;
use crate::kernel::{Timestamp, ValuesId};
use serde::{Deserialize, Serialize};

/// Longest name of a set of values, in characters.
pub const SET_NAME_LIMIT: usize = 60;
/// Longest JSON text of all sets that one keeper has for a prompt together, in bytes.
pub const VALUES_LIMIT: usize = 64 << 10;
/// Sets that one comparison runs: the first by name.
pub const MOST_COMPARED: usize = 20;
/// Longest answer that a comparison shows, in characters.
pub const SHOWN: usize = 8_000;
/// Sets that a person keeps for one prompt; as many are everybody's.
pub const MOST_SETS: usize = 20;
/// The most characters of each field.
pub const LIMITS: &[(&str, usize)] = &[("set_name", SET_NAME_LIMIT)];

/// Values that a prompt is tried with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueSet {
    pub id: ValuesId,
    pub name: String,
    /// A JSON object.
    pub values: String,
    /// Everybody who sees the prompt has them; otherwise their keeper alone.
    pub is_shared: bool,
    pub created_by: String,
    pub created_at: Timestamp,
}

/// What stands above the pages of one prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heading {
    pub slug: String,
    pub name: String,
    /// The number of its newest version.
    pub current: i64,
    /// Its labels with the versions at which they stand.
    pub labels: Vec<(String, i64)>,
}

/// The values of a prompt: one's own and everybody's, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sets {
    pub prompt: Heading,
    pub sets: Vec<ValueSet>,
    /// The variables of the newest version.
    pub variables: Vec<String>,
    /// The model of the newest version.
    pub model: String,
    pub now: Timestamp,
}

/// One of the two that are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Side {
    /// The number of a version.
    pub number: i64,
    /// The model that is called in place of the version's own; may be empty.
    pub model: String,
}

/// Two versions, or one with two models, over all values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// What was run on the left and on the right, such as `v2, gpt-4.1-mini`.
    pub sides: [String; 2],
    pub rows: Vec<ComparedRow>,
}

/// What two versions come to with the same values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparedRow {
    /// The name of the set.
    pub set: String,
    pub left: Ran,
    pub right: Ran,
}
