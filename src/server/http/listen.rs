//! Connections: accepted, bounded in how slow they may be, and led to the gateway or to the router.

use super::headers::{Security, panicked};
use crate::gateway::{call::Gateway, routes};
use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{Request, Response},
};
use futures_util::{FutureExt, future::BoxFuture};
use hyper::{body::Incoming, server::conn::http1, service::Service};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, io, net::SocketAddr, panic::AssertUnwindSafe, time::Duration};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// How long a connection may take to send the head of a request, waiting for its first byte included: an idle
/// connection is closed after it.
const HEAD: Duration = Duration::from_secs(75);
/// The most bytes of a request's head.
const HEAD_SIZE: usize = 32 * 1024;
/// The pause after a connection could not be accepted, as when there are no more file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` is cancelled, and then finishes the requests that are under way.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    gateway: Gateway,
    security: Security,
    stop: CancellationToken,
) {
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
                connections.spawn(connection(server.clone(), stream, front, stop.clone()));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "connections cannot be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

async fn connection(server: http1::Builder, stream: TcpStream, front: Front, stop: CancellationToken) {
    // Pieces of a streamed answer must not wait for each other.
    let _ = stream.set_nodelay(true);
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

/// Sends each request where it belongs. Model calls go straight to the gateway: the router would cost them more than
/// everything that the gateway itself does before a call leaves.
#[derive(Clone)]
struct Front {
    router: Router,
    gateway: Gateway,
    security: Security,
    peer: SocketAddr,
}

impl Service<Request<Incoming>> for Front {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let mut request = request.map(Body::new);
        match routes::straight(request.method(), request.uri().path()) {
            Some(endpoint) => {
                let (gateway, security) = (self.gateway.clone(), self.security);
                Box::pin(async move {
                    let call = AssertUnwindSafe(routes::call(&gateway, endpoint, request));
                    let mut response = call.catch_unwind().await.unwrap_or_else(panicked);
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
