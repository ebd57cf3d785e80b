//! What every answer carries, whatever it answers; what a page may run; and who may post.

use super::support::{Answer, House, World, difference, each_engine};
use crate::{http, web::Security};
use axum::{body::Body, http::Request};
use serde_json::Value;
use std::collections::BTreeSet;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

/// The headers that an answer lacks, or that say something else.
fn lacking(header: impl Fn(&str) -> Option<String>) -> Vec<&'static str> {
    let mut lacking: Vec<&str> = [
        ("x-content-type-options", "nosniff"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ]
    .into_iter()
    .filter(|(name, value)| header(name).as_deref() != Some(value))
    .map(|(name, _)| name)
    .collect();
    if !matches!(header("referrer-policy").as_deref(), Some("same-origin" | "no-referrer")) {
        lacking.push("referrer-policy");
    }
    if !header("permissions-policy").is_some_and(|value| value.contains("camera=()")) {
        lacking.push("permissions-policy");
    }
    lacking
}

fn header(answer: &Answer, name: &str) -> Option<String> {
    answer.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The program's own listener in front of this house; gives its port.
async fn listen(house: &House) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let security = Security::of(&house.app.public_url);
    let (router, gateway) = (house.router.clone(), house.gateway.clone());
    tokio::spawn(http::serve(listener, router, gateway, security, vec![], CancellationToken::new()));
    port
}

