//! The first run: one Owner, one organisation, with the one-time secret that the server printed.

use crate::{
    features::{
        accounts::functions::{LoadFront, SetUp},
        organisations::pages::Handover,
    },
    site::routes,
    ui::{
        Loaded,
        components::{Button, Field, FieldKind, Look},
        form::{FormFor, use_form},
        frame::PlainFrame,
        load, reactive,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{NavigateOptions, components::Redirect};

#[component]
pub fn SetupPage() -> impl IntoView {
    let front = load(|| LoadFront {});
    let form = use_form::<SetUp>();
    let outcome = form.outcome();
    view! {
        <Title text="Set up" />
        {reactive(move || match outcome.get() {
            Some(done) => {
                view! {
                    <PlainFrame wide=true title=format!("{} is ready", done.organisation) sentence=|| "One thing is left: its master key.">
                        <Handover slug=done.slug secret=done.master_key />
                    </PlainFrame>
                }
                    .into_any()
            }
            None => {
                view! {
                    <Loaded
                        data=front
                        view=move |front| {
                            if front.is_set_up { leads_on().into_any() } else { setup_form(form).into_any() }
                        }
                    />
                }
                    .into_any()
            }
        })}
    }
}

/// It works once: afterwards one signs in, or is signed in already.
fn leads_on() -> impl IntoView {
    let options = NavigateOptions { replace: true, ..NavigateOptions::default() };
    view! { <Redirect path=routes::sign_in().to_string() options /> }
}

fn setup_form(form: crate::ui::form::Form<SetUp>) -> impl IntoView {
    view! {
        <PlainFrame title="Set up Latchkey" sentence=|| "You become the first Owner. This page works once.">
            <FormFor form problem="Latchkey is not set up yet">
                <Field
                    label="Setup secret"
                    name="secret"
                    kind=FieldKind::Password
                    mono=true
                    hint=Signal::stored("The server printed it in its terminal or log when it started.".to_owned())
                    autocomplete="off"
                    autofocus=true
                />
                <Field label="Your name" name="name" autocomplete="name" />
                <Field
                    label="E-mail"
                    name="email"
                    kind=FieldKind::Email
                    autocomplete="username"
                />
                <Field
                    label="Password"
                    name="password"
                    kind=FieldKind::Password
                    hint=Signal::stored(super::PASSWORD_RULE.to_owned())
                    autocomplete="new-password"
                />
                <Field
                    label="Organisation"
                    name="organisation"
                    hint=Signal::stored("A company, a team or a project. You can create more later.".to_owned())
                    autocomplete="organization"
                />
                <Button look=Look::Primary label="Set up" busy=form.busy() />
            </FormFor>
        </PlainFrame>
    }
}
