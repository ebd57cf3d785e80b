//! The place of explanations in the console.

use crate::{
    features::later::Later,
    policy::Operation,
    site::routes,
    ui::{frame::Section, icons::Icon},
};
use leptos::prelude::*;
use leptos_router::{SsrMode, components::Route, path};

/// Its place in the navigation.
pub const SECTION: Section = Section {
    label: "Explain access",
    icon: Icon::Why,
    needs: Operation::WhyExplain,
    href: routes::why,
    steps: &[],
    help: "roles-and-keys",
};

/// Its page.
#[component(transparent)]
pub fn Routes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! { <Route path=path!("why") view=Later::Why ssr=SsrMode::Async /> }.into_inner()
}
