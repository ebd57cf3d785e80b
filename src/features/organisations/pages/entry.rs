//! The way in: to the organisation used last, or to making one.

use super::list::NowhereYet;
use crate::{site::routes, ui::use_place};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::{NavigateOptions, components::Redirect};

#[component]
pub fn EntryPage() -> impl IntoView {
    match use_place() {
        Some(place) => {
            view! { <Redirect path=routes::organisation(&place.slug).to_string() options=instead() /> }.into_any()
        }
        None => view! { <Title text="" /><NowhereYet /> }.into_any(),
    }
}

/// Whoever goes back from there is not sent forward again.
fn instead() -> NavigateOptions {
    NavigateOptions { replace: true, ..NavigateOptions::default() }
}
