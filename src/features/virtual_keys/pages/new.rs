//! A new virtual key.

use super::{
    fields::{Errors, ProviderFields, Values},
    title,
};
use crate::{
    features::{organisations::pages::use_slug, virtual_keys::functions::CreateVirtualKey},
    kernel::text,
    policy::Operation,
    site::routes,
    ui::{
        Problem,
        components::{Button, Card, Field, LinkButton, Look, PageHeader},
        form::{FormFor, use_form},
        refusal,
    },
};
use leptos::prelude::*;

#[component]
pub fn NewPage() -> impl IntoView {
    if let Some(error) = refusal(Operation::VirtualKeyCreate) {
        return view! { <Problem error /> }.into_any();
    }
    let slug = use_slug().get_untracked();
    view! {
        {title("New virtual key")}
        <PageHeader
            title="New virtual key"
            sentence=|| "Store a provider’s credential once. Programs name it by its reference and never see it."
        />
        <NewForm slug />
    }
    .into_any()
}

#[component]
fn NewForm(slug: String) -> impl IntoView {
    let form = use_form::<CreateVirtualKey>();
    let name = RwSignal::new(form.typed("name", ""));
    let key_slug = RwSignal::new(form.typed("key_slug", ""));
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
    let values = Values {
        description: form.typed("description", ""),
        provider: form.typed("provider", "openai"),
        base_url: form.typed("base_url", ""),
        api_version: form.typed("api_version", ""),
    };
    let errors = Errors {
        description: form.field("description"),
        provider: form.field("provider"),
        base_url: form.field("base_url"),
        api_version: form.field("api_version"),
        credential: form.field("credential"),
    };
    let list = routes::virtual_keys(&slug);
    view! {
        <Card>
            <FormFor form problem="This virtual key cannot be made yet">
                <input type="hidden" name="slug" value=slug />
                <Field label="Name" name="name" bind=name error=form.field("name") maxlength=100_u32 autocomplete="off" />
                <Field
                    label="Reference"
                    name="key_slug"
                    mono=true
                    optional=true
                    bind=key_slug
                    hint=Signal::stored("Programs write it with an @ before it. It cannot change later. Empty: made from the name.".to_owned())
                    error=form.field("key_slug")
                    maxlength=41_u32
                    autocomplete="off"
                />
                <ProviderFields values errors stored=None />
                <div class="form-end">
                    <LinkButton label="Cancel" href=list />
                    <Button look=Look::Primary label="Create virtual key" busy=form.busy() />
                </div>
            </FormFor>
        </Card>
    }
}
