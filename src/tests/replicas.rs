//! Several programs on one PostgreSQL database.

use super::support::{Client, House, World, test_server};
use crate::server::{
    access::{App, jobs},
    audit::{
        self,
        verify::{Verdict, Verifier},
    },
};
use serde_json::Value;
use std::{future::Future, sync::Arc, time::Duration};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

/// A second, as promised, and what a busy machine takes besides. Without news a replica would go on for two.
const PROMISED: Duration = Duration::from_millis(1_500);

async fn on_postgres() -> Option<World> {
    Some(World::new(House::on_postgres(&test_server()?).await).await)
}

/// Whether the gateway lets this key in.
async fn opens(program: &Client) -> bool {
    match program.api("GET", "/v1/models", Value::Null).await.status {
        200 => true,
        401 | 403 => false,
        status => panic!("the gateway answers {status}"),
    }
}

/// Cuts keys off in one program, while another, which knows them, hears of changes by this job alone.
async fn a_cut_is_heard_of<F: Future<Output = ()> + Send + 'static>(job: impl FnOnce(App) -> F, begun: Duration) {
    let Some(world) = on_postgres().await else { return };
    let replica = world.house.another(|_| {}).await;
    let told = Arc::new(Notify::new());
    let tells = told.clone();
    replica.app.changes.listen(move |_| tells.notify_one());
    let job = tokio::spawn(job(replica.app.clone()));
    // The listener says that it is there; whoever compares asks at once.
    let _ = tokio::time::timeout(begun, told.notified()).await;
    let slug = ("slug", world.house.slug.as_str());
    for (path, more) in [
        ("api_keys/delete", vec![]),
        ("api_keys/disable", vec![]),
        ("api_keys/update", vec![("name", "ci"), ("version", "1"), ("completions", "disabled")]),
        ("api_keys/rotate", vec![("overlap", "now")]),
    ] {
        let (id, secret) = world.key("ci", &[("completions", "enabled")]).await;
        let program = replica.program(&secret);
        assert!(opens(&program).await, "before {path}");
        let fields = [[slug, ("id", id.as_str())].as_slice(), &more].concat();
        let answer = world.owner.form(path, &fields).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let since = Instant::now();
        while opens(&program).await {
            assert!(since.elapsed() < PROMISED, "{path} is not heard of");
            sleep(Duration::from_millis(10)).await;
        }
    }
    job.abort();
}

#[tokio::test]
async fn a_key_that_was_cut_off_elsewhere_is_refused_at_once() {
    a_cut_is_heard_of(async |app: App| jobs::listen(&app).await, Duration::from_secs(20)).await;
}

#[tokio::test]
async fn so_it_is_when_no_notification_comes() {
    a_cut_is_heard_of(async |app: App| jobs::compare(&app).await, Duration::from_millis(200)).await;
}

#[tokio::test]
async fn people_are_the_same_everywhere() {
    let Some(world) = on_postgres().await else { return };
    let replica = world.house.another(|_| {}).await;
    let there = |client: &Client| replica.nobody().with_cookie(client.cookie());
    let slug = ("slug", world.house.slug.as_str());
    let joined = world.join("di@north.test", "admin").await;
    assert_eq!(there(&joined).form("api_keys/list", &[slug]).await.status, 200);
    let id = world.id_of("di@north.test").await;
    let demoted = [slug, ("id", id.as_str()), ("role", "member"), ("asked", "true")];
    assert_eq!(world.owner.form("team/change_role", &demoted).await.status, 200);
    assert_eq!(there(&joined).form("api_keys/create", &[slug, ("name", "ci")]).await.status, 403);
    // An invitation of the one is accepted at the other.
    let (_, token) = world.invitation("ed@north.test", "member").await;
    let fields = [("token", token.as_str()), ("name", "Ed"), ("password", super::support::PASSWORD)];
    assert_eq!(replica.nobody().form("invitation/join", &fields).await.status, 200);
    assert_eq!(there(&world.owner).form("team/remove", &[slug, ("id", &id)]).await.status, 200);
    assert_eq!(joined.form("team/list", &[slug]).await.status, 404);
}

