//! Keeps a flood of refusals from filling the disk: above a limit they are grouped, with a count.

use crate::{
    kernel::{OrganisationId, Timestamp, time::MINUTE},
    policy::Operation,
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// In which organisation, by whom, what.
pub type Key = (OrganisationId, String, Operation);

/// Refusals alike that are written one by one, in each minute.
const SINGLY: u64 = 20;
/// Kinds of refusals remembered at once; beyond it the oldest windows go.
const KINDS: usize = 10_000;

#[derive(Debug)]
struct Window {
    since: Timestamp,
    seen: u64,
    unwritten: u64,
}

/// Counts refusals.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<Key, Window>>);

impl Refusals {
    /// How many alike an event written now stands for; none: write nothing, it is counted. The unwritten ones are told
    /// by the next event of the kind, which is written at the latest a minute later if they go on.
    pub fn admit(&self, key: Key, now: Timestamp) -> Option<u64> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= KINDS && !windows.contains_key(&key) {
            windows.retain(|_, window| window.since.plus(MINUTE) > now);
            if windows.len() >= KINDS {
                windows.clear();
            }
        }
        let window = windows.entry(key).or_insert(Window { since: now, seen: 0, unwritten: 0 });
        if window.since.plus(MINUTE) <= now {
            window.since = now;
            window.seen = 0;
        }
        window.seen += 1;
        if window.seen > SINGLY {
            window.unwritten += 1;
            return None;
        }
        Some(1 + std::mem::take(&mut window.unwritten))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_grouped_and_nothing_is_lost() {
        let refusals = Refusals::default();
        let key = || (OrganisationId::INSTALLATION, "x".to_owned(), Operation::SignIn);
        let start = Timestamp(0);
        let written: u64 = (0..1_000).filter_map(|_| refusals.admit(key(), start)).sum();
        assert_eq!(written, SINGLY);
        assert_eq!(refusals.admit(key(), start.plus(MINUTE)), Some(1 + 1_000 - SINGLY));
        assert_eq!(refusals.admit(key(), start.plus(MINUTE)), Some(1));
    }
}
