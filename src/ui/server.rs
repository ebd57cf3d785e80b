//! What pages do on the server: they call its server functions directly, and say the status and the headers of the answer.

use super::{
    form::Posted,
    remote::{UNREACHABLE, unreadable, write},
};
use crate::{
    kernel::{Error, Result},
    site::routes::Path,
    web::{self, FormOutcome, RequestContext},
};
use axum::http::{StatusCode, header};
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_axum::ResponseOptions;
use serde::{Serialize, de::DeserializeOwned};
use std::{pin::Pin, sync::Arc};

type Answer = Pin<Box<dyn Future<Output = String> + Send>>;

/// A call of a server function.
#[derive(Clone)]
pub struct FunctionCall(Arc<dyn Fn() -> Answer + Send + Sync>);

/// A page is rendered once: what it asks for does not change meanwhile.
impl PartialEq for FunctionCall {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl FunctionCall {
    pub fn of<S>(arguments: S) -> Self
    where
        S: ServerFn<Error = Error> + Clone + Send + Sync + 'static,
        S::Output: Serialize,
    {
        Self(Arc::new(move || {
            let arguments = arguments.clone();
            Box::pin(async move {
                let json = S::run_body(arguments)
                    .await
                    .and_then(|value| serde_json::to_string(&value).map_err(|_| Error::internal()));
                let error = json.as_ref().err().map(|error| serde_json::to_string(error).unwrap_or_default());
                write(json.as_deref().map_err(|_| error.as_deref().unwrap_or_default()))
            })
        }))
    }
}

pub async fn answer(call: FunctionCall) -> String {
    (call.0)().await
}

/// The server is where it is.
pub fn is_online() -> bool {
    true
}

/// The server is where it is.
pub async fn is_reachable() -> bool {
    true
}

/// Forms are sent by browsers only.
pub async fn post_once(_path: &'static str, _fields: String) -> (String, Option<String>) {
    (write(Err(UNREACHABLE)), None)
}

/// Forms are sent by browsers only.
pub async fn post(_path: &'static str, _fields: String) -> String {
    write(Err(UNREACHABLE))
}

/// A page is rendered once: nothing comes to it later.
pub async fn listen(_number: u32, _path: &'static str, _fields: String, _each: impl FnMut(&str)) -> Result<()> {
    Err(unreadable())
}

/// Nothing is listened to.
pub fn stop(_number: u32) {}

pub fn parse<T: DeserializeOwned>(json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|_| unreadable())
}

/// Forms are sent by browsers only.
pub fn encode<S: Serialize>(_arguments: &S) -> String {
    String::new()
}

/// The outcome of the form that the browser posted by itself, if it is the one of this server function.
pub fn posted(path: &str) -> Posted {
    let outcome = use_context::<FormOutcome>().filter(|outcome| outcome.path == path);
    outcome.map_or_else(Posted::default, |outcome| Posted {
        result: Some(outcome.result.map(|value| Arc::from(value.to_string()))),
        values: outcome.values,
    })
}

/// Makes what stands inside a page's data when it is shown, and not before. The server runs the closures below a
/// transition more often than it shows what they make, to see which data they wait for. What is made in such a trial would
/// load data of its own there, which the browser then takes for that of the page: HTML of one moment, data of another.
pub fn once(make: impl FnOnce() -> AnyView + Send + 'static) -> AnyView {
    Suspend::new(async move {
        // A trial asks once, and drops what is not ready.
        tokio::task::yield_now().await;
        make().resolve().await
    })
    .into_any()
}

/// Gives the page the status of an error that it shows itself.
pub fn set_status(error: &Error) {
    if let Some(options) = use_context::<ResponseOptions>() {
        let status = StatusCode::from_u16(error.code.status());
        options.set_status(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
        if let Some(seconds) = error.retry_after {
            options.insert_header(header::RETRY_AFTER, seconds.into());
        }
    }
}

/// Answers with a redirection in place of the page.
pub fn send_to(path: &Path) {
    web::redirect(path);
}

/// What the server renders is there at once.
pub fn is_hydrating() -> bool {
    false
}

/// The id of the request that brings this document.
pub fn request_id() -> Option<String> {
    use_context::<RequestContext>().map(|request| request.origin().request_id.clone())
}
