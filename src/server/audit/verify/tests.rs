//! Chains that were tampered with, and events of every version.

use super::*;
use crate::kernel::OrganisationId;
use crate::server::audit::{
    chain,
    event::{Actor, Body, FieldChange, Outcome, SignedInBy, Subject, VERSION, Written},
    personal::Personal,
    store::Stored,
};
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
        changes: &[FieldChange { field: "f".into(), was: 0.1.into(), now: serde_json::json!({ "b": 1, "a": [2] }) }],
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
    let values: Vec<Personal> = serde_json::from_str(include_str!("../golden-personal.json")).expect("values");
    let document = include_str!("../../../../docs/audit.md");
    let mut previous = GENESIS;
    let mut verifier = Verifier::new(ORG);
    for ((seq, body), expected) in (1..).zip(include_str!("../golden.jsonl").lines()).zip(hashes) {
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