#[tokio::test]
async fn writers_at_once_leave_one_chain() {
    let Some(world) = on_postgres().await else { return };
    let house = &world.house;
    let replica = house.another(|_| {}).await;
    let keys = async || {
        let listed = house.program(&house.master_key).api("GET", "/v1/api-keys", serde_json::Value::Null).await.json();
        listed["total"].as_i64().expect("a count")
    };
    let (before, keys_before) = (house.chain(house.organisation).await.0, keys().await);
    let writers: Vec<_> = (0..50)
        .map(|n| {
            let program = if n % 2 == 0 { house } else { &replica }.program(&house.master_key);
            let body = serde_json::json!({ "name": format!("key {n}") });
            tokio::spawn(async move {
                // A slow machine may say that it is busy; what it refused so has left no more than its event, if that.
                for _ in 0..20 {
                    match program.api("POST", "/v1/api-keys", body.clone()).await.status {
                        503 => {}
                        status => return status,
                    }
                }
                503
            })
        })
        .collect();
    for writer in writers {
        let status = writer.await.expect("an answer");
        assert!(status < 300, "{status}");
    }
    let mut tx = house.app.read_proven(house.organisation).await.expect("reads");
    let head = audit::head(&mut tx).await.expect("reads").expect("a head");
    assert!(head.seq >= before + 50, "{before} {}", head.seq);
    assert_eq!(keys().await, keys_before + 50);
    let mut verifier = Verifier::new(house.organisation);
    audit::page(&mut tx, 0, 1_000).await.expect("a page").iter().for_each(|event| verifier.take(event));
    let verdict = verifier.finish(Some((head.seq, &head.hash)));
    assert!(matches!(verdict, Verdict::Whole { events, .. } if events == head.seq), "{verdict:?}");
}

/// Two Owners who demote one another at once, each through a program of their own.
#[tokio::test]
async fn an_owner_remains() {
    let Some(world) = on_postgres().await else { return };
    let replica = world.house.another(|_| {}).await;
    let slug = ("slug", world.house.slug.as_str());
    let (ada_id, bo_id) = (world.id_of("ada@north.test").await, world.id_of("bo@north.test").await);
    let bo = replica.nobody().with_cookie(world.admin.cookie());
    let set = async |by: &Client, id: &str, role: &str| {
        by.form("team/change_role", &[slug, ("id", id), ("role", role), ("asked", "true")]).await.status
    };
    for round in 0..20 {
        // Whoever is left gives the other one the role again.
        let owner_again = [set(&world.owner, &bo_id, "owner").await, set(&bo, &ada_id, "owner").await];
        assert!(owner_again.contains(&200), "round {round}: {owner_again:?}");
        let (one, two) = tokio::join!(set(&world.owner, &bo_id, "admin"), set(&bo, &ada_id, "admin"));
        let mut statuses = [one, two];
        statuses.sort_unstable();
        assert!(statuses[0] == 200 && matches!(statuses[1], 403 | 409), "round {round}: {statuses:?}");
    }
}

/// Rather than to guess what a key that it remembers may still do.
#[tokio::test]
async fn a_replica_without_its_database_stops_answering() {
    let Some(world) = on_postgres().await else { return };
    let replica = world.house.another(|_| {}).await;
    let program = replica.program(&world.house.master_key);
    let call = async || program.api("POST", "/v1/chat/completions", serde_json::json!({})).await.status;
    assert_eq!(call().await, 400, "the key is known, and the body is no call");
    replica.app.db.close().await;
    let since = Instant::now();
    loop {
        match call().await {
            400 => assert!(since.elapsed() < Duration::from_secs(5), "it goes on answering"),
            status => break assert_eq!(status, 503),
        }
        sleep(Duration::from_millis(50)).await;
    }
    let nobody = replica.nobody();
    assert_eq!((nobody.page("/readyz").await.status, nobody.page("/healthz").await.status), (503, 200));
    assert_eq!(program.api("GET", "/v1/api-keys", Value::Null).await.status, 503);
}
