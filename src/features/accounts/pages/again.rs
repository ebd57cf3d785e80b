//! Signing in again over a page whose session is over. What was typed there stays, and what was asked is asked once more.

use crate::{
    features::accounts::functions::SignIn,
    kernel::{Error, Secret},
    site::routes,
    ui::{
        Countdown, Session,
        components::{Button, Dialog, Field, FieldKind, Look},
        here, reactive, send_once,
    },
};
use leptos::prelude::*;

/// Stands once, around the application.
#[component]
pub fn SignInAgain(session: Session) -> impl IntoView {
    let password = RwSignal::new(String::new());
    let failed = RwSignal::new(None::<Error>);
    let busy = RwSignal::new(false);
    let (open, email) = (session.over(), session.email());
    let words = Signal::derive(move || {
        format!("Sign in again as {} to go on. What you typed on this page stays.", email.get())
    });
    let send = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        let sign_in = SignIn {
            email: email.get_untracked(),
            password: Secret::new(password.get_untracked()),
            next: String::new(),
        };
        leptos::task::spawn_local(async move {
            let result = send_once(&sign_in).await;
            busy.set(false);
            password.set(String::new());
            failed.set(result.as_ref().err().cloned());
            if result.is_ok() {
                session.settle(true);
            }
        });
    };
    let error = Signal::derive(move || failed.with(|failed| failed.as_ref().map(|error| error.message.clone())));
    let wait = move || failed.with(|failed| failed.as_ref().and_then(|error| error.retry_after));
    let elsewhere = move || routes::sign_in().with("next", &here()).to_string();
    // Escape gives up: whoever waits hears that nobody signed in.
    Effect::new(move |before: Option<bool>| {
        let now = open.get();
        if before == Some(true) && !now {
            session.settle(false);
        }
        now
    });
    view! {
        <Dialog id="session-over" open title="Your session is over".to_owned() words>
            <form class="stack" method="post" on:submit=send>
                <Field
                    label="Password"
                    name="password"
                    id="again-password"
                    kind=FieldKind::Password
                    bind=password
                    error
                    autocomplete="current-password"
                    autofocus=true
                />
                {reactive(move || wait().map(|seconds| view! { <Countdown seconds /> }))}
                <div class="row">
                    <a class="button" href=elsewhere rel="external">"Sign in as somebody else"</a>
                    <Button look=Look::Primary label="Sign in" busy />
                </div>
            </form>
        </Dialog>
    }
}
