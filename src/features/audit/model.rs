//! What both sides know of the audit log's room.

use crate::kernel::{Timestamp, text::grouped};
use serde::{Deserialize, Serialize};

/// Events on one page.
pub const PAGE: i64 = 50;

/// What the list is filtered by:
/// - `range`: nothing for all that there is, `1h`, `24h`, `7d`, `30d`, or `custom` with `from` and `to`, a date such as
///   `2027-02-21` (its beginning and its end) or a moment (RFC 3339).
/// - `kind`: what an action says before its dot, such as `api_key`. `action`: a whole one, such as `api_key.rotate`.
/// - `outcome`: `done`, `refused`, `failed`, `unknown`.
/// - `actor`: the id of a person or API key. `actor_kind`: `person`, `api_key`, `nobody`, `system`, `several`.
/// - `target`: the id of what it is about, such as `api_key/ID`, or without its kind.
/// - `request_id`: a whole one.
/// - `credential_id`: the id of a session, or of an API key's secret.
/// - `credential`: `session ID`, `key ID` or `command`. `address`: a whole one. The first, and in events before version 3 the
///   second as well, stands in the bodies alone: each page looks through so many events, and says how far it has come.
pub const FILTERS: [&str; 13] = [
    "range",
    "from",
    "to",
    "kind",
    "action",
    "outcome",
    "actor",
    "actor_kind",
    "target",
    "request_id",
    "credential_id",
    "credential",
    "address",
];

/// Stands where a personal value was erased.
pub const ERASED: &str = "[erased]";

/// Who acted, or what was acted upon, as it was named then. Characters that could forge or hide text are written out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thing {
    pub kind: String,
    pub id: String,
    pub name: String,
}

impl Thing {
    /// As the subject of a sentence.
    pub fn actor(&self) -> String {
        match (self.kind.as_str(), self.name.as_str()) {
            ("nobody", "") => "Somebody".into(),
            ("system", _) => "Latchkey".into(),
            ("several", _) => "Several callers".into(),
            ("api_key", "") => "An API key".into(),
            ("api_key", name) => format!("Key {name}"),
            (_, "") => "Somebody".into(),
            (_, name) => name.to_owned(),
        }
    }

    /// As the object of a sentence.
    pub fn target(&self) -> String {
        match (self.kind.as_str(), self.name.as_str(), self.id.as_str()) {
            ("request", ..) => "in a request that came no further".into(),
            (_, "", "") => "something without a name".into(),
            (_, "", id) => id.to_owned(),
            (_, name, _) => name.to_owned(),
        }
    }
}

/// An event as a list tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Its number in the organisation's chain, from 1.
    pub seq: i64,
    pub at: Timestamp,
    pub actor: Thing,
    /// What was done, between the names of who did it and of the thing: "rotated the API key".
    pub verb: String,
    pub subject: Thing,
    /// The operation's stable name. Empty: what stands in the event's row is not what Latchkey has written.
    pub action: String,
    /// `done`, `refused`, `failed`, `unknown`.
    pub outcome: String,
    /// How many alike it stands for.
    pub count: u64,
    /// The fields that it changed, by their names.
    pub fields: Vec<String>,
    pub address: String,
    /// How whoever acted had proven who they are, in words behind "by": "password". Empty: it is not known.
    pub signed_in_by: String,
    /// The id of the session, or of the key's secret. Empty: there was neither, or it is not known.
    pub credential_id: String,
}

impl Told {
    pub fn is_readable(&self) -> bool {
        !self.action.is_empty()
    }

    pub fn is_done(&self) -> bool {
        self.outcome == "done"
    }

    /// Between the names of who acted and of the thing. What was refused or failed is not told as if it had been done.
    pub fn middle(&self) -> String {
        match self.outcome.as_str() {
            "done" => format!(" {} ", self.verb),
            "unknown" => format!(" began this, and was cut off: {} ", self.verb),
            _ => format!(" did not succeed in this: {} ", self.verb),
        }
    }

    /// "12 times", of an event that stands for many.
    pub fn times(&self) -> Option<String> {
        (self.count > 1).then(|| format!("{} times", grouped(i64::try_from(self.count).unwrap_or(i64::MAX))))
    }

    /// The outcome as one word for people.
    pub fn outcome_word(&self) -> &'static str {
        match self.outcome.as_str() {
            "done" => "Done",
            "refused" => "Refused",
            "unknown" => "Not known",
            _ => "Failed",
        }
    }

    /// The whole of it as one sentence.
    pub fn sentence(&self) -> String {
        if !self.is_readable() {
            return "This event is not as Latchkey has written it.".into();
        }
        let times = self.times().map(|times| format!(", {times}")).unwrap_or_default();
        format!("{}{}{}{times}", self.actor.actor(), self.middle(), self.subject.target())
    }
}

