//! Why a decision is as it is: the same decision, with the steps that lead to it.

#[cfg(test)]
mod tests;

use super::{
    Denial, KeyFeature, Level, MASTERS, Permission, PermissionSet, Principal, Requirement, Role, Shown, Target, decide,
};
use crate::kernel::{KeyId, OrganisationId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// Whether a person's account or a key opens anything at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Active,
    Disabled,
    /// A key whose time is over.
    Expired,
    /// A key whose time has not come.
    Early,
    /// A key that breaks a rule of its organisation.
    Blocked,
    /// A key that was deleted.
    Revoked,
}

impl Standing {
    /// A key's at this moment, as far as its own row tells; `expires_at` is the moment from which it is refused.
    pub fn of_key(revoked: bool, disabled: bool, expires_at: Option<Timestamp>, now: Timestamp) -> Self {
        match (revoked, disabled) {
            (true, _) => Standing::Revoked,
            (false, true) => Standing::Disabled,
            (false, false) if expires_at.is_some_and(|at| at <= now) => Standing::Expired,
            (false, false) => Standing::Active,
        }
    }

    /// An account's.
    pub const fn of_person(disabled: bool) -> Self {
        if disabled { Standing::Disabled } else { Standing::Active }
    }
}

/// For whom a key answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswersFor {
    Owners,
    /// A person by their present role. None: their account is disabled, or they do not belong here any more.
    Person(Option<Role>),
}

impl AnswersFor {
    /// What keys that answer for them can do at most.
    pub fn permissions(self) -> PermissionSet {
        match self {
            AnswersFor::Owners => Role::Owner.permissions(),
            AnswersFor::Person(role) => role.map_or(PermissionSet::EMPTY, Role::permissions),
        }
    }
}

/// A person or key of an organisation, as far as decisions depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    pub organisation: OrganisationId,
    pub standing: Standing,
    pub who: Who,
}

/// A person by their role, or a key by its own set and for whom it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Person { user: UserId, role: Role },
    Key { key: KeyId, own: PermissionSet, answers_for: AnswersFor },
}

impl Facts {
    /// As whom they ask: nobody, where their account or key opens nothing.
    pub fn principal(&self) -> Principal {
        let organisation = self.organisation;
        match (self.standing, self.who) {
            (Standing::Disabled | Standing::Expired | Standing::Early | Standing::Blocked | Standing::Revoked, _) => {
                Principal::Nobody
            }
            (Standing::Active, Who::Person { user, role }) => Principal::Member { user, organisation, role },
            (Standing::Active, Who::Key { key, own, answers_for }) => {
                Principal::ApiKey { key, organisation, permissions: own.intersection(answers_for.permissions()) }
            }
        }
    }
}

/// What a step looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Everybody may do it, signed in or not.
    Open,
    /// Whether the account or key opens anything.
    Standing,
    /// Whether it is done in their own organisation.
    Organisation,
    /// Whether it is for people alone.
    People,
    /// What a person's role holds.
    Role,
    /// What a key's own set holds.
    OwnSet,
    /// What the person that a key answers for may do.
    Person,
    /// Nobody gives, or touches, more than they hold.
    Ceiling,
}

impl Part {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Part::Open => "open",
            Part::Standing => "standing",
            Part::Organisation => "organisation",
            Part::People => "people",
            Part::Role => "role",
            Part::OwnSet => "own_set",
            Part::Person => "person",
            Part::Ceiling => "ceiling",
        }
    }
}

/// How a step ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Passed,
    /// It decides.
    Failed,
    /// A step before it has decided.
    NotAsked,
}

impl Verdict {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Verdict::Passed => "passed",
            Verdict::Failed => "failed",
            Verdict::NotAsked => "not_asked",
        }
    }
}

/// One step of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub part: Part,
    pub verdict: Verdict,
    /// The permission that it looks for, or that is missing.
    pub permission: Option<Permission>,
    /// What it comes to, in a few words.
    pub title: String,
    /// More about it, in a sentence or two; empty where it is not asked.
    pub words: String,
}

/// A decision with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What [`decide`] says.
    pub allowed: bool,
    /// Why not, as [`decide`] says it.
    pub denial: Option<Denial>,
    /// In the order in which they are asked. Where it is denied, one has failed, and none behind it is asked.
    pub steps: Vec<Step>,
}

