//! A new config: from a way to begin, or from one that is there.

use super::{
    fields::{CheckButton, CheckOutcome, TextField, Typing, WhatItDoes},
    title,
};
use crate::{
    features::configs::{
        functions::{CheckConfig, CreateConfig, LoadNewConfig},
        model::{LIMITS, NewConfig, STARTS, Start},
    },
    kernel::text,
    policy::Operation,
    site::routes,
    ui::{
        Loaded, Problem,
        components::{Button, Choice, Field, LinkButton, Look, PageHeader, Select},
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
    if let Some(error) = refusal(Operation::ConfigCreate) {
        return view! { <Problem error /> }.into_any();
    }
    let (slug, query) = (use_slug(), use_query_map());
    let part = move |name: &'static str| query.with(|query| query.get(name).unwrap_or_default());
    let form = use_form::<CreateConfig>().keeps::<CheckConfig>();
    let typed = form.typed("config", "");
    let new = load(move || LoadNewConfig {
        slug: slug.get(),
        start: part("start"),
        from: part("from"),
        draft: typed.clone(),
    });
    view! {
        {title("New config")}
        <Loaded
            data=new
            view=move |new| {
                let start = untrack(|| part("start"));
                view! { <Inside new slug=param("slug") start form /> }.into_any()
            }
        />
    }
    .into_any()
}

#[component]
fn Inside(new: NewConfig, slug: String, start: String, form: Form<CreateConfig>) -> impl IntoView {
    let NewConfig { text: begun, copy_of, checked } = new;
    let typing = Typing::new(slug.clone(), form.typed("config", begun.clone()), checked, None);
    let name = copy_of.as_ref().map(|name| format!("{} copy", text::cut(name, 95))).unwrap_or_default();
    let sentence = match &copy_of {
        Some(name) => format!("It begins with the text of {name}."),
        None => "Begin with the way that comes closest, and change what you need.".to_owned(),
    };
    let starts = copy_of.is_none().then(|| view! { <Starts slug=slug.clone() chosen=Start::named(&start) /> });
    let back = routes::configs(&slug);
    let defaults = vec![Choice::new("no", "No"), Choice::new("yes", "Yes")];
    view! {
        <PageHeader title="New config" sentence=move || sentence.clone() />
        {starts}
        <CheckOutcome typing />
        <div class="bench">
            <FormFor form problem="This config is not made yet" limits=LIMITS>
                <Field label="Name" name="name" value=name autocomplete="off" />
                <TextField typing value=begun />
                <div class="fields">
                    <Field label="What this version is about" name="message" optional=true autocomplete="off" />
                    <Select label="Default for new API keys" name="is_default" choices=defaults selected="no".to_owned() />
                </div>
                <div class="form-end">
                    <LinkButton label="Cancel" href=back />
                    <Button look=Look::Primary label="Create config" busy=form.busy() />
                    <CheckButton />
                </div>
            </FormFor>
            <div class="stack"><WhatItDoes typing /></div>
        </div>
    }
}

/// The ways to begin, as links.
#[component]
fn Starts(slug: String, chosen: Start) -> impl IntoView {
    let items: Vec<_> = STARTS
        .into_iter()
        .map(|start| {
            let href = routes::new_config(&slug).with("start", start.name).to_string();
            view! {
                <li>
                    <a class="start" href=href aria-current=(start == chosen).then_some("true")>
                        <strong>{start.label}</strong>
                        <span class="hint">{start.sentence}</span>
                    </a>
                </li>
            }
        })
        .collect();
    view! { <ul class="starts" aria-label="Ways to begin">{items}</ul> }
}
