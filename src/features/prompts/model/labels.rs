//! Labels: names that stand at versions, who may move them, and how they came there.

use crate::kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// Longest name of a label, in bytes.
pub const LABEL_LIMIT: usize = 36;
/// Longest description of a label, in characters.
pub const DESCRIPTION_LIMIT: usize = 300;
/// Longest name of the metadata by which calls stay with a version, in characters.
pub const STICKY_LIMIT: usize = 64;
/// Labels of one organisation, the three that each has included.
pub const MOST_LABELS: usize = 50;
/// Moves that are shown of a prompt's labels.
pub const MOST_MOVES: i64 = 100;

/// The label of what is published: programs that name no other run the version at which it stands.
pub const PRODUCTION: &str = "production";
/// The labels that every organisation has, with a sentence on each.
pub const BUILT_IN: [(&str, &str); 3] = [
    (PRODUCTION, "What programs run that name no label."),
    ("staging", "What is tried before it goes to production."),
    ("development", "What is worked on."),
];

/// A label: a name that stands at one version of a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    pub name: String,
    pub description: String,
    /// `#rrggbb`, or empty.
    pub colour: String,
    pub movers: Movers,
    /// Whether somebody else must agree to a move.
    pub needs_second: bool,
    /// Every organisation has it, and it cannot be deleted.
    pub is_built_in: bool,
    /// Counts its changes; 0: as every organisation has it.
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Who may move a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Movers {
    /// Whoever may publish.
    #[default]
    Publishers,
    /// Owners alone: no key either.
    Owners,
}

impl Movers {
    /// The stored name.
    pub const fn name(self) -> &'static str {
        match self {
            Movers::Publishers => "publishers",
            Movers::Owners => "owners",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Movers::Publishers, Movers::Owners].into_iter().find(|movers| movers.name() == name)
    }
}

/// Where a label stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    pub label: String,
    pub number: i64,
    pub moved_by: String,
    pub moved_at: Timestamp,
    /// Another version that some of the calls run.
    pub trial: Option<Trial>,
}

/// A version that some of the calls run instead of that at which their label stands. A move of the label ends it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    pub number: i64,
    /// How many calls in a hundred, 1 to 99.
    pub percent: i64,
    /// The name of the metadata by whose value a caller's calls stay with one of the two; empty: each call for itself.
    pub sticky_by: String,
}

impl Trial {
    /// For people: `v3 for 20 % of calls, by user`.
    pub fn words(&self) -> String {
        let by = if self.sticky_by.is_empty() { String::new() } else { format!(", by {}", self.sticky_by) };
        format!("v{} for {} % of calls{by}", self.number, self.percent)
    }
}

/// A proposal: a move that waits for a second person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    pub label: String,
    pub number: i64,
    /// Where the label stood when it was proposed; none: nowhere.
    pub from: Option<i64>,
    pub message: String,
    pub proposed_by: String,
    pub proposed_at: Timestamp,
    /// Whether the reader may agree: they may move the label, are a person, and are not who proposed it.
    pub may_agree: bool,
}

/// A move of a label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    pub label: String,
    pub from: Option<i64>,
    pub to: Option<i64>,
    pub moved_by: String,
    /// Who had proposed it, where a second person agreed.
    pub proposed_by: Option<String>,
    pub moved_at: Timestamp,
    /// The label stayed: this version was given to this many of a hundred calls; to 0, to none any more.
    pub trial: Option<(i64, i64)>,
}

/// What is typed of a label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LabelDraft {
    pub name: String,
    pub description: String,
    pub colour: String,
    /// `publishers` or `owners`; empty: publishers.
    pub movers: String,
    pub needs_second: bool,
}

/// The name of a label: what can stand behind `@` and is neither a number nor a word that means a version already.
pub fn parse_label(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    let text = text.trim();
    let is_dots = text.chars().all(|c| c == '.');
    if is_dots || text.len() > LABEL_LIMIT || !text.chars().all(fits) {
        return Err(format!(
            "A label has 1 to {LABEL_LIMIT} lower-case letters (a to z), digits, hyphens, underscores and dots."
        ));
    }
    if matches!(text, "latest" | "default") || text.chars().all(|c| c.is_ascii_digit()) {
        return Err(
            "A label is no number, and neither “latest” nor “default”: these mean a version already.".to_owned()
        );
    }
    Ok(text.to_owned())
}

/// A colour as `#rrggbb`, or none.
pub fn parse_colour(text: &str) -> Result<String, String> {
    let text = text.trim().to_ascii_lowercase();
    let is_one =
        text.strip_prefix('#').is_some_and(|rest| rest.len() == 6 && rest.chars().all(|c| c.is_ascii_hexdigit()));
    if text.is_empty() || is_one { Ok(text) } else { Err("A colour is written as #rrggbb.".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_told_from_versions() {
        for good in ["canary", "eu-west.1", "7a", "v2"] {
            assert_eq!(parse_label(good).as_deref(), Ok(good));
        }
        for bad in ["", "..", "latest", "default", "12", "a b", "a@b", "Ä", "Canary", &"a".repeat(37)] {
            assert!(parse_label(bad).is_err(), "{bad}");
        }
    }
}
