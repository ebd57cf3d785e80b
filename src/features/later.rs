//! Pages on which people act, whose code a browser loads when somebody first goes to one of them: the first page that one
//! lands on, a list or the sign-in, does not wait for it. The build splits the WebAssembly at [`part::open`].

use crate::{
    features::{
        accounts::pages as accounts,
        api_keys::pages as api_keys,
        configs::pages as configs,
        logs::pages as logs,
        organisations::pages as organisations,
        team::{invitations::pages as invitations, pages as team},
        virtual_keys::pages as virtual_keys,
    },
    kernel::{Code, Error},
    ui::{Problem, is_hydrating},
};
use leptos::prelude::*;
use leptos_router::ChooseView;

/// `later! { Page => View, … }`: what a route names as its view, and the function that makes it.
macro_rules! later {
    ($($Page:ident => $view:path),+ $(,)?) => {
        /// A page that is loaded later.
        #[derive(Clone, Copy, Debug)]
        pub enum Later {
            $($Page),+
        }

        impl ChooseView for Later {
            async fn choose(self) -> AnyView {
                part::open(self).await.unwrap_or_else(|_| view! { <NotLoaded /> }.into_any())
            }

            async fn preload(&self) {
                if part::preload().await.is_err() && is_hydrating() {
                    // The page is there, and works as plain HTML: it is left at that.
                    std::future::pending::<()>().await;
                }
                // In the app it is tried again, and told of, when the page is opened.
            }
        }

        mod part {
            use super::*;
            use wasm_split_helpers::{SplitLoaderError, wasm_split};

            #[wasm_split(later, fallible, preload(preload))]
            pub fn open(page: Later) -> Result<AnyView, SplitLoaderError> {
                Ok(match page {
                    $(Later::$Page => $view().into_any()),+
                })
            }
        }
    };
}

later! {
    Setup => accounts::SetupPage,
    Forgot => accounts::ForgotPage,
    Reset => accounts::ResetPage,
    Account => accounts::AccountPage,
    Confirm => accounts::ConfirmPage,
    Invitation => invitations::InvitationPage,
    NewOrganisation => organisations::NewOrganisationPage,
    Settings => organisations::SettingsPage,
    Leave => team::LeavePage,
    ChangeRole => team::ChangeRolePage,
    Remove => team::RemovePage,
    PasswordLink => team::PasswordLinkPage,
    Invite => invitations::InvitePage,
    Resend => invitations::ResendPage,
    Revoke => invitations::RevokePage,
    NewApiKey => api_keys::NewKeyPage,
    ApiKey => api_keys::KeyDetailPage,
    RotateApiKey => api_keys::RotateKeyPage,
    DisableApiKey => api_keys::DisableKeyPage,
    DeleteApiKey => api_keys::DeleteKeyPage,
    NewConfig => configs::NewPage,
    Config => configs::EditorPage,
    ConfigVersions => configs::VersionsPage,
    ConfigUses => configs::UsesPage,
    DeleteConfig => configs::DeletePage,
    Log => logs::DetailPage,
    NewVirtualKey => virtual_keys::NewPage,
    VirtualKey => virtual_keys::DetailPage,
    DuplicateVirtualKey => virtual_keys::DuplicatePage,
    DeleteVirtualKey => virtual_keys::DeletePage,
}

/// Loads them while the first page is being read, so that going there does not wait.
pub fn load_ahead() {
    Effect::new(|_| leptos::task::spawn_local(async { drop(part::preload().await) }));
}

/// In place of a page whose code could not be loaded.
#[component]
fn NotLoaded() -> impl IntoView {
    let message = "A part of it could not be loaded. Check the connection and try again.";
    view! { <Problem error=Error::new(Code::Unavailable, message) /> }
}
