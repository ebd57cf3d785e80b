//! Connections: accepted, bounded in how slow they may be, and led to the gateway or to the router.

use super::headers::{Security, panicked};
use crate::{
    gateway::{call::Gateway, request::name_answer, routes},
    kernel::RequestId,
};
use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Request, Response, StatusCode},
};
use futures_util::{FutureExt, future::BoxFuture};
use hyper::{body::Incoming, server::conn::http1, service::Service};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    io::{self, IoSlice},
    net::SocketAddr,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    time::{Sleep, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// How long a connection may take to send the head of a request, waiting for its first byte included: an idle
/// connection is closed after it.
const HEAD: Duration = Duration::from_secs(75);
/// The most bytes of a request's head, which hyper counts between two reads only and [`head_size`] as it came.
const HEAD_SIZE: usize = 32 * 1024;
/// The pause after a connection could not be accepted, as when there are no more file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// How long a caller may take none of the bytes that wait for it. The body of an answer is not asked for more meanwhile,
/// so nothing else would end such a connection and the call that it carries.
const STALL: Duration = Duration::from_secs(60);

/// Serves until `stop` is cancelled, and then finishes the requests that are under way.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    gateway: Gateway,
    security: Security,
    stop: CancellationToken,
) {
    serve_within(STALL, listener, router, gateway, security, stop).await;
}

async fn serve_within(
    stall: Duration,
    listener: TcpListener,
    router: Router,
    gateway: Gateway,
    security: Security,
    stop: CancellationToken,
) {
    let gateway = Arc::new(gateway);
    let connections = TaskTracker::new();
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_SIZE);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let front = Front { router: router.clone(), gateway: gateway.clone(), security, peer };
                // Pieces of a streamed answer must not wait for each other.
                let _ = stream.set_nodelay(true);
                let stream = Unstalled { stream, patience: stall, stalled: None };
                connections.spawn(connection(server.clone(), stream, front, stop.clone()));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "connections cannot be accepted");
                sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(server: http1::Builder, stream: Unstalled, front: Front, stop: CancellationToken) {
    let connection = server.serve_connection(TokioIo::new(stream), front);
    let mut connection = std::pin::pin!(connection);
    // A connection that breaks off is the caller's affair; what it carried is in the log of calls.
    tokio::select! {
        result = connection.as_mut() => { let _: Result<(), hyper::Error> = result; }
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// A caller's stream. Writing to it fails once the caller has taken nothing for as long as `patience`.
struct Unstalled {
    stream: TcpStream,
    patience: Duration,
    /// Set while there is no room to write.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Unstalled {
    fn bounded(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let alarm = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        alarm.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Unstalled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Unstalled {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bounded(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.bounded(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Sends each request where it belongs. Model calls go straight to the gateway: the router would cost them more than
/// everything that the gateway itself does before a call leaves.
struct Front {
    router: Router,
    gateway: Arc<Gateway>,
    security: Security,
    peer: SocketAddr,
}

impl Service<Request<Incoming>> for Front {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        if head_size(&request) > HEAD_SIZE {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
            name_answer(response.headers_mut(), RequestId::new());
            self.security.put_on(response.headers_mut());
            return Box::pin(async { Ok(response) });
        }
        let mut request = request.map(Body::new);
        match routes::straight(request.method(), request.uri().path()) {
            Some(endpoint) => {
                let (gateway, security) = (self.gateway.clone(), self.security);
                Box::pin(async move {
                    let id = RequestId::new();
                    let call = AssertUnwindSafe(routes::call(&gateway, endpoint, id, request));
                    let mut response = call.catch_unwind().await.unwrap_or_else(|cause| panicked(cause, id));
                    security.put_on(response.headers_mut());
                    Ok(response)
                })
            }
            None => {
                request.extensions_mut().insert(ConnectInfo(self.peer));
                Box::pin(self.router.clone().oneshot(request))
            }
        }
    }
}

/// The bytes of address and header lines.
fn head_size<T>(request: &Request<T>) -> usize {
    let address = request.uri().path_and_query().map_or(0, |text| text.as_str().len());
    address + request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::{
        provider::Provider,
        tests::support::{CALLER, CHAT, House, STREAM, Upstream, chunk, hasty, piece, streamed},
    };
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const SOON: Duration = Duration::from_secs(20);

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
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (gateway, stop) = (house.gateway.clone(), CancellationToken::new());
        let stall = Duration::from_millis(100);
        tokio::spawn(serve_within(stall, listener, Router::new(), gateway, Security::of("http://x"), stop));
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
}
