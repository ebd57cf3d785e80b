//! A new organisation: name, short name, and its master key, shown once.

use super::Handover;
use crate::{
    features::organisations::{
        functions::{CheckOrganisationSlug, CreateOrganisation, LoadList},
        model::LIMITS,
    },
    kernel::text,
    site::routes,
    ui::{
        Loaded,
        components::{Button, Card, Field, LinkButton, Look, PageHeader},
        form::{Form, FormFor, use_form, use_look},
        load,
        pages::page_title,
        reactive,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

#[component]
pub fn NewOrganisationPage() -> impl IntoView {
    let list = load(|| LoadList { q: String::new() });
    let form = use_form::<CreateOrganisation>();
    let outcome = form.outcome();
    view! {
        <Title text=page_title("Create an organisation") />
        <div class="narrow">
            {reactive(move || match outcome.get() {
                Some(done) => {
                    view! {
                        <PageHeader title=format!("{} is ready", done.name) sentence=|| "One thing is left: its master key." />
                        <Card>
                            <Handover slug=done.slug secret=done.master_key />
                        </Card>
                    }
                        .into_any()
                }
                None => {
                    view! { <Loaded data=list view=move |list| ask(form, list.submission.to_string()).into_any() /> }
                        .into_any()
                }
            })}
        </div>
    }
}

fn ask(form: Form<CreateOrganisation>, submission: String) -> impl IntoView {
    let name = RwSignal::new(form.typed("name", ""));
    let slug = RwSignal::new(form.typed("new_slug", ""));
    // The short name follows the name until somebody changes it themselves.
    Effect::new(move |before: Option<String>| {
        let name = name.get();
        if before.is_some_and(|before| slug.get_untracked() == text::slug(&before)) {
            slug.set(text::slug(&name));
        }
        name
    });
    let clash = use_look(slug, |typed| {
        (!typed.trim().is_empty()).then(|| CheckOrganisationSlug { new_slug: typed.to_owned() })
    });
    view! {
        <PageHeader
            title="Create an organisation"
            sentence=|| "A company, a team or a project: its keys, people and logs are apart from all others. You become its Owner."
        />
        <Card>
            <FormFor form problem="The organisation is not made yet" limits=LIMITS>
                <input type="hidden" name="submission" value=submission />
                <Field
                    label="Name"
                    name="name"
                    bind=name
                    autocomplete="organization"
                    autofocus=true
                />
                <Field
                    label="Short name"
                    name="new_slug"
                    bind=slug
                    error=clash
                    mono=true
                    hint=Signal::stored(
                        format!("For addresses: {}. Left empty, it is made from the name.", routes::organisation("short-name")),
                    )
                    autocomplete="off"
                />
                <div class="row">
                    <Button look=Look::Primary label="Create organisation" busy=form.busy() />
                    <LinkButton look=Look::Quiet label="Cancel" href=routes::organisations() />
                </div>
            </FormFor>
        </Card>
    }
}
