//! Keeps a flood of refusals from filling the disk, and from hiding anybody in it.
//!
//! In each minute the first refusals of a caller are written one by one, whatever they are about. After that they are
//! counted: by caller, subject and reason where the subject is something that there is, so that a victim is named however
//! much made-up subjects surround it; and by caller alone where it is not. What was counted is told by events with a count
//! when the minute is over. Nothing is counted across callers, unless there are too many of them to be remembered.

use crate::{
    kernel::{OrganisationId, Timestamp, time::MINUTE},
    policy::Operation,
    server::audit::event::{Actor, Outcome, Subject},
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// In which organisation, what.
pub type Place = (OrganisationId, Operation);

/// Who is refused, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    pub actor: Actor,
    /// The address, or the network that one caller is thought to have.
    pub network: String,
}

impl Caller {
    /// More of them than are remembered.
    fn several() -> Self {
        Self { actor: Actor { kind: "several", id: String::new(), name: String::new() }, network: String::new() }
    }
}

/// One kind of refusal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Refusal {
    pub caller: Caller,
    pub subject: Subject,
    pub outcome: Outcome,
    /// The error's stable code.
    pub reason: &'static str,
}

/// Refusals that were only counted.
#[derive(Clone, Debug)]
pub struct Told {
    pub place: Place,
    /// The latest, without a subject if there were several.
    pub refusal: Refusal,
    /// Some of the subjects, if there were several.
    pub such_as: Vec<String>,
    pub count: u64,
}

/// Refusals of one caller that are written one by one, in each minute and place.
const SINGLY: u32 = 20;
/// The same for all callers together.
const SINGLY_BY_ALL: u32 = 60;
/// Subjects that are named at once although their caller has used up what is written, in each minute and place.
const NAMED: u32 = 60;
/// Callers remembered, and kinds of refusals of subjects that there are, over all places. Beyond it they are counted
/// together.
const CALLERS: usize = 4_000;
const KINDS: usize = 6_000;
/// Places remembered; beyond it their refusals are counted as the installation's.
const PLACES: usize = 4_000;
/// Events that tell of the callers, or of the kinds, of one place and minute; beyond it they are told together.
const EVENTS: usize = 100;
/// Subjects that an event names if it tells of several.
const SAMPLE: usize = 5;

#[derive(Debug)]
struct Window {
    since: Timestamp,
    written: u32,
    named: u32,
    callers: HashMap<Caller, Counted>,
    /// Those of subjects that there are, with how many of each are not written.
    kinds: HashMap<Refusal, u64>,
    /// Those of callers and kinds that are not remembered.
    beyond: Option<Sample>,
}

/// What a caller did.
#[derive(Debug, Default)]
struct Counted {
    written: u32,
    /// Those of subjects that there are not.
    unwritten: Option<Sample>,
}

#[derive(Debug)]
struct Sample {
    last: Refusal,
    such_as: Vec<Subject>,
    count: u64,
}

impl Sample {
    fn add(sample: &mut Option<Self>, refusal: Refusal, count: u64) {
        let sample = sample.get_or_insert_with(|| Self { last: refusal.clone(), such_as: vec![], count: 0 });
        sample.count += count;
        if sample.such_as.len() < SAMPLE && !sample.such_as.contains(&refusal.subject) {
            sample.such_as.push(refusal.subject.clone());
        }
        sample.last = refusal;
    }

    fn told(self, place: Place) -> Told {
        let Self { last: mut refusal, such_as, count } = self;
        if such_as.len() <= 1 {
            return Told { place, refusal, such_as: vec![], count };
        }
        refusal.subject = Subject::unnamed(refusal.subject.kind, "");
        let name = |subject: Subject| if subject.name.is_empty() { subject.id } else { subject.name };
        let such_as = such_as.into_iter().map(name).filter(|name| !name.is_empty()).collect();
        Told { place, refusal, such_as, count }
    }
}

/// Counts refusals. Its memory is bounded.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    places: HashMap<Place, Window>,
    callers: usize,
    kinds: usize,
    ended: Vec<Told>,
}

