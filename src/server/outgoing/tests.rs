//! The client against real listeners on loopback, and resolvers that change their mind.

use super::connect::Addresses;
use super::*;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

/// Answers each question with the next set of addresses, the last one for good.
struct Scripted {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Scripted {
    fn new(answers: &[&[&str]]) -> Arc<Self> {
        let answers =
            answers.iter().map(|one| one.iter().map(|text| text.parse().expect("an address")).collect()).collect();
        Arc::new(Self { answers, asked: AtomicUsize::new(0) })
    }
}

impl Resolve for Scripted {
    fn resolve(&self, _: &str) -> Addresses {
        let turn = self.asked.fetch_add(1, Ordering::SeqCst).min(self.answers.len() - 1);
        let answer = self.answers[turn].clone();
        Box::pin(async move { Ok(answer) })
    }
}

/// Never answers.
struct Silent;

impl Resolve for Silent {
    fn resolve(&self, _: &str) -> Addresses {
        Box::pin(std::future::pending::<io::Result<Vec<IpAddr>>>())
    }
}

/// A listener whose connections are each handed to `serve`; counts them.
async fn listen<F, S>(serve: S) -> (u16, Arc<AtomicUsize>)
where
    S: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(stream));
        }
    });
    (port, seen)
}

/// Reads a request's head and answers with these bytes, then waits for the other side to close.
async fn answering(answer: &'static [u8]) -> (u16, Arc<AtomicUsize>) {
    listen(move |mut stream| async move {
        while head(&mut stream).await {
            if stream.write_all(answer).await.is_err() {
                return;
            }
        }
    })
    .await
}

/// Reads up to the blank line; false at the end of the stream.
async fn head(stream: &mut TcpStream) -> bool {
    let mut last = [0u8; 4];
    while &last != b"\r\n\r\n" {
        let Ok(byte) = stream.read_u8().await else { return false };
        last.rotate_left(1);
        last[3] = byte;
    }
    true
}

fn local() -> AllowList {
    AllowList::parse("127.0.0.1,::1").expect("a list")
}

fn get(uri: &str) -> Request<Full<Bytes>> {
    Request::get(uri).body(Full::default()).expect("a request")
}

fn brief() -> Patience {
    let ms = Duration::from_millis;
    Patience { headers: ms(300), idle: ms(300), total: ms(900), largest: 1 << 16 }
}

const SOON: Duration = Duration::from_secs(1);

