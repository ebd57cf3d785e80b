//! What both sides know of a team.

use crate::{
    kernel::{Secret, Timestamp, UserId},
    policy::{KeyFeature, PermissionSet, Role},
};
use serde::{Deserialize, Serialize};

/// People on one page of a list.
pub const PAGE: u32 = 25;
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
    pub people: Vec<Person>,
    /// How many the filter lets through, over all pages.
    pub found: i64,
    /// How many members there are.
    pub total: i64,
    /// How many of them are active Owners.
    pub owners: i64,
    /// How many invitations wait, expired ones included.
    pub invitations: i64,
    /// The page, from 1.
    pub page: u32,
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

/// How a team is listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Part of a name or address.
    pub q: String,
    /// A whole address in its canonical form; empty: any.
    pub email: String,
    pub role: Option<Role>,
    pub sort: Sort,
    /// From 1; 0 is the first as well.
    pub page: u32,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    pub by: SortBy,
    pub descending: bool,
}

/// What a list is ordered by. Ties are broken by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SortBy {
    /// Owners first.
    #[default]
    Role,
    Name,
    Active,
    Joined,
}

impl SortBy {
    const ALL: [SortBy; 4] = [SortBy::Role, SortBy::Name, SortBy::Active, SortBy::Joined];

    const fn name(self) -> &'static str {
        match self {
            SortBy::Role => "role",
            SortBy::Name => "name",
            SortBy::Active => "active",
            SortBy::Joined => "joined",
        }
    }
}

impl Sort {
    /// As in an address: `name`, `-name`; the default is empty.
    pub fn text(self) -> String {
        match self {
            Sort { by: SortBy::Role, descending: false } => String::new(),
            Sort { by, descending } => format!("{}{}", if descending { "-" } else { "" }, by.name()),
        }
    }

    /// Reads an address; what is not known is the default order.
    pub fn parse(text: &str) -> Self {
        let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        SortBy::ALL.into_iter().find(|by| by.name() == name).map_or_else(Sort::default, |by| Sort { by, descending })
    }

    /// The order after a press on a column's header: the other way round, if it is this column's already.
    pub fn pressed(self, by: SortBy) -> Self {
        Sort { by, descending: self.by == by && !self.descending }
    }
}

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
    fn orders_are_read_as_they_are_written() {
        for by in SortBy::ALL {
            for descending in [false, true] {
                let sort = Sort { by, descending };
                assert_eq!(Sort::parse(&sort.text()), sort);
            }
        }
        assert_eq!(Sort::parse("name; DROP TABLE users"), Sort::default());
        let by_name = Sort::default().pressed(SortBy::Name);
        assert_eq!((by_name.text().as_str(), by_name.pressed(SortBy::Name).text().as_str()), ("name", "-name"));
    }

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