/// How many events fit a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fitting {
    Exactly(i64),
    MoreThan(i64),
    /// It was not counted: every body would have to be looked through.
    NotCounted,
}

impl Fitting {
    /// "28 events".
    pub fn words(self) -> String {
        match self {
            Fitting::Exactly(1) => "1 event".into(),
            Fitting::Exactly(n) => format!("{} events", grouped(n)),
            Fitting::MoreThan(n) => format!("More than {} events", grouped(n)),
            Fitting::NotCounted => String::new(),
        }
    }
}

/// A page of the log, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    pub events: Vec<Told>,
    /// The number before which (towards the newest) there is more.
    pub previous: Option<i64>,
    /// The number after which (towards the oldest) there is more.
    pub next: Option<i64>,
    /// The first and last number that were looked through, where that is not all there is.
    pub looked_through: Option<(i64, i64)>,
    pub fitting: Fitting,
    /// The kinds of actions, by name and label.
    pub kinds: Vec<(String, String)>,
    /// The number of the newest event of the organisation.
    pub seen: i64,
    pub proof: Proof,
    /// Days that events are kept. None: for ever.
    pub kept_days: Option<i64>,
    /// The number of the last event that was removed for its age, and when.
    pub removed: Option<(i64, Timestamp)>,
    pub now: Timestamp,
}

/// What vouches for the events up to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Proof {
    /// No checkpoint was made yet.
    None,
    /// A signed checkpoint, before which each event was hashed anew: up to which number, and when it was made.
    UpTo(i64, Timestamp),
    /// What stands in the place of the newest checkpoint is none of this installation.
    Broken,
}

/// One changed field, as it is shown; none: there was nothing, or nothing is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    pub field: String,
    pub was: Option<String>,
    pub now: Option<String>,
}

/// Everything about one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    pub told: Told,
    pub changes: Vec<Changed>,
    /// Why it was not done, in words, with the code.
    pub reason: Option<(String, String)>,
    /// As events write it: `session ID`, `key ID`, `command`, or nothing.
    pub credential: String,
    pub user_agent: String,
    pub request_id: String,
    pub hash: String,
    pub previous: String,
    /// The hash is that of this event behind the one before.
    pub fits: bool,
    /// The exact text that is hashed, in which commitments stand in the places of personal values.
    pub body: String,
    /// The pages of who acted, of what it is about and of the key that was used, where they still exist.
    pub actor_page: Option<String>,
    pub subject_page: Option<String>,
    pub key_page: Option<String>,
    /// There is an event after this.
    pub newer: bool,
    /// There is one before it, which was not removed for its age.
    pub older: bool,
    pub now: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: &str, name: &str) -> Told {
        let thing = |kind: &str, name: &str| Thing { kind: kind.into(), id: "1".into(), name: name.into() };
        Told {
            actor: thing(kind, name),
            verb: "rotated the API key".into(),
            subject: thing("api_key", "ci-deploy"),
            action: "api_key.rotate".into(),
            outcome: "done".into(),
            count: 1,
            ..Told::default()
        }
    }

    #[test]
    fn events_are_told_in_sentences() {
        let done = told("person", "Bo Achterberg");
        assert_eq!(done.sentence(), "Bo Achterberg rotated the API key ci-deploy");
        assert_eq!(told("api_key", "robot").sentence(), "Key robot rotated the API key ci-deploy");
        assert_eq!(told("system", "latchkey").sentence(), "Latchkey rotated the API key ci-deploy");
        let flood = Told { outcome: "refused".into(), count: 1_204, ..told("several", "") };
        assert_eq!(
            flood.sentence(),
            "Several callers did not succeed in this: rotated the API key ci-deploy, 1,204 times"
        );
        let unnamed = Told { subject: Thing { id: "x9".into(), ..Thing::default() }, ..told("nobody", "") };
        assert_eq!(unnamed.sentence(), "Somebody rotated the API key x9");
        assert!(!Told::default().is_readable() && Told::default().sentence().contains("not as"));
    }

    #[test]
    fn numbers_of_events_are_told() {
        assert_eq!(Fitting::Exactly(1).words(), "1 event");
        assert_eq!(Fitting::Exactly(1_284).words(), "1,284 events");
        assert_eq!(Fitting::MoreThan(10_000).words(), "More than 10,000 events");
        assert_eq!(Fitting::NotCounted.words(), "");
    }
}
