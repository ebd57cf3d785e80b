//! What `latchkey audit verify` finds of what somebody who owns the database has done to the audit log.

use super::support::{Client, House, each_engine};
use crate::{
    commands::{Against, verify_database},
    kernel::OrganisationId,
    server::{
        access::heads::Recorder,
        audit::{self, chain},
    },
};
use uuid::Uuid;

/// Two organisations with a few events each, of which the ends were recorded, and triggers and walls out of the way.
async fn founded(house: House) -> (House, Client, OrganisationId) {
    let (house, ada) = house.with_ada().await;
    let made = ada.form("organisation/create", &[("name", "South")]).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let mut tx = house.app.db.read().await.expect("reads");
    let organisations = audit::chains(&mut tx).await.expect("the chains").organisations;
    drop(tx);
    let south = organisations.into_iter().find(|id| *id != house.organisation).expect("South");
    for slug in [house.slug.as_str(), "south"] {
        for name in ["one", "two", "three"] {
            let made = ada.form("api_keys/create", &[("slug", slug), ("name", name)]).await;
            assert_eq!(made.status, 200, "{}", made.text);
        }
    }
    Recorder::default().round(&house.app, false).await.expect("recorded");
    run(
        &house,
        if house.app.db.is_postgres() {
            "ALTER TABLE audit_events DISABLE TRIGGER USER".into()
        } else {
            "DROP TRIGGER audit_events_keep; DROP TRIGGER audit_events_stay".into()
        },
    )
    .await;
    for table in ["audit_events", "audit_heads", "organisations", "installation"] {
        run(&house, format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}")).await;
    }
    (house, ada, south)
}

