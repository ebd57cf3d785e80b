//! Disabling and deleting a key: what was it used for, and is it meant?

use super::{last_use, use_key};
use crate::{
    features::api_keys::{
        functions::{DeleteKey, DisableKey, EnableKey},
        model::{Key, KeyPage},
    },
    policy::Operation,
    site::routes,
    ui::{
        available,
        components::{LinkButton, Look, Note, PageHeader, Toast, Tone, use_toasts},
        form::{AnyForm, use_form},
        pages::{ConfirmName, FormPage, ItemPage, param},
        undo,
    },
};
use leptos::prelude::*;

/// What can end a key.
#[derive(Clone, Copy)]
struct End {
    /// What is said afterwards.
    done: fn(&Key) -> Toast,
    verb: &'static str,
    tab: &'static str,
    sentence: &'static str,
    problem: &'static str,
    button: &'static str,
    operation: Operation,
}

#[component]
pub fn DisableKeyPage() -> impl IntoView {
    let end = End {
        verb: "Disable",
        tab: "Disable API key",
        sentence: "It opens nothing until it is enabled again. Its secret stays the same.",
        problem: "The key is not disabled",
        button: "Disable key",
        operation: Operation::ApiKeyDisable,
        done: |key| {
            let (toasts, again) = (use_toasts(), format!("{} is enabled again", key.name));
            let enable = EnableKey { slug: param("slug"), id: key.id };
            Toast::done(format!("{} is disabled", key.name))
                .undone_by(move || undo(toasts, &enable, again.clone(), false))
        },
    };
    let form = use_form::<DisableKey>();
    view! { <EndPage end form /> }
}

#[component]
pub fn DeleteKeyPage() -> impl IntoView {
    let end = End {
        verb: "Delete",
        tab: "Delete API key",
        sentence: "Every secret of it is refused for good. This cannot be undone; its logs stay.",
        problem: "The key is not deleted",
        button: "Delete key",
        operation: Operation::ApiKeyDelete,
        done: |key| Toast::done(format!("{} is deleted", key.name)),
    };
    let form = use_form::<DeleteKey>();
    view! { <EndPage end form /> }
}

#[component]
fn EndPage(end: End, #[prop(into)] form: AnyForm) -> impl IntoView {
    let ask = move |KeyPage { key, now, .. }| {
        if let Some(settled) = settled(&key, end.verb) {
            return settled;
        }
        let in_use = key.is_in_use(now);
        let old = key.old.as_ref().map(|old| {
            view! {
                <div>"Its old secret "<code>{old.visible.text()}</code>" "{last_use(old.visible.used_at, now)}"."</div>
            }
        });
        view! {
            <FormPage
                form
                title=format!("{} {}", end.verb, key.name)
                tab=end.tab
                sentence=move || end.sentence
                problem=end.problem
                hidden=vec![("id", key.id.to_string())]
                button=end.button
                look=Look::Danger
                availability=available(end.operation)
                done=(end.done)(&key)
                back=routes::api_key(&param("slug"), key.id)
            >
                <div>
                    <code>{key.secret.text()}</code>
                    " "
                    {last_use(key.secret.used_at, now)}
                    "."
                </div>
                {old}
                <div class="muted">"It takes effect at once on this server, and within a second on every other one."</div>
                {in_use
                    .then(|| {
                        view! {
                            <ConfirmName label=format!("It was used within a day. Type its name, {}, to confirm", key.name) />
                        }
                    })}
            </FormPage>
        }
        .into_any()
    };
    view! { <ItemPage data=use_key() view=ask /> }
}

/// The page if there is nothing left to do.
fn settled(key: &Key, verb: &str) -> Option<AnyView> {
    let said = match (key.deleted_at, key.disabled_at) {
        (Some(_), _) => "This key is deleted already.",
        (None, Some(_)) if verb == "Disable" => "This key is disabled already.",
        _ => return None,
    };
    let back = routes::api_key(&param("slug"), key.id).to_string();
    Some(
        view! {
            <PageHeader title=format!("{verb} {}", key.name) />
            <Note tone=Tone::Info action=move || view! { <LinkButton label="To the key" href=back.clone() /> }>{said}</Note>
        }
        .into_any(),
    )
}
