//! Deleting a config.

use super::use_config;
use crate::{
    features::configs::{functions::DeleteConfig, model::ConfigPage},
    policy::Operation,
    site::routes,
    ui::{
        components::{Look, Note, Toast, Tone},
        form::use_form,
        pages::{FormPage, ItemPage, param},
    },
};
use leptos::prelude::*;

#[component]
pub fn DeletePage() -> impl IntoView {
    let form = use_form::<DeleteConfig>();
    let ask = move |page: ConfigPage| {
        let config = page.config;
        let title = format!("Delete {}", config.name);
        let slug = param("slug");
        let keys: Vec<_> = config
            .keys
            .iter()
            .map(|key| view! { <li><a href=routes::api_key(&slug, key.id).to_string()>{key.name.clone()}</a></li> })
            .collect();
        let used = (!keys.is_empty()).then(|| {
            view! {
                <Note tone=Tone::Warn>
                    "API keys use it. Give them another first:"
                    <ul>{keys}</ul>
                </Note>
            }
        });
        let default = config.is_default.then(|| {
            view! { <Note tone=Tone::Warn>"It is the default for new API keys. Make another config the default first, or none."</Note> }
        });
        view! {
            <FormPage
                form
                title=title.clone()
                sentence=|| "Calls that name it are refused within seconds. Its versions go with it; the log keeps its calls."
                problem="It is not deleted"
                hidden=vec![("of", config.slug.clone())]
                button=title
                look=Look::Danger
                done=Toast::done(format!("{} is deleted", config.name))
                back=routes::config(&slug, &config.slug)
            >
                {used}
                {default}
            </FormPage>
        }
        .into_any()
    };
    view! { <ItemPage data=use_config() needs=Operation::ConfigDelete view=ask /> }
}
