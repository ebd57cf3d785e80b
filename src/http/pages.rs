//! The console's pages, rendered on the server.

use crate::{
    console::{Console, shell},
    kernel::{Code, Error, listing::without_secret},
    web::{
        FormOutcome, RequestContext,
        headers::error_response,
        refusal::Refusal,
        request::{request_id, trace_id},
    },
};
use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use leptos::prelude::{provide_context, use_context};
use leptos_axum::{generate_route_list, render_app_async_with_context};
use url::form_urlencoded;

/// One route for each page. Server functions are not among them: they have a door of their own.
pub fn router() -> Router {
    generate_route_list(Console)
        .into_iter()
        .fold(Router::new(), |router, page| router.route(page.path(), get(render)))
        .fallback(not_found)
        .method_not_allowed_fallback(async |request: Request| refuse(&request, Refusal::method("GET, HEAD")))
}

fn asks_for_page(request: &Request) -> bool {
    let accept = request.headers().get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accept.into_iter().any(|kinds| kinds.contains("text/html"))
}

fn refuse(request: &Request, refusal: Refusal) -> Response {
    let id = request_id(request.extensions());
    let mut response = refusal.into_response(&id.to_string());
    // Without it clients send a request that failed once more.
    if let Ok(trace) = HeaderValue::from_str(&trace_id(request.headers(), id.0)) {
        response.headers_mut().insert("x-portkey-trace-id", trace);
    }
    response
}

/// Parameters of a page's address. What reads them compares each with all before it.
const PARAMETERS: usize = 64;

/// Where a page's address leads that says more than it should: without parameters that say nothing, as forms send them from
/// browsers without JavaScript, and with no more of a pasted secret than lists show. None: it stays as it is.
fn tidied(uri: &Uri) -> Option<String> {
    let (path, query) = (uri.path(), uri.query()?);
    // `//elsewhere` would lead to another site.
    if path.starts_with("//") || path.contains('\\') {
        return None;
    }
    let mut is_tidy = true;
    let mut kept = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let shown = without_secret(&name, &value);
        is_tidy &= shown == value && (!value.is_empty() || !query.contains(&format!("{name}=")));
        if !value.is_empty() {
            kept.append_pair(&name, &shown);
        }
    }
    let kept = kept.finish();
    (!is_tidy).then(|| if kept.is_empty() { path.to_owned() } else { format!("{path}?{kept}") })
}

/// Renders the page of this path, whole: a status can still change until it is done.
async fn render(request: Request) -> Response {
    let parameters = request.uri().query().map_or(0, |query| query.split('&').count());
    if parameters > PARAMETERS {
        let id = request.extensions().get::<RequestContext>().map(|context| context.origin().request_id.clone());
        let message = format!("The address of a page can have at most {PARAMETERS} parameters.");
        return error_response(&Error::new(Code::Malformed, message), &id.unwrap_or_default());
    }
    let answers_a_form = request.extensions().get::<FormOutcome>().is_some();
    if let Some(address) = tidied(request.uri()).filter(|_| !answers_a_form) {
        return Redirect::to(&address).into_response();
    }
    render_app_async_with_context(provide_from_parts, shell)(request).await.into_response()
}

/// Hands the request's own context on to the page.
fn provide_from_parts() {
    let Some(parts) = use_context::<axum::http::request::Parts>() else { return };
    if let Some(context) = parts.extensions.get::<RequestContext>() {
        provide_context(context.clone());
    }
    if let Some(outcome) = parts.extensions.get::<FormOutcome>() {
        provide_context(outcome.clone());
    }
}

/// Any other path: the console's own page for it, with the status that belongs to it. A program, which asks for no page,
/// is told in its own form: most of them have left out the `/v1` of the address, or have written a slash twice.
async fn not_found(request: Request) -> Response {
    if !asks_for_page(&request) {
        return refuse(&request, Refusal::not_found_by_program());
    }
    let mut response = render(request).await;
    if response.status().is_success() {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
}

#[cfg(test)]
mod tests {
    use super::tidied;

    #[test]
    fn addresses_are_tidied() {
        let secret = format!("lk_p7Xa{}Tn2e", "B".repeat(27));
        for (asked, leads) in [
            ("/o/a/api-keys".to_owned(), None),
            ("/o/a/api-keys?q=a+b&page=2".into(), None),
            ("/o/a/roles?joined".into(), None),
            ("/o/a/api-keys?q=&status=".into(), Some("/o/a/api-keys")),
            ("/o/a/api-keys?q=a+b&status=".into(), Some("/o/a/api-keys?q=a+b")),
            (format!("/o/a/team?role=&q=Bearer+{secret}"), Some("/o/a/team?q=lk_p7Xa%E2%80%A6Tn2e")),
            (format!("/o/a/logs?model={secret}"), Some("/o/a/logs?model=lk_p7Xa%E2%80%A6Tn2e")),
            (format!("//elsewhere.example?q={secret}"), None),
        ] {
            assert_eq!(tidied(&asked.parse().unwrap()).as_deref(), leads, "{asked}");
        }
    }
}
