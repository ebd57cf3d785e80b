//! The log's place in the console.

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

/// The log's place in the navigation.
pub const SECTION: Section = Section {
    label: "Logs",
    icon: Icon::Logs,
    needs: Operation::LogsList,
    href: routes::logs,
    steps: &[("settings", "Settings"), ("export", "Export"), ("filters", "Saved filters"), ("prices", "Prices")],
    help: "logs",
};

/// Its pages.
#[component(transparent)]
pub fn Routes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("logs") view=Outlet ssr=SsrMode::Async>
            <Route path=path!("") view=Later::Logs ssr=SsrMode::Async />
            <Route path=path!("export") view=Later::LogExport ssr=SsrMode::Async />
            <Route path=path!("settings") view=Later::LogSettings ssr=SsrMode::Async />
            <Route path=path!("filters") view=Later::LogFilters ssr=SsrMode::Async />
            <Route path=path!("prices") view=Later::Prices ssr=SsrMode::Async />
            <Route path=path!(":id") view=Later::Log ssr=SsrMode::Async />
        </ParentRoute>
    }
    .into_inner()
}
