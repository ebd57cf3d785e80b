//! The bytes of checkpoints, and which of them are believed.

use super::{
    written::{self, FIRST},
    *,
};
use crate::{
    kernel::OrganisationId,
    server::{
        audit::{
            Stored,
            chain::{self, GENESIS},
            event::{Actor, Body, Outcome, Subject},
            verify::{Verdict, Verifier},
        },
        crypto::SigningKey,
        database::hex,
    },
};
use proptest::prelude::*;
use std::path::Path;
use uuid::Uuid;

/// The lines that `docs/audit.md` shows.
const GOLDEN: &str = include_str!("golden.jsonl");
const PAGE_OF_THE_FORMAT: &str = include_str!("../../../../docs/audit.md");
pub const ORG: OrganisationId = OrganisationId(Uuid::from_u128(5));

/// The key of a generation, of an installation whose key is `0123456789abcdef`, four times.
pub fn signing_key(generation: i64) -> SigningKey {
    let root = "0123456789abcdef".repeat(4);
    Keyring::open(Some(&root), Path::new("")).expect("a key").signing_key(generation)
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a moment")
}

fn golden() -> Vec<Signed> {
    let (one, two) = (signing_key(1), signing_key(2));
    let first = chain::hash(OrganisationId::INSTALLATION, 1, &GENESIS, br#"{"v":1}"#);
    let second = chain::hash(OrganisationId::INSTALLATION, 2, &first, "{\"n\":\"é\"}".as_bytes());
    let place = |seq, hash| (OrganisationId::INSTALLATION, seq, hash);
    let checkpoint = written::checkpoint(place(1, first), at("2026-11-28T08:20:38.000Z"), FIRST, &one);
    let next = written::checkpoint(place(2, second), at("2026-11-28T08:30:38.001Z"), checkpoint.hash(), &two);
    vec![
        written::new_key(1, &one, &one, at("2026-11-28T08:20:37.919Z")),
        checkpoint,
        written::new_key(2, &two, &one, at("2026-11-28T08:30:00.000Z")),
        next,
    ]
}

#[test]
fn fixed_statements_give_fixed_lines() {
    let lines: Vec<String> = golden().iter().map(Signed::line).collect();
    assert_eq!(format!("{}\n", lines.join("\n")), GOLDEN);
    assert!(PAGE_OF_THE_FORMAT.contains(GOLDEN), "docs/audit.md shows other lines");
    assert_eq!(hex(&golden()[1].hash()), "94e808c3fd6ce41e34396f71a602124baf78645494567b7289fbe65993957ea0");
    for (line, signed) in GOLDEN.lines().zip(golden()) {
        let read = Signed::read(line).expect("it is read back");
        assert!(read == signed && read.is_signed());
    }
}

#[test]
fn only_the_one_form_is_read() {
    let line = golden()[1].line();
    for bad in [
        format!("{line} "),
        format!(" {line}"),
        format!("{line}\r"),
        line.replace("\"signature\":", "\"signature\": "),
        line.replace("\\\"v\\\":1", "\\\"v\\\": 1"),
        line.replace("\\\"v\\\":1", "\\\"v\\\":2"),
        line.replace("\\\"seq\\\":1", "\\\"seq\\\":0"),
        line.replace("\\\"seq\\\":1", "\\\"seq\\\":-1"),
        line.replace("\\\"seq\\\":1", "\\\"seq\\\":1,\\\"x\\\":1"),
        line.replace("82ed7140", "82ED7140"),
        line.replace("08:20:38.000Z", "08:20:38Z"),
        line.replace("2026-11-28T", "2026-11-31T"),
        line.replace("\"body\"", "\"b\\u006fdy\""),
        line.replace("{\\\"v", "\\u007b\\\"v"),
        "{}".into(),
        String::new(),
    ] {
        assert!(bad != line && Signed::read(&bad).is_none(), "{bad}");
    }
}

/// What a row of evidence says of these statements, one after another.
fn taken(mut evidence: Evidence, signed: &[Signed]) -> Vec<bool> {
    signed.iter().map(|signed| evidence.take(signed).is_ok()).collect()
}

#[test]
fn a_key_is_trusted_by_the_one_before_it() {
    let (all, one, two) = (golden(), signing_key(1).public(), signing_key(2).public());
    assert_eq!(taken(Evidence::by([one]), &all), [true; 4]);
    assert_eq!(taken(Evidence::by([one, two]), &all), [true; 4]);
    assert_eq!(taken(Evidence::by_the_first(), &all), [true; 4]);
    assert_eq!(taken(Evidence::by([two]), &all), [false, false, false, true]);
    assert_eq!(taken(Evidence::by([signing_key(3).public()]), &all), [false; 4]);
    // Without the statement that names the second key.
    assert_eq!(taken(Evidence::by([one]), &[all[0].clone(), all[1].clone(), all[3].clone()]), [true, true, false]);
    // Once more, as of a file that was begun anew.
    assert_eq!(taken(Evidence::by([one]), &[&all[..], &all[..]].concat()), [true; 8]);
}

#[test]
fn a_key_that_was_replaced_signs_nothing_new() {
    let all = golden();
    let (one, thief) = (signing_key(1), signing_key(9));
    let last = all[3].checkpoint().unwrap();
    let place = (last.organisation, last.seq + 1, [9; 32]);
    let late = written::checkpoint(place, all[3].at(), all[3].hash(), &one);
    let another = written::new_key(2, &thief, &one, all[3].at());
    let skipped = written::new_key(3, &thief, &one, all[3].at());
    for (what, forged) in [("a checkpoint", late), ("a key", another), ("a later key", skipped)] {
        let signed = [&all[..], &[forged]].concat();
        assert_eq!(taken(Evidence::by([one.public()]), &signed), [true, true, true, true, false], "{what}");
    }
}

#[test]
fn checkpoints_follow_one_another() {
    let key = signing_key(1);
    let make = |seq, at, previous| written::checkpoint((ORG, seq, [seq as u8; 32]), Timestamp(at), previous, &key);
    let first = make(1, 10, FIRST);
    let second = make(5, 20, first.hash());
    let third = make(9, 30, second.hash());
    let good = [first.clone(), second.clone(), third.clone()];
    let by = || Evidence::by([key.public()]);
    assert_eq!(taken(by().whole(), &good), [true; 3]);
    assert_eq!(taken(by(), &good[1..]), [true; 2], "a file may begin later");
    assert_eq!(taken(by().whole(), &good[1..]), [false; 2], "a database may not");
    assert_eq!(taken(by(), &[first.clone(), third.clone()]), [true, false]);
    assert_eq!(taken(by(), &[second.clone(), first.clone()]), [true, false]);
    for forged in [make(5, 20, FIRST), make(1, 20, first.hash()), make(5, 9, first.hash())] {
        assert_eq!(taken(by(), &[first.clone(), forged]), [true, false]);
    }
    let mut unsigned = second.clone();
    unsigned.signature[0] ^= 1;
    assert_eq!(taken(by(), &[first, unsigned, second]), [true, false, true]);
}

/// A chain of so many events of that organisation.
pub fn chain_of(n: i64) -> Vec<Stored> {
    let mut previous = GENESIS;
    let nobody = Actor { kind: "nobody", id: String::new(), name: String::new() };
    (1..=n)
        .map(|seq| {
            let body = Body {
                v: 1,
                id: Uuid::from_u128(7),
                at: Timestamp(seq).rfc3339(),
                action: "test.made",
                outcome: Outcome::Done,
                reason: None,
                count: 1,
                actor: &nobody,
                signed_in_by: None,
                credential_id: None,
                credential: "",
                subject: &Subject::new("thing", seq, "é"),
                changes: &[],
                request_id: "",
                address: "",
                user_agent: "",
            }
            .bytes();
            let hash = chain::hash(ORG, seq, &previous, body.as_bytes());
            let event = Stored { seq, body, previous: previous.to_vec(), hash: hash.to_vec(), personal: vec![] };
            previous = hash;
            event
        })
        .collect()
}

/// Checkpoints of a chain at these numbers, each made at the number's millisecond.
pub fn checkpoints_of(events: &[Stored], numbers: &[i64]) -> Vec<Signed> {
    let made: Vec<(i64, i64)> = numbers.iter().map(|seq| (*seq, *seq)).collect();
    checkpoints_made(events, &made)
}

/// Checkpoints of a chain at these numbers, each made then.
pub fn checkpoints_made(events: &[Stored], made: &[(i64, i64)]) -> Vec<Signed> {
    let mut previous = FIRST;
    made.iter()
        .map(|(seq, at)| {
            let hash = events[*seq as usize - 1].hash.as_slice().try_into().unwrap();
            let signed = written::checkpoint((ORG, *seq, hash), Timestamp(*at), previous, &signing_key(1));
            previous = signed.hash();
            signed
        })
        .collect()
}

/// The verdict on a chain that is held against these checkpoints, all of which are believed.
fn held(events: &[Stored], checkpoints: &[Signed]) -> Verdict {
    let mut evidence = Evidence::by([signing_key(1).public()]);
    checkpoints.iter().for_each(|signed| evidence.take(signed).expect("it is believed"));
    let marks = evidence.into_marks().remove(&ORG).unwrap_or_default();
    let mut verifier = Verifier::new(ORG).with_checkpoints(marks);
    events.iter().for_each(|event| verifier.take(event));
    verifier.finish_export()
}

#[test]
fn a_chain_is_held_against_its_checkpoints() {
    let events = chain_of(8);
    let checkpoints = checkpoints_of(&events, &[2, 5, 7]);
    let whole = held(&events, &checkpoints);
    assert!(matches!(whole, Verdict::Whole { events: 8, checkpoint: Some((7, Timestamp(7))), .. }), "{whole:?}");
    let broken = |events: &[Stored]| match held(events, &checkpoints) {
        Verdict::Broken { seq, why } => (seq, why.contains("checkpoint")),
        Verdict::Whole { .. } => (0, false),
    };
    // Cut off, with nothing else to show for it.
    assert_eq!(broken(&events[..6]), (7, true));
    assert_eq!(broken(&[]), (1, true));
    assert_eq!(broken(&events[..7]), (0, false));
    // Written anew from the fourth event on, with hashes that fit.
    let mut rebuilt = events[..3].to_vec();
    let mut previous: [u8; 32] = rebuilt[2].hash.as_slice().try_into().unwrap();
    for event in &events[3..] {
        let body = event.body.replace("test.made", "test.make");
        let hash = chain::hash(ORG, event.seq, &previous, body.as_bytes());
        let (before, hashed) = (previous.to_vec(), hash.to_vec());
        rebuilt.push(Stored { seq: event.seq, body, previous: before, hash: hashed, personal: vec![] });
        previous = hash;
    }
    assert!(matches!(held(&rebuilt, &[]), Verdict::Whole { events: 8, .. }), "nothing else shows it");
    assert_eq!(broken(&rebuilt), (5, true));
}

proptest! {
    /// Whatever single byte of a file is changed: it is no such file any more, or it is not believed.
    #[test]
    fn a_changed_byte_of_the_file_is_betrayed(place in 0..GOLDEN.len(), flip in 1..=255u8) {
        let mut bytes = GOLDEN.as_bytes().to_vec();
        bytes[place] ^= flip;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoints.jsonl");
        std::fs::write(&path, &bytes).unwrap();
        let mut evidence = Evidence::by([signing_key(1).public()]);
        let believed = file::read(&path).unwrap().all(|line| {
            line.unwrap().is_some_and(|signed| evidence.take(&signed).is_ok())
        });
        prop_assert!(!believed, "byte {} of the file may be {}", place, bytes[place]);
    }

    /// The same of a chain: not one byte of a body, a hash or a number can be another.
    #[test]
    fn a_changed_byte_of_a_chain_is_betrayed(event in 0..4usize, part in 0..4u8, place in any::<usize>(), flip in 1..=255u8) {
        let mut events = chain_of(4);
        let checkpoints = checkpoints_of(&events, &[2, 4]);
        let changed = &mut events[event];
        let flipped = |bytes: &mut [u8]| {
            let place = place % bytes.len();
            bytes[place] ^= flip;
        };
        match part {
            0 => {
                let mut bytes = changed.body.clone().into_bytes();
                flipped(&mut bytes);
                // What is no text at all is refused where it is read.
                prop_assume!(std::str::from_utf8(&bytes).is_ok());
                changed.body = String::from_utf8(bytes).unwrap();
            }
            1 => flipped(&mut changed.previous),
            2 => flipped(&mut changed.hash),
            _ => {
                let mut bytes = changed.seq.to_be_bytes();
                flipped(&mut bytes);
                changed.seq = i64::from_be_bytes(bytes);
            }
        }
        let verdict = held(&events, &checkpoints);
        prop_assert!(matches!(verdict, Verdict::Broken { .. }), "{:?}", verdict);
    }
}
