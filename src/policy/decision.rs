//! The one decision: may this principal do this, here, to that?

use super::{Permission, PermissionSet, Role};
use crate::kernel::{Code, Error, KeyId, Missing, OrganisationId, UserId};
use uuid::Uuid;

/// Who asks. Built from a credential alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal {
    /// No credential, or none that is valid.
    Nobody,
    /// Signed in, and in no organisation as far as this request goes.
    Person { user: UserId },
    /// Signed in, in an organisation that they belong to.
    Member { user: UserId, organisation: OrganisationId, role: Role },
    /// An API key. `permissions` are the effective ones: the key's own set, cut by what the person it answers for may
    /// do now.
    ApiKey { key: KeyId, organisation: OrganisationId, permissions: PermissionSet },
}

/// What an operation asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Open to all: sign-in, a link that is itself the credential.
    Anyone,
    /// Somebody signed in, in or out of an organisation: their own account.
    Person,
    /// Somebody who belongs to the organisation, whatever their role: leaving it, seeing its name.
    Membership,
    /// Whoever belongs to the organisation, a person or an API key, whatever they hold: asking about oneself.
    Belonging,
    /// Whoever holds the permission there.
    Holds(Permission),
    /// Whoever holds both there.
    Both(Permission, Permission),
}

impl Requirement {
    /// The permissions that it asks for.
    pub fn permissions(self) -> impl Iterator<Item = Permission> {
        let asked = match self {
            Requirement::Anyone | Requirement::Person | Requirement::Membership | Requirement::Belonging => {
                [None, None]
            }
            Requirement::Holds(permission) => [Some(permission), None],
            Requirement::Both(first, second) => [Some(first), Some(second)],
        };
        asked.into_iter().flatten()
    }
}

/// What is acted upon, as far as the decision needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The caller's own account, or the installation.
    Account,
    /// Something that lives in this organisation.
    In(OrganisationId),
    /// A person or invitation: the role they have now and the one they shall have (none: they go).
    Rank { organisation: OrganisationId, now: Option<Role>, next: Option<Role> },
    /// An API key: what it holds now, and what it shall hold.
    Key { organisation: OrganisationId, now: PermissionSet, next: PermissionSet, itself: bool },
}

/// The answer.
pub type Decision = Result<(), Denial>;

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// No valid credential.
    Unknown,
    /// An API key asked for what only people do.
    NotForKeys,
    /// The thing is in another organisation: to this caller it does not exist.
    Elsewhere,
    Missing(Permission),
    /// The act would give, or touch, a rank above the caller's own.
    AboveRank,
    /// The act would give, or hand over, permissions that the caller lacks.
    AboveOwnPermissions(Permission),
    /// A key cannot change itself.
    OwnKey,
}

impl Principal {
    pub fn organisation(&self) -> Option<OrganisationId> {
        match self {
            Principal::Nobody | Principal::Person { .. } => None,
            Principal::Member { organisation, .. } | Principal::ApiKey { organisation, .. } => Some(*organisation),
        }
    }

    pub fn user(&self) -> Option<UserId> {
        match self {
            Principal::Person { user } | Principal::Member { user, .. } => Some(*user),
            Principal::Nobody | Principal::ApiKey { .. } => None,
        }
    }

    /// The id of the person or key.
    pub fn id(&self) -> Option<Uuid> {
        match self {
            Principal::Nobody => None,
            Principal::Person { user } | Principal::Member { user, .. } => Some(user.0),
            Principal::ApiKey { key, .. } => Some(key.0),
        }
    }

    /// Everything the principal holds in its organisation.
    pub fn permissions(&self) -> PermissionSet {
        match self {
            Principal::Nobody | Principal::Person { .. } => PermissionSet::EMPTY,
            Principal::Member { role, .. } => role.permissions(),
            Principal::ApiKey { permissions, .. } => *permissions,
        }
    }

    /// The highest role this principal may give or touch. Keys act as Admins at most: no key makes an Owner.
    fn rank(&self) -> Option<Role> {
        match self {
            Principal::Nobody | Principal::Person { .. } => None,
            Principal::Member { role, .. } => Some(*role),
            Principal::ApiKey { .. } => Some(Role::Admin),
        }
    }
}

