//! The virtual keys' place in the console.

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

/// The virtual keys' place in the navigation.
pub const SECTION: Section = Section {
    label: "Virtual keys",
    icon: Icon::VirtualKeys,
    needs: Operation::VirtualKeysList,
    href: routes::virtual_keys,
    steps: &[("new", "New"), ("duplicate", "Duplicate"), ("delete", "Delete")],
    help: "gateway",
};

/// Its pages.
#[component(transparent)]
pub fn Routes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("virtual-keys") view=Outlet ssr=SsrMode::Async>
            <Route path=path!("") view=Later::VirtualKeys ssr=SsrMode::Async />
            <Route path=path!("new") view=Later::NewVirtualKey ssr=SsrMode::Async />
            <Route path=path!(":key") view=Later::VirtualKey ssr=SsrMode::Async />
            <Route path=path!(":key/duplicate") view=Later::DuplicateVirtualKey ssr=SsrMode::Async />
            <Route path=path!(":key/delete") view=Later::DeleteVirtualKey ssr=SsrMode::Async />
        </ParentRoute>
    }
    .into_inner()
}
