//! Commitments: what is taken out, put back and refused.

use super::*;
use crate::server::audit::event::{Actor, Body, FieldChange, Outcome, Subject, VERSION};
use serde_json::{Value, json};

const ADA: Uuid = Uuid::from_u128(1);
const BO: Uuid = Uuid::from_u128(2);

/// An event that is not hidden yet.
fn event(v: u8, action: &str, actor: &'static str, subject: &'static str, changes: &[FieldChange]) -> Written {
    Body {
        v,
        id: Uuid::from_u128(7),
        at: String::new(),
        action,
        outcome: Outcome::Done,
        reason: None,
        count: 1,
        actor: &Actor { kind: actor, id: ADA.to_string(), name: "Ada \u{202e}\0".into() },
        signed_in_by: (v > 1).then_some(None),
        credential_id: (v > 1).then_some(None),
        credential: "",
        subject: &Subject::new(subject, BO, "Bo"),
        changes,
        request_id: "",
        address: "192.0.2.7",
        user_agent: "",
    }
    .said()
    .expect("an event")
}

fn change(field: &str, was: Value, now: Value) -> FieldChange {
    FieldChange { field: field.into(), was, now }
}

fn places(taken: &[(Personal, Option<Uuid>)]) -> Vec<(String, Option<Uuid>)> {
    taken.iter().map(|(personal, of)| (personal.place.to_string(), *of)).collect()
}

