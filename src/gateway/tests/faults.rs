//! Providers that refuse, hang, lie, break off and never end.

use super::support::*;
use crate::{gateway::target::Address, kernel::provider::Provider, server::outgoing::BaseUrl};
use http::Method;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// What a caller is told when the provider is as given, and that the log says the same.
async fn told_of(upstream: Upstream) -> (u16, String) {
    let house = House::new().await;
    house.target("main", Provider::OpenAi, upstream.port);
    let refusal = house.chat(&hello()).await.refusal();
    let (status, error) = house.only_record().await;
    assert_eq!((status, error.as_deref()), (refusal.0, Some(&*refusal.1)));
    refusal
}

#[tokio::test]
async fn who_refuses_the_connection_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let house = House::new().await;
    house.target("main", Provider::OpenAi, port);
    assert_eq!(house.chat(&hello()).await.refusal(), (502, "upstream_unreachable".into()));
}

#[tokio::test]
async fn who_hangs_is_given_up() {
    let holding = Upstream::scripted(|stream| async move {
        let _held = stream;
        sleep(5 * SOON).await;
    })
    .await;
    let half = Upstream::scripted(|mut stream: TcpStream| async move {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"choices\":";
        let _ = stream.write_all(head).await;
        sleep(5 * SOON).await;
    })
    .await;
    let dribbling = Upstream::scripted(|mut stream: TcpStream| async move {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
        let _ = stream.write_all(head).await;
        while stream.write_all(b"1\r\n \r\n").await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    assert_eq!(told_of(holding).await, (504, "upstream_timeout".into()));
    assert_eq!(told_of(half).await, (504, "upstream_idle_timeout".into()));
    assert_eq!(told_of(dribbling).await, (504, "upstream_timeout".into()));
}

#[tokio::test]
async fn who_never_ends_or_declares_too_much_is_cut_off() {
    let endless = Upstream::scripted(|mut stream: TcpStream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n").await;
        while stream.write_all(&[b' '; 4096]).await.is_ok() {}
    })
    .await;
    assert_eq!(told_of(endless).await, (502, "upstream_answer_too_large".into()));
    let huge = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1073741824\r\n\r\n{";
    assert_eq!(told_of(Upstream::saying(huge).await).await, (502, "upstream_answer_too_large".into()));
}

#[tokio::test]
async fn what_is_no_answer_is_a_documented_502() {
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\n";
    for (answer, code) in [
        (format!("{head}content-length: 100\r\n\r\n{{\"choices\":[]}}"), "upstream_broken_answer"),
        (format!("{head}transfer-encoding: chunked\r\n\r\n5\r\nab"), "upstream_broken_answer"),
        (format!("{head}content-length: 3\r\ncontent-length: 4\r\n\r\nabcd"), "upstream_broken_answer"),
        ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), "upstream_broken_answer"),
        (String::new(), "upstream_broken_answer"),
        (format!("{head}content-length: 6\r\n\r\n<html>"), "upstream_invalid_answer"),
        (format!("{head}content-length: 0\r\n\r\n"), "upstream_invalid_answer"),
        (format!("{head}content-length: 2\r\n\r\n[]"), "upstream_invalid_answer"),
        (format!("{head}content-encoding: gzip\r\ncontent-length: 2\r\n\r\n{{}}"), "upstream_invalid_answer"),
        (
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n".to_owned(),
            "upstream_redirected",
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n".to_owned(), "upstream_invalid_answer"),
        (format!("{STREAM}{}0\r\n\r\n", chunk(&piece("Hi"))), "upstream_invalid_answer"),
    ] {
        assert_eq!(told_of(Upstream::saying(answer.clone()).await).await, (502, code.into()), "{answer:?}");
    }
}

#[tokio::test]
async fn bad_tls_is_a_502() {
    let upstream = Upstream::saying("").await;
    let house = House::new().await;
    house.target("main", Provider::OpenAi, upstream.port);
    {
        let mut targets = house.rooms.targets.lock().expect("the targets");
        let target = targets.values_mut().next().expect("a target");
        let allowed = house.gateway.outgoing.allowed();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        std::thread::spawn(move || {
            use std::io::Write;
            while let Ok((mut stream, _)) = listener.accept() {
                let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            }
        });
        let base = BaseUrl::parse(&format!("https://127.0.0.1:{port}"), allowed).expect("a base");
        target.address = Some(Address::new(Provider::OpenAi, base));
    }
    let refusal = house.chat(&hello()).await.refusal();
    assert_eq!(refusal, (502, "upstream_tls_failed".into()));
}

#[tokio::test]
async fn a_refused_credential_does_not_look_like_the_callers_key() {
    let error =
        json!({ "error": { "message": format!("Incorrect API key provided: {SECRET}"), "code": "invalid_api_key" } });
    for status in [401, 403] {
        let upstream = Upstream::json(status, "www-authenticate: Bearer\r\n", &error).await;
        let house = House::new().await;
        house.target("main", Provider::OpenAi, upstream.port);
        let told = house.chat(&hello()).await;
        assert_eq!(told.refusal(), (424, "upstream_credential_refused".into()));
        assert_eq!((told.header("www-authenticate"), told.header("x-should-retry")), (None, Some("false")));
        let record = house.records().await.remove(0).outcome.expect("an outcome");
        assert_eq!(record.upstream_status, Some(status));
    }
}

#[tokio::test]
async fn a_providers_refusal_keeps_its_meaning() {
    let error = json!({ "error": { "message": "Slow down.", "type": "requests", "code": "rate_limit_exceeded" } });
    // A date, by the provider's own clock, says nothing to a client whose clock is another.
    let dated = "Tue, 14 Nov 2023 22:13:50 GMT";
    for (later, told_later) in [("7", Some("7")), ("1.2", Some("2")), (dated, Some("30"))] {
        let headers = format!("retry-after: {later}\r\nx-ratelimit-remaining-requests: 0\r\nset-cookie: a=b\r\n");
        let upstream = Upstream::json(429, &headers, &error).await;
        let house = House::new().await;
        house.target("main", Provider::OpenAi, upstream.port);
        for body in [hello(), streamed()] {
            let told = house.chat(&body).await;
            assert_eq!(told.refusal(), (429, "rate_limit_exceeded".into()));
            assert_eq!(told.header("retry-after"), told_later);
            assert_eq!(told.json()["message"], "Slow down.");
            assert_eq!(told.header("x-ratelimit-remaining-requests"), Some("0"));
            assert_eq!(told.header("x-portkey-provider"), Some("openai"));
            assert_eq!(told.header("set-cookie"), None);
        }
    }
}

#[tokio::test]
async fn nothing_that_a_provider_says_of_its_refusal_is_lost() {
    let error = json!({ "error": { "message": "Filtered.", "code": "content_filter", "param": "prompt", "type": null,
        "innererror": { "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": { "violence": { "filtered": true, "severity": "high" } } } } });
    let upstream = Upstream::json(400, "x-request-id: req_theirs\r\n", &error).await;
    let house = House::new().await;
    house.target("main", Provider::AzureOpenAi, upstream.port);
    let told = house.chat(&hello()).await;
    assert_eq!(told.refusal(), (400, "content_filter".into()));
    assert_eq!(told.json()["error"]["innererror"], error["error"]["innererror"]);
    assert_eq!(told.header("x-latchkey-upstream-request-id"), Some("req_theirs"));
    let outcome = house.records().await.remove(0).outcome.expect("an outcome");
    assert_eq!(outcome.upstream_id.as_deref(), Some("req_theirs"));
}

#[tokio::test]
async fn an_account_without_credit_is_no_limit_that_passes() {
    let upstream =
        Upstream::json(402, "", &json!({ "error": { "message": "Insufficient credits", "code": 402 } })).await;
    let house = House::new().await;
    house.target("main", Provider::OpenRouter, upstream.port);
    let told = house.chat(&hello()).await;
    assert_eq!(told.refusal(), (402, "upstream_quota_exhausted".into()));
    assert_eq!(
        (told.header("x-should-retry"), &told.json()["message"]),
        (Some("false"), &json!("Insufficient credits"))
    );
}

#[tokio::test]
async fn a_providers_word_on_when_to_try_again_goes_on_in_every_spelling() {
    let error = json!({ "error": { "message": "Slow down." } });
    for (headers, after, ms, again) in [
        ("retry-after-ms: 1500\r\n", Some("2"), Some("1500"), None),
        ("retry-after: 0.2\r\nx-should-retry: false\r\n", Some("1"), None, Some("false")),
        ("x-should-retry: true\r\n", None, None, Some("true")),
    ] {
        let upstream = Upstream::json(429, headers, &error).await;
        let house = House::new().await;
        house.target("main", Provider::OpenAi, upstream.port);
        let told = house.chat(&hello()).await;
        let said = ["retry-after", "retry-after-ms", "x-should-retry"].map(|name| told.header(name));
        assert_eq!((told.status.as_u16(), said), (429, [after, ms, again]));
    }
}

#[tokio::test]
async fn a_model_that_fails_is_an_error_and_logged_as_one() {
    let failed = json!({ "candidates": [{ "content": {}, "finishReason": "MALFORMED_FUNCTION_CALL" }],
        "usageMetadata": { "promptTokenCount": 7 } });
    let upstream = Upstream::json(200, "", &failed).await;
    let house = House::new().await;
    house.target("main", Provider::Google, upstream.port);
    let told = house.chat(&hello()).await;
    assert_eq!(told.refusal(), (502, "upstream_model_failed".into()));
    assert_eq!(told.header("x-should-retry"), Some("false"));
    let outcome = house.records().await.remove(0).outcome.expect("an outcome");
    assert_eq!((outcome.kind().name(), outcome.usage.map(|usage| usage.input_tokens)), ("failed", Some(7)));
    // Where the answer passes through, it says so itself.
    let mut odd = completion();
    odd["choices"][0]["finish_reason"] = "error".into();
    let upstream = Upstream::json(200, "", &odd).await;
    let house = House::new().await;
    house.target("main", Provider::Mistral, upstream.port);
    assert_eq!(house.chat(&hello()).await.json(), odd);
    let outcome = house.records().await.remove(0).outcome.expect("an outcome");
    assert_eq!((outcome.status, outcome.kind().name()), (200, "failed"));
}

#[tokio::test]
async fn on_anthropics_own_path_errors_have_its_families() {
    let error = json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } });
    let upstream = Upstream::json(529, "", &error).await;
    let house = House::new().await;
    house.target("main", Provider::Anthropic, upstream.port);
    let mut headers = CALLER;
    let mut families = Vec::new();
    for (key, slug) in [("lk_good", "main"), ("lk_good", "none"), ("lk_bad", "main")] {
        (headers[0].1, headers[1].1) = (key, slug);
        let told = house.send(Method::POST, "/v1/messages", &headers, hello().to_string()).await;
        told.refusal();
        assert_eq!(told.json()["type"], "error");
        families.push(told.json()["error"]["type"].clone());
    }
    assert_eq!(families, ["overloaded_error", "not_found_error", "authentication_error"]);
}

