//! A gateway on loopback with a directory and a log in memory, providers that follow a script, and a caller.

use crate::features::guardrails::model::AllCalls;
use crate::kernel::{CallId, KeyId, OrganisationId, SecretId, Timestamp, VirtualKeyId};
use crate::server::{access::SignedInMember, crypto::Keyring};
use crate::{
    gateway::{
        cache::Kept,
        call::{Gateway, Limits, Now},
        directory::{
            Ages, CallerKey, Digest, Directory, KeySource, Runnable, Standing, StoredConfig, StoredGuardrail,
            Unavailable,
        },
        facts::{CallFacts, Endpoint, Record},
        limits::{Ledger, LimitSet, Meters, Shares, Unknown, Want},
        models::Models,
        outside::Others,
        record::{Bounds, Recorder, Sink, SinkError},
        room::Room,
        routes::routes,
        target::{Address, CallTarget, Credential},
    },
    kernel::provider::Provider,
    policy::PermissionSet,
    server::outgoing::{AllowList, BaseUrl, Outgoing, Patience},
};
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

pub const ORGANISATION: OrganisationId = OrganisationId::numbered(1);
pub const OTHER: OrganisationId = OrganisationId::numbered(2);
pub const SECRET: &str = "sk-of-the-provider";
pub const SOON: Duration = Duration::from_secs(1);

/// What is known of a call that came then, of no virtual key.
pub fn facts(organisation: OrganisationId, started_at: Timestamp) -> CallFacts {
    CallFacts {
        id: CallId::new(),
        organisation,
        key: KeyId::numbered(0),
        secret: SecretId::numbered(0),
        person: None,
        virtual_key: None,
        provider: None,
        endpoint: Endpoint::ChatCompletions,
        model: "gpt-4o".into(),
        streamed: false,
        trace: "trace".into(),
        metadata: None,
        config: None,
        prompt: None,
        keeps: None,
        prices: None,
        started_at,
    }
}

/// Keys by their secret, virtual keys by organisation and slug.
#[derive(Default)]
pub struct Rooms {
    pub keys: Mutex<HashMap<String, CallerKey>>,
    pub targets: Mutex<HashMap<(OrganisationId, String), CallTarget>>,
    /// Configs by organisation and slug.
    pub configs: Mutex<HashMap<(OrganisationId, String), StoredConfig>>,
    /// Guardrails by organisation and slug, and which calls of the organisation they are for.
    pub guardrails: Mutex<HashMap<(OrganisationId, String), (StoredGuardrail, AllCalls)>>,
    /// How often a config was looked up.
    pub configs_asked: AtomicUsize,
    /// How often a key was looked up.
    pub asked: AtomicUsize,
    pub away: AtomicBool,
}

#[async_trait]
impl KeySource for Rooms {
    fn digest(&self, presented: &str) -> Option<Digest> {
        let mut digest = [0; 32];
        let bytes = presented.strip_prefix("lk_")?.as_bytes();
        digest.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(digest)
    }

    async fn key(&self, digest: &Digest) -> Result<Option<CallerKey>, Unavailable> {
        if self.away.load(Ordering::SeqCst) {
            return Err(Unavailable);
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        let secret = format!("lk_{}", String::from_utf8_lossy(digest).trim_end_matches('\0'));
        Ok(self.keys.lock().expect("the keys").get(&secret).cloned())
    }

    async fn member(&self, _: &SignedInMember) -> Result<Option<CallerKey>, Unavailable> {
        Ok(None)
    }

    async fn target(&self, organisation: OrganisationId, slug: &str) -> Result<Option<CallTarget>, Unavailable> {
        Ok(self.targets.lock().expect("the targets").get(&(organisation, slug.to_owned())).cloned())
    }

    async fn config(&self, organisation: OrganisationId, slug: &str) -> Result<Option<StoredConfig>, Unavailable> {
        self.configs_asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.configs.lock().expect("the configs").get(&(organisation, slug.to_owned())).cloned())
    }

