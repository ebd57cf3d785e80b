//! Deleting a virtual key.

use super::{title, use_virtual_key};
use crate::{
    features::{
        organisations::pages::use_slug,
        virtual_keys::{functions::DeleteVirtualKey, model::Detail},
    },
    policy::Operation,
    site::routes,
    ui::{
        Loaded, Problem,
        components::{Button, Card, Field, LinkButton, Look, Note, PageHeader, Time, Tone},
        form::{Form, FormFor, use_form},
        refusal,
    },
};
use leptos::prelude::*;

#[component]
pub fn DeletePage() -> impl IntoView {
    let slug = use_slug();
    let form = use_form::<DeleteVirtualKey>();
    let key = use_virtual_key(|| 0);
    view! {
        <Loaded data=key view=move |key| view! { <Inside key_=key slug=slug.get_untracked() form /> }.into_any() />
    }
}

#[component]
fn Inside(key_: Detail, slug: String, form: Form<DeleteVirtualKey>) -> impl IntoView {
    if let Some(error) = refusal(Operation::VirtualKeyDelete) {
        return view! { <Problem error /> }.into_any();
    }
    let key = key_;
    let heading = format!("Delete {}", key.name);
    view! {
        {title(&heading)}
        <PageHeader
            title=heading
            sentence=|| "Calls that name it are refused within seconds. Its credential is wiped and cannot be brought back; the log keeps its calls."
        />
        <Confirm key_=key slug form />
    }
    .into_any()
}

#[component]
fn Confirm(key_: Detail, slug: String, form: Form<DeleteVirtualKey>) -> impl IntoView {
    let key = key_;
    let back = routes::virtual_key(&slug, &key.slug);
    let in_use = key.is_in_use();
    let name = key.name.clone();
    view! {
        <Card>
            <FormFor form problem="It is not deleted">
                <input type="hidden" name="slug" value=slug />
                <input type="hidden" name="key" value=key.slug.clone() />
                {match key.used_at {
                    Some(at) => {
                        let tone = if in_use { Tone::Warn } else { Tone::Info };
                        view! { <Note tone>"Last used "<Time at=at.0 now=key.now.0 />"."</Note> }.into_any()
                    }
                    None => view! { <Note tone=Tone::Info>"No call has used it."</Note> }.into_any(),
                }}
                {in_use
                    .then(|| {
                        view! {
                            <Field
                                label=format!("Type its name, {name}, to delete it")
                                name="confirm"
                                value=form.typed("confirm", "")
                                error=form.field("confirm")
                                autocomplete="off"
                            />
                        }
                    })}
                <div class="form-end">
                    <LinkButton label="Keep it" href=back />
                    <Button look=Look::Danger label=format!("Delete {}", key.name) busy=form.busy() />
                </div>
            </FormFor>
        </Card>
    }
}
