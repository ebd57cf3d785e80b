//! A bare forwarder of the same stack (axum, hyper, one pooled client) in a process of its own: it hands each request on and
//! each answer back, and knows no keys, permissions or log. What the gateway takes beyond it is the price of what it does.

use super::Result;
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
};
use tokio::net::TcpListener;

pub const COMMAND: &str = "forwarder";

/// The running forwarder.
pub struct Process {
    pub port: u16,
    child: Child,
}

impl Process {
    pub fn start(provider: u16) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg(COMMAND).arg(provider.to_string()).stdout(Stdio::piped()).spawn()?;
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

#[derive(Clone)]
struct Onward {
    client: Client<HttpConnector, Body>,
    provider: u16,
}

/// Serves until it is killed.
pub fn run(provider: u16) -> Result<()> {
    // As the program itself runs.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let router = Router::new().fallback(forward).with_state(Onward { client, provider });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        writeln!(std::io::stdout(), "{}", listener.local_addr()?.port())?;
        Ok(axum::serve(axum::serve::ListenerExt::tap_io(listener, |io| drop(io.set_nodelay(true))), router).await?)
    })
}

async fn forward(State(Onward { client, provider }): State<Onward>, mut request: Request) -> Response {
    let Ok(to) = format!("http://127.0.0.1:{provider}{}", request.uri().path()).parse::<Uri>() else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    *request.uri_mut() = to;
    request.headers_mut().remove(header::HOST);
    request.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer sk-benchmark"));
    match client.request(request).await {
        Ok(answer) => answer.map(Body::new),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
