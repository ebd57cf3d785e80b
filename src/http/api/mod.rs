//! The interface for programs, by API key: management calls below `/v1`. The gateway serves the rest there.

mod door;
#[cfg(test)]
mod tests;
use crate::{
    features::ROOMS,
    kernel::Error,
    policy::Operation,
    server::access::{Access, App},
    web::{
        api::{Api, parse_route},
        refusal::Refusal,
    },
};
use axum::{
    Router,
    body::Bytes,
    extract::Request,
    http::header,
    middleware,
    response::Response,
    routing::{any, get},
};

/// Where the document stands. It tells nothing of any organisation, so it needs no key.
pub const DOCUMENT: &str = "/v1/openapi.json";

/// What the gateway serves itself, for the document.
const OF_GATEWAY: [(Operation, &str); 3] = [
    (Operation::ChatCompletion, "Complete a chat, in the form of OpenAI's chat completions"),
    (Operation::Messages, "Complete a chat, in the form of Anthropic's messages"),
    (Operation::ModelsList, "List models"),
];

/// Every management call.
fn api() -> Api {
    ROOMS.iter().fold(Api::default(), |api, room| (room.calls)(api))
}

/// The document, as it is served.
fn document(mut api: Api) -> String {
    for (operation, summary) in OF_GATEWAY {
        for (method, path) in operation.spec().routes.iter().filter_map(|route| parse_route(route)) {
            api.document.add_open(operation, &method, path, summary);
        }
    }
    let mut text = api.document.build().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// The router of the management calls, to be merged into the program's.
pub fn routes(app: &App) -> Router {
    let Api { methods, .. } = api();
    let text = Bytes::from(document(api()));
    let serve_document = get(move || {
        let text = text.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], text) }
    });
    methods
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| router.route(path, methods.fallback(no_method)))
        .route("/v2/{*rest}", any(nowhere))
        .layer(middleware::from_fn_with_state(app.clone(), door::enter))
        .route(DOCUMENT, serve_document)
        .with_state(app.clone())
}

async fn no_method(request: Request) -> Response {
    let refusal = Error::new(crate::kernel::Code::MethodNotAllowed, "This address does not have this method.");
    refuse(&request, refusal)
}

async fn nowhere(request: Request) -> Response {
    refuse(&request, Error::not_found())
}

fn refuse(request: &Request, error: Error) -> Response {
    let id = request.extensions().get::<Access>().map(|access| access.origin().request_id.as_str());
    Refusal::from(error).into_response(id.unwrap_or_default())
}