/// Sends these bytes and reads the answer to its end.
async fn exchange(port: u16, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("connects");
    // Whoever refuses early does not read on.
    let _ = stream.write_all(request).await;
    let mut answer = vec![];
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let tls = house.another(|parts| parts.public_url = "https://keys.example.org".into()).await;
        let inside = format!("/o/{}/api-keys", house.slug);
        for is_tls in [false, true] {
            let house = if is_tls { &tls } else { &house };
            let (nobody, program) = (house.nobody(), house.program(&house.master_key));
            let mut answers = vec![];
            for (status, path) in
                [(200, "/sign-in"), (404, "/nowhere"), (200, "/healthz"), (200, "/readyz"), (404, "/pkg/none.js")]
            {
                answers.push((status, path, nobody.page(path).await));
            }
            if !is_tls {
                answers.push((200, "a page inside", ada.page(&inside).await));
            }
            answers.push((200, "/v1/openapi.json", nobody.api("GET", "/v1/openapi.json", Value::Null).await));
            answers.push((200, "a server function", nobody.form("account/front", &[]).await));
            answers.push((401, "a refused server function", nobody.form("account/view", &[]).await));
            answers.push((404, "no server function", nobody.form("no/such", &[]).await));
            answers.push((
                302,
                "a form whose page leads to the sign-in",
                nobody.plain_form("/account", "account/rename", &[("name", "x")]).await,
            ));
            answers.push((200, "the API", program.api("GET", "/v1/api-keys", Value::Null).await));
            answers.push((401, "the API without a key", nobody.api("GET", "/v1/api-keys", Value::Null).await));
            answers.push((405, "another method", program.api("PATCH", "/v1/api-keys", Value::Null).await));
            answers.push((401, "the gateway", nobody.api("GET", "/v1/models", Value::Null).await));
            answers.push((401, "below the gateway", nobody.api("GET", "/v1/none", Value::Null).await));
            for (status, what, answer) in &answers {
                assert_eq!(answer.status, *status, "{what}: {}", answer.text);
                assert_eq!(lacking(|name| header(answer, name)), Vec::<&str>::new(), "{what}");
                let hsts = header(answer, "strict-transport-security");
                assert_eq!(hsts.is_some_and(|value| value.starts_with("max-age=63072000")), is_tls, "{what}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_page_runs_only_the_scripts_of_its_own_answer() {
    each_engine(async |house| {
        let (house, ada) = house.with_ada().await;
        let mut nonces = BTreeSet::new();
        let inside = format!("/o/{}/api-keys", house.slug);
        let paths = ["/sign-in", "/sign-in", "/account", &inside, "/nowhere"];
        for path in paths {
            let page = if path == "/sign-in" { house.nobody().page(path).await } else { ada.page(path).await };
            let policy = header(&page, "content-security-policy").unwrap_or_else(|| panic!("a policy of {path}"));
            let directives: Vec<Vec<&str>> = policy.split(';').map(|part| part.split_whitespace().collect()).collect();
            for strict in [
                ["default-src", "'none'"],
                ["object-src", "'none'"],
                ["base-uri", "'none'"],
                ["frame-ancestors", "'none'"],
                ["form-action", "'self'"],
            ] {
                assert!(directives.iter().any(|directive| *directive == strict), "{strict:?} in {policy}");
            }
            let scripts = directives.iter().find(|directive| directive[0] == "script-src").expect("a rule of scripts");
            assert!(!policy.contains("'unsafe-inline'") && !policy.contains("'unsafe-eval'"), "{policy}");
            let nonce = scripts.iter().find_map(|word| word.strip_prefix("'nonce-")?.strip_suffix('\''));
            let nonce = nonce.expect("a nonce").to_owned();
            assert!(nonce.len() >= 22, "{nonce}");
            let tags: Vec<&str> = page.text.split("<script").skip(1).filter_map(|tag| tag.split('>').next()).collect();
            assert!(!tags.is_empty(), "{path} brings the data it is hydrated from");
            for tag in tags {
                assert!(tag.contains(&format!("nonce=\"{nonce}\"")), "<script{tag}> of {path}");
            }
            nonces.insert(nonce);
        }
        assert_eq!(nonces.len(), paths.len(), "no nonce comes twice");
    })
    .await;
}

#[tokio::test]
async fn no_server_function_obeys_another_site() {
    each_engine(async |house| {
        let world = World::new(house).await;
        let before = world.house.snapshot().await;
        let slug = format!("slug={}", world.house.slug);
        let foreign: [&[(&str, &str)]; 6] = [
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "cross-site"), ("origin", "http://latchkey.test")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("origin", "https://evil.example"), ("host", "evil.example")],
            &[],
        ];
        let types = ["application/x-www-form-urlencoded", "text/plain", "application/json", "multipart/form-data"];
        let mut paths = 0;
        for (path, method) in server_fn::axum::server_fn_paths() {
            paths += 1;
            for (n, headers) in foreign.iter().enumerate() {
                let mut request =
                    Request::builder().method(method.clone()).uri(path).header("accept", "application/json");
                request = request.header("content-type", types[n % types.len()]);
                for (name, value) in *headers {
                    request = request.header(*name, *value);
                }
                let answer = world.owner.send(request.body(Body::from(slug.clone())).expect("a request")).await;
                assert_eq!((answer.status, answer.code().as_str()), (403, "foreign_origin"), "{path} by {headers:?}");
            }
        }
        assert!(paths > 40, "{paths}");
        let after = world.house.snapshot().await;
        assert_eq!(difference(&before, &after), Vec::<&String>::new());
        // The session is alive, and from here the same is obeyed.
        assert_eq!(world.owner.form("api_keys/list", &[("slug", &world.house.slug)]).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn the_listener_bounds_heads_and_bodies() {
    let house = House::on_sqlite().await.founded().await;
    let port = listen(&house).await;
    let key = house.master_key.clone();
    let head = |line: &str, more: &str| format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{more}\r\n");
    let post = |path: &str, more: &str| {
        head(&format!("POST {path}"), &format!("sec-fetch-site: same-origin\r\nauthorization: Bearer {key}\r\n{more}"))
    };
    let much = "a".repeat(1024 * 1024 + 1);
    let chunked = format!("{:x}\r\n{much}\r\n0\r\n\r\n", much.len());
    let (length, form) =
        (format!("content-length: {}\r\n", much.len()), "content-type: application/x-www-form-urlencoded\r\n");
    let json = "content-type: application/json\r\n";
    for (status, what, request) in [
        (200, "a head within 32 KiB", head("GET /healthz", &format!("x-long: {}\r\n", "a".repeat(30 * 1024)))),
        (431, "a head beyond them", head("GET /healthz", &format!("x-long: {}\r\n", "a".repeat(32 * 1024)))),
        (431, "a head far beyond them", head("GET /healthz", &format!("x-long: {}\r\n", "a".repeat(72 * 1024)))),
        (413, "a form", post("/fn/account/sign_in", &format!("{form}{length}")) + &much),
        (
            413,
            "a form in pieces",
            post("/fn/account/sign_in", &format!("{form}transfer-encoding: chunked\r\n")) + &chunked,
        ),
        (413, "a management call", post("/v1/api-keys", &format!("{json}{length}")) + &much),
        (413, "one in pieces", post("/v1/api-keys", &format!("{json}transfer-encoding: chunked\r\n")) + &chunked),
        (401, "a model call", head("POST /v1/chat/completions", "content-length: 0\r\n")),
    ] {
        let answer = exchange(port, request.as_bytes()).await;
        let line = answer.lines().next().unwrap_or_default();
        assert!(line.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {line}");
        // A head that was not read to its end is refused by the library, without more words.
        if what != "a head far beyond them" {
            let said = |name: &str| {
                let line = answer.lines().find(|line| line.starts_with(&format!("{name}: ")))?;
                Some(line[name.len() + 2..].to_owned())
            };
            assert_eq!(lacking(said), Vec::<&str>::new(), "{what}");
        }
    }
}
