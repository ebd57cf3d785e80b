//! Signing out, on both databases.

use super::operations::sign_out;
use crate::{
    kernel::{Timestamp, UserId},
    server::access::{Access, Origin, SignedIn},
    tests::support::each_engine,
};

#[tokio::test]
async fn signing_out_ends_the_session_with_its_event() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let profile = ada.form("account/view", &[]).await.json();
        let session = profile["sessions"][0]["id"].as_str().expect("a session").to_owned();
        let list = ada.form("team/list", &[("slug", &house.slug)]).await.json();
        let user: UserId = list["people"][0]["id"].as_str().expect("an id").parse().expect("an id");
        let who = SignedIn {
            user,
            name: "Ada".into(),
            session: session.parse().expect("an id"),
            by: None,
            confirmed_at: Timestamp(0),
        };
        let access = Access::person(house.app.clone(), Origin::default(), who);
        sign_out(&access).await.expect("signed out");
        assert_eq!(ada.form("account/view", &[]).await.status, 401, "the cookie opens nothing");
        // The browser's own way: it works once, and the cookie is dead.
        let ada = house.person("ada@north.test").await;
        assert!(ada.form("account/sign_out", &[]).await.status < 400);
        assert_eq!(ada.form("account/sign_out", &[]).await.status, 401);
    })
    .await;
}
