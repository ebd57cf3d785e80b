//! A copy of a virtual key, with a name and reference of its own.

use super::{title, use_virtual_key};
use crate::{
    features::{
        organisations::pages::use_slug,
        virtual_keys::{functions::DuplicateVirtualKey, model::Detail},
    },
    kernel::text,
    policy::Operation,
    site::routes,
    ui::{
        Loaded, Problem,
        components::{Button, Card, Field, LinkButton, Look, PageHeader},
        form::{Form, FormFor, use_form},
        refusal,
    },
};
use leptos::prelude::*;

#[component]
pub fn DuplicatePage() -> impl IntoView {
    let slug = use_slug();
    let form = use_form::<DuplicateVirtualKey>();
    let key = use_virtual_key(|| 0);
    view! {
        <Loaded data=key view=move |key| view! { <Inside key_=key slug=slug.get_untracked() form /> }.into_any() />
    }
}

#[component]
fn Inside(key_: Detail, slug: String, form: Form<DuplicateVirtualKey>) -> impl IntoView {
    if let Some(error) = refusal(Operation::VirtualKeyDuplicate) {
        return view! { <Problem error /> }.into_any();
    }
    let key = key_;
    let heading = format!("Duplicate {}", key.name);
    view! {
        {title(&heading)}
        <PageHeader
            title=heading
            sentence=|| "The copy has the same provider, address and credential. The credential is sealed anew on the server and stays there."
        />
        <Copy key_=key slug form />
    }
    .into_any()
}

#[component]
fn Copy(key_: Detail, slug: String, form: Form<DuplicateVirtualKey>) -> impl IntoView {
    let name = format!("{} copy", text::cut(&key_.name, 95));
    let back = routes::virtual_key(&slug, &key_.slug);
    view! {
        <Card>
            <FormFor form problem="The copy cannot be made yet">
                <input type="hidden" name="slug" value=slug />
                <input type="hidden" name="key" value=key_.slug />
                <Field
                    label="Name"
                    name="name"
                    value=form.typed("name", name)
                    error=form.field("name")
                    maxlength=100_u32
                    autocomplete="off"
                />
                <Field
                    label="Reference"
                    name="key_slug"
                    mono=true
                    optional=true
                    value=form.typed("key_slug", "")
                    hint=Signal::stored("Programs write it with an @ before it. Empty: made from the name.".to_owned())
                    error=form.field("key_slug")
                    maxlength=41_u32
                    autocomplete="off"
                />
                <div class="form-end">
                    <LinkButton label="Cancel" href=back />
                    <Button look=Look::Primary label="Duplicate" busy=form.busy() />
                </div>
            </FormFor>
        </Card>
    }
}
