//! On the server a page calls its server functions directly.

use super::{unreadable, write};
use crate::kernel::{Error, Result};
use leptos::server_fn::ServerFn;
use serde::{Serialize, de::DeserializeOwned};
use std::{pin::Pin, sync::Arc};

type Answer = Pin<Box<dyn Future<Output = String> + Send>>;

/// A call of a server function.
#[derive(Clone)]
pub struct Call(Arc<dyn Fn() -> Answer + Send + Sync>);

/// A page is rendered once: what it asks for does not change meanwhile.
impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Call {
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

pub async fn answer(call: Call) -> String {
    (call.0)().await
}

/// Forms are sent by browsers only.
pub async fn post(_path: &'static str, _fields: String) -> std::result::Result<String, String> {
    Err(super::UNREACHABLE.to_owned())
}

pub fn parse<T: DeserializeOwned>(json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|_| unreadable())
}

/// Forms are sent by browsers only.
pub fn encode<S: Serialize>(_arguments: &S) -> String {
    String::new()
}
