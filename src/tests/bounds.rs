//! What strangers can make grow: forms, addresses of pages, tries of passwords and of links.

use super::support::{Answer, Client, PASSWORD, each_engine};
use axum::{
    body::Body,
    http::{Request, header},
};
use std::time::Duration;
use tokio::time::{sleep, timeout};

const ADA: &str = "ada@north.test";

async fn sign_in(client: &Client, email: &str, password: &str) -> Answer {
    client.form("account/sign_in", &[("email", email), ("password", password)]).await
}

fn post(path: &str, kind: &str, body: String) -> Request<Body> {
    let request = Request::post(format!("/fn/{path}"))
        .header("sec-fetch-site", "same-origin")
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, kind);
    request.body(Body::from(body)).expect("a request")
}

#[tokio::test]
async fn forms_are_bounded_before_they_are_read() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let before = house.snapshot().await;
        const FORM: &str = "application/x-www-form-urlencoded";
        for (kind, body, status, code) in [
            (FORM, "a&".repeat(512 * 1024), 413, "too_large"),
            (FORM, format!("name=Ada{}", "&a".repeat(256)), 413, "too_large"),
            (FORM, format!("name={}", "x".repeat(64 * 1024)), 413, "too_large"),
            ("application/json", r#"{"name":"Eve"}"#.into(), 415, "unsupported_media_type"),
            ("multipart/form-data; boundary=x", "--x--".into(), 415, "unsupported_media_type"),
            ("text/plain", "name=Eve".into(), 415, "unsupported_media_type"),
        ] {
            let answer = ada.send(post("account/rename", kind, body)).await;
            assert_eq!((answer.status, answer.code().as_str()), (status, code), "{}", answer.text);
        }
        assert_eq!(house.snapshot().await, before);
        let most: String = (0..255).map(|n| format!("&f{n}")).collect();
        let most = format!("name=Augusta{most}");
        assert_eq!(ada.send(post("account/rename", FORM, most)).await.status, 200);

        // A field of many lines has more room, and limits of its own.
        let long = [("slug", house.slug.as_str()), ("role", "member"), ("addresses", &"é".repeat(30_000))];
        assert_eq!(ada.form("team/invite", &long).await.status, 422);
        let long = [("slug", house.slug.as_str()), ("role", "member"), ("addresses", &"é".repeat(80_000))];
        assert_eq!(ada.form("team/invite", &long).await.status, 413);

        // What reads the parameters of a page compares each with all before it.
        let query: Vec<String> = (0..64).map(|n| format!("p{n}")).collect();
        assert_eq!(ada.page(&format!("/account?{}", query.join("&"))).await.status, 200);
        for path in ["/account", "/nowhere"] {
            assert_eq!(ada.page(&format!("{path}?{}&more", query.join("&"))).await.status, 400);
        }
    })
    .await;
}

#[tokio::test]
async fn names_hold_nothing_that_cannot_be_seen() {
    each_engine(async |house| {
        let (_house, ada) = house.with_ada().await;
        for (name, status) in [
            ("A\u{200B}da", 422),
            ("Ada\u{200D}Lind", 422),
            ("\u{3164}", 422),
            ("Ada 👩\u{200D}🔬", 200),
            ("می\u{200C}خواهم", 200),
        ] {
            let answer = ada.form("account/rename", &[("name", name)]).await;
            assert_eq!(answer.status, status, "{}: {}", name.escape_unicode(), answer.text);
        }
    })
    .await;
}

