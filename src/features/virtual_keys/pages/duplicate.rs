//! A copy of a virtual key, with a name and reference of its own.

use super::{slug_clash, use_virtual_key};
use crate::{
    features::virtual_keys::{
        functions::DuplicateVirtualKey,
        model::{Detail, LIMITS},
    },
    kernel::text,
    policy::Operation,
    site::routes,
    ui::{
        components::Field,
        form::use_form,
        pages::{FormPage, ItemPage, param},
    },
};
use leptos::prelude::*;

#[component]
pub fn DuplicatePage() -> impl IntoView {
    let form = use_form::<DuplicateVirtualKey>();
    let key_slug = RwSignal::new(form.typed("key_slug", ""));
    let ask = move |key: Detail| {
        view! {
            <FormPage
                form
                title=format!("Duplicate {}", key.name)
                sentence=|| "The copy has the same provider, address and credential. The credential is sealed anew on the server and stays there."
                problem="The copy cannot be made yet"
                hidden=vec![("key", key.slug.clone())]
                limits=LIMITS
                button="Duplicate"
                back=routes::virtual_key(&param("slug"), &key.slug)
            >
                <Field label="Name" name="name" value=format!("{} copy", text::cut(&key.name, 95)) autocomplete="off" />
                <Field
                    label="Reference"
                    name="key_slug"
                    mono=true
                    optional=true
                    bind=key_slug
                    error=slug_clash(key_slug)
                    hint=Signal::stored("Programs write it with an @ before it. Empty: made from the name.".to_owned())
                    autocomplete="off"
                />
            </FormPage>
        }
        .into_any()
    };
    view! { <ItemPage data=use_virtual_key(|| 0) needs=Operation::VirtualKeyDuplicate view=ask /> }
}
