//! Disabling and deleting a key: what was it used for, and is it meant?

use super::{last_use, page_title, use_key_id};
use crate::{
    features::{
        api_keys::{
            functions::{DeleteKey, DisableKey, LoadKey},
            model::{Key, KeyPage},
        },
        organisations::pages::use_slug,
    },
    kernel::Timestamp,
    policy::Operation,
    site::routes,
    ui::{
        Data, Loaded, available,
        components::{Button, Card, Field, LinkButton, Look, Note, PageHeader, Tone},
        form::{FormFor, use_form},
        load,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

#[component]
pub fn DisableKeyPage() -> impl IntoView {
    let slug = use_slug();
    let page = use_key_page();
    let form = use_form::<DisableKey>();
    view! {
        <Title text=page_title("Disable API key") />
        <Loaded
            data=page
            view=move |KeyPage { key, now, .. }| {
                let slug = slug.get_untracked();
                if let Some(settled) = settled(&slug, &key, "Disable") {
                    return settled;
                }
                view! {
                    <PageHeader
                        title=format!("Disable {}", key.name)
                        sentence=|| "It opens nothing until it is enabled again. Its secret stays the same."
                    />
                    <Card>
                        <FormFor form problem="The key is not disabled">
                            <Body slug=slug.clone() key=key.clone() now error=form.field("confirmation") />
                            <div class="form-end">
                                <Button
                                    look=Look::Danger
                                    label="Disable key"
                                    busy=form.busy()
                                    availability=available(Operation::ApiKeyDisable)
                                />
                                <LinkButton label="Cancel" href=routes::api_key(&slug, key.id) />
                            </div>
                        </FormFor>
                    </Card>
                }
                    .into_any()
            }
        />
    }
}

#[component]
pub fn DeleteKeyPage() -> impl IntoView {
    let slug = use_slug();
    let page = use_key_page();
    let form = use_form::<DeleteKey>();
    view! {
        <Title text=page_title("Delete API key") />
        <Loaded
            data=page
            view=move |KeyPage { key, now, .. }| {
                let slug = slug.get_untracked();
                if let Some(settled) = settled(&slug, &key, "Delete") {
                    return settled;
                }
                view! {
                    <PageHeader
                        title=format!("Delete {}", key.name)
                        sentence=|| "Every secret of it is refused for good. This cannot be undone; its logs stay."
                    />
                    <Card>
                        <FormFor form problem="The key is not deleted">
                            <Body slug=slug.clone() key=key.clone() now error=form.field("confirmation") />
                            <div class="form-end">
                                <Button
                                    look=Look::Danger
                                    label="Delete key"
                                    busy=form.busy()
                                    availability=available(Operation::ApiKeyDelete)
                                />
                                <LinkButton label="Cancel" href=routes::api_key(&slug, key.id) />
                            </div>
                        </FormFor>
                    </Card>
                }
                    .into_any()
            }
        />
    }
}

fn use_key_page() -> Data<KeyPage> {
    let slug = use_slug();
    let id = use_key_id();
    load(move || LoadKey { slug: slug.get(), id: id.get() })
}

/// The page if there is nothing left to do.
fn settled(slug: &str, key: &Key, verb: &str) -> Option<AnyView> {
    let said = match (key.deleted_at, key.disabled_at) {
        (Some(_), _) => "This key is deleted already.",
        (None, Some(_)) if verb == "Disable" => "This key is disabled already.",
        _ => return None,
    };
    let back = routes::api_key(slug, key.id).to_string();
    let title = format!("{verb} {}", key.name);
    Some(
        view! {
            <PageHeader title />
            <Note tone=Tone::Info action=move || view! { <LinkButton label="To the key" href=back.clone() /> }>{said}</Note>
        }
        .into_any(),
    )
}

/// The last use, how fast it takes effect, and the name for a key that is in use.
#[component]
fn Body(slug: String, key: Key, now: Timestamp, error: Signal<Option<String>>) -> impl IntoView {
    let in_use = key.is_in_use(now);
    let name = key.name.clone();
    let old = key.old.clone().map(|old| {
        view! {
            <div>"Its old secret "<code>{old.visible.text()}</code>" "{last_use(old.visible.used_at, now)}"."</div>
        }
    });
    view! {
        <input type="hidden" name="slug" value=slug />
        <input type="hidden" name="id" value=key.id.to_string() />
        <div>
            <code>{key.secret.text()}</code>
            " "
            {last_use(key.secret.used_at, now)}
            "."
        </div>
        {old}
        <div class="muted">"It takes effect at once on this server, and within a second on every other one."</div>
        {in_use
            .then(move || {
                view! {
                    <Field
                        label=format!("It was used within a day. Type its name, {name}, to confirm")
                        name="confirmation"
                        autocomplete="off"
                        error
                    />
                }
            })}
    }
}