    async fn guardrail(
        &self,
        organisation: OrganisationId,
        slug: &str,
    ) -> Result<Option<StoredGuardrail>, Unavailable> {
        let guardrails = self.guardrails.lock().expect("the guardrails");
        Ok(guardrails.get(&(organisation, slug.to_owned())).map(|(stored, _)| stored.clone()))
    }

    async fn guardrails_of_all_calls(
        &self,
        organisation: OrganisationId,
    ) -> Result<Vec<(StoredGuardrail, AllCalls)>, Unavailable> {
        let guardrails = self.guardrails.lock().expect("the guardrails");
        let own = guardrails
            .iter()
            .filter(|((owner, _), (_, calls))| *owner == organisation && (calls.requests || calls.answers));
        Ok(own.map(|(_, held)| held.clone()).collect())
    }

    async fn prompt(&self, _: OrganisationId, _: &str) -> Result<Option<Runnable>, Unavailable> {
        Ok(None)
    }

    async fn slugs(&self, organisation: OrganisationId) -> Result<Vec<String>, Unavailable> {
        let targets = self.targets.lock().expect("the targets");
        Ok(targets.keys().filter(|(owner, _)| *owner == organisation).map(|(_, slug)| slug.clone()).collect())
    }
}

#[derive(Default)]
pub struct Log {
    records: Mutex<Vec<Record>>,
    pub away: AtomicBool,
}

#[async_trait]
impl Sink for Log {
    async fn write(&self, records: &[Record]) -> Result<(), SinkError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(SinkError::Unavailable);
        }
        self.records.lock().expect("the records").extend_from_slice(records);
        Ok(())
    }
}

/// A gateway that is being served.
pub struct House {
    pub port: u16,
    pub rooms: Arc<Rooms>,
    pub log: Arc<Log>,
    pub gateway: Gateway,
    client: Outgoing,
    folder: TempDir,
}

/// Patience for tests in which providers hang.
pub fn hasty() -> Limits {
    let ms = Duration::from_millis;
    let upstream = Patience { headers: ms(300), idle: ms(300), total: ms(1500), largest: 1 << 20 };
    Limits { request: 64 << 10, upstream, models: ms(500) }
}

/// Room for two bodies of the largest size, of one key, and for an answer of it.
fn room(limits: Limits) -> Room {
    Room::new((7 * limits.request).max(4 * limits.upstream.largest), Duration::from_millis(50))
}

/// 2023-11-14, the hour at which everything happens here.
pub fn now() -> Timestamp {
    Timestamp(1_700_000_000_000)
}

impl House {
    pub async fn new() -> Self {
        Self::with(hasty(), 64).await
    }

