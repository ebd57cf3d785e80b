//! What both sides know of a team.

use crate::{
    kernel::{Secret, Timestamp, UserId, Window},
    policy::{KeyFeature, PermissionSet, Role},
};
use serde::{Deserialize, Serialize};

/// People on one page of a list.
pub const PAGE: i64 = 25;
/// Longest text that a list is searched for.
pub const QUERY_LIMIT: usize = 100;

/// A member of an organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub id: UserId,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub joined_at: Timestamp,
    /// When they last opened a page of the organisation, to the minute.
    pub active_at: Option<Timestamp>,
    /// The account was disabled: it opens nothing.
    pub disabled: bool,
}

/// A page of the team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct People {
    /// The place in the organisation's log as of which this was read.
    pub seen: i64,
    pub people: Vec<Person>,
    /// How many the filter lets through, over all pages.
    pub found: i64,
    /// How many members there are.
    pub total: i64,
    /// How many of them are active Owners.
    pub owners: i64,
    /// How many invitations wait, expired ones included.
    pub invitations: i64,
    pub window: Window,
    /// Reset links are mailed on request, so nobody makes them by hand.
    pub has_mail: bool,
    pub now: Timestamp,
}

/// One member, and what there is to know before their role changes or they go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub person: Person,
    /// How many keys answer for this person.
    pub keys: i64,
    /// Their names, for those who may see keys.
    pub key_names: Vec<String>,
    /// The organisation's only active Owner.
    pub only_owner: bool,
    /// Reset links are mailed on request, so nobody makes them by hand.
    pub has_mail: bool,
    pub now: Timestamp,
}

/// What leaving means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaving {
    /// Keys that answer for the leaver.
    pub keys: i64,
    /// The Owner who gets them.
    pub heir: Option<String>,
    pub only_owner: bool,
}

/// A role that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    pub id: UserId,
    pub name: String,
    pub was: Role,
    pub now: Role,
}

/// A link by which one person sets a new password; shown once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetLink {
    pub name: String,
    pub link: Secret,
}

/// What becomes of the keys of a person who goes, or who may no longer do what the keys do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keys {
    /// They go on working and answer for whoever decided this (an Owner, where a key or the person did).
    #[default]
    TakeOver,
    /// They stop at once.
    Revoke,
}

impl Keys {
    pub const fn name(self) -> &'static str {
        match self {
            Keys::TakeOver => "take_over",
            Keys::Revoke => "revoke",
        }
    }

    /// Reads a form's answer; left out, the default.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" | "take_over" => Ok(Keys::TakeOver),
            "revoke" => Ok(Keys::Revoke),
            _ => Err("Choose what becomes of the keys: take them over, or revoke them.".into()),
        }
    }
}

/// What the list is filtered by: a role. Programs also filter by `email`, a whole address in its canonical form. It is
/// sorted by `role` (Owners first; also where nothing is said), `name`, `active` or `joined`.
pub const FILTERS: [&str; 1] = ["role"];

/// Whether somebody of this role may do less than keys can: then what becomes of their keys has to be decided.
pub fn cuts_keys(role: Role) -> bool {
    !PermissionSet::every_key_permission().is_subset_of(role.permissions())
}

/// How deep a role's key is cut at each feature of keys, for its picture: the permissions that both know.
pub fn key_of(role: Role) -> PermissionSet {
    KeyFeature::ALL
        .into_iter()
        .map(|feature| {
            let held = feature.all().intersection(role.permissions());
            feature
                .levels()
                .into_iter()
                .rev()
                .filter_map(|level| feature.permissions(level))
                .find(|set| set.is_subset_of(held))
                .unwrap_or_default()
        })
        .fold(PermissionSet::EMPTY, PermissionSet::union)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_members_do_less_than_keys_can() {
        assert_eq!(Role::ALL.map(cuts_keys), [false, false, true]);
    }

    #[test]
    fn a_roles_key_never_shows_more_than_the_role() {
        for role in Role::ALL {
            assert!(key_of(role).is_subset_of(role.permissions()));
        }
        assert_eq!(key_of(Role::Owner), PermissionSet::every_key_permission());
        assert!(!key_of(Role::Member).is_empty());
    }

    #[test]
    fn an_unknown_fate_of_keys_is_refused() {
        assert_eq!(Keys::parse(""), Ok(Keys::TakeOver));
        assert_eq!(Keys::parse(Keys::Revoke.name()), Ok(Keys::Revoke));
        assert!(Keys::parse("keep").is_err());
    }
}
