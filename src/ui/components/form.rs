//! What belongs to a whole form.
use super::dom;
use crate::ui::{
    form::Follows,
    icons::{Glyph, Icon},
    reactive,
};
use leptos::prelude::*;

/// Something wrong with one field (`field` is its id), or with the form as a whole (`field` is `None`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Id of the field.
    pub field: Option<String>,
    /// The sentence, the same as beside the field.
    pub message: String,
}

/// The error below a field. Its element is always there, so that a reader hears it appear; `spoken`: also while one types.
pub(super) fn field_error(error: Signal<Option<String>>, id: String, spoken: bool) -> impl IntoView {
    view! {
        <div class="error" id=id aria-live=spoken.then_some("polite")>
            {reactive(move || error.get().map(|error| view! { <Glyph icon=Icon::Alert /><span>{error}</span> }))}
        </div>
    }
}

/// What is wrong with something in a form that is no field of its own, by its name.
#[component]
pub fn FieldFault(
    /// Its name in errors.
    #[prop(into)]
    name: String,
) -> impl IntoView {
    let error = crate::ui::form::entry(&name, None, None, None).error;
    let error_id = format!("{name}-error");
    view! { <div id=name tabindex="-1">{field_error(error, error_id, false)}</div> }
}

/// The ids of what is said about a field: what is wrong, what somebody else stored, the hint.
pub(super) fn described(
    error: Signal<Option<String>>,
    error_id: &str,
    theirs: Option<Signal<Option<String>>>,
    theirs_id: &str,
    hint_id: Option<&str>,
) -> impl Fn() -> Option<String> + Send + Sync + use<> {
    let (error_id, theirs_id, hint_id) = (error_id.to_owned(), theirs_id.to_owned(), hint_id.map(str::to_owned));
    move || {
        let wrong = error.with(Option::is_some).then_some(&error_id);
        let clashes = theirs.is_some_and(|theirs| theirs.with(Option::is_some)).then_some(&theirs_id);
        let ids: Vec<_> = wrong.into_iter().chain(clashes).chain(&hint_id).map(String::as_str).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }
}

/// What somebody else stored meanwhile, beside a field in which something else was typed; and what the field was opened
/// with, for the server to tell the one from the other.
pub(super) fn theirs(
    follows: Follows,
    id: String,
    words: impl Fn(String) -> String + Send + Sync + 'static,
) -> impl IntoView {
    let Follows { opened: (name, opened), theirs } = follows;
    view! {
        <input type="hidden" name=name value=move || opened.get() />
        <div class="hint" id=id>
            {reactive(move || {
                theirs
                    .get()
                    .map(|theirs| {
                        let words = if theirs.is_empty() { "nothing".to_owned() } else { words(theirs) };
                        view! { "Stored meanwhile: "<strong>{words}</strong> }
                    })
            })}
        </div>
    }
}

/// The errors of a form, each linked to its field. It takes focus when errors appear; place it first in the form.
#[component]
pub fn FormErrors(
    /// What is wrong; empty shows nothing.
    #[prop(into)]
    errors: Signal<Vec<FieldError>>,
    /// Heading.
    #[prop(into, default = "This cannot be saved yet".into())]
    title: Signal<String>,
    /// Id of the box.
    #[prop(into, default = "form-errors".into())]
    id: String,
) -> impl IntoView {
    let node = NodeRef::<leptos::html::Div>::new();
    Effect::new(move |_| {
        if !errors.with(Vec::is_empty)
            && let Some(node) = node.get()
        {
            let _ = node.focus();
        }
    });
    move || {
        let errors = errors.get();
        (!errors.is_empty()).then(|| {
            let items: Vec<_> = errors
                .into_iter()
                .map(|error| match error.field {
                    Some(field) => {
                        let (target, href) = (field.clone(), format!("#{field}"));
                        view! {
                            <li>
                                <a
                                    href=href
                                    rel="external"
                                    on:click=move |event| if let Some(field) = dom::by_id(&target) {
                                        event.prevent_default();
                                        let _ = field.focus();
                                    }
                                >
                                    {error.message}
                                </a>
                            </li>
                        }
                        .into_any()
                    }
                    None => view! { <li>{error.message}</li> }.into_any(),
                })
                .collect();
            view! {
                <div node_ref=node class="form-errors" id=id.clone() tabindex="-1" role="alert" autofocus=true>
                    <Glyph icon=Icon::Alert />
                    <div>
                        <strong>{title.get()}</strong>
                        <ul>{items}</ul>
                    </div>
                </div>
            }
        })
    }
}