/// Decides. Denies whatever is not expressly allowed.
pub fn decide(principal: &Principal, requirement: Requirement, target: Target) -> Decision {
    match requirement {
        Requirement::Anyone => return Ok(()),
        Requirement::Person => {
            return match principal {
                Principal::Person { .. } | Principal::Member { .. } => Ok(()),
                Principal::Nobody => Err(Denial::Unknown),
                Principal::ApiKey { .. } => Err(Denial::NotForKeys),
            };
        }
        Requirement::Membership | Requirement::Belonging | Requirement::Holds(_) | Requirement::Both(..) => {}
    }
    let home = match principal {
        Principal::Nobody => return Err(Denial::Unknown),
        Principal::Person { .. } => return Err(Denial::Elsewhere),
        Principal::Member { organisation, .. } | Principal::ApiKey { organisation, .. } => *organisation,
    };
    let place = match target {
        Target::Account => home,
        Target::In(organisation) | Target::Rank { organisation, .. } | Target::Key { organisation, .. } => organisation,
    };
    if place != home {
        return Err(Denial::Elsewhere);
    }
    if requirement == Requirement::Membership && matches!(principal, Principal::ApiKey { .. }) {
        return Err(Denial::NotForKeys);
    }
    let held = principal.permissions();
    if let Some(missing) = requirement.permissions().find(|permission| !held.contains(*permission)) {
        return Err(Denial::Missing(missing));
    }
    match target {
        Target::Account | Target::In(_) => Ok(()),
        Target::Rank { now, next, .. } => {
            let ceiling = principal.rank().ok_or(Denial::Unknown)?;
            if now.is_some_and(|role| role > ceiling) || next.is_some_and(|role| role > ceiling) {
                return Err(Denial::AboveRank);
            }
            // A key makes no Admin, who could then mint what the key itself does not hold, or rotate the master key.
            match principal {
                Principal::ApiKey { permissions, .. } if next == Some(Role::Admin) && now != Some(Role::Admin) => {
                    match PermissionSet::every_key_permission().of_master().without(*permissions).iter().next() {
                        Some(lacking) => Err(Denial::AboveOwnPermissions(lacking)),
                        None => Ok(()),
                    }
                }
                _ => Ok(()),
            }
        }
        Target::Key { now, next, itself, .. } => {
            if itself {
                return Err(Denial::OwnKey);
            }
            match now.union(next).without(principal.permissions()).iter().next() {
                None => Ok(()),
                Some(lacking) => Err(Denial::AboveOwnPermissions(lacking)),
            }
        }
    }
}

impl Denial {
    pub const fn code(self) -> Code {
        match self {
            Denial::Unknown => Code::SignInNeeded,
            Denial::Elsewhere => Code::NotFound,
            Denial::NotForKeys
            | Denial::Missing(_)
            | Denial::AboveRank
            | Denial::AboveOwnPermissions(_)
            | Denial::OwnKey => Code::PermissionDenied,
        }
    }

    /// The permission that would have helped, where one would.
    pub const fn missing(self) -> Option<Permission> {
        match self {
            Denial::Missing(permission) | Denial::AboveOwnPermissions(permission) => Some(permission),
            Denial::Unknown | Denial::NotForKeys | Denial::Elsewhere | Denial::AboveRank | Denial::OwnKey => None,
        }
    }

    /// A sentence for people: what is missing and who holds it.
    pub fn sentence(self) -> String {
        match self {
            Denial::Unknown => "Sign in first.".into(),
            Denial::Elsewhere => "It does not exist, or it belongs to another organisation.".into(),
            Denial::NotForKeys => "API keys cannot do this. It is for people who are signed in.".into(),
            Denial::Missing(permission) => {
                format!("This needs the permission {permission}. Held by: {}.", permission.held_by())
            }
            Denial::AboveRank => {
                "Nobody can give a role above their own, or change someone above them. Ask an Owner.".into()
            }
            Denial::AboveOwnPermissions(permission) => {
                format!(
                    "Nobody can give what they do not hold. Missing here: {permission}. Held by: {}.",
                    permission.held_by()
                )
            }
            Denial::OwnKey => "A key cannot change or rotate itself.".into(),
        }
    }
}

impl From<Denial> for Error {
    fn from(denial: Denial) -> Self {
        let mut error = Error::new(denial.code(), denial.sentence());
        error.missing = denial.missing().map(|permission| {
            Box::new(Missing { permission: permission.name().into(), held_by: permission.held_by() })
        });
        error
    }
}