#[tokio::test]
async fn the_callers_own_limit_is_kept_to() {
    let upstream = Upstream::scripted(|stream| async move {
        let _held = stream;
        sleep(5 * SOON).await;
    })
    .await;
    let house = House::new().await;
    house.target("main", Provider::OpenAi, upstream.port);
    let mut headers = CALLER.to_vec();
    headers.push(("x-portkey-request-timeout", "100"));
    let told = house.send(Method::POST, CHAT, &headers, hello().to_string()).await;
    assert_eq!(told.refusal(), (408, "request_timeout".into()));
}

#[tokio::test]
async fn the_callers_own_limit_holds_for_the_body_too() {
    let upstream = Upstream::scripted(|mut stream: TcpStream| async move {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
        let _ = stream.write_all(head).await;
        sleep(5 * SOON).await;
    })
    .await;
    let mut limits = hasty();
    limits.upstream.idle = 30 * SOON;
    let house = House::with(limits, 8).await;
    house.target("main", Provider::OpenAi, upstream.port);
    let mut headers = CALLER.to_vec();
    headers.push(("x-portkey-request-timeout", "500"));
    let told = house.send(Method::POST, CHAT, &headers, hello().to_string()).await;
    assert_eq!(told.refusal(), (408, "request_timeout".into()));
    // The call had left, so it failed and was not refused.
    let outcome = house.records().await.remove(0).outcome.expect("an outcome");
    assert_eq!((outcome.status, outcome.kind().name()), (408, "failed"));
}

