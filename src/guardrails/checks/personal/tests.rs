use super::super::{Check, Outcome, Scene, TextCheck, Unit};
use super::*;
use crate::guardrails::{Fault, Side};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn compiled(parameters: &Value) -> Result<Personal, Vec<Fault>> {
    match Check::compile("portkey.pii", parameters, "checks[0]", &|_| Ok(())) {
        Ok(Check::Text(TextCheck::Personal(check))) => Ok(check),
        Ok(other) => panic!("{other:?}"),
        Err(faults) => Err(faults),
    }
}

fn check(categories: &[&str]) -> Personal {
    compiled(&json!({ "categories": categories })).unwrap()
}

fn found<'t>(categories: &[&str], text: &'t str) -> Vec<(&'static str, &'t str)> {
    let places = patterns::places(&check(categories), text);
    places.into_iter().map(|place| (place.category, &text[place.at])).collect()
}

#[test]
fn finds_what_is_personal_and_nothing_else() {
    let one: &[(&str, &str, &str)] = &[
        (EMAIL, "mail mara.k+x@post.example.co.uk.", "mara.k+x@post.example.co.uk"),
        (EMAIL, "to='a@b.example'", "a@b.example"),
        (EMAIL, "<mailto:a@b.example>", "a@b.example"),
        (EMAIL, "o'neill@b.example", "o'neill@b.example"),
        (EMAIL, "jürgen@münchen.example", "jürgen@münchen.example"),
        (EMAIL, "write to mara at post dot example", ""),
        (EMAIL, "a@localhost @b.example a@b.c x @ y.example", ""),
        (EMAIL, "npm i lib@1.2.3", ""),
        (CARD, "card 4242 4242 4242 4242.", "4242 4242 4242 4242"),
        (CARD, "4242-4242-4242-4242", "4242-4242-4242-4242"),
        (CARD, "pan=5555555555554444;", "5555555555554444"),
        (CARD, "3782 822463 10005 exp 12/27", "3782 822463 10005"),
        (CARD, "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2", "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2"),
        (CARD, "4242\u{a0}4242\u{a0}4242\u{a0}4242", "4242\u{a0}4242\u{a0}4242\u{a0}4242"),
        (CARD, "order 4242-4242-4242-4241 shipped", ""),
        (CARD, "0.4242424242424242", ""),
        (CARD, "4242 4242 4242\n4242", ""),
        (CARD, "0000 0000 0000 0000", ""),
        (SSN, "ssn 219-09-9999.", "219-09-9999"),
        (SSN, "457 55 5462", "457 55 5462"),
        (SSN, "SSN: 219099999", "219099999"),
        (SSN, "000-12-3456 666-12-3456 900-12-3456 123-00-4567 123-45-0000", ""),
        (SSN, "219099999", ""),
        (SSN, "1-219-09-9999", ""),
        (IP, "at 10.0.0.255:80", "10.0.0.255"),
        (IP, "from 2001:db8::8a2e:370:7334.", "2001:db8::8a2e:370:7334"),
        (IP, "ip:fe80::1", "fe80::1"),
        (IP, "::1 is home", "::1"),
        (IP, "[::ffff:1.2.3.4]:80", "::ffff:1.2.3.4"),
        (IP, "release 999.12.400.7 is out", ""),
        (IP, "version 1.2.3.4.5, v1.2.3.4, 1.2.3", ""),
        (IP, "std::vec a::b 12:30:45 Foo::Bar ::", ""),
        (PHONE, "call +44 20 7946 0958 now", "+44 20 7946 0958"),
        (PHONE, "+442079460958", "+442079460958"),
        (PHONE, "+49 (0)30 1234567", "+49 (0)30 1234567"),
        (PHONE, "(202) 555-0143", "(202) 555-0143"),
        (PHONE, "202-555-0143", "202-555-0143"),
        (PHONE, "+1-202-555-0143", "+1-202-555-0143"),
        (PHONE, "1 202.555.0143", "1 202.555.0143"),
        (PHONE, "0044 20 7946 0958", "0044 20 7946 0958"),
        (PHONE, "020 7946 0958", "020 7946 0958"),
        (PHONE, "030/1234567", "030/1234567"),
        (PHONE, "06 12 34 56 78", "06 12 34 56 78"),
        (PHONE, "Tel: 5550143", "5550143"),
        (PHONE, "2024-01-15 08:30, 01.02.2024, 1700000000, 12345678, +100.5", ""),
        (PHONE, "0.123456789 3.14159265358979 192.168.100.200", ""),
        (PHONE, "DE89 3704 0044 0532 0130 00", ""),
        (PHONE, "4242 4242 4242 4242", ""),
        (IBAN, "DE89 3704 0044 0532 0130 00 please", "DE89 3704 0044 0532 0130 00"),
        (IBAN, "gb82west12345698765432", "gb82west12345698765432"),
        (IBAN, "DE88 3704 0044 0532 0130 00", ""),
        (IBAN, "DE89 3704 0044 0532 0130 001", ""),
    ];
    for (category, text, wanted) in one {
        let wanted = if wanted.is_empty() { vec![] } else { vec![(*category, *wanted)] };
        assert_eq!(found(&[category], text), wanted, "{category}: {text}");
    }
}

