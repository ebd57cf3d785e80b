//! Sign-in.

use crate::{
    features::accounts::{
        functions::{LoadFront, SignIn},
        model::Front,
    },
    site::routes,
    ui::{
        Loaded,
        components::{Button, Field, FieldKind, Look, Note, Tone},
        form::{FormFor, use_form},
        frame::PlainFrame,
        load, use_session,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{NavigateOptions, components::Redirect, hooks::use_query_map};

#[component]
pub fn SignInPage() -> impl IntoView {
    let front = load(|| LoadFront {});
    view! {
        <Title text="Sign in" />
        <Loaded
            data=front
            view=move |front| {
                match front {
                    Front { is_set_up: false, .. } => view! { <NotYet /> }.into_any(),
                    Front { is_signed_in: true, .. } => leads_on().into_any(),
                    _ => view! { <SignInForm /> }.into_any(),
                }
            }
        />
    }
}

/// Where whoever is signed in already goes.
fn leads_on() -> impl IntoView {
    let next = use_query_map().with_untracked(|query| query.get("next").unwrap_or_default());
    let path = routes::Path::returning(&next).unwrap_or_else(routes::home).to_string();
    let options = NavigateOptions { replace: true, ..NavigateOptions::default() };
    view! { <Redirect path options /> }
}

#[component]
fn SignInForm() -> impl IntoView {
    let form = use_form::<SignIn>();
    // Whoever signs in here need not be who used this browser before.
    if let Some(session) = use_session() {
        Effect::new(move |_| session.belongs_to(""));
    }
    let query = use_query_map();
    let next = query.with_untracked(|query| query.get("next").unwrap_or_default());
    let was_reset = query.with_untracked(|query| query.get("done").is_some_and(|done| done == "reset"));
    let failed = form.error();
    // What was typed wrong is typed anew.
    let password = RwSignal::new(String::new());
    Effect::new(move |_| {
        if failed.with(Option::is_some) {
            password.set(String::new());
        }
    });
    view! {
        <PlainFrame title="Sign in to Latchkey" below=|| "Invited? Open the link in your invitation.">
            {(was_reset && failed.with_untracked(Option::is_none))
                .then(|| view! { <Note tone=Tone::Ok>"Your password is changed. Sign in with the new one."</Note> })}
            <FormFor form problem="You are not signed in">
                <input type="hidden" name="next" value=form.typed("next", next) />
                <Field
                    label="E-mail"
                    name="email"
                    kind=FieldKind::Email
                    autocomplete="username"
                    autofocus=true
                />
                <Field
                    label="Password"
                    name="password"
                    kind=FieldKind::Password
                    bind=password
                    autocomplete="current-password"
                    beside_label=|| view! { <a href=routes::forgot().to_string()>"Forgot it?"</a> }
                />
                <Button look=Look::Primary label="Sign in" busy=form.busy() />
            </FormFor>
        </PlainFrame>
    }
}

#[component]
fn NotYet() -> impl IntoView {
    view! {
        <PlainFrame title="Welcome to Latchkey" sentence=|| "Nobody has an account here yet.">
            <a class="button button-primary" href=routes::setup().to_string()>"Set up this installation"</a>
        </PlainFrame>
    }
}
