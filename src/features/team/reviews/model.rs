//! What both sides know of access reviews.

use crate::{
    kernel::{AccessReviewId, Timestamp, Window},
    policy::{PermissionSet, Role},
};
use serde::{Deserialize, Serialize};

/// Reviews on one page of the list, and rows on one page of a review.
pub const PAGE: i64 = 25;
pub const ROWS_PAGE: i64 = 50;
/// The most people that one review holds, and the most keys.
pub const MOST: i64 = 5_000;
/// Longest comment on a decision, and longest reason for an early finish, in characters.
pub const COMMENT_LIMIT: usize = 500;
/// The most characters of each field.
pub const LIMITS: &[(&str, usize)] = &[("comment", COMMENT_LIMIT), ("reason", COMMENT_LIMIT)];
/// What the rows of a review are filtered by: `person` or `api_key`; `open`, `confirmed` or `revoked`.
pub const FILTERS: [&str; 2] = ["kind", "decision"];

/// A review, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    pub id: AccessReviewId,
    pub started_by: String,
    pub started_at: Timestamp,
    /// How many people stand in it, and how many API keys.
    pub people: i64,
    pub keys: i64,
    /// How many rows were confirmed, and how many revoked.
    pub confirmed: i64,
    pub revoked: i64,
    /// None: it is open.
    pub finished: Option<Finished>,
}

/// How a review ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finished {
    pub by: String,
    pub at: Timestamp,
    /// Why, where rows were left undecided; else empty.
    pub reason: String,
}

impl Review {
    /// How many rows are not decided.
    pub fn undecided(&self) -> i64 {
        self.people + self.keys - self.confirmed - self.revoked
    }

    /// "access review of 30 Nov 2026", also its name in events.
    pub fn name(&self) -> String {
        name(self.started_at)
    }
}

/// The name of the review that began at a moment.
pub fn name(started_at: Timestamp) -> String {
    format!("access review of {}", started_at.date())
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The access is right as it is.
    Confirmed,
    /// It was taken away.
    Revoked,
}

impl Decision {
    pub const fn name(self) -> &'static str {
        match self {
            Decision::Confirmed => "confirmed",
            Decision::Revoked => "revoked",
        }
    }

    pub const fn label(self) -> &'static str {
        match self {
            Decision::Confirmed => "Confirmed",
            Decision::Revoked => "Revoked",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Decision::Confirmed, Decision::Revoked].into_iter().find(|decision| decision.name() == name)
    }
}

/// What a person or key was when the review began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Facts {
    Person {
        email: String,
        role: Role,
        active_at: Option<Timestamp>,
        /// The account was disabled.
        disabled: bool,
    },
    ApiKey {
        permissions: PermissionSet,
        /// What of them it had not used for long; none: that was not known.
        unused: Option<PermissionSet>,
        used_at: Option<Timestamp>,
        /// Whom it answered for, by name; none: the Owners.
        responsible: Option<String>,
    },
}

impl Facts {
    /// The stable name of the kind of thing.
    pub const fn kind(&self) -> &'static str {
        match self {
            Facts::Person { .. } => "person",
            Facts::ApiKey { .. } => "api_key",
        }
    }
}

/// A row of a review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    pub number: i64,
    /// The id of the person or key.
    pub subject: String,
    pub name: String,
    pub facts: Facts,
    pub decided: Option<Decided>,
}

/// How a row was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    pub decision: Decision,
    pub comment: String,
    pub by: String,
    pub at: Timestamp,
}

/// A page of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviews {
    pub reviews: Vec<Review>,
    pub total: i64,
    pub window: Window,
    /// The one that is open.
    pub open: Option<AccessReviewId>,
    pub now: Timestamp,
}

/// A review with some of its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    pub review: Review,
    pub rows: Vec<Row>,
    /// How many rows fit the filter.
    pub total: i64,
    pub window: Window,
    pub now: Timestamp,
}

/// One row, and what there is to know before it is decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowPage {
    pub review: Review,
    pub row: Row,
    /// What it is about is gone, or opens nothing: nothing is left to be revoked.
    pub is_over: bool,
    /// How many keys answer for the person now.
    pub keys: i64,
    /// The key was used within a day: it is only revoked by its name.
    pub in_use: bool,
    /// The key's name now.
    pub key_name: String,
    pub now: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back() {
        let facts = [
            Facts::Person { email: "a@b.c".into(), role: Role::Admin, active_at: Some(Timestamp(1)), disabled: false },
            Facts::ApiKey { permissions: PermissionSet::key_default(), unused: None, used_at: None, responsible: None },
        ];
        for facts in facts {
            let stored = serde_json::to_value(&facts).expect("JSON");
            assert_eq!(stored["kind"], facts.kind());
            assert_eq!(serde_json::from_value::<Facts>(stored).expect("facts"), facts);
        }
        for decision in [Decision::Confirmed, Decision::Revoked] {
            assert_eq!(Decision::parse(decision.name()), Some(decision));
            assert_eq!(serde_json::to_value(decision).expect("JSON"), decision.name());
        }
    }
}
