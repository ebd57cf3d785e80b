//! Verifying an export by itself.

use super::{Against, Line, checkpoints, report};
use crate::{
    kernel::{OrganisationId, Timestamp},
    server::{
        audit::{
            Stored,
            chain::Hash,
            checkpoints::{Evidence, Mark},
            verify::{Verdict, Verifier},
        },
        database::StartResult,
    },
};
use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{BufRead, BufReader, Write},
    path::Path,
};

/// What nothing inside an export can show.
const ALONE: &str = "Not checked: whether events are missing from the end, whether the whole export was written anew, \
and the columns that the database keeps beside each event. The first two take --checkpoints.";
/// What comes behind the last checkpoint.
const BEHIND: &str = "Not checked: whether events are missing that came after the newest checkpoint of a chain, and the \
columns that the database keeps beside each event.";
/// Whose keys they are.
const ANYBODYS: &str = "Not checked: whose checkpoints these are. They belong together, by the first key that the file \
names; anybody can make such a file. Give --public-key.";

/// Verifies an export, each organisation's lines as a chain of their own. Where the installation's chain is among them, the
/// others are held against what it records of them, and all against a file of checkpoints, if there is one. A line that is
/// no event is an error that names it. `now` is the moment of verifying. True: nothing is wrong.
pub(super) fn verify_file(path: &Path, against: &Against, now: Timestamp, out: &mut impl Write) -> StartResult<bool> {
    let trusted = against.public_keys.iter().copied();
    let (mut marks, mut whole) = (BTreeMap::<OrganisationId, Vec<Mark>>::new(), true);
    match &against.checkpoints {
        Some(file) => {
            let evidence =
                if against.public_keys.is_empty() { Evidence::by_the_first() } else { Evidence::by(trusted) };
            let read = checkpoints::read(file, evidence, out)?;
            (marks, whole) = (read.marks, read.whole);
        }
        None if against.public_keys.is_empty() => {}
        None => return Err("--public-key says who signed checkpoints: give --checkpoints as well".into()),
    }
    let mut recorded: HashMap<OrganisationId, Vec<(i64, Hash)>> = HashMap::new();
    let mut installation = Verifier::new(OrganisationId::INSTALLATION)
        .with_checkpoints(marks.get(&OrganisationId::INSTALLATION).cloned().unwrap_or_default());
    // A pipe is read only once, and its chains each by itself.
    if path.metadata().is_ok_and(|about| about.is_file()) {
        for line in lines(path)? {
            let (organisation, event) = line?;
            if organisation == OrganisationId::INSTALLATION {
                installation.take(&event);
            }
        }
    }
    for record in installation.take_records() {
        recorded.entry(record.organisation).or_default().push((record.seq, record.hash));
    }
    let mut chains: BTreeMap<OrganisationId, Verifier> = BTreeMap::new();
    for line in lines(path)? {
        let (organisation, event) = line?;
        let chain = chains.entry(organisation).or_insert_with(|| {
            // What was recorded after the export was made is no fault of it: an end that it does not reach is not missed.
            Verifier::against(organisation, recorded.remove(&organisation).unwrap_or_default())
                .with_checkpoints(marks.remove(&organisation).unwrap_or_default())
        });
        chain.take(&event);
    }
    if chains.is_empty() {
        return Err("the export holds no event".into());
    }
    let mut without = 0;
    for (organisation, chain) in chains {
        let verdict: Verdict = chain.as_of(now).finish_export();
        whole &= report(out, organisation, verdict)?;
        without += usize::from(matches!(verdict, Verdict::Whole { checkpoint: None, .. }));
    }
    if against.checkpoints.is_none() {
        writeln!(out, "{ALONE}")?;
        return Ok(whole);
    }
    if without > 0 {
        writeln!(out, "Not checked: {without} chains of the export are not in the file of checkpoints.")?;
    }
    if !marks.is_empty() {
        writeln!(out, "Not checked: {} chains of the file of checkpoints are not in the export.", marks.len())?;
    }
    writeln!(out, "{BEHIND}")?;
    if against.public_keys.is_empty() {
        writeln!(out, "{ANYBODYS}")?;
    }
    Ok(whole)
}

type Read = StartResult<(OrganisationId, Stored)>;

