//! The door with real connections.

use super::*;
use crate::{
    gateway::tests::support::{CALLER, CHAT, House, STREAM, Upstream, chunk, hasty, piece, streamed},
    kernel::provider::Provider,
};
use axum::routing::{get, post};
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream as Blocking},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::spawn_blocking,
};

const SOON: Duration = Duration::from_secs(20);

/// A door in front of a small router and this house's gateway; gives its port.
async fn open(house: &House, most: usize, patience: Patience) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let router = Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/read", post(async |body: Bytes| body.len().to_string()))
        .layer(axum::extract::DefaultBodyLimit::max(1 << 20));
    let door = Door { seats: Seats::new(most, vec![]), patience };
    let (gateway, stop) = (house.gateway.clone(), CancellationToken::new());
    tokio::spawn(door.serve(listener, router, gateway, Security::of("http://x"), stop));
    port
}

/// Sends these bytes, and gives all that comes back until the connection is closed.
async fn exchange(port: u16, request: impl AsRef<[u8]>) -> String {
    let mut caller = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    caller.write_all(request.as_ref()).await.expect("a request");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(SOON, caller.read_to_end(&mut answer)).await;
    read.expect("the connection is closed").expect("an answer");
    String::from_utf8(answer).expect("text")
}

#[tokio::test]
async fn a_caller_that_never_reads_does_not_hold_its_call() {
    let mut endless = Upstream::scripted(|mut stream: TcpStream| async move {
        let _ = stream.write_all(STREAM.as_bytes()).await;
        let chunk = chunk(&piece(&"x".repeat(8000)));
        while stream.write_all(chunk.as_bytes()).await.is_ok() {}
    })
    .await;
    let mut limits = hasty();
    limits.upstream.idle = 10 * SOON;
    limits.upstream.total = 10 * SOON;
    let house = House::with(limits, 8).await;
    house.target("main", Provider::OpenAi, endless.port);
    let port = open(&house, 100, Patience { stall: Duration::from_millis(100), ..Patience::default() }).await;
    let mut caller = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    let body = streamed().to_string();
    let headers: String = CALLER.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("POST {CHAT} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {}\r\n\r\n", body.len());
    caller.write_all(format!("{head}{body}").as_bytes()).await.expect("a request");
    endless.request().await;
    // Its place in the log is free again, though the caller is still connected.
    assert!(house.gateway.recorder.drain(SOON).await);
    assert_eq!(house.only_record().await, (200, Some("client_left".into())));
    let mut rest = Vec::new();
    let _ = caller.read_to_end(&mut rest).await;
    assert!(rest.starts_with(b"HTTP/1.1 200"));
}

