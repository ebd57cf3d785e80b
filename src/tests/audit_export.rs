//! The audit log as a file: it verifies, is itself an event, and nothing that was typed breaks it.

use super::{
    audit_room::{ask, events, fill, page},
    support::{Client, House, World, done, each_engine, text},
};
use crate::{
    kernel::{OrganisationId, text::is_treacherous, time::HOUR},
    server::audit::{
        Stored,
        verify::{Verdict, Verifier},
    },
};
use axum::{
    body::{Body, BodyDataStream},
    http::{Request, header},
};
use futures_util::StreamExt;
use serde_json::Value;
use tower::ServiceExt;

/// The lines of an export, as `latchkey audit verify` reads them.
fn stored(organisation: OrganisationId, file: &str) -> Vec<Stored> {
    let unhex = |text: &str| -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal")).collect()
    };
    let read = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let names: Vec<_> = line.as_object().expect("an object").keys().map(String::as_str).collect();
        let members = ["organisation", "seq", "body", "previous", "hash", "personal"];
        assert!(names.len() >= 5 && names.iter().all(|name| members.contains(name)), "{names:?}");
        assert_eq!(text(&line, "organisation"), organisation.to_string());
        Stored {
            seq: line["seq"].as_i64().expect("a number"),
            body: text(&line, "body"),
            previous: unhex(&text(&line, "previous")),
            hash: unhex(&text(&line, "hash")),
            personal: line.get("personal").map_or(vec![], |all| serde_json::from_value(all.clone()).expect("values")),
        }
    };
    file.lines().map(read).collect()
}

#[tokio::test]
async fn the_log_as_a_file_verifies_and_is_itself_an_event() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let (slug, north) = (house.slug.as_str(), house.organisation);
        // More than are read at once.
        fill(house, 230).await;
        let address = format!("/o/{slug}/audit");
        let fields = [("slug", slug), ("page", address.as_str()), ("format", "jsonl")];
        let file = world.admin.plain_form(&address, "audit/export", &fields).await;
        assert_eq!(file.status, 200, "{}", file.text);
        let named = file.headers["content-disposition"].to_str().expect("text");
        assert!(
            named.starts_with(&format!("attachment; filename=\"audit-log-{slug}-")) && named.ends_with(".jsonl\""),
            "{named}"
        );
        let (number, last) = house.chain(north).await;
        let last = last.expect("an event");
        assert_eq!((number, text(&last, "action").as_str()), (231, "audit.export"));
        let changes = serde_json::json!([
            { "field": "format", "was": null, "now": "jsonl" },
            { "field": "as_far_as", "was": null, "now": 231 },
        ]);
        assert_eq!((&last["changes"], &last["subject"]["kind"]), (&changes, &"audit_log".into()));
        let lines = stored(north, &file.text);
        let mut verifier = Verifier::new(north);
        lines.iter().for_each(|event| verifier.take(event));
        let verdict = verifier.finish_export();
        assert!(matches!(verdict, Verdict::Whole { events: 231, .. }), "it holds its own event: {verdict:?}");

        // What a filter lets through, and no more.
        let some = ask(&world.owner, "audit/export", slug, &[("kind", "invitation")], &[("format", "jsonl")]).await;
        let lines = stored(north, &some.text);
        let invitations =
            events(house).await.into_iter().filter(|(_, event)| text(event, "action").starts_with("invitation."));
        let expected: Vec<i64> = invitations.map(|(seq, _)| seq).collect();
        assert!(!expected.is_empty());
        assert_eq!(lines.iter().map(|event| event.seq).collect::<Vec<_>>(), expected);
        let (_, last) = house.chain(north).await;
        assert!(last.expect("an event")["changes"].to_string().contains(r#"{"kind":"invitation"}"#));
        let none = ask(&world.owner, "audit/export", slug, &[("address", "192.0.2.250")], &[("format", "csv")]).await;
        assert_eq!((none.status, none.text.lines().count()), (200, 1), "the head alone");

        // Refused, it is no file, and an event all the same.
        for (query, format) in [(vec![], ""), (vec![], "xls"), (vec![("kind", "API")], "csv")] {
            let before = house.chain(north).await.0;
            let refused = ask(&world.owner, "audit/export", slug, &query, &[("format", format)]).await;
            assert_eq!((refused.status, refused.code().as_str()), (422, "invalid"), "{}", refused.text);
            assert!(!refused.headers.contains_key("content-disposition"));
            let (after, last) = house.chain(north).await;
            assert_eq!((after - before, text(&last.expect("an event"), "outcome")), (1, "failed".into()));
        }
    })
    .await;
}

