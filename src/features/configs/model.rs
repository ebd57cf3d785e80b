//! What both sides know of configs.

use crate::{
    features::versions::model::{History, MESSAGE_LIMIT},
    kernel::{ConfigId, KeyId, Timestamp, Window, text, text::grouped},
    routing::{Explanation, Fault, Outline},
};
use serde::{Deserialize, Serialize};

/// Longest name, in characters.
const NAME_LIMIT: usize = 100;
/// Longest name of a model in a dry run, in characters.
pub const MODEL_LIMIT: usize = 200;
/// Longest metadata of a dry run, in characters.
pub const METADATA_LIMIT: usize = 8_192;
/// The most characters of each field.
pub const LIMITS: &[(&str, usize)] =
    &[("name", NAME_LIMIT), ("message", MESSAGE_LIMIT), ("model", MODEL_LIMIT), ("metadata", METADATA_LIMIT)];
/// Configs on one page of the list.
pub const PAGE: i64 = 25;
/// Longest text that the list is searched for.
pub const QUERY_LIMIT: usize = 100;
/// Configs that one organisation can have.
pub const MOST: i64 = 500;
/// Calls of so many days are counted.
pub const COUNTED_DAYS: i64 = 7;
/// No more calls of a config are counted than these.
pub const MOST_COUNTED: i64 = 10_000;
/// Names that are shown of what uses a config.
pub const MOST_USERS: i64 = 200;

/// A config as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub id: ConfigId,
    /// Callers name it by this.
    pub slug: String,
    pub name: String,
    /// New API keys begin with it.
    pub is_default: bool,
    /// The number of its newest version.
    pub current: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub updated_by: String,
    /// How many API keys have it as their config.
    pub keys: i64,
    /// How many virtual keys it names.
    pub virtual_keys: i64,
    /// How many calls it has led in the last [`COUNTED_DAYS`]; more than [`MOST_COUNTED`] are not counted.
    pub calls: i64,
}

impl Listed {
    /// The calls in words: `1,204`, or `more than 10,000`.
    pub fn calls_words(&self) -> String {
        match self.calls {
            calls if calls > MOST_COUNTED => format!("more than {}", grouped(MOST_COUNTED)),
            calls => grouped(calls),
        }
    }
}

/// A page of the list. It is sorted by `name` (also where nothing is said), `changed` or `used`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configs {
    /// The place in the organisation's log as of which this was read.
    pub seen: i64,
    pub configs: Vec<Listed>,
    /// How many fit what is searched for.
    pub total: i64,
    pub window: Window,
    pub now: Timestamp,
}

/// An API key whose config it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedByKey {
    pub id: KeyId,
    pub name: String,
}

/// A virtual key that it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamesVirtualKey {
    pub slug: String,
    pub name: String,
}

/// One config with the text of its newest version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    pub id: ConfigId,
    pub slug: String,
    pub name: String,
    pub is_default: bool,
    /// Counts its changes; a save names the one that it began with.
    pub version: i64,
    /// The number of its newest version.
    pub current: i64,
    /// The id of that version.
    #[serde(skip)]
    pub version_id: String,
    /// Its text, as it was saved.
    pub text: String,
    pub created_by: String,
    pub created_at: Timestamp,
    pub updated_by: String,
    pub updated_at: Timestamp,
    /// How many API keys have it as their config.
    pub key_count: i64,
    /// At most [`MOST_USERS`] of these; none for whoever may not list API keys.
    pub keys: Vec<UsedByKey>,
    /// Whether the reader may list API keys.
    pub lists_keys: bool,
    pub virtual_keys: Vec<NamesVirtualKey>,
    /// The moment of reading.
    pub now: Timestamp,
}

/// What the page of one config needs: what is stored, and what is said of the text that the editor shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfigPage {
    pub config: Detail,
    pub checked: Checked,
    /// What a dry run found, if the address asks for one.
    pub tried: Option<Explanation>,
    /// Why there was no dry run.
    pub not_tried: Option<String>,
}

/// What is said of a text that may become a config.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    /// What it does, as far as it can be read.
    pub outline: Option<Outline>,
    /// In the order of their places.
    pub faults: Vec<Fault>,
}

