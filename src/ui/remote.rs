//! What pages ask of the server: data to load, and forms to send. Whatever does not depend on the types of one server
//! function is written once for all of them: that is what keeps the WebAssembly small.

use super::{
    components::{Toast, Toasts, use_toasts},
    connection::Connection,
    side,
};
use crate::kernel::{Code, Error, Result};
use leptos::{
    prelude::*,
    server::codee::string::FromToStringCodec,
    server_fn::ServerFn,
    web_sys::{FormData, HtmlButtonElement, HtmlFormElement, SubmitEvent, UrlSearchParams, wasm_bindgen::JsCast},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    marker::PhantomData,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

/// Data of type `T` that a page loads before it is shown.
pub struct Data<T> {
    text: Resource<String, FromToStringCodec>,
    loads: PhantomData<fn() -> T>,
}

impl<T> Clone for Data<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Data<T> {}

impl<T: DeserializeOwned> Data<T> {
    /// What was loaded, once it was.
    pub fn get(self) -> Option<Result<T>> {
        self.text.get().map(|text| read(&text))
    }

    /// What was loaded as text, for [`read`].
    pub fn text(self) -> Resource<String, FromToStringCodec> {
        self.text
    }
}

/// Loads what the server function `S` gives, and anew when its arguments change. The server waits for it before the first
/// byte, so that statuses are right.
pub fn load<S>(arguments: impl Fn() -> S + Send + Sync + 'static) -> Data<S::Output>
where
    S: ServerFn<Error = Error> + Serialize + Clone + Send + Sync + 'static,
    S::Output: Serialize,
{
    load_after(|| 0, arguments)
}

/// Like [`load`], and anew when the count of changes grows.
pub fn load_after<S>(
    changes: impl Fn() -> u32 + Send + Sync + 'static,
    arguments: impl Fn() -> S + Send + Sync + 'static,
) -> Data<S::Output>
where
    S: ServerFn<Error = Error> + Serialize + Clone + Send + Sync + 'static,
    S::Output: Serialize,
{
    let undone = use_toasts().undone();
    let source: Source = Box::new(move || (changes() + undone.get(), side::FunctionCall::of(arguments())));
    Data { text: resource(source), loads: PhantomData }
}

/// What is loaded, with a number that grows when it is to be loaded anew.
type Source = Box<dyn Fn() -> (u32, side::FunctionCall) + Send + Sync>;

fn resource(source: Source) -> Resource<String, FromToStringCodec> {
    let is_missing = StoredValue::new(false);
    let tries = use_context::<Connection>().map(Connection::tries);
    // Nothing else is loaded anew when the way to the server is open again: a form keeps what was typed.
    let tried = Memo::new(move |before: Option<&u32>| {
        let tries = tries.map_or(0, |tries| tries.get());
        if is_missing.get_value() { tries } else { before.copied().unwrap_or_default() }
    });
    let source = move || {
        let (changes, call) = source();
        (changes, tried.get(), call)
    };
    Resource::new_str_blocking(source, move |(_, _, call)| async move {
        let text = side::answer(call).await;
        is_missing.try_set_value(is_unanswered(&text));
        text
    })
}

/// What is said when no answer came, as a server function would say it.
pub(super) const UNREACHABLE: &str =
    r#"{"code":"unavailable","message":"Latchkey could not be reached. Check the connection and try again."}"#;

/// What is said when no answer came to a form, which may have done what it was for.
pub(super) const UNANSWERED: &str = "Latchkey could not be reached. It is not known whether this was done. Check the connection, then look, or press the button again.";

/// What a server function answered, as text: a sign, then JSON of the value or of the error.
pub(super) fn write(result: std::result::Result<&str, &str>) -> String {
    match result {
        Ok(json) => format!("+{json}"),
        Err(json) => format!("-{json}"),
    }
}

/// The value or the error in what [`load`] gave.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T> {
    parse(value_in(text)?)
}

fn value_in(text: &str) -> Result<&str> {
    match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(json), _) => Ok(json),
        (_, Some(json)) => Err(parse(json).unwrap_or_else(|error| error)),
        _ => Err(unreadable()),
    }
}

/// A value in an answer.
pub fn parse<T: DeserializeOwned>(json: &str) -> Result<T> {
    side::parse(json)
}

/// The page is of another version than the server.
pub(super) fn unreadable() -> Error {
    Error::new(Code::Malformed, "The answer could not be read. Reload the page and try again.")
}

/// Sends something beside the forms of a page: nothing is asked first, and wherever the answer leads, the page stays.
pub async fn send_once<S: ServerFn + Serialize>(arguments: &S) -> Result<()> {
    let (text, _) = side::post_once(S::PATH, side::encode(arguments)).await;
    value_in(&text).map(drop)
}

