//! Streamed answers: as they come, to their end or their break, for fast, slow and leaving callers.

use super::support::*;
use crate::kernel::provider::Provider;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::{sleep, timeout};

/// A provider that streams these pieces and closes.
async fn streaming(pieces: &[&str]) -> Upstream {
    Upstream::saying(format!("{STREAM}{}", pieces.iter().map(|piece| chunk(piece)).collect::<String>())).await
}

async fn house(port: u16) -> House {
    let house = House::new().await;
    house.target("main", Provider::OpenAi, port);
    house
}

#[tokio::test]
async fn a_stream_arrives_as_its_provider_sent_it_and_is_counted() {
    let ending = ending();
    let mut upstream =
        Upstream::saying(format!("{STREAM}{}{}{}0\r\n\r\n", chunk(&piece("Hel")), chunk(&piece("lo")), chunk(&ending)))
            .await;
    let house = house(upstream.port).await;
    let told = house.chat(&streamed()).await;
    assert_eq!(told.status, 200, "{told:?}");
    assert_eq!(told.header("content-type"), Some("text/event-stream"));
    assert!(told.header("x-portkey-trace-id").is_some());
    assert!(told.text.starts_with(&format!("{}{}", piece("Hel"), piece("lo"))), "{told:?}");
    assert!(told.text.ends_with("data: [DONE]\n\n"));
    assert!(!told.text.contains("\"usage\""), "the caller did not ask for usage");
    assert!(upstream.request().await.body.contains("\"include_usage\":true"), "the gateway did");
    let record = house.records().await.remove(0);
    assert!(record.call.streamed);
    let outcome = record.outcome.expect("an outcome");
    assert_eq!((outcome.status, outcome.error), (200, None));
    assert_eq!(outcome.usage.map(|usage| usage.output_tokens), Some(2));
}

#[tokio::test]
async fn a_stream_is_read_whatever_its_server_calls_it() {
    let events = format!("{}{}", piece("Hi"), ending());
    for kind in ["content-type: text/plain; charset=utf-8\r\n", "content-type: application/octet-stream\r\n", ""] {
        for start in ["", "\n", ": keep-alive\n\n", "\u{feff}"] {
            let head = format!("HTTP/1.1 200 OK\r\n{kind}x-request-id: req_7\r\ntransfer-encoding: chunked\r\n\r\n");
            let text = format!("{start}{events}");
            // The very first letter comes alone.
            let cut = text.char_indices().nth(1).map_or(0, |(at, _)| at);
            let body = format!("{}{}0\r\n\r\n", chunk(&text[..cut]), chunk(&text[cut..]));
            let upstream = Upstream::saying(format!("{head}{body}")).await;
            let house = house(upstream.port).await;
            let told = house.chat(&streamed()).await;
            assert_eq!(told.header("content-type"), Some("text/event-stream"), "{kind} {start:?}");
            assert!(told.text.starts_with(&format!("{start}{}", piece("Hi"))), "{told:?}");
            assert_eq!(told.header("x-latchkey-upstream-request-id"), Some("req_7"));
            let outcome = house.records().await.remove(0).outcome.expect("an outcome");
            assert_eq!((outcome.error, outcome.upstream_id.as_deref()), (None, Some("req_7")));
        }
    }
    // What is none is still no answer, and never shown.
    for text in ["Internal error", "", "dat", "<html>data: x"] {
        let answer =
            format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        let house = house(Upstream::saying(answer).await.port).await;
        assert_eq!(house.chat(&streamed()).await.refusal(), (502, "upstream_invalid_answer".into()), "{text}");
    }
    // And what hangs before it has said anything is given up.
    let hanging = Upstream::scripted(|mut stream: TcpStream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nd").await;
        sleep(5 * SOON).await;
    })
    .await;
    let house = house(hanging.port).await;
    assert_eq!(house.chat(&streamed()).await.refusal(), (504, "upstream_idle_timeout".into()));
}