pub(super) async fn run(house: &House, sql: String) {
    let sql: &'static str = Box::leak(sql.into_boxed_str());
    house.as_owner(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Runs statements that no foreign key shall hold up.
async fn run_freely(house: &House, sql: String) {
    if house.app.db.is_postgres() {
        run(house, format!("SET session_replication_role = replica; {sql}")).await;
    } else {
        run(house, format!("PRAGMA foreign_keys = OFF; {sql}; PRAGMA foreign_keys = ON")).await;
    }
}

async fn restore(house: &House) {
    for table in ["audit_events", "audit_heads", "organisations", "installation"] {
        run_freely(house, format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table}")).await;
    }
}

/// An id as this engine writes it.
pub(super) fn id(house: &House, id: Uuid) -> String {
    if house.app.db.is_postgres() { format!("'{id}'::uuid") } else { format!("x'{}'", id.simple()) }
}

pub(super) fn bytes(house: &House, bytes: &[u8]) -> String {
    let hex = crate::server::database::hex(bytes);
    if house.app.db.is_postgres() { format!("'\\x{hex}'::bytea") } else { format!("x'{hex}'") }
}

async fn verified(house: &House) -> (bool, String) {
    let mut out = vec![];
    let whole = verify_database(&house.app, &Against::default(), &mut out).await.expect("it can be verified");
    (whole, String::from_utf8(out).expect("text"))
}

/// What is found, and only that.
async fn expect(house: &House, what: &str, line: &str) {
    let (whole, said) = verified(house).await;
    assert!(!whole && said.lines().any(|found| found.starts_with(line)), "{what}: {line} is not in\n{said}");
    assert_eq!(said.matches("BROKEN").count(), 1, "{what}: {said}");
    assert!(said.contains("Not checked: whether events were cut off the end"), "{said}");
    restore(house).await;
    assert!(verified(house).await.0, "{what} was undone");
}

/// Writes an organisation's chain anew, with these bodies and all that belongs to it.
pub(super) async fn rebuild(house: &House, organisation: OrganisationId, change: impl Fn(&str) -> String) {
    let mut tx = house.app.read_proven(organisation).await.expect("reads");
    let events = audit::page(&mut tx, 0, 100).await.expect("events");
    drop(tx);
    let (mut previous, org) = (chain::GENESIS, id(house, organisation.0));
    for event in &events {
        let body = change(&event.body);
        let hash = chain::hash(organisation, event.seq, &previous, body.as_bytes());
        let (seq, body) = (event.seq, body.replace('\'', "''"));
        let (before, own) = (bytes(house, &previous), bytes(house, &hash));
        let set = format!("body = '{body}', previous = {before}, hash = {own}");
        run(house, format!("UPDATE audit_events SET {set} WHERE org_id = {org} AND seq = {seq}")).await;
        run(house, format!("UPDATE audit_heads SET hash = {own} WHERE org_id = {org}")).await;
        previous = hash;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_beside_the_hashed_bytes_cannot_lie() {
    each_engine(async |house| {
        let (house, _, _) = founded(house).await;
        let (whole, said) = verified(&house).await;
        assert!(whole && said.contains("Not checked: ") && !said.contains("once `latchkey serve`"), "{said}");
        for (organisation, name) in [
            (house.organisation, house.organisation.to_string()),
            (OrganisationId::INSTALLATION, "installation".into()),
        ] {
            let org = id(&house, organisation.0);
            for (column, value) in [
                ("at", "at + 1"),
                ("action", "'api_key.list'"),
                ("outcome", "'refused'"),
                ("actor_kind", "'nobody'"),
                ("actor_id", "'somebody'"),
                ("target_id", "''"),
                ("request_id", "request_id || ' '"),
                ("credential_id", "credential_id || ' '"),
                ("id", &id(&house, Uuid::nil())),
                ("body", "body || ' '"),
                ("hash", "previous"),
            ] {
                let sql = format!("UPDATE audit_events SET {column} = {value} WHERE org_id = {org} AND seq = 2");
                run(&house, sql).await;
                expect(&house, column, &format!("{name}: BROKEN at event 2: ")).await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_stands_in_a_chain_that_is_verified() {
    each_engine(async |house| {
        let (house, _, south) = founded(house).await;
        let (north, nobodys) = (house.organisation, OrganisationId(Uuid::from_u128(9)));
        let (n, s, x) = (id(&house, north.0), id(&house, south.0), id(&house, nobodys.0));
        let copy = |org: &str, seq: &str| {
            format!(
                "INSERT INTO audit_events SELECT {org}, {seq}, id, at, action, outcome, actor_kind, actor_id, target_id, \
                 request_id, body, previous, hash, credential_id FROM audit_events WHERE org_id = {n} AND seq = 1"
            )
        };
        for seq in ["0", "-5", "-9223372036854775807"] {
            run(&house, copy(&n, seq)).await;
            expect(&house, "forged", &format!("{north}: BROKEN at event {seq}: ")).await;
        }
        run(&house, copy(&n, "9")).await;
        expect(&house, "appended", &format!("{north}: BROKEN at event 5: ")).await;

        // Events of no organisation: as they are, and with hashes and an end that fit.
        run(&house, copy(&x, "1")).await;
        expect(&house, "nobody's", &format!("{nobodys}: BROKEN at event 1: ")).await;
        run(&house, copy(&x, "1")).await;
        let head = format!("INSERT INTO audit_heads SELECT {x}, 1, hash, at FROM audit_events WHERE org_id = {x}");
        run(&house, head.clone()).await;
        rebuild(&house, nobodys, str::to_owned).await;
        expect(&house, "nobody's, well made", &format!("{nobodys}: BROKEN at event 1: ")).await;
        // With an organisation as well, which nobody has founded.
        run(&house, format!("{}; {head}", copy(&x, "1"))).await;
        rebuild(&house, nobodys, str::to_owned).await;
        run(&house, format!("INSERT INTO organisations SELECT {x}, 'x', 'X', created_at, updated_at, version, revision, saved_only, keep_texts, keep_texts_set_at, leave_images_out, texts_days, logs_days, logs_expiring_until, texts_deleted_before, key_rules, alerts_by_webhook, entries_dropped, texts_dropped FROM organisations WHERE id = {n}")).await;
        expect(&house, "nobody's, with an organisation", &format!("{nobodys}: BROKEN at event 1: ")).await;
        run(&house, format!("INSERT INTO audit_heads VALUES ({x}, 0, {}, 0)", bytes(&house, &chain::GENESIS))).await;
        expect(&house, "an end alone", &format!("{nobodys}: BROKEN at event 1: ")).await;

        // A chain that is gone, with and without its organisation; one that was written anew.
        let gone = format!("DELETE FROM audit_events WHERE org_id = {s}; DELETE FROM audit_heads WHERE org_id = {s}");
        let no_row = format!("DELETE FROM organisations WHERE id = {s}");
        run(&house, gone.clone()).await;
        expect(&house, "deleted", &format!("{south}: BROKEN at event 1: ")).await;
        run_freely(&house, format!("{gone}; {no_row}")).await;
        expect(&house, "deleted with its organisation", &format!("{south}: BROKEN at event 1: ")).await;
        run_freely(&house, no_row.clone()).await;
        expect(&house, "the organisation alone", &format!("{south}: BROKEN at event 5: ")).await;
        rebuild(&house, south, |body| body.replace("South", "Sooth")).await;
        run_freely(&house, no_row).await;
        expect(&house, "forged without its organisation", &format!("{south}: BROKEN at event 1: ")).await;
        rebuild(&house, south, |body| body.replace("three", "drei")).await;
        expect(&house, "written anew after its founding", &format!("{south}: BROKEN at event 4: ")).await;

        // The end cut off, with an end that fits: it was recorded.
        let cut = format!(
            "DELETE FROM audit_events WHERE org_id = {s} AND seq > 2; UPDATE audit_heads SET seq = 2, \
             hash = (SELECT hash FROM audit_events WHERE org_id = {s} AND seq = 2), \
             at = (SELECT at FROM audit_events WHERE org_id = {s} AND seq = 2) WHERE org_id = {s}"
        );
        run(&house, cut).await;
        expect(&house, "cut off", &format!("{south}: BROKEN at event 3: ")).await;
        run(&house, format!("UPDATE audit_heads SET at = at + 1 WHERE org_id = {s}")).await;
        expect(&house, "the end's time", &format!("{south}: BROKEN at event 4: ")).await;
        let nil = id(&house, Uuid::nil());
        run(&house, format!("DELETE FROM audit_events WHERE org_id = {nil}; DELETE FROM audit_heads WHERE org_id = {nil}")).await;
        expect(&house, "the installation's chain", "installation: BROKEN at event 1: ").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn organisations_that_were_there_before_are_recorded_as_such() {
    each_engine(async |house| {
        let (house, ada, south) = founded(house).await;
        // As an earlier version left it.
        let nil = id(&house, Uuid::nil());
        run(&house, format!("DELETE FROM audit_events WHERE org_id = {nil}; DELETE FROM audit_personal WHERE org_id = {nil}; DELETE FROM audit_heads WHERE org_id = {nil}; UPDATE installation SET heads_recorded_at = NULL")).await;
        let (whole, said) = verified(&house).await;
        assert!(whole && said.contains("2 organisations were deleted or built anew"), "{said}");
        assert!(said.contains("it will once `latchkey serve` has run"), "{said}");

        Recorder::default().round(&house.app, false).await.expect("recorded");
        let (count, last) = house.chain(OrganisationId::INSTALLATION).await;
        let last = last.expect("an event");
        assert_eq!((count, &last["action"], &last["actor"]["kind"]), (1, &"audit.heads".into(), &"system".into()));
        assert_eq!(last["subject"]["name"], "already there when ends were first recorded");
        assert_eq!(last["changes"].as_array().map(Vec::len), Some(2), "{last}");
        let (whole, said) = verified(&house).await;
        assert!(whole && !said.contains("built anew. The"), "{said}");

        // Nothing new is nothing to record; what is new is recorded once, whoever looks, and not again a moment later.
        let mut replica = Recorder::default();
        replica.round(&house.app, false).await.expect("recorded");
        assert_eq!(house.chain(OrganisationId::INSTALLATION).await.0, 1);
        ada.form("api_keys/create", &[("slug", "south"), ("name", "four")]).await;
        replica.round(&house.app, false).await.expect("recorded");
        assert_eq!(house.chain(OrganisationId::INSTALLATION).await.0, 1, "it was a moment ago");
        house.app.clock.advance(10 * crate::kernel::time::MINUTE);
        let mut other = Recorder::default();
        let (one, two) = tokio::join!(replica.round(&house.app, false), other.round(&house.app, false));
        one.and(two).expect("recorded");
        let (count, last) = house.chain(OrganisationId::INSTALLATION).await;
        let last = last.expect("an event");
        assert_eq!((count, &last["changes"][0]["field"]), (2, &south.to_string().into()), "{last}");
        assert!(last["changes"][0]["now"].as_str().is_some_and(|end| end.starts_with("5 ")), "{last}");
        // As the program stops, what is new is recorded without waiting.
        ada.form("api_keys/create", &[("slug", "south"), ("name", "five")]).await;
        Recorder::default().round(&house.app, true).await.expect("recorded");
        assert_eq!(house.chain(OrganisationId::INSTALLATION).await.0, 3);
        assert!(verified(&house).await.0);
    })
    .await;
}