impl Refusals {
    /// Whether this refusal is written now. Else it is to be counted.
    pub fn admit(&self, place: Place, caller: &Caller, now: Timestamp) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = counts.callers >= CALLERS;
        let window = counts.window(place, now);
        if window.written >= SINGLY_BY_ALL || (full && !window.callers.contains_key(caller)) {
            return false;
        }
        let is_new = !window.callers.contains_key(caller);
        let counted = window.callers.entry(caller.clone()).or_default();
        let admitted = counted.written < SINGLY;
        if admitted {
            counted.written += 1;
            window.written += 1;
        }
        counts.callers += usize::from(is_new);
        admitted
    }

    /// Counts a refusal that is not written. `known`: its subject is something that there is. True: it is written after
    /// all, as the first that names this subject.
    pub fn count(&self, place: Place, refusal: Refusal, known: bool, now: Timestamp) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (callers_full, kinds_full) = (counts.callers >= CALLERS, counts.kinds >= KINDS);
        let window = counts.window(place, now);
        if known {
            if let Some(unwritten) = window.kinds.get_mut(&refusal) {
                *unwritten += 1;
            } else if kinds_full {
                Sample::add(&mut window.beyond, Refusal { caller: Caller::several(), ..refusal }, 1);
            } else {
                let named = window.named < NAMED;
                window.named += u32::from(named);
                window.kinds.insert(refusal, u64::from(!named));
                counts.kinds += 1;
                return named;
            }
            return false;
        }
        match window.callers.get_mut(&refusal.caller) {
            Some(counted) => Sample::add(&mut counted.unwritten, refusal, 1),
            None if callers_full => {
                Sample::add(&mut window.beyond, Refusal { caller: Caller::several(), ..refusal }, 1);
            }
            None => {
                let counted = window.callers.entry(refusal.caller.clone()).or_default();
                Sample::add(&mut counted.unwritten, refusal, 1);
                counts.callers += 1;
            }
        }
        false
    }

    /// What was counted in minutes that are over, and of which no event tells yet.
    pub fn take_ended(&self, now: Timestamp) -> Vec<Told> {
        self.take(|window| window.since.plus(MINUTE) <= now)
    }

    /// The same, the present minute included.
    pub fn take_all(&self) -> Vec<Told> {
        self.take(|_| true)
    }

    fn take(&self, is_over: impl Fn(&Window) -> bool) -> Vec<Told> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over: Vec<Place> = counts.places.iter().filter(|(_, window)| is_over(window)).map(|(at, _)| *at).collect();
        over.into_iter().for_each(|place| counts.end(place));
        std::mem::take(&mut counts.ended)
    }
}

impl Counts {
    /// The place's window of this minute.
    fn window(&mut self, place: Place, now: Timestamp) -> &mut Window {
        if self.places.get(&place).is_some_and(|window| window.since.plus(MINUTE) <= now) {
            self.end(place);
        }
        let full = self.places.len() >= PLACES && !self.places.contains_key(&place);
        let place = if full { (OrganisationId::INSTALLATION, place.1) } else { place };
        self.places.entry(place).or_insert_with(|| Window {
            since: now,
            written: 0,
            named: 0,
            callers: HashMap::new(),
            kinds: HashMap::new(),
            beyond: None,
        })
    }

    /// Ends a place's window: what it has counted is to be told.
    fn end(&mut self, place: Place) {
        let Some(Window { callers, kinds, mut beyond, .. }) = self.places.remove(&place) else { return };
        self.callers -= callers.len();
        self.kinds -= kinds.len();
        let unwritten: Vec<_> = kinds.into_iter().filter(|(_, count)| *count > 0).collect();
        let mut told: Vec<Told> = if unwritten.len() > EVENTS { of_each_subject(unwritten) } else { unwritten }
            .into_iter()
            .map(|(refusal, count)| Told { place, refusal, such_as: vec![], count })
            .collect();
        let mut samples: Vec<Sample> = callers.into_values().filter_map(|counted| counted.unwritten).collect();
        samples.sort_unstable_by_key(|sample| std::cmp::Reverse(sample.count));
        for sample in samples.split_off(samples.len().min(EVENTS)) {
            Sample::add(&mut beyond, Refusal { caller: Caller::several(), ..sample.last }, sample.count);
        }
        told.extend(samples.into_iter().chain(beyond).map(|sample| sample.told(place)));
        self.ended.extend(told);
    }
}