#[test]
fn what_is_taken_out_is_put_back() {
    let changes =
        [change("name", "Ada".into(), "Ada Lind".into()), change("alert_emails", json!([]), json!(["ada@north.test"]))];
    let clear = event(VERSION, "account.rename", "person", "account", &changes).text();
    let mut written: Written = serde_json::from_str(&clear).expect("an event");
    let taken = written.take_out(&[(Place::now(1), UserId(ADA))]).expect("salts");
    let expected = [
        ("/actor/name", Some(ADA)),
        ("/subject/name", Some(BO)),
        ("/address", Some(ADA)),
        ("/changes/0/was", Some(BO)),
        ("/changes/0/now", Some(BO)),
        ("/changes/1/now", Some(ADA)),
    ];
    assert_eq!(places(&taken), expected.map(|(place, of)| (place.to_owned(), of)), "empty ones stay");
    let body = written.text();
    assert!(!body.contains("Ada") && !body.contains("Bo") && !body.contains("192.0.2.7"), "{body}");
    let values: Vec<Personal> = taken.into_iter().map(|(personal, _)| personal).collect();
    assert_eq!(values[0].value, r#""Ada \u202e\u0000""#);
    let mut read = Written::read(&body).expect("it can be read");
    assert_eq!(read.missing(), 6);
    assert_eq!(read.put_back(&values), Ok(()));
    assert_eq!((read.text(), read.missing()), (clear, 0));
    // Some were erased.
    let mut read = Written::read(&body).expect("it can be read");
    assert_eq!(read.put_back(&values[2..4]), Ok(()));
    assert_eq!((read.missing(), read.address.text(), read.actor.name.text()), (4, "192.0.2.7", ""));
    assert_eq!((read.actor.name.or("gone"), read.user_agent.or("gone")), ("gone", ""));
    // Two events have nothing in common, not even where they say the same.
    let again = event(VERSION, "account.rename", "person", "account", &changes).take_out(&[]).expect("salts");
    assert!(again.iter().zip(&values).all(|((new, _), old)| new.value == old.value && new.salt != old.salt));
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut written = event(VERSION, "account.rename", "person", "account", &[]);
    let taken = written.take_out(&[]).expect("salts");
    let values: Vec<Personal> = taken.into_iter().map(|(personal, _)| personal).collect();
    let body = written.text();
    let refused = |change: &dyn Fn(&mut Vec<Personal>)| {
        let mut values = values.clone();
        change(&mut values);
        Written::read(&body).expect("an event").put_back(&values).expect_err("it does not fit")
    };
    assert_eq!(refused(&|values| values[0].value.push(' ')), ANOTHER);
    assert_eq!(refused(&|values| values[0].salt[0] ^= 1), ANOTHER);
    // The boundary between salt and value cannot be moved.
    assert_eq!(refused(&|values| values[0].salt.truncate(SALT - 1)), ANOTHER);
    assert_eq!(refused(&|values| values[0].place = Place::SUBJECT), DISORDER);
    assert_eq!(refused(&|values| values.swap(0, 1)), DISORDER);
    assert_eq!(refused(&|values| values[2].place = Place::USER_AGENT), NOWHERE);
    assert_eq!(refused(&|values| values[2].place = Place::was(0)), NOWHERE);
    assert_eq!(refused(&|values| values[2].place = Place::numbered(-1)), DISORDER);
}

#[test]
fn values_belong_to_whom_the_event_names() {
    let of = |action: &str, actor: &'static str, subject: &'static str, field: &str| {
        let changes = [change(field, Value::Null, "x".into())];
        places(&event(VERSION, action, actor, subject, &changes).take_out(&[]).expect("salts"))
    };
    let named = |all: &[(&str, Option<Uuid>)]| -> Vec<(String, Option<Uuid>)> {
        all.iter().map(|(place, of)| ((*place).to_owned(), *of)).collect()
    };
    // Nobody is known yet who signs in.
    let nobodys = named(&[("/subject/name", Some(BO)), ("/address", Some(BO))]);
    assert_eq!(of("account.sign_in", "nobody", "account", "session"), nobodys);
    // A key's name is no person's, and its address is that of nobody who is known.
    assert_eq!(of("api_key.disable", "api_key", "api_key", "access_review"), named(&[("/address", None)]));
    let invited = named(&[("/actor/name", Some(ADA)), ("/subject/name", None), ("/address", Some(ADA))]);
    assert_eq!(of("invitation.create", "person", "invitation", "role"), invited);
    let answered = named(&[("/actor/name", Some(ADA)), ("/subject/name", Some(ADA)), ("/address", Some(ADA))]);
    assert_eq!(of("invitation.join", "person", "invitation", "role"), answered);
    assert_eq!(of("account.end_session", "person", "session", "session").len(), 4, "it has no such field");
    let owner = named(&[("/actor/name", Some(ADA)), ("/address", Some(ADA)), ("/changes/0/now", Some(ADA))]);
    assert_eq!(of("account.setup", "person", "installation", "owner"), owner);
    // What is called after a person is theirs.
    let mut limit = event(VERSION, "limit.delete", "api_key", "limit", &[]);
    let taken = limit.take_out(&[(Place::SUBJECT, UserId(ADA))]).expect("salts");
    assert_eq!(places(&taken), named(&[("/subject/name", Some(ADA)), ("/address", None)]));
    let mails = named(&[("/address", None), ("/changes/0/now", None)]);
    assert_eq!(of("api_key.update", "api_key", "api_key", "alert_emails"), mails);
}

#[test]
fn what_looks_like_a_commitment_is_none_by_that() {
    let lookalike = json!({ "personal": "0f".repeat(32) });
    let changes = [change("grouped_metadata", Value::Null, lookalike.clone())];
    let mut written = event(VERSION, "log.change_settings", "system", "organisation", &changes);
    let taken = written.take_out(&[]).expect("salts");
    assert_eq!(taken.last().map(|(personal, _)| personal.value.clone()), Some(lookalike.to_string()));
    let values: Vec<Personal> = taken.into_iter().map(|(personal, _)| personal).collect();
    let mut read = Written::read(&written.text()).expect("an event");
    assert_eq!(read.put_back(&values), Ok(()));
    assert_eq!(read.changes[0].now.clear().map(|json| json.get().to_owned()), Some(lookalike.to_string()));
    // Before version 3 there are none.
    for v in [1, 2] {
        let old = event(v, "log.change_settings", "system", "organisation", &changes).text();
        let mut read = Written::read(&old).expect("an event");
        assert_eq!((read.missing(), read.changes[0].now.clear().is_some()), (0, true));
        let personal = Personal { place: Place::now(0), salt: vec![0; SALT], value: "1".into() };
        assert_eq!(read.put_back(&[personal]), Err(NOWHERE));
        let name = old.replace(r#""Bo""#, &lookalike.to_string());
        assert!(name != old && Written::read(&name).is_none(), "{name}");
    }
    for (json, is_one) in [
        (lookalike.to_string(), true),
        (lookalike.to_string().to_uppercase(), false),
        (format!(r#"{{"personal":"{}"}}"#, "0F".repeat(32)), false),
        (format!(r#"{{"personal":"{}"}}"#, "0f".repeat(31)), false),
        (format!(r#"{{"personal": "{}"}}"#, "0f".repeat(32)), false),
        (r#"{"personal":""}"#.into(), false),
        (format!(r#""{}""#, "0f".repeat(32)), false),
    ] {
        let read = Commitment::read(&json);
        assert_eq!(read.map(|read| read.to_string()), is_one.then_some(json));
    }
}

#[test]
fn places_have_one_name_each() {
    for (number, pointer) in [
        (0, "/actor/name"),
        (1, "/subject/name"),
        (2, "/address"),
        (3, "/user_agent"),
        (4, "/changes/0/was"),
        (5, "/changes/0/now"),
        (27, "/changes/11/now"),
    ] {
        assert_eq!(Place::numbered(number).to_string(), pointer);
        assert_eq!(Place::parse(pointer), Some(Place::numbered(number)));
    }
    for bad in ["", "/", "/actor", "/actor/id", "/changes/0", "/changes/00/was", "/changes/+1/was", "/changes/-1/was"] {
        assert_eq!(Place::parse(bad), None, "{bad}");
    }
}
