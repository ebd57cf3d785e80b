//! A prompt or partial from a file, which its exporter or a program has written.

use super::title;
use crate::{
    features::prompts::{functions::ImportPrompt, model::FILE_LIMIT},
    policy::Operation,
    site::routes,
    ui::{
        Problem,
        components::{Button, Card, Field, FieldKind, LinkButton, Look, PageHeader, dom},
        form::{FormFor, use_form},
        pages::use_slug,
        refusal,
    },
};
use leptos::{ev, prelude::*};

/// The most characters of each field.
const LIMITS: &[(&str, usize)] = &[("file", FILE_LIMIT)];

#[component]
pub fn ImportPage() -> impl IntoView {
    if let Some(error) = refusal(Operation::PromptCreate) {
        return view! { <Problem error /> }.into_any();
    }
    let (slug, form) = (use_slug(), use_form::<ImportPrompt>());
    let text = RwSignal::new(form.typed("file", ""));
    let read = move |event: ev::Event| {
        if let Some(input) = event.target() {
            dom::text_of_file(&input, move |read| {
                text.try_set(read);
            });
        }
    };
    let cancel = routes::prompts(&slug.get_untracked());
    let sentence = || "A file that was exported here or elsewhere, or what GET /v1/prompts/{slug} answers. It becomes version 1, and is not published.";
    view! {
        {title("Import a prompt")}
        <PageHeader title="Import a prompt" sentence />
        <Card>
            <FormFor form problem="It is not imported" limits=LIMITS>
                <label class="needs-js stack">
                    <span class="field-label">"Choose a file"</span>
                    <input type="file" id="choose" accept=".json,application/json" on:change=read />
                </label>
                <Field
                    label="Text of the file"
                    name="file"
                    kind=FieldKind::Textarea { rows: 14 }
                    mono=true
                    bind=text
                    hint=Signal::stored("A virtual key that this organisation does not have is left out. If the slug is taken, change it here.".to_owned())
                />
                <div class="row">
                    <Button look=Look::Primary label="Import" id="save" busy=form.busy() />
                    <LinkButton label="Cancel" href=cancel />
                </div>
            </FormFor>
        </Card>
    }
    .into_any()
}