#[tokio::test]
async fn few_exports_of_an_organisation_run_at_once_and_none_for_ever() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let slug = house.slug.as_str();
        fill(house, 250).await;
        let second = world.join("di@north.test", "admin").await;
        let first = begin(&world, &world.admin).await;
        let refused = async |who: &Client, says: &str| {
            let before = house.chain(house.organisation).await.0;
            let refused = ask(who, "audit/export", slug, &[], &[("format", "csv")]).await;
            assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_requests"), "{}", refused.text);
            assert_eq!(refused.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()), Some("10"));
            assert!(refused.text.contains(says), "{}", refused.text);
            let (after, last) = house.chain(house.organisation).await;
            assert_eq!((after - before, text(&last.expect("an event"), "outcome")), (1, "failed".into()));
        };
        refused(&world.admin, "You have exports of the audit log under way").await;
        let other = begin(&world, &second).await;
        refused(&world.owner, "This organisation has 2 exports of the audit log under way").await;
        drop(first);
        let mut late = begin(&world, &world.owner).await;
        assert!(late.next().await.expect("a piece").is_ok());
        house.app.clock.advance(HOUR + 1);
        assert!(late.next().await.expect("a piece").is_err(), "it takes too long");
        assert!(late.next().await.is_none());
        drop(other);
        let csv = ask(&world.owner, "audit/export", slug, &[], &[("format", "csv")]).await;
        assert_eq!(csv.status, 200, "{}", csv.text);
    })
    .await;
}

async fn begin(world: &World, who: &Client) -> BodyDataStream {
    begin_in(&world.house, who).await
}

/// Begins to read the log as JSON Lines.
pub(super) async fn begin_in(house: &House, who: &Client) -> BodyDataStream {
    let request = Request::post("/fn/audit/export")
        .header(header::ACCEPT, "application/json")
        .header("sec-fetch-site", "same-origin")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::COOKIE, who.cookie())
        .body(Body::from(format!("slug={}&format=jsonl", house.slug)))
        .expect("a request");
    let Ok(response) = house.router.clone().oneshot(request).await;
    assert_eq!(response.status(), 200);
    response.into_body().into_data_stream()
}

/// The file is made as it is read. Whoever loses the right meanwhile gets no more of it, and no file that looks whole.
#[tokio::test]
async fn whoever_is_demoted_meanwhile_gets_no_more() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let slug = house.slug.as_str();
        fill(house, 450).await;
        let lines = |piece: &[u8]| piece.iter().filter(|byte| **byte == b'\n').count();
        let mut whole = begin(&world, &world.admin).await;
        let mut read = 0;
        while let Some(piece) = whole.next().await {
            let piece = lines(&piece.expect("all of it"));
            assert!(piece <= 100, "a piece holds few events: {piece}");
            read += piece;
        }
        assert_eq!(read, 451);
        let mut cut = begin(&world, &world.admin).await;
        assert_eq!(lines(&cut.next().await.expect("a piece").expect("a good one")), 100);
        let bo = world.id_of("bo@north.test").await;
        done(&world.owner, "team/change_role", &[("slug", slug), ("id", &bo), ("role", "member"), ("asked", "true")])
            .await;
        let mut more = 0;
        let end = loop {
            match cut.next().await {
                Some(Ok(piece)) => more += lines(&piece),
                other => break other,
            }
        };
        assert!(matches!(end, Some(Err(_))), "it does not end as a whole file does");
        assert!(more < 351, "{more} more lines came");
        let (_, last) = house.chain(house.organisation).await;
        let last = last.expect("an event");
        assert_eq!((text(&last, "action"), text(&last, "outcome")), ("audit.export".into(), "refused".into()));
        assert_eq!((text(&last["actor"], "id"), text(&last, "reason")), (bo, "permission_denied".into()));
    })
    .await;
}

