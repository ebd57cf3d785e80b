//! Text fields.
use super::Availability;
use crate::ui::{
    apart,
    form::{Entry, entry},
    reactive,
};
use leptos::prelude::*;

/// What a field takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldKind {
    /// One line.
    #[default]
    Text,
    /// An e-mail address.
    Email,
    /// A secret, with a button that shows it.
    Password,
    /// A number.
    Number,
    /// A calendar day, `2027-02-21`.
    Date,
    /// A web address.
    Url,
    /// Several lines.
    Textarea {
        /// Height in lines.
        rows: u8,
    },
}

/// A labelled field: label above, hint below, the error in its place and tied to the field. Its error, its limit, and what
/// was typed before a refusal come from the form around it, by its name. Typed text survives hydration. Its id is `id` or else `name`; [`FormErrors`](super::FormErrors) links to it.
#[component]
pub fn Field(
    /// Label, and accessible name.
    #[prop(into)]
    label: String,
    /// Name in the form.
    #[prop(into)]
    name: String,
    /// Id; the name if left out.
    #[prop(optional, into)]
    id: Option<String>,
    /// What it takes.
    #[prop(optional)]
    kind: FieldKind,
    /// First value; in a form that names a version, what is stored.
    #[prop(optional, into)]
    value: Option<Signal<String>>,
    /// One line below.
    #[prop(optional, into)]
    hint: Option<Signal<String>>,
    /// What is wrong beside what its form says of it, such as [`use_look`](crate::ui::form::use_look) tells while one types.
    #[prop(optional, into)]
    error: Option<Signal<Option<String>>>,
    /// The browser's autofill token, such as `current-password`.
    #[prop(optional, into)]
    autocomplete: Option<String>,
    /// Example of the form, never an instruction.
    #[prop(optional, into)]
    placeholder: Option<String>,
    /// Says "optional" beside the label.
    #[prop(optional)]
    optional: bool,
    /// The same, where it depends on another field.
    #[prop(optional, into)]
    optional_when: Option<Signal<bool>>,
    /// Monospaced: for ids, addresses and code.
    #[prop(optional)]
    mono: bool,
    /// Takes focus when the page opens.
    #[prop(optional)]
    autofocus: bool,
    /// Label for assistive technology only, where the place makes it plain.
    #[prop(optional)]
    hide_label: bool,
    /// Keeps a signal and the field the same; what was typed before hydration wins.
    #[prop(optional)]
    bind: Option<RwSignal<String>>,
    /// Whether it may be changed, else why not.
    #[prop(optional)]
    availability: Availability,
    /// Something at the right of the label, such as "Forgot it?".
    #[prop(optional, into)]
    beside_label: ViewFn,
) -> impl IntoView {
    let id = id.unwrap_or_else(|| name.clone());
    let tells_while_typing = error.is_some();
    let Entry { value, bind, error, limit, follows } = entry(&name, value, bind, error);
    let (theirs_id, theirs) = (format!("{id}-theirs"), follows.as_ref().map(|follows| follows.theirs));
    let maxlength = limit.map(|most| most.to_string());
    let reason = availability.reason().map(str::to_owned);
    let hint = reason.clone().map(Signal::stored).or(hint);
    let (hint_id, error_id) = (format!("{id}-hint"), format!("{id}-error"));
    let described = {
        let hint = hint.is_some().then_some(hint_id.as_str());
        super::form::described(error, &error_id, theirs, &theirs_id, hint)
    };
    let invalid = move || error.with(Option::is_some).then_some("true");
    let readonly = reason.is_some();
    let aria_disabled = readonly.then_some("true");
    let class = if mono { "input mono" } else { "input" };
    let shown = RwSignal::new(false);
    let password = kind == FieldKind::Password;
    let on_input = move |event| {
        if let Some(bind) = bind {
            bind.set(event_target_value(&event));
        }
    };
    let control = if let FieldKind::Textarea { rows } = kind {
        let node = NodeRef::<leptos::html::Textarea>::new();
        super::bind::text_area(node, bind);
        view! {
            <textarea
                node_ref=node
                id=id.clone()
                name=name
                class=class
                rows=rows
                maxlength=maxlength.clone()
                placeholder=placeholder
                readonly=readonly
                aria-disabled=aria_disabled
                aria-invalid=invalid
                aria-describedby=described
                spellcheck=mono.then_some("false")
                autofocus=autofocus
                on:input=on_input
                inner_html=escape_text(&value)
            ></textarea>
        }
        .into_any()
    } else {
        let node = NodeRef::<leptos::html::Input>::new();
        super::bind::input(node, bind);
        let plain = match kind {
            FieldKind::Email => "email",
            FieldKind::Password => "password",
            FieldKind::Number => "number",
            FieldKind::Date => "date",
            FieldKind::Url => "url",
            FieldKind::Text | FieldKind::Textarea { .. } => "text",
        };
        let code = mono || matches!(kind, FieldKind::Email | FieldKind::Password | FieldKind::Url);
        view! {
            <input
                node_ref=node
                type=move || if shown.get() { "text" } else { plain }
                id=id.clone()
                name=name
                class=class
                value=value
                maxlength=maxlength
                placeholder=placeholder
                autocomplete=autocomplete
                autocapitalize=code.then_some("none")
                spellcheck=code.then_some("false")
                readonly=readonly
                aria-disabled=aria_disabled
                aria-invalid=invalid
                aria-describedby=described
                autofocus=autofocus
                on:input=on_input
            />
        }
        .into_any()
    };
    let show_button = password.then(|| {
        let shows = format!(" {}", within_a_sentence(&label));
        view! {
            <button
                type="button"
                class="input-button needs-js"
                aria-pressed=move || if shown.get() { "true" } else { "false" }
                aria-controls=id.clone()
                on:click=move |_| shown.update(|shown| *shown = !*shown)
            >
                {reactive(move || if shown.get() { "Hide" } else { "Show" })}
                <span class="vh">{shows}</span>
            </button>
        }
    });
    let words = || view! { <span class="field-optional">" (optional)"</span> };
    let whole = move || {
        view! {
            <div class="field" class:field-invalid=move || error.with(Option::is_some)>
                <div class="field-top" class:vh=hide_label>
                    <label for=id.clone()>
                        {label}
                        {optional.then(words)}
                        {optional_when.map(|when| reactive(move || when.get().then(words)))}
                    </label>
                    {beside_label.run()}
                </div>
                <div class="field-control" class:has-button=password>{control}{show_button}</div>
                {super::form::field_error(error, error_id, tells_while_typing)}
                {follows.map(|follows| super::form::theirs(follows, theirs_id, |theirs| theirs))}
                {hint.map(|hint| view! { <div class="hint" id=hint_id>{reactive(move || hint.get())}</div> })}
            </div>
        }
    };
    apart(whole)
}

