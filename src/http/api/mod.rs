//! The interface for programs, by API key: management calls below `/v1`. The gateway serves the rest there.

mod door;
#[cfg(test)]
mod tests;
use crate::{
    features::ROOMS,
    gateway::endpoints::{TABLE, Takes},
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
const OF_GATEWAY: [(Operation, &str); 19] = [
    (Operation::ChatCompletion, "Complete a chat, in the form of OpenAI's chat completions"),
    (Operation::Messages, "Complete a chat, in the form of Anthropic's messages"),
    (Operation::Completion, "Complete a text, in the form of OpenAI's older completions"),
    (Operation::Embeddings, "Embed texts, in OpenAI's form"),
    (Operation::ResponseCreate, "Create a response, in OpenAI's form"),
    (Operation::ResponseGet, "Get a response that the provider keeps"),
    (Operation::ResponseDelete, "Delete a response that the provider keeps"),
    (Operation::ResponseCancel, "Cancel a response that is made in the background"),
    (Operation::ResponseInputItems, "List what a kept response was asked"),
    (Operation::CountTokens, "Count the tokens of a chat, in the form of Anthropic's messages"),
    (Operation::Moderation, "Judge texts, in OpenAI's form"),
    (Operation::Image, "Make images, in OpenAI's form"),
    (Operation::Speech, "Speak a text, in OpenAI's form"),
    (Operation::Transcription, "Write down what is said in a file, in OpenAI's form"),
    (Operation::Rerank, "Order texts by how well they answer a question"),
    (Operation::PromptRender, "Fill a prompt, and answer with the request that would leave"),
    (Operation::PromptRun, "Fill a prompt and call its model, whole or streamed"),
    (Operation::ModelsList, "List models"),
    (Operation::ModelGet, "Get a model of the list, by its name there, whose slashes may be escaped"),
];

/// Every management call.
fn api() -> Api {
    ROOMS.iter().fold(Api::default(), |api, room| (room.calls)(api))
}

/// The document, as it is served.
fn document(mut api: Api) -> String {
    for (operation, summary) in OF_GATEWAY {
        let takes = TABLE.iter().find(|row| row.operation == operation).and_then(|row| match row.takes {
            Takes::Json | Takes::JsonWithoutModel => Some("application/json"),
            Takes::Form => Some("multipart/form-data"),
            Takes::Id => None,
        });
        for (method, path) in operation.spec().routes.iter().filter_map(|route| parse_route(route)) {
            api.document.add_open(operation, &method, path, summary, takes);
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
    let refusal = Error::new(crate::kernel::Code::MethodNotAllowed, "This method is not allowed at this address.");
    refuse(&request, refusal)
}

async fn nowhere(request: Request) -> Response {
    refuse(&request, Error::not_found())
}

fn refuse(request: &Request, error: Error) -> Response {
    let id = request.extensions().get::<Access>().map(|access| access.origin().request_id.as_str());
    Refusal::from(error).into_response(id.unwrap_or_default())
}
