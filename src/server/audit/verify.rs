//! Verifying a chain, from the database or an export.

use super::{
    anchors::{self, Anchor, Expired, Removed},
    chain::{self, GENESIS, Hash},
    checkpoints::Mark,
    event::Written,
    heads::{self, Recorded},
    personal::{OF_ANOTHER, Personal, Place, STRAY},
    store::{self, Stored, StoredPersonal, StoredRow},
};
use crate::{
    kernel::{OrganisationId, Result, Timestamp},
    server::{
        clock::Clock,
        database::{OrgTx, Raw, storable},
    },
};

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All events are as they were written. `events`: the number of the last. `removed`: the number of the last that was
    /// removed for its age, 0 if none was. `checkpoint`: the newest of those that the chain was held against, its number and
    /// time. `erased`: the personal values that are not there any more.
    Whole { events: i64, removed: i64, head: Hash, checkpoint: Option<(i64, Timestamp)>, erased: u64 },
    /// The first sequence number that is missing, out of place, or not as it was written, and what is wrong with it.
    Broken { seq: i64, why: &'static str },
}

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
        beside: impl FnOnce(&Written) -> std::result::Result<Vec<Personal>, &'static str>,
    ) -> std::result::Result<(), (i64, &'static str)> {
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
    fn begin_later(&mut self, seq: i64, previous: &[u8]) -> std::result::Result<(), (i64, &'static str)> {
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

const UNSHOWN: &str =
    "it is missing, and no event and checkpoint of the chain say together that it was removed for its age";
const UNANCHORED: &str = "what the database says of the events that were removed before it is not what the chain says";

const FORM: &str = "its text is not one that Latchkey writes";
const REWRITTEN: &str = "a checkpoint says that another event stood here: it was written anew, or one before it was";

/// Whether the columns say what the body says.
fn stands_beside(row: &StoredRow, written: &Written) -> bool {
    let same =
        |column: &Raw, text: &str| column.0 == storable(text.to_owned()).as_bytes() || column.0 == without_nul(text);
    row.id.0 == written.id.as_bytes()
        && Timestamp(row.at).rfc3339() == written.at
        && same(&row.action, &written.action)
        && same(&row.outcome, written.outcome.name())
        && same(&row.actor_kind, &written.actor.kind)
        && same(&row.actor_id, &written.actor.id)
        && same(&row.target_id, &written.subject.id)
        && same(&row.request_id, &written.request_id)
        && same(&row.credential_id, &written.credential_id().map(|id| id.to_string()).unwrap_or_default())
}

/// The personal values in the rows beside a body, each kept as that of the person whom the body names.
fn read_beside(rows: &[StoredPersonal], written: &Written) -> std::result::Result<Vec<Personal>, &'static str> {
    let read = |row: &StoredPersonal| {
        let place = Place::numbered(row.place);
        // Of a change, and of what is called after somebody, the event does not tell for ever whose it is.
        let is_named = match written.person_of(place) {
            Some(person) => row.person.as_ref().is_some_and(|kept| kept.0 == person.as_bytes()),
            None => row.person.is_none() || place == Place::SUBJECT,
        };
        if place <= Place::USER_AGENT && !is_named {
            return Err(OF_ANOTHER);
        }
        let value = String::from_utf8(row.value.0.clone()).map_err(|_| FORM)?;
        Ok(Personal { place, salt: row.salt.0.clone(), value })
    };
    rows.iter().map(read).collect()
}

/// As an earlier version stored texts that hold a NUL beside the body.
fn without_nul(text: &str) -> Vec<u8> {
    text.bytes().filter(|byte| *byte != 0).collect()
}

/// Events read at once.
const PAGE: i64 = 1_000;

/// Verifies the chain of the organisation that the transaction has entered. Events may be written while these are read. So
/// each page is read after the head: once it is empty, nothing stands behind that head. Gives also what the chain records
/// of others.
pub async fn verify(tx: &mut OrgTx, recorded: Vec<(i64, Hash)>) -> Result<(Verdict, Vec<Recorded>)> {
    verify_with(tx, recorded, vec![], Clock::default().now()).await
}

/// The same, held against these checkpoints as well, at this moment.
pub async fn verify_with(
    tx: &mut OrgTx,
    recorded: Vec<(i64, Hash)>,
    checkpoints: Vec<Mark>,
    now: Timestamp,
) -> Result<(Verdict, Vec<Recorded>)> {
    let mut verifier = Verifier::against(tx.organisation(), recorded).with_checkpoints(checkpoints).as_of(now);
    let (mut head, mut next) = (store::head(tx).await?, i64::MIN);
    loop {
        let page = take_page(tx, &mut verifier, next, PAGE).await?;
        match page.last().and_then(|last| last.seq.checked_add(1)) {
            Some(after) => next = after,
            None => break,
        }
        head = store::head(tx).await?;
    }
    let (anchor, stray) = (anchors::get(tx).await?, store::stray(tx).await?);
    let (records, at, expired) = (verifier.take_records(), verifier.at.0, verifier.expired());
    let (seq, hash, head_at) =
        head.as_ref().map_or((0, GENESIS.as_slice(), 0), |head| (head.seq, head.hash.as_slice(), head.at));
    let verdict = match verifier.finish(Some((seq, hash))) {
        Verdict::Whole { .. } if head_at != at => {
            Verdict::Broken { seq, why: "the chain's end is kept with another time than this event's" }
        }
        Verdict::Whole { removed, .. } if !fits(anchor.as_ref(), removed, expired) => {
            Verdict::Broken { seq: removed + 1, why: UNANCHORED }
        }
        verdict => verdict,
    };
    let verdict = match (verdict, stray) {
        (Verdict::Whole { .. }, Some(stray)) => Verdict::Broken { seq: stray.min(seq.saturating_add(1)), why: STRAY },
        (verdict, _) => verdict,
    };
    Ok((verdict, records))
}

/// Takes at most `limit` events of the chain from this number on, and gives them as they stand in their rows.
async fn take_page(tx: &mut OrgTx, verifier: &mut Verifier, from: i64, limit: i64) -> Result<Vec<StoredRow>> {
    let page = store::rows(tx, from, limit).await?;
    let beside = store::beside(tx, &page).await?;
    page.iter().for_each(|row| verifier.take_row(row, beside.get(&row.seq).map_or(&[], Vec::as_slice)));
    Ok(page)
}

/// Takes the next events up to this number, some at a time, and gives their actions; nothing where there are no more.
///
/// # Errors
/// When the database cannot be read.
pub async fn take_next(tx: &mut OrgTx, verifier: &mut Verifier, last: i64) -> Result<Vec<String>> {
    let from = verifier.seq().saturating_add(1);
    let page = take_page(tx, verifier, from, PAGE.min(last.saturating_sub(from).saturating_add(1))).await?;
    Ok(page.iter().map(|row| String::from_utf8_lossy(&row.action.0).into_owned()).collect())
}

/// Whether the anchor in the database says of a chain what its events say.
fn fits(anchor: Option<&Anchor>, removed: i64, expired: Option<Expired>) -> bool {
    match anchor {
        None => removed == 0,
        Some(anchor) => {
            let is_told = expired.is_some_and(|told| told.up_to == anchor.seq && told.hash.as_slice() == anchor.hash);
            removed > 0 && anchor.removed == removed && is_told
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::audit::event::{Actor, Body, FieldChange, Outcome, SignedInBy, Subject, VERSION};
    use uuid::Uuid;

    const ORG: OrganisationId = OrganisationId(Uuid::from_u128(5));

    fn body(n: i64) -> String {
        of_version(1, n)
    }

    /// A body of this version.
    fn of_version(v: u8, n: i64) -> String {
        let nobody = || Actor { kind: "nobody", id: String::new(), name: "\u{202e}".into() };
        Body {
            v,
            id: Uuid::from_u128(7),
            at: Timestamp(n).rfc3339(),
            action: "test.made",
            outcome: Outcome::Refused,
            reason: Some("not_found"),
            count: 2,
            actor: &nobody(),
            signed_in_by: (v > 1).then_some(Some(SignedInBy::PasswordAgain)),
            credential_id: (v > 1).then_some(None),
            credential: "",
            subject: &Subject::new("thing", n, "a\0b"),
            changes: &[FieldChange {
                field: "f".into(),
                was: 0.1.into(),
                now: serde_json::json!({ "b": 1, "a": [2] }),
            }],
            request_id: "",
            address: "",
            user_agent: "",
        }
        .bytes()
    }

    fn chain_of(n: i64) -> Vec<Stored> {
        let mut previous = GENESIS;
        (1..=n)
            .map(|seq| {
                let body = body(seq);
                let hash = chain::hash(ORG, seq, &previous, body.as_bytes());
                let event = Stored { seq, body, previous: previous.to_vec(), hash: hash.to_vec(), personal: vec![] };
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

    fn broken(verdict: Verdict) -> Option<i64> {
        match verdict {
            Verdict::Broken { seq, .. } => Some(seq),
            Verdict::Whole { .. } => None,
        }
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
        assert_eq!(broken(verdict(ORG, &changed, full)), Some(3));
        let mut removed = events.clone();
        removed.remove(3);
        assert_eq!(broken(verdict(ORG, &removed, full)), Some(4));
        let mut swapped = events.clone();
        swapped.swap(1, 2);
        assert_eq!(broken(verdict(ORG, &swapped, full)), Some(2));
        let mut inserted = events.clone();
        inserted.insert(2, events[2].clone());
        assert_eq!(broken(verdict(ORG, &inserted, full)), Some(4));
        assert_eq!(broken(verdict(ORG, &events[..4], full)), Some(5));
        assert_eq!(broken(verdict(ORG, &events, Some((6, &GENESIS)))), Some(6));
        assert_eq!(broken(verdict(OrganisationId(Uuid::from_u128(6)), &events, full)), Some(1));
    }

    #[test]
    fn a_chain_keeps_the_ends_that_were_recorded_of_it() {
        let events = chain_of(5);
        let end = |seq: usize| (seq as i64, events[seq - 1].hash.as_slice().try_into().unwrap());
        let verdict = |recorded, events: &[Stored]| {
            let mut verifier = Verifier::against(ORG, recorded);
            events.iter().for_each(|event| verifier.take(event));
            broken(verifier.finish(None))
        };
        assert_eq!(verdict(vec![end(2), end(5), end(2)], &events), None);
        assert_eq!(verdict(vec![end(2), end(5)], &events[..3]), Some(4));
        assert_eq!(verdict(vec![end(1)], &[]), Some(1));
        assert_eq!(verdict(vec![end(1), (3, GENESIS)], &events), Some(3));
    }

    #[test]
    fn time_never_runs_backwards() {
        let of = |times: &[i64]| {
            let mut previous = GENESIS;
            let mut verifier = Verifier::new(ORG);
            for (seq, at) in (1..).zip(times) {
                let body = body(*at);
                let hash = chain::hash(ORG, seq, &previous, body.as_bytes());
                let before = previous.to_vec();
                verifier.take(&Stored { seq, body, previous: before, hash: hash.to_vec(), personal: vec![] });
                previous = hash;
            }
            broken(verifier.finish(None))
        };
        assert_eq!(of(&[1_000, 1_000, 2_000]), None);
        assert_eq!(of(&[1_000, 3_000, 2_999, 4_000]), Some(3));
    }

    /// Events as they were written, the first of them by version 1: whatever comes later verifies them.
    #[test]
    fn what_was_written_once_verifies_for_ever() {
        let hashes = [
            "9721047f5ea600f35adbaa07e82add70dbe0f990537eebf9ff7e43a91e218382",
            "23dd192bee40f251d15fe443bf5da8fb9b2924f5963f2ce73ae2e7119cadfd8e",
            "03c8c91890d879a871d57d95e9a10c9d0b39cdbd0a1c8a7d30832adaff0dd030",
            "f6b3df8fa1ac64b3816f06e5667aa5a4be447b346851edaf1b40398ed7e36966",
        ];
        let values: Vec<Personal> = serde_json::from_str(include_str!("golden-personal.json")).expect("values");
        let document = include_str!("../../../docs/audit.md");
        let mut previous = GENESIS;
        let mut verifier = Verifier::new(ORG);
        for ((seq, body), expected) in (1..).zip(include_str!("golden.jsonl").lines()).zip(hashes) {
            let hash = chain::hash(ORG, seq, &previous, body.as_bytes());
            assert_eq!(crate::server::database::hex(&hash), expected, "{seq}");
            let written = Written::read(body).unwrap_or_else(|| panic!("{seq} cannot be read"));
            let by = written.signed_in_by().map(SignedInBy::name);
            assert_eq!(
                (written.v, by),
                [(1, None), (2, Some("api_key")), (2, None), (3, Some("password"))][usize::try_from(seq).unwrap() - 1]
            );
            let personal = if seq == 4 { values.clone() } else { vec![] };
            let event = Stored { seq, body: body.into(), previous: previous.to_vec(), hash: hash.to_vec(), personal };
            verifier.take(&event);
            previous = hash;
            let is_told = document.lines().any(|line| line == body) && document.contains(expected);
            assert_eq!(is_told, seq != 3, "the document shows all but the third");
            if seq == 4 {
                let line = event.line(ORG);
                assert!(document.contains(&line), "the document shows it as a line of an export");
                let read = event.read().expect("its values fit");
                assert_eq!((read.actor.name.text(), read.address.text()), ("Ada Lind", "192.0.2.7"));
                assert_eq!(read.changes[0].now.clear().expect("a value").get(), r#""Ada L\u202eind é""#);
            }
        }
        assert!(matches!(verifier.finish(Some((4, &previous))), Verdict::Whole { events: 4, erased: 0, .. }));
    }

    #[test]
    fn each_version_has_its_own_members() {
        assert!(Written::read(&of_version(2, 1)).is_some());
        let new = of_version(VERSION, 1);
        let read = Written::read(&new).expect("the newest version");
        assert_eq!((read.signed_in_by, read.credential_id), (Some(Some(SignedInBy::PasswordAgain)), Some(None)));
        for by in SignedInBy::ALL {
            assert_eq!(serde_json::to_value(by).unwrap(), by.name());
        }
        let by = r#""signed_in_by":"password_again","#;
        let id = r#""credential_id":null,"#;
        for bad in [
            new.replace("\"v\":3", "\"v\":1"),
            new.replace("\"v\":3", "\"v\":4"),
            new.replace(by, ""),
            new.replace(id, ""),
            new.replace(by, "").replace(id, ""),
            new.replace(&format!("{by}{id}"), &format!("{id}{by}")),
            new.replace("password_again", "passkey"),
            new.replace(id, r#""credential_id":"x","#),
        ] {
            assert!(bad != new && Written::read(&bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn only_what_is_written_in_the_one_form_is_an_event() {
        let good = body(1);
        assert!(Written::read(&good).is_some(), "{good}");
        for bad in [
            format!("{good} "),
            good.replace("\"v\":1", "\"v\":2"),
            good.replace("\"count\":2", "\"count\":1"),
            good.replace("\"v\":1", "\"v\": 1"),
            good.replace("\"v\":1", "\"v\":1,\"v\":1"),
            good.replace("\"v\":1", "\"v\":1,\"w\":1"),
            good.replace("\\u202e", "\u{202e}"),
            good.replace("refused", "allowed"),
            "{}".into(),
            String::new(),
        ] {
            assert!(bad != good && Written::read(&bad).is_none(), "{bad}");
        }
    }
}
