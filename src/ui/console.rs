//! The console's pages and where they stand.

use super::{
    components::{LinkButton, Live},
    frame::PlainFrame,
    routes,
};
use crate::features::{accounts::pages as accounts, organisations::pages as organisations};
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
                    <Route path=path!("/forgot") view=accounts::ForgotPage ssr=SsrMode::Async />
                    <Route path=path!("/reset") view=accounts::ResetPage ssr=SsrMode::Async />
                    <Route path=path!("/account") view=accounts::AccountPage ssr=SsrMode::Async />
                    <Route path=path!("/account/confirm") view=accounts::ConfirmPage ssr=SsrMode::Async />
                    <Route path=path!("/organisations") view=organisations::OrganisationsPage ssr=SsrMode::Async />
                    <Route path=path!("/organisations/new") view=organisations::NewOrganisationPage ssr=SsrMode::Async />
                    <ParentRoute path=path!("/o/:slug") view=organisations::OrganisationLayout ssr=SsrMode::Async>
                        <Route path=path!("") view=organisations::StartPage />
                        <Route path=path!("settings") view=organisations::SettingsPage ssr=SsrMode::Async />
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
