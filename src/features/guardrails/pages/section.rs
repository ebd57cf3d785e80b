//! The guardrails' place in the console.

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

/// The guardrails' place in the navigation.
pub const SECTION: Section = Section {
    label: "Guardrails",
    icon: Icon::Guardrails,
    needs: Operation::GuardrailsList,
    href: routes::guardrails,
    steps: &[
        ("new", "New"),
        ("versions", "Versions"),
        ("samples", "Samples"),
        ("used-by", "Used by"),
        ("delete", "Delete"),
    ],
    help: "guardrails",
};

/// Its pages.
#[component(transparent)]
pub fn Routes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("guardrails") view=Outlet ssr=SsrMode::Async>
            <Route path=path!("") view=Later::Guardrails ssr=SsrMode::Async />
            <Route path=path!("new") view=Later::NewGuardrail ssr=SsrMode::Async />
            <Route path=path!(":guardrail") view=Later::Guardrail ssr=SsrMode::Async />
            <Route path=path!(":guardrail/versions") view=Later::GuardrailVersions ssr=SsrMode::Async />
            <Route path=path!(":guardrail/samples") view=Later::GuardrailSamples ssr=SsrMode::Async />
            <Route path=path!(":guardrail/used-by") view=Later::GuardrailUses ssr=SsrMode::Async />
            <Route path=path!(":guardrail/delete") view=Later::DeleteGuardrail ssr=SsrMode::Async />
        </ParentRoute>
    }
    .into_inner()
}