#[tokio::test]
async fn a_provider_that_only_pings_is_heard_by_the_caller() {
    let go = Arc::new(Notify::new());
    let gate = go.clone();
    let upstream = Upstream::scripted(move |mut stream: TcpStream| {
        let gate = gate.clone();
        async move {
            let _ = stream.write_all(STREAM.as_bytes()).await;
            for _ in 0..3 {
                let _ = stream.write_all(chunk("event: ping\ndata: {\"type\":\"ping\"}\n\n").as_bytes()).await;
                gate.notified().await;
            }
        }
    })
    .await;
    let house = House::new().await;
    house.target("main", Provider::Anthropic, upstream.port);
    let mut body = house.open_chat(&streamed()).await.into_body();
    for _ in 0..3 {
        let frame = body.frame().await.expect("a piece").expect("a piece");
        assert_eq!(frame.into_data().expect("data"), ": ping\n\n");
        go.notify_one();
    }
}

#[tokio::test]
async fn each_piece_reaches_the_caller_at_once() {
    let go = Arc::new(Notify::new());
    let gate = go.clone();
    let upstream = Upstream::scripted(move |mut stream: TcpStream| {
        let gate = gate.clone();
        async move {
            let _ = stream.write_all(STREAM.as_bytes()).await;
            for _ in 0..20 {
                gate.notified().await;
                let _ = stream.write_all(chunk(&piece("x")).as_bytes()).await;
            }
            let _ = stream.write_all(format!("{}0\r\n\r\n", chunk(&ending())).as_bytes()).await;
        }
    })
    .await;
    let house = house(upstream.port).await;
    let mut body = house.open_chat(&streamed()).await.into_body();
    // The provider sends the next piece only when this one is here, so none waits for company.
    for _ in 0..20 {
        go.notify_one();
        let frame = body.frame().await.expect("a piece").expect("a piece");
        assert_eq!(frame.into_data().expect("data"), piece("x"));
    }
}

#[tokio::test]
async fn a_stream_that_breaks_ends_with_an_error_event_and_is_logged_as_failed() {
    // The connection breaks in the middle; or the bytes end in good order before the answer does.
    let whole = format!("{STREAM}{}0\r\n\r\n", chunk(&piece("Hel")));
    for (upstream, code) in [
        (streaming(&[&piece("Hel")]).await, "upstream_broken_answer"),
        (Upstream::saying(whole).await, "upstream_stream_broken"),
    ] {
        let house = house(upstream.port).await;
        let told = house.chat(&streamed()).await;
        assert_eq!(told.status, 200);
        let (good, error) = told.text.split_once(&piece("Hel")).expect("the first piece");
        assert_eq!(good, "");
        // Named and with a sentence at the top, for clients that know an error by these.
        let event = error.strip_prefix("event: error\ndata: ").unwrap_or_else(|| panic!("{error}"));
        let event: Value = serde_json::from_str(event.trim_end()).expect("one event");
        assert_eq!(
            (&event["error"]["code"], &event["message"]),
            (&json!("upstream_stream_broken"), &event["error"]["message"])
        );
        assert!(!told.text.contains("[DONE]"));
        assert_eq!(house.only_record().await, (200, Some(code.into())));
    }
}

