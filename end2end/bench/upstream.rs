//! A provider that answers at once, in a process of its own so that its processor time is told apart.

use super::Result;
use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

pub const COMMAND: &str = "provider";
/// Events of a streamed answer, each written by itself.
const EVENTS: usize = 8;

/// The running provider.
pub struct Process {
    pub port: u16,
    child: Child,
}

impl Process {
    pub fn start() -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?).arg(COMMAND).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        Ok(Self { port: line.trim().parse()?, child })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves until it is killed.
pub fn run() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
        let answers = std::sync::Arc::new(Answers::new());
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve(stream, answers.clone()));
        }
    })
}

struct Answers {
    whole: Vec<u8>,
    head: Vec<u8>,
    pieces: Vec<Vec<u8>>,
}

impl Answers {
    fn new() -> Self {
        let body = serde_json::json!({
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "gpt-4o-2024-08-06",
            "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant",
                "content": "A short answer, about as long as the ones that most calls of a program get back." } }],
            "usage": { "prompt_tokens": 29, "completion_tokens": 17, "total_tokens": 46 },
        })
        .to_string();
        let whole = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let chunk = |text: String| format!("{:x}\r\n{text}\r\n", text.len()).into_bytes();
        let event = |delta: serde_json::Value, finish: Option<&str>| {
            format!(
                "data: {}\n\n",
                serde_json::json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000,
                    "model": "gpt-4o-2024-08-06", "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] })
            )
        };
        let mut pieces: Vec<Vec<u8>> =
            (0..EVENTS).map(|_| chunk(event(serde_json::json!({ "content": "some words " }), None))).collect();
        let usage = serde_json::json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000,
            "model": "gpt-4o-2024-08-06", "choices": [], "usage": { "prompt_tokens": 29, "completion_tokens": 8, "total_tokens": 37 } });
        let mut last =
            chunk(format!("{}data: {usage}\n\ndata: [DONE]\n\n", event(serde_json::json!({}), Some("stop"))));
        last.extend_from_slice(b"0\r\n\r\n");
        pieces.push(last);
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        Self { whole: whole.into_bytes(), head, pieces }
    }
}

async fn serve(mut stream: TcpStream, answers: std::sync::Arc<Answers>) {
    let mut held = Vec::with_capacity(8 << 10);
    loop {
        let Some(length) = request_length(&held) else {
            match stream.read_buf(&mut held).await {
                Ok(read) if read > 0 => continue,
                _ => return,
            }
        };
        let streamed = held[..length].windows(14).any(|part| part.starts_with(b"\"stream\":true"));
        held.drain(..length);
        let written = async {
            if !streamed {
                return stream.write_all(&answers.whole).await;
            }
            stream.write_all(&answers.head).await?;
            for piece in &answers.pieces {
                stream.write_all(piece).await?;
            }
            Ok(())
        };
        if written.await.is_err() {
            return;
        }
    }
}

/// The length of the first request, if it has arrived whole.
fn request_length(held: &[u8]) -> Option<usize> {
    let head = held.windows(4).position(|part| part == b"\r\n\r\n")? + 4;
    let length = super::load::content_length(&held[..head]).unwrap_or(0);
    (held.len() >= head + length).then_some(head + length)
}
