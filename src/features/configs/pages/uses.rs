//! What uses a config, and what it uses.

use super::{Above, Head, Open, use_config};
use crate::{
    features::configs::model::{ConfigPage, Detail},
    site::routes,
    ui::{
        components::Card,
        pages::{ItemPage, param},
    },
};
use leptos::prelude::*;

#[component]
pub fn UsesPage() -> impl IntoView {
    let show = |page: ConfigPage| view! { <Inside config=page.config slug=param("slug") /> }.into_any();
    view! { <ItemPage data=use_config() view=show /> }
}

/// Heading and tabs of a config.
pub(super) fn head(config: &Detail, slug: &str) -> Head {
    Head {
        slug: slug.to_owned(),
        config: config.slug.clone(),
        name: config.name.clone(),
        is_default: config.is_default,
        versions: config.current,
        used: usize::try_from(config.key_count).unwrap_or_default(),
    }
}

#[component]
fn Inside(config: Detail, slug: String) -> impl IntoView {
    let head = head(&config, &slug);
    let item = |href: routes::Path, name: String, beside: Option<String>| {
        view! { <li><a href=href.to_string()>{name}</a>{beside.map(|words| view! { " "<code class="muted">{words}</code> })}</li> }
            .into_any()
    };
    let keys: Vec<_> =
        config.keys.iter().map(|key| item(routes::api_key(&slug, key.id), key.name.clone(), None)).collect();
    let virtual_keys: Vec<_> = config
        .virtual_keys
        .iter()
        .map(|key| item(routes::virtual_key(&slug, &key.slug), key.name.clone(), Some(format!("@{}", key.slug))))
        .collect();
    let none = if config.lists_keys {
        "None. Calls can still name it."
    } else {
        "Owners and Admins see which API keys use it."
    };
    view! {
        <Above head open=Open::Uses />
        <div class="stack">
            <Card title="API keys that use it">
                <Items items=keys none=none />
                {config
                    .is_default
                    .then(|| view! { <p class="hint">"It is the default for new API keys."</p> })}
            </Card>
            <Card title="Virtual keys that it names">
                <Items items=virtual_keys none="None." />
                <p class="hint">"They cannot be deleted while it names them."</p>
            </Card>
        </div>
    }
}

#[component]
fn Items(items: Vec<AnyView>, none: &'static str) -> impl IntoView {
    if items.is_empty() {
        view! { <p class="muted">{none}</p> }.into_any()
    } else {
        view! { <ul class="plain-list">{items}</ul> }.into_any()
    }
}
