//! Founding organisations: what it leaves where it fails, how often, and by which names.

use super::support::{House, each_engine};
use crate::{
    kernel::{OrganisationId, time::MINUTE},
    server::{access::Access, audit},
};
use serde_json::Value;

/// The last event of a chain.
async fn last(house: &House, organisation: OrganisationId) -> Value {
    house.chain(organisation).await.1.expect("an event")
}

#[tokio::test]
async fn a_failed_founding_is_told_by_the_installation_and_makes_no_chain() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let installation = OrganisationId::INSTALLATION;
        let before = house.chain(installation).await.0;
        for _ in 0..25 {
            let refused = ada.form("organisation/create", &[("name", "Other"), ("new_slug", "north")]).await;
            assert_eq!(refused.status, 422, "{}", refused.text);
        }
        // A flood of one kind, whatever the organisations would have been: the rest is counted.
        assert_eq!(house.chain(installation).await.0 - before, 20);
        let event = last(&house, installation).await;
        assert_eq!((&event["action"], &event["outcome"]), (&"organisation.create".into(), &"failed".into()), "{event}");

        // It has ended: one event tells of those that were counted.
        Access::record_ended_floods(&house.app).await;
        assert_eq!(house.chain(installation).await.0 - before, 20, "it may still go on");
        house.app.clock.advance(MINUTE);
        Access::record_ended_floods(&house.app).await;
        assert_eq!(house.chain(installation).await.0 - before, 21);
        let event = last(&house, installation).await;
        assert_eq!((&event["count"], &event["actor"]["name"]), (&5.into(), &"Ada".into()), "{event}");
    })
    .await;
}

#[tokio::test]
async fn a_person_founds_so_many_an_hour_and_each_chain_names_its_master_key() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let first = last(&house, house.organisation).await;
        for n in 0..50 {
            let made = ada.form("organisation/create", &[("name", &format!("No {n}"))]).await;
            assert_eq!(made.status, 200, "{}", made.text);
        }
        let refused = ada.form("organisation/create", &[("name", "One more")]).await;
        assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_requests"), "{}", refused.text);

        let mut tx = house.app.db.read().await.expect("reads");
        let chains = audit::chains(&mut tx).await.expect("the chains");
        drop(tx);
        let newer = chains
            .organisations
            .into_iter()
            .find(|id| ![house.organisation, OrganisationId::INSTALLATION].contains(id));
        for event in [first, last(&house, newer.expect("another organisation")).await] {
            let changes = event["changes"].as_array().expect("changes");
            let key = changes.iter().find(|change| change["field"] == "master_key").expect("the master key");
            assert!(key["now"].as_str().is_some_and(|id| id.parse::<uuid::Uuid>().is_ok()), "{event}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_number_stands_behind_one_hyphen() {
    each_engine(async |house| {
        let (_house, ada) = house.with_ada().await;
        let name = format!("{} bcd", "a".repeat(35));
        for slug in [format!("{}-bcd", "a".repeat(35)), format!("{}-2", "a".repeat(35))] {
            assert_eq!(ada.form("organisation/create", &[("name", &name)]).await.json()["slug"], slug);
        }
    })
    .await;
}

#[tokio::test]
async fn a_clash_of_short_names_is_told_while_typing_as_the_submit_tells_it() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let look = async |slug: &str| ada.form("organisation/check_slug", &[("new_slug", slug)]).await;
        assert_eq!(look("south").await.json(), Value::Null);
        for slug in ["north", "North!", "x"] {
            let refused = ada.form("organisation/create", &[("name", "Other"), ("new_slug", slug)]).await.json();
            assert_eq!(look(slug).await.json(), refused["fields"][0]["message"], "{slug}");
        }
        assert_eq!(house.nobody().form("organisation/check_slug", &[("new_slug", "north")]).await.status, 401);

        // Under its own name, and another that it had, an organisation goes on.
        assert_eq!(ada.form("organisation/create", &[("name", "South")]).await.status, 200);
        let rename = [("slug", "north"), ("name", "North"), ("new_slug", "far-north"), ("version", "1")];
        assert_eq!(ada.form("organisation/update", &rename).await.status, 200);
        let look = async |slug: &str| {
            let fields = [("slug", "far-north"), ("new_slug", slug)];
            ada.form("organisation/check_slug_change", &fields).await
        };
        for slug in ["north", "far-north", "nearer"] {
            assert_eq!(look(slug).await.json(), Value::Null, "{slug}");
        }
        assert!(look("south").await.text.contains("Another organisation has this short name"));

        // Nobody tries them out by the thousand.
        for _ in 0..200 {
            look("south").await;
        }
        assert_eq!(look("south").await.status, 429);
    })
    .await;
}
