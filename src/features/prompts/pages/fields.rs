//! The fields of a prompt or partial: shared by the page of a new one and the editor.

use super::{
    is_closed,
    messages::{Messages, MessagesCard},
};
use crate::{
    features::prompts::model::{Block, Choices, Content, Kind, Label, Typed},
    policy::Operation,
    ui::{
        available,
        components::{Availability, Card, Checkbox, Choice, Field, FieldKind, Select},
        form::AnyForm,
    },
};
use leptos::prelude::*;
use serde_json::Value;

/// What was typed, where the browser posted the form and it came back unsaved.
pub(super) fn typed_of(form: impl Into<AnyForm>) -> Option<Typed> {
    form.into().typed_all().map(|fields| Typed(fields.into_iter().collect()))
}

/// How the text is typed.
#[derive(Clone, Copy)]
#[expect(clippy::large_enum_variant, reason = "a page has one")]
pub(super) enum Writing {
    Blocks(Messages),
    /// One text, or the JSON of messages that blocks cannot show.
    Text,
}

impl Writing {
    /// As it was typed before the form came back, else as what is stored allows.
    pub fn of(kind: Kind, content: &Content, form: impl Into<AnyForm>) -> Self {
        let form = form.into();
        let blocks = match typed_of(form) {
            Some(typed) => typed.stepped(),
            None if kind == Kind::Partial => None,
            None => content.blocks(),
        };
        blocks.map_or(Writing::Text, |blocks| Writing::Blocks(Messages::new(blocks, form)))
    }
}

/// What a new prompt of messages begins with.
pub(super) fn first_messages() -> String {
    let block = |role: &str| Block { role: role.to_owned(), text: String::new() };
    serde_json::to_string(&[block("system"), block("user")]).unwrap_or_default()
}

/// JSON as a field shows it: nothing for nothing.
fn laid_out(value: &Value) -> String {
    if value.is_null() { String::new() } else { serde_json::to_string_pretty(value).unwrap_or_default() }
}

/// The text itself.
#[component]
pub(super) fn TextCard(
    kind: Kind,
    writing: Writing,
    /// What is stored.
    #[prop(into)]
    content: Signal<Content>,
) -> impl IntoView {
    let of = move |part: fn(&Content) -> String| Signal::derive(move || content.with(part));
    let (form, is_raw) = content.with_untracked(|content| (content.form.clone(), content.is_raw));
    let (label, hint) = match kind {
        Kind::Prompt if form == "text" => ("Text", "{{name}} is a variable, {{>name}} a partial."),
        Kind::Prompt => ("Messages as JSON", "{{name}} is a variable, {{>name}} a partial."),
        Kind::Partial => ("Text", "Prompts put it in with {{>name}}. {{name}} is a variable."),
    };
    match writing {
        Writing::Blocks(messages) => view! {
            <input type="hidden" name="form" value="chat" />
            <MessagesCard messages />
        }
        .into_any(),
        Writing::Text => view! {
            <input type="hidden" name="form" value=form />
            {is_raw.then(|| view! { <input type="hidden" name="is_raw" value="yes" /> })}
            <Card>
                <Field
                    label
                    name="string"
                    kind=FieldKind::Textarea { rows: 14 }
                    mono=true
                    value=of(|content| content.string.clone())
                    hint=Signal::stored(hint.to_owned())
                />
            </Card>
        }
        .into_any(),
    }
}

/// The model, and how it is called.
#[component]
pub(super) fn SettingsCard(
    choices: Choices,
    /// What is stored.
    #[prop(into)]
    content: Signal<Content>,
    /// Whether a call must give all variables: `yes` or `no`.
    #[prop(into)]
    is_strict: Signal<String>,
) -> impl IntoView {
    let of = move |part: fn(&Content) -> String| Signal::derive(move || content.with(part));
    let chosen = content.with_untracked(|content| content.virtual_key.clone());
    let mut keys = choices.virtual_keys;
    if !chosen.is_empty() && !keys.contains(&chosen) {
        keys.push(chosen);
    }
    let keys = std::iter::once(Choice::new("", "The one that the call names"))
        .chain(keys.into_iter().map(|key| Choice::new(key.clone(), format!("@{key}"))))
        .collect();
    let strict =
        vec![Choice::new("no", "What is missing is left empty"), Choice::new("yes", "All of them, and no others")];
    view! {
        <Card title="Model">
            <div class="stack">
                <div class="fields">
                    <Field
                        label="Model"
                        name="model"
                        mono=true
                        optional=true
                        autocomplete="off"
                        value=of(|content| content.model.clone())
                    />
                    <Select
                        label="Virtual key"
                        name="virtual_key"
                        choices=keys
                        selected=of(|content| content.virtual_key.clone())
                    />
                </div>
                <Field
                    label="Parameters as JSON"
                    name="parameters"
                    kind=FieldKind::Textarea { rows: 4 }
                    mono=true
                    optional=true
                    placeholder=r#"{"temperature": 0.2, "max_tokens": 500}"#
                    value=of(|content| laid_out(&content.parameters))
                />
                <Select label="Variables that a call must give" name="is_strict" choices=strict selected=is_strict />
                <details class="check-more">
                    <summary>"Tools"</summary>
                    <div class="stack">
                        <Field
                            label="Tools as JSON"
                            name="tools"
                            kind=FieldKind::Textarea { rows: 5 }
                            mono=true
                            optional=true
                            value=of(|content| laid_out(&content.tools))
                        />
                        <Field
                            label="Choice of a tool as JSON"
                            name="tool_choice"
                            mono=true
                            optional=true
                            autocomplete="off"
                            value=of(|content| laid_out(&content.tool_choice))
                        />
                    </div>
                </details>
            </div>
        </Card>
    }
}

/// Name and folder.
#[component]
pub(super) fn NameCard(
    choices: Choices,
    #[prop(into)] name: Signal<String>,
    /// The folder's id; empty: none.
    #[prop(into)]
    folder: Signal<String>,
) -> impl IntoView {
    let folders = std::iter::once(Choice::new("", "None"))
        .chain(choices.collections.into_iter().map(|folder| Choice::new(folder.id.to_string(), folder.name)))
        .collect();
    view! {
        <Card>
            <div class="fields">
                <Field label="Name" name="name" value=name autocomplete="off" />
                <Select label="Folder" name="collection" choices=folders selected=folder />
            </div>
        </Card>
    }
}

/// Whether the version is published in the same step.
#[component]
pub(super) fn PublishBox(
    publish: Operation,
    form: AnyForm,
    /// The label of what is published, where it is known.
    #[prop(optional_no_strip)]
    production: Option<Label>,
) -> impl IntoView {
    let checked = form.typed("publish", "") == "yes";
    let because = |reason: &str| Availability::Unavailable { reason: reason.to_owned() };
    let availability = match production {
        _ if available(publish).reason().is_some() => available(publish),
        Some(label) if is_closed(&label) => because("Owners alone publish. Propose the version once it is saved."),
        Some(label) if label.needs_second => {
            because("A second person must agree. Propose the version once it is saved.")
        }
        _ => Availability::Available,
    };
    view! { <Checkbox label="Publish at once" name="publish" value="yes" checked availability /> }
}
