//! Deleting a guardrail.

use crate::{
    features::guardrails::{
        functions::{DeleteGuardrail, LoadGuardrail},
        model::GuardrailPage,
    },
    policy::Operation,
    site::routes,
    ui::{
        components::{Look, Note, Toast, Tone},
        form::use_form,
        load,
        pages::{FormPage, ItemPage, param, use_param, use_slug},
    },
};
use leptos::prelude::*;

#[component]
pub fn DeletePage() -> impl IntoView {
    let (slug, of, form) = (use_slug(), use_param("guardrail"), use_form::<DeleteGuardrail>());
    let data =
        load(move || LoadGuardrail { slug: slug.get(), of: of.get(), typed: String::new(), step: String::new() });
    let ask = move |page: GuardrailPage| {
        let guardrail = page.guardrail;
        let (title, slug) = (format!("Delete {}", guardrail.name), param("slug"));
        let configs: Vec<_> = guardrail
            .configs
            .iter()
            .map(
                |used| view! { <li><a href=routes::config(&slug, &used.slug).to_string()>{used.name.clone()}</a></li> },
            )
            .collect();
        let used = (!configs.is_empty()).then(|| {
            view! {
                <Note tone=Tone::Warn>"Configs name it. Take it out of them first:" <ul>{configs}</ul></Note>
            }
        });
        let all = guardrail.all_calls.words().map(|words| {
            let uses = routes::guardrail_uses(&slug, &guardrail.slug).to_string();
            view! {
                <Note tone=Tone::Warn>
                    {format!("It judges {words} of the organisation. ")}
                    <a href=uses>"Switch that off first."</a>
                </Note>
            }
        });
        view! {
            <FormPage
                form
                title=title.clone()
                sentence=|| "Its versions and samples go with it; the log keeps what it found."
                problem="It is not deleted"
                hidden=vec![("of", guardrail.slug.clone())]
                button=title
                look=Look::Danger
                done=Toast::done(format!("{} is deleted", guardrail.name))
                back=routes::guardrail(&slug, &guardrail.slug)
            >
                {used}
                {all}
            </FormPage>
        }
        .into_any()
    };
    view! { <ItemPage data needs=Operation::GuardrailDelete view=ask /> }
}
