//! The way in: to the first organisation, to making one, or to signing in.

use super::list::NowhereYet;
use crate::{
    features::{accounts::pages::PersonFrame, organisations::functions::LoadList},
    site::routes,
    ui::{Loaded, load},
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{NavigateOptions, components::Redirect};

#[component]
pub fn HomePage() -> impl IntoView {
    let list = load(|| LoadList { q: String::new() });
    view! {
        <Title text="" />
        <PersonFrame>
            <Loaded
                data=list
                view=|list| match list.memberships.as_slice() {
                    [] => view! { <NowhereYet /> }.into_any(),
                    [first, ..] => view! { <Redirect path=routes::logs(&first.slug).to_string() options=instead() /> }.into_any(),
                }
            />
        </PersonFrame>
    }
}

/// Whoever goes back from there is not sent forward again.
fn instead() -> NavigateOptions {
    NavigateOptions { replace: true, ..NavigateOptions::default() }
}
