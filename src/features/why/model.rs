//! What both sides know of explanations.

use crate::policy::{KeyFeature, Permission, PermissionSet, Step};
use serde::{Deserialize, Serialize};

/// What the page is asked by its address. `who` is a person or key, as in [`Party::value`] (empty: oneself); `what` a
/// permission or an operation; `on` the person or key that it is done to; `to` the role that is given. The others suppose
/// something: another `role` of the person; another `level` of the key in the feature of what is asked about; another role
/// (`person`) of whom the key answers for.
pub const ASKED: [&str; 7] = ["who", "what", "on", "to", "role", "level", "person"];

/// The most questions that are asked at once.
pub const MOST: usize = 100;
/// The most people, and the most keys, that are looked through for who can do a thing.
pub const LOOKED_AT: usize = 1_000;
/// The most people, and the most keys, that the page offers to choose from.
pub const OFFERED: usize = 200;

/// A person or a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    pub kind: PartyKind,
    pub id: String,
    pub name: String,
    /// The person's role, or for whom the key answers; empty where the asker may not know.
    pub about: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyKind {
    User,
    ApiKey,
}

impl PartyKind {
    /// The word before an id in the page's address.
    pub const fn name(self) -> &'static str {
        match self {
            PartyKind::User => "user",
            PartyKind::ApiKey => "key",
        }
    }
}

impl Party {
    /// As the page's address names it: `user.<id>`, `key.<id>`.
    pub fn value(&self) -> String {
        format!("{}.{}", self.kind.name(), self.id)
    }
}

/// What a key holds, and what of it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sets {
    pub own: PermissionSet,
    pub effective: PermissionSet,
}

/// A decision with its reasons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub who: Party,
    /// The id of the permission or operation.
    pub what: String,
    pub allowed: bool,
    /// Whether something was supposed.
    pub supposed: bool,
    /// "No. Bo cannot publish prompts."
    pub sentence: String,
    /// The error's stable code, where it is denied.
    pub code: Option<String>,
    /// The permission that is missing.
    pub missing: Option<Permission>,
    pub steps: Vec<Step>,
    /// What it asks for besides, whatever the decision.
    pub besides: Vec<String>,
    /// Of a key.
    pub sets: Option<Sets>,
}

/// Who can do a thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhoCan {
    pub what: String,
    pub people: Vec<Party>,
    /// None: the asker may not list keys.
    pub keys: Option<Vec<Party>>,
    /// False: there are more people or keys than were looked through.
    pub is_whole: bool,
}

/// All that the page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyPage {
    /// The people and keys that can be asked about; none of either where the asker may not list them.
    pub people: Vec<Party>,
    pub keys: Vec<Party>,
    /// Whether it matters to whom, or to which key, it is done.
    pub on: Option<PartyKind>,
    /// Whether it gives a role.
    pub gives_role: bool,
    /// The feature of keys to which it belongs.
    pub feature: Option<KeyFeature>,
    /// Where something was asked.
    pub answer: Option<Answer>,
    /// The answer if what is supposed were so.
    pub supposed: Option<Answer>,
    pub who_can: Option<WhoCan>,
}
