//! The place of limits in the console.

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
    label: "Limits",
    icon: Icon::Limit,
    needs: Operation::LimitsList,
    href: routes::limits,
    steps: &[],
    help: "limits",
};

/// Its page.
#[component(transparent)]
pub fn Routes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! { <Route path=path!("limits") view=Later::Limits ssr=SsrMode::Async /> }.into_inner()
}
