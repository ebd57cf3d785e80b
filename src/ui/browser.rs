//! What pages do in the browser: they call server functions over HTTP. An answer has no status and no headers to give.

use super::{
    connection::{Connection, Waiting},
    form::Posted,
    gradual::once_alive,
    remote::{UNREACHABLE, is_unanswered, unreadable, write},
    session::Session,
};
use crate::{
    kernel::{Code, Error, Result},
    site::routes::Path,
};
use any_spawner::Executor;
use hydration_context::{HydrateSharedContext, SharedContext};
use js_sys::{JSON, Promise, Reflect, Uint8Array};
use leptos::{
    prelude::*,
    server_fn::{
        ServerFn,
        client::{Client, browser::BrowserClient},
        redirect::call_redirect_hook,
        request::{ClientReq, browser::BrowserRequest},
        response::{ClientRes, browser::BrowserResponse},
    },
    tachys::{hydration::Cursor, view::PositionState},
};
use leptos_router::{NavigateOptions, hooks::use_navigate};
use send_wrapper::SendWrapper;
use serde::{Serialize, de::DeserializeOwned};
use std::{cell::RefCell, collections::HashMap, mem, sync::Arc, time::Duration};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortController, AbortSignal, Headers, ReadableStreamDefaultReader, RequestInit, Response, TextDecodeOptions,
    TextDecoder,
};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON_TYPE: &str = "application/json";

/// A call of a server function with its arguments, encoded as a form.
#[derive(Clone, PartialEq)]
pub struct FunctionCall {
    path: &'static str,
    fields: String,
}

impl FunctionCall {
    pub fn of<S: ServerFn + Serialize>(arguments: S) -> Self {
        Self { path: S::PATH, fields: encode(&arguments) }
    }
}

pub async fn answer(call: FunctionCall) -> String {
    let waiting = Waiting::begin();
    let text = post(call.path, call.fields).await;
    drop(waiting);
    if is_unanswered(&text) {
        Connection::note_lost();
    }
    text
}

/// Whether the browser takes itself to be connected to anything.
pub fn is_online() -> bool {
    window().navigator().on_line()
}

/// Whether Latchkey answers.
pub async fn is_reachable() -> bool {
    let Ok(response) = JsFuture::from(window().fetch_with_str("/healthz")).await else { return false };
    Reflect::get(&response, &"ok".into()).is_ok_and(|ok| ok.is_truthy())
}

/// Posts fields to a server function, and goes where the answer leads. Gives what it answered, for
/// [`read`](super::remote::read). Where the session is over, it is sent once more after the person has signed in again.
pub async fn post(path: &'static str, fields: String) -> String {
    loop {
        let (text, leads) = post_once(path, fields.clone()).await;
        let code = text.strip_prefix('-').and_then(|json| parse::<Error>(json).ok()).map(|error| error.code);
        match code {
            Some(Code::SignInNeeded) if signed_in_again().await => {}
            _ => {
                if code == Some(Code::PermissionDenied) {
                    Session::note_refusal();
                }
                if let Some(location) = leads {
                    call_redirect_hook(&location);
                }
                return text;
            }
        }
    }
}

/// The same, once, with the address to which the answer leads.
pub async fn post_once(path: &'static str, fields: String) -> (String, Option<String>) {
    let (status, text, leads) = exchange(path, fields).await.unwrap_or_default();
    let text = write(match status {
        200..400 => Ok(&text),
        // Nobody answered, or something between here and the server did in its own words.
        _ if parse::<Error>(&text).is_err() => Err(UNREACHABLE),
        _ => Err(&text),
    });
    (text, leads)
}

thread_local! {
    /// What ends the answers that are listened to, by the number of each.
    static LISTENED: RefCell<HashMap<u32, AbortController>> = RefCell::default();
}

/// Posts fields to a server function whose answer comes line by line, and gives each line as it comes.
///
/// # Errors
/// The server function's own; and [`Code::Unavailable`] where the answer does not come or breaks off, also by [`stop`].
pub async fn listen(number: u32, path: &'static str, fields: String, each: impl FnMut(&str)) -> Result<()> {
    let lost = || parse::<Error>(UNREACHABLE).unwrap_or_else(|error| error);
    let Ok(stop) = AbortController::new() else { return Err(lost()) };
    let signal = stop.signal();
    LISTENED.with_borrow_mut(|all| all.insert(number, stop));
    let heard = SendWrapper::new(hear(path, fields, &signal, each)).await;
    LISTENED.with_borrow_mut(|all| all.remove(&number));
    heard.unwrap_or_else(|_| Err(lost()))
}

/// Ends the answer of this number, if it is still listened to.
pub fn stop(number: u32) {
    if let Some(stop) = LISTENED.with_borrow_mut(|all| all.remove(&number)) {
        stop.abort();
    }
}

