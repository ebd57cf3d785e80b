//! The master key of a new organisation, shown this once.

use crate::{
    kernel::Secret,
    site::routes,
    ui::{
        components::{Button, Checkbox, LinkButton, Look, SecretBox},
        reactive,
    },
};
use leptos::prelude::*;

/// The secret, and the way on, once the person has copied it or says that it is safe.
#[component]
pub fn Handover(
    /// The new organisation.
    slug: String,
    /// Its master key's secret.
    secret: Secret,
) -> impl IntoView {
    let safe = RwSignal::new(false);
    let left = RwSignal::new(false);
    let home = routes::organisation(&slug).to_string();
    let onwards = home.clone();
    let go = move |()| {
        if safe.get_untracked() {
            leptos_router::hooks::use_navigate()(&onwards, leptos_router::NavigateOptions::default());
        } else {
            left.set(true);
        }
    };
    view! {
        <div class="stack">
            <div>
                <strong>"You will not see it again."</strong>
                " The master key can do everything that a key can do here. Keep it where you keep passwords, and cut a narrower key for each program."
            </div>
            <SecretBox
                id="master-key"
                what="secret of the master key"
                value=secret.expose().to_owned()
                saved=safe
            />
            <div class="stack jsonly">
                <Checkbox
                    label="I have saved it"
                    name="saved"
                    on_change=Callback::new(move |ticked| safe.set(ticked))
                />
                <div role="status">
                    {reactive(move || (left.get() && !safe.get()).then_some("Copy it, or say that you have saved it, before you go on."))}
                </div>
                <Button look=Look::Primary label="Go on to the organisation" on_press=Callback::new(go) />
            </div>
            <div class="nojs">
                <LinkButton look=Look::Primary label="I have saved it, go on" href=home />
            </div>
            <div class="hint">"Lost it later? Rotate it on the page of API keys."</div>
        </div>
    }
}
