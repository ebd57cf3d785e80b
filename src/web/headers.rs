//! Headers that every answer carries, and answers to what went wrong.

use crate::{
    kernel::{Error, RequestId},
    web::request::name_answer,
};
use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use std::{any::Any, panic::AssertUnwindSafe};

/// Cookies carry `Secure` unless the public address is plain http on another machine, where browsers would drop them.
pub fn cookies_are_secure(public_url: &str) -> bool {
    let Some(rest) = public_url.strip_prefix("http://") else { return true };
    let host = rest.rsplit_once(':').map_or(rest, |(host, _)| host);
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

/// The security headers of every answer.
#[derive(Clone, Copy, Debug)]
pub struct Security {
    /// Browsers reach this installation over TLS.
    is_tls: bool,
}

impl Security {
    /// Those of the installation at this address.
    pub fn of(public_url: &str) -> Self {
        Self { is_tls: public_url.starts_with("https://") }
    }

    /// Puts them on an answer. What it says already about one of them stays.
    pub fn put_on(self, headers: &mut HeaderMap) {
        const FIXED: [(HeaderName, HeaderValue); 5] = [
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
            (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
            (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
            (
                HeaderName::from_static("permissions-policy"),
                HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
            ),
        ];
        headers.reserve(FIXED.len() + 1);
        for (name, value) in FIXED {
            headers.entry(name).or_insert(value);
        }
        if self.is_tls {
            let two_years = HeaderValue::from_static("max-age=63072000; includeSubDomains");
            headers.insert(header::STRICT_TRANSPORT_SECURITY, two_years);
        }
    }
}

/// The outermost layer of the router: gives each request its id, answers where a handler panicked, and puts the id and
/// the security headers on every answer.
pub async fn enclose(State(security): State<Security>, mut request: Request, next: Next) -> Response {
    let id = RequestId::new();
    request.extensions_mut().insert(id);
    // An address that holds a link's secret, its own or that of the page to go on to, is told to no other page.
    let is_secret = request.uri().query().is_some_and(|query| query.contains("token"));
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|cause| panicked(cause, id));
    name_answer(response.headers_mut(), id);
    if is_secret {
        response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    }
    security.put_on(response.headers_mut());
    response
}

/// Answers with data of an account or organisation are stored nowhere.
pub async fn private(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// An error as JSON with its status.
pub fn error_response(error: &Error, request_id: &str) -> Response {
    let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let error = Error { request_id: Some(request_id.to_owned()), ..error.clone() };
    let mut response = (status, Json(&error)).into_response();
    if let Some(seconds) = error.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// A handler panicked: the request fails as a whole, the program lives.
pub fn panicked(cause: Box<dyn Any + Send + 'static>, id: RequestId) -> Response {
    let cause = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or(cause.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    tracing::error!(cause, request_id = %id, "a handler panicked");
    let mut response = error_response(&Error::internal(), &id.to_string());
    name_answer(response.headers_mut(), id);
    response
}
