//! Checkpoints of the audit log: when they are made, where they are kept, and what they show.

use super::{
    support::{House, each_engine, test_server},
    tampering::{id, rebuild, run},
};
use crate::{
    commands::{Against, verify_database},
    kernel::{OrganisationId, time::MINUTE},
    server::{
        access::checkpoints::{Checkpoints, EVENTS, INTERVAL, rotate_key},
        audit::{
            self, Circumstances,
            checkpoints::{self, Evidence, PublishedKey, Signed, Statement},
            event::{Actor, Credential, Event, Outcome, Subject},
            verify::Verdict,
        },
        crypto::PublicKey,
    },
};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A founded house, and a maker of checkpoints with its file.
pub(super) async fn founded(house: House) -> (House, Checkpoints, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let maker = Checkpoints::new(path(&folder));
    maker.check().expect("a file can be kept");
    (house.founded().await, maker, folder)
}

pub(super) fn path(folder: &TempDir) -> PathBuf {
    folder.path().join("checkpoints.jsonl")
}

/// Writes so many events into the first organisation's chain.
pub(super) async fn write(house: &House, number: i64) {
    let mut note = house.app.note_in(house.organisation).await.expect("begins");
    let actor = Actor { kind: "system", id: String::new(), name: "test".into() };
    for n in 0..number {
        let circumstances = Circumstances {
            action: "test.made",
            outcome: Outcome::Done,
            reason: None,
            count: 1,
            actor: &actor,
            credential: &Credential::default(),
            request_id: "",
            address: "",
            user_agent: "",
            now: house.app.clock.now(),
        };
        audit::append(note.tx(), &Event::of(Subject::new("thing", n, "")), &circumstances).await.expect("an event");
    }
    note.commit().await.expect("written");
}

async fn keys(house: &House) -> Vec<PublishedKey> {
    let mut tx = house.app.read_every_chain().await.expect("reads");
    checkpoints::public_keys(&mut tx, &house.app.keyring).await.expect("keys")
}

/// The numbers of an organisation's checkpoints.
pub(super) async fn numbers(house: &House, organisation: OrganisationId) -> Vec<i64> {
    let mut tx = house.app.read_proven(organisation).await.expect("reads");
    let listed = checkpoints::list(&mut tx, &house.app.keyring, 0, 100).await.expect("a list");
    let (made, _) = listed.unwrap_or_default();
    made.iter().filter_map(|signed| Some(signed.checkpoint()?.seq)).collect()
}

fn lines(file: &Path) -> Vec<Signed> {
    let text = std::fs::read_to_string(file).expect("the file");
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines().map(|line| Signed::read(line).expect("a line")).collect()
}

