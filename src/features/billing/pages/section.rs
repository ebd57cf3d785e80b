//! The place of billing in the console.

use crate::{
    features::later::Later,
    policy::Operation,
    site::routes,
    ui::{frame::Section, icons::Icon},
};
use leptos::prelude::*;
use leptos_router::{
    SsrMode,
    components::{Outlet, ParentRoute, Route},
    path,
};

/// Its place in the navigation.
pub const SECTION: Section = Section {
    label: "Billing",
    icon: Icon::Billing,
    needs: Operation::BillingView,
    href: routes::billing,
    steps: &[("settings", "Settings")],
    help: "billing",
};

/// Its pages.
#[component(transparent)]
pub fn Routes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("billing") view=Outlet ssr=SsrMode::Async>
            <Route path=path!("") view=Later::Billing ssr=SsrMode::Async />
            <Route path=path!("settings") view=Later::BillingSettings ssr=SsrMode::Async />
            <Route path=path!("statements/:month") view=Later::BillingStatement ssr=SsrMode::Async />
        </ParentRoute>
    }
    .into_inner()
}
