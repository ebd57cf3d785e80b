//! Model calls: a key that ended while the body was on its way, while the provider thought, or in the middle of a stream.

use super::{End, Late, done, listen};
use crate::{
    gateway::tests::support::{STREAM, Upstream, chunk, completion, piece},
    tests::support::{Client, House, each_engine, provide},
};
use axum::{body::Body, http::Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::AsyncWriteExt,
    time::{Instant, sleep, timeout},
};
use tower::ServiceExt;

/// By when an answer must have ended, counted from the end of its key. The machine may be busy besides.
const PROMISED: Duration = Duration::from_millis(5_500);

const ENDS: [End; 4] = [
    ("api_keys/delete", &[("confirm", "ci")], 401, "api_key_revoked"),
    ("api_keys/disable", &[("confirm", "ci")], 401, "api_key_disabled"),
    ("api_keys/update", &[("version", "1"), ("name", "ci"), ("completions", "disabled")], 403, "permission_denied"),
    ("api_keys/rotate", &[("overlap", "now")], 401, "api_key_revoked"),
];

struct Scene {
    house: House,
    owner: Client,
}

impl Scene {
    async fn new(house: House, provider: &Upstream) -> Self {
        let (house, owner) = house.with_ada().await;
        provide(&owner, &house.slug, "main", "openai", provider).await;
        Self { house, owner }
    }

    /// A key that may call: its id and secret.
    async fn key(&self) -> (String, String) {
        let fields = [("slug", self.house.slug.as_str()), ("name", "ci"), ("completions", "enabled"), ("expiry", "90")];
        let made = self.owner.form("api_keys/create", &fields).await.json();
        let text = |field: &str| made[field].as_str().unwrap_or_else(|| panic!("{field} in {made}")).to_owned();
        (text("id"), text("secret"))
    }

    async fn end(&self, path: &str, id: &str, more: &[(&str, &str)]) {
        let fields = [&[("slug", self.house.slug.as_str()), ("id", id)], more].concat();
        done(&self.owner, path, &fields).await;
    }

    /// The error codes of the calls in the log of these programs, latest first.
    async fn codes(&self, houses: &[&House]) -> Vec<Value> {
        for house in houses {
            assert!(house.gateway.recorder.drain(Duration::from_secs(5)).await, "the log comes to rest");
        }
        let log = self.owner.form("logs/list", &[("slug", self.house.slug.as_str())]).await.json();
        let calls = log["calls"].as_array().unwrap_or_else(|| panic!("calls in {log}")).clone();
        calls.into_iter().map(|call| call["error_code"].clone()).collect()
    }
}

fn body(stream: bool) -> Value {
    json!({ "model": "@main/gpt-4o", "stream": stream, "messages": [{ "role": "user", "content": "Hello" }] })
}

#[tokio::test]
async fn a_key_that_ended_meanwhile_reaches_no_provider() {
    each_engine(async |house| {
        let provider = Upstream::json(200, "", &completion()).await;
        let scene = Scene::new(house, &provider).await;
        let port = listen(&scene.house).await;
        let route = "POST /v1/chat/completions";
        for (path, more, status, code) in ENDS {
            let (id, secret) = scene.key().await;
            let late = Late::program(port, &secret, route, &body(false)).await;
            scene.end(path, &id, more).await;
            let told = late.finish().await;
            assert_eq!((told.status, told.code()), (status, code), "{path}: {told:?}");
        }
        let (_, secret) = scene.key().await;
        let late = Late::program(port, &secret, route, &body(false)).await;
        scene.house.app.clock.advance(91 * crate::kernel::time::DAY);
        let told = late.finish().await;
        assert_eq!((told.status, told.code()), (401, "api_key_expired"), "{told:?}");
        assert_eq!(provider.seen(), 0, "no provider was reached");

        let owner = scene.house.person("ada@north.test").await;
        let scene = Scene { owner, ..scene };
        let (_, secret) = scene.key().await;
        assert_eq!(Late::program(port, &secret, route, &body(false)).await.finish().await.status, 200);
        let late = Late::program(port, &secret, route, &body(false)).await;
        let fields = [("slug", scene.house.slug.as_str()), ("key", "main"), ("confirm", "Main")];
        done(&scene.owner, "virtual_keys/delete", &fields).await;
        let told = late.finish().await;
        assert_eq!((told.status, told.code()), (404, "virtual_key_not_found"), "{told:?}");
        assert_eq!(provider.seen(), 1);
    })
    .await;
}

