//! Server functions over HTTP, and the same forms without JavaScript.
//!
//! A form that is posted by the browser itself gets a whole page back: the page it stands on, rendered with the outcome
//! (values kept, errors beside their fields, a new secret shown once). Nothing of it goes through a URL.

use super::form_body;
use crate::{
    kernel::{Code, Error, Result},
    policy::Operation,
    server::access::App,
    site::routes,
    web::{FormOutcome, RequestContext, files::is_download, headers::error_response, kept_theme},
};
use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse, Response},
    routing::post,
};
use leptos::prelude::provide_context;
use tower::ServiceExt;

/// Fields whose value is never sent back.
const SECRET_FIELDS: [&str; 5] = ["password", "current_password", "new_password", "credential", "secret"];

/// Field in which a form may say on which page it stands.
const PAGE_FIELD: &str = "page";

/// What is said to a browser of a form whose page is not known.
const NO_PAGE: &str = "The form does not say which page it is on, so nothing was done. Reload the page and try again.";

#[derive(Clone)]
struct Forms {
    app: App,
    pages: Router,
}

pub fn router(app: &App, pages: Router) -> Router {
    Router::new().route("/fn/{*path}", post(handle)).with_state(Forms { app: app.clone(), pages })
}

async fn handle(State(forms): State<Forms>, Path(path): Path<String>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let Some(mut context) = parts.extensions.get::<RequestContext>().cloned() else {
        return error_response(&Error::internal(), "");
    };
    let id = context.origin().request_id.clone();
    let Some(operation) = Operation::of_server_fn(&path) else {
        return error_response(&Error::not_found(), &id);
    };
    let refuse = async |error: Error| {
        context.access().leave_trace(operation, &error).await;
        error_response(&error, &id)
    };
    if let Err(error) = check_origin(&parts.headers, &forms.app.public_url) {
        let response = refuse(error.clone()).await;
        // A person whose own address for Latchkey is another one reads the sentence where they have typed.
        if accepts_html(&parts.headers) && is_from_this_host(&parts.headers) {
            let outcome = FormOutcome { path: format!("/fn/{path}"), result: Err(error), values: Vec::new() };
            return answer_with_page(forms, parts, context, outcome).await;
        }
        return response;
    }
    let bytes = match form_body::read(&parts.headers, body, operation, context.access().user().is_ok()).await {
        Ok(bytes) => bytes,
        Err(error) => return refuse(error).await,
    };
    let by_browser = accepts_html(&parts.headers);
    // What a form gives may be shown once only. A browser whose page nobody knows gets no answer that it could see, so
    // nothing is done for it.
    if by_browser && page_of(&typed(&bytes), &parts.headers).is_none() {
        return refuse(Error::new(Code::Malformed, NO_PAGE)).await;
    }
    // The server function itself never redirects a browser; that is decided below.
    parts.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let inner = Request::from_parts(parts.clone(), Body::from(bytes.clone()));
    let provided = context.clone();
    let response = leptos_axum::handle_server_fns_with_context(move || provide_context(provided.clone()), inner)
        .await
        .into_response();
    let (mut head, body) = response.into_parts();
    if is_stream(&head) {
        return Response::from_parts(head, body);
    }
    let Ok(body) = to_bytes(body, crate::web::BODY_LIMIT * 4).await else {
        return error_response(&Error::internal(), &id);
    };
    let result = if head.headers.contains_key("serverfnerror") || !head.status.is_success() {
        let error = read_error(&body, &id);
        context.access().leave_trace(operation, &error).await;
        Err(error)
    } else {
        Ok(body.clone())
    };
    if !by_browser {
        return match result {
            Ok(_) => Response::from_parts(head, Body::from(body)),
            Err(error) => {
                let mut response = error_response(&error, &id);
                // The browser's client tells an error from a value by this header.
                if let Ok(path) = HeaderValue::from_str(&format!("/fn/{path}")) {
                    response.headers_mut().insert("serverfnerror", path);
                }
                response
            }
        };
    }
    let cookies: Vec<HeaderValue> = head.headers.get_all(header::SET_COOKIE).iter().cloned().collect();
    if let Some(theme) = cookies.iter().find_map(kept_theme) {
        context.theme = theme;
    }
    let location = head.headers.remove(header::LOCATION);
    let result = result.and_then(|body| serde_json::from_slice(&body).map_err(|_| Error::internal()));
    let mut response = match (&result, location) {
        (Ok(_), Some(location)) => {
            let mut response = StatusCode::SEE_OTHER.into_response();
            response.headers_mut().insert(header::LOCATION, location);
            response
        }
        _ => {
            let outcome = FormOutcome { path: format!("/fn/{path}"), result, values: typed(&bytes) };
            answer_with_page(forms, parts, context, outcome).await
        }
    };
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The page on which the form stands, rendered with the outcome.
async fn answer_with_page(forms: Forms, mut parts: Parts, context: RequestContext, outcome: FormOutcome) -> Response {
    let page = page_of(&outcome.values, &parts.headers).unwrap_or_else(|| Uri::from_static("/"));
    let status = match &outcome.result {
        Ok(_) => StatusCode::OK,
        Err(error) => StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    };
    let retry_after = outcome.result.as_ref().err().and_then(|error| error.retry_after);
    parts.method = Method::GET;
    parts.uri = page;
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.insert(header::ACCEPT, HeaderValue::from_static("text/html"));
    let mut request =
        Request::builder().method(Method::GET).uri(parts.uri.clone()).body(Body::empty()).unwrap_or_default();
    *request.headers_mut() = parts.headers;
    request.extensions_mut().insert(context);
    request.extensions_mut().insert(outcome);
    let Ok(mut response) = forms.pages.oneshot(request).await;
    if response.status() == StatusCode::OK {
        *response.status_mut() = status;
    }
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// The page on which a form stands. It says so itself: a browser may send no Referer, and a page whose address is a secret
/// never has one sent.
fn page_of(values: &[(String, String)], headers: &HeaderMap) -> Option<Uri> {
    let said = values.iter().find(|(name, _)| name == PAGE_FIELD).and_then(|(_, page)| routes::Path::returning(page));
    let page = said.map(String::from).or_else(|| {
        let referer = url::Url::parse(headers.get(header::REFERER)?.to_str().ok()?).ok()?;
        Some(referer[url::Position::BeforePath..url::Position::AfterQuery].to_owned())
    })?;
    // No form stands there: it leads on, and what was to be shown would be lost. A Referer cut to its origin says it.
    page.parse().ok().filter(|page: &Uri| page.path() != "/")
}

/// Whether the page that a form stands on has the address that the form was sent to, whatever Latchkey takes for its own.
fn is_from_this_host(headers: &HeaderMap) -> bool {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let page = text(header::REFERER).and_then(|page| url::Url::parse(page).ok());
    page.is_some_and(|page| Some(&page[url::Position::BeforeHost..url::Position::AfterPort]) == text(header::HOST))
}

/// Whether an answer is one that comes piece by piece, and is handed on so.
fn is_stream(head: &axum::http::response::Parts) -> bool {
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    head.status.is_success()
        && (is_download(&head.headers) || kind.is_some_and(|kind| kind == "application/octet-stream"))
}

fn accepts_html(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains("text/html"))
}

/// Only this site's own pages may post (`Sec-Fetch-Site`, else `Origin`); with neither header it is refused.
fn check_origin(headers: &HeaderMap, public_url: &str) -> Result<()> {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let own = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin == public_url,
        (None, None) => false,
    };
    if own {
        Ok(())
    } else {
        Err(Error::new(
            Code::ForeignOrigin,
            format!(
                "This request did not come from Latchkey's own pages, which stand at {public_url}. If you reach Latchkey \
                 under another address, its operator has to set LATCHKEY_PUBLIC_URL to that one."
            ),
        ))
    }
}

