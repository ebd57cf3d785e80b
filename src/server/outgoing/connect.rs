//! Making a connection: look up, check, dial, in one step.

use super::addresses::{AllowList, special};
use super::error::{OutgoingError, Phase};
use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioIo;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tower::{Service, ServiceExt};

/// What a look-up brings.
pub type Addresses = BoxFuture<'static, io::Result<Vec<IpAddr>>>;

/// Turns a host's name into addresses. The answer is checked by the caller, never trusted.
pub trait Resolve: Send + Sync + 'static {
    fn resolve(&self, name: &str) -> Addresses;
}

/// The machine's own resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: &str) -> Addresses {
        let name = name.to_owned();
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|found| found.ip()).collect()) })
    }
}

/// The rule for every address, with the scheme of the request it is for.
#[derive(Clone)]
pub(super) struct Guard {
    allowed: Arc<AllowList>,
    resolver: Arc<dyn Resolve>,
    /// Plain http goes to listed addresses only.
    secure: bool,
}

impl Guard {
    pub(super) fn new(allowed: Arc<AllowList>, resolver: Arc<dyn Resolve>, secure: bool) -> Self {
        Self { allowed, resolver, secure }
    }

    fn check(&self, address: IpAddr) -> Result<(), OutgoingError> {
        if !self.allowed.permits(address) {
            return Err(OutgoingError::Blocked(special(address)));
        }
        if !self.secure && !self.allowed.lists(address) {
            return Err(OutgoingError::PlainHttp);
        }
        Ok(())
    }

    /// Looks a host up (a literal stands for itself) and lets the answer pass only if every address of it may be
    /// dialled: a name that also points inside is not a provider's name.
    pub(super) async fn lookup(self, host: String) -> Result<Vec<IpAddr>, OutgoingError> {
        let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(&host);
        let addresses = match bare.parse() {
            Ok(literal) => vec![literal],
            Err(_) => self.resolver.resolve(bare).await.map_err(|_| OutgoingError::NameNotFound)?,
        };
        if addresses.is_empty() {
            return Err(OutgoingError::NameNotFound);
        }
        addresses.iter().try_for_each(|address| self.check(*address))?;
        Ok(addresses)
    }
}

impl Service<Name> for Guard {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = OutgoingError;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let guard = self.clone();
        Box::pin(async move {
            let addresses = guard.lookup(name.as_str().to_owned()).await?;
            // The connector puts the port in.
            Ok(addresses.into_iter().map(|ip| SocketAddr::new(ip, 0)).collect::<Vec<_>>().into_iter())
        })
    }
}

/// Dials over TCP. The library's connector asks the resolver for names only, so literal addresses are checked here,
/// before it sees them.
#[derive(Clone)]
pub(super) struct Dial {
    https: (Guard, HttpConnector<Guard>),
    http: (Guard, HttpConnector<Guard>),
}

impl Dial {
    pub(super) fn new(allowed: &Arc<AllowList>, resolver: &Arc<dyn Resolve>) -> Self {
        let with = |secure| {
            let guard = Guard::new(allowed.clone(), resolver.clone(), secure);
            let mut connector = HttpConnector::new_with_resolver(guard.clone());
            connector.enforce_http(false);
            connector.set_nodelay(true);
            connector.set_keepalive(Some(Duration::from_secs(60)));
            (guard, connector)
        };
        Self { https: with(true), http: with(false) }
    }
}

impl Service<Uri> for Dial {
    type Response = TokioIo<TcpStream>;
    type Error = Box<dyn StdError + Send + Sync>;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, destination: Uri) -> Self::Future {
        let (guard, mut connector) = match destination.scheme_str() {
            Some("https") => self.https.clone(),
            _ => self.http.clone(),
        };
        Box::pin(async move {
            let host = destination.host().unwrap_or_default();
            let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
            if let Ok(literal) = bare.parse() {
                guard.check(literal)?;
            }
            Ok(connector.call(destination).await?)
        })
    }
}

/// Bounds the whole making of a connection: name, TCP and TLS.
pub(super) struct Timed<C> {
    /// Shared, since the client clones its connector with every request, though few need a connection.
    inner: Arc<C>,
    limit: Duration,
}

impl<C> Timed<C> {
    pub(super) fn new(inner: C, limit: Duration) -> Self {
        Self { inner: Arc::new(inner), limit }
    }
}

impl<C> Clone for Timed<C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), limit: self.limit }
    }
}

impl<C> Service<Uri> for Timed<C>
where
    C: Service<Uri, Error = Box<dyn StdError + Send + Sync>> + Clone + Send + 'static,
    C::Future: Send + 'static,
    C::Response: 'static,
{
    type Response = C::Response;
    type Error = C::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, destination: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(self.limit, C::clone(&self.inner).oneshot(destination));
        Box::pin(async move {
            match connecting.await {
                Ok(connected) => connected,
                Err(_) => Err(OutgoingError::TimedOut(Phase::Connect).into()),
            }
        })
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("allowed", &self.allowed).field("secure", &self.secure).finish_non_exhaustive()
    }
}
