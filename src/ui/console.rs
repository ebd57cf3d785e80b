//! The console's pages and where they stand.

use super::{
    components::{LinkButton, Live},
    frame::PlainFrame,
    routes,
};
use crate::features::{accounts::pages as accounts, logs::pages as logs, organisations::pages as organisations, virtual_keys::pages as virtual_keys};
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
                    <ParentRoute path=path!("/o/:slug") view=organisations::OrganisationLayout ssr=SsrMode::Async>
                        <Route path=path!("") view=organisations::StartPage />
                        <Route path=path!("logs") view=logs::ListPage />
                        <Route path=path!("logs/:id") view=logs::DetailPage />
                        <Route path=path!("virtual-keys") view=virtual_keys::ListPage />
                        <Route path=path!("virtual-keys/new") view=virtual_keys::NewPage />
                        <Route path=path!("virtual-keys/:key") view=virtual_keys::DetailPage />
                        <Route path=path!("virtual-keys/:key/duplicate") view=virtual_keys::DuplicatePage />
                        <Route path=path!("virtual-keys/:key/delete") view=virtual_keys::DeletePage />
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