/// What a dry run supposes, as it is typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TryForm {
    /// `yes`: it is asked for.
    pub dry: String,
    /// The model that the request asks for.
    pub model: String,
    /// JSON of an object of texts, or empty.
    pub metadata: String,
    /// The path that is called; empty: the one of chat completions.
    pub path: String,
    /// What targets answer, such as `config.targets[0]=429 config.targets[1]=200`; those not named answer well.
    pub suppose: String,
}

/// What is typed of a config.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    pub name: String,
    /// The JSON text.
    pub config: String,
    /// What the version is about; may be empty.
    pub message: String,
    /// `yes` or `no`; empty: as it is.
    pub is_default: String,
}

/// What became of a save.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The number of the newest version.
    pub number: i64,
    /// Its id.
    pub version_id: String,
    /// It was made by this save: the text was another.
    pub is_new: bool,
}

/// A config's versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    pub slug: String,
    pub name: String,
    pub is_default: bool,
    /// How many API keys have it as their config.
    pub used: i64,
    pub history: History,
}

pub fn parse_name(text: &str) -> Result<String, String> {
    text::line("The name", text, NAME_LIMIT)
}

/// Lines as files have them; browsers post a line break as two characters.
pub fn parse_text(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// A way to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    pub name: &'static str,
    pub label: &'static str,
    pub sentence: &'static str,
    /// `@first` and `@second` stand for virtual keys.
    text: &'static str,
}

/// The ways to begin, the simplest first.
pub const STARTS: [Start; 4] = [
    Start {
        name: "single",
        label: "Single",
        sentence: "One provider, tried again where it fails for a moment.",
        text: r#"{
  "virtual_key": "@first",
  "retry": {"attempts": 3},
  "request_timeout": 30000
}"#,
    },
    Start {
        name: "fallback",
        label: "In turn",
        sentence: "The next target is tried where the one before it fails.",
        text: r#"{
  "strategy": {"mode": "fallback"},
  "targets": [
    {"virtual_key": "@first"},
    {"virtual_key": "@second"}
  ]
}"#,
    },
    Start {
        name: "loadbalance",
        label: "Shared out",
        sentence: "Calls are shared out between targets by weight.",
        text: r#"{
  "strategy": {"mode": "loadbalance"},
  "targets": [
    {"virtual_key": "@first", "weight": 70},
    {"virtual_key": "@second", "weight": 30}
  ]
}"#,
    },
    Start {
        name: "conditional",
        label: "By condition",
        sentence: "What the caller says of a call decides where it goes.",
        text: r#"{
  "strategy": {
    "mode": "conditional",
    "conditions": [
      {"query": {"metadata.plan": {"$eq": "paid"}}, "then": "paid"}
    ],
    "default": "everyone"
  },
  "targets": [
    {"name": "paid", "virtual_key": "@first"},
    {"name": "everyone", "virtual_key": "@second"}
  ]
}"#,
    },
];

impl Start {
    /// The one of this name, else the simplest.
    pub fn named(name: &str) -> Self {
        STARTS.into_iter().find(|start| start.name == name).unwrap_or(STARTS[0])
    }

    /// Its text, with the organisation's own virtual keys where it has some.
    pub fn text(self, virtual_keys: &[String]) -> String {
        let first = virtual_keys.first().map_or("your-virtual-key", String::as_str);
        let second = virtual_keys.get(1).map_or(first, String::as_str);
        self.text.replace("@first", first).replace("@second", second)
    }
}

/// What the page of a new config needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewConfig {
    /// The text to begin with.
    pub text: String,
    /// The name of the config of which this is a copy.
    pub copy_of: Option<String>,
    pub checked: Checked,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_name_virtual_keys_that_there_are() {
        let keys = ["main".to_owned(), "spare".to_owned()];
        for start in STARTS {
            let text = start.text(&keys);
            assert!(text.contains(r#""virtual_key": "main""#) && !text.contains('@'), "{text}");
            assert!(start.text(&keys[..1]).contains("main") && !start.text(&keys[..1]).contains("spare"));
        }
        assert!(Start::named("nonsense").text(&[]).contains("your-virtual-key"));
    }
}
