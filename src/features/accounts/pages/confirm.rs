//! The password once more, for what asks for it.

use crate::{
    features::accounts::functions::{ConfirmPassword, LoadProfile},
    site::routes,
    ui::{
        Loaded,
        components::{Button, Card, Field, FieldKind, LinkButton, Look, PageHeader},
        form::{Form, FormFor, use_form},
        load,
        pages::page_title,
        reactive,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[component]
pub fn ConfirmPage() -> impl IntoView {
    let query = use_query_map();
    let done = move || query.with(|query| query.get("done").is_some());
    let profile = load(|| LoadProfile {});
    let form = use_form::<ConfirmPassword>();
    view! {
        <Title text=page_title("Confirm your password") />
        <div class="narrow">
            <Loaded
                data=profile
                view=move |profile| {
                    view! {
                        {reactive(move || if done() { confirmed().into_any() } else { ask(form, profile.email.clone()).into_any() })}
                    }
                        .into_any()
                }
            />
        </div>
    }
}

fn ask(form: Form<ConfirmPassword>, email: String) -> impl IntoView {
    let next = use_query_map().with_untracked(|query| query.get("next").unwrap_or_default());
    view! {
        <PageHeader
            title="Confirm your password"
            sentence=|| "What you are about to do needs your password once more. After that you are not asked again for 15 minutes."
        />
        <Card>
            <FormFor form problem="Not confirmed">
                <input type="hidden" name="next" value=form.typed("next", next) />
                <input type="hidden" autocomplete="username" value=email />
                <Field
                    label="Password"
                    name="current_password"
                    kind=FieldKind::Password
                    autocomplete="current-password"
                    autofocus=true
                />
                <div class="row"><Button look=Look::Primary label="Confirm" busy=form.busy() /></div>
            </FormFor>
        </Card>
    }
}

fn confirmed() -> impl IntoView {
    view! {
        <PageHeader title="Confirmed" sentence=|| "Go back to the tab you came from and press its button again." />
        <LinkButton label="Your organisations" href=routes::organisations() />
    }
}
