//! The console's pages, rendered on the server.

use crate::{
    console::{Console, shell},
    kernel::{Code, Error},
    web::{FormOutcome, RequestContext, headers::error_response},
};
use axum::{
    Router,
    extract::Request,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use leptos::prelude::{provide_context, use_context};
use leptos_axum::{generate_route_list, render_app_async_with_context};

/// One route for each page. Server functions are not among them: they have a door of their own.
pub fn router() -> Router {
    generate_route_list(Console)
        .into_iter()
        .fold(Router::new(), |router, page| router.route(page.path(), get(render)))
        .fallback(not_found)
}

/// Parameters of a page's address. What reads them compares each with all before it.
const PARAMETERS: usize = 64;

/// Renders the page of this path, whole: a status can still change until it is done.
async fn render(request: Request) -> Response {
    let parameters = request.uri().query().map_or(0, |query| query.split('&').count());
    if parameters > PARAMETERS {
        let id = request.extensions().get::<RequestContext>().map(|context| context.origin().request_id.clone());
        let message = format!("The address of a page has at most {PARAMETERS} parameters.");
        return error_response(&Error::new(Code::Malformed, message), &id.unwrap_or_default());
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

/// Any other path: the console's own page for it, with the status that belongs to it.
async fn not_found(request: Request) -> Response {
    let mut response = render(request).await;
    if response.status().is_success() {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    response
}
