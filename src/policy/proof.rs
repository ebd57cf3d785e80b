//! Which acts ask a person for their password once more. A session that was left open must not be enough for them.

use super::{KeyFeature, Level, Operation, PermissionSet, Role, Target};

/// Whether an act gives or takes the highest rights, so that a person must have proven their password a short while
/// before:
/// - whatever makes, invites, demotes or removes an Owner, an Owner's own leaving included;
/// - whatever makes or changes a key that manages keys, and so hands on all that it holds; the master key is one. To give
///   it a new secret, to enable, disable or delete it, and to take it over or revoke it with somebody who goes are
///   changes, too;
/// - a link to a new password of somebody else, since it opens all that they have.
///
/// API keys have no password: what they may not do at all is the decision's to say.
pub fn asks_for_proof(operation: Operation, target: Target) -> bool {
    match target {
        Target::Account | Target::In(_) => false,
        Target::Rank { now, next, .. } => {
            operation == Operation::TeamResetLink || [now, next].contains(&Some(Role::Owner))
        }
        Target::Key { now, next, .. } => now.manages_keys() || next.manages_keys(),
    }
}

impl PermissionSet {
    /// Whether it allows more about keys than to read of them.
    pub fn manages_keys(self) -> bool {
        let reading = KeyFeature::ApiKeys.permissions(Level::Read).unwrap_or_default();
        !self.intersection(KeyFeature::ApiKeys.all()).is_subset_of(reading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kernel::OrganisationId, policy::Preset};

    const HERE: OrganisationId = OrganisationId::INSTALLATION;

    #[test]
    fn only_the_highest_rights_ask() {
        let rank = |operation, now, next| asks_for_proof(operation, Target::Rank { organisation: HERE, now, next });
        for role in Role::ALL.map(Some) {
            let highest = role == Some(Role::Owner);
            assert_eq!(rank(Operation::Invite, None, role), highest, "invited as {role:?}");
            assert_eq!(rank(Operation::TeamRemove, role, None), highest, "removed, {role:?}");
            assert_eq!(rank(Operation::TeamLeave, role, None), highest, "leaving, {role:?}");
            assert_eq!(rank(Operation::TeamChangeRole, role, Some(Role::Member)), highest, "demoted, {role:?}");
            assert_eq!(rank(Operation::TeamChangeRole, Some(Role::Member), role), highest, "made {role:?}");
            assert!(rank(Operation::TeamResetLink, role, role), "a password link for {role:?}");
        }
    }

    #[test]
    fn a_key_that_manages_keys_asks_before_and_after() {
        let strong = |level| KeyFeature::ApiKeys.permissions(level).expect("a level");
        let key = |now, next| {
            asks_for_proof(Operation::ApiKeyUpdate, Target::Key { organisation: HERE, now, next, itself: false })
        };
        let plain = Preset::ReadOnly.permissions();
        assert!(!key(plain, PermissionSet::key_default()) && !key(PermissionSet::EMPTY, strong(Level::Read)));
        for set in [strong(Level::Write), strong(Level::Delete), PermissionSet::every_key_permission()] {
            assert!(key(PermissionSet::EMPTY, set) && key(set, plain) && key(set, set), "{set:?}");
        }
        for permission in strong(Level::Delete).without(strong(Level::Read)).iter() {
            assert!(key(plain, plain.with(permission)), "{permission}");
        }
    }

    #[test]
    fn what_is_no_right_does_not_ask() {
        for operation in Operation::ALL.iter().copied() {
            assert!(!asks_for_proof(operation, Target::Account) && !asks_for_proof(operation, Target::In(HERE)));
        }
    }
}
