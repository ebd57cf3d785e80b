//! Forms that work as plain HTML and, once hydrated, without a new page. Both ways have the same outcome: the same errors
//! beside the same fields, the same values kept.
//!
//! Here is what became of a form. Its elements stand in `element`, what a field takes from the form around it in `entry`, what
//! the browser posted by itself in `posted`, and what is looked at while one types in `look`.

mod element;
mod entry;
mod look;
mod posted;

pub use element::{BareForm, DownloadForm, FormFor, Refusal};
pub(super) use entry::{Entry, Follows, entry};
pub use look::{use_look, when_rested};
pub(super) use posted::Posted;

use super::{
    components::Toast,
    remote::{self, Sending},
    side,
};
use crate::kernel::{Code, Error};
use leptos::{
    prelude::*,
    server_fn::ServerFn,
    wasm_bindgen::JsCast,
    web_sys::{Element, Event, HtmlFormElement},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{marker::PhantomData, sync::Arc};

/// The form of the server function `S`, and what became of it.
pub struct Form<S> {
    any: AnyForm,
    of: PhantomData<fn() -> S>,
}

/// A form of whatever server function: what its fields and buttons know of it.
#[derive(Clone, Copy)]
pub struct AnyForm {
    sending: Sending,
    posted: StoredValue<Posted>,
    /// Names of the fields that were changed since it was sent: what was wrong with them says nothing any more.
    edited: RwSignal<Vec<String>>,
}

/// The most characters of a form's fields, by their names. It stands where the values are parsed.
pub type Limits = &'static [(&'static str, usize)];

impl<S> Clone for Form<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Form<S> {}

impl<S> From<Form<S>> for AnyForm {
    fn from(form: Form<S>) -> Self {
        form.any
    }
}

impl<S> std::ops::Deref for Form<S> {
    type Target = AnyForm;

    fn deref(&self) -> &AnyForm {
        &self.any
    }
}

impl<S> Form<S> {
    /// Also keeps what was typed where the browser posted the form to the server function `L`, which looks at the fields and
    /// saves nothing.
    pub fn keeps<L: ServerFn>(self) -> Self {
        self.posted.update_value(|posted| {
            if posted.result.is_none() {
                posted.values = side::posted(L::PATH).values;
            }
        });
        self
    }
}

/// The form of one server function.
pub fn use_form<S>() -> Form<S>
where
    S: ServerFn,
    S::Output: DeserializeOwned,
{
    let any = AnyForm {
        sending: Sending::to::<S>(),
        posted: StoredValue::new(side::posted(S::PATH)),
        edited: RwSignal::new(vec![]),
    };
    Form { any, of: PhantomData }
}

/// The form of a server function that answers with a file: the browser posts it itself, with JavaScript or without, and
/// shows the page anew only where it was refused.
pub fn use_download(path: &'static str) -> AnyForm {
    AnyForm {
        sending: Sending::by_browser(path),
        posted: StoredValue::new(side::posted(path)),
        edited: RwSignal::new(vec![]),
    }
}

impl AnyForm {
    /// What became of it, once it has been sent: JSON of the value, or the error.
    fn answer(self) -> Option<Result<Arc<str>, Error>> {
        self.sending.answer().get().or_else(|| self.posted.with_value(|posted| posted.result.clone()))
    }

    /// The error, if it failed.
    pub fn error(self) -> Signal<Option<Error>> {
        Signal::derive(move || self.answer().and_then(Result::err))
    }

    /// True after a save that was refused since somebody else saved first.
    pub fn is_stale(self) -> bool {
        self.answer().is_some_and(|answer| answer.is_err_and(|error| error.code == Code::StaleVersion))
    }

    /// What is wrong with one field, until it is changed.
    fn field(self, name: String) -> Signal<Option<String>> {
        Signal::derive(move || {
            let error = self.answer().and_then(Result::err).and_then(|error| error.for_field(&name))?;
            let is_edited = self.edited.with(|edited| edited.contains(&name));
            (!is_edited).then_some(error)
        })
    }

    /// Takes note that a field was changed.
    fn note_edit(self, event: &Event) {
        if let Some(name) = event.target().and_then(|target| target.dyn_into::<Element>().ok()?.get_attribute("name"))
            && !self.edited.with_untracked(|edited| edited.contains(&name))
        {
            self.edited.update(|edited| edited.push(name));
        }
    }