/// Decides by [`decide`], and says by which step.
pub fn explain(facts: &Facts, requirement: Requirement, target: Target) -> Explanation {
    let denial = decide(&facts.principal(), requirement, target).err();
    let deciding = denial.map(|denial| deciding(facts, denial));
    let mut decided = false;
    let steps = asked(facts, requirement, target)
        .into_iter()
        .map(|(part, permission)| {
            let verdict = match decided {
                true => Verdict::NotAsked,
                false if deciding == Some((part, permission)) => Verdict::Failed,
                false => Verdict::Passed,
            };
            decided |= verdict == Verdict::Failed;
            let (title, words) = told(facts, part, permission, verdict, target, denial);
            let missing = denial.filter(|_| verdict == Verdict::Failed).and_then(Denial::missing);
            Step { part, verdict, permission: missing.or(permission), title, words }
        })
        .collect();
    Explanation { allowed: denial.is_none(), denial, steps }
}

/// The steps that the decision takes, in its order.
fn asked(facts: &Facts, requirement: Requirement, target: Target) -> Vec<(Part, Option<Permission>)> {
    let mut steps = match requirement {
        Requirement::Anyone => return vec![(Part::Open, None)],
        Requirement::Person => return vec![(Part::Standing, None), (Part::People, None)],
        Requirement::Membership => vec![(Part::Standing, None), (Part::Organisation, None), (Part::People, None)],
        Requirement::Belonging | Requirement::Holds(_) | Requirement::Both(..) => {
            vec![(Part::Standing, None), (Part::Organisation, None)]
        }
    };
    for permission in requirement.permissions().map(Some) {
        match facts.who {
            Who::Person { .. } => steps.push((Part::Role, permission)),
            Who::Key { .. } => steps.extend([(Part::OwnSet, permission), (Part::Person, permission)]),
        }
    }
    if matches!(target, Target::Rank { .. } | Target::Key { .. }) {
        steps.push((Part::Ceiling, None));
    }
    steps
}

/// The step that a denial is about.
fn deciding(facts: &Facts, denial: Denial) -> (Part, Option<Permission>) {
    match denial {
        Denial::Unknown => (Part::Standing, None),
        Denial::Elsewhere => (Part::Organisation, None),
        Denial::NotForKeys => (Part::People, None),
        Denial::Missing(permission) => match facts.who {
            Who::Person { .. } => (Part::Role, Some(permission)),
            Who::Key { own, .. } if !own.contains(permission) => (Part::OwnSet, Some(permission)),
            Who::Key { .. } => (Part::Person, Some(permission)),
        },
        Denial::AboveRank | Denial::AboveOwnPermissions(_) | Denial::OwnKey => (Part::Ceiling, None),
    }
}

/// Title and words of a step.
fn told(
    facts: &Facts,
    part: Part,
    permission: Option<Permission>,
    verdict: Verdict,
    target: Target,
    denial: Option<Denial>,
) -> (String, String) {
    if verdict == Verdict::NotAsked {
        let title = match part {
            Part::Open | Part::Standing => "Standing",
            Part::Organisation => "The organisation",
            Part::People => "Whether it is for people alone",
            Part::Role => "What the role holds",
            Part::OwnSet => "What its own set holds",
            Part::Person => "What the person it answers for may do",
            Part::Ceiling => "Nobody gives what they do not hold",
        };
        return (title.into(), String::new());
    }
    let passed = verdict == Verdict::Passed;
    let (title, words) = match (part, permission) {
        (Part::Open, _) => ("It is open to everybody", "Nobody needs to be signed in for it.".to_owned()),
        (Part::Standing, _) => standing(facts),
        (Part::Organisation, _) if passed => ("It is in their own organisation", String::new()),
        (Part::Organisation, _) => ("It is in another organisation", "For them it does not exist.".into()),
        (Part::People, _) if passed => ("It is for people who are signed in", String::new()),
        (Part::People, _) => ("It is for people alone", "API keys cannot do this.".into()),
        (Part::Ceiling, _) if passed => match target {
            Target::Key { .. } => (
                "They hold all that the key has",
                "Nobody gives or changes a key that can do more than they can.".into(),
            ),
            _ => (
                "It is not above their own rank",
                "Nobody gives a role above their own, or changes someone above them.".into(),
            ),
        },
        (Part::Ceiling, _) => ("Nobody gives what they do not hold", denial.map(Denial::sentence).unwrap_or_default()),
        (_, None) => ("", String::new()),
        (Part::Role, Some(permission)) => role(facts, permission, passed),
        (Part::OwnSet, Some(permission)) => own_set(facts, permission, passed),
        (Part::Person, Some(permission)) => person(facts, permission, passed),
    };
    (title.into(), words)
}

