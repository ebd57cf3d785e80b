//! Checks events as they come, in order.

use super::{
    FORM, Verdict,
    beside::{read_beside, stands_beside},
};
use crate::{
    kernel::{OrganisationId, Timestamp},
    server::{
        audit::{
            anchors::{self, Expired, Removed},
            chain::{self, GENESIS, Hash},
            checkpoints::Mark,
            event::Written,
            heads::{self, Recorded},
            personal::Personal,
            store::{Stored, StoredPersonal, StoredRow},
        },
        clock::Clock,
    },
};

const UNSHOWN: &str =
    "it is missing, and no event and checkpoint of the chain say together that it was removed for its age";
const REWRITTEN: &str = "a checkpoint says that another event stood here: it was written anew, or one before it was";

/// Checks events as they come, in order.
pub struct Verifier {
    organisation: OrganisationId,
    seq: i64,
    previous: Hash,
    /// The time of the last event.
    at: Timestamp,
    /// The moment of verifying.
    now: Timestamp,
    /// What others say of this chain, by number, the next one last: the ends that the installation's chain has recorded, and
    /// checkpoints, with their time.
    ahead: Vec<(i64, Hash, Option<Timestamp>)>,
    /// The last checkpoint that was met.
    checkpoint: Option<(i64, Timestamp)>,
    /// Commitments that were met without their values.
    erased: u64,
    /// What this chain records of others.
    records: Vec<Recorded>,
    /// How far events before the first were removed, and what says so.
    removed: Removed,
    broken: Option<(i64, &'static str)>,
}

impl Verifier {
    pub fn new(organisation: OrganisationId) -> Self {
        Self::against(organisation, vec![])
    }

    /// Checks also that the chain has these ends, which the installation's chain has recorded of it.
    pub fn against(organisation: OrganisationId, recorded: Vec<(i64, Hash)>) -> Self {
        let mut ahead: Vec<_> = recorded.into_iter().map(|(seq, hash)| (seq, hash, None)).collect();
        ahead.sort_unstable_by(|a, b| b.cmp(a));
        Self {
            organisation,
            seq: 0,
            previous: GENESIS,
            at: Timestamp(0),
            now: Clock::default().now(),
            ahead,
            checkpoint: None,
            erased: 0,
            records: vec![],
            removed: Removed::default(),
            broken: None,
        }
    }

    /// Begins behind an event of this number and hash, which are not doubted.
    pub fn behind(organisation: OrganisationId, seq: i64, hash: Hash) -> Self {
        Self { seq, previous: hash, ..Self::new(organisation) }
    }

