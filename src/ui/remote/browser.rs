//! In the browser a page calls its server functions over HTTP.

use super::write;
use crate::kernel::{Code, Error, Result};
use leptos::server_fn::{
    ServerFn,
    client::{Client, browser::BrowserClient},
    redirect::call_redirect_hook,
    request::{ClientReq, browser::BrowserRequest},
    response::{ClientRes, browser::BrowserResponse},
};
use serde::Serialize;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// A call of a server function with its arguments, encoded as a form.
#[derive(Clone, PartialEq)]
pub struct Call {
    path: &'static str,
    fields: String,
}

impl Call {
    pub fn of<S: ServerFn + Serialize>(arguments: S) -> Self {
        Self { path: S::PATH, fields: encode(&arguments) }
    }
}

pub async fn answer(call: Call) -> String {
    let answer = post(call.path, call.fields).await;
    write(answer.as_ref())
}

/// Posts fields to a server function. Gives JSON of the value, and goes where the answer leads.
pub async fn post(path: &'static str, fields: String) -> Result<String> {
    let request = <BrowserRequest as ClientReq<Error>>::try_new_post(path, FORM, JSON, fields)?;
    let response = <BrowserClient as Client<Error>>::send(request).await?;
    let failed = <BrowserResponse as ClientRes<Error>>::status(&response) >= 400;
    let location = <BrowserResponse as ClientRes<Error>>::location(&response);
    let leads = <BrowserResponse as ClientRes<Error>>::has_redirect(&response);
    let text = <BrowserResponse as ClientRes<Error>>::try_into_string(response).await?;
    if failed {
        // Something between here and the server may answer in its own words.
        return Err(super::parse(&text).unwrap_or_else(|_| {
            Error::new(Code::Unavailable, "Latchkey could not be reached. Check the connection and try again.")
        }));
    }
    if leads {
        call_redirect_hook(&location);
    }
    Ok(text)
}

pub fn encode<S: Serialize>(arguments: &S) -> String {
    serde_qs::to_string(arguments).unwrap_or_default()
}
