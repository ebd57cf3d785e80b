//! What is known of the use of a key's permissions.

use super::UNUSED_DAYS;
use crate::{
    kernel::{KeyId, Timestamp, time::DAY},
    policy::{Permission, PermissionSet},
};
use serde::{Deserialize, Serialize};

/// What is known of the use of a key's permissions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// Since when uses are counted.
    pub since: Timestamp,
    /// The permissions of which something is known, also such as it does not hold any more.
    pub uses: Vec<PermissionUse>,
}

/// What is known of the use of one permission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionUse {
    pub permission: Permission,
    /// When it was given to the key, if that was after the key was made.
    pub given_at: Option<Timestamp>,
    /// The beginning of the last day on which it was used, in UTC.
    pub used_day: Option<Timestamp>,
}

/// The spans within which a permission can be unused, in days. Lists, Home and programs are told of the longest.
pub const SPANS: [i64; 3] = [30, 60, UNUSED_DAYS];

impl Rights {
    /// What of a set was not used within so many days. What was given within them is not said to be unused. None: uses are
    /// counted for less long, so that nothing can be said.
    pub fn unused(&self, held: PermissionSet, days: i64, now: Timestamp) -> Option<PermissionSet> {
        let start = now.plus(-days.saturating_mul(DAY));
        if self.since > start {
            return None;
        }
        let settled = self.uses.iter().filter(|of| {
            of.used_day.is_some_and(|day| day.plus(DAY) > start) || of.given_at.is_some_and(|at| at > start)
        });
        Some(held.without(settled.map(|of| of.permission).collect()))
    }

    /// Counts a use on a day; an earlier one than is known changes nothing.
    pub fn count(&mut self, permission: Permission, day: Timestamp) {
        match self.uses.iter_mut().find(|of| of.permission == permission) {
            Some(of) => of.used_day = of.used_day.max(Some(day)),
            None => self.uses.push(PermissionUse { permission, given_at: None, used_day: Some(day) }),
        }
    }

    /// The last day of use of one permission.
    pub fn used_day(&self, permission: Permission) -> Option<Timestamp> {
        self.uses.iter().find(|of| of.permission == permission).and_then(|of| of.used_day)
    }

    /// When one permission was given, if that was after the key was made.
    pub fn given_at(&self, permission: Permission) -> Option<Timestamp> {
        self.uses.iter().find(|of| of.permission == permission).and_then(|of| of.given_at)
    }
}

/// What a key holds now in place of what it held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    pub id: KeyId,
    pub name: String,
    pub was: PermissionSet,
    /// The key's version now.
    pub version: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::HOUR;

    #[test]
    fn a_permission_is_unused_only_where_that_can_be_known() {
        use crate::policy::Permission as P;
        let now = Timestamp(1_000 * DAY + HOUR);
        let day = |ago: i64| Some(Timestamp((1_000 - ago) * DAY));
        let of = |permission, given_at, used_day| PermissionUse { permission, given_at, used_day };
        let rights = Rights {
            since: now.plus(-60 * DAY),
            uses: vec![
                of(P::ModelsCall, None, day(0)),
                of(P::PromptsList, None, day(30)),
                of(P::PromptsView, None, day(31)),
                of(P::LogsView, day(10), None),
                // It does not hold this one.
                of(P::TeamView, None, day(1)),
            ],
        };
        let held: PermissionSet =
            [P::ModelsCall, P::PromptsList, P::PromptsView, P::LogsView, P::LogsGroup].into_iter().collect();
        let set = |permissions: &[P]| Some(permissions.iter().copied().collect::<PermissionSet>());
        assert_eq!(rights.unused(held, 30, now), set(&[P::PromptsView, P::LogsGroup]));
        assert_eq!(rights.unused(held, 60, now), set(&[P::LogsGroup]));
        assert_eq!(rights.unused(held, 61, now), None, "it was not counted so long");
        assert_eq!(rights.unused(held, i64::MAX, now), None);
        assert_eq!(rights.unused(PermissionSet::EMPTY, 30, now), set(&[]));
    }
}
