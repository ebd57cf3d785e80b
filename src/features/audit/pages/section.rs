//! The audit log's place in the console.

use crate::{
    features::later::Later,
    policy::Operation,
    site::routes,
    ui::{can, components::LinkButton, frame::Section, icons::Icon, use_place},
};
use leptos::prelude::*;
use leptos_router::{
    SsrMode,
    components::{Outlet, ParentRoute, Route},
    path,
};

/// Its place in the navigation.
pub const SECTION: Section = Section {
    label: "Audit log",
    icon: Icon::Audit,
    needs: Operation::AuditList,
    href: routes::audit,
    steps: &[],
    help: "audit",
};

/// Its pages.
#[component(transparent)]
pub fn Routes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("audit") view=Outlet ssr=SsrMode::Async>
            <Route path=path!("") view=Later::AuditLog ssr=SsrMode::Async />
            <Route path=path!("delivery") view=Later::AuditDelivery ssr=SsrMode::Async />
            <Route path=path!(":number") view=Later::AuditEvent ssr=SsrMode::Async />
        </ParentRoute>
    }
    .into_inner()
}

/// The way to all events about one thing, for whoever may read the audit log. `kind` and `id` are as events write them.
pub fn history(kind: &'static str, id: &str) -> Option<AnyView> {
    let place = use_place()?;
    let href = routes::audit_of(&place.slug, kind, id);
    can(Operation::AuditList).then(|| view! { <LinkButton label="Audit history" href /> }.into_any())
}
