//! How HTTP is put together: the console (pages and server functions, by session cookie), the files, health. The API's
//! routes (by key) stand beside it and never meet a cookie.

mod api;
mod compress;
mod form_body;
mod forms;
mod listen;
mod metrics;
mod pages;

pub use api::DOCUMENT;
pub use listen::serve;
pub use metrics::serve_metrics;

use crate::{
    gateway::{call::Gateway, routes},
    server::access::{App, sessions::Sessions},
    web::{self, BODY_LIMIT, Security, assets, headers},
};
use axum::{
    Extension, Router, extract::DefaultBodyLimit, http::StatusCode, middleware, response::IntoResponse, routing::get,
};
use metrics::Part;
use std::sync::Arc;
use tower_sessions::{Expiry, SessionManagerLayer, cookie::SameSite};

/// Everything that Latchkey serves. The gateway stands outside of all that the console needs: it has its own answers,
/// and a call pays for nothing that it does not use.
pub fn router(app: &App, gateway: Gateway) -> Router {
    let secure = headers::cookies_are_secure(&app.public_url);
    let sessions = SessionManagerLayer::new(Sessions::new(app.clone()))
        .with_name(web::cookie_name(secure))
        .with_secure(secure)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnSessionEnd);
    let pages = pages::router();
    let console = Router::new()
        .merge(compress::pages(pages.clone()))
        .merge(forms::router(app, pages))
        .layer(middleware::from_fn_with_state(app.clone(), web::establish))
        .layer(Extension(web::Models(Arc::new(gateway.clone()))))
        .layer(sessions)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(middleware::from_fn(headers::private))
        .layer(middleware::from_fn_with_state((app.clone(), Part::Console), metrics::count));
    let site = Router::new()
        .merge(console)
        .merge(api::routes(app).layer(middleware::from_fn_with_state((app.clone(), Part::Api), metrics::count)))
        .merge(assets::routes())
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(ready).with_state(app.clone()))
        .merge(routes::routes(gateway));
    site.layer(middleware::from_fn_with_state(Security::of(&app.public_url), headers::enclose))
}

async fn ready(axum::extract::State(app): axum::extract::State<App>) -> impl IntoResponse {
    if app.db.is_ready().await { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") }
}
