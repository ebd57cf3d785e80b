//! Deleting a virtual key.

use super::use_virtual_key;
use crate::{
    features::virtual_keys::{functions::DeleteVirtualKey, model::Detail},
    policy::Operation,
    site::routes,
    ui::{
        components::{Look, Note, Time, Toast, Tone},
        form::use_form,
        pages::{ConfirmName, FormPage, ItemPage, param},
    },
};
use leptos::prelude::*;

#[component]
pub fn DeletePage() -> impl IntoView {
    let form = use_form::<DeleteVirtualKey>();
    let ask = move |key: Detail| {
        let title = format!("Delete {}", key.name);
        let in_use = key.is_in_use();
        view! {
            <FormPage
                form
                title=title.clone()
                sentence=|| "Calls that name it are refused within seconds. Its credential is wiped and cannot be brought back; the log keeps its calls."
                problem="It is not deleted"
                hidden=vec![("key", key.slug.clone())]
                button=title
                look=Look::Danger
                done=Toast::done(format!("{} is deleted", key.name))
                back=routes::virtual_key(&param("slug"), &key.slug)
            >
                {(!key.configs.is_empty())
                    .then(|| {
                        let names: Vec<_> = key.configs.iter().map(|config| config.name.as_str()).collect();
                        let names = names.join(", ");
                        view! { <Note tone=Tone::Warn>{format!("Configs name it: {names}. Let them name another first.")}</Note> }
                    })}
                {match key.used_at {
                    Some(at) => {
                        let tone = if in_use { Tone::Warn } else { Tone::Info };
                        view! { <Note tone>"Last used "<Time at=at.0 now=key.now.0 />"."</Note> }.into_any()
                    }
                    None => view! { <Note tone=Tone::Info>"No call has used it."</Note> }.into_any(),
                }}
                {in_use.then(|| view! { <ConfirmName label=format!("Type its name, {}, to delete it", key.name) /> })}
            </FormPage>
        }
        .into_any()
    };
    view! { <ItemPage data=use_virtual_key(|| 0) needs=Operation::VirtualKeyDelete view=ask /> }
}