/// A provider that goes on for ever.
async fn endless() -> Upstream {
    Upstream::scripted(|mut stream| async move {
        let _ = stream.write_all(STREAM.as_bytes()).await;
        while stream.write_all(chunk(&piece("word ")).as_bytes()).await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await
}

/// Begins a streamed call through this program and reads its first piece.
async fn stream(house: &House, secret: &str) -> Body {
    let request = Request::post("/v1/chat/completions")
        .header("content-type", "application/json")
        .header("x-portkey-api-key", secret)
        .body(Body::from(body(true).to_string()))
        .expect("a request");
    let Ok(response) = house.router.clone().oneshot(request).await;
    assert_eq!(response.status(), 200);
    let mut body = response.into_body();
    let first = body.frame().await.expect("a frame").expect("a piece");
    assert!(first.into_data().is_ok_and(|data| data.starts_with(b"data: ")));
    body
}

/// Reads a stream to its end: the last bytes, and how long it took.
async fn rest(mut body: Body) -> (String, Duration) {
    let since = Instant::now();
    let mut last = String::new();
    let read = async {
        while let Some(Ok(frame)) = body.frame().await {
            last = frame.into_data().map(|data| String::from_utf8_lossy(&data).into_owned()).unwrap_or_default();
        }
    };
    timeout(Duration::from_secs(15), read).await.expect("the stream ends");
    (last, since.elapsed())
}

#[tokio::test]
async fn a_running_stream_ends_with_its_key() {
    each_engine(async |house| {
        let provider = endless().await;
        let scene = Scene::new(house, &provider).await;
        // Hears of no change: it stands for a replica whose link is cut.
        let deaf = scene.house.another(|_| {}).await;
        for (path, more, _, code) in ENDS {
            let (id, secret) = scene.key().await;
            let (here, there) = (stream(&scene.house, &secret).await, stream(&deaf, &secret).await);
            scene.end(path, &id, more).await;
            let ((last, took), (last_there, took_there)) = tokio::join!(rest(here), rest(there));
            assert!(took < Duration::from_secs(2), "{path}: {took:?}");
            assert!(took_there < PROMISED, "{path} elsewhere: {took_there:?}");
            for last in [last, last_there] {
                assert!(last.contains(&format!("\"code\":\"{code}\"")) && last.contains("error"), "{path}: {last}");
            }
            let codes = scene.codes(&[&scene.house, &deaf]).await;
            assert_eq!(codes[..2], [json!(code), json!(code)], "{path} is in the log");
        }
        // One that expires is judged by the clock alone.
        let (_, secret) = scene.key().await;
        let (other, secret_of_other) = scene.key().await;
        let (expiring, lasting) = (stream(&scene.house, &secret).await, stream(&scene.house, &secret_of_other).await);
        let keep = [("version", "1"), ("name", "ci"), ("completions", "enabled"), ("expiry", "none")];
        scene.end("api_keys/update", &other, &keep).await;
        scene.house.app.clock.advance(91 * crate::kernel::time::DAY);
        let (last, took) = rest(expiring).await;
        assert!(last.contains("\"code\":\"api_key_expired\"") && took < PROMISED, "{took:?}: {last}");
        // What lives goes on, for longer than a key is believed here and on a replica: only time could end it.
        let still = timeout(Duration::from_secs(3), rest(lasting)).await;
        assert!(still.is_err(), "the stream of a key that lives has ended: {still:?}");
    })
    .await;
}

#[tokio::test]
async fn what_a_person_runs_ends_with_their_session() {
    each_engine(async |house| {
        let provider = endless().await;
        let scene = Scene::new(house, &provider).await;
        let slug = scene.house.slug.as_str();
        let deaf = scene.house.another(|_| {}).await;
        let typed =
            [("slug", slug), ("string", "Hello"), ("form", "text"), ("model", "gpt-4o"), ("virtual_key", "main")];
        let typed = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(typed).finish();
        let person = scene.house.person("ada@north.test").await;
        let run = async |house: &House| {
            let request = Request::post("/fn/prompts/run")
                .header("content-type", "application/x-www-form-urlencoded")
                .header("accept", "application/json")
                .header("sec-fetch-site", "same-origin")
                .header("cookie", person.cookie())
                .body(Body::from(typed.clone()))
                .expect("a request");
            let Ok(response) = house.router.clone().oneshot(request).await;
            assert_eq!(response.status(), 200);
            let mut body = response.into_body();
            let first = body.frame().await.expect("a frame").expect("a piece");
            let first = first.into_data().expect("data");
            assert!(String::from_utf8_lossy(&first).contains("filled"), "{first:?}");
            body
        };
        let (here, there) = (run(&scene.house).await, run(&deaf).await);
        done(&person, "account/sign_out", &[]).await;
        let ((last, took), (last_there, took_there)) = tokio::join!(rest(here), rest(there));
        assert!(took < PROMISED && took_there < PROMISED, "{took:?} {took_there:?}");
        for last in [last, last_there] {
            assert!(last.contains("\"end\"") && !last.contains("\"refusal\":\"\""), "{last}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_prompt_is_not_shown_once_the_right_to_see_it_has_ended() {
    each_engine(async |house| {
        let provider = Upstream::json(200, "", &completion()).await;
        let scene = Scene::new(house, &provider).await;
        let port = listen(&scene.house).await;
        let slug = scene.house.slug.as_str();
        let prompt = [
            ("slug", slug),
            ("name", "Letter"),
            ("own_slug", "letter"),
            ("string", r#"[{"role": "user", "content": "Dear {{name}}"}]"#),
            ("model", "gpt-4o"),
            ("virtual_key", "main"),
            ("publish", "yes"),
        ];
        done(&scene.owner, "prompts/create", &prompt).await;
        for route in ["POST /v1/prompts/letter/render", "POST /v1/prompts/letter/completions"] {
            let fields =
                [("slug", slug), ("name", "ci"), ("completions", "enabled"), ("prompts", "read"), ("expiry", "90")];
            let made = scene.owner.form("api_keys/create", &fields).await.json();
            let (id, secret) = (made["id"].as_str().expect("an id"), made["secret"].as_str().expect("a secret"));
            let asked = json!({ "variables": { "name": "Zoë" } });
            assert_eq!(Late::program(port, secret, route, &asked).await.finish().await.status, 200, "{route}");
            let (before, late) = (provider.seen(), Late::program(port, secret, route, &asked).await);
            scene
                .end(
                    "api_keys/update",
                    id,
                    &[("version", "1"), ("name", "ci"), ("completions", "enabled"), ("prompts", "disabled")],
                )
                .await;
            let told = late.finish().await;
            assert_eq!((told.status, told.code()), (403, "permission_denied"), "{route}: {told:?}");
            assert_eq!(provider.seen(), before, "{route} reached the provider");
            assert!(!told.text.contains("Dear"), "{told:?}");
        }
    })
    .await;
}

/// A call whose provider sends `start` and then thinks.
async fn waits_in_vain(start: &'static str) {
    each_engine(async |house| {
        let provider = Upstream::scripted(move |mut stream| async move {
            let _ = stream.write_all(start.as_bytes()).await;
            sleep(Duration::from_secs(30)).await;
        })
        .await;
        let scene = Scene::new(house, &provider).await;
        let port = listen(&scene.house).await;
        let (id, secret) = scene.key().await;
        let call = Late::program(port, &secret, "POST /v1/chat/completions", &body(false)).await;
        let call = tokio::spawn(call.finish());
        while provider.seen() == 0 {
            sleep(Duration::from_millis(10)).await;
        }
        sleep(Duration::from_millis(200)).await;
        scene.end("api_keys/disable", &id, &[("confirm", "ci")]).await;
        let since = Instant::now();
        let told = call.await.expect("an answer");
        assert_eq!((told.status, told.code()), (401, "api_key_disabled"), "after {start:?}: {told:?}");
        assert!(since.elapsed() < PROMISED, "{:?}", since.elapsed());
        assert_eq!(scene.codes(&[&scene.house]).await, [json!("api_key_disabled")]);
    })
    .await;
}

#[tokio::test]
async fn a_call_does_not_wait_for_a_provider_longer_than_its_key_lives() {
    waits_in_vain("").await;
}

#[tokio::test]
async fn nor_for_the_rest_of_an_answer() {
    waits_in_vain("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{").await;
}
