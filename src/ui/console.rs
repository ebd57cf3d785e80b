//! The console's pages and where they stand.

use super::{
    components::{LinkButton, Live},
    frame::PlainFrame,
    routes,
};
use crate::features::{
    accounts::pages as accounts,
    api_keys::pages as api_keys,
    organisations::pages as organisations,
    team::{invitations::pages as invitations, pages as team},
    virtual_keys::pages as virtual_keys,
};
use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{ParentRoute, Route, Router, Routes},
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
                    <Route path=path!("/invitation") view=invitations::InvitationPage ssr=SsrMode::Async />
                    <ParentRoute path=path!("/o/:slug") view=organisations::OrganisationLayout ssr=SsrMode::Async>
                        <Route path=path!("") view=organisations::StartPage />
                        <Route path=path!("virtual-keys") view=virtual_keys::ListPage />
                        <Route path=path!("virtual-keys/new") view=virtual_keys::NewPage />
                        <Route path=path!("virtual-keys/:key") view=virtual_keys::DetailPage />
                        <Route path=path!("virtual-keys/:key/duplicate") view=virtual_keys::DuplicatePage />
                        <Route path=path!("virtual-keys/:key/delete") view=virtual_keys::DeletePage />
                        <Route path=path!("/team") view=team::TeamPage />
                        <Route path=path!("/team/invite") view=invitations::InvitePage />
                        <Route path=path!("/team/invitations") view=invitations::InvitationsPage />
                        <Route path=path!("/team/invitations/:id/resend") view=invitations::ResendPage />
                        <Route path=path!("/team/invitations/:id/revoke") view=invitations::RevokePage />
                        <Route path=path!("/team/:id/role") view=team::ChangeRolePage />
                        <Route path=path!("/team/:id/remove") view=team::RemovePage />
                        <Route path=path!("/team/:id/password-link") view=team::PasswordLinkPage />
                        <Route path=path!("/roles") view=team::RolesPage />
                        <Route path=path!("/leave") view=team::LeavePage />
                        <Route path=path!("api-keys") view=api_keys::KeysPage ssr=SsrMode::Async />
                        <Route path=path!("api-keys/new") view=api_keys::NewKeyPage ssr=SsrMode::Async />
                        <Route path=path!("api-keys/:id") view=api_keys::KeyDetailPage ssr=SsrMode::Async />
                        <Route path=path!("api-keys/:id/rotate") view=api_keys::RotateKeyPage ssr=SsrMode::Async />
                        <Route path=path!("api-keys/:id/disable") view=api_keys::DisableKeyPage ssr=SsrMode::Async />
                        <Route path=path!("api-keys/:id/delete") view=api_keys::DeleteKeyPage ssr=SsrMode::Async />
                    </ParentRoute>
                </Routes>
            </Router>
        </Live>
    }
}

/// The page for an address that leads nowhere.
#[component]
pub fn NotFound() -> impl IntoView {
    #[cfg(feature = "ssr")]
    if let Some(options) = use_context::<leptos_axum::ResponseOptions>() {
        options.set_status(axum::http::StatusCode::NOT_FOUND);
    }
    view! {
        <Title text="Nothing here" />
        <PlainFrame title="Nothing here" sentence=|| "This page does not exist, or it is in another organisation.">
            <LinkButton label="Your organisations" href=routes::organisations() />
        </PlainFrame>
    }
}