/// A form on its way to a server function, and what became of it.
#[derive(Clone, Copy)]
pub struct Sending {
    path: &'static str,
    /// Whether the JSON of a value can be read as what the server function gives.
    check: fn(&str) -> Result<()>,
    /// JSON of the value, or the error.
    answer: RwSignal<Option<Result<Arc<str>>>>,
    answers: RwSignal<u32>,
    sent: RwSignal<u32>,
    toasts: Toasts,
    says: StoredValue<Option<Says>>,
}

/// What is said of a success: made of the JSON of the value.
type Says = Arc<dyn Fn(&str) -> Option<Toast> + Send + Sync>;

/// Sends what undoes something, and tells what became of it: `again` is what is so then. An answer that is no more than
/// `null` where `asks` is set has led to a page that asks first.
pub fn undo<S>(toasts: Toasts, arguments: &S, again: String, asks: bool)
where
    S: ServerFn + Serialize,
{
    undo_by(toasts, S::PATH, side::encode(arguments), again, asks);
}

fn undo_by(toasts: Toasts, path: &'static str, fields: String, again: String, asks: bool) {
    leptos::task::spawn_local(async move {
        let text = side::post(path, fields).await;
        match value_in(&text) {
            Ok("null") if asks => {}
            result => toasts.undoing(again, result.map(drop).map_err(|error| error.message)),
        }
    });
}

impl Sending {
    /// A form of a server function that has not been sent yet.
    pub fn to<S>() -> Self
    where
        S: ServerFn,
        S::Output: DeserializeOwned,
    {
        let check = |json: &str| parse::<S::Output>(json).map(drop);
        Self {
            path: S::PATH,
            check,
            answer: RwSignal::new(None),
            answers: RwSignal::new(0),
            sent: RwSignal::new(0),
            toasts: use_toasts(),
            says: StoredValue::new(None),
        }
    }

    /// A form that is posted by the browser, always.
    pub fn by_browser(path: &'static str) -> Self {
        Self {
            path,
            check: |_| Ok(()),
            answer: RwSignal::new(None),
            answers: RwSignal::new(0),
            sent: RwSignal::new(0),
            toasts: use_toasts(),
            says: StoredValue::new(None),
        }
    }

    pub fn path(self) -> &'static str {
        self.path
    }

    /// The last answer: JSON of the value, or the error.
    pub fn answer(self) -> ReadSignal<Option<Result<Arc<str>>>> {
        self.answer.read_only()
    }

    /// How many answers there were. The answer itself is there before it is counted.
    pub fn answers(self) -> ReadSignal<u32> {
        self.answers.read_only()
    }

    /// True while it is being sent.
    pub fn is_under_way(self) -> bool {
        self.sent.get() > self.answers.get()
    }

    /// Has a success told in a toast, also when the page is left by it.
    pub fn says(self, toast: impl Fn(&str) -> Option<Toast> + Send + Sync + 'static) {
        self.says.set_value(Some(Arc::new(toast)));
    }

    /// Sends these fields, encoded as a form. Of several on their way only the last one's answer is shown.
    pub fn send(self, fields: String) {
        let number = self.sent.try_update(|sent| {
            *sent += 1;
            *sent
        });
        let (check, says, toasts) = (self.check, self.says.try_get_value().flatten(), self.toasts);
        leptos::task::spawn_local(async move {
            let mut text = side::post(self.path, fields.clone()).await;
            // The answer may be what was lost. A form that names itself has its effect once, and says so the second time.
            if is_unanswered(&text) && names_itself(&fields) {
                text = side::post(self.path, fields).await;
            }
            let answer = if is_unanswered(&text) {
                Err(Error::new(Code::Unavailable, UNANSWERED))
            } else {
                value_in(&text).and_then(|json| check(json).map(|()| Arc::from(json)))
            };
            if let (Ok(json), Some(says)) = (&answer, says)
                && let Some(toast) = says(json)
            {
                toasts.show(toast);
            }
            // Whoever asked may have left the page, and its signals with it.
            if self.sent.try_get_untracked() == number {
                self.answer.try_set(Some(answer));
                if let Some(number) = number {
                    self.answers.try_set(number);
                }
            }
        });
    }

    /// Sends a form that was submitted, unless somebody else took care of it.
    pub fn submit(self, event: &SubmitEvent) {
        if event.default_prevented() {
            return;
        }
        if let Some(fields) = fields(event) {
            event.prevent_default();
            self.send(fields);
        }
    }

    /// Forgets the last answer.
    pub fn forget(self) {
        self.answer.set(None);
    }

    /// Sends the fields of a form as they stand, whatever it is for.
    pub fn send_fields_of(self, form: &HtmlFormElement) {
        if let Some(fields) = FormData::new_with_form(form).ok().as_ref().and_then(encoded) {
            self.send(fields);
        }
    }

    /// Sends arguments that no form holds.
    pub fn send_arguments<S: Serialize>(self, arguments: &S) {
        self.send(side::encode(arguments));
    }
}

