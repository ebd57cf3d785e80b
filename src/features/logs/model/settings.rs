//! What an organisation says of its log.

use super::Metadata;
use serde::{Deserialize, Serialize};

/// The most names of metadata that an organisation groups by.
pub const MOST_GROUPED: usize = 10;

/// What an organisation says of its log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Whether Members see no calls but those of keys that they answer for, and their own.
    pub own_only: bool,
    /// The names of metadata that calls are grouped by, each with the moment (milliseconds) since when.
    pub grouped: Vec<(String, i64)>,
    /// Counts changes, for late saves; 0 before the first.
    pub version: i64,
}

impl Settings {
    /// Reads names of metadata, parted by commas or lines.
    ///
    /// # Errors
    /// A sentence for people: one is unfit, or there are too many.
    pub fn names(text: &str) -> Result<Vec<String>, String> {
        let mut names: Vec<String> = vec![];
        for name in text.split([',', '\n']).map(str::trim).filter(|name| !name.is_empty()) {
            Metadata::is_fit(name)?;
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        if names.len() > MOST_GROUPED {
            return Err(format!("Calls are grouped by {MOST_GROUPED} names at most."));
        }
        Ok(names)
    }

    /// The names as they are typed.
    pub fn written(&self) -> String {
        self.grouped.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
    }
}
