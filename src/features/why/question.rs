//! A question, as an address or a body asks it.

use super::model::PartyKind;
use crate::{
    kernel::{Asked, Error, KeyId, Result, UserId},
    policy::{Feature, KeyFeature, Level, Operation, Permission, PermissionSet, Requirement, Role},
};
use std::str::FromStr;

/// Whom a question is about, or what an act is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    User(UserId),
    Key(KeyId),
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Holding(Permission),
    Doing(Operation),
}

/// What is supposed. None: it is as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Supposed {
    /// The person's role.
    pub role: Option<Role>,
    /// The key's own set.
    pub permissions: Option<PermissionSet>,
    /// The key's levels, over its own set or the supposed one.
    pub levels: Vec<(KeyFeature, Level)>,
    /// The role of the person that the key answers for.
    pub person: Option<Role>,
}

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// None: whoever asks.
    pub who: Option<Named>,
    pub act: Act,
    pub on: Option<Named>,
    /// The role that is given.
    pub to: Option<Role>,
    pub supposed: Supposed,
}

impl Supposed {
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Act {
    /// By the id of a permission or operation.
    pub fn parse(id: &str) -> Option<Self> {
        Permission::parse(id).map(Act::Holding).or_else(|| Operation::parse(id).map(Act::Doing))
    }

    pub const fn id(self) -> &'static str {
        match self {
            Act::Holding(permission) => permission.name(),
            Act::Doing(operation) => operation.spec().id,
        }
    }

    pub const fn requires(self) -> Requirement {
        match self {
            Act::Holding(permission) => Requirement::Holds(permission),
            Act::Doing(operation) => operation.spec().requires,
        }
    }

    /// As a sentence goes on: `publish prompts`.
    pub fn words(self) -> String {
        match self {
            Act::Holding(permission) => permission.act(),
            Act::Doing(operation) => format!("do {}", operation.spec().id),
        }
    }

    /// Whether it matters to which member it is done.
    pub fn is_on_people(self) -> bool {
        self == Act::Doing(Operation::TeamLeave)
            || self.requires().permissions().any(|permission| permission.feature() == Feature::Team)
    }

    /// Whether it matters to which key it is done.
    pub fn is_on_keys(self) -> bool {
        self.requires().permissions().any(|permission| permission.feature() == Feature::ApiKeys)
    }

    /// Whether it takes a member out.
    pub fn removes(self) -> bool {
        matches!(self, Act::Holding(Permission::TeamRemove) | Act::Doing(Operation::TeamRemove | Operation::TeamLeave))
    }

    /// Whether it gives a role.
    pub fn gives_role(self) -> bool {
        matches!(
            self,
            Act::Holding(Permission::TeamInvite | Permission::TeamAssignRoles)
                | Act::Doing(Operation::Invite | Operation::TeamChangeRole)
        )
    }

    /// To what it is done, if that matters.
    pub fn done_to(self) -> Option<PartyKind> {
        match (self.is_on_people(), self.is_on_keys()) {
            (true, _) => Some(PartyKind::User),
            (false, true) => Some(PartyKind::ApiKey),
            (false, false) => None,
        }
    }

    /// The feature of keys that it belongs to, if one does.
    pub fn key_feature(self) -> Option<KeyFeature> {
        self.requires().permissions().find_map(KeyFeature::of)
    }
}

impl Named {
    pub const fn kind(self) -> PartyKind {
        match self {
            Named::User(_) => PartyKind::User,
            Named::Key(_) => PartyKind::ApiKey,
        }
    }

    /// Reads `user.<id>` or `key.<id>`. Empty: nobody is named.
    fn parse(text: &str) -> Result<Option<Self>> {
        if text.is_empty() {
            return Ok(None);
        }
        let (kind, id) = text.split_once('.').unwrap_or_default();
        let named = match kind {
            "user" => id.parse().ok().map(Named::User),
            "key" => id.parse().ok().map(Named::Key),
            _ => None,
        };
        named.map(Some).ok_or_else(Error::not_found)
    }

    /// Of two fields of a body, at most one of which may be given.
    pub fn of(user: Option<&str>, key: Option<&str>, fields: (&str, &str)) -> Result<Option<Self>> {
        match (user, key) {
            (None, None) => Ok(None),
            (Some(user), None) => Ok(Some(Named::User(id(user)?))),
            (None, Some(key)) => Ok(Some(Named::Key(id(key)?))),
            (Some(_), Some(_)) => Err(Error::field(fields.1, format!("Send {} or {}, not both.", fields.0, fields.1))),
        }
    }
}

