//! What happens to the removal of old events, and to those who read or erase, when they meet; and what a forged one shows.

use super::{
    audit_export::begin_in,
    audit_retention::{aged, hash, there},
    checkpoints::{founded, numbers, path, verified, write},
    support::{each_engine, text, told},
    tampering::{bytes, id, run},
};
use crate::{
    kernel::{OrganisationId, UserId, time::DAY},
    server::{
        access::{
            deliveries::Deliveries,
            erasure,
            retention::{self, Found},
        },
        audit::{
            self, Circumstances, anchors,
            chain::{GENESIS, Hash},
            delivery::{FILE, Receiver},
            event::{Actor, Credential, Outcome},
            verify::Verdict,
        },
    },
};
use futures_util::StreamExt;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn what_another_replica_delivers_is_waited_for() {
    each_engine(async |house| {
        let (house, program, _, folder, old) = aged(house).await;
        let north = house.organisation;
        let deliveries = Deliveries::new(vec![(FILE, Receiver::File(folder.path().join("audit.jsonl")))]);
        deliveries.round(&house.app).await.expect("a round");
        let org = id(&house, north.0);
        run(&house, format!("UPDATE audit_deliveries SET seq = {}, delivered_at = NULL WHERE org_id = {org}", old - 1))
            .await;
        // The program that removes has no destination itself. That of the other one gets something of other chains.
        retention::round(&program.app, &[]).await.expect("a round");
        assert_eq!(there(&house, north).await.0, 1, "the last of them is missing");
        assert!(there(&house, OrganisationId::INSTALLATION).await.0 > 1, "what it has goes");
        // Nobody has delivered to it for more than a week.
        house.app.clock.advance(8 * DAY);
        retention::round(&program.app, &[]).await.expect("a round");
        assert_eq!(there(&house, north).await.0, old + 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_stays_as_evidence() {
    each_engine(async |house| {
        let (house, program, _, folder, old) = aged(house).await;
        let (north, org) = (house.organisation, id(&house, house.organisation.0));
        let (salt, last) = (bytes(&house, &[7; 16]), hash(&house, old).await);
        let found = async |end: Hash| {
            retention::look_through(&program.app, north, (0, GENESIS), (old, end)).await.expect("it can be read")
        };
        assert_eq!(found(last).await, Found::Whole { tells: true });
        assert_eq!(found([0; 32]).await, Found::Broken);
        // A value beside an event that has none there: its hash is as it was.
        let put = "INSERT INTO audit_personal (org_id, seq, place, salt, value)";
        run(&house, format!("{put} VALUES ({org}, 5, 1000, {salt}, '\"Eve\"')")).await;
        let (whole, said) = verified(&house, Some(&path(&folder)), &[]).await;
        assert!(!whole && said.contains(&format!("{north}: BROKEN at event 5: ")), "{said}");
        assert_eq!(found(last).await, Found::Broken);
        retention::round(&program.app, &[]).await.expect("a round");
        assert_eq!(there(&house, north).await.0, 1, "it stays");
        run(&house, "DELETE FROM audit_personal WHERE place = 1000".into()).await;
        retention::round(&program.app, &[]).await.expect("a round");
        assert_eq!(there(&house, north).await.0, old + 1);
        // Whoever was about to remove the same finds that it is gone, and nothing wrong.
        assert_eq!(found(last).await, Found::Taken);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_removed_while_it_is_read_leaves_no_gap() {
    each_engine(async |house| {
        let (house, program, _, _folder, old) = aged(house).await;
        let north = house.organisation;
        let ada = house.person("ada@north.test").await;
        let mut tx = house.app.read_as_operator(north).await.expect("reads");
        assert_eq!(audit::page(&mut tx, 0, 1).await.expect("a page")[0].seq, 1);
        let mut file = begin_in(&house, &ada).await;
        let piece = file.next().await.expect("a piece").expect("a good one");
        assert!(piece.iter().filter(|byte| **byte == b'\n').count() < usize::try_from(old).expect("few"));

        retention::round(&program.app, &[]).await.expect("a round");
        assert_eq!(there(&house, north).await.0, old + 1);
        // What verifies and exports on the server sees one moment.
        assert_eq!(audit::page(&mut tx, old - 1, 1).await.expect("a page")[0].seq, old);
        let (verdict, _) = audit::verify::verify(&mut tx, vec![]).await.expect("it can be verified");
        assert!(matches!(verdict, Verdict::Whole { removed: 0, .. }), "{verdict:?}");
        drop(tx);
        // The file that is read piece by piece ends short.
        assert!(file.next().await.expect("a piece").is_err(), "no gap");
        assert!(file.next().await.is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_and_removing_do_not_wait_for_each_other() {
    each_engine(async |house| {
        let (house, program, _, _folder, _) = aged(house).await;
        let nil = OrganisationId::INSTALLATION;
        let first = numbers(&house, nil).await[0];
        let events =
            audit::page(&mut house.app.read_proven(nil).await.expect("reads"), 0, first).await.expect("events");
        let end: Hash = events.last().expect("an event").hash.as_slice().try_into().expect("a hash");
        let ada = events.iter().map(told).find(|event| event["actor"]["kind"] == "person").expect("whoever signed in");
        let ada: UserId = text(&ada["actor"], "id").parse().expect("an id");

        let mut note = program.app.note_in(nil).await.expect("begins");
        audit::lock(note.tx()).await.expect("the end of the chain");
        let app = house.app.clone();
        let erasing = tokio::spawn(async move {
            let standing = erasure::standing(&app, ada).await?;
            erasure::erase(&app, ada, &standing).await
        });
        // Until it waits.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let now = program.app.clock.now();
        assert!(anchors::advance(note.tx(), 0, (first, &end), now).await.expect("an anchor"));
        assert!(anchors::remove(note.tx(), 0, first).await.expect("nobody holds these rows"));
        note.commit().await.expect("removed");
        erasing.await.expect("it ends").expect("erased");
        assert_eq!(there(&house, nil).await.0, first + 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_event_of_the_future_makes_others_old() {
    each_engine(async |house| {
        let (house, mut maker, folder) = founded(house).await;
        let north = house.organisation;
        write(&house, 5).await;
        maker.round(&house.app, true).await.expect("made");
        let last = *numbers(&house, north).await.last().expect("a checkpoint");
        let end = hash(&house, last).await;
        // All that the role that serves can do: the event says a time of its own, and so does the anchor.
        let later = house.app.clock.now().plus(91 * DAY);
        let mut note = house.app.note_in(north).await.expect("begins");
        assert!(anchors::advance(note.tx(), 0, (last, &end), later).await.expect("an anchor"));
        let circumstances = Circumstances {
            action: anchors::ACTION,
            outcome: Outcome::Done,
            reason: None,
            count: 1,
            actor: &Actor { kind: "system", id: String::new(), name: "latchkey".into() },
            credential: &Credential::default(),
            request_id: "",
            address: "",
            user_agent: "",
            now: later,
        };
        audit::append(note.tx(), &anchors::event(north, 1, (last, &end), later), &circumstances).await.expect("told");
        assert!(anchors::remove(note.tx(), 0, last).await.expect("removed"));
        note.commit().await.expect("removed");
        let expect = async |what: &str| {
            for file in [None, Some(path(&folder))] {
                let (whole, said) = verified(&house, file.as_deref(), &[]).await;
                assert!(!whole && said.contains(&format!("{north}: BROKEN at event 1: ")), "{what}: {said}");
            }
        };
        expect("nothing vouches for it").await;
        maker.round(&house.app, true).await.expect("made");
        assert_eq!(numbers(&house, north).await.last(), Some(&(last + 1)), "the next checkpoint signs over it");
        expect("a checkpoint vouches for it").await;
        house.app.clock.advance(100 * DAY);
        expect("it is not of the future any more").await;
    })
    .await;
}
