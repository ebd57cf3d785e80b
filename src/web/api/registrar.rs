//! How a handler is put at its addresses. They stand in the table of operations and nowhere else, so that what is not
//! in the table cannot be served.

use super::{
    document::Document,
    input::{Echoes, FieldSource, Input},
    json,
};
use crate::{
    kernel::{Code, Error, Result},
    policy::{Operation, Target},
    server::{
        access::{Access, App},
        audit::event::Subject,
    },
    web::{BODY_LIMIT, files::Download, refusal::Refusal, request::read_body},
};
use axum::{
    body::{Body, HttpBody},
    extract::{RawPathParams, Request, rejection::RawPathParamsRejection},
    http::{HeaderValue, Method, header, request::Parts},
    response::Response,
    routing::{MethodFilter, MethodRouter, on},
};
use serde::Serialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, future::Future, str::FromStr};
use utoipa::ToSchema;
use uuid::Uuid;

/// Routes with their handlers, and the document that tells of them.
pub struct Api {
    pub methods: BTreeMap<&'static str, MethodRouter<App>>,
    pub served: Vec<Operation>,
    pub document: Document,
}

/// Longest value of the header `Idempotency-Key`, in characters.
pub const IDEMPOTENCY_LIMIT: usize = 255;

/// A call by a key that may make it.
pub struct Call {
    pub access: Access,
    idempotency_key: Option<HeaderValue>,
    path: Vec<(String, String)>,
}

impl Call {
    /// A part of the path, by its name in the route; empty where the route has none.
    pub fn part(&self, name: &str) -> &str {
        self.path.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// The id under which this request is done once, however often it is sent: made of the header `Idempotency-Key` and of
    /// who sends it.
    pub fn submission(&self) -> Result<Option<Uuid>> {
        let Some(sent) = &self.idempotency_key else { return Ok(None) };
        let text = sent.to_str().ok().filter(|text| (1..=IDEMPOTENCY_LIMIT).contains(&text.len()));
        let Some(text) = text else {
            let message =
                format!("The header Idempotency-Key takes 1 to {IDEMPOTENCY_LIMIT} visible ASCII characters.");
            return Err(Error::new(Code::Malformed, message));
        };
        let key = self.access.credential();
        let digest = self.access.app().keyring.digest("idempotency key", &format!("{key} {text}"));
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Ok(Some(uuid::Builder::from_random_bytes(bytes).into_uuid()))
    }

    /// The key's own organisation, as answers name it.
    pub fn organisation_id(&self) -> String {
        self.access.principal().organisation().map(|id| id.to_string()).unwrap_or_default()
    }

    /// The fields of an object inside a body. What names an organisation must name the key's own there, too.
    pub async fn inner<I: Input>(&self, operation: Operation, values: Map<String, Value>) -> Result<I> {
        let organisation = self.access.principal().organisation().ok_or_else(Error::internal)?;
        let mut source = FieldSource::body(values);
        is_own(operation, &self.access, source.take_places(organisation)?).await?;
        source.read(&Echoes::default())
    }

    /// An id in the path. A text that is none is the id of nothing.
    pub fn id<T: FromStr>(&self, name: &str) -> Result<T> {
        self.part(name).parse().map_err(|_| Error::not_found())
    }
}

impl Default for Api {
    fn default() -> Self {
        Self { methods: BTreeMap::new(), served: vec![], document: Document::new() }
    }
}

impl Api {
    /// Serves an operation at all its routes. Whether the key may call it is decided before its fields are read: from
    /// the address for `GET`, else from the body.
    pub fn serve<I, A, F>(
        mut self,
        operation: Operation,
        summary: &'static str,
        handler: impl Fn(Call, I) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        I: Input + ToSchema + 'static,
        A: Serialize + ToSchema + 'static,
        F: Future<Output = Result<A>> + Send + 'static,
    {
        for route in operation.spec().routes {
            let Some((method, path)) = parse_route(route) else { continue };
            let Ok(filter) = MethodFilter::try_from(method.clone()) else { continue };
            self.document.add::<I, A>(operation, &method, path, summary);
            let pattern = path;
            let handler = handler.clone();
            let run = move |path: std::result::Result<RawPathParams, RawPathParamsRejection>, request: Request| {
                let handler = handler.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    answer((operation, pattern), path, parts, body, handler, whole::<A>).await
                }
            };
            let methods = self.methods.remove(path).unwrap_or_default();
            self.methods.insert(path, methods.merge(on(filter, run)));
        }
        self.served.push(operation);
        self
    }