#[tokio::test]
async fn an_answer_that_changes_between_check_and_dial_does_not_pass() {
    let (port, seen) = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    for scheme in ["https", "http"] {
        let resolver = Scripted::new(&[&["93.184.216.34"], &["127.0.0.1"]]);
        let outgoing = Outgoing::with_resolver(AllowList::default(), resolver.clone());
        let base = BaseUrl::parse(&format!("https://rebind.example:{port}"), outgoing.allowed()).expect("a base");
        assert_eq!(outgoing.check(&base).await, Ok(()));
        let sent = outgoing.send(get(&format!("{scheme}://rebind.example:{port}/")), SOON).await;
        assert!(matches!(sent, Err(OutgoingError::Blocked(Some(Special::Loopback)))), "{sent:?}");
        assert_eq!(resolver.asked.load(Ordering::SeqCst), 2);
    }
    assert_eq!(seen.load(Ordering::SeqCst), 0, "nothing was dialled");

    // The same server is reached when the operator lists it, so the refusals above were no accident.
    let outgoing = Outgoing::with_resolver(local(), Scripted::new(&[&["127.0.0.1"]]));
    let sent = outgoing.send(get(&format!("http://rebind.example:{port}/")), SOON).await.expect("an answer");
    assert_eq!(sent.status(), StatusCode::OK);
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn one_inner_address_among_public_ones_is_enough_to_refuse() {
    let outgoing = Outgoing::with_resolver(AllowList::default(), Scripted::new(&[&["93.184.216.34", "10.0.0.1"]]));
    let base = BaseUrl::parse("https://mixed.example", outgoing.allowed()).expect("a base");
    assert_eq!(outgoing.check(&base).await, Err(OutgoingError::Blocked(Some(Special::Private))));
    let sent = outgoing.send(get("https://mixed.example/"), SOON).await;
    assert!(matches!(sent, Err(OutgoingError::Blocked(Some(Special::Private)))), "{sent:?}");
}

#[tokio::test]
async fn literal_addresses_and_local_names_are_checked_where_they_are_dialled() {
    let (port, seen) = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let outgoing = Outgoing::new(AllowList::default());
    for host in
        ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"]
    {
        for scheme in ["http", "https"] {
            let sent = outgoing.send(get(&format!("{scheme}://{host}:{port}/")), SOON).await;
            assert!(
                matches!(
                    sent,
                    // A name that TLS cannot ask a certificate for is not even looked up.
                    Err(OutgoingError::Blocked(_) | OutgoingError::NameNotFound | OutgoingError::Unreachable)
                ),
                "{scheme}://{host}: {sent:?}"
            );
        }
    }
    assert_eq!(seen.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn plain_http_goes_to_listed_addresses_only() {
    let outgoing = Outgoing::with_resolver(local(), Scripted::new(&[&["93.184.216.34"]]));
    let sent = outgoing.send(get("http://public.example/"), SOON).await;
    assert!(matches!(sent, Err(OutgoingError::PlainHttp)), "{sent:?}");
    let sent = outgoing.send(get("http://93.184.216.34/"), SOON).await;
    assert!(matches!(sent, Err(OutgoingError::PlainHttp)), "{sent:?}");
}

#[tokio::test]
async fn redirects_are_answers_like_any_other() {
    let (inner, seen) = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let text = format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:{inner}/\r\ncontent-length: 0\r\n\r\n");
    let (port, _) = answering(text.leak().as_bytes()).await;
    let answer = Outgoing::new(local()).fetch(get(&format!("http://127.0.0.1:{port}/")), brief()).await;
    assert_eq!(answer.expect("an answer").status(), StatusCode::FOUND);
    assert_eq!(seen.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn connections_are_used_again() {
    let (port, seen) = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let outgoing = Outgoing::new(local());
    for _ in 0..5 {
        let answer = outgoing.fetch(get(&format!("http://127.0.0.1:{port}/")), brief()).await.expect("an answer");
        assert_eq!(answer.body(), "ok");
        // The connection returns to the pool in its own task.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn each_fault_has_its_error() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("an address").port()
    };
    let silent = listen(|mut stream| async move {
        head(&mut stream).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
    })
    .await
    .0;
    let dribbling = listen(|mut stream| async move {
        head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        while stream.write_all(b"1\r\nx\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .0;
    let endless = listen(|mut stream| async move {
        head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    })
    .await
    .0;
    let closing = |answer: &'static [u8]| async move {
        listen(move |mut stream| async move {
            head(&mut stream).await;
            let _ = stream.write_all(answer).await;
        })
        .await
        .0
    };
    let cases = [
        ("refused", closed, OutgoingError::Unreachable),
        ("hangs before headers", silent, OutgoingError::TimedOut(Phase::Headers)),
        (
            "hangs after headers",
            answering(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc").await.0,
            OutgoingError::TimedOut(Phase::Idle),
        ),
        ("never ends", dribbling, OutgoingError::TimedOut(Phase::Total)),
        ("endless body", endless, OutgoingError::TooLarge),
        (
            "declares 1 GiB",
            answering(b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n").await.0,
            OutgoingError::TooLarge,
        ),
        ("short body", closing(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc").await, OutgoingError::Broken),
        (
            "cut chunks",
            closing(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab").await,
            OutgoingError::Broken,
        ),
        ("no HTTP", closing(b"SSH-2.0-OpenSSH_9.2\r\n").await, OutgoingError::Broken),
        ("closes at once", closing(b"").await, OutgoingError::Broken),
        (
            "two lengths",
            closing(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab").await,
            OutgoingError::Broken,
        ),
    ];
    let outgoing = Outgoing::new(local());
    for (name, port, error) in cases {
        let answer = outgoing.fetch(get(&format!("http://127.0.0.1:{port}/")), brief()).await;
        assert_eq!(answer.map(drop), Err(error), "{name}");
    }
    let plain = answering(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.0;
    let answer = outgoing.fetch(get(&format!("https://127.0.0.1:{plain}/")), brief()).await;
    assert!(matches!(answer, Err(OutgoingError::Tls | OutgoingError::TimedOut(Phase::Headers))), "{answer:?}");
    let garbage = listen(|mut stream| async move {
        let _ = stream.write_all(b"this is not TLS at all").await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    })
    .await
    .0;
    let answer = outgoing.fetch(get(&format!("https://127.0.0.1:{garbage}/")), brief()).await;
    assert_eq!(answer.map(drop), Err(OutgoingError::Tls));
    let answer = outgoing.fetch(get("https://no-such-name.invalid/"), Patience::default()).await;
    assert_eq!(answer.map(drop), Err(OutgoingError::NameNotFound));
}

#[tokio::test]
async fn a_name_that_is_never_answered_ends_with_the_connect_limit() {
    let outgoing = Outgoing::build(AllowList::default(), Arc::new(Silent), Duration::from_millis(100));
    let sent = outgoing.send(get("https://slow.example/"), Duration::from_secs(5)).await;
    assert!(matches!(sent, Err(OutgoingError::TimedOut(Phase::Connect))), "{sent:?}");
}

#[tokio::test]
async fn who_stops_reading_ends_the_exchange() {
    let (closed, mut closings) = tokio::sync::mpsc::unbounded_channel();
    let (port, _) = listen(move |mut stream| {
        let closed = closed.clone();
        async move {
            head(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n").await;
            let _ = stream.read_u8().await;
            let _ = closed.send(Instant::now());
        }
    })
    .await;
    let outgoing = Outgoing::new(local());
    let answer = outgoing.send(get(&format!("http://127.0.0.1:{port}/")), SOON).await.expect("an answer");
    let mut body = answer.into_body();
    assert!(body.frame().await.is_some());
    let left = Instant::now();
    drop(body);
    let noticed = timeout(SOON, closings.recv()).await.expect("the server sees the end").expect("a time");
    assert!(noticed - left < SOON);
}

#[tokio::test]
async fn who_stops_waiting_ends_the_exchange() {
    let (closed, mut closings) = tokio::sync::mpsc::unbounded_channel();
    let (port, _) = listen(move |mut stream| {
        let closed = closed.clone();
        async move {
            head(&mut stream).await;
            let _ = stream.read_u8().await;
            let _ = closed.send(());
        }
    })
    .await;
    let outgoing = Outgoing::new(local());
    let sent = timeout(Duration::from_millis(100), outgoing.send(get(&format!("http://127.0.0.1:{port}/")), SOON));
    assert!(sent.await.is_err());
    assert!(timeout(SOON, closings.recv()).await.is_ok(), "the server sees the end");
}
