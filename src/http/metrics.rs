//! The figures for the operator's monitoring: a port of their own, and the count of what the console and programs ask.

use crate::{gateway::telemetry::CONTENT_TYPE, server::access::App};
use axum::{
    body::Bytes,
    extract::{Request, State},
    http::{HeaderValue, Method, Response, StatusCode, header},
    middleware::Next,
};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    sync::Semaphore,
    time::{sleep, timeout},
};

/// Connections at a time; others wait.
const MOST: usize = 16;
/// How long the head of a request may take, and a connection as a whole. Each has one request.
const HEAD: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(15);
/// The most bytes of a head.
const HEAD_SIZE: usize = 16 * 1024;
/// The pause after a connection could not be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves `GET /metrics`, and nothing else, for as long as it is polled. `page` makes the page anew each time.
pub async fn serve_metrics(listener: TcpListener, page: impl Fn() -> String + Send + Sync + 'static) {
    let (page, places) = (Arc::new(page), Arc::new(Semaphore::new(MOST)));
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_SIZE).keep_alive(false);
    while let Ok(place) = places.clone().acquire_owned().await {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "connections for metrics cannot be accepted");
                sleep(PAUSE).await;
                continue;
            }
        };
        let (page, server) = (page.clone(), server.clone());
        tokio::spawn(async move {
            let _place = place;
            let answer = service_fn(move |request| {
                let response = answer(&request, &*page);
                async move { Ok::<_, Infallible>(response) }
            });
            // A connection that breaks off is its own affair.
            let _ = timeout(WHOLE, server.serve_connection(TokioIo::new(stream), answer)).await;
        });
    }
}

fn answer(request: &Request<Incoming>, page: &impl Fn() -> String) -> Response<Full<Bytes>> {
    let found = *request.method() == Method::GET && request.uri().path() == "/metrics";
    let (status, kind, body) = match found {
        true => (StatusCode::OK, CONTENT_TYPE, page()),
        false => (StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "Metrics are at /metrics.\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    for (name, value) in
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")]
    {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// People, with a session's cookie: pages and server functions.
    Console,
    /// Programs, with an API key: the management API.
    Api,
}

/// Counts a request by the status of its answer. One whose caller goes before there is an answer has none.
pub(super) async fn count(
    State((app, part)): State<(App, Part)>,
    request: Request,
    next: Next,
) -> axum::response::Response {
    let mut counted = Counted { app, part, status: None };
    let response = next.run(request).await;
    counted.status = Some(response.status().as_u16());
    response
}

struct Counted {
    app: App,
    part: Part,
    status: Option<u16>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        // A handler that panics is answered further out.
        let panicked = std::thread::panicking().then_some(500);
        let Some(status) = self.status.or(panicked) else { return };
        match self.part {
            Part::Console => self.app.requests.console.note(status),
            Part::Api => self.app.requests.api.note(status),
        }
    }
}
