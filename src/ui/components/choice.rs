//! Choosing: select, checkbox, cards, segmented presets.
use super::Availability;
use crate::ui::{
    apart,
    form::{Entry, entry},
    icons::{Glyph, Icon},
    reactive,
};
use leptos::{prelude::*, web_sys::Event};

/// One thing that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    value: String,
    label: String,
    sentence: Option<String>,
    is_default: bool,
    availability: Availability,
}

impl Choice {
    /// A choice with the value that the form sends and the words for people.
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            label: label.into(),
            sentence: None,
            is_default: false,
            availability: Availability::Available,
        }
    }

    /// The value that the form sends.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether it may be chosen.
    pub fn is_available(&self) -> bool {
        self.availability.reason().is_none()
    }

    /// The words for people.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// One line that says what choosing it means (shown on cards).
    pub fn sentence(mut self, sentence: impl Into<String>) -> Self {
        self.sentence = Some(sentence.into());
        self
    }

    /// Marks it "default".
    pub fn default_mark(mut self, is_default: bool) -> Self {
        self.is_default = is_default;
        self
    }

    /// Whether it may be chosen, else why not.
    pub fn availability(mut self, availability: Availability) -> Self {
        self.availability = availability;
        self
    }

    /// The words with their marks, as an `<option>` shows them.
    fn text(&self) -> String {
        let mut text = self.label.clone();
        if self.is_default {
            text.push_str(" (default)");
        }
        if let Some(reason) = self.availability.reason() {
            text.push_str(" – ");
            text.push_str(reason);
        }
        text
    }
}

/// Tells whoever waits for it what was chosen.
fn tell(event: &Event, bind: Option<RwSignal<String>>, on_change: Option<Callback<String>>) {
    let value = event_target_value(event);
    if let Some(bind) = bind {
        bind.set(value.clone());
    }
    if let Some(on_change) = on_change {
        on_change.run(value);
    }
}

/// A native select. Unavailable choices stay in the list with their reason. An unavailable select stays focusable, keeps
/// its value and says why.
#[component]
pub fn Select(
    /// Label, and accessible name.
    #[prop(into)]
    label: String,
    /// Name in the form.
    #[prop(into)]
    name: String,
    /// What there is to choose.
    choices: Vec<Choice>,
    /// Value of the chosen one; in a form that names a version, of what is stored.
    #[prop(optional, into)]
    selected: Option<Signal<String>>,
    /// Id; the name if left out. Needed in rows.
    #[prop(optional, into)]
    id: Option<String>,
    /// One line below.
    #[prop(optional, into)]
    hint: Option<Signal<String>>,
    /// What is wrong beside what its form says of it.
    #[prop(optional, into)]
    error: Option<Signal<Option<String>>>,
    /// Label for assistive technology only.
    #[prop(optional)]
    hide_label: bool,
    /// As wide as its words, 32 px high: for rows and filters.
    #[prop(optional)]
    compact: bool,
    /// Brass border: differs from what is stored.
    #[prop(optional, into)]
    changed: Signal<bool>,
    /// Keeps a signal and the select the same.
    #[prop(optional)]
    bind: Option<RwSignal<String>>,
    /// Called with the new value when a person changes it.
    #[prop(optional, into)]
    on_change: Option<Callback<String>>,
    /// True while a change is being stored.
    #[prop(optional, into)]
    busy: Signal<bool>,
    /// Whether it may be changed, else why not.
    #[prop(optional)]
    availability: Availability,
) -> impl IntoView {
    let id = id.unwrap_or_else(|| name.clone());
    let Entry { value: selected, bind, error, follows, .. } = entry(&name, selected, bind, error);
    let (theirs_id, theirs) = (format!("{id}-theirs"), follows.as_ref().map(|follows| follows.theirs));
    let reason = availability.reason().map(str::to_owned);
    let fixed = reason.is_some();
    let hint = reason.map(Signal::stored).or(hint);
    let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-error"));
    let described = {
        let hint = hint.is_some().then_some(hint_id.as_str());
        super::form::described(error, &error_id, theirs, &theirs_id, hint)
    };
    let node = NodeRef::<leptos::html::Select>::new();
    super::bind::select(node, bind);
    let labels: Vec<_> = choices.iter().map(|choice| (choice.value.clone(), choice.label.clone())).collect();
    let label_of =
        move |value: String| labels.iter().find(|(known, _)| *known == value).map_or(value, |(_, label)| label.clone());
    let options: Vec<_> = choices
        .into_iter()
        .map(|choice| {
            let chosen = choice.value == selected;
            let disabled = !chosen && (fixed || choice.availability.reason().is_some());
            let text = choice.text();
            view! { <option value=choice.value selected=chosen disabled=disabled>{text}</option> }
        })
        .collect();
    let whole = move || {
        view! {
            <div class="field" class:field-compact=compact class:field-invalid=move || error.with(Option::is_some)>
                <div class="field-top" class:vh=hide_label><label for=id.clone()>{label}</label></div>
                <div class="select-box">
                    <select
                        node_ref=node
                        id=id
                        name=name
                        class="input select"
                        class:changed=move || changed.get()
                        aria-disabled=fixed.then_some("true")
                        aria-busy=move || busy.get().then_some("true")
                        aria-invalid=move || error.with(Option::is_some).then_some("true")
                        aria-describedby=described
                        on:change=move |event| tell(&event, bind, on_change)
                    >
                        {options}
                    </select>
                    <Glyph icon=Icon::ChevronDown />
                </div>
                {super::form::field_error(error, error_id, false)}
                {follows.map(|follows| super::form::theirs(follows, theirs_id, label_of))}
                {hint.map(|hint| view! { <div class="hint" id=hint_id>{reactive(move || hint.get())}</div> })}
            </div>
        }
    };
    apart(whole)
}

