//! The console's pages and where they stand.

mod later;
#[cfg(feature = "ssr")]
mod shell;

#[cfg(feature = "ssr")]
pub use shell::shell;

use crate::{
    features::{
        accounts::pages as accounts,
        api_keys::pages as api_keys,
        logs::pages as logs,
        organisations::pages as organisations,
        team::{invitations::pages as invitations, pages as team},
        virtual_keys::pages as virtual_keys,
    },
    kernel::Error,
    site::routes,
    ui::{
        components::{LinkButton, Live},
        frame::PlainFrame,
        set_status,
    },
};
use later::Later;
use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{Outlet, ParentRoute, Route, Router, Routes},
    path,
};

/// The whole console.
#[component]
pub fn Console() -> impl IntoView {
    provide_meta_context();
    later::load_ahead();
    view! {
        <Title formatter=|page: String| if page.is_empty() { "Latchkey".to_owned() } else { format!("{page} · Latchkey") } />
        <Live>
            <Router>
                <Routes fallback=NotFound>
                    <Route path=path!("/") view=organisations::HomePage ssr=SsrMode::Async />
                    <Route path=path!("/setup") view=Later::Setup ssr=SsrMode::Async />
                    <Route path=path!("/sign-in") view=accounts::SignInPage ssr=SsrMode::Async />
                    <Route path=path!("/forgot") view=Later::Forgot ssr=SsrMode::Async />
                    <Route path=path!("/reset") view=Later::Reset ssr=SsrMode::Async />
                    <Route path=path!("/account") view=Later::Account ssr=SsrMode::Async />
                    <Route path=path!("/account/confirm") view=Later::Confirm ssr=SsrMode::Async />
                    <Route path=path!("/organisations") view=organisations::OrganisationsPage ssr=SsrMode::Async />
                    <Route path=path!("/organisations/new") view=Later::NewOrganisation ssr=SsrMode::Async />
                    <Route path=path!("/invitation") view=Later::Invitation ssr=SsrMode::Async />
                    <ParentRoute path=path!("/o/:slug") view=organisations::OrganisationLayout ssr=SsrMode::Async>
                        <Route path=path!("") view=organisations::StartPage ssr=SsrMode::Async />
                        <Route path=path!("roles") view=team::RolesPage ssr=SsrMode::Async />
                        <Route path=path!("leave") view=Later::Leave ssr=SsrMode::Async />
                        <Route path=path!("settings") view=Later::Settings ssr=SsrMode::Async />
                        <LogRoutes />
                        <TeamRoutes />
                        <ApiKeyRoutes />
                        <VirtualKeyRoutes />
                    </ParentRoute>
                </Routes>
            </Router>
        </Live>
    }
}

#[component(transparent)]
fn LogRoutes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("logs") view=Outlet ssr=SsrMode::Async>
            <Route path=path!("") view=logs::ListPage ssr=SsrMode::Async />
            <Route path=path!(":id") view=logs::DetailPage ssr=SsrMode::Async />
        </ParentRoute>
    }
    .into_inner()
}

#[component(transparent)]
fn TeamRoutes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("team") view=Outlet ssr=SsrMode::Async>
            <Route path=path!("") view=team::TeamPage ssr=SsrMode::Async />
            <Route path=path!("invite") view=Later::Invite ssr=SsrMode::Async />
            <Route path=path!("invitations") view=invitations::InvitationsPage ssr=SsrMode::Async />
            <Route path=path!("invitations/:id/resend") view=Later::Resend ssr=SsrMode::Async />
            <Route path=path!("invitations/:id/revoke") view=Later::Revoke ssr=SsrMode::Async />
            <Route path=path!(":id/role") view=Later::ChangeRole ssr=SsrMode::Async />
            <Route path=path!(":id/remove") view=Later::Remove ssr=SsrMode::Async />
            <Route path=path!(":id/password-link") view=Later::PasswordLink ssr=SsrMode::Async />
        </ParentRoute>
    }
    .into_inner()
}

#[component(transparent)]
fn ApiKeyRoutes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("api-keys") view=Outlet ssr=SsrMode::Async>
            <Route path=path!("") view=api_keys::KeysPage ssr=SsrMode::Async />
            <Route path=path!("new") view=Later::NewApiKey ssr=SsrMode::Async />
            <Route path=path!(":id") view=Later::ApiKey ssr=SsrMode::Async />
            <Route path=path!(":id/rotate") view=Later::RotateApiKey ssr=SsrMode::Async />
            <Route path=path!(":id/disable") view=Later::DisableApiKey ssr=SsrMode::Async />
            <Route path=path!(":id/delete") view=Later::DeleteApiKey ssr=SsrMode::Async />
        </ParentRoute>
    }
    .into_inner()
}

#[component(transparent)]
fn VirtualKeyRoutes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("virtual-keys") view=Outlet ssr=SsrMode::Async>
            <Route path=path!("") view=virtual_keys::ListPage ssr=SsrMode::Async />
            <Route path=path!("new") view=Later::NewVirtualKey ssr=SsrMode::Async />
            <Route path=path!(":key") view=Later::VirtualKey ssr=SsrMode::Async />
            <Route path=path!(":key/duplicate") view=Later::DuplicateVirtualKey ssr=SsrMode::Async />
            <Route path=path!(":key/delete") view=Later::DeleteVirtualKey ssr=SsrMode::Async />
        </ParentRoute>
    }
    .into_inner()
}

/// The page for an address that leads nowhere.
#[component]
pub fn NotFound() -> impl IntoView {
    set_status(&Error::not_found());
    view! {
        <Title text="Nothing here" />
        <PlainFrame title="Nothing here" sentence=|| "This page does not exist, or it is in another organisation.">
            <LinkButton label="Your organisations" href=routes::organisations() />
        </PlainFrame>
    }
}