pub(super) async fn verified(house: &House, file: Option<&Path>, keys: &[PublicKey]) -> (bool, String) {
    let against = Against { checkpoints: file.map(Path::to_owned), public_keys: keys.to_vec() };
    let mut out = vec![];
    let whole = verify_database(&house.app, &against, &mut out).await.expect("it can be verified");
    (whole, String::from_utf8(out).expect("text"))
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_are_made_by_number_and_by_time() {
    each_engine(async |house| {
        let (house, mut maker, folder) = founded(house).await;
        let north = house.organisation;
        maker.round(&house.app, false).await.expect("made");
        let begun = house.chain(north).await.0;
        assert_eq!(numbers(&house, north).await, [begun]);
        assert_eq!(numbers(&house, OrganisationId::INSTALLATION).await.len(), 1);
        let file = path(&folder);
        assert!(matches!(lines(&file)[0].statement, Statement::Key(_)), "the file begins with the key");
        assert_eq!(lines(&file).len(), 3);

        // Nothing new; something new, but only a moment ago.
        house.app.clock.advance(2 * INTERVAL);
        maker.round(&house.app, false).await.expect("made");
        assert_eq!(numbers(&house, north).await, [begun], "there is nothing new");
        write(&house, 1).await;
        maker.round(&house.app, false).await.expect("made");
        assert_eq!(numbers(&house, north).await, [begun, begun + 1], "the last one is long ago");
        write(&house, 1).await;
        house.app.clock.advance(INTERVAL - MINUTE);
        maker.round(&house.app, false).await.expect("made");
        assert_eq!(numbers(&house, north).await.len(), 2, "the last one is not long ago");
        // So many that time does not matter: each thousand, and the rest when its time has come.
        write(&house, 2 * EVENTS).await;
        maker.round(&house.app, false).await.expect("made");
        let last = begun + 1;
        assert_eq!(numbers(&house, north).await[2..], [last + EVENTS, last + 2 * EVENTS]);
        house.app.clock.advance(INTERVAL);
        maker.round(&house.app, false).await.expect("made");
        assert_eq!(numbers(&house, north).await.last(), Some(&(last + 2 * EVENTS + 1)));
        // As the program stops, without waiting.
        write(&house, 1).await;
        maker.round(&house.app, true).await.expect("made");
        let all = numbers(&house, north).await;
        assert_eq!(all.last(), Some(&(last + 2 * EVENTS + 2)));
        assert_eq!(lines(&file).len(), 1 + 1 + all.len(), "the file has all of them");

        let (whole, said) = verified(&house, Some(&file), &[keys(&house).await[0].key]).await;
        // So does whoever asks within the organisation.
        let mut tx = house.app.read_proven(north).await.expect("reads");
        let newest = checkpoints::newest(&mut tx, &house.app.keyring).await.expect("reads").expect("the newest");
        assert_eq!(newest.checkpoint().map(|checkpoint| checkpoint.seq), all.last().copied());
        let evidence = Evidence::of(&keys(&house).await);
        let now = house.app.clock.now();
        let (verdict, _) = checkpoints::verify(&mut tx, &evidence, vec![], vec![], now).await.expect("verified");
        let vouched = Some((*all.last().expect("one"), newest.at()));
        assert!(matches!(verdict, Verdict::Whole { checkpoint, .. } if checkpoint == vouched), "{verdict:?}");
        drop(tx);
        let line = format!("{north}: {0} events verified, head ", all.last().expect("one"));
        assert!(
            whole && said.lines().any(|found| found.starts_with(&line) && found.contains("verified up to #")),
            "{said}"
        );
        assert!(!said.contains("Not checked: whether the whole log") && !said.contains("Give --public-key"), "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_goes_on_where_it_ends() {
    each_engine(async |house| {
        let (house, mut maker, folder) = founded(house).await;
        let file = path(&folder);
        maker.round(&house.app, false).await.expect("made");
        let begun = lines(&file);
        // A new start adds nothing that is there; a file that was moved away begins anew, with the keys.
        Checkpoints::new(file.clone()).round(&house.app, false).await.expect("made");
        assert_eq!(lines(&file), begun);
        std::fs::rename(&file, folder.path().join("checkpoints.1")).expect("moved");
        write(&house, 1).await;
        maker.round(&house.app, true).await.expect("made");
        assert_eq!(lines(&file).len(), 2);
        assert_eq!(lines(&file)[0], begun[0]);
        // Another program, with an empty file of its own, writes all that there is.
        let other = folder.path().join("other.jsonl");
        Checkpoints::new(other.clone()).round(&house.app, false).await.expect("made");
        assert_eq!(lines(&other).len(), begun.len() + 1);
        // The two parts, put together, are one file.
        let parts = [folder.path().join("checkpoints.1"), file].map(|part| std::fs::read(part).expect("a part"));
        let whole = folder.path().join("whole.jsonl");
        std::fs::write(&whole, parts.concat()).expect("written");
        let (is_whole, said) = verified(&house, Some(&whole), &[]).await;
        assert!(is_whole && said.contains("Give --public-key"), "{said}");
        // A folder that is not there.
        let nowhere = Checkpoints::new(folder.path().join("nowhere/checkpoints.jsonl"));
        assert!(nowhere.check().is_err_and(|error| error.to_string().contains("cannot be kept")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_make_one_chain_of_checkpoints() {
    let Some(server) = test_server() else { return };
    let (house, mut maker, folder) = founded(House::on_postgres(&server).await).await;
    let replica = house.another(|_| {}).await;
    let elsewhere = folder.path().join("elsewhere.jsonl");
    let mut other = Checkpoints::new(elsewhere.clone());
    for n in 1..=8 {
        write(&house, n).await;
        let (one, two) = tokio::join!(maker.round(&house.app, true), other.round(&replica.app, true));
        one.and(two).expect("made");
    }
    // Whoever was second hears of the last one now.
    maker.round(&house.app, true).await.and(other.round(&replica.app, true).await).expect("made");
    for file in [path(&folder), elsewhere] {
        let (whole, said) = verified(&house, Some(&file), &[]).await;
        assert!(whole && !said.contains("BROKEN"), "{said}");
    }
    assert!(numbers(&house, house.organisation).await.len() >= 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_key_is_signed_by_the_one_before_it() {
    each_engine(async |house| {
        let (house, mut maker, folder) = founded(house).await;
        let file = path(&folder);
        maker.round(&house.app, false).await.expect("made");
        let first = keys(&house).await[0].key;
        let next = rotate_key(&house.app).await.expect("the next key");
        assert_eq!(next.generation, 2);
        let event = house.chain(OrganisationId::INSTALLATION).await.1.expect("an event");
        assert_eq!((&event["action"], &event["credential"]), (&"audit.rotate_key".into(), &"command".into()));
        assert!(event["changes"].to_string().contains(&next.key.to_string()), "{event}");
        write(&house, 1).await;
        maker.round(&house.app, true).await.expect("made");
        let named = lines(&file).iter().position(|signed| signed.signature == next.signed.signature).expect("the key");
        let by_next = lines(&file).iter().position(|signed| signed.key() == next.key).expect("a checkpoint");
        assert!(named < by_next, "the file names a key before it signs");
        assert_eq!(keys(&house).await.iter().map(|key| key.key).collect::<Vec<_>>(), [first, next.key]);
        // What the old key signed still verifies: by both, by the first alone, and by what comes from the key file.
        for trusted in [&[first, next.key][..], &[first], &[]] {
            let (whole, said) = verified(&house, Some(&file), trusted).await;
            assert!(whole && said.contains("verified up to #"), "{said}");
        }
        let stranger = crate::server::crypto::SigningKey::from_seed(&[7; 32]).public();
        let (whole, said) = verified(&house, Some(&file), &[stranger]).await;
        assert!(
            !whole && said.contains("checkpoints: BROKEN at line 1: it is signed with a key that is not trusted"),
            "{said}"
        );
    })
    .await;
}

/// Whoever owns the database takes the triggers away.
async fn unlock(house: &House) {
    for table in ["audit_events", "audit_checkpoints", "audit_keys"] {
        let statement = match house.app.db.is_postgres() {
            true => format!("ALTER TABLE {table} DISABLE TRIGGER USER"),
            false => format!("DROP TRIGGER {table}_keep; DROP TRIGGER {table}_stay"),
        };
        run(house, statement).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_outside_betrays_what_is_not() {
    each_engine(async |house| {
        let (house, mut maker, folder) = founded(house).await;
        let (north, file) = (house.organisation, path(&folder));
        write(&house, 5).await;
        maker.round(&house.app, true).await.expect("made");
        let (end, _) = house.chain(north).await;
        unlock(&house).await;
        let org = id(&house, north.0);
        for table in ["audit_events", "audit_heads", "audit_checkpoints", "audit_keys"] {
            run(&house, format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}")).await;
        }
        let restore = async || {
            for table in ["audit_events", "audit_heads", "audit_checkpoints", "audit_keys"] {
                run(&house, format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table}")).await;
            }
            assert!(verified(&house, Some(&file), &[]).await.0, "it was undone");
        };

        // Written anew as a whole, with its checkpoints taken away: only the file tells.
        let forget = format!("DELETE FROM audit_checkpoints WHERE org_id = {org}");
        rebuild(&house, north, |body| body.replace("test.made", "test.mad")).await;
        run(
            &house,
            format!("UPDATE audit_events SET action = 'test.mad' WHERE org_id = {org} AND action = 'test.made'"),
        )
        .await;
        let (whole, said) = verified(&house, None, &[]).await;
        let broken = format!("{north}: BROKEN at event {end}: a checkpoint says that another event stood here");
        assert!(!whole && said.contains(&broken), "its own checkpoints tell: {said}");
        run(&house, forget.clone()).await;
        let (whole, said) = verified(&house, None, &[]).await;
        assert!(whole && said.contains("Not checked: whether events were cut off the end of a chain"), "{said}");
        let (whole, said) = verified(&house, Some(&file), &[]).await;
        assert!(!whole && said.contains(&broken), "{said}");
        restore().await;

        // The end cut off, with an end that fits and without its checkpoints.
        let cut = format!(
            "{forget}; DELETE FROM audit_events WHERE org_id = {org} AND seq > 3; \
             DELETE FROM audit_personal WHERE org_id = {org} AND seq > 3; UPDATE audit_heads SET seq = 3, \
             hash = (SELECT hash FROM audit_events WHERE org_id = {org} AND seq = 3), \
             at = (SELECT at FROM audit_events WHERE org_id = {org} AND seq = 3) WHERE org_id = {org}"
        );
        run(&house, cut).await;
        assert!(verified(&house, None, &[]).await.0, "nothing else shows it");
        let (whole, said) = verified(&house, Some(&file), &[]).await;
        let broken = format!("{north}: BROKEN at event 4: it is missing, and a checkpoint says that it was there");
        assert!(!whole && said.contains(&broken), "{said}");
        // The program goes on, and its next checkpoint does not hide that.
        write(&house, 6).await;
        Checkpoints::new(file.clone()).round(&house.app, true).await.expect("made");
        let (whole, said) = verified(&house, Some(&file), &[]).await;
        assert!(!whole && said.contains(&format!("{north}: BROKEN at event {end}: ")), "{said}");
        assert!(said.contains(": it does not follow the checkpoint before it"), "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_in_the_database_cannot_lie() {
    each_engine(async |house| {
        let (house, mut maker, folder) = founded(house).await;
        let north = house.organisation;
        for _ in 0..3 {
            write(&house, 1).await;
            maker.round(&house.app, true).await.expect("made");
        }
        let made = numbers(&house, north).await;
        for table in ["audit_checkpoints", "audit_keys"] {
            let mut statements = vec![format!("UPDATE {table} SET body = '{{}}'"), format!("DELETE FROM {table}")];
            if house.app.db.is_postgres() {
                // Without it PostgreSQL itself refuses, as anchors refer to checkpoints.
                statements.push(format!("TRUNCATE {table} CASCADE"));
            }
            for statement in statements {
                let statement: &'static str = Box::leak(statement.into_boxed_str());
                let refused = house.as_owner(statement).await.expect_err("the trigger refuses").to_string();
                assert!(refused.contains(&table.replace('_', " ")), "{statement}: {refused}");
            }
        }
        unlock(&house).await;
        let org = id(&house, north.0);
        run(&house, "CREATE TABLE kept_checkpoints AS SELECT * FROM audit_checkpoints".into()).await;
        for change in ["at = at + 1", "body = replace(body, '\"seq\":', '\"seq\":1')", "signature = previous"] {
            run(&house, format!("UPDATE audit_checkpoints SET {change} WHERE org_id = {org} AND seq = {}", made[1]))
                .await;
            let (whole, said) = verified(&house, None, &[]).await;
            let broken = format!("{north}: BROKEN at event {}: the checkpoint of it in the database", made[1]);
            assert!(!whole && said.contains(&broken), "{change}: {said}");
            run(
                &house,
                "DELETE FROM audit_checkpoints; INSERT INTO audit_checkpoints SELECT * FROM kept_checkpoints".into(),
            )
            .await;
            assert!(verified(&house, None, &[]).await.0);
        }
        // One that is missing in between.
        run(&house, format!("DELETE FROM audit_checkpoints WHERE org_id = {org} AND seq = {}", made[1])).await;
        let (whole, said) = verified(&house, None, &[]).await;
        assert!(
            !whole && said.contains(&format!("{north}: BROKEN at event {}: the checkpoint of it", made[2])),
            "{said}"
        );
        run(
            &house,
            "DELETE FROM audit_checkpoints; INSERT INTO audit_checkpoints SELECT * FROM kept_checkpoints".into(),
        )
        .await;

        // A chain that does not hold together gets no checkpoint, and keeps the others from none.
        write(&house, 2).await;
        let (end, _) = house.chain(north).await;
        run(&house, format!("UPDATE audit_events SET body = body || ' ' WHERE org_id = {org} AND seq = {end}")).await;
        rotate_key(&house.app).await.expect("an event of the installation");
        let before = numbers(&house, OrganisationId::INSTALLATION).await.len();
        maker.round(&house.app, true).await.expect("made");
        assert_eq!(numbers(&house, north).await, made, "nobody vouches for it");
        assert_eq!(numbers(&house, OrganisationId::INSTALLATION).await.len(), before + 1);
        assert!(lines(&path(&folder)).len() > made.len());
    })
    .await;
}