/// A checkbox with its label and, if need be, one line that says what it means.
#[component]
pub fn Checkbox(
    /// Label, and accessible name.
    #[prop(into)]
    label: String,
    /// Name in the form.
    #[prop(into)]
    name: String,
    /// Value sent when it is ticked.
    #[prop(into, default = "true".into())]
    value: String,
    /// Id; the name if left out.
    #[prop(optional, into)]
    id: Option<String>,
    /// Ticked at first.
    #[prop(optional)]
    checked: bool,
    /// One line below.
    #[prop(optional, into)]
    hint: Option<String>,
    /// Label for assistive technology only, as in a row.
    #[prop(optional)]
    hide_label: bool,
    /// Called when a person changes it.
    #[prop(optional, into)]
    on_change: Option<Callback<bool>>,
    /// Whether it may be changed, else why not.
    #[prop(optional)]
    availability: Availability,
) -> impl IntoView {
    let id = id.unwrap_or_else(|| name.clone());
    let blocked = availability.reason().is_some();
    let hint = availability.reason().map(str::to_owned).or(hint);
    let hint_id = format!("{id}-hint");
    view! {
        <div class="check">
            <input
                type="checkbox"
                id=id.clone()
                name=name
                value=value
                checked=checked
                aria-disabled=blocked.then_some("true")
                aria-describedby=hint.is_some().then(|| hint_id.clone())
                on:click=move |event| if blocked { event.prevent_default() }
                on:change=move |event| if let Some(on_change) = on_change { on_change.run(event_target_checked(&event)) }
            />
            <div class="check-words">
                <label for=id class:vh=hide_label>{label}</label>
                {hint.map(|hint| view! { <div class="hint" id=hint_id>{hint}</div> })}
            </div>
        </div>
    }
}

/// Checkboxes that say one thing together: any of them may be ticked.
#[component]
pub fn Checkboxes(
    /// What is chosen here.
    #[prop(into)]
    legend: String,
    /// Beginning of each box's name in the form; its value stands behind it. What is wrong is told by this name.
    #[prop(into)]
    name: String,
    /// What there is to tick.
    choices: Vec<Choice>,
    /// Those that are ticked, one in each line; kept the same as the boxes.
    bind: RwSignal<String>,
) -> impl IntoView {
    let Entry { error, .. } = entry(&name, None, None, None);
    let error_id = format!("{name}-error");
    let described = error_id.clone();
    let items: Vec<_> = choices
        .into_iter()
        .map(|choice| {
            let checked = bind.with_untracked(|all| all.lines().any(|line| line == choice.value));
            let value = choice.value.clone();
            let set = Callback::new(move |on: bool| {
                bind.update(|all| {
                    let mut lines: Vec<&str> = all.lines().filter(|line| *line != value).collect();
                    if on {
                        lines.push(&value);
                    }
                    *all = lines.join("\n");
                });
            });
            let name = format!("{name}.{}", choice.value);
            view! { <Checkbox label=choice.label name value="yes" checked on_change=set /> }
        })
        .collect();
    view! {
        <fieldset
            id=name
            tabindex="-1"
            class="marks"
            aria-describedby=move || error.with(Option::is_some).then(|| described.clone())
        >
            <legend>{legend}</legend>
            <div class="marks-boxes">{items}</div>
            {super::form::field_error(error, error_id, false)}
        </fieldset>
    }
}

