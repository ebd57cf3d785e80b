//! The configs' place in the console.

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

/// The configs' place in the navigation.
pub const SECTION: Section = Section {
    label: "Configs",
    icon: Icon::Configs,
    needs: Operation::ConfigsList,
    href: routes::configs,
    steps: &[("new", "New"), ("versions", "Versions"), ("used-by", "Used by"), ("delete", "Delete")],
    help: "configs",
};

/// Its pages.
#[component(transparent)]
pub fn Routes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("configs") view=Outlet ssr=SsrMode::Async>
            <Route path=path!("") view=Later::Configs ssr=SsrMode::Async />
            <Route path=path!("new") view=Later::NewConfig ssr=SsrMode::Async />
            <Route path=path!(":config") view=Later::Config ssr=SsrMode::Async />
            <Route path=path!(":config/versions") view=Later::ConfigVersions ssr=SsrMode::Async />
            <Route path=path!(":config/used-by") view=Later::ConfigUses ssr=SsrMode::Async />
            <Route path=path!(":config/delete") view=Later::DeleteConfig ssr=SsrMode::Async />
        </ParentRoute>
    }
    .into_inner()
}