    /// The same for an operation that answers with a file of this content type.
    pub fn serve_file<I, F>(
        mut self,
        operation: Operation,
        summary: &'static str,
        kind: &'static str,
        handler: impl Fn(Call, I) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        I: Input + ToSchema + 'static,
        F: Future<Output = Result<Download>> + Send + 'static,
    {
        for route in operation.spec().routes {
            let Some((method, path)) = parse_route(route) else { continue };
            let Ok(filter) = MethodFilter::try_from(method.clone()) else { continue };
            self.document.add_file::<I>(operation, &method, path, summary, kind);
            let pattern = path;
            let handler = handler.clone();
            let run = move |path: std::result::Result<RawPathParams, RawPathParamsRejection>, request: Request| {
                let handler = handler.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    let respond = |file: Download| Ok(file.into_response());
                    answer((operation, pattern), path, parts, body, handler, respond).await
                }
            };
            let methods = self.methods.remove(path).unwrap_or_default();
            self.methods.insert(path, methods.merge(on(filter, run)));
        }
        self.served.push(operation);
        self
    }
}

/// An answer of JSON.
fn whole<A: Serialize>(answer: A) -> Result<Response> {
    let text = serde_json::to_vec(&answer).map_err(|_| Error::internal())?;
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// The method and path of a row such as `GET /v1/api-keys`.
pub fn parse_route(route: &'static str) -> Option<(Method, &'static str)> {
    let (method, path) = route.split_once(' ')?;
    Some((method.parse().ok()?, path))
}

async fn answer<I, A, F>(
    (operation, pattern): (Operation, &'static str),
    path: std::result::Result<RawPathParams, RawPathParamsRejection>,
    mut parts: Parts,
    body: Body,
    handler: impl Fn(Call, I) -> F,
    respond: impl FnOnce(A) -> Result<Response>,
) -> Response
where
    I: Input,
    F: Future<Output = Result<A>> + Send,
{
    let Some(access) = parts.extensions.remove::<Access>() else {
        tracing::error!(operation = operation.spec().id, "a call came past the door");
        return Refusal::from(Error::internal()).into_response("");
    };
    let caller = access.clone();
    let path = path.map(|path| path.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
    let idempotency_key = parts.headers.get("idempotency-key").cloned();
    let call = Call { access, idempotency_key, path: path.unwrap_or_default() };
    let outcome = match admit::<I>((operation, pattern), &call, &parts, body).await {
        Ok(input) => handler(call, input).await,
        Err(error) => Err(error),
    };
    match outcome.and_then(respond) {
        Ok(response) => response,
        Err(error) => {
            // What failed between the operations' own steps, such as reading the thing that shall change.
            caller.leave_trace(operation, &error).await;
            Refusal::from(error).into_response(&caller.origin().request_id)
        }
    }
}

/// Decides whether the key may call this at all, then reads the fields. What is refused here leaves its event, as the
/// operation itself would leave it.
async fn admit<I: Input>(
    (operation, pattern): (Operation, &'static str),
    call: &Call,
    parts: &Parts,
    body: Body,
) -> Result<I> {
    let access = &call.access;
    let organisation = access.principal().organisation().ok_or_else(Error::internal)?;
    let read = async {
        access.check(operation, Target::In(organisation))?;
        let mut query = FieldSource::query(parts.uri.query().unwrap_or_default());
        is_own(operation, access, query.take_places(organisation)?).await?;
        if parts.method == Method::GET || parts.method == Method::HEAD {
            return query.read(&Echoes::default());
        }
        query.read::<super::input::Nothing>(&Echoes::default())?;
        let sent = read_bytes(parts, body).await?;
        let mut source = FieldSource::of_text(json::read(&sent, I::TAKES_LISTS)?, sent);
        is_own(operation, access, source.take_places(organisation)?).await?;
        source.read(&Echoes::of(pattern, |part| call.part(part).to_owned()))
    };
    match read.await {
        Ok(input) => Ok(input),
        Err(error) => {
            let thing = ["id", "slug"].into_iter().map(|name| call.part(name)).find(|part| !part.is_empty());
            let subject = Subject::unnamed(kind(operation), thing.unwrap_or_default());
            access.record_refusal(operation, organisation, subject, &error).await;
            Err(error)
        }
    }
}

/// Whether each of these is the slug of the key's own organisation.
async fn is_own(operation: Operation, access: &Access, slugs: Vec<String>) -> Result<()> {
    if slugs.is_empty() {
        return Ok(());
    }
    let own = access.organisation_slug(operation).await?;
    if own.is_some_and(|own| slugs.iter().all(|slug| *slug == own)) { Ok(()) } else { Err(Error::not_found()) }
}

/// What the operation acts on, as its events name it.
fn kind(operation: Operation) -> &'static str {
    match operation.spec().id.split_once('.') {
        Some(("team", _)) => "member",
        Some((kind, _)) => kind,
        None => "",
    }
}

/// A body of JSON, bounded; none at all is as good as one without fields.
async fn read_bytes(parts: &Parts, body: Body) -> Result<bytes::Bytes> {
    if body.is_end_stream() {
        return Ok(bytes::Bytes::new());
    }
    read_body(&parts.headers, body, BODY_LIMIT).await.map_err(|refusal| {
        let code = match refusal.status.as_u16() {
            413 => Code::TooLarge,
            415 => Code::UnsupportedMediaType,
            _ => Code::Malformed,
        };
        Error::new(code, refusal.message.clone())
    })
}