    pub async fn with(limits: Limits, places: usize) -> Self {
        let folder = TempDir::new().expect("a folder");
        let rooms = Arc::new(Rooms::default());
        let log = Arc::new(Log::default());
        let bounds = Bounds {
            places,
            patience: Duration::from_millis(50),
            delay: Duration::from_millis(1),
            ..Bounds::default()
        };
        let local = || AllowList::parse("127.0.0.1").expect("a list");
        let keyring = Keyring::open(None, &folder.path().join("latchkey.key")).expect("a key");
        let gateway = Gateway {
            directory: Directory::new(rooms.clone(), Ages::default()),
            outgoing: Outgoing::new(local()),
            outside: Others::new(Outgoing::new(local()), keyring),
            recorder: Recorder::start(folder.path(), log.clone(), bounds).expect("a recorder"),
            limits,
            meters: Meters::new(Arc::new(NoLedger), false, uuid::Uuid::nil()),
            room: room(limits),
            models: Models::default(),
            kept: Kept::default(),
            now: Now::new(now),
            proxies: Arc::from(["127.0.0.0/8".parse().expect("a range")]),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let router = routes(gateway.clone());
        tokio::spawn(
            async move { axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await },
        );
        let house = Self { port, rooms, log, gateway, client: Outgoing::new(local()), folder };
        house.key("lk_good", |_| {});
        house
    }

    /// Adds a key that may call, changed by `change`.
    pub fn key(&self, secret: &str, change: impl FnOnce(&mut CallerKey)) {
        let mut key = CallerKey {
            organisation: ORGANISATION,
            key: KeyId::numbered(10),
            secret: SecretId::numbered(11),
            person: None,
            standing: Standing::Live,
            expires_at: None,
            rotated_at: None,
            may_complete: true,
            permissions: PermissionSet::EMPTY,
            config: None,
            may_override: true,
            saved_only: false,
            guarded: false,
            keeps: None,
            prices: None,
            limits: LimitSet::default(),
            bounds: None,
        };
        change(&mut key);
        self.rooms.keys.lock().expect("the keys").insert(secret.to_owned(), key);
    }

    /// Adds a virtual key of the organisation that leads to a provider on loopback.
    pub fn target(&self, slug: &str, provider: Provider, port: u16) {
        self.target_of(ORGANISATION, slug, provider, port);
    }

    pub fn target_of(&self, organisation: OrganisationId, slug: &str, provider: Provider, port: u16) {
        let allowed = AllowList::parse("127.0.0.1").expect("a list");
        let base = BaseUrl::parse(&format!("http://127.0.0.1:{port}/v1"), &allowed).expect("a base");
        let target = CallTarget {
            virtual_key: VirtualKeyId::numbered(20),
            slug: slug.into(),
            provider,
            address: Some(Address::new(provider, base)),
            credential: Some(Credential::new(provider, SECRET).expect("a credential")),
            api_version: None,
            limits: LimitSet::default(),
        };
        self.rooms.targets.lock().expect("the targets").insert((organisation, slug.to_owned()), target);
    }

    fn request(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(method).uri(format!("http://127.0.0.1:{}{path}", self.port));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Full::new(body)).expect("a request")
    }

    /// Sends a request and reads the whole answer.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Told {
        let request = self.request(method, path, headers, body.into());
        let patience = Patience { headers: 10 * SOON, idle: 10 * SOON, total: 20 * SOON, largest: 8 << 20 };
        Told::from(self.client.fetch(request, patience).await.expect("an answer"))
    }

    /// A chat completion with the good key at the virtual key `main`.
    pub async fn chat(&self, body: &Value) -> Told {
        self.send(Method::POST, CHAT, &CALLER, body.to_string()).await
    }

    /// The same, with the answer's body still to come.
    pub async fn open_chat(&self, body: &Value) -> Response<Incoming> {
        let request = self.request(Method::POST, CHAT, &CALLER, body.to_string().into());
        self.client.send(request, 10 * SOON).await.expect("an answer")
    }

    /// A call with the good key at the virtual key `main`, with the answer's body still to come.
    pub async fn open(&self, method: &Method, path: &str, body: &str) -> Response<Incoming> {
        let request = self.request(method.clone(), path, &CALLER, body.to_owned().into());
        self.client.send(request, 10 * SOON).await.expect("an answer")
    }

    /// Where the installation's key lies.
    pub fn key_file(&self) -> std::path::PathBuf {
        self.folder.path().join("latchkey.key")
    }

    /// All records, once the log is at rest.
    pub async fn records(&self) -> Vec<Record> {
        assert!(self.gateway.recorder.drain(5 * SOON).await, "the log comes to rest");
        self.log.records.lock().expect("the records").clone()
    }

    /// Status and error of the only record.
    pub async fn only_record(&self) -> (u16, Option<String>) {
        let records = self.records().await;
        assert_eq!(records.len(), 1, "{records:?}");
        let outcome = records[0].outcome.clone().expect("an outcome");
        (outcome.status, outcome.error.map(String::from))
    }
}

pub const CHAT: &str = "/v1/chat/completions";
pub const CALLER: [(&str, &str); 3] =
    [("x-portkey-api-key", "lk_good"), ("x-portkey-virtual-key", "main"), ("content-type", "application/json")];

pub fn hello() -> Value {
    json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "Hello" }] })
}

pub fn streamed() -> Value {
    json!({ "model": "gpt-4o", "stream": true, "messages": [{ "role": "user", "content": "Hello" }] })
}