/// Writes this and says no more.
async fn stalling(said: String) -> Upstream {
    Upstream::scripted(move |mut stream: TcpStream| {
        let said = said.clone();
        async move {
            let _ = stream.write_all(said.as_bytes()).await;
            sleep(20 * SOON).await;
        }
    })
    .await
}

#[tokio::test]
async fn the_callers_own_limit_holds_for_a_streamed_call_until_its_first_piece() {
    let head =
        |status: u16, kind: &str| format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: 100\r\n\r\n");
    for (said, refusal) in [
        (format!("{}{{\"choices\"", head(200, "application/json")), (408, "request_timeout")),
        (format!("{}{{\"error\"", head(500, "application/json")), (502, "upstream_error")),
        (format!("{}d", head(200, "text/plain")), (408, "request_timeout")),
        (STREAM.to_owned(), (408, "request_timeout")),
    ] {
        let mut limits = hasty();
        (limits.upstream.idle, limits.upstream.total) = (30 * SOON, 30 * SOON);
        let house = House::with(limits, 8).await;
        house.target("main", Provider::OpenAi, stalling(said.clone()).await.port);
        let mut headers = CALLER.to_vec();
        headers.push(("x-portkey-request-timeout", "300"));
        let began = std::time::Instant::now();
        let told = house.send(Method::POST, CHAT, &headers, streamed().to_string()).await;
        assert_eq!(told.refusal(), (refusal.0, refusal.1.into()), "{said}");
        assert!(began.elapsed() < 5 * SOON, "{said}");
        // A config's limit is kept to as well.
        let config = serde_json::json!({ "virtual_key": "main", "request_timeout": 300 }).to_string();
        let headers = [CALLER[0], CALLER[2], ("x-portkey-config", &config)];
        let told = house.send(Method::POST, CHAT, &headers, streamed().to_string()).await;
        assert_eq!(told.refusal(), (refusal.0, refusal.1.into()), "{said} by a config");
    }
    // A stream that has begun may take longer.
    let upstream = Upstream::scripted(|mut stream: TcpStream| async move {
        let _ = stream.write_all(format!("{STREAM}{}", chunk(&piece("Hi"))).as_bytes()).await;
        sleep(Duration::from_millis(450)).await;
        let _ = stream.write_all(format!("{}0\r\n\r\n", chunk(&ending())).as_bytes()).await;
    })
    .await;
    let mut limits = hasty();
    limits.upstream.idle = 30 * SOON;
    let house = House::with(limits, 8).await;
    house.target("main", Provider::OpenAi, upstream.port);
    let mut headers = CALLER.to_vec();
    headers.push(("x-portkey-request-timeout", "300"));
    let told = house.send(Method::POST, CHAT, &headers, streamed().to_string()).await;
    assert!(told.status == 200 && told.text.ends_with("[DONE]\n\n"), "{told:?}");
}

