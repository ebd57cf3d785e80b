//! Forms that work as plain HTML and, once hydrated, without a new page. Both ways have the same outcome: the same errors
//! beside the same fields, the same values kept.

use super::{
    components::{self, FormErrors},
    place::here,
    routes,
};
use crate::kernel::{Code, Error};
use leptos::{
    form::ActionForm,
    prelude::*,
    server_fn::{
        Http, ServerFn,
        client::Client,
        codec::{Json, PostUrl},
        request::ClientReq,
    },
};
use serde::de::DeserializeOwned;

/// A form's action and what became of it.
pub struct Form<S: ServerFn + Send + Sync + Clone + 'static>
where
    S::Output: Send + Sync + Clone + 'static,
    S::Error: Send + Sync + Clone + 'static,
{
    pub action: ServerAction<S>,
    posted: StoredValue<Posted<S::Output>>,
}

/// What the server knows of a form that the browser posted by itself.
#[derive(Clone)]
struct Posted<T> {
    result: Option<Result<T, Error>>,
    values: Vec<(String, String)>,
}

impl<S> Clone for Form<S>
where
    S: ServerFn + Send + Sync + Clone + 'static,
    S::Output: Send + Sync + Clone + 'static,
    S::Error: Send + Sync + Clone + 'static,
{
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Form<S>
where
    S: ServerFn + Send + Sync + Clone + 'static,
    S::Output: Send + Sync + Clone + 'static,
    S::Error: Send + Sync + Clone + 'static,
{
}

/// The form of one server function.
pub fn use_form<S>() -> Form<S>
where
    S: ServerFn<Error = Error> + Send + Sync + Clone + 'static,
    S::Output: DeserializeOwned + Send + Sync + Clone + 'static,
{
    Form { action: ServerAction::new(), posted: StoredValue::new(posted::<S>()) }
}

#[cfg(feature = "ssr")]
fn posted<S>() -> Posted<S::Output>
where
    S: ServerFn,
    S::Output: DeserializeOwned,
{
    let outcome = use_context::<crate::server::http::FormOutcome>().filter(|outcome| outcome.path == S::PATH);
    match outcome {
        None => Posted { result: None, values: vec![] },
        Some(outcome) => Posted {
            result: Some(outcome.result.and_then(|value| serde_json::from_value(value).map_err(|_| Error::internal()))),
            values: outcome.values,
        },
    }
}

#[cfg(not(feature = "ssr"))]
fn posted<S>() -> Posted<S::Output>
where
    S: ServerFn,
    S::Output: DeserializeOwned,
{
    // A page that answers a posted form is never hydrated.
    Posted { result: None, values: vec![] }
}

impl<S> Form<S>
where
    S: ServerFn<Error = Error> + Send + Sync + Clone + 'static,
    S::Output: DeserializeOwned + Send + Sync + Clone + 'static,
{
    /// What became of it, once it has been sent.
    pub fn result(self) -> Signal<Option<Result<S::Output, Error>>> {
        Signal::derive(move || {
            self.action.value().get().or_else(|| self.posted.with_value(|posted| posted.result.clone()))
        })
    }

    /// The error, if it failed.
    pub fn error(self) -> Signal<Option<Error>> {
        let result = self.result();
        Signal::derive(move || result.get().and_then(Result::err))
    }

    /// The value, if it succeeded.
    pub fn done(self) -> Signal<Option<S::Output>> {
        let result = self.result();
        Signal::derive(move || result.get().and_then(Result::ok))
    }

    /// What it made, for a page that shows this in place of the form. A refusal leaves it as it is, so that the form
    /// keeps what was typed; and it changes only after everything in the form has seen the success, so that nothing
    /// there looks at a signal that went with the form. Call it once, outside of what it switches.
    pub fn outcome(self) -> ReadSignal<Option<S::Output>> {
        let done = self.done();
        let shown = RwSignal::new(done.get_untracked());
        Effect::new(move |_| {
            if let Some(made) = done.get() {
                shown.set(Some(made));
            }
        });
        shown.read_only()
    }

    /// What is wrong with one field.
    pub fn field(self, name: &'static str) -> Signal<Option<String>> {
        let error = self.error();
        Signal::derive(move || error.with(|error| error.as_ref().and_then(|e| e.for_field(name))))
    }

    /// What was typed into a field before the browser posted the form, else `or`.
    pub fn typed(self, name: &str, or: impl Into<String>) -> String {
        self.posted
            .with_value(|posted| posted.values.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone()))
            .unwrap_or_else(|| or.into())
    }

    /// How often it succeeded on this page: a source for data that must be loaded anew then.
    pub fn successes(self) -> Memo<u32> {
        let result = self.result();
        Memo::new(move |before: Option<&u32>| {
            let succeeded = result.with(|result| matches!(result, Some(Ok(_))));
            before.copied().unwrap_or_default() + u32::from(succeeded)
        })
    }

    /// True while it is being sent.
    pub fn busy(self) -> Signal<bool> {
        self.action.pending().into()
    }
}

