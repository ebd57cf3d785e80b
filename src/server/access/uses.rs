//! What API keys use, whichever way they come: when each secret was last used, noted once a minute, and on which day each
//! permission was, noted once a day. What is counted waits in memory, and is written behind whoever asked.

use crate::{
    kernel::{KeyId, OrganisationId, Timestamp, time::MINUTE},
    policy::{Permission, PermissionSet},
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};
use uuid::Uuid;

/// Secrets and keys whose last note is remembered; beyond it all are forgotten, which costs a needless note each.
const REMEMBERED: usize = 100_000;
/// Uses of permissions that wait to be written. Beyond it a use is left to be counted by the next one.
const WAITING: usize = 100_000;

/// A use of a secret of a key.
pub type Use = (KeyId, Uuid, Timestamp);

/// The last day on which a key used a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PermissionUse {
    pub key: KeyId,
    pub permission: Permission,
    /// The beginning of the day, in UTC.
    pub day: Timestamp,
}

/// Remembers what was noted of uses, and what is to be.
#[derive(Debug, Default)]
pub struct Uses {
    /// When the last use of each secret was noted.
    noted: Mutex<HashMap<Uuid, Timestamp>>,
    permissions: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    /// The day on which each key was last counted, and what of it.
    known: HashMap<KeyId, (Timestamp, PermissionSet)>,
    waiting: HashMap<(OrganisationId, KeyId, Permission), Timestamp>,
}

impl Counted {
    /// False: there is no room.
    fn wait(&mut self, organisation: OrganisationId, used: PermissionUse) -> bool {
        let PermissionUse { key, permission, day } = used;
        let (is_full, place) = (self.waiting.len() >= WAITING, (organisation, key, permission));
        match self.waiting.get_mut(&place) {
            Some(before) => *before = day.max(*before),
            None if is_full => return false,
            None => drop(self.waiting.insert(place, day)),
        }
        true
    }
}

impl Uses {
    /// Keeps the uses that deserve a note, those of secrets of which none was noted within the minute, and takes them for
    /// noted.
    pub fn due(&self, mut uses: Vec<Use>) -> Vec<Use> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() >= REMEMBERED {
            noted.clear();
        }
        uses.retain(|(_, secret, at)| noted.get(secret).is_none_or(|before| *at >= before.plus(MINUTE)));
        noted.extend(uses.iter().map(|(_, secret, at)| (*secret, *at)));
        uses
    }

    /// Counts that a key used these permissions. Nothing is written here.
    pub fn count(&self, organisation: OrganisationId, key: KeyId, permissions: PermissionSet, at: Timestamp) {
        let day = at.day();
        let mut counted = self.counted();
        let before = counted.known.get(&key).filter(|(of, _)| *of == day).map(|(_, known)| *known).unwrap_or_default();
        if permissions.is_subset_of(before) {
            return;
        }
        let mut known = before;
        for permission in permissions.with_unasked().without(before).iter() {
            if counted.wait(organisation, PermissionUse { key, permission, day }) {
                known = known.with(permission);
            }
        }
        if counted.known.len() >= REMEMBERED {
            counted.known.clear();
        }
        counted.known.insert(key, (day, known));
    }

    /// The uses of a key's permissions that wait.
    pub fn waiting(&self, organisation: OrganisationId, key: KeyId) -> Vec<PermissionUse> {
        let counted = self.counted();
        let of = |permission: &Permission| {
            let day = counted.waiting.get(&(organisation, key, *permission))?;
            Some(PermissionUse { key, permission: *permission, day: *day })
        };
        Permission::ALL.iter().filter_map(of).collect()
    }

    /// Takes the uses of permissions that wait, by organisation. They are sorted, so that two programs that write the same
    /// ones wait for each other in one order.
    pub fn take(&self) -> BTreeMap<OrganisationId, Vec<PermissionUse>> {
        let waiting = std::mem::take(&mut self.counted().waiting);
        let mut taken: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for ((organisation, key, permission), day) in waiting {
            taken.entry(organisation).or_default().push(PermissionUse { key, permission, day });
        }
        taken.values_mut().for_each(|uses| uses.sort_unstable());
        taken
    }

    /// Lets uses wait again that could not be written.
    pub fn put_back(&self, organisation: OrganisationId, uses: Vec<PermissionUse>) {
        let mut counted = self.counted();
        for used in uses {
            counted.wait(organisation, used);
        }
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.permissions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::{DAY, HOUR};

    #[test]
    fn a_secret_is_noted_once_a_minute() {
        let (uses, start) = (Uses::default(), Timestamp(1_000_000));
        let of = |secret: u128, at| (KeyId(Uuid::nil()), Uuid::from_u128(secret), at);
        assert_eq!(uses.due(vec![of(1, start), of(2, start)]).len(), 2);
        assert_eq!(uses.due(vec![of(1, start.plus(MINUTE - 1)), of(3, start)]), [of(3, start)]);
        assert_eq!(uses.due(vec![of(1, start.plus(MINUTE))]).len(), 1);
    }

    #[test]
    fn a_permission_is_noted_once_a_day() {
        let (uses, here, key) = (Uses::default(), OrganisationId::numbered(1), KeyId::numbered(2));
        let start = Timestamp(100 * DAY + HOUR);
        let calls = PermissionSet::EMPTY.with(Permission::ModelsCall);
        let taken = || uses.take().into_values().flatten().collect::<Vec<_>>();
        let used = |permission, days| PermissionUse { key, permission, day: Timestamp(days * DAY) };
        uses.count(here, key, calls, start);
        uses.count(here, key, calls, start.plus(HOUR));
        assert_eq!(taken(), [used(Permission::ModelsCall, 100)]);
        uses.count(here, key, calls, start.plus(2 * HOUR));
        assert!(taken().is_empty(), "it was noted for this day");
        uses.count(here, key, calls.with(Permission::LogsView), start.plus(3 * HOUR));
        assert_eq!(taken(), [used(Permission::LogsView, 100)]);
        uses.count(here, key, calls, start.plus(DAY));
        let written = taken();
        assert_eq!(written, [used(Permission::ModelsCall, 101)]);
        // What could not be written is not lost, and takes no later day back.
        uses.put_back(here, written);
        uses.put_back(here, vec![used(Permission::ModelsCall, 99)]);
        assert_eq!(taken(), [used(Permission::ModelsCall, 101)]);
    }

    #[test]
    fn what_waits_is_bounded_and_nothing_is_taken_for_noted_that_is_not() {
        let (uses, here, day) = (Uses::default(), OrganisationId::numbered(1), Timestamp(DAY));
        let calls = PermissionSet::EMPTY.with(Permission::ModelsCall);
        let keys = WAITING as u128 + 5;
        for number in 0..keys {
            uses.count(here, KeyId::numbered(number), calls, day);
        }
        assert_eq!(uses.take().values().map(Vec::len).sum::<usize>(), WAITING);
        uses.count(here, KeyId::numbered(keys - 1), calls, day);
        assert_eq!(uses.take().values().map(Vec::len).sum::<usize>(), 1, "the last one found no room before");
    }
}
