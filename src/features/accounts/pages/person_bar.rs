//! The frame of a person who belongs to no organisation.

use crate::{
    features::accounts::functions::SignOut,
    site::routes,
    ui::{
        Framed,
        form::{BareForm, use_form},
        icons::Mark,
    },
};
use leptos::prelude::*;
use leptos_router::hooks::use_location;

/// A top bar with the way to the organisations, to the account and out; below it the page.
#[component]
pub fn PersonBar(
    /// The page.
    children: Children,
) -> impl IntoView {
    provide_context(Framed);
    let sign_out = use_form::<SignOut>();
    let pathname = use_location().pathname;
    let links: Vec<_> = [("Organisations", routes::organisations()), ("Account", routes::account())]
        .into_iter()
        .map(|(label, path)| {
            let href = path.to_string();
            let base = href.clone();
            let current = move || {
                pathname
                    .with(|here| here.strip_prefix(&base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
                    .then_some("page")
            };
            view! { <li><a href=href aria-current=current>{label}</a></li> }
        })
        .collect();
    view! {
        <a class="skip" href="#main" rel="external">"Skip to content"</a>
        <div class="own">
            <header class="own-bar">
                <a class="brand" href=routes::home().to_string()><Mark />"Latchkey"</a>
                <nav aria-label="You"><ul>{links}</ul></nav>
                <BareForm form=sign_out>
                    <button type="submit" class="button button-quiet">"Sign out"</button>
                </BareForm>
            </header>
            <main id="main" tabindex="-1">{children()}</main>
        </div>
    }
}