#[tokio::test]
async fn a_caller_that_leaves_ends_the_call_upstream() {
    let (closed, mut closings) = mpsc::unbounded_channel();
    let mut upstream = Upstream::scripted(move |mut stream: TcpStream| {
        let closed = closed.clone();
        async move {
            let _ = stream.read_u8().await;
            let _ = closed.send(());
        }
    })
    .await;
    let mut limits = hasty();
    limits.upstream.headers = 30 * SOON;
    let house = House::with(limits, 8).await;
    house.target("main", Provider::OpenAi, upstream.port);
    let mut caller = TcpStream::connect(("127.0.0.1", house.port)).await.expect("a connection");
    let body = hello().to_string();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: x\r\nx-portkey-api-key: lk_good\r\nx-portkey-virtual-key: main\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    caller.write_all(head.as_bytes()).await.expect("a request");
    upstream.request().await;
    drop(caller);
    timeout(SOON, closings.recv()).await.expect("the provider sees the end within a second");
    assert_eq!(house.only_record().await, (499, Some("client_left".into())));
}

#[tokio::test]
async fn a_hanging_provider_does_not_slow_another() {
    let mut hanging = Upstream::scripted(|stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let good = Upstream::json(200, "", &completion()).await;
    let mut limits = hasty();
    // Longer than a caller here waits for its answer: whoever stood behind one of the slow ones would get none.
    limits.upstream.headers = 60 * SOON;
    let house = std::sync::Arc::new(House::with(limits, 1000).await);
    house.target("slow", Provider::OpenAi, hanging.port);
    house.target("main", Provider::OpenAi, good.port);
    let mut slow = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let house = house.clone();
        slow.spawn(async move {
            let mut headers = CALLER;
            headers[1] = ("x-portkey-virtual-key", "slow");
            house.send(Method::POST, CHAT, &headers, hello().to_string()).await
        });
    }
    for _ in 0..100 {
        hanging.request().await;
    }
    assert_eq!(house.chat(&hello()).await.status, 200);
    assert!(slow.try_join_next().is_none(), "the others still wait");
}