/// An answer as a caller sees it.
#[derive(Debug)]
pub struct Told {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl From<Response<Bytes>> for Told {
    fn from(response: Response<Bytes>) -> Self {
        let (parts, body) = response.into_parts();
        Self { status: parts.status, headers: parts.headers, text: String::from_utf8_lossy(&body).into_owned() }
    }
}

impl Told {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Status and code of a refusal, after looking at what every refusal must have.
    pub fn refusal(&self) -> (u16, String) {
        let body = self.json();
        let message = body["error"]["message"].as_str().expect("a message");
        assert!(!message.is_empty());
        assert_eq!(body["message"], message);
        assert_eq!(body["data"]["message"], message);
        assert!(body["data"]["errorCode"].as_str().is_some_and(|code| code.starts_with("AB")));
        assert_eq!((&body["success"], &body["status"]), (&json!(false), &json!("failure")));
        assert!(body["error"]["type"].is_string());
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert!(self.header("x-portkey-trace-id").is_some());
        assert_eq!(self.header("x-request-id"), body["request_id"].as_str());
        assert!(!self.text.contains(SECRET));
        (self.status.as_u16(), body["error"]["code"].as_str().expect("a code").to_owned())
    }
}

/// What a provider received.
#[derive(Debug)]
pub struct Received {
    pub head: String,
    pub body: String,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(prefix.as_str()))
    }
}

/// A provider on loopback.
pub struct Upstream {
    pub port: u16,
    pub connections: Arc<AtomicUsize>,
    pub received: mpsc::UnboundedReceiver<Received>,
}

impl Upstream {
    /// Each connection is handed to `serve` after its first request has been read.
    pub async fn scripted<F, S>(serve: S) -> Self
    where
        S: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::on(TcpListener::bind("127.0.0.1:0").await.expect("a port"), serve)
    }

    /// The same on a port that is listened on already.
    pub fn on<F, S>(listener: TcpListener, serve: S) -> Self
    where
        S: Fn(TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let port = listener.local_addr().expect("an address").port();
        let connections = Arc::new(AtomicUsize::new(0));
        let (sender, received) = mpsc::unbounded_channel();
        let counter = connections.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let Some(request) = read_request(&mut stream).await else { continue };
                let _ = sender.send(request);
                tokio::spawn(serve(stream));
            }
        });
        Self { port, connections, received }
    }

    /// Writes these bytes and closes.
    pub async fn saying(answer: impl Into<String>) -> Self {
        let answer: Arc<str> = answer.into().into();
        Self::scripted(move |mut stream| {
            let answer = answer.clone();
            async move {
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    /// Answers with a JSON body.
    pub async fn json(status: u16, headers: &str, body: &Value) -> Self {
        let body = body.to_string();
        Self::saying(format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
            body.len()
        ))
        .await
    }

    pub fn seen(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub async fn request(&mut self) -> Received {
        self.received.recv().await.expect("a request")
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Received> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).and_then(|text| text.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    Some(Received { head, body: String::from_utf8(body).ok()? })
}

/// A chat completion as OpenAI gives it.
pub fn completion() -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_700_000_000, "model": "gpt-4o-2024-08-06",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": "Hi" }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11 },
    })
}

/// The head of a streamed answer.
pub const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// A piece of a chunked body.
pub fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// An event with a piece of an answer.
pub fn piece(text: &str) -> String {
    format!(
        "data: {}\n\n",
        json!({ "id": "1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o",
            "choices": [{ "index": 0, "delta": { "content": text }, "finish_reason": null }] })
    )
}

/// The events that end an answer, usage included.
pub fn ending() -> String {
    let end = json!({ "id": "1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o",
        "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
    let usage = json!({ "id": "1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o", "choices": [],
        "usage": { "prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11 } });
    format!("data: {end}\n\ndata: {usage}\n\ndata: [DONE]\n\n")
}

/// A ledger in which nothing is written.
pub struct NoLedger;

#[async_trait]
impl Ledger for NoLedger {
    async fn share(
        &self,
        _: OrganisationId,
        _: &crate::features::limits::model::Limit,
        _: Timestamp,
        _: Want,
    ) -> Result<Shares, Unknown> {
        Ok(Shares::default())
    }
}