#[tokio::test]
async fn guesses_from_everywhere_are_slow_and_lock_nobody_out() {
    each_engine(async |house| {
        let house = house.founded().await;
        let home = house.nobody().at("192.0.2.9");
        assert_eq!(sign_in(&home, ADA, PASSWORD).await.status, 200);

        // The same for an address that has an account and for one that has none.
        let mut answers = vec![];
        for email in [ADA, "nobody@north.test"] {
            let mut statuses = vec![];
            for n in 0..31 {
                let guesser = house.nobody().at(&format!("198.51.{n}.7"));
                statuses.push(sign_in(&guesser, email, "not her password").await.status);
            }
            // The next three wait for their turns: 5, 10 and 15 seconds. That each has taken one is told by the refusal of
            // whoever comes after them; that it waits, only by time.
            let waiting: Vec<_> = (31..34)
                .map(|n| {
                    let guesser = house.nobody().at(&format!("198.51.{n}.7"));
                    tokio::spawn(async move { sign_in(&guesser, email, "not her password").await.status })
                })
                .collect();
            sleep(Duration::from_secs(1)).await;
            for (n, waiting) in waiting.into_iter().enumerate() {
                assert!(!waiting.is_finished(), "{email} {n}");
                // Whoever leaves keeps the turn taken.
                waiting.abort();
            }
            let refused = sign_in(&house.nobody().at("198.51.99.7"), email, "not her password").await;
            let wait: u32 = refused.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
            assert!((1..=5).contains(&wait), "{wait}");
            answers.push((statuses, refused.status, refused.code()));
        }
        let expected = (vec![401; 31], 429, "too_many_requests".to_owned());
        assert_eq!(answers, [expected.clone(), expected]);

        // Ada comes in at once from around where she was before, also to prove her password again.
        let mut near = house.nobody().at("192.0.2.77");
        let soon = timeout(Duration::from_secs(4), sign_in(&near, ADA, PASSWORD)).await.expect("at once");
        assert_eq!(soon.status, 200, "{}", soon.text);
        near.keep_cookie(&soon);
        let proof = near.form("account/confirm_password", &[("current_password", PASSWORD)]);
        assert!(timeout(Duration::from_secs(4), proof).await.expect("at once").status < 400);
        // From anywhere else she takes her turn, and is not locked out.
        house.app.clock.advance(20_000);
        let elsewhere = sign_in(&house.nobody().at("203.0.113.5"), ADA, PASSWORD).await;
        assert_eq!(elsewhere.status, 200, "{}", elsewhere.text);
    })
    .await;
}

#[tokio::test]
async fn guesses_from_one_wide_network_are_refused() {
    each_engine(async |house| {
        let house = house.founded().await;
        let mut statuses = vec![];
        for n in 0..40 {
            let guesser = house.nobody().at(&format!("2001:db8:1:a{n:02x}::1"));
            statuses.push(sign_in(&guesser, ADA, "not her password").await.status);
        }
        assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 30, "{statuses:?}");
        assert!(statuses[30..].iter().all(|status| *status == 429), "{statuses:?}");
    })
    .await;
}

#[tokio::test]
async fn a_good_link_hashes_so_many_passwords() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let invite = async |by: &Client, address: &str, role: &str| {
            let fields = [("slug", house.slug.as_str()), ("addresses", address), ("role", role)];
            let link = by.form("team/invite", &fields).await.json()["answers"][0]["outcome"]["invited"]["link"].clone();
            link.as_str().and_then(|link| link.split_once("token=")).expect("a link").1.to_owned()
        };
        let join = async |token: &str, name: &str| {
            house.nobody().form("invitation/join", &[("token", token), ("name", name), ("password", PASSWORD)]).await
        };
        let token = invite(&ada, "bo@north.test", "admin").await;
        let joined = join(&token, "Bo").await;
        assert!(joined.status < 400, "{}", joined.text);
        let mut bo = house.nobody();
        bo.keep_cookie(&joined);
        let token = invite(&bo, "cy@north.test", "member").await;
        // Whoever invited may invite no more: the link is good but for that, which is seen after the hash.
        let list = ada.form("team/list", &[("slug", &house.slug), ("q", "bo@north.test")]).await.json();
        let id = list["people"][0]["id"].as_str().expect("an id");
        let fields = [("slug", house.slug.as_str()), ("id", id), ("role", "member"), ("asked", "true")];
        assert!(ada.form("team/change_role", &fields).await.status < 400);
        for n in 0..10 {
            assert_eq!(join(&token, "Cy").await.status, 410, "{n}");
        }
        let limited = join(&token, "Cy").await;
        assert_eq!((limited.status, limited.code().as_str()), (429, "too_many_requests"), "{}", limited.text);
        let token = invite(&ada, "dee@north.test", "member").await;
        assert!(join(&token, "Dee").await.status < 400, "another link works");
    })
    .await;
}
