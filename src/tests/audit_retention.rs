//! What is removed from the audit log for its age, and what is not: up to a checkpoint, never before it is delivered, and never
//! so that it does not show.

use super::{
    audit_room::{expect_schema, page},
    checkpoints::{founded, numbers, path, verified, write},
    support::{House, each_engine, text},
    tampering::{bytes, id, run},
};
use crate::{
    gateway::telemetry,
    kernel::{Error, OrganisationId, Result, time::DAY},
    policy::Operation,
    server::{
        access::{
            Access,
            checkpoints::{Checkpoints, rotate_key},
            deliveries::Deliveries,
            heads::Recorder,
            retention::{self, BATCH},
        },
        audit::{
            self, anchors,
            chain::Hash,
            delivery::{FILE, Receiver},
            verify::{Verdict, Verifier},
        },
    },
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A house whose log has more than one batch that is a hundred days old, a checkpoint of that time, and some events and another
/// checkpoint of fifty days ago. Gives also a program that keeps events for ninety days, and the number of the first checkpoint.
pub(super) async fn aged(house: House) -> (House, House, Checkpoints, TempDir, i64) {
    let (house, mut maker, folder) = founded(house).await;
    // In the installation's chain, which tells of nothing but the others else.
    house.person("ada@north.test").await;
    write(&house, BATCH + 30).await;
    Recorder::default().round(&house.app, false).await.expect("recorded");
    maker.round(&house.app, true).await.expect("made");
    let old = *numbers(&house, house.organisation).await.last().expect("a checkpoint");
    house.app.clock.advance(50 * DAY);
    write(&house, 5).await;
    Recorder::default().round(&house.app, false).await.expect("recorded");
    maker.round(&house.app, true).await.expect("made");
    house.app.clock.advance(50 * DAY);
    write(&house, 3).await;
    let program = house.another(|parts| parts.audit_days = Some(90)).await;
    (house, program, maker, folder, old)
}

/// The number of the first event of a chain that is there, and how many there are.
pub(super) async fn there(house: &House, organisation: OrganisationId) -> (i64, usize) {
    let mut tx = house.app.read_proven(organisation).await.expect("reads");
    let events = audit::page(&mut tx, 0, 100_000).await.expect("events");
    (events.first().expect("an event").seq, events.len())
}

pub(super) async fn hash(house: &House, seq: i64) -> Hash {
    let mut tx = house.app.read_proven(house.organisation).await.expect("reads");
    let event = audit::page(&mut tx, seq - 1, 1).await.expect("a page").remove(0);
    assert_eq!(event.seq, seq);
    event.hash.as_slice().try_into().expect("a hash")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_goes_up_to_a_checkpoint_of_that_age() {
    each_engine(async |house| {
        let (house, program, mut maker, folder, old) = aged(house).await;
        let (north, end) = (house.organisation, house.chain(house.organisation).await.0);
        // Without a setting nothing goes.
        retention::round(&house.app, &[]).await.expect("a round");
        assert_eq!(there(&house, north).await, (1, usize::try_from(end).unwrap()));

        let last = hash(&house, old).await;
        retention::round(&program.app, &[]).await.expect("a round");
        assert_eq!(there(&house, north).await, (old + 1, usize::try_from(end - old + 1).unwrap()));
        let (count, told) = house.chain(north).await;
        let told = told.expect("an event");
        assert_eq!(
            (count, &told["action"], &told["actor"]["kind"]),
            (end + 1, &json!("audit.expire"), &json!("system"))
        );
        let now = |field: &str| {
            let change = told["changes"].as_array().and_then(|all| all.iter().find(|change| change["field"] == field));
            change.map_or(Value::Null, |change| change["now"].clone())
        };
        let limit = house.app.clock.now().plus(-90 * DAY).rfc3339();
        assert_eq!((now("events"), now("up_to")), (json!(old), json!(old)));
        assert!(now("before").as_str().is_some_and(|before| *before <= *limit), "{told}");
        assert_eq!(now("hash"), crate::server::database::hex(&last));
        let nil = OrganisationId::INSTALLATION;
        assert!(there(&house, nil).await.0 > 1, "the installation's own chain as well");
        expect_schema(&house, &[nil]).await;

        // It verifies, also against what was kept elsewhere.
        let file = path(&folder);
        for file in [None, Some(file.as_path())] {
            let (whole, said) = verified(&house, file, &[]).await;
            let line = format!("{north}: {} events verified", count - old);
            assert!(whole && said.contains(&line) && said.contains(&format!(", behind #{old}: ")), "{said}");
        }
        // Nothing more has the age.
        let before = (house.chain(north).await.0, house.chain(nil).await.0);
        retention::round(&program.app, &[]).await.expect("a round");
        assert_eq!((house.chain(north).await.0, house.chain(nil).await.0), before);

        // What comes later is vouched for as before, and goes in its time; what tells of nothing but the log itself stays.
        maker.round(&house.app, true).await.expect("made");
        rotate_key(&house.app).await.expect("another key");
        for _ in 0..3 {
            house.app.clock.advance(91 * DAY);
            maker.round(&house.app, true).await.expect("made");
            retention::round(&program.app, &[]).await.expect("a round");
            let (whole, said) = verified(&house, Some(&path(&folder)), &[]).await;
            assert!(whole && said.contains("verified up to"), "{said}");
        }
        let (first, left) = there(&house, north).await;
        assert!(first > count && left <= 2, "{first} {left}");
        let quiet = house.chain(north).await.0;
        house.app.clock.advance(200 * DAY);
        maker.round(&house.app, true).await.expect("made");
        retention::round(&program.app, &[]).await.expect("a round");
        assert_eq!(house.chain(north).await.0, quiet, "a removal would leave as much as it takes");
        assert!(verified(&house, Some(&path(&folder)), &[]).await.0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_files_begin_where_the_log_does() {
    each_engine(async |house| {
        let (house, program, _, folder, old) = aged(house).await;
        retention::round(&program.app, &[]).await.expect("a round");
        let (ada, slug) = (program.person("ada@north.test").await, house.slug.as_str());
        let (first, left) = there(&house, house.organisation).await;
        let shown = page(&ada, slug, &[]).await;
        assert_eq!((&shown["fitting"], &shown["removed"][0]), (&json!({ "Exactly": left }), &json!(old)));
        let html = ada.page(&format!("/o/{slug}/audit")).await.text;
        assert!(html.contains(&format!("Events before #{first} were removed by retention on")), "{html}");
        assert!(html.contains("Kept for 90 days") && !html.contains("Kept forever"));
        // Pages end where the log begins, also where bodies are looked through.
        for query in
            [&[("action", "test.made")][..], &[("credential", "command")], &[("before", "1")], &[("range", "30d")]]
        {
            let found = page(&ada, slug, query).await;
            let events = found["events"].as_array().expect("events");
            assert!(events.iter().all(|event| event["seq"].as_i64() >= Some(first)), "{query:?}: {found}");
            assert!(found["looked_through"].is_null(), "{query:?}: {found}");
        }
        let event = ada.page(&format!("/o/{slug}/audit/{first}")).await;
        assert!(event.status == 200 && event.text.contains("Newer") && !event.text.contains("Older"));
        assert_eq!(ada.page(&format!("/o/{slug}/audit/{old}")).await.status, 404);

        // The file begins there as well, and verifies with the checkpoints.
        let saved = ada.form("audit/export", &[("slug", slug), ("format", "jsonl")]).await;
        let marks = {
            let mut tx = house.app.read_proven(house.organisation).await.expect("reads");
            let (all, _) =
                audit::checkpoints::list(&mut tx, &house.app.keyring, 0, 100).await.expect("a list").expect("some");
            let mark = |signed: &audit::checkpoints::Signed| {
                let own = signed.checkpoint().expect("a checkpoint");
                audit::checkpoints::Mark { seq: own.seq, hash: own.hash.0, at: signed.at() }
            };
            all.iter().map(mark).collect::<Vec<_>>()
        };
        let verdict = |marks: &[audit::checkpoints::Mark], left_out: &str| {
            let mut verifier =
                Verifier::new(house.organisation).with_checkpoints(marks.to_vec()).as_of(house.app.clock.now());
            for line in saved.text.lines().filter(|line| left_out.is_empty() || !line.contains(left_out)) {
                let line: Value = serde_json::from_str(line).expect("a line");
                let unhex = |name: &str| {
                    let text = text(&line, name);
                    (0..64).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
                };
                let (previous, hash) = (unhex("previous"), unhex("hash"));
                verifier.take(&audit::Stored {
                    seq: line["seq"].as_i64().expect("n"),
                    body: text(&line, "body"),
                    previous,
                    hash,
                    personal: serde_json::from_value(line["personal"].clone()).unwrap_or_default(),
                });
            }
            verifier.finish_export()
        };
        let whole = verdict(&marks, "");
        assert!(matches!(whole, Verdict::Whole { removed, .. } if removed == old), "{whole:?}");
        for (marks, left_out) in [(&marks[..0], ""), (&marks[1..], ""), (&marks[..], "\\\"audit.expire\\\"")] {
            let broken = verdict(marks, left_out);
            assert!(matches!(broken, Verdict::Broken { .. }), "{left_out}: {broken:?}");
        }
        drop(folder);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_delivered_stays() {
    each_engine(async |house| {
        let (house, program, _, folder, old) = aged(house).await;
        let north = house.organisation;
        let lines = folder.path().join("audit.jsonl");
        let deliveries = Deliveries::new(vec![(FILE, Receiver::File(lines.clone()))]);
        retention::round(&program.app, &deliveries.destinations()).await.expect("a round");
        assert_eq!(there(&house, north).await.0, 1, "the file has nothing yet");
        // It has a part of them.
        deliveries.round(&program.app).await.expect("a round");
        let org = id(&house, north.0);
        run(&house, format!("UPDATE audit_deliveries SET seq = {} WHERE org_id = {org}", old - 1)).await;
        retention::round(&program.app, &deliveries.destinations()).await.expect("a round");
        assert_eq!(there(&house, north).await.0, 1, "the last of them is missing");
        run(&house, format!("UPDATE audit_deliveries SET seq = {old} WHERE org_id = {org}")).await;
        retention::round(&program.app, &deliveries.destinations()).await.expect("a round");
        assert_eq!(there(&house, north).await.0, old + 1);
        deliveries.round(&program.app).await.expect("a round");
        let end = house.chain(north).await.0;
        let mut delivered: Vec<i64> = std::fs::read_to_string(&lines)
            .expect("the file")
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("a line"))
            .filter(|line| line["organisation"] == north.to_string())
            .map(|line| line["seq"].as_i64().expect("a number"))
            .collect();
        delivered.sort_unstable();
        delivered.dedup();
        assert_eq!(delivered, (1..=end).collect::<Vec<_>>(), "nothing was lost");

        // A destination that is new begins with what there is, and what waits is counted as that.
        let second = folder.path().join("second.jsonl");
        let another = house.another(|_| {}).await;
        let late = Deliveries::new(vec![("syslog", Receiver::File(second.clone()))]);
        late.round(&another.app).await.expect("a round");
        let first = std::fs::read_to_string(&second).expect("the file");
        let numbers: Vec<i64> = first
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("a line"))
            .filter(|line| line["organisation"] == north.to_string())
            .map(|line| line["seq"].as_i64().expect("a number"))
            .collect();
        assert_eq!(numbers, (old + 1..=end).collect::<Vec<_>>());
        let all = first.lines().count();
        for line in [
            format!("latchkey_audit_events_delivered_total{{destination=\"syslog\"}} {all}\n"),
            "latchkey_audit_events_waiting{destination=\"syslog\"} 0\n".to_owned(),
        ] {
            late.round(&another.app).await.expect("a round");
            let metrics = telemetry::page(&another.app, &another.gateway.recorder, another.app.clock.now());
            assert!(metrics.contains(&line), "{line} is not in {metrics}");
        }
        // One that is not set any more holds nothing back, and goes on with what there is.
        run(&house, "UPDATE audit_deliveries SET seq = 0 WHERE destination = 'syslog'".into()).await;
        house.app.clock.advance(60 * DAY);
        retention::round(&program.app, &deliveries.destinations()).await.expect("a round");
        let (first, _) = there(&house, north).await;
        assert!(first > old + 1, "what was fifty days old has the age by now");
        let mut tx = house.app.read_proven(north).await.expect("reads");
        let states = audit::delivery::states(&mut tx).await.expect("states");
        let passed = states.iter().find(|state| state.destination == "syslog").expect("it is kept");
        assert_eq!(passed.seq, first - 1);
    })
    .await;
}

/// The beginning of a removal, as it stands when the program ends right behind it.
async fn cut_off(program: &House, seq: i64, hash: Hash, gone: i64) -> Result<()> {
    let event = anchors::event(program.organisation, 1, (seq, &hash), program.app.clock.now().plus(-90 * DAY));
    Access::act_by_itself(&program.app, Operation::AuditExpire, program.organisation, |mut change| async move {
        let now = change.now();
        if !anchors::advance(change.tx(), 0, (seq, &hash), now).await? || !anchors::remove(change.tx(), 0, gone).await?
        {
            return Err(Error::conflict("It is removed already."));
        }
        change.commit_reading(&event, ()).await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_between_two_parts_harms_nothing() {
    each_engine(async |house| {
        let (house, program, _, folder, old) = aged(house).await;
        cut_off(&program, old, hash(&house, old).await, 7).await.expect("begun");
        let end = house.chain(house.organisation).await.0;
        assert_eq!(there(&house, house.organisation).await.0, 8);
        for file in [None, Some(path(&folder))] {
            let (whole, said) = verified(&house, file.as_deref(), &[]).await;
            assert!(whole && said.contains(", behind #7: "), "{said}");
        }
        let ada = program.person("ada@north.test").await;
        assert_eq!(page(&ada, &house.slug, &[]).await["removed"][0], 7);
        // The next start goes on, and tells of nothing twice; two programs at once do no harm either.
        let (one, two) = tokio::join!(retention::round(&program.app, &[]), retention::round(&program.app, &[]));
        one.and(two).expect("a round");
        assert_eq!(there(&house, house.organisation).await.0, old + 1);
        assert_eq!(house.chain(house.organisation).await.0, end);
        assert!(verified(&house, Some(&path(&folder)), &[]).await.0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_removes_nothing_else() {
    each_engine(async |house| {
        let (house, program, _, _folder, old) = aged(house).await;
        let org = id(&house, house.organisation.0);
        let refused = async |sql: &str, why: &str| {
            let error = house.as_owner_composed(sql).await.expect_err(sql).to_string();
            assert!(error.contains(why), "{sql}: {error}");
        };
        let zeros = bytes(&house, &[0; 32]);
        let of = |seq: i64| format!("FROM audit_events WHERE org_id = {org} AND seq = {seq}");
        let put = "INSERT INTO audit_anchors (org_id, seq, hash, at, removed)";
        let later = "at + 8640000000";
        for made in [
            format!("{put} SELECT org_id, seq, {zeros}, {later}, 0 {}", of(old)),
            format!("{put} SELECT org_id, seq, hash, {later}, 0 {}", of(old - 1)),
            format!("{put} SELECT org_id, seq, hash, at + 1, 0 {}", of(old)),
            format!("{put} SELECT org_id, seq, hash, {later}, 1 {}", of(old)),
        ] {
            refused(&made, "audit anchors").await;
        }
        let events = format!("DELETE FROM audit_events WHERE org_id = {org}");
        refused(&events, "audit events cannot be").await;
        assert_eq!(there(&house, house.organisation).await.0, 1);

        retention::round(&program.app, &[]).await.expect("a round");
        for sql in [
            format!("{events} AND seq > {old}"),
            format!("{events} AND seq = {}", old + 1),
            format!("UPDATE audit_events SET body = '' WHERE org_id = {org}"),
        ] {
            refused(&sql, "audit events cannot be").await;
        }
        for set in [
            "removed = removed + 1".to_owned(),
            "removed = 0".to_owned(),
            "seq = seq + 1, hash = (SELECT e.hash FROM audit_events e WHERE e.org_id = audit_anchors.org_id AND e.seq = audit_anchors.seq + 1)".to_owned(),
            "seq = seq - 1".to_owned(),
            format!("hash = {zeros}"),
            "at = at - 1".to_owned(),
        ] {
            refused(&format!("UPDATE audit_anchors SET {set} WHERE org_id = {org}"), "audit anchors").await;
        }
        refused("DELETE FROM audit_anchors", "audit anchors").await;
        assert_eq!(there(&house, house.organisation).await.0, old + 1);
    })
    .await;
}

async fn without_triggers(house: &House) {
    let names = [
        ("audit_events", &["audit_events_keep", "audit_events_stay"][..]),
        ("audit_anchors", &["audit_anchors_begin", "audit_anchors_move", "audit_anchors_stay", "audit_anchors_remove"]),
    ];
    for (table, triggers) in names {
        let sql = match house.app.db.is_postgres() {
            true => format!("ALTER TABLE {table} DISABLE TRIGGER USER"),
            false => triggers.iter().map(|name| format!("DROP TRIGGER {name};")).collect(),
        };
        run(house, sql).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_looks_like_it_is_named() {
    each_engine(async |house| {
        let (house, _program, _, folder, old) = aged(house).await;
        without_triggers(&house).await;
        let (north, org) = (house.organisation, id(&house, house.organisation.0));
        let expect = async |what: &str, seq: i64| {
            for file in [None, Some(path(&folder))] {
                let (whole, said) = verified(&house, file.as_deref(), &[]).await;
                let line = format!("{north}: BROKEN at event {seq}: ");
                assert!(!whole && said.contains(&line), "{what}: {line} is not in\n{said}");
            }
        };
        let last = bytes(&house, &hash(&house, old).await);
        run(&house, "CREATE TABLE kept AS SELECT * FROM audit_events".into()).await;
        run(&house, format!("DELETE FROM audit_events WHERE org_id = {org} AND seq <= {old}")).await;
        expect("the oldest are gone, without an anchor", 1).await;
        let at = house.app.clock.now().0;
        run(&house, format!("INSERT INTO audit_anchors VALUES ({org}, {old}, {last}, {at}, {old})")).await;
        expect("with an anchor that somebody has put there", 1).await;
        run(&house, format!("DELETE FROM audit_events WHERE org_id = {org}")).await;
        run(&house, format!("INSERT INTO audit_events SELECT * FROM kept WHERE org_id = {org}")).await;
        expect("an anchor alone", 1).await;
        run(&house, format!("DELETE FROM audit_anchors WHERE org_id = {org}")).await;
        let (whole, said) = verified(&house, Some(&path(&folder)), &[]).await;
        assert!(whole, "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anchor_that_was_changed_is_named() {
    each_engine(async |house| {
        let (house, program, mut maker, folder, old) = aged(house).await;
        retention::round(&program.app, &[]).await.expect("a round");
        maker.round(&house.app, true).await.expect("made");
        without_triggers(&house).await;
        let (north, org) = (house.organisation, id(&house, house.organisation.0));
        let expect = async |what: &str, seq: i64| {
            let (whole, said) = verified(&house, Some(&path(&folder)), &[]).await;
            let line = format!("{north}: BROKEN at event {seq}: ");
            assert!(!whole && said.contains(&line), "{what}: {line} is not in\n{said}");
        };
        run(&house, "CREATE TABLE kept AS SELECT * FROM audit_events".into()).await;
        run(&house, "CREATE TABLE kept_anchors AS SELECT * FROM audit_anchors".into()).await;
        let zeros = bytes(&house, &[0; 32]);
        let end = house.chain(north).await.0;
        for (what, sql, seq) in [
            ("a wrong hash", format!("UPDATE audit_anchors SET hash = {zeros} WHERE org_id = {org}"), old + 1),
            ("no anchor", format!("DELETE FROM audit_anchors WHERE org_id = {org}"), old + 1),
            ("another number", format!("UPDATE audit_anchors SET removed = removed - 1 WHERE org_id = {org}"), old + 1),
            ("one more is gone", format!("DELETE FROM audit_events WHERE org_id = {org} AND seq = {}", old + 1), old + 1),
            (
                "one more is gone, and the anchor says so",
                format!(
                    "DELETE FROM audit_events WHERE org_id = {org} AND seq = {0}; UPDATE audit_anchors SET removed = {0} \
                     WHERE org_id = {org}",
                    old + 1
                ),
                old + 1,
            ),
            ("the event of the removal is gone", format!("DELETE FROM audit_events WHERE org_id = {org} AND seq = {end}"), end),
        ] {
            run(&house, sql).await;
            expect(what, seq).await;
            run(&house, "DELETE FROM audit_events; INSERT INTO audit_events SELECT * FROM kept".into()).await;
            run(&house, "DELETE FROM audit_anchors; INSERT INTO audit_anchors SELECT * FROM kept_anchors".into()).await;
            let (whole, said) = verified(&house, Some(&path(&folder)), &[]).await;
            assert!(whole, "{what} was undone: {said}");
        }
    })
    .await;
}
