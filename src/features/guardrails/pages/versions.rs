//! A guardrail's versions, and what differs between two of them.

use super::{Above, Open};
use crate::{
    features::{
        guardrails::{
            functions::{LoadVersions, RestoreGuardrail},
            model::{Detail, Versions},
        },
        versions::pages::{HistoryPage, restoring},
    },
    kernel::Asked,
    policy::Operation,
    site::routes,
    ui::{
        Loaded,
        components::Toast,
        form::{Form, Refusal, use_form},
        listing::use_asked,
        load_after,
        pages::{Done, param, use_param, use_slug},
    },
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

#[component]
pub fn VersionsPage() -> impl IntoView {
    let (slug, of, asked, query) = (use_slug(), use_param("guardrail"), use_asked(&[]), use_query_map());
    let form = use_form::<RestoreGuardrail>();
    let saves = form.successes();
    let part = move |name: &'static str| query.with(|query| query.get(name).unwrap_or_default());
    let versions = load_after(
        move || saves.get(),
        move || LoadVersions { slug: slug.get(), of: of.get(), was: part("was"), now: part("now"), asked: asked.get() },
    );
    let view =
        move |versions| view! { <Inside versions slug=param("slug") asked=asked.get_untracked() form /> }.into_any();
    view! { <Loaded data=versions view /> }
}

#[component]
fn Inside(versions: Versions, slug: String, asked: Asked, form: Form<RestoreGuardrail>) -> impl IntoView {
    let Versions { guardrail, history } = versions;
    let Detail { slug: of, name, .. } = guardrail.clone();
    let path = routes::guardrail_versions(&slug, &of);
    form.says(move || Toast::done(format!("{name} is as it was, as a new version")));
    let fields = Box::new(move || view! { <input type="hidden" name="of" value=of.clone() /> }.into_any());
    let restore = restoring(form.into(), fields, Operation::GuardrailRestore);
    view! {
        <Above guardrail slug open=Open::Versions />
        <Done said=&[("restored", "The old version is the newest again.")] />
        <Refusal form />
        <HistoryPage history path asked restore />
    }
}