    /// What was typed into a field before the browser posted the form and it was refused, else `or`: a field that was left
    /// as it was opened follows what is stored now.
    pub fn typed(self, name: &str, or: impl Into<String>) -> String {
        let typed = self.posted.with_value(|posted| posted.typed(name).filter(|_| !posted.is_untouched(name)));
        typed.unwrap_or_else(|| or.into())
    }

    /// All that was typed before the browser posted the form and it came back unsaved.
    pub fn typed_all(self) -> Option<Vec<(String, String)>> {
        self.posted.with_value(|posted| matches!(posted.result, Some(Err(_))).then(|| posted.values.clone()))
    }

    /// Forgets what was wrong with it: its fields have other names now.
    pub fn forget(self) {
        self.sending.forget();
    }

    /// Sends the fields of another form as they stand.
    pub fn send_fields_of(self, form: &HtmlFormElement) {
        self.sending.send_fields_of(form);
    }

    /// A number that grows with each success on this page: for data that must be loaded anew then.
    pub fn successes(self) -> Memo<u32> {
        Memo::new(move |before: Option<&u32>| {
            let answers = self.sending.answers().get();
            if matches!(self.answer(), Some(Ok(_))) { answers } else { before.copied().unwrap_or_default() }
        })
    }

    /// How many answers there were on this page. The answer itself is there before it is counted.
    pub fn answers(self) -> ReadSignal<u32> {
        self.sending.answers()
    }

    /// Has a success told in a toast, also when the page is left by it.
    pub fn says(self, toast: impl Fn() -> Toast + Send + Sync + 'static) {
        self.sending.says(move |_| Some(toast()));
    }

    /// True while it is being sent.
    pub fn busy(self) -> Signal<bool> {
        Signal::derive(move || self.sending.is_under_way())
    }
}

impl<S> Form<S>
where
    S: ServerFn<Error = Error>,
    S::Output: DeserializeOwned + Send + Sync + Clone + 'static,
{
    /// What became of it, once it has been sent.
    pub fn result(self) -> Option<Result<S::Output, Error>> {
        self.answer().map(|answer| answer.and_then(|json| remote::parse(&json)))
    }

    /// The value, if it succeeded.
    pub fn done(self) -> Option<S::Output> {
        self.result().and_then(Result::ok)
    }

    /// What it made, for a page that shows this in place of the form. A refusal leaves it as it is, so that the form
    /// keeps what was typed; and it changes only after everything in the form has seen the success, so that nothing
    /// there looks at a signal that went with the form. Call it once, outside of what it switches.
    pub fn outcome(self) -> ReadSignal<Option<S::Output>> {
        let form = self.any;
        let shown = RwSignal::new(untrack(|| self.done()));
        Effect::new(move |_| {
            if let Some(Ok(made)) = form.answer().map(|answer| answer.and_then(|json| remote::parse(&json))) {
                shown.set(Some(made));
            }
        });
        shown.read_only()
    }

    /// Has a success told in a toast, made of what the form gave.
    pub fn says_of(self, toast: impl Fn(S::Output) -> Option<Toast> + Send + Sync + 'static) {
        self.any.sending.says(move |json| remote::parse(json).ok().and_then(&toast));
    }

    /// Sends arguments that no form holds.
    pub fn send(self, arguments: &S)
    where
        S: Serialize,
    {
        self.any.sending.send_arguments(arguments);
    }
}

/// What is stored now of what a page edits. It begins with what was opened, and is read anew when a save was refused since
/// somebody else saved first, and whenever `changes` grows: fields follow it where nothing else was typed. With it comes the
/// form that reads, for the [`Refusal`] of that.
pub fn use_stored<L>(
    form: impl Into<AnyForm>,
    opened: L::Output,
    load: L,
    changes: impl Fn() -> u32 + 'static,
) -> (ReadSignal<L::Output>, AnyForm)
where
    L: ServerFn<Error = Error> + Serialize + 'static,
    L::Output: DeserializeOwned + Send + Sync + Clone + 'static,
{
    let (form, read) = (form.into(), use_form::<L>());
    let stored = RwSignal::new(opened);
    Effect::new(move |_| {
        let changed = changes() > 0;
        if form.is_stale() || changed {
            read.send(&load);
        }
    });
    Effect::new(move |_| {
        if let Some(now) = read.done() {
            stored.set(now);
        }
    });
    (stored.read_only(), read.into())
}
