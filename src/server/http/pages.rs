//! The console's pages, rendered on the server.

use super::{FormOutcome, RequestContext};
use crate::ui::{Console, shell};
use axum::{Router, extract::Request, response::IntoResponse};
use leptos::{config::LeptosOptions, prelude::provide_context};
use leptos_axum::{LeptosRoutes, generate_route_list};

/// The options that Leptos asks for. Our shell names the files itself, so only the output's name matters.
pub fn shell_options() -> LeptosOptions {
    LeptosOptions::builder().output_name("latchkey").build()
}

pub fn router() -> Router {
    let options = shell_options();
    let routes = generate_route_list(Console);
    Router::new()
        .leptos_routes_with_context(&options, routes, provide_from_parts, shell)
        .fallback(not_found)
        .with_state(options)
}

/// Hands the request's own context on to the page.
fn provide_from_parts() {
    use leptos::prelude::use_context;
    let Some(parts) = use_context::<axum::http::request::Parts>() else { return };
    if let Some(context) = parts.extensions.get::<RequestContext>() {
        provide_context(context.clone());
    }
    if let Some(outcome) = parts.extensions.get::<FormOutcome>() {
        provide_context(outcome.clone());
    }
}

/// Any other path: the console's own page for it, with the status that belongs to it.
async fn not_found(request: Request) -> impl IntoResponse {
    let mut response = leptos_axum::render_app_async_with_context(provide_from_parts, shell)(request).await;
    *response.status_mut() = axum::http::StatusCode::NOT_FOUND;
    response
}
