//! A config's versions, and what differs between two of them.

use super::{Above, Head, Open};
use crate::{
    features::{
        configs::{
            functions::{LoadVersions, RestoreConfig},
            model::Versions,
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
    let (slug, of, asked, query) = (use_slug(), use_param("config"), use_asked(&[]), use_query_map());
    let form = use_form::<RestoreConfig>();
    let saves = form.successes();
    let part = move |name: &'static str| query.with(|query| query.get(name).unwrap_or_default());
    let versions = load_after(
        move || saves.get(),
        move || LoadVersions { slug: slug.get(), of: of.get(), was: part("was"), now: part("now"), asked: asked.get() },
    );
    view! {
        <Loaded
            data=versions
            view=move |versions| {
                view! { <Inside versions slug=param("slug") asked=asked.get_untracked() form /> }.into_any()
            }
        />
    }
}

#[component]
fn Inside(versions: Versions, slug: String, asked: Asked, form: Form<RestoreConfig>) -> impl IntoView {
    let Versions { slug: config, name, is_default, used, history } = versions;
    let head = Head {
        slug: slug.clone(),
        config: config.clone(),
        name: name.clone(),
        is_default,
        versions: history.current,
        used: usize::try_from(used).unwrap_or_default(),
    };
    let path = routes::config_versions(&slug, &config);
    form.says(move || Toast::done(format!("{name} has the old text again, as a new version")));
    let fields = Box::new(move || view! { <input type="hidden" name="of" value=config.clone() /> }.into_any());
    let restore = restoring(form.into(), fields, Operation::ConfigRestore);
    view! {
        <Above head open=Open::Versions />
        <Done said=&[("restored", "The old text is the newest version again.")] />
        <Refusal form />
        <HistoryPage history path asked restore />
    }
}
