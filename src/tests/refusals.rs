//! A flood of refusals hides nobody, and refused keys leave their events.

use super::support::{self, House, World, each_engine, text};
use crate::{
    kernel::OrganisationId,
    server::{access::Access, audit},
};
use serde_json::{Value, json};
use std::time::Duration;

/// The events of a chain from a number on, once as many acts as these are told of.
async fn told(house: &House, organisation: OrganisationId, after: i64, acts: u64) -> Vec<Value> {
    Access::record_floods(&house.app).await;
    for _ in 0..100 {
        let mut tx = house.app.read_proven(organisation).await.expect("reads");
        let events = audit::page(&mut tx, after, 1_000).await.expect("events");
        drop(tx);
        let events: Vec<Value> = events.iter().map(support::told).collect();
        if events.iter().map(count).sum::<u64>() >= acts {
            return events;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("not all acts are told of");
}

fn count(event: &Value) -> u64 {
    event["count"].as_u64().unwrap_or(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn made_up_accounts_hide_no_person() {
    each_engine(async |house| {
        let house = house.founded().await;
        let installation = OrganisationId::INSTALLATION;
        let guess = async |email: &str, from: &str| {
            house.nobody().at(from).form("account/sign_in", &[("email", email), ("password", "guessed")]).await;
        };
        for (first, from) in [(true, "198.51.100.1"), (false, "198.51.100.2")] {
            house.app.clock.advance(crate::kernel::time::MINUTE);
            let before = house.chain(installation).await.0;
            if !first {
                guess("ada@north.test", from).await;
            }
            for n in 0..30 {
                guess(&format!("junk{n}@north.test"), from).await;
            }
            for _ in 0..if first { 9 } else { 8 } {
                guess("ada@north.test", from).await;
            }
            let events = told(&house, installation, before, 39).await;
            let named = events.iter().filter(|event| event["subject"]["name"] == "ada@north.test");
            assert_eq!(named.map(count).sum::<u64>(), 9, "{events:#?}");
            assert_eq!(events.iter().map(count).sum::<u64>(), 39);
            assert!(events.len() < 25, "{}", events.len());
            for event in events {
                assert_eq!(event["address"], from, "{event}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_deletions_hide_no_key() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (house, north) = (&world.house, world.house.organisation);
        let (id, secret) = world.key("weak", &[("completions", "enabled")]).await;
        let keys = house.program(&house.master_key).api("GET", "/v1/api-keys", Value::Null).await.json();
        let keys = keys["data"].as_array().expect("keys").clone();
        let master = text(keys.iter().find(|key| key["master"] == true).expect("the master key"), "id");
        let weak = house.program(&secret);
        let before = house.chain(north).await.0;
        for _ in 0..20 {
            let path = format!("/v1/api-keys/{}", uuid::Uuid::new_v4());
            assert_eq!(weak.api("DELETE", &path, Value::Null).await.status, 403);
        }
        for _ in 0..5 {
            assert_eq!(weak.api("DELETE", &format!("/v1/api-keys/{master}"), Value::Null).await.status, 403);
        }
        let events = told(house, north, before, 25).await;
        let named = events.iter().filter(|event| event["subject"]["id"] == master.as_str());
        assert_eq!(named.map(count).sum::<u64>(), 5, "{events:#?}");
        assert!(events.iter().all(|event| event["actor"]["id"] == id.as_str()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_opens_nothing_leaves_its_event() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (house, north) = (&world.house, world.house.organisation);
        let (id, secret) = world.key("late", &[("api_keys", "write")]).await;
        let gone = world.owner.form("api_keys/delete", &[("slug", &house.slug), ("id", &id)]).await;
        assert_eq!(gone.status, 200, "{}", gone.text);
        let before = [house.chain(north).await.0, house.chain(OrganisationId::INSTALLATION).await.0];
        let refused = house.program(&secret).api("POST", "/v1/api-keys", json!({ "name": "ci" })).await;
        assert_eq!(refused.status, 401, "{}", refused.text);
        let (count, event) = house.chain(north).await;
        let event = event.expect("an event");
        assert_eq!((count, &event["action"]), (before[0] + 1, &json!("api_key.create")));
        assert_eq!(event["actor"], json!({ "kind": "api_key", "id": id, "name": "late" }));
        assert_eq!((&event["outcome"], &event["reason"]), (&json!("refused"), &refused.json()["error"]["code"]));

        for key in ["lk_p0000", "nonsense"] {
            let refused = house.program(key).api("DELETE", &format!("/v1/api-keys/{id}"), Value::Null).await;
            assert_eq!(refused.status, 401, "{}", refused.text);
        }
        let (count, event) = house.chain(OrganisationId::INSTALLATION).await;
        let event = event.expect("an event");
        assert_eq!(count, before[1] + 2);
        assert_eq!((&event["action"], &event["actor"]["kind"]), (&json!("api_key.delete"), &json!("nobody")));
        // Reading changes nothing and leaves nothing.
        house.program("nonsense").api("GET", "/v1/api-keys", Value::Null).await;
        assert_eq!(house.chain(OrganisationId::INSTALLATION).await.0, count);
    })
    .await;
}
