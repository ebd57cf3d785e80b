//! Connections: accepted within bounds, read strictly, and led to the gateway or to the router.

mod framing;
mod seats;
mod stream;

use crate::{
    gateway::{call::Gateway, routes},
    kernel::{Code, Error, RequestId},
    web::{
        headers::{Security, error_response, panicked},
        request::name_answer,
    },
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::ConnectInfo,
    http::{HeaderValue, Method, Request, Response, StatusCode, Version, header},
};
use futures_util::{FutureExt, future::BoxFuture};
use hyper::{
    body::{Body as HttpBody, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::Service,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use seats::{Place, Seat, Seats};
use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use stream::{Caller, Patience};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// How long a connection may wait for a request: an idle one is closed after it.
const IDLE: Duration = Duration::from_secs(75);
/// The most bytes of a request's head, which hyper counts between two reads only and [`head_size`] as it came.
const HEAD_SIZE: usize = 32 * 1024;
/// The pause after a connection could not be accepted, as when there are no more file descriptors.
const PAUSE: Duration = Duration::from_millis(50);
/// How often the log says that there is no room for connections.
const TELL: Duration = Duration::from_secs(60);
/// The answer to a connection for which there is no room.
const NO_ROOM: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
    connection: close\r\ncontent-length: 81\r\n\r\n\
    {\"code\":\"unavailable\",\"message\":\"There are too many connections at the moment.\"}\n";

/// Serves until `stop` is cancelled, and then finishes the requests that are under way. Through `proxies` and from this
/// machine many callers may come: no share of the connections binds them.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    gateway: Gateway,
    security: Security,
    proxies: Vec<IpNet>,
    stop: CancellationToken,
) {
    let door = Door { seats: Seats::within_file_limit(proxies), patience: Patience::default() };
    door.serve(listener, router, gateway, security, stop).await;
}

/// Where connections come in.
struct Door {
    seats: Seats,
    patience: Patience,
}

impl Door {
    async fn serve(
        self,
        listener: TcpListener,
        router: Router,
        gateway: Gateway,
        security: Security,
        stop: CancellationToken,
    ) {
        let gateway = Arc::new(gateway);
        let connections = TaskTracker::new();
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(IDLE).max_buf_size(HEAD_SIZE);
        let mut told: Option<Instant> = None;
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let Some(seat) = self.seats.take(peer.ip()) else {
                        // As far as it goes at once: nobody waits for a caller that has no seat.
                        let _ = stream.try_write(NO_ROOM);
                        if told.is_none_or(|at| at.elapsed() >= TELL) {
                            told = Some(Instant::now());
                            tracing::warn!(%peer, "there is no room for more connections; LimitNOFILE or ulimit -n bounds them");
                        }
                        continue;
                    };
                    let (router, gateway, place) = (router.clone(), gateway.clone(), seat.place().clone());
                    let front = Front { router, gateway, security, peer, place };
                    // Pieces of a streamed answer must not wait for each other.
                    let _ = stream.set_nodelay(true);
                    connections.spawn(connection(server.clone(), stream, seat, self.patience, front, stop.clone()));
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
}

async fn connection(
    server: http1::Builder,
    stream: TcpStream,
    seat: Seat,
    patience: Patience,
    front: Front,
    stop: CancellationToken,
) {
    let caller = Caller::new(stream, seat.place().clone(), patience);
    let connection = server.serve_connection(TokioIo::new(caller), front);
    let mut connection = std::pin::pin!(connection);
    // A connection that breaks off is the caller's affair; what it carried is in the log of calls.
    tokio::select! {
        result = connection.as_mut() => { let _: Result<(), hyper::Error> = result; }
        () = seat.given_up() => {}
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
struct Front {
    router: Router,
    gateway: Arc<Gateway>,
    security: Security,
    peer: SocketAddr,
    place: Arc<Place>,
}

impl Service<Request<Incoming>> for Front {
    type Response = Response<Served>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Served>, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.place.serve();
        let (place, security) = (self.place.clone(), self.security);
        if let Some(mut response) = refused(&request) {
            place.set_unread(!request.body().is_end_stream());
            security.put_on(response.headers_mut());
            close(&mut response);
            return Box::pin(async { Ok(served(response, place)) });
        }
        let mut request = request.map(|body| Body::new(Received::new(body, place.clone())));
        request.extensions_mut().insert(ConnectInfo(self.peer));
        match routes::straight(request.method(), request.uri().path()) {
            Some(endpoint) => {
                let gateway = self.gateway.clone();
                Box::pin(async move {
                    let id = RequestId::new();
                    let call = AssertUnwindSafe(routes::call(&gateway, endpoint, id, request));
                    let mut response = call.catch_unwind().await.unwrap_or_else(|cause| panicked(cause, id));
                    security.put_on(response.headers_mut());
                    Ok(served(response, place))
                })
            }
            None => {
                let answered = self.router.clone().oneshot(request);
                Box::pin(async move {
                    let Ok(response) = answered.await;
                    Ok(served(response, place))
                })
            }
        }
    }
}

/// The answer to a request that the router cannot be asked about.
fn refused(request: &Request<Incoming>) -> Option<Response<Body>> {
    if head_size(request) > HEAD_SIZE {
        let error = Error::new(Code::Malformed, "The address and headers together are larger than 32 KiB.");
        return Some(refusal(&error, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
    }
    if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
        let error = Error::new(Code::MethodNotAllowed, "This method is not served.");
        return Some(refusal(&error, StatusCode::METHOD_NOT_ALLOWED));
    }
    if !request.uri().path().starts_with('/') {
        let error = Error::new(Code::Malformed, "The request's target is not a path.");
        return Some(refusal(&error, StatusCode::BAD_REQUEST));
    }
    // RFC 9112, section 3.2. HTTP/1.0 knows no such header, and checks of health are made with it.
    let hosts = request.headers().get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        let error = Error::new(Code::Malformed, "A request needs exactly one Host header.");
        return Some(refusal(&error, StatusCode::BAD_REQUEST));
    }
    None
}

fn refusal(error: &Error, status: StatusCode) -> Response<Body> {
    let id = RequestId::new();
    let mut response = error_response(error, &id.to_string());
    *response.status_mut() = status;
    name_answer(response.headers_mut(), id);
    response
}

/// The bytes of address and header lines.
fn head_size<T>(request: &Request<T>) -> usize {
    let address = request.uri().path_and_query().map_or(0, |text| text.as_str().len());
    address + request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>()
}

/// An answer as it leaves. One that comes before its request was read says that nothing more is read.
fn served(mut response: Response<Body>, place: Arc<Place>) -> Response<Served> {
    if place.is_unread() {
        close(&mut response);
    }
    response.map(|body| Served { body, place })
}

fn close(response: &mut Response<Body>) {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
}

/// A request's body, which tells the connection whether it was read to its end.
struct Received {
    body: Incoming,
    place: Arc<Place>,
}

impl Received {
    fn new(body: Incoming, place: Arc<Place>) -> Self {
        place.set_unread(!body.is_end_stream());
        Self { body, place }
    }
}

impl HttpBody for Received {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if matches!(polled, Poll::Ready(None)) || self.body.is_end_stream() {
            self.place.set_unread(false);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body. Once it is dropped, its connection waits for the next request.
struct Served {
    body: Body,
    place: Arc<Place>,
}

impl HttpBody for Served {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.place.wait();
    }
}

#[cfg(test)]
mod tests;
