//! What a request of the console knows: where it came from, and who is signed in.

use crate::{
    gateway::request::request_id,
    kernel::{Error, RequestId, Result, Timestamp, UserId},
    server::{
        access::{Access, Origin, SignedIn},
        app::App,
        sessions::field,
    },
};
use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use leptos::prelude::use_context;
use std::net::{IpAddr, SocketAddr};
use tower_sessions::Session;

/// Given to every page and server function by `provide_context`.
#[derive(Clone)]
pub struct RequestContext {
    app: App,
    origin: Origin,
    session: Session,
    who: Option<SignedIn>,
    /// The cookie `theme`: `light`, `dark`, or none for the system's.
    pub theme: Option<&'static str>,
}

/// The name of the cookie that keeps the theme.
const THEME: &str = "theme";

/// The name of the session's cookie. `__Host-` ties it to this host and to TLS (RFC 6265bis).
pub const fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-latchkey" } else { "latchkey" }
}

/// Builds the context before a page or server function runs.
pub async fn establish(State(app): State<App>, session: Session, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|connection| connection.0.ip());
    let origin = origin(&app, request.headers(), peer, request_id(request.extensions()));
    if session_cookies(request.headers()) > 1 {
        let error = Error::new(crate::kernel::Code::Malformed, "Two session cookies came in one request.");
        return super::headers::error_response(&error, &origin.request_id).into_response();
    }
    let who = match signed_in(&session).await {
        Ok(who) => who,
        Err(error) => return super::headers::error_response(&error, &origin.request_id).into_response(),
    };
    let theme = cookie(request.headers(), THEME).and_then(known_theme);
    request.extensions_mut().insert(RequestContext { app, origin, session, who, theme });
    next.run(request).await
}

/// Where a request came from. Forwarded addresses are believed only from configured proxies.
pub fn origin(app: &App, headers: &HeaderMap, peer: Option<IpAddr>, id: RequestId) -> Origin {
    let text = |name: header::HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
    let trusted = |address: &IpAddr| app.trusted_proxies.iter().any(|range| range.contains(address));
    let address = peer.map(|peer| {
        let peer = peer.to_canonical();
        if !trusted(&peer) {
            return peer;
        }
        // From the nearest hop backwards, the first that is no proxy of ours.
        headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(','))
            .filter_map(|v| v.trim().parse::<IpAddr>().ok())
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .find(|hop| !trusted(hop))
            .unwrap_or(peer)
    });
    Origin::new(id.to_string(), address, text(header::USER_AGENT).unwrap_or_default().to_owned())
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    cookies(headers).find(|(n, _)| *n == name).map(|(_, value)| value)
}

fn session_cookies(headers: &HeaderMap) -> usize {
    cookies(headers).filter(|(name, _)| [cookie_name(true), cookie_name(false)].contains(name)).count()
}

async fn signed_in(session: &Session) -> Result<Option<SignedIn>> {
    let fault = |error: tower_sessions::session::Error| {
        tracing::error!(%error, "a session could not be read");
        Error::unavailable()
    };
    let Some(user) = session.get::<UserId>(field::USER).await.map_err(fault)? else { return Ok(None) };
    Ok(Some(SignedIn {
        user,
        name: session.get(field::NAME).await.map_err(fault)?.unwrap_or_default(),
        session: session.get(field::SESSION).await.map_err(fault)?.unwrap_or_default(),
        confirmed_at: session.get::<Timestamp>(field::CONFIRMED).await.map_err(fault)?.unwrap_or_default(),
    }))
}

impl RequestContext {
    /// Whoever sent this request.
    pub(super) fn access(&self) -> Access {
        match &self.who {
            Some(who) => Access::person(self.app.clone(), self.origin.clone(), who.clone()),
            None => Access::nobody(self.app.clone(), self.origin.clone()),
        }
    }

    pub fn app(&self) -> &App {
        &self.app
    }

    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The signed-in person's session, by its public id.
    pub fn session_id(&self) -> Option<&str> {
        self.who.as_ref().map(|who| who.session.as_str())
    }
}

/// The context of the running page or server function.
pub fn request() -> Result<RequestContext> {
    use_context::<RequestContext>().ok_or_else(|| {
        tracing::error!("a server function ran outside of a request");
        Error::internal()
    })
}

/// Whoever sent this request: a person, or nobody.
pub fn access() -> Result<Access> {
    Ok(request()?.access())
}

/// A request as if nobody were signed in: for what must not depend on it, such as sign-in.
pub fn nobody() -> Result<Access> {
    let request = request()?;
    Ok(Access::nobody(request.app, request.origin))
}

/// The signed-in person inside the organisation that the page's path names.
pub async fn member(slug: &str) -> Result<Access> {
    access()?.enter(slug).await
}

/// Begins a session for a person who has just proven who they are. Whatever session the browser came with is dead.
pub async fn sign_in_session(user: UserId, now: Timestamp) -> Result<()> {
    let request = request()?;
    let session = request.session;
    let fault = |error: tower_sessions::session::Error| {
        tracing::error!(%error, "a session could not be begun");
        Error::unavailable()
    };
    end(&session).await.map_err(fault)?;
    session.insert(field::USER, user).await.map_err(fault)?;
    session.insert(field::CONFIRMED, now).await.map_err(fault)?;
    let address = request.origin.address.map(|a| a.to_string()).unwrap_or_default();
    session.insert(field::ADDRESS, address).await.map_err(fault)?;
    session.insert(field::BROWSER, crate::kernel::text::cut(&request.origin.user_agent, 200)).await.map_err(fault)?;
    Ok(())
}

/// Ends the session of this browser.
pub async fn sign_out_session() -> Result<()> {
    let request = request()?;
    end(&request.session).await.map_err(|error| {
        tracing::error!(%error, "a session could not be ended");
        Error::unavailable()
    })
}

/// Ends a session, if the browser came with one.
async fn end(session: &Session) -> std::result::Result<(), tower_sessions::session::Error> {
    if session.id().is_some() { session.flush().await } else { Ok(()) }
}

/// Sends the browser to a page of ours. Takes only what the one maker of URLs made.
pub fn redirect(to: &crate::ui::routes::Path) {
    leptos_axum::redirect(to.as_str());
}

/// Keeps a theme in the browser for a year.
pub fn keep_theme(name: &'static str) {
    if let Some(options) = use_context::<leptos_axum::ResponseOptions>()
        && let Ok(cookie) = HeaderValue::from_str(&format!("{THEME}={name}; Path=/; SameSite=Lax; Max-Age=31536000"))
    {
        options.append_header(header::SET_COOKIE, cookie);
    }
}

/// The theme that an answer's cookie keeps from now on, if it is one: a page in the same answer shows it already.
pub fn kept_theme(cookie: &HeaderValue) -> Option<Option<&'static str>> {
    let value = cookie.to_str().ok()?.strip_prefix(THEME)?.strip_prefix('=')?;
    Some(known_theme(value.split(';').next().unwrap_or_default()))
}

fn known_theme(value: &str) -> Option<&'static str> {
    ["light", "dark"].into_iter().find(|theme| *theme == value)
}
