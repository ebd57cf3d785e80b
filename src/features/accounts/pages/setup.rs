//! The first run: one Owner, one organisation, with the one-time secret that the server printed.

use crate::{
    features::accounts::{
        functions::{SetUp, load_front},
        model,
    },
    ui::{
        Loaded,
        components::{Button, Field, FieldKind, LinkButton, Look, SecretBox},
        form::{FormFor, use_form},
        frame::PlainFrame,
        routes,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

#[component]
pub fn SetupPage() -> impl IntoView {
    let front = Resource::new_blocking(|| (), |()| load_front());
    let form = use_form::<SetUp>();
    view! {
        <Title text="Set up" />
        {move || match form.done().get() {
            Some(done) => view! { <Done done /> }.into_any(),
            None => {
                view! {
                    <Loaded
                        resource=front
                        view=move |front| {
                            if front.is_set_up { view! { <crate::ui::NotFound /> }.into_any() } else { setup_form(form).into_any() }
                        }
                    />
                }
                    .into_any()
            }
        }}
    }
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
                    error=form.field("secret")
                    autocomplete="off"
                />
                <Field label="Your name" name="name" value=form.typed("name", "") error=form.field("name") autocomplete="name" />
                <Field
                    label="E-mail"
                    name="email"
                    kind=FieldKind::Email
                    value=form.typed("email", "")
                    error=form.field("email")
                    autocomplete="username"
                />
                <Field
                    label="Password"
                    name="password"
                    kind=FieldKind::Password
                    hint=Signal::stored("At least 8 characters. A sentence is a good choice.".to_owned())
                    error=form.field("password")
                    autocomplete="new-password"
                />
                <Field
                    label="Organisation"
                    name="organisation"
                    value=form.typed("organisation", "")
                    hint=Signal::stored("A company, a team or a project. You can make more later.".to_owned())
                    error=form.field("organisation")
                    autocomplete="organization"
                />
                <Button look=Look::Primary label="Set up" busy=form.busy() />
            </FormFor>
        </PlainFrame>
    }
}

#[component]
fn Done(done: model::Founded) -> impl IntoView {
    let home = routes::organisation(&done.slug);
    view! {
        <PlainFrame
            title=format!("{} is ready", done.organisation)
            sentence=|| "This is its master key. It can do everything that a key can do, so keep it apart from programs."
        >
            <div class="stack">
                <SecretBox id="master-key" what="secret of the master key" value=done.master_key.expose().to_owned() />
                <LinkButton look=Look::Primary label="I have saved it" href=home />
            </div>
        </PlainFrame>
    }
}
