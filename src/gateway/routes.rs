//! The gateway's addresses.

use super::call::{self, Gateway};
use super::endpoints::{Endpoint, Row, Speaks, TABLE};
use super::{models, prompted};
use crate::{
    kernel::RequestId,
    web::{refusal::Refusal, request::request_id},
};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, any, on};
use http::Method;

/// Every address of the gateway with its method, for whoever holds lists against each other.
pub fn addresses() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLE.iter().map(|row| (row.method, row.path))
}

/// The router of the gateway, to be merged into the program's. It also answers for whatever no other route claims below
/// `/v1`: who may not call models learns no more than that.
pub fn routes(gateway: Gateway) -> Router {
    let mut router = Router::new();
    for (number, row) in TABLE.iter().enumerate() {
        if TABLE[..number].iter().any(|earlier| earlier.path == row.path) {
            continue;
        }
        let of_path = || TABLE.iter().filter(|other| other.path == row.path);
        let methods = of_path().fold(MethodRouter::new(), served);
        let allow = match of_path().map(|row| row.method).collect::<Vec<_>>()[..] {
            ["POST"] => "POST",
            ["GET"] => "GET, HEAD",
            _ => "GET, HEAD, DELETE",
        };
        let wrong = async move |State(gateway): State<Gateway>, request: Request| {
            refused(&gateway, request, Refusal::method(allow)).await
        };
        let path = if matches!(row.speaks, Speaks::Model) { models::BY_NAME } else { row.path };
        router = router.route(path, methods.fallback(wrong));
    }
    router.route("/v1/{*rest}", any(nowhere)).with_state(gateway)
}

fn served(methods: MethodRouter<Gateway>, row: &'static Row) -> MethodRouter<Gateway> {
    let filter = match row.method {
        "GET" => MethodFilter::GET,
        "DELETE" => MethodFilter::DELETE,
        _ => MethodFilter::POST,
    };
    match row.endpoint {
        Some(endpoint) => methods.on(filter, async move |State(gateway): State<Gateway>, request: Request| {
            call::complete(&gateway, endpoint, request_id(request.extensions()), request).await
        }),
        None => match row.speaks {
            Speaks::Render => methods.merge(on(filter, render)),
            Speaks::Run => methods.merge(on(filter, run)),
            Speaks::Model => methods.merge(on(filter, model)),
            _ => methods.merge(on(filter, list)),
        },
    }
}

/// The kind of model call that a request is, for a server that leads calls here without asking the router.
pub fn straight(method: &Method, path: &str) -> Option<Endpoint> {
    Endpoint::of(method, path)
}

/// Serves a model call under this id, which becomes the call's.
pub async fn call(gateway: &Gateway, endpoint: Endpoint, id: RequestId, request: Request<Body>) -> Response {
    call::complete(gateway, endpoint, id, request).await
}

async fn list(State(gateway): State<Gateway>, request: Request) -> Response {
    models::list(&gateway, request).await
}

async fn model(State(gateway): State<Gateway>, request: Request) -> Response {
    models::get(&gateway, request).await
}

async fn render(State(gateway): State<Gateway>, request: Request) -> Response {
    prompted::render(&gateway, request_id(request.extensions()), request).await
}

async fn run(State(gateway): State<Gateway>, request: Request) -> Response {
    prompted::run(&gateway, request_id(request.extensions()), request).await
}

async fn nowhere(State(gateway): State<Gateway>, request: Request) -> Response {
    refused(&gateway, request, Refusal::not_found()).await
}

/// Refuses a request. Browsers ask whether they may without a key, so they are told without one.
async fn refused(gateway: &Gateway, request: Request, refusal: Refusal) -> Response {
    if request.method() == Method::OPTIONS {
        return call::told(&request, Refusal::cross_origin());
    }
    call::refuse(gateway, request, refusal).await
}