#[test]
fn one_place_is_of_one_category() {
    let text = "5555555555554444@mail.example, DE89370400440532013000, 4242 4242 4242 4242";
    let wanted = [EMAIL, IBAN, CARD];
    assert_eq!(found(&CATEGORIES, text).iter().map(|(category, _)| *category).collect::<Vec<_>>(), wanted);
}

#[test]
fn refuses_what_it_cannot_tell() {
    let fault = |parameters: Value| compiled(&parameters).unwrap_err();
    let faults = fault(json!({ "categories": ["NAME", "SSN", "ADDRESS"], "redact": "hide", "not": true, "x": 1 }));
    let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
    let at = |name: &str| format!("checks[0].parameters.{name}");
    assert_eq!(fields, [at("redact"), at("not"), at("categories[0]"), at("categories[2]"), at("x")]);
    assert!(faults[2].message.contains("NAME"));
    for none in [json!({}), json!({ "categories": [] }), json!({ "categories": "SSN" })] {
        assert_eq!(fault(none)[0].field, at("categories"));
    }
    assert!(compiled(&json!({ "categories": ["SSN"], "timeout": 5000, "not": false, "redact": null })).is_ok());
}

fn judged(check: &Personal, texts: &[(&str, bool)], arguments: &[&str]) -> Found {
    let units: Vec<Unit> =
        texts.iter().map(|(text, calls_tools)| Unit { text: (*text).into(), calls_tools: *calls_tools }).collect();
    let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    check.judge(&Scene {
        side: Side::Request,
        units: &units,
        arguments: &arguments,
        asides: &[],
        model: "m",
        request_type: "chatComplete",
        metadata: &BTreeMap::new(),
        request: "{}",
    })
}