/// A text that is no id is the id of nothing.
fn id<T: FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::not_found())
}

impl Question {
    /// What the page's address asks. None: nothing yet. What does not belong to whom or what it asks about is left out, so
    /// that one of them can be chosen anew without the others.
    pub fn of_page(asked: &Asked, asks_key: bool) -> Result<Option<Self>> {
        let what = asked.get("what");
        if what.is_empty() {
            return Ok(None);
        }
        let act = Act::parse(what)
            .ok_or_else(|| Error::field("what", "There is no permission and no operation of this name."))?;
        let who = Named::parse(asked.get("who"))?;
        let on = Named::parse(asked.get("on"))?.filter(|on| match on {
            Named::User(_) => act.is_on_people(),
            Named::Key(_) => act.is_on_keys(),
        });
        let to = Role::parse(asked.get("to")).filter(|_| act.gives_role());
        let is_key = who.map_or(asks_key, |who| who.kind() == PartyKind::ApiKey);
        let supposed = if is_key {
            let level = act.key_feature().zip(Level::parse(asked.get("level")));
            let levels = level.filter(|(feature, level)| feature.permissions(*level).is_some()).into_iter().collect();
            Supposed { levels, person: Role::parse(asked.get("person")), ..Supposed::default() }
        } else {
            Supposed { role: Role::parse(asked.get("role")), ..Supposed::default() }
        };
        Ok(Some(Self { who, act, on, to, supposed }))
    }
}

/// What is done, of two fields of a body, exactly one of which must be given.
pub fn act(permission: Option<&str>, operation: Option<&str>) -> Result<Act> {
    match (permission, operation) {
        (Some(name), None) => {
            let unknown = || Error::field("permission", "There is no permission of this name.");
            Permission::parse(name).map(Act::Holding).ok_or_else(unknown)
        }
        (None, Some(name)) => {
            let unknown = || Error::field("operation", "There is no operation of this name.");
            Operation::parse(name).map(Act::Doing).ok_or_else(unknown)
        }
        (None, None) => Err(Error::field("permission", "Name the permission or the operation that is asked about.")),
        (Some(_), Some(_)) => Err(Error::field("operation", "Send permission or operation, not both.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_leaves_out_what_does_not_belong() {
        let user = format!("user.{}", uuid::Uuid::from_u128(7));
        let asked = Asked::default()
            .with("who", user.clone())
            .with("what", "prompts.publish")
            .with("on", user.clone())
            .with("to", "admin")
            .with("role", "admin")
            .with("level", "write")
            .with("person", "owner");
        let question = Question::of_page(&asked, false).expect("it is read").expect("something is asked");
        assert_eq!((question.on, question.to), (None, None), "prompts are published on nobody");
        assert_eq!(question.supposed, Supposed { role: Some(Role::Admin), ..Supposed::default() });
        let key = asked.with("who", format!("key.{}", uuid::Uuid::from_u128(8)));
        let question = Question::of_page(&key, false).expect("it is read").expect("something is asked");
        let levels = vec![(KeyFeature::Prompts, Level::Write)];
        assert_eq!(question.supposed, Supposed { levels, person: Some(Role::Owner), ..Supposed::default() });
        let team = key.with("what", "team.assign_roles");
        let question = Question::of_page(&team, false).expect("it is read").expect("something is asked");
        assert!(question.on.is_some() && question.to == Some(Role::Admin));
        assert_eq!(Question::of_page(&Asked::default().with("who", user), false), Ok(None));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let asked = Asked::default().with("what", "prompts.publish");
        for who in ["user.x", "7", "person.00000000-0000-0000-0000-000000000007"] {
            let error = Question::of_page(&asked.clone().with("who", who), false).unwrap_err();
            assert_eq!(error.code.as_str(), "not_found", "{who}");
        }
        assert!(Question::of_page(&asked.with("what", "prompts.burn"), false).is_err());
        assert!(act(None, None).is_err() && act(Some("prompts.list"), Some("prompt.list")).is_err());
        assert!(act(Some("prompt.list"), None).is_err() && act(None, Some("prompts.list")).is_err());
        assert_eq!(act(None, Some("prompt.list")), Ok(Act::Doing(Operation::PromptsList)));
    }
}
