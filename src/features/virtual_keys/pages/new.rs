//! A new virtual key.

use super::{fields::ProviderFields, slug_clash};
use crate::{
    features::virtual_keys::{
        functions::CreateVirtualKey,
        model::{Draft, LIMITS},
    },
    kernel::text,
    policy::Operation,
    site::routes,
    ui::{
        Problem,
        components::Field,
        form::use_form,
        pages::{FormPage, param},
        refusal,
    },
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

#[component]
pub fn NewPage() -> impl IntoView {
    if let Some(error) = refusal(Operation::VirtualKeyCreate) {
        return view! { <Problem error /> }.into_any();
    }
    let form = use_form::<CreateVirtualKey>();
    let name = RwSignal::new(form.typed("name", ""));
    // A call named it before it was there: its page leads here.
    let named = use_query_map().with_untracked(|query| query.get("reference").unwrap_or_default());
    let key_slug = RwSignal::new(form.typed("key_slug", named));
    // The reference follows the name until somebody types their own.
    Effect::new(move |before: Option<String>| {
        let proposal = text::slug(&name.get());
        if before.is_none_or(|before| key_slug.get_untracked() == before)
            && (!proposal.is_empty() || key_slug.get_untracked().is_empty())
        {
            key_slug.set(proposal.clone());
        }
        proposal
    });
    let begun = Signal::stored(Draft { provider: "openai".into(), ..Draft::default() });
    view! {
        <FormPage
            form
            title="New virtual key"
            sentence=|| "Store a provider’s credential once. Programs name it by its reference and never see it."
            problem="This virtual key cannot be made yet"
            limits=LIMITS
            button="Create virtual key"
            back=routes::virtual_keys(&param("slug"))
        >
            <Field label="Name" name="name" bind=name autocomplete="off" />
            <Field
                label="Reference"
                name="key_slug"
                mono=true
                optional=true
                bind=key_slug
                error=slug_clash(key_slug)
                hint=Signal::stored("Programs write it with an @ before it. It cannot change later. Empty: made from the name.".to_owned())
                autocomplete="off"
            />
            <ProviderFields form begun />
        </FormPage>
    }
    .into_any()
}
