//! Keeps a flood of refused calls from filling the log: above a limit they are counted, and a later entry tells how many.

use super::facts::{CallFacts, Tried};
use crate::kernel::{KeyId, OrganisationId, SecretId};
use std::borrow::Cow;
use std::collections::HashMap;
use std::mem::take;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Refusals alike that get an entry each, in each minute, and all of one organisation.
const SINGLY: u64 = 20;
const OF_ORGANISATION: u64 = 1_000;
const WINDOW: Duration = Duration::from_secs(60);
/// Kinds of refusals remembered at once.
const KINDS: usize = 10_000;

/// Which organisation, key and secret, and the error's stable code.
type Kind = (OrganisationId, KeyId, SecretId, Cow<'static, str>);

/// A refused call, as the log tells it.
#[derive(Debug, Clone)]
pub struct Refused {
    pub call: CallFacts,
    /// What the caller was given.
    pub status: u16,
    /// The error's stable code.
    pub code: Cow<'static, str>,
    /// The attempts of a call that a config led, none of which left.
    pub tried: Vec<Tried>,
}

/// An entry that stands for as many calls, of which its own is the latest.
#[derive(Debug)]
pub struct Entry {
    pub refused: Refused,
    pub count: u64,
}

/// Counts refusals.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    kinds: HashMap<Kind, Counted>,
    /// Entries written in this minute, by organisation.
    organisations: HashMap<OrganisationId, Window>,
    /// Untold refusals of kinds that had to make place for others.
    displaced: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    since: Instant,
    written: u64,
}

impl Window {
    fn new(since: Instant) -> Self {
        Self { since, written: 0 }
    }

    fn is_over(&self, now: Instant) -> bool {
        self.since + WINDOW <= now
    }

    /// Whether one more entry may be written.
    fn has_place(&mut self, most: u64, now: Instant) -> bool {
        if self.is_over(now) {
            *self = Self::new(now);
        }
        self.written < most
    }
}

#[derive(Debug)]
struct Counted {
    window: Window,
    untold: u64,
    last: Option<Refused>,
}

impl Counted {
    fn told(self) -> Option<Entry> {
        let count = self.untold;
        self.last.map(|refused| Entry { refused, count })
    }
}

impl Refusals {
    /// The entry to write now, if one is to be written. If not, the refusal is counted: the next entry of its kind tells
    /// of it, or [`Self::ended`] if none comes.
    pub fn admit(&self, refused: Refused, now: Instant) -> Option<Entry> {
        let CallFacts { organisation, key, secret, .. } = refused.call;
        let kind = (organisation, key, secret, refused.code.clone());
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State { kinds, organisations, displaced } = &mut *state;
        if kinds.len() >= KINDS && !kinds.contains_key(&kind) {
            displaced.extend(take(kinds).into_values().filter_map(Counted::told));
            organisations.clear();
        }
        let all = organisations.entry(organisation).or_insert_with(|| Window::new(now));
        let alike = kinds.entry(kind).or_insert_with(|| Counted { window: Window::new(now), untold: 0, last: None });
        if alike.window.has_place(SINGLY, now) && all.has_place(OF_ORGANISATION, now) {
            alike.window.written += 1;
            all.written += 1;
            alike.last = None;
            return Some(Entry { refused, count: 1 + take(&mut alike.untold) });
        }
        alike.untold += 1;
        // Of those that are merely counted many are held at once.
        alike.last = Some(Refused { tried: vec![], ..refused });
        None
    }

    /// Forgets the kinds whose minute is over, and gives what no entry tells of yet.
    pub fn ended(&self, now: Instant) -> Vec<Entry> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.organisations.retain(|_, window| !window.is_over(now));
        let mut entries = take(&mut state.displaced);
        entries.extend(state.kinds.extract_if(|_, kind| kind.window.is_over(now)).filter_map(|(_, kind)| kind.told()));
        entries
    }

    /// Everything that no entry tells of yet.
    pub fn take(&self) -> Vec<Entry> {
        let State { kinds, displaced, .. } = take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        displaced.into_iter().chain(kinds.into_values().filter_map(Counted::told)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::Endpoint;
    use super::*;
    use crate::kernel::{CallId, Timestamp};

    fn refused(organisation: u128, key: u128, code: &'static str) -> Refused {
        let call = CallFacts {
            id: CallId::new(),
            organisation: OrganisationId::numbered(organisation),
            key: KeyId::numbered(key),
            secret: SecretId::numbered(key),
            person: None,
            virtual_key: None,
            provider: None,
            endpoint: Endpoint::ChatCompletions,
            model: "".into(),
            streamed: false,
            trace: "".into(),
            metadata: None,
            config: None,
            prompt: None,
            keeps: None,
            prices: None,
            started_at: Timestamp(0),
        };
        Refused { call, status: 401, code: code.into(), tried: vec![] }
    }

    fn counts(entries: &[Entry]) -> Vec<u64> {
        entries.iter().map(|entry| entry.count).collect()
    }

    #[tokio::test]
    async fn a_flood_is_counted_and_told_by_the_next_entry_or_when_it_ends() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let flood = |now| (0..1_000).filter_map(|_| refusals.admit(refused(1, 1, "a"), now)).collect::<Vec<_>>();
        assert_eq!(counts(&flood(start)), [1; 20]);
        // Others are not hidden by it.
        for other in [refused(1, 2, "a"), refused(1, 1, "b"), refused(2, 1, "a")] {
            assert_eq!(refusals.admit(other, start).map(|entry| entry.count), Some(1));
        }
        let later = start + WINDOW;
        let entries = flood(later);
        assert_eq!((entries.len(), entries[0].count, entries[1].count), (20, 1 + 980, 1));
        assert!(refusals.ended(later + WINDOW / 2).is_empty());
        assert_eq!(counts(&refusals.ended(later + WINDOW)), [980]);
        assert!(refusals.ended(later + 2 * WINDOW).is_empty());
    }

    #[tokio::test]
    async fn many_kinds_of_one_organisation_are_bounded_together_and_none_is_lost() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let mut told = 0;
        for key in 0..25_000 {
            told += refusals.admit(refused(1, key % 12_000, "a"), start).map_or(0, |entry| entry.count);
        }
        assert!(told <= 3 * OF_ORGANISATION, "{told}");
        let untold: u64 = counts(&refusals.take()).into_iter().sum();
        assert_eq!(told + untold, 25_000);
        assert!(refusals.take().is_empty());
    }
}
