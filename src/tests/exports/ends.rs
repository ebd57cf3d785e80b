//! How exports end: with the right to them, with their time, and so many of them at once.

use super::{Row, export, put};
use crate::{
    kernel::time::{HOUR, MINUTE},
    tests::support::{Client, House, World, done, each_engine, text},
};
use axum::{
    body::{Body, BodyDataStream},
    http::{Request, header},
};
use futures_util::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;

/// The beginning of an answer that is read piece by piece.
async fn begun(house: &House, request: Request<Body>) -> BodyDataStream {
    let Ok(answer) = house.router.clone().oneshot(request).await;
    assert_eq!(answer.status(), 200);
    answer.into_body().into_data_stream()
}

fn form(client: &Client, house: &House) -> Request<Body> {
    let body = format!("slug={}&format=csv&field.id=yes", house.slug);
    Request::post("/fn/logs/export")
        .header(header::ACCEPT, "text/html,application/xhtml+xml")
        .header("sec-fetch-site", "same-origin")
        .header(header::REFERER, format!("http://latchkey.test/o/{}/logs/export", house.slug))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(header::COOKIE, client.cookie())
        .body(Body::from(body))
        .expect("a request")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_ends_with_the_right_to_it() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let rows: Vec<Row> =
            (1..=1_100_u128).map(|id| Row::new(id, 1_000 + i64::try_from(id).expect("small"))).collect();
        put(house, &rows).await;
        // Whoever stays gets the whole.
        let pieces: Vec<_> = begun(house, form(&world.owner, house)).await.collect().await;
        assert_eq!(pieces.len(), 3, "500 and 500 and 101");
        assert!(pieces.iter().all(Result::is_ok));

        let di = world.join("di@north.test", "member").await;
        let id = world.id_of("di@north.test").await;
        let mut file = begun(house, form(&di, house)).await;
        let first = file.next().await.expect("a piece").expect("rows");
        assert!(first.starts_with(b"id\r\n"));
        done(&world.owner, "team/remove", &[("slug", &house.slug), ("id", &id)]).await;
        assert!(
            file.next().await.expect("a piece").is_err(),
            "the file is broken off, so that it is not taken for the whole"
        );
        assert!(file.next().await.is_none());
        let (now, event) = house.chain(house.organisation).await;
        let event = event.expect("an event");
        assert_eq!((&event["action"], &event["outcome"]), (&json!("log.export"), &json!("refused")), "{event}");
        assert_eq!((&event["actor"]["id"], &event["subject"]["kind"]), (&json!(id), &json!("log")), "{event}");
        let told = crate::tests::audit_room::events(house).await;
        let (number, removed) = &told[told.len() - 2];
        assert_eq!((*number, &removed["action"]), (now - 1, &json!("team.remove")), "it is told of once");

        let (id, secret) = world.key("short-lived", &[("metrics", "enabled")]).await;
        let program = house.program(&secret);
        let made =
            program.api("POST", "/v1/logs/exports", json!({ "filters": {}, "requested_data": ["id"] })).await.json();
        let path = format!("/v1/logs/exports/{}", text(&made, "id"));
        assert_eq!(program.api("POST", &format!("{path}/start"), Value::Null).await.status, 200);
        let link = text(&program.api("GET", &format!("{path}/download"), Value::Null).await.json(), "signed_url");
        let link = link.strip_prefix("http://latchkey.test").expect("an address of ours");
        let mut file = begun(house, Request::get(link).body(Body::empty()).expect("a request")).await;
        assert!(file.next().await.expect("a piece").is_ok());
        // The fetch by an address is a use of the key.
        let used = async || {
            let master = house.program(&house.master_key);
            master.api("GET", &format!("/v1/api-keys/{id}"), Value::Null).await.json()["last_used_at"].clone()
        };
        house.app.clock.advance(2 * MINUTE);
        let before = used().await;
        drop(file);
        assert_eq!(house.nobody().api("GET", link, Value::Null).await.status, 200);
        for _ in 0..100 {
            if used().await != before {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_ne!(used().await, before);
        let mut file = begun(house, Request::get(link).body(Body::empty()).expect("a request")).await;
        assert!(file.next().await.expect("a piece").is_ok());
        done(&world.owner, "api_keys/delete", &[("slug", &house.slug), ("id", &id), ("confirm", "short-lived")]).await;
        assert!(file.next().await.expect("a piece").is_err());
        let refused = house.nobody().api("GET", link, Value::Null).await;
        assert_eq!(refused.status, 401, "the address goes with the key: {}", refused.text);
        let (_, event) = house.chain(house.organisation).await;
        let event = event.expect("an event of the organisation whose key it was");
        assert_eq!((&event["action"], &event["outcome"]), (&json!("log.export"), &json!("refused")), "{event}");
        assert_eq!((&event["actor"]["id"], &event["reason"]), (&json!(id), &json!("api_key_revoked")), "{event}");
        assert_eq!(event["subject"]["kind"], "request");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn few_exports_of_an_organisation_run_at_once() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let house = &world.house;
        let refused = async |who: &Client, says: &str| {
            let (before, _) = house.chain(house.organisation).await;
            let refused = export(who, house, "csv", &["id"], &[]).await;
            assert_eq!((refused.status, refused.code().as_str()), (429, "too_many_requests"));
            assert_eq!(refused.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()), Some("10"));
            assert!(refused.text.contains(says), "{}", refused.text);
            let (after, event) = house.chain(house.organisation).await;
            assert_eq!((after - before, event.expect("an event")["outcome"].as_str()), (1, Some("failed")));
        };
        let first = begun(house, form(&world.owner, house)).await;
        refused(&world.owner, "You have exports under way").await;
        let second = begun(house, form(&world.member, house)).await;
        refused(&world.admin, "This organisation has 2 exports under way").await;
        // Others have places of their own, and a place is free once a file has ended or its reader has left.
        let fields = [("slug", world.south.as_str()), ("format", "csv"), ("field.id", "yes")];
        assert_eq!(world.stranger.form("logs/export", &fields).await.status, 200);
        drop(first);
        assert_eq!(export(&world.owner, house, "csv", &["id"], &[]).await.status, 200);
        drop(second);
        assert_eq!(export(&world.member, house, "csv", &["id"], &[]).await.status, 200);
        // Whoever takes too long over a file gets no more of it.
        let rows: Vec<Row> = (1..=600_u128).map(|id| Row::new(id, 1_000 + i64::try_from(id).expect("small"))).collect();
        put(house, &rows).await;
        let mut file = begun(house, form(&world.owner, house)).await;
        assert!(file.next().await.expect("a piece").is_ok());
        house.app.clock.advance(HOUR + 1);
        assert!(file.next().await.expect("a piece").is_err());
        assert!(file.next().await.is_none());
    })
    .await;
}