async fn hear(
    path: &'static str,
    fields: String,
    signal: &AbortSignal,
    mut each: impl FnMut(&str),
) -> std::result::Result<Result<()>, JsValue> {
    let (init, headers) = (RequestInit::new(), Headers::new()?);
    headers.set("content-type", FORM)?;
    headers.set("accept", JSON_TYPE)?;
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&fields.into());
    init.set_signal(Some(signal));
    let response: Response = JsFuture::from(window().fetch_with_str_and_init(path, &init)).await?.unchecked_into();
    if !response.ok() {
        let text = JsFuture::from(response.text()?).await?.as_string().unwrap_or_default();
        return Ok(Err(parse::<Error>(&text).unwrap_or_else(|error| error)));
    }
    let Some(body) = response.body() else { return Ok(Err(unreadable())) };
    let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
    let (decoder, options, mut line) = (TextDecoder::new()?, TextDecodeOptions::new(), String::new());
    // A piece may end within a character.
    options.set_stream(true);
    loop {
        let piece = JsFuture::from(reader.read()).await?;
        if Reflect::get(&piece, &"done".into())?.is_truthy() {
            return Ok(Ok(()));
        }
        let bytes: Uint8Array = Reflect::get(&piece, &"value".into())?.unchecked_into();
        line += &decoder.decode_with_buffer_source_and_options(&bytes, &options)?;
        while let Some(end) = line.find('\n') {
            let rest = line.split_off(end + 1);
            each(line.trim_end());
            line = rest;
        }
    }
}

/// Asks the person of this page to sign in again, if there is one. True: they did.
async fn signed_in_again() -> bool {
    let Some(session) = Session::of_this_page() else { return false };
    let answer = Promise::new(&mut |resolve, _| session.wait(resolve));
    SendWrapper::new(JsFuture::from(answer)).await.is_ok_and(|signed_in| signed_in.is_truthy())
}

/// The status and the text of the answer, and the address to which it leads.
async fn exchange(path: &'static str, fields: String) -> Result<(u16, String, Option<String>)> {
    let request = <BrowserRequest as ClientReq<Error>>::try_new_post(path, FORM, JSON_TYPE, fields)?;
    let response = <BrowserClient as Client<Error>>::send(request).await?;
    let status = <BrowserResponse as ClientRes<Error>>::status(&response);
    let leads = <BrowserResponse as ClientRes<Error>>::has_redirect(&response);
    let location = <BrowserResponse as ClientRes<Error>>::location(&response);
    let text = <BrowserResponse as ClientRes<Error>>::try_into_string(response).await?;
    Ok((status, text, leads.then_some(location)))
}

/// The browser reads JSON by itself: no reader of it needs to be loaded.
pub fn parse<T: DeserializeOwned>(json: &str) -> Result<T> {
    let value = JSON::parse(json).map_err(|_| unreadable())?;
    serde_wasm_bindgen::from_value(value).map_err(|_| unreadable())
}

pub fn encode<S: Serialize>(arguments: &S) -> String {
    serde_qs::to_string(arguments).unwrap_or_default()
}

/// A page that answers a posted form is never hydrated.
pub fn posted(_path: &str) -> Posted {
    Posted::default()
}

/// The browser shows whatever it makes.
pub fn once(make: impl FnOnce() -> AnyView) -> AnyView {
    make()
}

pub fn set_status(_error: &Error) {}

/// Goes elsewhere, in place of this page in the browser's history.
pub fn send_to(path: &Path) {
    use_navigate()(path.as_str(), NavigateOptions { replace: true, ..Default::default() });
}

/// Brings the page that the server has rendered to life, and marks the document once all of it is: what needs JavaScript is
/// shown, and what is for those without goes.
pub fn hydrate<V: IntoView + 'static>(page: impl FnOnce() -> V) {
    let Some(body) = document().body() else { return };
    // There is no other executor that this could come after.
    let _ = Executor::init_wasm_bindgen();
    let context = Arc::new(HydrateSharedContext::new());
    let owner = Owner::new_root(Some(Arc::clone(&context) as Arc<_>));
    let view = owner.with(|| page().into_view());
    // The browser has its turn in between.
    set_timeout(
        move || {
            let state =
                owner.with(|| view.hydrate::<true>(&Cursor::new(body.unchecked_into()), &PositionState::default()));
            once_alive(move || {
                // Until then what came with the page is there for its parts.
                context.hydration_complete();
                if let Some(root) = document().document_element() {
                    let _ = root.set_attribute("data-live", "");
                }
            });
            // They last as long as the document.
            mem::forget((owner, state));
        },
        Duration::ZERO,
    );
}

/// Whether the page is still being brought to life. Until then it is what the server made, and works as that.
pub fn is_hydrating() -> bool {
    Owner::current_shared_context().is_some_and(|context| context.during_hydration())
}

/// The id of the request that brought this document, for what came with it: the shell notes it there, so that both sides
/// render the same. What fails later was another request.
pub fn request_id() -> Option<String> {
    if !is_hydrating() {
        return None;
    }
    document().query_selector("meta[name=request-id]").ok().flatten().and_then(|meta| meta.get_attribute("content"))
}
