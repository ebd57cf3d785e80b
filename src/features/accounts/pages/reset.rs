//! A reset link: choosing the new password. Opening the page uses nothing up.

use crate::{
    features::accounts::functions::{LoadReset, ResetPassword},
    kernel::Secret,
    ui::{
        Loaded,
        components::{Button, Field, FieldKind, Look},
        form::{Form, FormFor, use_form},
        frame::PlainFrame,
        load,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[component]
pub fn ResetPage() -> impl IntoView {
    let query = use_query_map();
    let token = Memo::new(move |_| query.with(|query| query.get("token").unwrap_or_default()));
    let link = load(move || LoadReset { token: Secret::new(token.get()) });
    let form = use_form::<ResetPassword>();
    view! {
        <Title text="Choose a new password" />
        <Loaded data=link view=move |link| choose(form, token.get_untracked(), link.email).into_any() />
    }
}

fn choose(form: Form<ResetPassword>, token: String, email: String) -> impl IntoView {
    let whose = email.clone();
    view! {
        <PlainFrame
            title="Choose a new password"
            sentence=move || format!("For {whose}. You will be signed out everywhere.")
        >
            <FormFor form problem="The password is not changed">
                <input type="hidden" name="token" value=token />
                <input type="hidden" autocomplete="username" value=email />
                <Field
                    label="New password"
                    name="new_password"
                    kind=FieldKind::Password
                    hint=Signal::stored(super::PASSWORD_RULE.to_owned())
                    autocomplete="new-password"
                    autofocus=true
                />
                <Button look=Look::Primary label="Set password" busy=form.busy() />
            </FormFor>
        </PlainFrame>
    }
}