#[tokio::test]
async fn a_providers_own_error_in_a_stream_is_told_by_name_as_well() {
    // OpenAI's interface has it in an event without a name.
    let error = "data: {\"error\":{\"message\":\"Overloaded.\"}}\n\n";
    let upstream = Upstream::saying(format!("{STREAM}{}{}0\r\n\r\n", chunk(&piece("Hel")), chunk(error))).await;
    for body in [streamed(), {
        let mut asking = streamed();
        asking["stream_options"] = json!({ "include_usage": true });
        asking
    }] {
        let house = house(upstream.port).await;
        let told = house.chat(&body).await;
        let (before, after) = told.text.split_once(error).expect("the provider's own words");
        assert_eq!(before, piece("Hel"));
        assert!(after.trim_start().starts_with("event: error\ndata: {"), "{after}");
        assert!(after.contains("\"message\":") && !after.contains("[DONE]"), "{after}");
        assert_eq!(house.only_record().await, (200, Some("upstream_error".into())));
    }
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_ended() {
    let upstream = Upstream::scripted(|mut stream: TcpStream| async move {
        let _ = stream.write_all(format!("{STREAM}{}", chunk(&piece("Hel"))).as_bytes()).await;
        sleep(5 * SOON).await;
    })
    .await;
    let house = house(upstream.port).await;
    let told = house.chat(&streamed()).await;
    assert!(told.text.contains("data: {\"error\":"), "{told:?}");
    assert_eq!(house.only_record().await, (200, Some("upstream_idle_timeout".into())));
}

#[tokio::test]
async fn a_stream_that_goes_on_for_ever_is_ended() {
    let upstream = Upstream::scripted(|mut stream: TcpStream| async move {
        let _ = stream.write_all(STREAM.as_bytes()).await;
        while stream.write_all(chunk(&piece("x")).as_bytes()).await.is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let house = house(upstream.port).await;
    let told = house.chat(&streamed()).await;
    assert!(told.text.contains("data: {\"error\":"));
    assert_eq!(house.only_record().await, (200, Some("upstream_timeout".into())));
}

#[tokio::test]
async fn a_caller_that_leaves_in_the_middle_ends_the_stream_upstream() {
    let (closed, mut closings) = mpsc::unbounded_channel();
    let upstream = Upstream::scripted(move |mut stream: TcpStream| {
        let closed = closed.clone();
        async move {
            let _ = stream.write_all(format!("{STREAM}{}", chunk(&piece("Hel"))).as_bytes()).await;
            let _ = stream.read_u8().await;
            let _ = closed.send(());
        }
    })
    .await;
    let mut limits = hasty();
    limits.upstream.idle = 30 * SOON;
    let house = House::with(limits, 8).await;
    house.target("main", Provider::OpenAi, upstream.port);
    let mut body = house.open_chat(&streamed()).await.into_body();
    body.frame().await.expect("a piece").expect("a piece");
    drop(body);
    timeout(SOON, closings.recv()).await.expect("the provider sees the end within a second");
    assert_eq!(house.only_record().await, (200, Some("client_left".into())));
}

#[tokio::test]
async fn a_caller_that_leaves_after_the_end_has_had_its_answer() {
    let upstream = Upstream::scripted(|mut stream: TcpStream| async move {
        // The answer is whole, and the provider keeps the connection.
        let _ = stream.write_all(format!("{STREAM}{}{}", chunk(&piece("Hi")), chunk(&ending())).as_bytes()).await;
        let _ = stream.read_u8().await;
    })
    .await;
    let mut limits = hasty();
    limits.upstream.idle = 30 * SOON;
    let house = House::with(limits, 8).await;
    house.target("main", Provider::OpenAi, upstream.port);
    let mut body = house.open_chat(&streamed()).await.into_body();
    let mut text = Vec::new();
    while !text.ends_with(b"data: [DONE]\n\n") {
        let frame = body.frame().await.expect("a piece").expect("a piece");
        text.extend_from_slice(&frame.into_data().expect("data"));
    }
    drop(body);
    assert_eq!(house.only_record().await, (200, None));
}

#[tokio::test]
async fn a_slow_reader_slows_the_provider_and_nothing_piles_up() {
    let (told, mut told_written) = mpsc::unbounded_channel();
    let text = piece(&"x".repeat(8000));
    let upstream = Upstream::scripted(move |mut stream: TcpStream| {
        let (told, text) = (told.clone(), text.clone());
        async move {
            let _ = stream.write_all(STREAM.as_bytes()).await;
            let chunk = chunk(&text);
            let mut written = 0;
            // Up to 80 MB, if somebody takes it.
            for _ in 0..10_000 {
                match timeout(SOON / 2, stream.write_all(chunk.as_bytes())).await {
                    Ok(done) => done.expect("the gateway holds the connection"),
                    Err(_) => break,
                }
                written += chunk.len();
            }
            let _ = told.send(written);
            let _ = stream.read_u8().await;
        }
    })
    .await;
    let mut limits = hasty();
    limits.upstream.idle = 30 * SOON;
    limits.upstream.total = 30 * SOON;
    let house = House::with(limits, 8).await;
    house.target("main", Provider::OpenAi, upstream.port);
    let body = house.open_chat(&streamed()).await.into_body();
    let after = told_written.recv().await.expect("a number");
    // What is under way stands in the socket buffers of two connections on one machine.
    assert!(after < 20 << 20, "{after} bytes");
    drop(body);
}
