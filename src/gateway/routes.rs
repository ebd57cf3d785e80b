//! The gateway's addresses.

use super::call::{self, Gateway};
use super::facts::Endpoint;
use super::models;
use crate::{
    kernel::RequestId,
    web::{refusal::Refusal, request::request_id},
};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{any, get, post};
use http::Method;

/// Every address of the gateway with its method, for whoever holds lists against each other.
pub const ROUTES: &[(&str, &str)] =
    &[("POST", "/v1/chat/completions"), ("POST", "/v1/messages"), ("GET", "/v1/models")];

/// The router of the gateway, to be merged into the program's. It also answers for whatever no other route claims below
/// `/v1`: who may not call models learns no more than that.
pub fn routes(gateway: Gateway) -> Router {
    Router::new()
        .route("/v1/chat/completions", post(chat).fallback(only_post))
        .route("/v1/messages", post(messages).fallback(only_post))
        .route("/v1/models", get(list).fallback(only_get))
        .route("/v1/{*rest}", any(nowhere))
        .with_state(gateway)
}

/// The kind of model call that a request is, for a server that leads calls here without asking the router.
pub fn straight(method: &Method, path: &str) -> Option<Endpoint> {
    match path {
        "/v1/chat/completions" if method == Method::POST => Some(Endpoint::ChatCompletions),
        "/v1/messages" if method == Method::POST => Some(Endpoint::Messages),
        _ => None,
    }
}

/// Serves a model call under this id, which becomes the call's.
pub async fn call(gateway: &Gateway, endpoint: Endpoint, id: RequestId, request: Request<Body>) -> Response {
    call::complete(gateway, endpoint, id, request).await
}

async fn chat(State(gateway): State<Gateway>, request: Request) -> Response {
    call::complete(&gateway, Endpoint::ChatCompletions, request_id(request.extensions()), request).await
}

async fn messages(State(gateway): State<Gateway>, request: Request) -> Response {
    call::complete(&gateway, Endpoint::Messages, request_id(request.extensions()), request).await
}

async fn list(State(gateway): State<Gateway>, request: Request) -> Response {
    models::list(&gateway, request).await
}

async fn only_post(State(gateway): State<Gateway>, request: Request) -> Response {
    call::refuse(&gateway, request, Refusal::method("POST")).await
}

async fn only_get(State(gateway): State<Gateway>, request: Request) -> Response {
    call::refuse(&gateway, request, Refusal::method("GET, HEAD")).await
}

async fn nowhere(State(gateway): State<Gateway>, request: Request) -> Response {
    call::refuse(&gateway, request, Refusal::not_found()).await
}
