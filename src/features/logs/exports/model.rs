//! What both sides know of exports.

use crate::kernel::{Asked, Timestamp};
use serde::{Deserialize, Serialize};

/// Entries of one export at most.
pub const MOST: i64 = 1_000_000;

/// Under which name a form says that it wants a field, before the field's own.
pub const TICKED: &str = "field.";

macro_rules! fields {
    ($($Field:ident = $name:literal, $label:literal, $usual:literal;)*) => {
        /// What an export can tell of a call. The names are those of the interface for programs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Field { $($Field),* }

        impl Field {
            /// In the order in which a file has them.
            pub const ALL: &'static [Field] = &[$(Field::$Field),*];

            pub const fn name(self) -> &'static str {
                match self { $(Field::$Field => $name),* }
            }

            /// The words for people.
            pub const fn label(self) -> &'static str {
                match self { $(Field::$Field => $label),* }
            }

            /// Whether it is there unless somebody says otherwise.
            pub const fn is_usual(self) -> bool {
                match self { $(Field::$Field => $usual),* }
            }
        }
    };
}

fields! {
    Id = "id", "Id", true;
    CreatedAt = "created_at", "Beginning", true;
    FinishedAt = "finished_at", "End", false;
    Outcome = "outcome", "Outcome", true;
    IsSuccess = "is_success", "Success", false;
    Status = "response_status_code", "Status", true;
    Error = "error_code", "Error code", true;
    Provider = "ai_org", "Provider", true;
    Model = "ai_model", "Model", true;
    Endpoint = "endpoint", "Endpoint", false;
    Url = "request_url", "Path", false;
    Streamed = "streamed", "Streamed", false;
    KeyId = "api_key_id", "API key’s id", false;
    Key = "api_key_name", "API key", true;
    Person = "user_name", "Person", true;
    VirtualKeyId = "virtual_key_id", "Virtual key’s id", false;
    VirtualKey = "virtual_key", "Virtual key", true;
    Config = "config", "Config", false;
    ConfigVersion = "config_version", "Config’s version", false;
    Prompt = "prompt_slug", "Prompt", false;
    PromptVersion = "prompt_version", "Prompt’s version", false;
    Read = "req_units", "Tokens read", true;
    CachedRead = "cached_req_units", "Of these, cached", false;
    Written = "res_units", "Tokens written", true;
    Reasoning = "reasoning_units", "Of these, reasoning", false;
    Tokens = "total_units", "Tokens", true;
    Cost = "cost", "Cost in cents", true;
    Saved = "cost_saved", "Saved, in cents", false;
    Currency = "cost_currency", "Currency", false;
    Latency = "response_time", "Latency in ms", true;
    FirstByte = "time_to_first_byte", "First byte in ms", false;
    Count = "count", "Calls of the entry", true;
    Trace = "trace_id", "Trace id", true;
    Metadata = "metadata", "Metadata", false;
    Upstream = "upstream_request_id", "Provider’s id", false;
}

impl Field {
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name() == name)
    }

    /// Those that a form has ticked.
    pub fn ticked(asked: &Asked) -> Vec<Self> {
        let is_ticked = |field: &Self| !asked.get(&format!("{TICKED}{}", field.name())).is_empty();
        Self::ALL.iter().copied().filter(is_ticked).collect()
    }
}

/// How a file is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180.
    #[default]
    Csv,
    /// An object in each line.
    JsonLines,
}

impl Format {
    pub const fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::JsonLines => "jsonl",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Format::Csv, Format::JsonLines].into_iter().find(|format| format.name() == name)
    }
}

/// What an export of a filter would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AboutExport {
    /// Entries of the log.
    pub entries: i64,
    /// Calls that they stand for.
    pub calls: i64,
    pub from: Timestamp,
    pub to: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_none_stands_twice() {
        for (at, field) in Field::ALL.iter().enumerate() {
            assert_eq!(Field::parse(field.name()), Some(*field));
            assert!(Field::ALL[..at].iter().all(|other| other.label() != field.label()), "{}", field.label());
        }
        assert_eq!(Field::parse("request"), None, "texts are never exported");
        for format in [Format::Csv, Format::JsonLines] {
            assert_eq!(Format::parse(format.name()), Some(format));
        }
    }

    #[test]
    fn what_is_ticked_keeps_the_order_of_a_file() {
        let asked = Asked::default().with("field.cost", "yes").with("field.id", "yes").with("field.nonsense", "yes");
        assert_eq!(Field::ticked(&asked), [Field::Id, Field::Cost]);
    }
}
