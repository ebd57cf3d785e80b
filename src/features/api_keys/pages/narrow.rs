//! What a key is narrowed to beside its permissions: the fold of its form.

use super::form::Editor;
use crate::{
    features::api_keys::model::{KeyForm, narrowing::Narrowed},
    ui::components::{Card, Field, FieldKind},
};
use leptos::prelude::*;

/// A field: what a form says in it.
type Part = fn(&KeyForm) -> &String;

/// Label, name, hint, and what a form says in it.
const FIELDS: [(&str, &str, &str, Part); 6] = [
    (
        "Only these models",
        "only_models",
        "One on each line, by the name that the provider knows. A * stands for any characters: gpt-4o*",
        |form| &form.only_models,
    ),
    ("Only these virtual keys", "only_virtual_keys", "Short names, one on each line.", |form| &form.only_virtual_keys),
    (
        "Only these configs",
        "only_configs",
        "Short names, one on each line. Its calls then bring none of their own.",
        |form| &form.only_configs,
    ),
    ("Only these prompts", "only_prompts", "Short names, one on each line.", |form| &form.only_prompts),
    ("Only from these addresses", "only_ips", "Ranges such as 10.0.0.0/8, or addresses, one on each line.", |form| {
        &form.only_ips
    }),
    (
        "Not before",
        "not_before",
        "A day, from its beginning in UTC, or a moment such as 2027-02-21T14:05:00Z.",
        |form| &form.not_before,
    ),
];

/// The fields of a form as a key's narrowing has them.
pub(super) fn typed(narrowed: &Narrowed) -> KeyForm {
    let [only_models, only_virtual_keys, only_configs, only_prompts, only_ips, not_before] = narrowed.typed();
    KeyForm { only_models, only_virtual_keys, only_configs, only_prompts, only_ips, not_before, ..KeyForm::default() }
}

/// What a person types there, as signals.
#[derive(Clone, Copy)]
pub(super) struct Narrowing([RwSignal<String>; 6]);

impl Narrowing {
    pub fn new(start: &KeyForm) -> Self {
        Self(FIELDS.map(|(.., of)| RwSignal::new(of(start).clone())))
    }

    /// Each field with what is stored and what is typed.
    pub fn changes(self, before: &KeyForm) -> impl Iterator<Item = (&'static str, String, String)> {
        let one_line =
            |text: &str| text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", ");
        let was = FIELDS.map(|(.., of)| one_line(of(before)));
        let now = self.0.map(|typed| typed.with(|typed| one_line(typed)));
        FIELDS.into_iter().zip(was.into_iter().zip(now)).map(|((label, ..), (was, now))| (label, was, now))
    }

    fn is_empty(self) -> bool {
        self.0.iter().all(|typed| typed.with_untracked(|typed| typed.trim().is_empty()))
    }
}

/// The fold: open where something is narrowed, or was typed.
#[component]
pub(super) fn NarrowFurther(editor: Editor) -> impl IntoView {
    let fields: Vec<_> = FIELDS
        .into_iter()
        .zip(editor.narrow.0)
        .map(|((label, name, hint, of), bind)| {
            let kind = if name == "not_before" { FieldKind::Text } else { FieldKind::Textarea { rows: 2 } };
            view! {
                <Field
                    label
                    name
                    kind
                    mono=true
                    optional=true
                    autocomplete="off"
                    value=editor.as_stored(of)
                    bind
                    hint=Signal::stored(hint.to_owned())
                />
            }
        })
        .collect();
    view! {
        <Card>
            <input type="hidden" name="narrowing" value="yes" />
            <details class="check-more" open=!editor.narrow.is_empty()>
                <summary>"Narrow this key further"</summary>
                <div class="stack">
                    <div class="hint">"An empty field narrows nothing. A key that is narrowed makes and changes only keys that are narrowed as far."</div>
                    {fields}
                </div>
            </details>
        </Card>
    }
}
