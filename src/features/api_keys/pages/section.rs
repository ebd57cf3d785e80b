//! The keys' place in the console.

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

/// The keys' place in the navigation.
pub const SECTION: Section = Section {
    label: "API keys",
    icon: Icon::ApiKeys,
    needs: Operation::ApiKeysList,
    href: routes::api_keys,
    steps: &[("new", "New"), ("rotate", "Rotate"), ("disable", "Disable"), ("delete", "Delete"), ("many", "Several")],
    help: "roles-and-keys",
};

/// Its pages.
#[component(transparent)]
pub fn Routes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("api-keys") view=Outlet ssr=SsrMode::Async>
            <Route path=path!("") view=Later::ApiKeys ssr=SsrMode::Async />
            <Route path=path!("new") view=Later::NewApiKey ssr=SsrMode::Async />
            <Route path=path!("many") view=Later::ManyApiKeys ssr=SsrMode::Async />
            <Route path=path!(":id") view=Later::ApiKey ssr=SsrMode::Async />
            <Route path=path!(":id/rotate") view=Later::RotateApiKey ssr=SsrMode::Async />
            <Route path=path!(":id/disable") view=Later::DisableApiKey ssr=SsrMode::Async />
            <Route path=path!(":id/delete") view=Later::DeleteApiKey ssr=SsrMode::Async />
        </ParentRoute>
    }
    .into_inner()
}
