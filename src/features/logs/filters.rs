//! What both sides know of filters of the log that are saved under a name.

use super::model::FILTERS;
use crate::{
    kernel::{Asked, FilterId, Timestamp},
    site::routes::Path,
};
use serde::{Deserialize, Serialize};

/// Longest name, in characters.
pub const NAME_LIMIT: usize = 80;
/// Longest filter, in bytes of an address.
pub const QUERY_LIMIT: usize = 2_000;
/// Filters that one person saves for themselves, and that everybody together does.
pub const MOST_OWN: i64 = 100;
pub const MOST_SHARED: i64 = 200;
/// Filters that stand above the log and analytics.
pub const SHOWN: usize = 12;
/// The most characters of each field.
pub const LIMITS: &[(&str, usize)] = &[("name", NAME_LIMIT)];

/// What an address of the page may say: a filter that is to be saved, or (`id`) one that is to be changed.
pub const ASKED: [&str; FILTERS.len() + 1] = {
    let mut all = ["id"; FILTERS.len() + 1];
    let mut index = 0;
    while index < FILTERS.len() {
        all[index] = FILTERS[index];
        index += 1;
    }
    all
};

/// The address of a page, asked for this filter.
pub fn address(page: Path, asked: &Asked) -> Path {
    FILTERS.into_iter().fold(page, |path, name| path.with(name, asked.get(name)))
}

/// A filter that is saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    pub id: FilterId,
    pub name: String,
    /// Everybody in the organisation sees it. Else it is the reader's own.
    pub is_shared: bool,
    /// What of [`FILTERS`] it says.
    pub asked: Asked,
}

/// The same as the page of all tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub saved: Saved,
    /// In words: "Outcome: Failed".
    pub words: Vec<String>,
    /// Who changed it last, as they were named then.
    pub changed_by: String,
    pub changed_at: Timestamp,
    /// Whether the reader may change and delete it.
    pub may_change: bool,
}

/// What the form begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The one that is changed; none: another is made.
    pub id: Option<FilterId>,
    pub name: String,
    /// The filter as it stands in an address.
    pub query: String,
    pub words: Vec<String>,
}

/// All that the page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// None: there is nothing to save.
    pub draft: Option<Draft>,
    /// Those that the reader sees, by name.
    pub filters: Vec<Listed>,
    pub now: Timestamp,
}
