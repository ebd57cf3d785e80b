//! The place of analytics in the console.

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
    label: "Analytics",
    icon: Icon::Analytics,
    needs: Operation::AnalyticsView,
    href: routes::analytics,
    steps: &[],
    help: "analytics",
};

/// Its page.
#[component(transparent)]
pub fn Routes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! { <Route path=path!("analytics") view=Later::Analytics ssr=SsrMode::Async /> }.into_inner()
}