    /// Takes this for the moment of verifying, in place of what this machine's clock says.
    #[must_use]
    pub fn as_of(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    /// Checks also that the chain has the events of these checkpoints, which are believed.
    #[must_use]
    pub fn with_checkpoints(mut self, marks: impl IntoIterator<Item = Mark>) -> Self {
        self.ahead.extend(marks.into_iter().map(|mark| (mark.seq, mark.hash, Some(mark.at))));
        self.ahead.sort_unstable_by(|a, b| b.cmp(a));
        self
    }

    /// Takes the next event of an export.
    pub fn take(&mut self, event: &Stored) {
        if self.broken.is_none()
            && let Err((seq, why)) =
                self.check(event.seq, &event.body, &event.previous, &event.hash, |_| Ok(event.personal.clone()))
        {
            self.broken = Some((seq, why));
        }
    }

    /// Takes the next event of the database, with what stands beside its body.
    pub fn take_row(&mut self, row: &StoredRow, personal: &[StoredPersonal]) {
        if self.broken.is_some() {
            return;
        }
        let taken = match std::str::from_utf8(&row.body.0) {
            Ok(body) => {
                self.check(row.seq, body, &row.previous.0, &row.hash.0, |written| match stands_beside(row, written) {
                    true => read_beside(personal, written),
                    false => Err("the columns beside it say something else than what was hashed"),
                })
            }
            Err(_) => Err((row.seq, FORM)),
        };
        self.broken = taken.err();
    }

    fn check(
        &mut self,
        seq: i64,
        body: &str,
        previous: &[u8],
        hash: &[u8],
        beside: impl FnOnce(&Written) -> Result<Vec<Personal>, &'static str>,
    ) -> Result<(), (i64, &'static str)> {
        if seq < 1 {
            return Err((seq, "no event has this number: the first is 1"));
        }
        if self.seq == 0 && seq > 1 {
            self.begin_later(seq, previous)?;
        }
        let expected = self.seq + 1;
        if seq != expected {
            let why = match self.seq {
                0 => "it is missing, and no checkpoint says that it was removed for its age",
                _ => "it is missing or out of place",
            };
            return Err((expected, why));
        }
        let computed = chain::hash(self.organisation, seq, &self.previous, body.as_bytes());
        if previous != self.previous || hash != computed {
            return Err((seq, "it is not what was hashed"));
        }
        let mut written = Written::read(body).ok_or((seq, FORM))?;
        let at = Timestamp::parse(&written.at).filter(|at| at.rfc3339() == written.at).ok_or((seq, FORM))?;
        if at < self.at {
            return Err((seq, "its time is before that of the event before it"));
        }
        let personal = beside(&written).map_err(|why| (seq, why))?;
        written.put_back(&personal).map_err(|why| (seq, why))?;
        if let Some(expired) = anchors::expired(&written) {
            self.removed.tell(expired);
        }
        while let Some((_, recorded, by)) = self.ahead.pop_if(|(next, ..)| *next <= seq) {
            match by {
                None if recorded != computed => {
                    return Err((seq, "the installation's chain has recorded another event here"));
                }
                Some(_) if recorded != computed => return Err((seq, REWRITTEN)),
                Some(at) => {
                    self.checkpoint = Some((seq, at));
                    self.removed.note(seq, computed, at);
                }
                None => {}
            }
        }
        if self.organisation == OrganisationId::INSTALLATION {
            self.records.extend(heads::recorded(&written));
        }
        self.erased += written.missing();
        (self.seq, self.previous, self.at) = (seq, computed, at);
        Ok(())
    }

    /// Begins behind events that are not there any more. That they were removed for their age must be shown by what follows
    /// and by a checkpoint, see [`Removed::is_shown`]; what was said of events before the one before is said of nothing.
    fn begin_later(&mut self, seq: i64, previous: &[u8]) -> Result<(), (i64, &'static str)> {
        let before = seq - 1;
        let is_vouched = self.ahead.iter().any(|(number, _, by)| by.is_some() && *number >= before);
        let previous: Hash = match previous.try_into() {
            Ok(previous) if is_vouched => previous,
            _ => return Ok(()),
        };
        (self.seq, self.previous, self.removed.before) = (before, previous, before);
        while let Some((number, said, by)) = self.ahead.pop_if(|(next, ..)| *next <= before) {
            match by {
                _ if number < before => {}
                _ if said != previous => return Err((seq, REWRITTEN)),
                Some(at) => self.removed.note(before, previous, at),
                None => {}
            }
        }
        Ok(())
    }

    /// What the chain itself says last of events that were removed from it.
    pub fn expired(&self) -> Option<Expired> {
        self.removed.expired()
    }

    /// What this chain, the installation's, records of others, as far as it was taken and is not broken.
    pub fn take_records(&mut self) -> Vec<Recorded> {
        std::mem::take(&mut self.records)
    }

    /// The sequence number of the last event taken.
    pub fn seq(&self) -> i64 {
        self.seq
    }

    /// The time of the last event taken.
    pub(super) fn at(&self) -> Timestamp {
        self.at
    }

    /// Whether all that was taken is as it was written, and the last of it has this hash.
    pub fn reaches(&self, seq: i64, hash: Hash) -> bool {
        self.broken.is_none() && self.seq == seq && self.previous == hash
    }

    /// The verdict on an export. It may have been made before the last of the recorded ends: those are not missed. It must
    /// reach the newest checkpoint.
    pub fn finish_export(mut self) -> Verdict {
        self.ahead.retain(|(.., checkpoint)| checkpoint.is_some());
        self.finish(None)
    }

    /// The verdict, given the chain's recorded end: a tail cut off shows as the first missing number.
    pub fn finish(self, head: Option<(i64, &[u8])>) -> Verdict {
        if let Some((seq, why)) = self.broken {
            return Verdict::Broken { seq, why };
        }
        if !self.ahead.is_empty() {
            let why = match self.ahead.iter().any(|(.., checkpoint)| checkpoint.is_some()) {
                true => "it is missing, and a checkpoint says that it was there",
                false => "it is missing, and the installation's chain has recorded that it was there",
            };
            return Verdict::Broken { seq: self.seq + 1, why };
        }
        if !self.removed.is_shown(self.now) {
            return Verdict::Broken { seq: self.removed.missing(), why: UNSHOWN };
        }
        match head {
            Some((seq, hash)) if seq != self.seq || hash != self.previous => Verdict::Broken {
                seq: self.seq.min(seq) + i64::from(seq != self.seq),
                why: "it is not the end that the chain should have",
            },
            _ => Verdict::Whole {
                events: self.seq,
                removed: self.removed.before,
                head: self.previous,
                checkpoint: self.checkpoint,
                erased: self.erased,
            },
        }
    }
}