/// What a server function says line by line while it is at it.
#[derive(Clone, Copy)]
pub struct Listening {
    path: &'static str,
    /// That of the answer that is listened to; 0: of none yet.
    number: RwSignal<u32>,
    is_under_way: RwSignal<bool>,
    error: RwSignal<Option<Error>>,
}

/// Tells answers apart, on every page.
static NUMBERS: AtomicU32 = AtomicU32::new(1);

impl Listening {
    /// To a server function that gives text piece by piece.
    pub fn to<S: ServerFn>() -> Self {
        let (number, is_under_way, error) = (RwSignal::new(0), RwSignal::new(false), RwSignal::new(None));
        on_cleanup(move || side::stop(number.try_get_untracked().unwrap_or_default()));
        Self { path: S::PATH, number, is_under_way, error }
    }

    /// Sends the fields of a form as they stand, and gives each line of the answer to `each`. What was listened to before is
    /// ended.
    pub fn send_fields_of(self, form: &HtmlFormElement, each: impl Fn(&str) + 'static) {
        let Some(fields) = FormData::new_with_form(form).ok().as_ref().and_then(encoded) else { return };
        self.stop();
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        self.number.set(number);
        self.error.set(None);
        self.is_under_way.set(true);
        let is_awaited = move || self.number.try_get_untracked() == Some(number);
        leptos::task::spawn_local(async move {
            let ended = side::listen(number, self.path, fields, |line| {
                if is_awaited() {
                    each(line);
                }
            });
            let ended = ended.await;
            if is_awaited() {
                // Who stops it has left nothing undone.
                let is_stopped = !self.is_under_way.try_get_untracked().unwrap_or_default();
                self.error.try_set(ended.err().filter(|_| !is_stopped));
                self.is_under_way.try_set(false);
            }
        });
    }

    /// Ends what is listened to; the server is told, and ends its work.
    pub fn stop(self) {
        self.is_under_way.set(false);
        side::stop(self.number.get_untracked());
    }

    /// Whether more is to come.
    pub fn is_under_way(self) -> bool {
        self.is_under_way.get()
    }

    /// Why no more came.
    pub fn error(self) -> Option<Error> {
        self.error.get()
    }
}

/// Whether nobody answered.
pub(super) fn is_unanswered(text: &str) -> bool {
    text.strip_prefix('-') == Some(UNREACHABLE)
}

/// Whether a form's fields have a name for this one sending of it.
fn names_itself(fields: &str) -> bool {
    fields.split('&').any(|field| field.strip_prefix("submission=").is_some_and(|id| !id.is_empty()))
}

/// The fields of a submitted form, with the button that submitted it, as the browser itself would send them.
pub(super) fn fields(event: &SubmitEvent) -> Option<String> {
    let form = event.target()?.dyn_into::<HtmlFormElement>().ok()?;
    let data = FormData::new_with_form(&form).ok()?;
    if let Some(button) = event.submitter().and_then(|element| element.dyn_into::<HtmlButtonElement>().ok())
        && !button.name().is_empty()
    {
        data.append_with_str(&button.name(), &button.value()).ok()?;
    }
    encoded(&data)
}

fn encoded(data: &FormData) -> Option<String> {
    UrlSearchParams::new_with_str_sequence_sequence(data).ok()?.to_string().as_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_form_that_names_itself_is_sent_again() {
        assert!(names_itself("name=ci&submission=1f"));
        assert!(!names_itself("name=ci&submission=") && !names_itself("name=submission%3D1") && !names_itself(""));
        assert!(is_unanswered(&write(Err(UNREACHABLE))) && !is_unanswered(&write(Ok(UNREACHABLE))));
    }

    #[test]
    fn values_and_errors_are_told_apart() {
        assert_eq!(read::<Vec<u32>>(&write(Ok("[1,2]"))).unwrap(), vec![1, 2]);
        assert_eq!(read::<Vec<u32>>(&write(Err(UNREACHABLE))).unwrap_err().code, Code::Unavailable);
        let error = serde_json::to_string(&Error::field("name", "Too long.")).unwrap();
        assert_eq!(read::<Vec<u32>>(&write(Err(&error))).unwrap_err(), Error::field("name", "Too long."));
        assert_eq!(read::<Vec<u32>>("+{}").unwrap_err().code, Code::Malformed);
        assert_eq!(read::<Vec<u32>>("").unwrap_err().code, Code::Malformed);
    }
}
