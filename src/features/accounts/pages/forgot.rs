//! A forgotten password: asking for a link.

use crate::{
    features::accounts::functions::{AskReset, LoadFront},
    site::routes,
    ui::{
        Loaded,
        components::{Button, Field, FieldKind, LinkButton, Look},
        form::{Form, FormFor, use_form},
        frame::PlainFrame,
        load, reactive,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

#[component]
pub fn ForgotPage() -> impl IntoView {
    let front = load(|| LoadFront {});
    let form = use_form::<AskReset>();
    let outcome = form.outcome();
    view! {
        <Title text="Forgot your password?" />
        {reactive(move || match outcome.get() {
            Some(()) => view! { <Asked /> }.into_any(),
            None => {
                view! {
                    <Loaded
                        data=front
                        view=move |front| if front.has_mail { ask(form).into_any() } else { view! { <NoMail /> }.into_any() }
                    />
                }
                    .into_any()
            }
        })}
    }
}

fn back() -> impl IntoView {
    view! { <a href=routes::sign_in().to_string()>"Back to sign-in"</a> }
}

fn ask(form: Form<AskReset>) -> impl IntoView {
    view! {
        <PlainFrame title="Forgot your password?" sentence=|| "We send you a link with which you choose a new one." below=back>
            <FormFor form problem="The link is not sent">
                <Field
                    label="E-mail"
                    name="email"
                    kind=FieldKind::Email
                    autocomplete="username"
                    autofocus=true
                />
                <Button look=Look::Primary label="Mail me a link" busy=form.busy() />
            </FormFor>
        </PlainFrame>
    }
}

/// The same whether there is such an account or not.
#[component]
fn Asked() -> impl IntoView {
    view! {
        <PlainFrame title="Look at your mail" below=back>
            <div class="stack">
                <div>
                    "If the address has an account, a link is on its way. It works once, for 60 minutes; a newer one ends it."
                </div>
                <div class="muted">"Nothing came? Look in your spam folder, then ask an Owner of your organisation."</div>
            </div>
        </PlainFrame>
    }
}

#[component]
fn NoMail() -> impl IntoView {
    view! {
        <PlainFrame title="Forgot your password?" sentence=|| "This installation sends no e-mail, but people can help.">
            <div class="stack">
                <div>
                    "Ask an Owner or Admin of your organisation. On its Team page they can make a link with which you choose a new password."
                </div>
                <LinkButton label="Back to sign-in" href=routes::sign_in() />
            </div>
        </PlainFrame>
    }
}