/// Sends a whole request before it reads a byte, as most clients do; gives the answer's head.
fn send_then_read(port: u16, head: &str, body: &[u8]) -> std::io::Result<String> {
    let mut caller = Blocking::connect(("127.0.0.1", port))?;
    caller.set_read_timeout(Some(SOON))?;
    caller.write_all(head.as_bytes())?;
    for piece in body.chunks(64 << 10) {
        caller.write_all(piece)?;
    }
    let mut answer = String::new();
    caller.read_to_string(&mut answer)?;
    Ok(answer.split("\r\n\r\n").next().unwrap_or_default().to_ascii_lowercase())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_before_its_request_was_read_arrives() {
    let house = House::new().await;
    let port = open(&house, 100, Patience::default()).await;
    const SIZE: usize = 10 << 20;
    let declared = format!("content-length: {SIZE}\r\n\r\n");
    let mut chunked = format!("{SIZE:x}\r\n").into_bytes();
    chunked.resize(chunked.len() + SIZE, b'x');
    chunked.extend(b"\r\n0\r\n\r\n");
    let chunked = Arc::new(chunked);
    let plain = Arc::new(vec![b'x'; SIZE]);
    for (path, status) in [(CHAT, "401"), ("/nowhere", "404"), ("/healthz", "405"), ("/read", "413")] {
        for (framing, body) in
            [(declared.clone(), plain.clone()), ("transfer-encoding: chunked\r\n\r\n".to_owned(), chunked.clone())]
        {
            let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{framing}");
            let sent: Vec<_> = (0..15)
                .map(|_| {
                    let (head, body) = (head.clone(), body.clone());
                    spawn_blocking(move || send_then_read(port, &head, &body))
                })
                .collect();
            for answer in sent {
                let answer = answer.await.expect("a caller").unwrap_or_else(|error| panic!("{path}: {error}"));
                assert!(answer.starts_with(&format!("http/1.1 {status}")), "{path}: {answer}");
                assert!(answer.contains("\r\nconnection: close"), "{path}: {answer}");
            }
        }
    }
    // Who asks first whether to send the body is not told to.
    let head = format!("POST /nowhere HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n{declared}");
    let answer = spawn_blocking(move || {
        let mut caller = Blocking::connect(("127.0.0.1", port))?;
        caller.write_all(head.as_bytes())?;
        let mut first = [0; 12];
        caller.read_exact(&mut first)?;
        caller.shutdown(Shutdown::Both)?;
        Ok::<_, std::io::Error>(first)
    });
    assert_eq!(&answer.await.expect("a caller").expect("an answer"), b"HTTP/1.1 404");
}

#[tokio::test]
async fn a_request_that_is_read_whole_keeps_its_connection() {
    let house = House::new().await;
    let port = open(&house, 100, Patience::default()).await;
    let one = "POST /read HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nabc";
    let last = "POST /read HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let answer = exchange(port, format!("{}{last}", one.repeat(1_000))).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1_001);
    assert_eq!(answer.matches("connection: close").count(), 1);
}

#[tokio::test]
async fn what_is_no_plain_request_is_refused_and_the_connection_closed() {
    let house = House::new().await;
    let port = open(&house, 100, Patience::default()).await;
    let long = "x".repeat(40_000);
    for (request, status) in [
        ("CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\n\r\n", 405),
        ("TRACE / HTTP/1.1\r\nhost: x\r\n\r\n", 405),
        ("OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nhost: x\r\nhost: x\r\n\r\n", 400),
        ("GET /healthz HTTP/1.0\r\nhost: x\r\nhost: y\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\nhost: x\n\n", 400),
        ("GET /healthz HTTP/1.1\r\nhost: x\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nhost: x\r\nx: a\r\n b\r\n\r\n", 400),
        ("POST /read HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\nabc", 400),
        ("POST /read HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST /read HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\nabc\n0\n\n", 400),
        ("NONSENSE\r\n\r\n", 400),
        (&format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"), 431),
    ] {
        let answer = exchange(port, request).await;
        let shown = &request[..request.len().min(60)];
        let expected = [format!("HTTP/1.1 {status} "), format!("HTTP/1.0 {status} ")];
        assert!(expected.iter().any(|start| answer.starts_with(start)), "{shown:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.").count(), 1, "{shown:?}: {answer}");
    }
    for good in
        ["GET /healthz HTTP/1.0\r\n\r\n", "GET http://other/healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"]
    {
        assert!(exchange(port, good).await.contains(" 200 "), "{good:?}");
    }
    // The refusal of a later request on a connection closes it as well.
    let two = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET /healthz HTTP/1.1\nhost: x\n\nGET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let answer = exchange(port, two).await;
    let statuses: Vec<_> =
        answer.match_indices("HTTP/1.1 ").map(|(at, start)| &answer[at + start.len()..][..3]).collect();
    assert_eq!(statuses, ["200", "400"]);
}

#[tokio::test]
async fn idle_connections_give_way_and_busy_ones_do_not() {
    let mut silent = Upstream::scripted(|stream: TcpStream| async move {
        tokio::time::sleep(SOON).await;
        drop(stream);
    })
    .await;
    let mut limits = hasty();
    limits.upstream.headers = 2 * SOON;
    limits.upstream.total = 2 * SOON;
    let house = House::with(limits, 8).await;
    house.target("main", Provider::OpenAi, silent.port);
    let port = open(&house, 4, Patience::default()).await;
    let headers: String = CALLER.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let body = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"Hello"}]}"#;
    let call = format!("POST {CHAT} HTTP/1.1\r\nhost: x\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
    let mut busy = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    busy.write_all(call.as_bytes()).await.expect("a request");
    silent.request().await;
    let mut idle = vec![];
    for _ in 0..50 {
        idle.push(TcpStream::connect(("127.0.0.1", port)).await.expect("a connection"));
        let answer = exchange(port, "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let mut byte = [0];
    let ended = tokio::time::timeout(SOON, idle[0].read(&mut byte)).await.expect("it is closed");
    assert_eq!(ended.unwrap_or(0), 0);
    assert!(busy.try_read(&mut byte).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));

    // All seats serve calls: who comes now is told so.
    let mut more = vec![];
    for _ in 0..3 {
        let mut busy = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
        busy.write_all(call.as_bytes()).await.expect("a request");
        silent.request().await;
        more.push(busy);
    }
    let mut caller = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    let mut answer = String::new();
    caller.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 503") && head.contains(&format!("content-length: {}", body.len())), "{answer}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(body).expect("JSON")["code"], "unavailable");
}

#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_ended() {
    let house = House::new().await;
    let port = open(&house, 100, Patience { head: Duration::from_millis(200), ..Patience::default() }).await;
    let mut caller = TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    let dripping = async {
        for byte in format!("GET /{} HTTP/1.1\r\n", "x".repeat(4_000)).bytes() {
            if caller.write_all(&[byte]).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, dripping).await.expect("the connection is closed");
}
