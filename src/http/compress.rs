//! Which answers are compressed as they are made. (Files are compressed when the site is built.)
//!
//! Who can have text of their own put beside a secret, and can see how long the answer is, learns the secret letter by
//! letter from how well the two compress together (the attack known as BREACH). So only pages are compressed that the
//! browser says were not asked for by another site, and none whose address holds a link's secret. Answers to forms, among
//! them those that show a new secret, the answers of the server functions and of the API are sent as they are.

use axum::{
    Router,
    extract::Request,
    http::{Method, Response},
    middleware::{self, Next},
};
use tower_http::compression::{CompressionLayer, Predicate};

/// A page that may be compressed.
#[derive(Clone, Copy)]
struct Compressible;

#[derive(Clone, Copy)]
struct Marked;

impl Predicate for Marked {
    fn should_compress<B>(&self, response: &Response<B>) -> bool
    where
        B: axum::body::HttpBody,
    {
        response.extensions().get::<Compressible>().is_some()
    }
}

/// The router of the pages, which compresses those that it may.
pub fn pages(router: Router) -> Router {
    router.layer(middleware::from_fn(mark)).layer(CompressionLayer::new().compress_when(Marked))
}

async fn mark(request: Request, next: Next) -> axum::response::Response {
    let may = may_compress(&request);
    let mut response = next.run(request).await;
    if may {
        response.extensions_mut().insert(Compressible);
    }
    response
}

/// A browser that does not say who asked is taken to have been sent by another site.
fn may_compress(request: &Request) -> bool {
    let site = request.headers().get("sec-fetch-site").and_then(|value| value.to_str().ok());
    request.method() == Method::GET
        && matches!(site, Some("none" | "same-origin"))
        && !request.uri().query().is_some_and(|query| query.contains("token"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[test]
    fn only_pages_that_no_other_site_asked_for() {
        let asked = |method: &str, address: &str, site: Option<&str>| {
            let mut request = Request::builder().method(method).uri(address);
            if let Some(site) = site {
                request = request.header("sec-fetch-site", site);
            }
            may_compress(&request.body(Body::empty()).expect("a request"))
        };
        assert!(asked("GET", "/o/a/logs?model=x", Some("none")));
        assert!(asked("GET", "/o/a/logs", Some("same-origin")));
        for (method, address, site) in [
            ("GET", "/o/a/logs", None),
            ("GET", "/o/a/logs", Some("cross-site")),
            ("GET", "/o/a/logs", Some("same-site")),
            ("GET", "/reset?token=abc", Some("none")),
            ("POST", "/fn/api_keys/create", Some("same-origin")),
        ] {
            assert!(!asked(method, address, site), "{method} {address} {site:?}");
        }
    }
}
