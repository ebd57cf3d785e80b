//! A new guardrail: from nothing, or from one that is there.

use super::{
    actions::ActionsCard,
    bench::Bench,
    checks::{Checks, ChecksCard},
    editor::typed_of,
    title,
};
use crate::{
    features::{
        guardrails::{
            functions::{CreateGuardrail, LoadNewGuardrail},
            model::{LIMITS, NewGuardrail},
        },
        versions::pages::MessageField,
    },
    policy::Operation,
    site::routes,
    ui::{
        Loaded, Problem,
        components::{Button, Card, Field, LinkButton, Look, PageHeader},
        form::{Form, FormFor, use_form},
        load,
        pages::{param, use_slug},
        refusal,
    },
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

#[component]
pub fn NewPage() -> impl IntoView {
    if let Some(error) = refusal(Operation::GuardrailCreate) {
        return view! { <Problem error /> }.into_any();
    }
    let (slug, query) = (use_slug(), use_query_map());
    let form = use_form::<CreateGuardrail>();
    let (typed, step) = typed_of(form);
    let new = load(move || LoadNewGuardrail {
        slug: slug.get(),
        from: query.with(|query| query.get("from").unwrap_or_default()),
        typed: typed.clone(),
        step: step.clone(),
    });
    let view = move |new| view! { <Inside new slug=param("slug") form /> }.into_any();
    view! {
        {title("New guardrail")}
        <Loaded data=new view />
    }
    .into_any()
}

#[component]
fn Inside(new: NewGuardrail, slug: String, form: Form<CreateGuardrail>) -> impl IntoView {
    let NewGuardrail { name, description, copy_of, editing } = new;
    let sentence = match copy_of {
        Some(name) => format!("It begins as {name} is now."),
        None => "Say what is looked for, and what happens when it is found. Try it before it is made.".to_owned(),
    };
    let checks = Checks::new(editing.blocks, form);
    let on_fail = RwSignal::new(editing.actions.on_fail.clone());
    let bench = (form.typed("text", ""), form.typed("side", ""));
    view! {
        <PageHeader title="New guardrail" sentence=move || sentence.clone() />
        <FormFor form problem="This guardrail is not made yet" limits=LIMITS>
            <div class="version-bar">
                <MessageField />
                <LinkButton label="Cancel" href=routes::guardrails(&slug) />
                <Button look=Look::Primary label="Create guardrail" id="save" busy=form.busy() />
            </div>
            <div class="bench">
                <div class="stack">
                    <Card>
                        <div class="fields">
                            <Field label="Name" name="name" value=name autocomplete="off" />
                            <Field label="What for" name="description" value=description optional=true autocomplete="off" />
                        </div>
                    </Card>
                    <ChecksCard checks />
                    <ActionsCard stored=Signal::stored(editing.actions) on_fail />
                </div>
                <div class="stack"><Bench tried=editing.tried typed=bench /></div>
            </div>
        </FormFor>
    }
}