fn standing(facts: &Facts) -> (&'static str, String) {
    let is_key = matches!(facts.who, Who::Key { .. });
    let (title, words) = match (facts.standing, is_key) {
        (Standing::Active, true) => ("The key is live", ""),
        (Standing::Active, false) => ("The account is active", ""),
        (Standing::Disabled, true) => ("The key is disabled", "It opens nothing until it is enabled again."),
        (Standing::Disabled, false) => ("The account is disabled", "It opens nothing until it is enabled again."),
        (Standing::Expired, _) => ("The key has expired", "It opens nothing until its end date is moved."),
        (Standing::Early, _) => ("The key does not work yet", "It opens nothing before its time has come."),
        (Standing::Blocked, _) => {
            ("The key is blocked by policy", "It opens nothing until it keeps the organisation's rules for keys.")
        }
        (Standing::Revoked, _) => ("The key was deleted", "It never opens anything again."),
    };
    (title, words.into())
}

fn role(facts: &Facts, permission: Permission, passed: bool) -> (&'static str, String) {
    let Who::Person { role, .. } = facts.who else { return ("", String::new()) };
    let plural = role.plural();
    match passed {
        true => ("The role holds it", format!("{plural} hold the permission {permission}.")),
        false => (
            "The role does not hold it",
            format!("{plural} do not hold the permission {permission}. Held by: {}.", permission.held_by()),
        ),
    }
}

fn own_set(facts: &Facts, permission: Permission, passed: bool) -> (&'static str, String) {
    let Who::Key { own, .. } = facts.who else { return ("", String::new()) };
    let title = if passed { "Its own set holds it" } else { "Its own set does not hold it" };
    if MASTERS.contains(&permission) {
        let words = format!(
            "Of all keys the master key alone has {permission}, while it holds everything that keys can hold. Held by: {}.",
            permission.held_by()
        );
        return (title, words);
    }
    let Some(feature) = KeyFeature::of(permission) else {
        // A set may hold it all the same: then it works, and is as odd as it sounds.
        let words = format!(
            "No level of keys has the permission {permission}: it is for people. Held by: {}.",
            permission.held_by()
        );
        return (title, words);
    };
    let label = feature.label();
    let words = match (feature.shown(own), passed) {
        (Shown::Level(level), true) => format!("{label} is {}, which includes {permission}.", level.label()),
        (Shown::Custom, true) => format!("{label} is a custom set, which includes {permission}."),
        (shown, false) => {
            let has = match shown {
                Shown::Level(level) => level.label(),
                Shown::Custom => "a custom set",
            };
            let from = feature.first_with(permission).map_or("no level", Level::label);
            format!("{label} is {has}, without {permission}. The first level with it is {from}.")
        }
    };
    (title, words)
}

fn person(facts: &Facts, permission: Permission, passed: bool) -> (&'static str, String) {
    let Who::Key { answers_for, .. } = facts.who else { return ("", String::new()) };
    let title = match (answers_for, passed) {
        (AnswersFor::Owners, _) => "The Owners hold it",
        (AnswersFor::Person(_), true) => "The person it answers for holds it",
        (AnswersFor::Person(_), false) => "The person it answers for does not hold it",
    };
    let words = match answers_for {
        AnswersFor::Owners => "The key answers for the Owners.".to_owned(),
        AnswersFor::Person(None) => {
            "They are not active here: nothing of the key works until somebody takes it over.".into()
        }
        AnswersFor::Person(Some(role)) => match passed {
            true => format!("Their role is {role}, which holds {permission}."),
            false => format!(
                "Their role is {role}, which does not hold {permission}. Held by: {}. A key can never do more than its \
                     person may do now.",
                permission.held_by()
            ),
        },
    };
    (title, words)
}
