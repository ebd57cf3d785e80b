//! What both sides know of guardrails.

use crate::{
    features::versions::model::{History, MESSAGE_LIMIT},
    kernel::{GuardrailId, SampleId, Timestamp, Window, text},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest name, in characters.
const NAME_LIMIT: usize = 100;
/// Longest description, in characters.
const DESCRIPTION_LIMIT: usize = 500;
/// Longest text of a sample or of a try, in characters.
pub const TEXT_LIMIT: usize = 20_000;
/// The most characters of each field.
pub const LIMITS: &[(&str, usize)] =
    &[("name", NAME_LIMIT), ("description", DESCRIPTION_LIMIT), ("message", MESSAGE_LIMIT), ("text", TEXT_LIMIT)];
/// Guardrails on one page of the list.
pub const PAGE: i64 = 25;
/// Longest text that the list is searched for.
pub const QUERY_LIMIT: usize = 100;
/// Guardrails that one organisation can have.
pub const MOST: i64 = 500;
/// Checks of one guardrail.
pub const MOST_CHECKS: usize = 50;
/// Samples of one guardrail.
pub const MOST_SAMPLES: i64 = 50;
/// Guardrails that judge every call of an organisation, on each side.
pub const MOST_OF_ALL_CALLS: i64 = 20;
/// Names that are shown of what uses a guardrail.
pub const MOST_USERS: i64 = 200;
/// Longest definition, in bytes.
pub const LARGEST: usize = 256 << 10;

/// A guardrail as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub id: GuardrailId,
    /// Configs name it by this.
    pub slug: String,
    pub name: String,
    pub description: String,
    /// For which calls of the organisation it stands, whatever a config says.
    pub all_calls: AllCalls,
    /// The number of its newest version.
    pub current: i64,
    pub created_by: String,
    pub created_at: Timestamp,
    pub updated_by: String,
    pub updated_at: Timestamp,
    /// How many configs name it.
    pub configs: i64,
}

/// Whether a guardrail judges every request and every answer of the organisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllCalls {
    pub requests: bool,
    pub answers: bool,
}

impl AllCalls {
    pub fn any(self) -> bool {
        self.requests || self.answers
    }

    /// In words; none where it is for none.
    pub fn words(self) -> Option<&'static str> {
        match (self.requests, self.answers) {
            (true, true) => Some("every request and answer"),
            (true, false) => Some("every request"),
            (false, true) => Some("every answer"),
            (false, false) => None,
        }
    }
}

/// A page of the list. It is sorted by `name` (also where nothing is said), `changed` or `used`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guardrails {
    /// The place in the organisation's log as of which this was read.
    pub seen: i64,
    pub guardrails: Vec<Listed>,
    /// How many fit what is searched for.
    pub total: i64,
    pub window: Window,
    /// By which the signatures of webhooks are checked.
    pub webhook_key: String,
    pub now: Timestamp,
}

/// A config that names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedBy {
    pub slug: String,
    pub name: String,
    pub on_requests: bool,
    pub on_answers: bool,
}

/// One guardrail with the text of its newest version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    pub id: GuardrailId,
    pub slug: String,
    pub name: String,
    pub description: String,
    pub all_calls: AllCalls,
    /// Counts its changes; a save names the one that it began with.
    pub version: i64,
    /// The number of its newest version.
    pub current: i64,
    /// The id of that version.
    #[serde(skip)]
    pub version_id: String,
    /// The JSON text of its checks and actions.
    pub text: String,
    pub created_by: String,
    pub created_at: Timestamp,
    pub updated_by: String,
    pub updated_at: Timestamp,
    /// At most [`MOST_USERS`]; none for whoever may not list configs.
    pub configs: Vec<UsedBy>,
    /// Whether the reader may list configs.
    pub lists_configs: bool,
    pub samples: i64,
    /// The moment of reading.
    pub now: Timestamp,
}

/// A check as the editor shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    pub id: String,
    /// A name of its own; may be empty.
    pub name: String,
    pub is_enabled: bool,
    /// What is typed for each parameter that the catalogue knows; of several marks one in each line.
    pub values: BTreeMap<String, String>,
    /// JSON of the parameters that the catalogue does not know; empty: none.
    pub rest: String,
}

/// What happens when a check fails, as the editor shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actions {
    /// `deny`, `pass` or `observe`.
    pub on_fail: String,
    pub is_async: bool,
    pub is_sequential: bool,
    /// `fail`, `pass`, or empty: as it is usual for the former.
    pub on_error: String,
    /// `hold`, `sentence`, `inform`, or empty: as it is usual.
    pub stream: String,
    /// Value and weight of the feedback of a success, and of a failure; empty: none.
    pub success: (String, String),
    pub failure: (String, String),
}

impl Default for Actions {
    fn default() -> Self {
        Self {
            on_fail: "deny".into(),
            is_async: false,
            is_sequential: false,
            on_error: String::new(),
            stream: String::new(),
            success: Default::default(),
            failure: Default::default(),
        }
    }
}

/// What the editor begins with: what is stored, or what was typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Editing {
    pub blocks: Vec<Block>,
    pub actions: Actions,
    /// What the bench found of it, where that was asked for.
    pub tried: Option<Tried>,
}

/// What the page of one guardrail needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardrailPage {
    pub guardrail: Detail,
    pub editing: Editing,
}

/// What the page of a new one needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewGuardrail {
    pub name: String,
    pub description: String,
    /// The name of the guardrail of which this is a copy.
    pub copy_of: Option<String>,
    pub editing: Editing,
}

/// What is typed into the editor, by the names of its fields: `checks.0.parameters.words`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Typed(pub BTreeMap<String, String>);

impl Typed {
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

/// What the bench found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// What is wrong with the definition: then nothing was judged.
    pub faults: Vec<String>,
    /// The whole verdict in words.
    pub verdict: String,
    pub passes: bool,
    pub microseconds: u64,
    pub checks: Vec<TriedCheck>,
    /// The text with the places that were found: each part, and its kind where it was found.
    pub marked: Vec<(String, Option<String>)>,
    /// What would go on to the provider, or to the caller, where it is another text.
    pub text_after: Option<String>,
}

/// What the bench found of one check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriedCheck {
    pub label: String,
    /// `passed`, `failed`, `error` or `changed`.
    pub verdict: String,
    pub words: String,
    pub microseconds: u64,
}

/// What became of a save.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The number of the newest version.
    pub number: i64,
    /// Its id.
    pub version_id: String,
    /// It was made by this save: the definition was another.
    pub is_new: bool,
    /// The beginnings of the samples that do not get the verdict that they should have.
    pub broken: Vec<String>,
}

/// A guardrail's versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    pub guardrail: Detail,
    pub history: History,
}

/// A text and the verdict that it should have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    pub id: SampleId,
    /// It is judged as an answer, not as a request.
    pub is_answer: bool,
    pub text: String,
    /// It should pass.
    pub passes: bool,
    pub created_by: String,
    pub created_at: Timestamp,
    /// Whether it gets that verdict now; none: that is not known.
    pub holds: Option<bool>,
}

/// A guardrail's samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Samples {
    pub guardrail: Detail,
    pub samples: Vec<Sample>,
}

pub fn parse_name(text: &str) -> Result<String, String> {
    text::line("The name", text, NAME_LIMIT)
}

pub fn parse_description(text: &str) -> Result<String, String> {
    text::optional_line("The description", text, DESCRIPTION_LIMIT)
}
