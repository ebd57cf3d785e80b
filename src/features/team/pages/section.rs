//! The team's place in the console.

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

/// The team's place in the navigation.
pub const SECTION: Section = Section {
    label: "Team",
    icon: Icon::Team,
    needs: Operation::TeamList,
    href: routes::team,
    steps: &[
        ("invite", "Invite people"),
        ("invitations", "Invitations"),
        ("remove", "Remove"),
        ("revoke", "Revoke"),
        ("role", "Role"),
        ("password-link", "Password link"),
        ("resend", "New link"),
        ("many", "Several"),
        ("reviews", "Access reviews"),
    ],
    help: "roles-and-keys",
};

/// The page of the roles.
pub const ROLES: Section = Section {
    label: "Roles",
    icon: Icon::Guardrails,
    needs: Operation::OrganisationView,
    href: routes::roles,
    steps: &[],
    help: "roles-and-keys",
};

/// Its pages.
#[component(transparent)]
pub fn Routes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("team") view=Outlet ssr=SsrMode::Async>
            <Route path=path!("") view=Later::Team ssr=SsrMode::Async />
            <Route path=path!("invite") view=Later::Invite ssr=SsrMode::Async />
            <Route path=path!("invitations") view=Later::Invitations ssr=SsrMode::Async />
            <Route path=path!("invitations/many") view=Later::ManyInvitations ssr=SsrMode::Async />
            <Route path=path!("invitations/:id/resend") view=Later::Resend ssr=SsrMode::Async />
            <Route path=path!("invitations/:id/revoke") view=Later::Revoke ssr=SsrMode::Async />
            <Route path=path!("reviews") view=Later::AccessReviews ssr=SsrMode::Async />
            <Route path=path!("reviews/:id") view=Later::AccessReview ssr=SsrMode::Async />
            <Route path=path!("reviews/:id/:number") view=Later::AccessReviewRow ssr=SsrMode::Async />
            <Route path=path!("many") view=Later::ManyMembers ssr=SsrMode::Async />
            <Route path=path!(":id/role") view=Later::ChangeRole ssr=SsrMode::Async />
            <Route path=path!(":id/remove") view=Later::Remove ssr=SsrMode::Async />
            <Route path=path!(":id/password-link") view=Later::PasswordLink ssr=SsrMode::Async />
        </ParentRoute>
    }
    .into_inner()
}