/// The form itself: its errors first, then its fields.
#[component]
pub fn FormFor<S>(
    /// From [`use_form`].
    form: Form<S>,
    /// Heading of the errors.
    #[prop(into, default = "This cannot be saved yet".into())]
    problem: String,
    /// Id of the box of errors, where a page has several forms.
    #[prop(into, default = "form-errors".into())]
    errors_id: String,
    /// Class of the form element.
    #[prop(into, default = "stack".into())]
    class: String,
    /// Fields and buttons.
    children: Children,
) -> impl IntoView
where
    S: ServerFn<Protocol = Http<PostUrl, Json>, Error = Error> + DeserializeOwned + Send + Sync + Clone + 'static,
    S::Output: DeserializeOwned + Send + Sync + Clone + 'static,
    S::Client: Client<Error>,
    <<S::Client as Client<Error>>::Request as ClientReq<Error>>::FormData: From<leptos::web_sys::FormData>,
{
    let error = form.error();
    let errors = Signal::derive(move || error.with(|error| error.as_ref().map(listed).unwrap_or_default()));
    view! {
        <ActionForm action=form.action attr:class=class attr:novalidate=true>
            <FormErrors errors title=problem id=errors_id />
            <WayBack error />
            <OnPage />
            {children()}
        </ActionForm>
    }
}

/// Says on which page a form stands, inside each form: what answers a form that the browser posted has the form's address
/// and not its page's, and the next form posted from there must still find the way back.
#[component]
pub fn OnPage() -> impl IntoView {
    view! { <input type="hidden" name="page" value=here() /> }
}

/// Where to prove who one is, if that is all that is missing. A new tab keeps what was typed here.
#[component]
fn WayBack(error: Signal<Option<Error>>) -> impl IntoView {
    let way = move || match error.with(|error| error.as_ref().map(|error| error.code)) {
        Some(Code::PasswordNeeded) => Some(("Confirm your password", routes::confirm_password())),
        Some(Code::SignInNeeded) => {
            Some(("Sign in", routes::sign_in().with("next", routes::confirm_password().with("done", "1").as_str())))
        }
        _ => None,
    };
    move || {
        way().map(|(label, href)| {
            view! {
                <div class="hint">
                    <a href=href.to_string() target="_blank" rel="noopener">{label}" (a new tab)"</a>
                    ", come back and press the button again. What you typed stays here."
                </div>
            }
        })
    }
}

/// The errors as the summary shows them.
fn listed(error: &Error) -> Vec<components::FieldError> {
    if error.fields.is_empty() {
        return vec![components::FieldError { field: None, message: error.message.clone() }];
    }
    error
        .fields
        .iter()
        .map(|f| components::FieldError { field: Some(f.field.clone()), message: f.message.clone() })
        .collect()
}
