//! Keeps a flood of refusals from filling the disk: above a limit they are grouped, with a count.

use crate::{
    features::audit::event::{Actor, Outcome},
    kernel::{OrganisationId, Timestamp, time::MINUTE},
    policy::Operation,
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// In which organisation, by whom, what.
pub type Key = (OrganisationId, String, Operation);

/// What an event says of a refusal, whatever it was about.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub actor: Actor,
    pub outcome: Outcome,
    /// The error's stable code.
    pub reason: &'static str,
}

/// Refusals alike that are written one by one, in each minute.
const SINGLY: u64 = 20;
/// Kinds of refusals remembered at once; beyond it the oldest windows go, and with them what they counted.
const KINDS: usize = 10_000;

#[derive(Debug)]
struct Window {
    since: Timestamp,
    seen: u64,
    unwritten: u64,
    /// The latest.
    last: Refusal,
}

/// Counts refusals.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<HashMap<Key, Window>>);

impl Refusals {
    /// How many alike an event written now stands for; none: write nothing, it is counted. The unwritten ones are told
    /// by the next event of the kind, or by [`Self::take_ended`] if no more come.
    pub fn admit(&self, key: Key, refusal: Refusal, now: Timestamp) -> Option<u64> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if windows.len() >= KINDS && !windows.contains_key(&key) {
            windows.retain(|_, window| window.since.plus(MINUTE) > now);
            if windows.len() >= KINDS {
                windows.clear();
            }
        }
        let last = refusal.clone();
        let window = windows.entry(key).or_insert(Window { since: now, seen: 0, unwritten: 0, last });
        window.last = refusal;
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

    /// Forgets the windows that are over, and gives those of which no event tells yet: the latest refusal of each, and how
    /// many they are.
    pub fn take_ended(&self, now: Timestamp) -> Vec<(Key, Refusal, u64)> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = windows.extract_if(|_, window| window.since.plus(MINUTE) <= now);
        ended.filter(|(_, window)| window.unwritten > 0).map(|(key, w)| (key, w.last, w.unwritten)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_grouped_and_its_count_is_told() {
        let refusals = Refusals::default();
        let refusal = || {
            let actor = Actor { kind: "nobody", id: "x".into(), name: String::new() };
            Refusal { actor, outcome: Outcome::Refused, reason: "wrong_credentials" }
        };
        let key = || (OrganisationId::INSTALLATION, "x".to_owned(), Operation::SignIn);
        let start = Timestamp(0);
        let written: u64 = (0..1_000).filter_map(|_| refusals.admit(key(), refusal(), start)).sum();
        assert_eq!(written, SINGLY);
        assert_eq!(refusals.admit(key(), refusal(), start.plus(MINUTE)), Some(1 + 1_000 - SINGLY));
        assert_eq!(refusals.admit(key(), refusal(), start.plus(MINUTE)), Some(1));

        // It goes on, and ends: what was counted last is told once.
        let written: u64 = (0..100).filter_map(|_| refusals.admit(key(), refusal(), start.plus(2 * MINUTE))).sum();
        assert!(refusals.take_ended(start.plus(3 * MINUTE - 1)).is_empty());
        let told: Vec<u64> = refusals.take_ended(start.plus(3 * MINUTE)).into_iter().map(|(.., count)| count).collect();
        assert_eq!(told, [100 - written]);
        assert!(refusals.take_ended(start.plus(9 * MINUTE)).is_empty());
    }
}
