//! Forms that work as plain HTML and, once hydrated, without a new page. Both ways have the same outcome: the same errors
//! beside the same fields, the same values kept.

use super::{
    components::{self, FormErrors, Note, Toast, Tone},
    place::{here, use_place},
    reactive,
    remote::{self, Sending},
    side,
};
use crate::{
    kernel::{Code, Error},
    site::routes,
};
use leptos::{
    context::Provider,
    prelude::*,
    server_fn::ServerFn,
    wasm_bindgen::JsCast,
    web_sys::{Element, Event, HtmlFormElement},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{marker::PhantomData, sync::Arc, time::Duration};

/// How long typing rests before something is made of it.
const REST: Duration = Duration::from_millis(300);

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

/// What the server knows of a form that the browser posted by itself.
#[derive(Clone, Default)]
pub(super) struct Posted {
    /// JSON of the value, or the error.
    pub result: Option<Result<Arc<str>, Error>>,
    /// What was typed, less what is secret.
    pub values: Vec<(String, String)>,
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

impl Posted {
    /// What was typed into a field of a form that is not saved. After a success, what is stored counts.
    fn typed(&self, name: &str) -> Option<String> {
        if matches!(self.result, Some(Ok(_))) {
            return None;
        }
        let value = self.values.iter().find(|(n, _)| n == name).map(|(_, value)| value);
        // Browsers post a line break as two characters.
        value.map(|value| value.replace("\r\n", "\n"))
    }

    /// What was stored when the field was opened, if its form said so.
    fn opened(&self, name: &str) -> Option<String> {
        self.typed(&opened_as(name))
    }

    fn is_untouched(&self, name: &str) -> bool {
        self.opened(name).is_some_and(|opened| self.typed(name) == Some(opened))
    }

    /// What is stored now, if it was changed both here and by somebody else since the field was opened.
    fn theirs(&self, name: &str, now: &str) -> Option<String> {
        let (opened, mine) = (self.opened(name)?, self.typed(name)?);
        (opened != mine && opened != now && mine != now).then(|| now.to_owned())
    }
}

/// The name under which a form says what was stored when a field was opened.
fn opened_as(name: &str) -> String {
    format!("opened.{name}")
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

/// Why a form was refused that has no place of its own to say so, such as the one button of a menu.
#[component]
pub fn Refusal(
    /// From [`use_form`].
    #[prop(into)]
    form: AnyForm,
) -> impl IntoView {
    let error = form.error();
    view! {
        {reactive(move || error.get().map(|error| view! { <Note tone=Tone::Bad>{error.message}</Note> }))}
        <WayBack error />
    }
}

/// The form around a field.
#[derive(Clone, Copy)]
struct Around {
    form: AnyForm,
    limits: Limits,
    /// Its fields follow what is stored.
    follows: bool,
}

/// What a field takes from the [`FormFor`] around it, by its name.
pub(super) struct Entry {
    /// What stands in the field at first.
    pub value: String,
    /// Kept the same as the field.
    pub bind: Option<RwSignal<String>>,
    /// What is wrong with it.
    pub error: Signal<Option<String>>,
    /// The most characters that it takes.
    pub limit: Option<usize>,
    /// For a field that follows what is stored.
    pub follows: Option<Follows>,
}

/// What a field that follows what is stored shows besides.
pub(super) struct Follows {
    /// Name and value of the hidden field that says what was opened.
    pub opened: (String, Signal<String>),
    /// What somebody else stored meanwhile, where something else was typed here.
    pub theirs: Signal<Option<String>>,
}

/// Calls `then` with a text whenever it has changed and typing rests.
pub fn when_rested(text: RwSignal<String>, then: impl Fn(String) + Send + Sync + 'static) {
    let then = Callback::new(then);
    Effect::new(move |before: Option<String>| {
        let now = text.get();
        if before.is_some_and(|before| before != now) {
            let rested = now.clone();
            set_timeout(
                move || {
                    // Somebody types on, or has left the page.
                    if text.try_get_untracked().as_ref() == Some(&rested) {
                        then.try_run(rested);
                    }
                },
                REST,
            );
        }
        now
    });
}

/// What the server function that `ask` names says of a text while it is typed: what is wrong with it, if something is.
/// Where `ask` gives nothing, nothing is wrong.
pub fn use_look<L>(
    text: RwSignal<String>,
    ask: impl Fn(&str) -> Option<L> + Send + Sync + 'static,
) -> Signal<Option<String>>
where
    L: ServerFn<Error = Error, Output = Option<String>> + Serialize + 'static,
{
    let look = use_form::<L>();
    let asked = RwSignal::new(None);
    when_rested(text, move |typed| {
        look.forget();
        let arguments = ask(&typed);
        asked.set(Some(typed));
        if let Some(arguments) = arguments {
            look.send(&arguments);
        }
    });
    Signal::derive(move || {
        let is_asked = asked.with(|asked| asked.as_ref().is_some_and(|asked| text.with(|text| text == asked)));
        if is_asked { look.done().flatten() } else { None }
    })
}

/// The entry of a field that begins with `value`. An error that is given goes before the form's own.
pub(super) fn entry(
    name: &str,
    value: Option<Signal<String>>,
    bind: Option<RwSignal<String>>,
    error: Option<Signal<Option<String>>>,
) -> Entry {
    let around = use_context::<Around>();
    let own = around.map(|around| around.form.field(name.to_owned()));
    let error = match (error, own) {
        (Some(given), Some(own)) => Signal::derive(move || given.get().or_else(|| own.get())),
        (one, other) => one.or(other).unwrap_or_else(|| Signal::stored(None)),
    };
    let limit = around.and_then(|around| around.limits.iter().find(|(field, _)| *field == name).map(|(_, most)| *most));
    let begun = value.map(|value| value.get_untracked()).unwrap_or_default();
    let typed = match (bind, around) {
        (Some(bind), _) => bind.get_untracked(),
        (None, Some(around)) => around.form.typed(name, begun.clone()),
        (None, None) => begun.clone(),
    };
    let Some((stored, around)) = value.zip(around.filter(|around| around.follows)) else {
        return Entry { value: typed, bind, error, limit, follows: None };
    };
    let bind = bind.unwrap_or_else(|| RwSignal::new(typed.clone()));
    let theirs = RwSignal::new(around.form.posted.with_value(|posted| posted.theirs(name, &begun)));
    follow(stored, bind, theirs);
    let theirs = Signal::derive(move || theirs.get().filter(|theirs| bind.with(|mine| mine != theirs)));
    let follows = Some(Follows { opened: (opened_as(name), stored), theirs });
    Entry { value: typed, bind: Some(bind), error, limit, follows }
}

/// Takes over what somebody else stored, unless something else was typed here: then both are told.
fn follow(stored: Signal<String>, mine: RwSignal<String>, theirs: RwSignal<Option<String>>) {
    Effect::new(move |opened: Option<String>| {
        let now = stored.get();
        if let Some(opened) = opened.filter(|opened| *opened != now) {
            let untouched = mine.with_untracked(|mine| *mine == opened);
            if untouched {
                mine.set(now.clone());
            }
            theirs.set((!untouched).then(|| now.clone()));
        }
        now
    });
}

/// The form itself: its errors first, then its fields, which know it by their names.
#[component]
pub fn FormFor(
    /// From [`use_form`].
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

/// A form whose answer is a file, for [`use_download`]: its errors first, then its fields.
#[component]
pub fn DownloadForm(
    /// From [`use_download`].
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
    /// From [`use_form`].
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A field as it was opened, as it was posted, and as it is stored now.
    fn merged(opened: &str, mine: &str, now: &str) -> (Option<String>, Option<String>) {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let posted = Posted {
            result: Some(Err(Error::stale())),
            values: vec![field("opened.note", opened), field("note", mine)],
        };
        (posted.typed("note").filter(|_| !posted.is_untouched("note")), posted.theirs("note", now))
    }

    #[test]
    fn what_was_not_touched_follows_and_what_clashes_is_told() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(merged("a", "a", "b"), (None, None), "only they changed it");
        assert_eq!(merged("a", "b", "a"), (some("b"), None), "only I changed it");
        assert_eq!(merged("a", "b", "b"), (some("b"), None), "both changed it to the same");
        assert_eq!(merged("a", "b", "c"), (some("b"), some("c")), "both changed it");
        assert_eq!(merged("a\r\nb", "a\r\nb", "c"), (None, None), "line breaks are no change");
    }

    #[test]
    fn after_a_success_what_is_stored_counts_and_after_a_look_what_is_typed() {
        let values = vec![("note".to_owned(), "typed".to_owned())];
        let typed = |result| Posted { result, values: values.clone() }.typed("note");
        assert_eq!(typed(Some(Ok(Arc::from("null")))), None);
        assert_eq!(typed(None).as_deref(), Some("typed"), "it was only looked at");
    }
}
