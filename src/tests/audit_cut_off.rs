//! Acts whose effect lies outside the database, of which nobody knows what came: the log says that they were begun.

use super::{
    audit_delivery::{Hook, SILENT, set_up},
    audit_room::{expect_schema, page},
    support::{House, World, done, each_engine},
};
use crate::{
    gateway::tests::support::Upstream,
    kernel::time::MINUTE,
    server::access::unknown::{over, tell},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::{io::AsyncWriteExt, sync::Notify};

async fn left(house: &House) -> usize {
    house.snapshot().await.iter().filter(|row| row.starts_with("audit_pending:")).count()
}

/// Asks for a test and leaves when the receiver has the message, which it never answers.
async fn cut_off(world: &World, hook: &mut Hook) {
    hook.answers(SILENT);
    let (owner, slug) = (world.owner.clone(), world.house.slug.clone());
    let asking = tokio::spawn(async move { owner.form("audit/test_delivery", &[("slug", slug.as_str())]).await });
    while hook.taken().is_empty() {
        assert!(!asking.is_finished(), "the receiver does not answer");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    asking.abort();
    assert!(asking.await.is_err_and(|error| error.is_cancelled()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_that_is_cut_off_leaves_a_trace() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (house, north, slug) = (&world.house, world.house.organisation, world.house.slug.as_str());
        let mut hook = Hook::open().await;
        set_up(&world, &hook, "now").await;
        // What is told of leaves nothing behind, whatever comes of it.
        for status in [200, 500] {
            hook.answers(status);
            done(&world.owner, "audit/test_delivery", &[("slug", slug)]).await;
        }
        assert_eq!(left(house).await, 0);
        hook.taken();

        let before = house.chain(north).await.0;
        cut_off(&world, &mut hook).await;
        let begun = house.app.clock.now();
        assert_eq!((house.chain(north).await.0, left(house).await), (before, 1));
        // Another replica may still be at it.
        tell(&house.app, over(&house.app, None)).await.expect("a round");
        assert_eq!((house.chain(north).await.0, left(house).await), (before, 1));
        let start = house.app.clock.now();
        assert_eq!(over(&house.app, Some(start)) == start, !house.app.db.is_postgres(), "SQLite has one program");

        house.app.clock.advance(11 * MINUTE);
        let now = over(&house.app, None);
        let (one, two) = tokio::join!(tell(&house.app, now), tell(&house.app, now));
        one.and(two).expect("a round");
        let (count, told) = house.chain(north).await;
        let told = told.expect("an event");
        assert_eq!((count, left(house).await), (before + 1, 0), "it is told of once");
        let said = ["action", "outcome", "reason", "signed_in_by"].map(|name| &told[name]);
        assert_eq!(said, [&json!("audit.test_delivery"), &json!("unknown"), &json!("cut_off"), &json!("password")]);
        assert_eq!((&told["actor"]["name"], &told["subject"]["kind"]), (&json!("Ada"), &json!("audit_delivery")));
        let change = &told["changes"][0];
        assert_eq!((&change["field"], &change["was"]), (&json!("begun_at"), &Value::Null));
        assert!(change["now"].as_str().is_some_and(|at| *at <= *begun.rfc3339()), "{told}");
        expect_schema(house, &[north]).await;
        let shown = page(&world.owner, slug, &[("outcome", "unknown")]).await;
        assert_eq!(shown["events"].as_array().map(Vec::len), Some(1), "{shown}");
        let html = world.owner.page(&format!("/o/{slug}/audit?outcome=unknown")).await.text;
        assert!(html.contains("Not known") && html.contains("began this, and was cut off"), "{html}");
        tell(&house.app, over(&house.app, None)).await.expect("a round");
        assert_eq!(house.chain(north).await.0, before + 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_after_it_began_is_told_of_once() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let (house, north) = (&world.house, world.house.organisation);
        let go = Arc::new(Notify::new());
        let gate = go.clone();
        let mut receiver = Upstream::scripted(move |mut stream| {
            let gate = gate.clone();
            async move {
                gate.notified().await;
                let answer = "HTTP/1.1 200 X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        })
        .await;
        let url = format!("http://127.0.0.1:{}/v1/hook", receiver.port);
        let fields = [("slug", house.slug.as_str()), ("url", &url), ("format", "events"), ("begin", "now")];
        done(&world.owner, "audit/set_delivery", &fields).await;
        let (admin, slug) = (world.admin.clone(), house.slug.clone());
        let asking = tokio::spawn(async move { admin.form("audit/test_delivery", &[("slug", slug.as_str())]).await });
        receiver.received.recv().await.expect("the message");
        // Whoever asks loses the right while the receiver takes its time.
        let bo = world.id_of("bo@north.test").await;
        done(&world.owner, "team/change_role", &[("slug", &house.slug), ("id", &bo), ("role", "member")]).await;
        let before = house.chain(north).await.0;
        go.notify_one();
        let answer = asking.await.expect("an answer");
        assert_eq!(answer.status, 403, "{}", answer.text);
        let (count, told) = house.chain(north).await;
        let told = told.expect("an event");
        assert_eq!((count, &told["outcome"], left(house).await), (before + 1, &json!("refused"), 0), "{told}");
        house.app.clock.advance(11 * MINUTE);
        tell(&house.app, over(&house.app, None)).await.expect("a round");
        assert_eq!(house.chain(north).await.0, before + 1);
    })
    .await;
}
