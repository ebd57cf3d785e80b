//! Events as those who measure have them made: a chain like any other, and found by two filters at once on page after page.

use super::{
    audit_room::{expect_schema, page},
    support::each_engine,
};
use crate::{
    commands::{Against, verify_database, write_events},
    kernel::Secret,
};
use std::collections::BTreeSet;

#[tokio::test]
async fn events_that_are_made_to_measure_with_hold_together_and_are_found() {
    each_engine(async |house| {
        const WANTED: u64 = 1_203;
        let (house, ada) = house.with_ada().await;
        let before = house.chain(house.organisation).await.0;
        let (_, token) = ada.cookie().split_once('=').expect("a value");
        write_events(&house.app, &house.slug, &[Secret::new(token)], WANTED).await.expect("events");
        assert_eq!(house.chain(house.organisation).await.0, before + WANTED as i64);
        let mut out = vec![];
        let whole = verify_database(&house.app, &Against::default(), &mut out).await.expect("it can be verified");
        assert!(whole, "{}", String::from_utf8_lossy(&out));
        expect_schema(&house, &[house.organisation]).await;
        // The first five hundred come from one address, the next from another; every fourth is of a kind.
        for (filters, expected) in [
            (&[("action", "partial.update")][..], 301),
            (&[("address", "198.51.100.2")], 500),
            (&[("address", "198.51.100.2"), ("action", "partial.update")], 125),
            (&[("address", "198.51.100.3"), ("target", "config/measured-1200")], 1),
            (&[("address", "198.51.100.2"), ("target", "config/measured-1200")], 0),
            (&[("actor_kind", "person"), ("action", "partial.update"), ("outcome", "done")], 301),
        ] {
            let (mut found, mut after) = (BTreeSet::new(), String::new());
            loop {
                let mut asked = filters.to_vec();
                asked.push(("after", &after));
                let page = page(&ada, &house.slug, &asked).await;
                assert_eq!(page["fitting"], serde_json::json!({ "Exactly": expected }), "{filters:?}");
                for event in page["events"].as_array().expect("events") {
                    assert!(found.insert(event["seq"].as_i64().expect("a number")), "{filters:?}: twice {event}");
                }
                match page["next"].as_i64() {
                    Some(next) => after = next.to_string(),
                    None => break,
                }
            }
            assert_eq!(found.len(), expected, "{filters:?}");
        }
    })
    .await;
}
