//! The console's pages and where they stand.

use super::{
    components::{LinkButton, Live},
    frame::PlainFrame,
    routes, side,
};
use crate::features::{
    accounts::pages as accounts,
    api_keys::pages as api_keys,
    logs::pages as logs,
    organisations::pages as organisations,
    team::{invitations::pages as invitations, pages as team},
    virtual_keys::pages as virtual_keys,
};
use crate::kernel::Error;
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
    view! {
        <Title formatter=|page: String| if page.is_empty() { "Latchkey".to_owned() } else { format!("{page} · Latchkey") } />
        <Live>
            <Router>
                <Routes fallback=NotFound>
                    <Route path=path!("/") view=organisations::HomePage ssr=SsrMode::Async />
                    <Route path=path!("/setup") view=accounts::SetupPage ssr=SsrMode::Async />
                    <Route path=path!("/sign-in") view=accounts::SignInPage ssr=SsrMode::Async />
                    <Route path=path!("/forgot") view=accounts::ForgotPage ssr=SsrMode::Async />
                    <Route path=path!("/reset") view=accounts::ResetPage ssr=SsrMode::Async />
                    <Route path=path!("/account") view=accounts::AccountPage ssr=SsrMode::Async />
                    <Route path=path!("/account/confirm") view=accounts::ConfirmPage ssr=SsrMode::Async />
                    <Route path=path!("/organisations") view=organisations::OrganisationsPage ssr=SsrMode::Async />
                    <Route path=path!("/organisations/new") view=organisations::NewOrganisationPage ssr=SsrMode::Async />
                    <Route path=path!("/invitation") view=invitations::InvitationPage ssr=SsrMode::Async />
                    <ParentRoute path=path!("/o/:slug") view=organisations::OrganisationLayout ssr=SsrMode::Async>
                        <Route path=path!("") view=organisations::StartPage ssr=SsrMode::Async />
                        <Route path=path!("roles") view=team::RolesPage ssr=SsrMode::Async />
                        <Route path=path!("leave") view=team::LeavePage ssr=SsrMode::Async />
                        <Route path=path!("settings") view=organisations::SettingsPage ssr=SsrMode::Async />
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
            <Route path=path!("invite") view=invitations::InvitePage ssr=SsrMode::Async />
            <Route path=path!("invitations") view=invitations::InvitationsPage ssr=SsrMode::Async />
            <Route path=path!("invitations/:id/resend") view=invitations::ResendPage ssr=SsrMode::Async />
            <Route path=path!("invitations/:id/revoke") view=invitations::RevokePage ssr=SsrMode::Async />
            <Route path=path!(":id/role") view=team::ChangeRolePage ssr=SsrMode::Async />
            <Route path=path!(":id/remove") view=team::RemovePage ssr=SsrMode::Async />
            <Route path=path!(":id/password-link") view=team::PasswordLinkPage ssr=SsrMode::Async />
        </ParentRoute>
    }
    .into_inner()
}

#[component(transparent)]
fn ApiKeyRoutes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("api-keys") view=Outlet ssr=SsrMode::Async>
            <Route path=path!("") view=api_keys::KeysPage ssr=SsrMode::Async />
            <Route path=path!("new") view=api_keys::NewKeyPage ssr=SsrMode::Async />
            <Route path=path!(":id") view=api_keys::KeyDetailPage ssr=SsrMode::Async />
            <Route path=path!(":id/rotate") view=api_keys::RotateKeyPage ssr=SsrMode::Async />
            <Route path=path!(":id/disable") view=api_keys::DisableKeyPage ssr=SsrMode::Async />
            <Route path=path!(":id/delete") view=api_keys::DeleteKeyPage ssr=SsrMode::Async />
        </ParentRoute>
    }
    .into_inner()
}

#[component(transparent)]
fn VirtualKeyRoutes() -> impl leptos_router::MatchNestedRoutes + Clone {
    view! {
        <ParentRoute path=path!("virtual-keys") view=Outlet ssr=SsrMode::Async>
            <Route path=path!("") view=virtual_keys::ListPage ssr=SsrMode::Async />
            <Route path=path!("new") view=virtual_keys::NewPage ssr=SsrMode::Async />
            <Route path=path!(":key") view=virtual_keys::DetailPage ssr=SsrMode::Async />
            <Route path=path!(":key/duplicate") view=virtual_keys::DuplicatePage ssr=SsrMode::Async />
            <Route path=path!(":key/delete") view=virtual_keys::DeletePage ssr=SsrMode::Async />
        </ParentRoute>
    }
    .into_inner()
}

/// The page for an address that leads nowhere.
#[component]
pub fn NotFound() -> impl IntoView {
    side::set_status(&Error::not_found());
    view! {
        <Title text="Nothing here" />
        <PlainFrame title="Nothing here" sentence=|| "This page does not exist, or it is in another organisation.">
            <LinkButton label="Your organisations" href=routes::organisations() />
        </PlainFrame>
    }
}
