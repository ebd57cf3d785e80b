//! Who calls: settled by the key alone, before anything else of a request is looked at.

use crate::{
    features::api_keys,
    kernel::{Code, Error, OrganisationId},
    policy::Operation,
    server::{
        access::{Access, App, Origin, VerifiedKey, links},
        audit::event::Subject,
    },
    web::{
        self, credential,
        refusal::Refusal,
        request::{request_id, trace_id},
    },
};
use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, header},
    middleware::Next,
    response::Response,
};
use futures_util::FutureExt;
use std::{any::Any, net::SocketAddr, panic::AssertUnwindSafe};

const TRACE_ID: HeaderName = HeaderName::from_static("x-portkey-trace-id");

/// Lets a known key in, and puts on every answer what clients need of it. Cookies are not looked at.
pub async fn enter(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|connection| connection.0.ip());
    let id = request_id(request.extensions());
    let origin = web::origin(&app, request.headers(), peer, id);
    let trace = trace_id(request.headers(), id.0);
    let id = id.to_string();
    let asked = operation(&request);
    // Browsers ask whether they may without a key.
    let identified = match *request.method() {
        Method::OPTIONS => Err(Refusal::cross_origin()),
        _ => match link(&request, asked) {
            Some(token) => identify_by_link(app, origin, request.uri().path(), &token, asked).await,
            None => identify(app, origin, request.headers(), request.uri().query(), asked).await,
        },
    };
    let mut response = match identified {
        Ok(access) => {
            request.extensions_mut().insert(access);
            let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
            answered.unwrap_or_else(|cause| failed(&*cause, &id))
        }
        Err(refusal) => refusal.into_response(&id),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Without this header clients send a request that failed once more.
    if let Ok(value) = HeaderValue::from_str(&trace) {
        headers.insert(TRACE_ID, value);
    }
    response
}

/// What is asked for, by the route that was found.
fn operation(request: &Request) -> Option<Operation> {
    let path = request.extensions().get::<MatchedPath>()?.as_str();
    let route = |route: &&str| route.split_once(' ') == Some((request.method().as_str(), path));
    Operation::ALL.iter().copied().find(|operation| operation.spec().routes.iter().any(&route))
}

/// The token of a signed link, at the one address that takes such links in place of a key.
fn link(request: &Request, asked: Option<Operation>) -> Option<String> {
    if asked != Some(Operation::LogsExport) {
        return None;
    }
    let mut fields = url::form_urlencoded::parse(request.uri().query()?.as_bytes());
    fields.find(|(name, _)| name == "signed").map(|(_, token)| token.into_owned())
}

/// Who has asked for a link: what its key may do is judged at this moment, as if it had been presented.
async fn identify_by_link(
    app: App,
    origin: Origin,
    path: &str,
    token: &str,
    asked: Option<Operation>,
) -> Result<Access, Refusal> {
    let (digest, verified) = match links::open(&app, path, token) {
        Ok(digest) => {
            (Some(digest), api_keys::operations::verify_digest(&app, &digest, origin.address, app.clock.now()).await)
        }
        Err(error) => (None, Err(error)),
    };
    match verified {
        Ok(key) => Ok(let_in(app, origin, &key)),
        Err(error) => {
            refused(&app, origin, digest, asked, &error).await;
            Err(error.into())
        }
    }
}

async fn identify(
    app: App,
    origin: Origin,
    headers: &HeaderMap,
    query: Option<&str>,
    asked: Option<Operation>,
) -> Result<Access, Refusal> {
    let secret = match credential::presented(headers, query) {
        Ok(secret) => secret,
        Err(missing) => {
            refused(&app, origin, None, asked, &Error::new(Code::InvalidApiKey, "")).await;
            return Err(missing.into());
        }
    };
    match api_keys::operations::verify(&app, secret, origin.address, app.clock.now()).await {
        Ok(key) => Ok(let_in(app, origin, &key)),
        Err(error) => {
            let digest = api_keys::operations::digest(&app.keyring, secret);
            refused(&app, origin, digest, asked, &error).await;
            Err(error.into())
        }
    }
}

/// Lets a key in, and notes that its secret was used.
fn let_in(app: App, origin: Origin, key: &VerifiedKey) -> Access {
    let (organisation, used, noting) = (key.organisation, (key.key, key.secret, app.clock.now()), app.clone());
    // Nobody waits for the note.
    tokio::spawn(async move { api_keys::operations::note_uses(&noting, organisation, vec![used]).await });
    Access::key(app, origin, key)
}

/// Leaves the event of an act that was refused for its key alone: in the name of the key, if there is or was one with a
/// secret of this digest.
async fn refused(app: &App, origin: Origin, digest: Option<[u8; 32]>, asked: Option<Operation>, error: &Error) {
    let Some(operation) = asked.filter(|operation| operation.spec().audited) else { return };
    let known = match digest {
        Some(digest) => api_keys::operations::belongs_to(app, &digest).await.unwrap_or_default(),
        None => None,
    };
    let (access, organisation) = match known {
        Some((organisation, key, secret, name)) => {
            (Access::dead_key(app.clone(), origin, key, secret, name), organisation)
        }
        None => (Access::nobody(app.clone(), origin), OrganisationId::INSTALLATION),
    };
    access.record_refusal(operation, organisation, Subject::unnamed("request", ""), error).await;
}

fn failed(cause: &(dyn Any + Send), id: &str) -> Response {
    let cause = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or(cause.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    tracing::error!(cause, request_id = id, "a handler panicked");
    Refusal::from(Error::internal()).into_response(id)
}
