//! Accounts: passwords that change meanwhile, and links that hold a secret.

use super::support::{House, PASSWORD, each_engine};
use crate::{
    features::accounts,
    kernel::{Timestamp, UserId},
    policy::Operation,
    server::{
        access::Access,
        audit::event::{Event, Subject},
        limits::Limiter,
    },
};
use axum::{body::Body, http::Request};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

/// The subject of Ada's tries of passwords, without a connection's address.
const TRIES: &str = "ada@north.test unknown";

/// Waits until her password was tried, and found right. Nine failed tries must stand before.
async fn checked(tries: &Limiter, now: Timestamp) {
    let seen = async {
        for used_up in [true, false] {
            while tries.check(TRIES, now).is_err() != used_up {
                sleep(Duration::from_millis(1)).await;
            }
        }
    };
    timeout(Duration::from_secs(20), seen).await.expect("the password is looked at");
}

#[tokio::test]
async fn a_password_that_changed_meanwhile_is_not_confirmed() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let mut tx = house.app.db.read().await.expect("reads");
        let account = accounts::by_email(&mut tx, "ada@north.test").await.expect("reads").expect("Ada");
        drop(tx);
        let other = Zeroizing::new("another long test password".to_owned());
        let other = house.app.passwords.hash(None, other).await.expect("a hash");
        // With nine, the try that is being looked at uses up the limit, and gives it back once it is found right.
        (0..9).for_each(|_| house.app.limits.account.count(TRIES, house.app.clock.now()));
        // The change is under way, and holds the chain, while the old password is checked and found right.
        let subject = Subject::unnamed("test", "");
        let confirming = Access::system(house.app.clone())
            .on_account()
            .act(Operation::Setup, subject.clone(), |mut change| async move {
                accounts::set_password(change.tx().system(), UserId(account.id), &other).await?;
                let confirming = tokio::spawn(async move {
                    ada.form("account/confirm_password", &[("current_password", PASSWORD)]).await
                });
                checked(&house.app.limits.account, house.app.clock.now()).await;
                change.commit(Event::of(subject), confirming).await
            })
            .await
            .expect("changed");
        let refused = confirming.await.expect("an answer");
        assert_eq!((refused.status, refused.code().as_str()), (401, "wrong_credentials"), "{}", refused.text);
        assert!(!refused.headers.contains_key("set-cookie"), "no session begins");
    })
    .await;
}

/// The token of a password link that an Owner makes for a new member.
async fn reset_token(house: &House) -> String {
    let ada = house.person("ada@north.test").await;
    let slug = ("slug", house.slug.as_str());
    let invited = ada.form("team/invite", &[slug, ("addresses", "bo@north.test"), ("role", "member")]).await.json();
    let link = invited["answers"][0]["outcome"]["invited"]["link"].as_str().expect("a link").to_owned();
    let token = link.split_once("token=").expect("a token").1;
    let fields = [("token", token), ("name", "Bo"), ("password", PASSWORD)];
    let joined = house.nobody().form("invitation/join", &fields).await;
    assert!(joined.status < 400, "{}", joined.text);
    let list = ada.form("team/list", &[slug, ("q", "bo@north.test")]).await.json();
    let id = list["people"][0]["id"].as_str().expect("an id").to_owned();
    let made = ada.form("team/make_reset_link", &[slug, ("id", &id)]).await.json();
    made["link"].as_str().and_then(|link| link.split_once("token=")).expect("a token").1.to_owned()
}

#[tokio::test]
async fn pages_with_a_secret_in_their_address_tell_it_to_nobody_and_use_nothing_up() {
    each_engine(async |house| {
        let house = house.founded().await;
        let reset = reset_token(&house).await;
        let ada = house.person("ada@north.test").await;
        let fields = [("slug", house.slug.as_str()), ("addresses", "cy@north.test"), ("role", "member")];
        let invited = ada.form("team/invite", &fields).await.json();
        let link = invited["answers"][0]["outcome"]["invited"]["link"].as_str().expect("a link").to_owned();
        let invitation = link.split_once("token=").expect("a token").1;
        let before = house.snapshot().await;
        for (path, status, referrer) in [
            (format!("/invitation?token={invitation}"), 200, "no-referrer"),
            (format!("/reset?token={reset}"), 200, "no-referrer"),
            (format!("/sign-in?next=%2Finvitation%3Ftoken%3D{invitation}"), 200, "no-referrer"),
            ("/invitation?token=guessed".to_owned(), 404, "no-referrer"),
            ("/reset?token=guessed".to_owned(), 410, "no-referrer"),
            ("/sign-in".to_owned(), 200, "same-origin"),
        ] {
            for method in ["GET", "HEAD", "GET"] {
                let request = Request::builder().method(method).uri(&path).header("accept", "text/html");
                let answer = house.nobody().send(request.body(Body::empty()).expect("a request")).await;
                assert_eq!(answer.status, status, "{method} {path}");
                for (name, value) in [("referrer-policy", referrer), ("cache-control", "no-store")] {
                    let found = answer.headers.get(name).and_then(|v| v.to_str().ok());
                    assert_eq!(found, Some(value), "{name} of {method} {path}");
                }
                let policy = answer.headers["content-security-policy"].to_str().expect("a policy");
                assert!(policy.starts_with("default-src 'none';") && !policy.contains("http"), "{policy}");
            }
        }
        assert_eq!(house.snapshot().await, before, "looking changes nothing");

        // Both still work, once, by an express POST.
        for expected in [true, false] {
            let fields = [("token", invitation), ("name", "Cy"), ("password", PASSWORD)];
            assert_eq!(house.nobody().form("invitation/join", &fields).await.status < 400, expected);
            let fields = [("token", reset.as_str()), ("new_password", "another long test password")];
            assert_eq!(house.nobody().form("account/reset_password", &fields).await.status < 400, expected);
        }
    })
    .await;
}
