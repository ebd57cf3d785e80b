//! What a request of the console knows: where it came from, and who is signed in.

use super::{forwarded, headers::cookies_are_secure, models::ModelCalls};
use crate::{
    kernel::{Error, RequestId, Result, Secret},
    server::access::{Access, App, Origin, SignedIn, sessions},
    web::request::request_id,
};
use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use leptos::prelude::use_context;
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};
use tower_sessions::Session;

/// The way to models, as an extension of the request.
#[derive(Clone)]
pub struct Models(pub Arc<dyn ModelCalls>);

/// Given to every page and server function by `provide_context`.
#[derive(Clone)]
pub struct RequestContext {
    app: App,
    origin: Origin,
    session: Session,
    who: Option<SignedIn>,
    models: Option<Models>,
    /// The cookie `theme`: `light`, `dark`, or none for the system's.
    pub theme: Option<&'static str>,
}

/// The name of the cookie that keeps the theme.
const THEME: &str = "theme";

/// The name of the session's cookie. `__Host-` ties it to this host and to TLS (RFC 6265bis).
pub const fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-latchkey" } else { "latchkey" }
}

/// Builds the context before a page or server function runs, and before its body has come: whoever is signed in now is
/// asked for anew by whatever they do.
pub async fn establish(State(app): State<App>, session: Session, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|connection| connection.0.ip());
    let origin = origin(&app, request.headers(), peer, request_id(request.extensions()));
    if !has_one_session(request.headers(), cookie_name(cookies_are_secure(&app.public_url))) {
        let error = Error::new(crate::kernel::Code::Malformed, "The request carries two session cookies.");
        return super::headers::error_response(&error, &origin.request_id).into_response();
    }
    let who = match sessions::signed_in(&session).await {
        Ok(who) => who,
        Err(error) => return super::headers::error_response(&error, &origin.request_id).into_response(),
    };
    let theme = cookie(request.headers(), THEME).and_then(known_theme);
    let models = request.extensions().get::<Models>().cloned();
    request.extensions_mut().insert(RequestContext { app, origin, session, who, models, theme });
    next.run(request).await
}

/// Where a request came from. Forwarded addresses are believed only from configured proxies.
pub fn origin(app: &App, headers: &HeaderMap, peer: Option<IpAddr>, id: RequestId) -> Origin {
    let text = |name: header::HeaderName| headers.get(name).and_then(|v| v.to_str().ok());
    let address = peer.map(|peer| forwarded::caller(peer, headers, &app.trusted_proxies));
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

/// Whether the cookie of this name came once, or not at all. Whoever reads it next decodes names (`%6Catchkey`): another
/// spelling is a cookie that its `__Host-` never bound to this host, so it counts as one too many. Other cookies are not ours.
fn has_one_session(headers: &HeaderMap, name: &str) -> bool {
    let lines = headers.get_all(header::COOKIE).iter().map(|line| String::from_utf8_lossy(line.as_bytes()));
    let names: Vec<String> = lines
        .flat_map(|line| {
            line.split(';').filter_map(|pair| Some(pair.split_once('=')?.0.trim().to_owned())).collect::<Vec<_>>()
        })
        .filter(|found| percent_encoding::percent_decode_str(found).decode_utf8_lossy().trim() == name)
        .collect();
    names.is_empty() || names == [name]
}

impl RequestContext {
    /// Whoever sent this request.
    pub fn access(&self) -> Access {
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
    let session = request.who.map(|who| who.session);
    Ok(Access::nobody(request.app, request.origin).in_place_of(session))
}

/// The signed-in person inside the organisation that the page's path names.
pub async fn member(slug: &str) -> Result<Access> {
    access()?.enter(slug).await
}

/// The way to models.
pub fn models() -> Result<Arc<dyn ModelCalls>> {
    request()?.models.map(|models| models.0).ok_or_else(Error::internal)
}

/// Lets the browser keep the session that has just begun.
pub async fn keep_session(token: Option<&Secret>) -> Result<()> {
    match token {
        Some(token) => sessions::keep(&request()?.session, token).await,
        None => Ok(()),
    }
}

/// Lets the browser forget its session, which has ended.
pub async fn forget_session() -> Result<()> {
    sessions::forget(&request()?.session).await
}

/// Sends the browser to a page of ours. Takes only what the one maker of URLs made.
pub fn redirect(to: &crate::site::routes::Path) {
    leptos_axum::redirect(to.as_str());
}

/// Lets the browser save the answer as a file of this name: letters, digits, `-` and `.`; anything else is left out.
pub fn saved_as(name: &str) {
    let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')).collect();
    if let Some(options) = use_context::<leptos_axum::ResponseOptions>()
        && let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""))
    {
        options.insert_header(header::CONTENT_DISPOSITION, value);
    }
}

/// What the browser keeps under this name, as the page's own script has put it there.
pub fn kept(name: &str) -> Option<String> {
    let parts = use_context::<axum::http::request::Parts>()?;
    cookie(&parts.headers, name).map(str::to_owned)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_comes_once_and_under_its_own_name() {
        let fits = |lines: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::COOKIE, HeaderValue::from_bytes(line).unwrap());
            }
            has_one_session(&headers, "__Host-latchkey")
        };
        assert!(fits(&[]));
        assert!(fits(&[b"theme=dark; __Host-latchkey=a"]));
        assert!(fits(&[b"latchkey=b; __Host-latchkey=a; my__Host-latchkey=c"]), "others' cookies are not ours");
        assert!(!fits(&[b"__Host-latchkey=a; __Host-latchkey=b"]));
        assert!(!fits(&[b"__Host-latchkey=a", b"__Host-latchkey=b"]));
        assert!(!fits(&[b"__Host-latchkey=a", b"x=\xff; __Host-latchkey=b"]), "beside what is no text");
        assert!(!fits(&[b"__Host-latchke%79=a"]));
        assert!(!fits(&[b"__Host-latchkey=a; %5F_Host-latchkey=b"]));
    }
}
