//! Whatever callers and providers send, the program's memory stays within a bound.

use super::{Result, house::House};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// The most that the program may ever have resident, in megabytes.
pub const MOST: f64 = 300.0;
/// Calls at a time.
const CALLS: usize = 60;
const MIB: usize = 1 << 20;
/// How long callers and providers stall.
const STALL: Duration = Duration::from_secs(3);

const TINY: &str = r#"{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}]}"#;

#[test]
fn the_gateway_stays_within_its_memory() -> Result<()> {
    let provider = provider()?;
    let mut house = House::open(provider)?;
    for (slug, kind, path) in [
        ("google", "google", "tiny"),
        ("anthropic", "anthropic", "tiny"),
        ("stalls", "openai", "stalls"),
        ("large", "openai", "large"),
        ("event", "openai", "event"),
        ("translated-event", "google", "event"),
    ] {
        let base = format!("http://127.0.0.1:{provider}/{path}");
        let body = serde_json::json!({ "name": slug, "slug": slug, "provider": kind, "base_url": base, "key": "sk-x" });
        let (status, said) = house.api("POST", "/v1/virtual-keys", &body.to_string())?;
        assert_eq!(status, 200, "{said}");
    }
    let begun = Instant::now();
    let (house_port, key) = (house.port, house.key.clone());
    let call = |slug: &str, body: &[u8]| Caller::begin(house_port, &key, slug, body);

    // Bodies that would become a hundred times their size as a tree, and one that is large and honest.
    let part = r#"{"type":"text","text":"a"},"#;
    let parts = filled(
        r#"{"model":"m","messages":[{"role":"user","content":["#,
        part,
        r#"{"type":"text","text":"a"}]}]}"#,
        15 * MIB,
    );
    let metadata = filled(
        r#"{"model":"m","messages":[{"role":"user","content":"a"}],"metadata":{"#,
        r#""a":{"a":1},"#,
        r#""a":1}}"#,
        15 * MIB,
    );
    let picture = filled(
        r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,"#,
        "AAAA",
        r#""}}]}]}"#,
        15 * MIB,
    );
    for (slug, body, expected) in
        [("google", &parts, 400), ("anthropic", &metadata, 400), ("google", &metadata, 400), ("google", &picture, 200)]
    {
        let said: Vec<u16> = thread::scope(|scope| {
            let status = || call(slug, body).and_then(Caller::status).map_err(|error| error.to_string());
            let calls: Vec<_> = (0..4).map(|_| scope.spawn(status)).collect();
            calls.into_iter().map(|call| call.join().expect("a caller")).collect::<std::result::Result<_, _>>()
        })?;
        assert!(
            said.iter().all(|status| [expected, 503].contains(status)) && said.contains(&expected),
            "{slug}: {said:?}"
        );
        within(&house, &format!("translating for {slug}"))?;
    }

    // Large answers of providers that stall before the end, large answers that nobody reads, and endless events.
    for slug in ["stalls", "large", "event", "translated-event"] {
        let body = format!(
            r#"{{"model":"m","stream":{},"messages":[{{"role":"user","content":"a"}}]}}"#,
            slug.ends_with("event")
        );
        let callers = (0..CALLS).map(|_| call(slug, body.as_bytes())).collect::<Result<Vec<_>>>()?;
        thread::sleep(STALL);
        within(&house, slug)?;
        drop(callers);
    }

    // Afterwards everything works, and most of the memory has been given back.
    let said = call("google", br#"{"model":"m","messages":[{"role":"user","content":"a"}]}"#)?.status()?;
    assert_eq!(said, 200);
    let (now, most) = (house.resident()?, house.most_resident()?);
    writeln!(std::io::stdout(), "{now:.0} MB resident, {most:.0} MB at most, after {:?}", begun.elapsed())?;
    house.stop()
}

/// Fails if the program has ever had too much resident.
pub fn within(house: &House, doing: &str) -> Result<()> {
    let most = house.most_resident()?;
    writeln!(std::io::stdout(), "{most:.0} MB at most, {:.0} MB now: {doing}", house.resident()?)?;
    if most < MOST { Ok(()) } else { Err(format!("{most:.0} MB resident: {doing}").into()) }
}

/// A body of about so many bytes.
fn filled(head: &str, middle: &str, tail: &str, bytes: usize) -> Vec<u8> {
    [head, &middle.repeat(bytes / middle.len()), tail].concat().into_bytes()
}

/// A call that has been sent.
struct Caller(TcpStream);

impl Caller {
    fn begin(port: u16, key: &str, slug: &str, body: &[u8]) -> Result<Self> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        write!(
            stream,
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
             x-portkey-virtual-key: {slug}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )?;
        // One that is refused may be answered before all of it is read.
        let _ = stream.write_all(body);
        Ok(Self(stream))
    }

    /// The status of the answer; 503 if the connection ended without one, as it may for a body that found no room.
    fn status(self) -> Result<u16> {
        let mut line = String::new();
        match BufReader::new(self.0).read_line(&mut line) {
            Ok(n) if n > 0 => Ok(line.split(' ').nth(1).ok_or("no status")?.parse()?),
            _ => Ok(503),
        }
    }
}

/// A provider whose addresses tell how it behaves; gives its port.
fn provider() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || drop(answer(stream)));
        }
    });
    Ok(port)
}

fn answer(mut stream: TcpStream) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut path, mut length, mut line) = (String::new(), 0, String::new());
    reader.read_line(&mut path)?;
    while line != "\r\n" {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if let Some(text) = line.strip_prefix("content-length: ") {
            length = text.trim().parse()?;
        }
    }
    std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
    let piece = vec![b'x'; MIB];
    let json = |length: usize| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    if path.contains("/event/") {
        stream.write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: {\"a\":\"",
        )?;
        for _ in 0..16 {
            stream.write_all(&piece)?;
        }
        thread::sleep(3 * STALL);
    } else if path.contains("/tiny/") {
        stream.write_all((json(TINY.len()) + TINY).as_bytes())?;
    } else {
        let (head, tail) = (r#"{"choices":[{"message":{"content":""#, r#""}}]}"#);
        stream.write_all((json(head.len() + 31 * MIB + tail.len()) + head).as_bytes())?;
        for _ in 0..31 {
            stream.write_all(&piece)?;
        }
        if path.contains("/stalls/") {
            thread::sleep(3 * STALL);
        }
        stream.write_all(tail.as_bytes())?;
    }
    Ok(())
}