/// A label as it is written within a sentence: "Setup secret" as "setup secret", "API key" as it is.
fn within_a_sentence(label: &str) -> String {
    let mut chars = label.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            format!("{}{}", first.to_lowercase(), &label[first.len_utf8()..])
        }
        _ => label.to_owned(),
    }
}

/// The line break that the parser of a whole page drops; where a script makes the field nothing drops it.
const DROPPED: &str = if cfg!(feature = "ssr") { "\n" } else { "" };

/// Escapes text for the inside of a `<textarea>`.
pub(super) fn escape_text(text: &str) -> String {
    format!("{DROPPED}{}", text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
}

#[cfg(test)]
mod tests {
    use super::{escape_text, within_a_sentence};

    #[test]
    fn a_label_within_a_sentence_keeps_its_abbreviations() {
        for (label, written) in [
            ("Password", "password"),
            ("Setup secret", "setup secret"),
            ("API key", "API key"),
            ("Ärgernis", "ärgernis"),
            ("A", "A"),
            ("", ""),
        ] {
            assert_eq!(within_a_sentence(label), written);
        }
    }

    #[test]
    fn text_cannot_close_its_field() {
        assert_eq!(escape_text("</textarea><script>&"), "\n&lt;/textarea&gt;&lt;script&gt;&amp;");
        assert_eq!(escape_text("\nfirst"), "\n\nfirst", "a leading line break survives the parser");
    }
}