/// Reads a CSV file as RFC 4180 has it.
fn cells(file: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (vec![], vec![], String::new(), false);
    let mut chars = file.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => cell.push(chars.next().expect("a mark")),
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            c => cell.push(c),
        }
    }
    assert!(!quoted && row.is_empty() && cell.is_empty(), "the file ends with a row");
    rows
}

#[tokio::test]
async fn nothing_typed_breaks_a_row_a_page_or_a_spreadsheet() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let slug = house.slug.as_str();
        let nasty = [
            "<script>alert(1)</script>",
            "=HYPERLINK(\"http://evil.example\")",
            "+cmd|' /C calc'!A0",
            "-2+3",
            "@SUM(1)",
            "x;=cmd|'/C calc'!A0",
            " =1",
            "\t=1",
            "a\r\nb\",\"c",
            "\u{1b}[31mred",
            "nul\0",
            "\u{202e}desrever",
            "line\u{2028}end",
        ];
        let odd = ada.clone().with_header("user-agent", "=2+5");
        for nasty in nasty {
            let refused = odd.form("virtual_keys/delete", &[("slug", slug), ("key", nasty)]).await;
            assert_eq!(refused.status, 404, "{nasty:?}");
        }
        let csv = ask(&ada, "audit/export", slug, &[], &[("format", "csv")]).await;
        let events = house.chain(house.organisation).await.0;
        let rows = cells(&csv.text);
        assert_eq!(i64::try_from(rows.len()).expect("few"), events + 1, "a row for each event, and the head");
        assert_eq!(csv.text.matches('\n').count(), rows.len(), "each on a line of its own");
        for cell in rows.iter().flatten() {
            for part in cell.split(';') {
                assert!(!part.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r', '\0']), "{cell:?}");
            }
            assert!(!cell.chars().any(is_treacherous), "{cell:?}");
        }
        let subject = rows[0].iter().position(|name| name == "subject_id").expect("a column");
        assert!(
            rows.iter().any(|row| row[subject] == "'=HYPERLINK(\"http://evil.example\")"),
            "what was typed is there"
        );
        let lines = ask(&ada, "audit/export", slug, &[], &[("format", "jsonl")]).await;
        assert!(lines.text.chars().all(|c| c == '\n' || !is_treacherous(c)));
        let mut verifier = Verifier::new(house.organisation);
        stored(house.organisation, &lines.text).iter().for_each(|event| verifier.take(event));
        assert!(matches!(verifier.finish_export(), Verdict::Whole { .. }));

        let list = page(&ada, slug, &[("kind", "virtual_key")]).await;
        for event in list["events"].as_array().expect("events") {
            let id = text(&event["subject"], "id");
            assert!(!id.chars().any(is_treacherous), "{id:?}");
            let number = event["seq"].to_string();
            let shown = ada.page(&format!("/o/{slug}/audit/{number}")).await;
            assert_eq!(shown.status, 200, "{id}");
            assert!(
                !shown.text.contains("<script>alert") && !shown.text.contains(['\u{202e}', '\u{1b}', '\0', '\u{2028}']),
                "{id}"
            );
        }
        let shown = ada.page(&format!("/o/{slug}/audit")).await;
        assert_eq!(shown.status, 200);
        assert!(shown.text.contains("\\u202edesrever") && !shown.text.contains("<script>alert"));
    })
    .await;
}
