//! The real program is killed in the middle of calls: every call that was answered is in the log after the next start.

use super::{Result, house::House};
use std::{
    collections::HashSet,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

const CALLERS: usize = 8;
const BODY: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"Hello"}]}"#;
const ANSWER: &str = r#"{"id":"1","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}"#;

#[test]
fn every_answered_call_survives_a_kill() -> Result<()> {
    let mut house = House::open(provider()?)?;
    let answered = Arc::new(Mutex::new(Vec::new()));
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (port, key, answered) = (house.port, house.key.clone(), answered.clone());
            std::thread::spawn(move || {
                for number in 0.. {
                    let trace = format!("call-{caller}-{number}");
                    if call(port, &key, &trace).is_err() {
                        return;
                    }
                    answered.lock().expect("the list").push(trace);
                }
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(1500));
    house.kill()?;
    for caller in callers {
        caller.join().expect("a caller ends when the program does");
    }
    let answered = answered.lock().expect("the list").clone();
    assert!(answered.len() > CALLERS, "calls were made: {}", answered.len());
    house.start_again()?;
    // What the crash left in the journal goes to the log while the program already serves.
    let mut lost: Vec<&String> = vec![];
    for _ in 0..200 {
        let logged: HashSet<String> = house.logged("ok")?.into_iter().collect();
        lost = answered.iter().filter(|trace| !logged.contains(*trace)).collect();
        if lost.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(lost.is_empty(), "{} of {} answered calls are lost: {lost:?}", lost.len(), answered.len());
    house.stop()?;
    house.verify_audit()?;
    let running = house.logged("started")?;
    assert!(running.is_empty(), "no call is left open: {running:?}");
    Ok(())
}

#[test]
fn a_kill_in_the_middle_of_a_fallback_leaves_every_attempt_accounted_for() -> Result<()> {
    let (provider, asked) = failing_then_silent()?;
    let mut house = House::open(provider)?;
    let config = r#"{"strategy":{"mode":"fallback"},"targets":[{"virtual_key":"bench"},{"virtual_key":"bench"}]}"#;
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nx-portkey-config: {config}\r\n\
         x-portkey-trace-id: rescued\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{BODY}",
        house.key,
        BODY.len()
    );
    let mut caller = TcpStream::connect(("127.0.0.1", house.port))?;
    caller.write_all(request.as_bytes())?;
    // The second attempt is at the provider, which does not answer it.
    for number in 0..2 {
        asked.recv_timeout(Duration::from_secs(20)).map_err(|error| format!("attempt {number}: {error}"))?;
    }
    house.kill()?;
    house.start_again()?;
    let mut attempts = vec![];
    for _ in 0..200 {
        attempts = house.texts(
            "SELECT a.number || ' ' || a.path || ' ' || COALESCE(a.status, '-') || ' ' || COALESCE(a.next, '-') \
             FROM call_attempts a JOIN call_logs c ON c.org_id = a.org_id AND c.id = a.call_id \
             WHERE c.outcome = $1 AND c.trace_id = 'rescued' ORDER BY a.number",
            "lost",
        )?;
        if !attempts.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(attempts, ["1 config.targets[0] 500 led_on", "2 config.targets[1] - -"]);
    house.stop()
}

/// A provider that answers its first request with 500 and no other at all. Tells of each.
fn failing_then_silent() -> Result<(u16, mpsc::Receiver<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let (sender, asked) = mpsc::channel();
    std::thread::spawn(move || {
        let mut silent = vec![];
        for (number, mut stream) in listener.incoming().flatten().enumerate() {
            let _ = stream.read(&mut [0; 4096]);
            let _ = sender.send(());
            if number == 0 {
                let _ = stream.write_all(b"HTTP/1.1 500 X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
            } else {
                silent.push(stream);
            }
        }
    });
    Ok((port, asked))
}

/// One call, whose answer arrives whole.
pub fn call(port: u16, key: &str, trace: &str) -> Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    write!(
        stream,
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {key}\r\n\
         x-portkey-virtual-key: bench\r\nx-portkey-trace-id: {trace}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{BODY}",
        BODY.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200") && answer.ends_with('}') { Ok(()) } else { Err(answer.into()) }
}

/// A provider that answers after a moment; gives its port.
pub fn provider() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || drop(answer(&stream)));
        }
    });
    Ok(port)
}

fn answer(mut stream: &TcpStream) -> Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if let Some(text) = line.strip_prefix("content-length: ") {
                length = text.trim().parse()?;
            }
            if line == "\r\n" {
                break;
            }
        }
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
        std::thread::sleep(Duration::from_millis(2));
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", ANSWER.len());
        stream.write_all(format!("{head}{ANSWER}").as_bytes())?;
    }
}
