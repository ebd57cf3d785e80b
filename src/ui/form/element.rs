//! The elements of forms: with their errors, or bare.

use super::{AnyForm, Limits, entry::Around};
use crate::{
    kernel::{Code, Error},
    site::routes,
    ui::{
        components::{self, FormErrors, Note, Tone},
        place::{here, use_place},
        reactive, remote,
    },
};
use leptos::{context::Provider, prelude::*};

/// The form itself: its errors first, then its fields, which know it by their names.
#[component]
pub fn FormFor(
    /// From [`use_form`](super::use_form).
    #[prop(into)]
    form: AnyForm,
    /// The most characters of its fields.
    #[prop(optional)]
    limits: Limits,
    /// The version of what is stored, for a form that changes something: the save names it, and the fields follow what is
    /// stored.
    #[prop(optional, into)]
    version: Option<Signal<i64>>,
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
) -> impl IntoView {
    let error = form.error();
    let only_stepped = move || error.with(|error| error.as_ref().is_some_and(|error| error.code == Code::NotSaved));
    let errors = Signal::derive(move || match only_stepped() {
        true => vec![],
        false => error.with(|error| error.as_ref().map(listed).unwrap_or_default()),
    });
    let stepped = move || {
        let words = error.with(|error| error.as_ref().map(|error| error.message.clone()))?;
        only_stepped().then(|| view! { <Note tone=Tone::Info>{words}</Note> })
    };
    // What is not known, or is done, is not called undone.
    let title = Signal::derive(move || {
        error.with(|error| match error {
            Some(error) if error.code == Code::AlreadyDone => "This was done before".to_owned(),
            Some(error) if error.message == remote::UNANSWERED => "No answer came".to_owned(),
            _ => problem.clone(),
        })
    });
    view! {
        <BareForm form class>
            <FormErrors errors title id=errors_id />
            {reactive(stepped)}
            <WayBack error />
            {version.map(|version| view! { <Version form version /> })}
            <Provider value=Around { form, limits, follows: version.is_some() }>{children()}</Provider>
        </BareForm>
    }
}

/// The version that a save is of, and what became of the fields after one that came too late.
#[component]
fn Version(form: AnyForm, version: Signal<i64>) -> impl IntoView {
    view! {
        <input type="hidden" name="version" value=move || version.get().to_string() />
        {reactive(move || {
            form.is_stale()
                .then(|| {
                    view! {
                        <div class="hint">
                            "What you had not touched is now as it was saved. Where both of you changed something, what is stored stands beside it. Saving again keeps what you typed."
                        </div>
                    }
                })
        })}
    }
}

/// A form whose answer is a file, for [`use_download`](super::use_download): its errors first, then its fields.
#[component]
pub fn DownloadForm(
    /// From [`use_download`](super::use_download).
    form: AnyForm,
    /// Heading of the errors.
    #[prop(into)]
    problem: String,
    /// Fields and buttons.
    children: Children,
) -> impl IntoView {
    let error = form.error();
    let errors = Signal::derive(move || error.with(|error| error.as_ref().map(listed).unwrap_or_default()));
    view! {
        // Nothing of it is lost with the page.
        <form method="post" action=form.sending.path() class="stack" novalidate=true data-sent="">
            <OnPage />
            <FormErrors errors title=Signal::stored(problem) />
            <Provider value=Around { form, limits: &[], follows: false }>{children()}</Provider>
        </form>
    }
}

/// A form that says its errors elsewhere, or has none to say. It sends itself once the page is alive, and is posted by the
/// browser otherwise.
#[component]
pub fn BareForm(
    /// From [`use_form`](super::use_form).
    #[prop(into)]
    form: AnyForm,
    /// Class of the form element.
    #[prop(optional, into)]
    class: Option<String>,
    /// Fields and buttons.
    children: Children,
) -> impl IntoView {
    let sending = form.sending;
    // What is on its way, or was saved as it stands, is not lost with the page.
    let sent = move || {
        let is_safe = sending.answer().with(|answer| match answer {
            Some(Ok(_)) => true,
            Some(Err(error)) => error.code == Code::AlreadyDone,
            None => false,
        });
        ((is_safe || sending.is_under_way()) && form.edited.with(Vec::is_empty)).then_some("")
    };
    view! {
        <form
            method="post"
            action=sending.path()
            class=class
            novalidate=true
            data-sent=sent
            on:input=move |event| form.note_edit(&event)
            on:submit=move |event| {
                form.edited.set(vec![]);
                sending.submit(&event);
            }
        >
            <OnPage />
            {children()}
        </form>
    }
}

/// Why a form was refused that has no place of its own to say so, such as the one button of a menu.
#[component]
pub fn Refusal(
    /// From [`use_form`](super::use_form).
    #[prop(into)]
    form: AnyForm,
) -> impl IntoView {
    let error = form.error();
    view! {
        {reactive(move || error.get().map(|error| view! { <Note tone=Tone::Bad>{error.message}</Note> }))}
        <WayBack error />
    }
}

/// Says on which page a form stands, inside each form, and in which organisation: what answers a form that the browser
/// posted has the form's address and not its page's, and the next form posted from there must still find the way back.
#[component]
fn OnPage() -> impl IntoView {
    view! {
        <input type="hidden" name="page" value=here() />
        {use_place().map(|place| view! { <input type="hidden" name="slug" value=place.slug /> })}
    }
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