#[test]
fn judges_units_and_arguments() {
    let card = check(&[CARD]);
    assert_eq!(
        judged(&card, &[("proceed", false), ("", true)], &[r#"{"pan":"5555555555554444"}"#]).outcome,
        Outcome::Fail
    );
    assert_eq!(judged(&card, &[("ok", false)], &[r#"{"pan":5555555555554444}"#]).outcome, Outcome::Fail);
    assert_eq!(judged(&card, &[("ok", false)], &[r#"{"p":"\u0035555555555554444"}"#]).outcome, Outcome::Fail);
    assert_eq!(judged(&card, &[("ok", false)], &[r#"{"5555555555554444":1}"#]).outcome, Outcome::Fail);
    assert_eq!(judged(&card, &[("ok", false)], &[r#"{"p":"1"}"#]).outcome, Outcome::Pass);
    assert_eq!(judged(&card, &[("", true)], &[]).outcome, Outcome::Pass);
    assert_eq!(judged(&card, &[("", false)], &[]), Found::no_text());
    let two = judged(&card, &[("", false), ("4242424242424242", false)], &[]);
    assert_eq!(two.data, json!({ "found": { "CREDIT_CARD": 1 }, "failed": [1], "in_tool_calls": false }));
}

fn redacted(how: &str, texts: &[&str]) -> Vec<String> {
    let check = compiled(&json!({ "categories": CATEGORIES, "redact": how })).unwrap();
    let mut rewriting = check.rewriting(&[7; 32]).unwrap();
    let all = texts.iter().map(|text| rewriting.text(text).unwrap_or_else(|| (*text).to_owned())).collect();
    assert_eq!(rewriting.found(true).outcome, Outcome::Pass);
    assert_eq!(rewriting.found(false), Found::no_text());
    all
}

#[test]
fn takes_out_what_it_finds() {
    let texts = ["a@x.example, b@y.example, A@x.example", "b@y.example 4242 4242 4242 4242 4242-4242-4242-4242"];
    assert_eq!(
        redacted("replace", &texts),
        [
            "{{EMAIL_ADDRESS_1}}, {{EMAIL_ADDRESS_2}}, {{EMAIL_ADDRESS_1}}",
            "{{EMAIL_ADDRESS_2}} {{CREDIT_CARD_1}} {{CREDIT_CARD_1}}",
        ]
    );
    assert_eq!(redacted("mask", &["a@x.example 4242424242424242"]), ["****@x.example ****4242"]);
    let hashed = redacted("hash", &["219-09-9999 219 09 9999"]);
    let (one, other) = hashed[0].split_once(' ').unwrap();
    assert!(one == other && one.starts_with("{{SSN_") && one.len() == 18, "{hashed:?}");
    assert!(check(&[SSN]).rewriting(&[7; 32]).is_none());
}

/// Numbers that follow from a seed.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

const PIECES: [&str; 40] = [
    "a@b.example",
    "4242 4242 4242 4242",
    "4242",
    "5555555555554444",
    "+44 20 7946 0958",
    "(202) 555-0143",
    "219-09-9999",
    "10.0.0.1",
    "fe80::1",
    "DE89 3704 0044 0532 0130 00",
    " ",
    " ",
    "-",
    ".",
    ":",
    "::",
    "@",
    "+",
    "(",
    ")",
    "/",
    "1",
    "12",
    "0",
    "00",
    "999",
    "12345",
    "tel ",
    "x",
    "ä",
    "\u{a0}",
    "****",
    "{{",
    "}}",
    "\\n",
    "b.c",
    "'",
    "=",
    "GB82WEST",
    "2001:db8",
];

#[test]
fn nothing_is_left_that_would_be_found_again_and_lines_are_judged_alike_alone() {
    let mut seeded = Seeded(0x9e37_79b9_7f4a_7c15);
    let mut texts = 0;
    for round in 0..6_000 {
        let pieces = 1 + seeded.below(14);
        let text: String = (0..pieces).map(|_| PIECES[seeded.below(PIECES.len())]).collect();
        for how in ["replace", "mask", "hash"] {
            let left = redacted(how, &[&text]).remove(0);
            texts += usize::from(left != text);
            assert_eq!(found(&CATEGORIES, &left), [], "round {round}, {how}: {text:?} gives {left:?}");
        }
        let pieces = 1 + seeded.below(14);
        let other: String = (0..pieces).map(|_| PIECES[seeded.below(PIECES.len())]).collect();
        let apart = [found(&CATEGORIES, &text), found(&CATEGORIES, &other)].concat();
        let joined = format!("{text}\n{other}");
        assert_eq!(found(&CATEGORIES, &joined), apart, "round {round}: {text:?} {other:?}");
    }
    assert!(texts > 3_000, "{texts}");
}

#[test]
fn hostile_texts_take_time_in_proportion() {
    for piece in [
        "4242 ",
        "4",
        "a@",
        "@",
        "::",
        ":1",
        "1.1.",
        "+1 ",
        "DE89 ",
        "0 ",
        "1-",
        "00 ",
        "a.b@c.d.",
        "(202) 555-0143 ",
        "fe80:",
    ] {
        let text = piece.repeat(400_000 / piece.len());
        let since = std::time::Instant::now();
        let _ = found(&CATEGORIES, &text);
        assert!(since.elapsed().as_secs() < 3, "{piece:?}: {:?}", since.elapsed());
    }
}
