//! Verifying a chain, from the database or an export.

use super::{
    chain::{self, GENESIS, Hash},
    store::Stored,
};
use crate::kernel::OrganisationId;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All events are as they were written.
    Whole { events: i64, head: Hash },
    /// The first sequence number that is missing, out of place, or not as it was written.
    Broken { seq: i64 },
}

/// Checks events as they come, in order.
pub struct Verifier {
    organisation: OrganisationId,
    seq: i64,
    previous: Hash,
    broken: Option<i64>,
}

impl Verifier {
    pub fn new(organisation: OrganisationId) -> Self {
        Self { organisation, seq: 0, previous: GENESIS, broken: None }
    }

    /// Takes the next event.
    pub fn take(&mut self, event: &Stored) {
        if self.broken.is_some() {
            return;
        }
        let expected = self.seq + 1;
        let hash = chain::hash(self.organisation, event.seq, &self.previous, event.body.as_bytes());
        if event.seq != expected || event.previous != self.previous || event.hash != hash {
            self.broken = Some(expected);
            return;
        }
        self.seq = expected;
        self.previous = hash;
    }

    /// The sequence number of the last event taken.
    pub fn seq(&self) -> i64 {
        self.seq
    }

    /// The verdict, given the chain's recorded end: a tail cut off shows as the first missing number.
    pub fn finish(self, head: Option<(i64, &[u8])>) -> Verdict {
        if let Some(seq) = self.broken {
            return Verdict::Broken { seq };
        }
        match head {
            Some((seq, hash)) if seq != self.seq || hash != self.previous => {
                Verdict::Broken { seq: self.seq.min(seq) + i64::from(seq != self.seq) }
            }
            _ => Verdict::Whole { events: self.seq, head: self.previous },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const ORG: OrganisationId = OrganisationId(Uuid::from_u128(5));

    fn chain_of(n: i64) -> Vec<Stored> {
        let mut previous = GENESIS;
        (1..=n)
            .map(|seq| {
                let body = format!("{{\"n\":{seq}}}");
                let hash = chain::hash(ORG, seq, &previous, body.as_bytes());
                let event = Stored { seq, body, previous: previous.to_vec(), hash: hash.to_vec() };
                previous = hash;
                event
            })
            .collect()
    }

    fn verdict(organisation: OrganisationId, events: &[Stored], head: Option<(i64, &[u8])>) -> Verdict {
        let mut verifier = Verifier::new(organisation);
        events.iter().for_each(|event| verifier.take(event));
        verifier.finish(head)
    }

    #[test]
    fn a_whole_chain_passes() {
        let events = chain_of(5);
        let head = events[4].hash.clone();
        assert!(matches!(verdict(ORG, &events, Some((5, &head))), Verdict::Whole { events: 5, .. }));
        assert!(matches!(verdict(ORG, &[], None), Verdict::Whole { events: 0, .. }));
    }

    #[test]
    fn every_tampering_names_the_first_bad_number() {
        let events = chain_of(6);
        let head = events[5].hash.clone();
        let full = Some((6, head.as_slice()));
        let mut changed = events.clone();
        changed[2].body.push(' ');
        assert_eq!(verdict(ORG, &changed, full), Verdict::Broken { seq: 3 });
        let mut removed = events.clone();
        removed.remove(3);
        assert_eq!(verdict(ORG, &removed, full), Verdict::Broken { seq: 4 });
        let mut swapped = events.clone();
        swapped.swap(1, 2);
        assert_eq!(verdict(ORG, &swapped, full), Verdict::Broken { seq: 2 });
        let mut inserted = events.clone();
        inserted.insert(2, events[2].clone());
        assert_eq!(verdict(ORG, &inserted, full), Verdict::Broken { seq: 4 });
        assert_eq!(verdict(ORG, &events[..4], full), Verdict::Broken { seq: 5 });
        assert_eq!(verdict(ORG, &events, Some((6, &GENESIS))), Verdict::Broken { seq: 6 });
        assert_eq!(verdict(OrganisationId(Uuid::from_u128(6)), &events, full), Verdict::Broken { seq: 1 });
    }
}
