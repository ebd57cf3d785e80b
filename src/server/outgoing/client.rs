//! The one HTTP client.

use super::addresses::AllowList;
use super::connect::{Dial, Guard, Resolve, SystemResolver, Timed};
use super::error::{OutgoingError, Phase};
use super::url::BaseUrl;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// How long each part of an exchange may take, and how much may come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until status and headers, from the start. A provider that answers as a whole sends them when it is done.
    pub headers: Duration,
    /// Between two pieces of the body.
    pub idle: Duration,
    /// The exchange as a whole.
    pub total: Duration,
    /// The most bytes of a body that is read as a whole.
    pub largest: usize,
}

impl Default for Patience {
    /// For small exchanges such as a webhook or the test of a connection.
    fn default() -> Self {
        Self {
            headers: Duration::from_secs(10),
            idle: Duration::from_secs(5),
            total: Duration::from_secs(20),
            largest: 1 << 20,
        }
    }
}

/// Name, TCP and TLS together.
const CONNECT: Duration = Duration::from_secs(10);
/// Below the 60 seconds after which common servers close an idle connection.
const POOLED: Duration = Duration::from_secs(50);
/// Idle connections kept per server.
const POOL: usize = 256;
/// The most that status line and headers of an answer may take, and the largest piece of a body held at a time.
const BUFFER: usize = 64 * 1024;

/// The client through which every outgoing request goes. Cheap to clone; all clones share one pool of connections.
#[derive(Clone)]
pub struct Outgoing {
    client: Client<Timed<HttpsConnector<Dial>>, Full<Bytes>>,
    allowed: Arc<AllowList>,
    resolver: Arc<dyn Resolve>,
}

impl Outgoing {
    /// A client that reaches public addresses and those that the operator lists.
    pub fn new(allowed: AllowList) -> Self {
        Self::with_resolver(allowed, Arc::new(SystemResolver))
    }

    /// The same with a resolver of the caller's choice.
    pub fn with_resolver(allowed: AllowList, resolver: Arc<dyn Resolve>) -> Self {
        Self::build(allowed, resolver, CONNECT)
    }

    pub(super) fn build(allowed: AllowList, resolver: Arc<dyn Resolve>, connect: Duration) -> Self {
        let allowed = Arc::new(allowed);
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .expect("ring serves the default protocol versions")
            .https_or_http()
            .enable_http1()
            .wrap_connector(Dial::new(&allowed, &resolver));
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(POOLED)
            .pool_max_idle_per_host(POOL)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http1_max_buf_size(BUFFER)
            .build(Timed::new(connector, connect));
        Self { client, allowed, resolver }
    }

    /// The operator's ranges, for reading a [`BaseUrl`].
    pub fn allowed(&self) -> &AllowList {
        &self.allowed
    }

    /// Looks up where a base URL leads and says whether requests may go there, without dialling. For the moment in
    /// which a person saves it; the check that counts is repeated with every connection.
    ///
    /// # Errors
    /// [`OutgoingError::Blocked`], [`PlainHttp`](OutgoingError::PlainHttp),
    /// [`NameNotFound`](OutgoingError::NameNotFound) or a time-out.
    pub async fn check(&self, base: &BaseUrl) -> Result<(), OutgoingError> {
        let uri = base.join("/x").map_err(|_| OutgoingError::Blocked(None))?;
        let guard = Guard::new(self.allowed.clone(), self.resolver.clone(), base.is_https());
        let looking = guard.lookup(uri.host().unwrap_or_default().to_owned());
        timeout(CONNECT, looking).await.map_err(|_| OutgoingError::TimedOut(Phase::Connect))?.map(drop)
    }

    /// Sends a request and waits for status and headers, at most until `headers` has passed. The body then arrives as
    /// the caller reads it; dropping it, or this future, ends the exchange at once.
    ///
    /// # Errors
    /// Everything of [`OutgoingError`] that can happen before a body.
    pub async fn send(
        &self,
        request: Request<Full<Bytes>>,
        headers: Duration,
    ) -> Result<Response<Incoming>, OutgoingError> {
        match timeout(headers, self.client.request(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(OutgoingError::from_chain(&error, error.is_connect())),
            Err(_) => Err(OutgoingError::TimedOut(Phase::Headers)),
        }
    }

    /// Sends a request and reads the whole answer within the given bounds.
    ///
    /// # Errors
    /// Everything of [`OutgoingError`].
    pub async fn fetch(
        &self,
        request: Request<Full<Bytes>>,
        patience: Patience,
    ) -> Result<Response<Bytes>, OutgoingError> {
        let end = Instant::now() + patience.total;
        let (parts, body) = self.send(request, patience.headers.min(patience.total)).await?.into_parts();
        Ok(Response::from_parts(parts, read_metered(body, patience, end, &mut ()).await?))
    }
}

/// Tells whether a request has found a connection, be it a new one or one that was kept.
#[derive(Debug)]
pub struct Connection(CaptureConnection);

impl Connection {
    /// That of a request that is yet to be sent.
    pub fn of(request: &mut Request<Full<Bytes>>) -> Self {
        Self(capture_connection(request))
    }

    /// Whether there is one, or was: without one nothing of the request has left.
    pub fn is_made(&self) -> bool {
        self.0.connection_metadata().is_some()
    }
}

/// Watches a body while it is read.
pub trait Meter: Send {
    type Error: From<OutgoingError>;

    /// So many bytes are here by now. Nothing more is read until this is done.
    fn reached(&mut self, bytes: usize) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// When the next piece must be there at the latest, after so many bytes.
    fn due(&self, bytes: usize) -> Option<Instant>;
}

/// Watches nothing.
impl Meter for () {
    type Error = OutgoingError;

    async fn reached(&mut self, _: usize) -> Result<(), OutgoingError> {
        Ok(())
    }

    fn due(&self, _: usize) -> Option<Instant> {
        None
    }
}

/// Reads a body to its end: at most `patience.largest` bytes, no pause longer than `patience.idle`, done by `end`, and
/// as `meter` allows.
///
/// # Errors
/// [`OutgoingError::TooLarge`], [`TimedOut`](OutgoingError::TimedOut) or [`Broken`](OutgoingError::Broken), and those of
/// `meter`.
pub async fn read_metered<B, M>(mut body: B, patience: Patience, end: Instant, meter: &mut M) -> Result<Bytes, M::Error>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: StdError + 'static,
    M: Meter,
{
    let declared = body.size_hint().lower();
    if declared > patience.largest as u64 {
        return Err(OutgoingError::TooLarge.into());
    }
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    loop {
        let read = first.len() + rest.len();
        let end = meter.due(read).map_or(end, |due| due.min(end));
        let pause = Instant::now() + patience.idle;
        let frame = timeout_at(pause.min(end), body.frame())
            .await
            .map_err(|_| OutgoingError::TimedOut(if pause < end { Phase::Idle } else { Phase::Total }))?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| OutgoingError::from_chain(&error, false))?;
        let Ok(data) = frame.into_data() else { continue };
        if read + data.len() > patience.largest {
            return Err(OutgoingError::TooLarge.into());
        }
        meter.reached(read + data.len()).await?;
        // Most answers come in one piece, which then needs no copy.
        if rest.is_empty() && first.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.reserve((declared as usize).max(first.len() + data.len()));
                rest.extend_from_slice(&std::mem::take(&mut first));
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").field("allowed", &self.allowed).finish_non_exhaustive()
    }
}
