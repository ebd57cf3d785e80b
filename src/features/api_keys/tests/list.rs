//! Keys are found by what is asked of their list.

use super::*;
use crate::kernel::time::DAY;

#[tokio::test]
async fn keys_are_found() {
    each_engine(async |house| {
        let (house, ada) = with_ada(house).await;
        for far in ["2", "1000001", &i64::MAX.to_string()] {
            let answer = house.call(&ada, "list", &[("filter[page]", far)]).await;
            let list: KeyList = serde_json::from_str(&answer.text).unwrap();
            assert_eq!((list.keys.len(), list.total), (1, 1), "page {far} is not there: the last is shown");
        }
        let gateway = house.make(&ada, &[("name", "Production 100%"), ("expiry", "7")]).await;
        house
            .make(
                &ada,
                &[
                    ("name", "metrics exporter"),
                    ("metrics", "enabled"),
                    ("completions", "disabled"),
                    ("expiry", "none"),
                ],
            )
            .await;
        let secret = gateway.secret.expose();
        let all = ["Master key", "metrics exporter", "Production 100%"];
        assert_eq!(house.names(&ada, &[]).await, all);
        for (filter, expected) in [
            (vec![("q", "PRODUCTION")], vec!["Production 100%"]),
            (vec![("q", "0%")], vec!["Production 100%"]),
            (vec![("q", "_")], vec![]),
            (vec![("q", secret)], vec!["Production 100%"]),
            (vec![("q", &secret[..12])], vec!["Production 100%"]),
            (vec![("q", &secret[12..])], vec!["Production 100%"]),
            (vec![("q", &secret[34..])], vec!["Production 100%"]),
            (vec![("permission", "metrics")], vec!["Master key", "metrics exporter"]),
            (vec![("permission", "completions")], vec!["Master key", "Production 100%"]),
            (vec![("status", "active")], all.to_vec()),
            (vec![("status", "expiring")], vec!["Production 100%"]),
            (vec![("status", "rotating")], vec![]),
            (vec![("status", "expired")], vec![]),
            (vec![("status", "disabled")], vec![]),
            (vec![("responsible", "owners")], vec!["Master key"]),
            (vec![("unused", "yes")], vec![]),
            (vec![("sort", "name")], vec!["Master key", "metrics exporter", "Production 100%"]),
            (vec![("sort", "-name")], vec!["Production 100%", "metrics exporter", "Master key"]),
            (vec![("sort", "used")], vec!["Master key", "Production 100%", "metrics exporter"]),
            (vec![("sort", "-expires"), ("permission", "completions")], vec!["Master key", "Production 100%"]),
        ] {
            assert_eq!(house.names(&ada, &filter).await, expected, "{filter:?}");
        }
        house.app.clock.advance(91 * DAY);
        let ada = house.person("ada@north.test").await;
        assert_eq!(house.names(&ada, &[("unused", "yes")]).await, all);
        assert_eq!(house.names(&ada, &[("status", "expired")]).await, ["Production 100%"]);
    })
    .await;
}