/// The error that a server function answered with.
fn read_error(body: &Bytes, request_id: &str) -> Error {
    let mut error: Error = serde_json::from_slice(body)
        .unwrap_or_else(|_| Error::new(Code::Malformed, "The form could not be read. Reload the page and try again."));
    error.request_id = Some(request_id.to_owned());
    error
}

fn typed(body: &Bytes) -> Vec<(String, String)> {
    url::form_urlencoded::parse(body)
        .filter(|(name, _)| {
            !SECRET_FIELDS.iter().any(|secret| name == secret || name.ends_with(&format!("[{secret}]")))
        })
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(n, v)| (n.parse::<header::HeaderName>().unwrap(), HeaderValue::from_static(v))).collect()
    }

    #[test]
    fn only_own_pages_may_post() {
        let ok = |pairs| check_origin(&headers(pairs), "https://keys.example.org").is_ok();
        assert!(ok(&[("sec-fetch-site", "same-origin")]));
        assert!(ok(&[("origin", "https://keys.example.org")]));
        assert!(!ok(&[("sec-fetch-site", "cross-site"), ("origin", "https://keys.example.org")]));
        assert!(!ok(&[("sec-fetch-site", "same-site")]));
        assert!(!ok(&[("sec-fetch-site", "none")]));
        assert!(!ok(&[("origin", "https://evil.example")]));
        assert!(!ok(&[("origin", "https://evil.example"), ("host", "evil.example")]));
        assert!(!ok(&[("origin", "http://keys.example.org")]));
        assert!(!ok(&[("origin", "null")]));
        assert!(!ok(&[]));
        // Somebody on the network of a plain start must learn what to set.
        let plain = headers(&[("origin", "http://192.168.1.10:3000"), ("host", "192.168.1.10:3000")]);
        let refused = check_origin(&plain, "http://localhost:3000").unwrap_err();
        assert!(refused.message.contains("LATCHKEY_PUBLIC_URL") && refused.message.contains("http://localhost:3000"));
    }

    #[test]
    fn secrets_are_not_sent_back() {
        let values = typed(&Bytes::from_static(b"name=a&password=x&form%5Bcredential%5D=y&credential=z"));
        assert_eq!(values, vec![("name".to_owned(), "a".to_owned())]);
    }
}
