//! A client of the router: a browser's forms and pages, or a program's calls.

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::ConnectInfo,
    http::{HeaderMap, Method, Request, header},
};
use serde_json::Value;
use std::net::SocketAddr;
use tower::ServiceExt;

/// Speaks to the router.
#[derive(Clone)]
pub struct Client {
    router: Router,
    cookie: Option<String>,
    key: Option<String>,
    /// The connection's other end, if the test says one.
    peer: Option<SocketAddr>,
    /// Sent with every request besides.
    headers: HeaderMap,
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("not JSON ({error}): {}", self.text))
    }

    /// The stable code of an error.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Calls a server function that must succeed.
pub async fn done(client: &Client, path: &str, fields: &[(&str, &str)]) {
    let answer = client.form(path, fields).await;
    assert!(answer.status < 400, "{path}: {}", answer.text);
}

impl Client {
    pub fn new(router: Router) -> Self {
        Self { router, cookie: None, key: None, peer: None, headers: HeaderMap::new() }
    }

    /// Connects from this address.
    pub fn at(mut self, address: &str) -> Self {
        self.peer = Some(SocketAddr::new(address.parse().expect("an address"), 50_000));
        self
    }

    /// Sends this header with every request.
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(name, value.parse().expect("a value"));
        self
    }

    /// The session's cookie, as `name=value`.
    pub fn cookie(&self) -> &str {
        self.cookie.as_deref().expect("a session")
    }

    /// With a session's cookie, as `name=value`.
    pub fn with_cookie(mut self, cookie: &str) -> Self {
        self.cookie = Some(cookie.to_owned());
        self
    }

    pub fn with_key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// Keeps the session that an answer set.
    pub fn keep_cookie(&mut self, answer: &Answer) {
        let set = answer.headers.get(header::SET_COOKIE).and_then(|v| v.to_str().ok());
        if let Some(pair) = set.and_then(|set| set.split(';').next()) {
            self.cookie = Some(pair.to_owned());
        }
    }

    /// Calls a server function as the hydrated page does.
    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_form(path, fields, "application/json", None).await
    }

    /// Posts a form as a browser without JavaScript does, from this page.
    pub async fn plain_form(&self, page: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_form(path, fields, "text/html,application/xhtml+xml", Some(page)).await
    }

    async fn post_form(&self, path: &str, fields: &[(&str, &str)], accept: &str, page: Option<&str>) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(format!("/fn/{path}"))
            .header(header::ACCEPT, accept)
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(page) = page {
            request = request.header(header::REFERER, format!("http://latchkey.test{page}"));
        }
        self.send(request.body(Body::from(body)).expect("a request")).await
    }

    /// Gets a page.
    pub async fn page(&self, path: &str) -> Answer {
        self.send(Request::get(path).header(header::ACCEPT, "text/html").body(Body::empty()).expect("a request")).await
    }

    /// Calls the REST API; `Null` sends no body.
    pub async fn api(&self, method: &str, path: &str, body: Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        };
        self.send(request.body(body).expect("a request")).await
    }

    /// Sends any request, with this client's credential.
    pub async fn send(&self, mut request: Request<Body>) -> Answer {
        if let Some(cookie) = &self.cookie {
            request.headers_mut().append(header::COOKIE, cookie.parse().expect("a cookie"));
        }
        if let Some(key) = &self.key {
            request.headers_mut().append("x-portkey-api-key", key.parse().expect("a key"));
        }
        for (name, value) in &self.headers {
            request.headers_mut().append(name, value.clone());
        }
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        let Ok(response) = self.router.clone().oneshot(request).await;
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 64 << 20).await.expect("the body arrives");
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }
}
