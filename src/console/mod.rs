//! The console's pages and where they stand.

#[cfg(feature = "ssr")]
mod shell;

#[cfg(feature = "ssr")]
pub use shell::shell;

use crate::{
    features::{
        accounts::pages as accounts,
        analytics::pages as analytics,
        api_keys::pages as api_keys,
        audit::pages as audit,
        billing::pages as billing,
        configs::pages as configs,
        guardrails::pages as guardrails,
        later::{self, Later},
        limits::pages as limits,
        logs::pages as logs,
        organisations::pages as organisations,
        prompts::pages as prompts,
        team::pages as team,
        virtual_keys::pages as virtual_keys,
        why::pages as why,
    },
    kernel::Error,
    ui::{Problem, Session, components::Live, set_status},
};
use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::{
    SsrMode,
    components::{ParentRoute, Route, Router, Routes},
    path,
};
use std::sync::Arc;

/// The whole console.
#[component]
pub fn Console() -> impl IntoView {
    provide_meta_context();
    later::load_ahead();
    let session = Session::provide();
    view! {
        <Title formatter=|page: String| if page.is_empty() { "Latchkey".to_owned() } else { format!("{page} · Latchkey") } />
        <Live>
            <Router>
                <accounts::SignInAgain session />
                <Routes fallback=NotFound>
                    <Route path=path!("/setup") view=Later::Setup ssr=SsrMode::Async />
                    <Route path=path!("/sign-in") view=accounts::SignInPage ssr=SsrMode::Async />
                    <Route path=path!("/forgot") view=Later::Forgot ssr=SsrMode::Async />
                    <Route path=path!("/reset") view=Later::Reset ssr=SsrMode::Async />
                    <Route path=path!("/invitation") view=Later::Invitation ssr=SsrMode::Async />
                    <ParentRoute path=path!("") view=organisations::PersonLayout ssr=SsrMode::Async>
                        <Route path=path!("") view=organisations::EntryPage ssr=SsrMode::Async />
                        <Route path=path!("account") view=Later::Account ssr=SsrMode::Async />
                        <Route path=path!("account/confirm") view=Later::Confirm ssr=SsrMode::Async />
                        <Route path=path!("organisations") view=Later::Organisations ssr=SsrMode::Async />
                        <Route path=path!("organisations/new") view=Later::NewOrganisation ssr=SsrMode::Async />
                    </ParentRoute>
                    <ParentRoute path=path!("/o/:slug") view=organisations::OrganisationLayout ssr=SsrMode::Async>
                        <Route path=path!("") view=Later::Home ssr=SsrMode::Async />
                        <Route path=path!("roles") view=Later::Roles ssr=SsrMode::Async />
                        <Route path=path!("leave") view=Later::Leave ssr=SsrMode::Async />
                        <Route path=path!("settings") view=Later::Settings ssr=SsrMode::Async />
                        <Route path=path!("settings/delete-texts") view=Later::DeleteTexts ssr=SsrMode::Async />
                        <logs::Routes />
                        <analytics::Routes />
                        <audit::Routes />
                        <billing::Routes />
                        <team::Routes />
                        <prompts::Routes />
                        <configs::Routes />
                        <guardrails::Routes />
                        <api_keys::Routes />
                        <virtual_keys::Routes />
                        <limits::Routes />
                        <why::Routes />
                    </ParentRoute>
                </Routes>
            </Router>
        </Live>
    }
}

/// The page for an address that leads nowhere.
#[component]
pub fn NotFound() -> impl IntoView {
    set_status(&Error::not_found());
    let content = || view! { <Problem error=Error::not_found() /> }.into_any();
    view! { <organisations::PersonFrame content=Arc::new(content) /> }
}
