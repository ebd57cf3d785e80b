//! What both sides know of the delivery of events.

use crate::kernel::{Secret, Timestamp, time::HOUR};
use serde::{Deserialize, Serialize};

/// The most characters of each field.
pub const LIMITS: &[(&str, usize)] = &[("url", 2_000)];

/// How long the secret before signs as well, in milliseconds.
pub const OVERLAP: i64 = 24 * HOUR;

/// The forms of events, by name, label and what they are for.
pub const FORMATS: [(&str, &str, &str); 2] = [
    ("events", "Events", "As Latchkey writes them, with the hashes that verify them."),
    ("ocsf", "OCSF", "API Activity of the Open Cybersecurity Schema Framework 1.3, which many security tools read."),
];

/// Where a new delivery begins.
pub const BEGINNINGS: [(&str, &str, &str); 2] = [
    ("now", "With what happens from now on", "The first event is the one that sets up this delivery."),
    ("first", "With the first event of the log", "The whole log is delivered, oldest first."),
];

/// What is typed of a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Draft {
    pub url: String,
    /// One of [`FORMATS`].
    pub format: String,
    /// One of [`BEGINNINGS`]; of a new one alone.
    pub begin: String,
}

/// How the delivery to one destination stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// `organisation`, or one of the installation's: `file`, `syslog`, `webhook`.
    pub destination: String,
    /// The number of the last event that the receiver has; 0: none.
    pub delivered: i64,
    pub delivered_at: Option<Timestamp>,
    /// Events that wait.
    pub waiting: i64,
    /// Attempts that have failed in a row.
    pub failures: i64,
    /// Why the last one did, if it is still so.
    pub error: Option<String>,
    /// When the next attempt is, after one that failed.
    pub next_at: Option<Timestamp>,
    pub is_paused: bool,
}

impl Standing {
    /// In one word or two.
    pub fn word(&self) -> &'static str {
        match self {
            Self { is_paused: true, .. } => "Paused",
            Self { failures: 1.., .. } => "Not delivered",
            Self { waiting: 1.., .. } => "Delivering",
            _ => "Up to date",
        }
    }

    /// What a destination of the installation is called.
    pub fn label(&self) -> &'static str {
        match self.destination.as_str() {
            "file" => "A file",
            "syslog" => "Syslog",
            "webhook" => "A webhook",
            _ => "Another destination",
        }
    }
}

/// The organisation's webhook. It never holds the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    pub url: String,
    pub format: String,
    pub secret_set_at: Timestamp,
    /// Until when the secret before signs as well, if it still does.
    pub old_until: Option<Timestamp>,
    /// Who changed it last, as they were named then.
    pub changed_by: String,
    pub changed_at: Timestamp,
    pub version: i64,
    pub standing: Standing,
}

/// All that the page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    pub webhook: Option<Webhook>,
    /// Where whoever runs the installation has this organisation's events delivered besides.
    pub others: Vec<Standing>,
    pub now: Timestamp,
}

/// What came of setting a delivery, of rotating its secret, or of its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// A new one, this once.
    pub secret: Option<Secret>,
    pub at: Timestamp,
}

/// What came of a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    /// Why the receiver has not taken it, as a sentence; none: it has.
    pub problem: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_stands_in_one_way() {
        let standing = |is_paused, failures, waiting| Standing {
            destination: "organisation".into(),
            delivered: 5,
            delivered_at: None,
            waiting,
            failures,
            error: None,
            next_at: None,
            is_paused,
        };
        for (paused, failures, waiting, word) in [
            (true, 3, 9, "Paused"),
            (false, 3, 9, "Not delivered"),
            (false, 0, 9, "Delivering"),
            (false, 0, 0, "Up to date"),
        ] {
            assert_eq!(standing(paused, failures, waiting).word(), word);
        }
    }
}