/// Radio buttons as cards: a title and one sentence each.
#[component]
pub fn RadioCards(
    /// Question that the cards answer.
    #[prop(into)]
    legend: String,
    /// Name in the form, and beginning of each id.
    #[prop(into)]
    name: String,
    /// The cards.
    choices: Vec<Choice>,
    /// Value of the chosen one.
    #[prop(optional, into)]
    selected: String,
    /// What is wrong beside what its form says of it.
    #[prop(optional, into)]
    error: Option<Signal<Option<String>>>,
    /// Keeps a signal and the cards the same.
    #[prop(optional)]
    bind: Option<RwSignal<String>>,
) -> impl IntoView {
    radio_group("cards", legend, false, name, choices, selected, error, bind, None)
}

/// Presets side by side: a radio group that looks like one control.
#[component]
pub fn Segments(
    /// What is chosen here; for assistive technology unless `show_legend`.
    #[prop(into)]
    legend: String,
    /// Name in the form, and beginning of each id.
    #[prop(into)]
    name: String,
    /// The presets.
    choices: Vec<Choice>,
    /// Value of the chosen one.
    #[prop(optional, into)]
    selected: String,
    /// Show the legend above.
    #[prop(optional)]
    show_legend: bool,
    /// Keeps a signal and the presets the same.
    #[prop(optional)]
    bind: Option<RwSignal<String>>,
    /// Called with the new value when a person changes it.
    #[prop(optional, into)]
    on_change: Option<Callback<String>>,
) -> impl IntoView {
    radio_group("segments", legend, !show_legend, name, choices, selected, None, bind, on_change)
}

#[expect(clippy::too_many_arguments, reason = "the shared body of two components, whose props these are")]
fn radio_group(
    class: &'static str,
    legend: String,
    hide_legend: bool,
    name: String,
    choices: Vec<Choice>,
    selected: String,
    error: Option<Signal<Option<String>>>,
    bind: Option<RwSignal<String>>,
    on_change: Option<Callback<String>>,
) -> impl IntoView {
    let Entry { value: selected, error, .. } = entry(&name, Some(Signal::stored(selected)), bind, error);
    let node = NodeRef::<leptos::html::Fieldset>::new();
    super::bind::radios(node, bind);
    let error_id = format!("{name}-error");
    let described = error_id.clone();
    let items: Vec<_> = choices
        .into_iter()
        .map(|choice| {
            let id = format!("{name}-{}", choice.value);
            let checked = choice.value == selected;
            let note = choice.availability.reason().map(str::to_owned).or(choice.sentence);
            let note_id = format!("{id}-hint");
            let disabled = !checked && choice.availability.reason().is_some();
            view! {
                <div class="radio">
                    <input
                        type="radio"
                        id=id.clone()
                        name=name.clone()
                        value=choice.value
                        checked=checked
                        aria-disabled=disabled.then_some("true")
                        aria-describedby=note.is_some().then(|| note_id.clone())
                        on:click=move |event| if disabled { event.prevent_default() }
                    />
                    <label for=id>
                        <span class="radio-title">
                            {choice.label}
                            {choice.is_default.then(|| view! { <span class="radio-default">" (default)"</span> })}
                        </span>
                        {note.map(|note| view! { <span class="hint" id=note_id>{note}</span> })}
                    </label>
                </div>
            }
        })
        .collect();
    view! {
        <fieldset
            node_ref=node
            id=name
            tabindex="-1"
            class=class
            aria-describedby=move || error.with(Option::is_some).then(|| described.clone())
            on:change=move |event| tell(&event, bind, on_change)
        >
            <legend class:vh=hide_legend>{legend}</legend>
            <div class="radios">{items}</div>
            {super::form::field_error(error, error_id, false)}
        </fieldset>
    }
}
