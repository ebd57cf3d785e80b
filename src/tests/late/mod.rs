//! Requests that take their time: the head and a part of the body come, the credential ends elsewhere, and the rest comes.

mod calls;
mod console;
mod passwords;
mod programs;

use super::support::{House, done};
use crate::{http, web::Security};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// What ends a key, or what it may do: the server function, its fields besides organisation and id, and by which status and
/// code a caller is told afterwards.
type End = (&'static str, &'static [(&'static str, &'static str)], u16, &'static str);

/// How long the program has to find the credential, once the head of a request is there.
const FOUND: Duration = Duration::from_millis(150);

/// The program's own listener in front of this house; gives its port.
async fn listen(house: &House) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let security = Security::of(&house.app.public_url);
    let (router, gateway) = (house.router.clone(), house.gateway.clone());
    tokio::spawn(http::serve(listener, router, gateway, security, vec![], CancellationToken::new()));
    port
}

/// A request of which a part has come.
struct Late {
    stream: TcpStream,
    rest: Vec<u8>,
}

/// An answer as it came over the wire.
#[derive(Debug)]
struct Told {
    status: u16,
    text: String,
}

impl Told {
    /// The stable code of a refusal, in the console's or the programs' envelope.
    fn code(&self) -> &str {
        let at = self.text.find("\"code\":\"").map_or(self.text.len(), |at| at + 8);
        self.text[at..].split('"').next().unwrap_or_default()
    }
}

impl Late {
    /// Sends the head, and the body's first ten bytes.
    async fn begin(port: u16, head: &str, body: &str) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("connects");
        let head = format!(
            "{head}\r\nhost: latchkey.test\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{}",
            body.len(),
            &body[..10]
        );
        stream.write_all(head.as_bytes()).await.expect("the head goes out");
        sleep(FOUND).await;
        Self { stream, rest: body.as_bytes()[10..].to_vec() }
    }

    /// Begins a server function of the console.
    async fn form(port: u16, cookie: &str, path: &str, fields: &[(&str, &str)]) -> Self {
        Self::form_for("application/json", port, cookie, path, fields).await
    }

    async fn form_for(accept: &str, port: u16, cookie: &str, path: &str, fields: &[(&str, &str)]) -> Self {
        // Long enough to be cut where every form can be.
        let body = url::form_urlencoded::Serializer::new("ignored=ignored".to_owned()).extend_pairs(fields).finish();
        let head = format!(
            "POST /fn/{path} HTTP/1.1\r\naccept: {accept}\r\nsec-fetch-site: same-origin\r\n\
             content-type: application/x-www-form-urlencoded\r\ncookie: {cookie}"
        );
        Self::begin(port, &head, &body).await
    }

    /// Begins a call of a program.
    async fn program(port: u16, key: &str, route: &str, body: &serde_json::Value) -> Self {
        let head = format!("{route} HTTP/1.1\r\ncontent-type: application/json\r\nx-portkey-api-key: {key}");
        Self::begin(port, &head, &body.to_string()).await
    }

    /// Sends the rest and reads the answer.
    async fn finish(mut self) -> Told {
        self.stream.write_all(&self.rest).await.expect("the rest goes out");
        let mut answer = vec![];
        let read = timeout(Duration::from_secs(20), self.stream.read_to_end(&mut answer)).await;
        read.expect("an answer in time").expect("an answer");
        let text = String::from_utf8_lossy(&answer).into_owned();
        let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Told { status, text }
    }
}