/// Too many callers to tell of each: what happened to each subject, whoever did it.
fn of_each_subject(kinds: Vec<(Refusal, u64)>) -> Vec<(Refusal, u64)> {
    let mut subjects: HashMap<Refusal, u64> = HashMap::new();
    for (refusal, count) in kinds {
        *subjects.entry(Refusal { caller: Caller::several(), ..refusal }).or_default() += count;
    }
    subjects.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = (OrganisationId::INSTALLATION, Operation::SignIn);
    const START: Timestamp = Timestamp(0);

    fn caller(network: &str) -> Caller {
        Caller { actor: Actor { kind: "nobody", id: String::new(), name: String::new() }, network: network.into() }
    }

    fn refusal(network: &str, name: &str) -> Refusal {
        let subject = Subject::new("account", "", name);
        Refusal { caller: caller(network), subject, outcome: Outcome::Refused, reason: "wrong_credentials" }
    }

    /// Refuses; true if it is written.
    fn refuse(refusals: &Refusals, network: &str, name: &str, at: Timestamp) -> bool {
        let known = name.starts_with("victim");
        refusals.admit(PLACE, &caller(network), at) || refusals.count(PLACE, refusal(network, name), known, at)
    }

    #[test]
    fn a_flood_is_counted_and_told() {
        let refusals = Refusals::default();
        let written = (0..1_000).filter(|n| refuse(&refusals, "a", &format!("junk {n}"), START)).count();
        assert_eq!(written, SINGLY as usize);
        assert!(refusals.take_ended(START.plus(MINUTE - 1)).is_empty());
        let told = refusals.take_ended(START.plus(MINUTE));
        let [Told { count, such_as, .. }] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((*count, such_as.len()), (980, SAMPLE));
        assert!(refusals.take_ended(START.plus(9 * MINUTE)).is_empty());

        // A flood that goes on: the next minute writes anew, and what was counted before is not lost.
        for n in 0..100 {
            refuse(&refusals, "a", &format!("junk {n}"), START);
        }
        assert!(refuse(&refusals, "a", "junk", START.plus(MINUTE)));
        assert_eq!(refusals.take_ended(START.plus(MINUTE)).iter().map(|told| told.count).sum::<u64>(), 80);
        assert!(refusals.take_all().is_empty(), "the one of this minute was written");
    }

    #[test]
    fn nobody_is_hidden() {
        for (before, after) in [(1_000, 0), (20, 0), (0, 1_000), (500, 500)] {
            let refusals = Refusals::default();
            let mut named: HashMap<String, u64> = HashMap::new();
            for n in 0..before {
                refuse(&refusals, "a", &format!("junk {n}"), START);
            }
            for n in 0..900 {
                let name = format!("victim {}", n % 100);
                *named.entry(name.clone()).or_default() += u64::from(refuse(&refusals, "a", &name, START));
            }
            for n in 0..after {
                refuse(&refusals, "a", &format!("junk {n}"), START);
            }
            for told in refusals.take_all() {
                *named.entry(told.refusal.subject.name).or_default() += told.count;
            }
            for n in 0..100 {
                assert_eq!(named.get(&format!("victim {n}")), Some(&9), "{before} {after}");
            }
        }
    }

    #[test]
    fn callers_are_told_apart_and_their_number_is_bounded() {
        let refusals = Refusals::default();
        let written = (0..50_000).filter(|n| refuse(&refusals, &n.to_string(), "junk", START)).count();
        assert_eq!(written, SINGLY_BY_ALL as usize);
        for n in 0..50_000 {
            refuse(&refusals, &n.to_string(), "victim", START);
        }
        {
            let counts = refusals.0.lock().unwrap();
            assert!(counts.callers <= CALLERS && counts.kinds <= KINDS, "{} {}", counts.callers, counts.kinds);
        }
        let told = refusals.take_all();
        assert!(told.len() <= 2 * EVENTS + 2, "{}", told.len());
        let junk: u64 = told.iter().filter(|t| t.refusal.subject.name == "junk").map(|t| t.count).sum();
        assert!(told.iter().any(|t| t.refusal.subject.name == "victim" && t.refusal.caller.network.is_empty()));
        assert!(junk > 0);
        assert_eq!(told.iter().map(|t| t.count).sum::<u64>(), 100_000 - 60 - u64::from(NAMED));
        let counts = refusals.0.lock().unwrap();
        assert_eq!((counts.callers, counts.kinds, counts.places.len()), (0, 0, 0));
    }
}
