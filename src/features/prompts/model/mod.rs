//! What both sides know of prompts, partials and folders: as they are listed, shown, typed and saved. What a version holds,
//! the names of prompts, their labels, and how they are tried stand in files of their own.

mod content;
mod kind;
mod labels;
mod names;
pub mod sets;
mod trying;

pub use content::{Block, Content, ROLES, Typed};
pub use kind::{Acts, Kind};
pub use labels::{
    BUILT_IN, DESCRIPTION_LIMIT, LABEL_LIMIT, Label, LabelDraft, MOST_LABELS, MOST_MOVES, Move, Movers, PRODUCTION,
    Pointer, Proposal, STICKY_LIMIT, Trial, parse_colour, parse_label,
};
pub use names::{NAME_LIMIT, SLUG_LIMIT, Which, address, parse_name, parse_slug};
pub use trying::{Answered, Filled, Piece, Ran};

use crate::{
    features::versions::model::{History, MESSAGE_LIMIT},
    kernel::{CollectionId, Fault, PromptId, Timestamp, Window},
};
use serde::{Deserialize, Serialize};

/// Longest name of a model, in characters.
pub const MODEL_LIMIT: usize = 200;
/// Longest JSON text of parameters, tools and the rest of a version together, in bytes.
pub const SETTINGS_LIMIT: usize = 256 << 10;
/// Longest text of a file that holds a prompt, in bytes.
pub const FILE_LIMIT: usize = 256 << 10;
/// Longest file that a page offers, in bytes; what is longer is had by the interface for programs.
pub const EXPORT_LIMIT: usize = 64 << 10;
/// The most characters of each field.
pub const LIMITS: &[(&str, usize)] = &[("name", NAME_LIMIT), ("message", MESSAGE_LIMIT), ("model", MODEL_LIMIT)];
/// Prompts on one page of the list.
pub const PAGE: i64 = 25;
/// Longest text that the list is searched for.
pub const QUERY_LIMIT: usize = 100;
/// Prompts, and partials, that one organisation can have.
pub const MOST: i64 = 2_000;
/// Folders of one organisation.
pub const MOST_COLLECTIONS: i64 = 500;
/// Names that are shown of what uses a partial.
pub const MOST_USERS: i64 = 200;

/// A prompt or partial as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub id: PromptId,
    /// Programs name it by this.
    pub slug: String,
    pub name: String,
    /// The folder's id and name; none: it stands in no folder.
    pub collection: Option<(CollectionId, String)>,
    /// The number of its newest version.
    pub current: i64,
    /// The labels and where they stand, production first.
    pub labels: Vec<(String, i64)>,
    /// The label for which a version waits for a second person, and its number.
    pub proposed: Option<(String, i64)>,
    pub model: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub updated_by: String,
}

impl Listed {
    /// The number of the published version.
    pub fn published(&self) -> Option<i64> {
        self.labels.iter().find(|(label, _)| label == PRODUCTION).map(|(_, number)| *number)
    }
}

/// A page of the list. It is sorted by `name` (also where nothing is said) or `changed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompts {
    /// The place of the organisation's log as far as which this was read.
    pub seen: i64,
    pub prompts: Vec<Listed>,
    /// How many fit what is searched for.
    pub total: i64,
    pub window: Window,
    /// All folders, by name.
    pub collections: Vec<Collection>,
    /// The names of all labels.
    pub labels: Vec<String>,
    /// This installation's address.
    pub public_url: String,
    pub now: Timestamp,
}

/// A folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    pub id: CollectionId,
    pub slug: String,
    pub name: String,
    /// How many prompts and partials stand in it.
    pub prompts: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A prompt or partial that names a partial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedBy {
    pub kind: Kind,
    pub slug: String,
    pub name: String,
    /// Whether a version does that a label stands at: publishing the partial changes what programs run.
    pub is_live: bool,
}

/// The names in a prompt and in the partials that it reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Components {
    pub variables: Vec<String>,
    pub sections: Vec<String>,
    pub partials: Vec<String>,
}

/// One prompt or partial with one of its versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    pub kind: Kind,
    pub id: PromptId,
    pub slug: String,
    pub name: String,
    pub collection: Option<(CollectionId, String)>,
    /// Whether a call must give all variables and no others.
    pub is_strict: bool,
    /// Counts its changes; a save names the one that it began with.
    pub version: i64,
    /// The number of its newest version.
    pub current: i64,
    /// The version that is shown: its number, its id, what it is about, what it holds.
    pub number: i64,
    pub version_id: String,
    pub message: String,
    pub content: Content,
    pub labels: Vec<Pointer>,
    pub proposals: Vec<Proposal>,
    pub created_by: String,
    pub created_at: Timestamp,
    pub updated_by: String,
    pub updated_at: Timestamp,
    /// The moment of reading.
    pub now: Timestamp,
}

impl Detail {
    /// Where a label stands.
    pub fn at(&self, label: &str) -> Option<i64> {
        self.labels.iter().find(|pointer| pointer.label == label).map(|pointer| pointer.number)
    }

    /// The number of the published version.
    pub fn published(&self) -> Option<i64> {
        self.at(PRODUCTION)
    }
}

/// What the page of one prompt needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PromptPage {
    pub prompt: Detail,
    pub checked: Checked,
    pub used_by: Vec<UsedBy>,
    pub labels: Vec<Label>,
    pub choices: Choices,
    /// The address of a file that holds it; empty where that would be too long.
    pub export: String,
    /// The values that it can be tried with.
    pub sets: Vec<sets::ValueSet>,
    /// The place of the organisation's log as far as which this was read.
    pub seen: i64,
    /// This installation's address.
    pub public_url: String,
}

/// What the page of a new one needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewPrompt {
    /// The name of that of which this is a copy.
    pub copy_of: Option<String>,
    pub content: Content,
    pub choices: Choices,
}

/// What can be chosen in the editor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    pub collections: Vec<Collection>,
    /// Slugs of virtual keys.
    pub virtual_keys: Vec<String>,
    /// Slugs of published partials.
    pub partials: Vec<String>,
}

/// What is said of a text that may become a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    pub components: Components,
    pub faults: Vec<Fault>,
}

/// What is typed of a prompt or partial.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    pub name: String,
    /// Only for a new one; empty: made of the name.
    pub slug: String,
    /// The folder's id or slug; empty: none.
    pub collection: String,
    pub content: Content,
    /// What the version is about; may be empty.
    pub message: String,
    pub is_strict: bool,
    /// Whether the new version is published in the same step.
    pub publish: Publish,
}

/// Whether a version is published in the step that makes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Publish {
    #[default]
    No,
    /// It is, or nothing is saved.
    Yes,
    /// Where whoever saves it may publish alone.
    IfAllowed,
}

/// What became of a save.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    pub id: PromptId,
    pub slug: String,
    /// The number of the newest version.
    pub number: i64,
    /// Its id.
    pub version_id: String,
    /// It was made by this save: what it holds was another.
    pub is_new: bool,
}

/// A prompt's versions, where its labels stand and how they came there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Versions {
    pub kind: Kind,
    pub slug: String,
    pub name: String,
    pub pointers: Vec<Pointer>,
    pub proposals: Vec<Proposal>,
    pub labels: Vec<Label>,
    pub moves: Vec<Move>,
    pub used_by: Vec<UsedBy>,
    pub history: History,
}