fn lines(path: &Path) -> StartResult<impl Iterator<Item = Read>> {
    let file = File::open(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    // `split` takes away the end of a line and nothing else: whatever stands before it is read.
    Ok(BufReader::new(file).split(b'\n').enumerate().map(|(n, bytes)| {
        let read = || -> StartResult<Line> {
            let text = String::from_utf8(bytes?)?;
            let line: Line = serde_json::from_str(&text)?;
            // What says the same in other bytes was changed as well.
            if serde_json::to_string(&line)? != text {
                return Err("it is not written as Latchkey writes it".into());
            }
            Ok(line)
        };
        let line = read().map_err(|error| format!("line {} is no event: {error}", n + 1))?;
        let Line { organisation, seq, body, previous, hash, personal } = line;
        Ok((organisation, Stored { seq, body, previous: unhex(&previous), hash: unhex(&hash), personal }))
    }))
}

/// Bytes from hexadecimal in lower case; anything else gives no bytes, which no hash equals.
fn unhex(text: &str) -> Vec<u8> {
    if !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) || !text.len().is_multiple_of(2) {
        return vec![];
    }
    (0..text.len()).step_by(2).map_while(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::time::DAY;
    use crate::server::audit::{
        anchors, chain,
        checkpoints::tests::{ORG, chain_of, checkpoints_made, checkpoints_of, signing_key},
        event::{Actor, Body, Outcome, SignedInBy, VERSION},
    };
    use proptest::prelude::*;
    use std::path::PathBuf;
    use tempfile::TempDir;

    /// An export of a few events, as it is written.
    fn export() -> String {
        let mut events = chain_of(3);
        let previous = events[2].hash.clone();
        let body =
            include_str!("../../server/audit/golden.jsonl").lines().nth(3).expect("an event of version 3").to_owned();
        let personal =
            serde_json::from_str(include_str!("../../server/audit/golden-personal.json")).expect("its values");
        let hash = chain::hash(ORG, 4, previous.as_slice().try_into().expect("a hash"), body.as_bytes()).to_vec();
        events.push(Stored { seq: 4, body, previous, hash, personal });
        events.iter().map(|event| event.line(ORG)).collect()
    }

    fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// What is said of an export, if it can be read.
    fn said(export: &Path, against: &Against) -> Option<(bool, String)> {
        said_at(export, against, Timestamp(i64::MAX))
    }

    /// The same at a moment.
    fn said_at(export: &Path, against: &Against, now: Timestamp) -> Option<(bool, String)> {
        let mut out = vec![];
        let whole = verify_file(export, against, now, &mut out).ok()?;
        Some((whole, String::from_utf8(out).unwrap()))
    }

    #[test]
    fn what_is_not_checked_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let whole = file(&folder, "whole.jsonl", export().as_bytes());
        let made: Vec<String> =
            checkpoints_of(&chain_of(3), &[2, 3]).iter().map(|signed| signed.line() + "\n").collect();
        let checkpoints = Some(file(&folder, "checkpoints.jsonl", made.concat().as_bytes()));
        let key = signing_key(1).public();
        for (checkpoints, public_keys, is_said, is_not) in [
            (None, vec![], "take --checkpoints", "verified up to"),
            (checkpoints.clone(), vec![], "Not checked: whose", "take --checkpoints"),
            (checkpoints, vec![key], ", verified up to #3 by a checkpoint of 1970-01-01T00:00:00.003Z\n", "whose"),
        ] {
            let (whole, said) = said(&whole, &Against { checkpoints, public_keys }).expect("it can be read");
            assert!(whole && said.contains(is_said) && !said.contains(is_not), "{said}");
            assert!(said.contains("Not checked: "), "{said}");
        }
        assert!(said(&whole, &Against { checkpoints: None, public_keys: vec![key] }).is_none());
    }

    /// A chain of which the first two events were removed for their age, as the fourth says of the first so many.
    fn behind_an_anchor(says: i64, after: i64) -> (String, Vec<Stored>) {
        let mut events = chain_of(3);
        let hash = events[usize::try_from(says - 1).unwrap()].hash.as_slice().try_into().unwrap();
        let told = anchors::event(ORG, 1, (says, &hash), Timestamp(0));
        let body = Body {
            v: VERSION,
            id: uuid::Uuid::nil(),
            at: Timestamp(after).rfc3339(),
            action: anchors::ACTION,
            outcome: Outcome::Done,
            reason: None,
            count: 1,
            actor: &Actor { kind: "system", id: String::new(), name: "latchkey".into() },
            signed_in_by: Some(Some(SignedInBy::System)),
            credential_id: Some(None),
            credential: "",
            subject: &told.subject,
            changes: &told.changes,
            request_id: "",
            address: "",
            user_agent: "",
        }
        .bytes();
        let previous = events[2].hash.clone();
        let hash = chain::hash(ORG, 4, previous.as_slice().try_into().unwrap(), body.as_bytes()).to_vec();
        events.push(Stored { seq: 4, body, previous, hash, personal: vec![] });
        (events[2..].iter().map(|event| event.line(ORG)).collect(), events)
    }

    #[test]
    fn an_export_begins_behind_an_anchor_that_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        let key = signing_key(1).public();
        let verdict = |text: &str, events: &[Stored], numbers: &[i64]| {
            let export = file(&folder, "export.jsonl", text.as_bytes());
            // That of the fourth is made when the removal has been told of.
            let made: Vec<_> = numbers.iter().map(|n| (*n, if *n > 3 { anchors::LEAST + 2 } else { *n })).collect();
            let made: String = checkpoints_made(events, &made).iter().map(|signed| signed.line() + "\n").collect();
            let checkpoints = Some(file(&folder, "checkpoints.jsonl", made.as_bytes()));
            said(&export, &Against { checkpoints, public_keys: vec![key] }).expect("it can be read")
        };
        let old = anchors::LEAST + 2;
        let (text, events) = behind_an_anchor(2, old);
        let (whole, said_of) = verdict(&text, &events, &[2, 4]);
        assert!(whole && said_of.contains(": 2 events verified") && said_of.contains(", behind #2: "), "{said_of}");
        // Without checkpoints, or without the one that the anchor is.
        let alone = said(&file(&folder, "export.jsonl", text.as_bytes()), &Against::default()).expect("it can be read");
        assert!(!alone.0 && alone.1.contains("BROKEN at event 1: "), "{}", alone.1);
        for (numbers, seq) in [(&[1, 4][..], 1), (&[3, 4], 1), (&[1], 1)] {
            let (whole, said_of) = verdict(&text, &events, numbers);
            assert!(!whole && said_of.contains(&format!("BROKEN at event {seq}: ")), "{numbers:?}: {said_of}");
        }
        // It was too young, another event is named, there is no event of it, and one more is gone.
        let (young, events) = behind_an_anchor(2, old - 1);
        assert!(!verdict(&young, &events, &[2, 4]).0);
        let (other, events) = behind_an_anchor(1, old);
        let (whole, said_of) = verdict(&other, &events, &[1, 2, 4]);
        assert!(!whole && said_of.contains("BROKEN at event 2: "), "{said_of}");
        let (text, events) = behind_an_anchor(2, old);
        let third = text.lines().next().unwrap().to_owned() + "\n";
        assert!(!verdict(&third, &events, &[2]).0);
        let fourth = text.lines().nth(1).unwrap().to_owned() + "\n";
        let (whole, said_of) = verdict(&fourth, &events, &[2, 4]);
        assert!(!whole && said_of.contains("BROKEN at event 3: "), "{said_of}");
    }

    #[test]
    fn no_event_makes_others_older_than_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (text, events) = behind_an_anchor(2, anchors::LEAST * 2);
        let export = file(&folder, "export.jsonl", text.as_bytes());
        let verdict = |made: &[(i64, i64)], now: i64| {
            let made: String = checkpoints_made(&events, made).iter().map(|signed| signed.line() + "\n").collect();
            let checkpoints = Some(file(&folder, "checkpoints.jsonl", made.as_bytes()));
            let against = Against { checkpoints, public_keys: vec![signing_key(1).public()] };
            let (whole, said) = said_at(&export, &against, Timestamp(now)).expect("it can be read");
            assert!(whole || said.contains("BROKEN at event 1: "), "{said}");
            whole
        };
        // The second has the age then, but for a day by which clocks may differ.
        let (due, far) = (2 + anchors::LEAST - DAY, anchors::LEAST * 3);
        assert!(verdict(&[(2, 2), (4, due)], far));
        assert!(!verdict(&[(2, 2), (4, due - 1)], far), "the first checkpoint that has the event is too early for it");
        assert!(verdict(&[(2, 2)], due));
        assert!(!verdict(&[(2, 2)], due - 1), "it is of the future");
        assert!(!verdict(&[(2, 2), (4, far)], due - 1));
    }

    proptest! {
        /// Whatever single byte of an export is changed: a line is no event any more, or its chain is broken.
        #[test]
        fn a_changed_byte_of_an_export_is_betrayed(place in 0..export().len(), flip in 1..=255u8) {
            let mut bytes = export().into_bytes();
            bytes[place] ^= flip;
            let folder = tempfile::tempdir().unwrap();
            let said = said(&file(&folder, "export.jsonl", &bytes), &Against::default());
            prop_assert!(said.as_ref().is_none_or(|(whole, _)| !whole), "byte {} may be {}: {:?}", place, bytes[place], said);
        }
    }
}
