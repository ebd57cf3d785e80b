//! The pages' code comes in parts, each loaded when somebody first goes to one of its pages: what all pages share comes
//! first and alone. The build splits the WebAssembly at the `open` of each part.

use crate::{
    features::{
        accounts::pages as accounts,
        analytics::pages as analytics,
        api_keys::pages as api_keys,
        audit::pages as audit,
        billing::pages as billing,
        configs::pages as configs,
        guardrails::pages as guardrails,
        home::pages as home,
        limits::pages as limits,
        logs::pages as logs,
        organisations::pages as organisations,
        prices::pages as prices,
        prompts::pages as prompts,
        team::{invitations::pages as invitations, pages as team, reviews::pages as reviews},
        virtual_keys::pages as virtual_keys,
        why::pages as why,
    },
    kernel::{Code, Error},
    ui::{Connection, Problem, Waiting, is_hydrating},
};
use leptos::prelude::*;
use leptos_router::ChooseView;
use std::time::Duration;

/// `later! { part { Page => View, … } … }`: the parts, and in each what a route names as its view with the function that
/// makes it.
macro_rules! later {
    ($($part:ident { $($Page:ident => $view:path),+ $(,)? })+) => {
        /// A page that is loaded later.
        #[derive(Clone, Copy, Debug)]
        pub enum Later {
            $($($Page),+),+
        }

        impl ChooseView for Later {
            async fn choose(self) -> AnyView {
                let opened = match self {
                    $($(Later::$Page)|+ => $part::open(self).await),+
                };
                opened.unwrap_or_else(|_| view! { <NotLoaded /> }.into_any())
            }

            async fn preload(&self) {
                #[cfg(feature = "ssr")]
                if let Some(part) = use_context::<Part>() {
                    part.note(match self {
                        $($(Later::$Page)|+ => stringify!($part)),+
                    });
                }
                // Until a page has come to life it shows all that there is to wait for.
                let waiting = (!is_hydrating()).then(Waiting::begin);
                // What could not be loaded is tried again, and told of, when the page is opened.
                drop(match self {
                    $($(Later::$Page)|+ => $part::preload().await),+
                });
                drop(waiting);
            }
        }

        /// Loads the part of this name; false if it cannot be loaded.
        #[cfg(feature = "hydrate")]
        pub async fn load(part: &str) -> bool {
            match part {
                $(stringify!($part) => $part::preload().await.is_ok(),)+
                _ => true,
            }
        }

        /// Loads every part.
        async fn preload_all() {
            $(drop($part::preload().await);)+
        }

        $(mod $part {
            use super::*;
            use wasm_split_helpers::{SplitLoaderError, wasm_split};

            #[wasm_split($part, fallible, preload(preload))]
            pub fn open(page: Later) -> Result<AnyView, SplitLoaderError> {
                Ok(match page {
                    $(Later::$Page => $view().into_any(),)+
                    _ => ().into_any(),
                })
            }
        })+
    };
}

later! {
    account {
        Setup => accounts::SetupPage,
        Forgot => accounts::ForgotPage,
        Reset => accounts::ResetPage,
        Account => accounts::AccountPage,
        Confirm => accounts::ConfirmPage,
        Organisations => organisations::OrganisationsPage,
        NewOrganisation => organisations::NewOrganisationPage,
        Invitation => invitations::InvitationPage,
    }
    settings {
        Settings => organisations::SettingsPage,
        DeleteTexts => organisations::DeleteTextsPage,
    }
    people {
        Team => team::TeamPage,
    }
    around_people {
        Roles => team::RolesPage,
        Leave => team::LeavePage,
        ChangeRole => team::ChangeRolePage,
        Remove => team::RemovePage,
        PasswordLink => team::PasswordLinkPage,
        ManyMembers => team::ManyPeoplePage,
    }
    inviting {
        Invitations => invitations::InvitationsPage,
        Invite => invitations::InvitePage,
        Resend => invitations::ResendPage,
        Revoke => invitations::RevokePage,
        ManyInvitations => invitations::ManyInvitationsPage,
    }
    evidence {
        AccessReviews => reviews::ReviewsPage,
        AccessReview => reviews::ReviewPage,
        AccessReviewRow => reviews::RowPage,
    }
    keys {
        ApiKeys => api_keys::KeysPage,
    }
    key_acts {
        RotateApiKey => api_keys::RotateKeyPage,
        DisableApiKey => api_keys::DisableKeyPage,
        DeleteApiKey => api_keys::DeleteKeyPage,
        ManyApiKeys => api_keys::ManyKeysPage,
    }
    key_forms {
        NewApiKey => api_keys::NewKeyPage,
    }
    one_key {
        ApiKey => api_keys::KeyDetailPage,
    }
    providers {
        VirtualKeys => virtual_keys::ListPage,
        NewVirtualKey => virtual_keys::NewPage,
        VirtualKey => virtual_keys::DetailPage,
        DuplicateVirtualKey => virtual_keys::DuplicatePage,
        DeleteVirtualKey => virtual_keys::DeletePage,
    }
    home_page {
        Home => home::HomePage,
    }
    calls {
        Logs => logs::ListPage,
    }
    one_call {
        Log => logs::DetailPage,
    }
    figures {
        Analytics => analytics::AnalyticsPage,
    }
    around_calls {
        LogExport => logs::ExportPage,
        LogSettings => logs::SettingsPage,
        LogFilters => logs::FiltersPage,
        Prices => prices::PricesPage,
    }
    audit_log {
        AuditLog => audit::ListPage,
        AuditEvent => audit::EventPage,
        AuditDelivery => audit::DeliveryPage,
    }
    limits_page {
        Limits => limits::LimitsPage,
    }
    bills {
        Billing => billing::BillingPage,
        BillingSettings => billing::SettingsPage,
        BillingStatement => billing::StatementPage,
    }
    build {
        NewConfig => configs::NewPage,
        Config => configs::EditorPage,
    }
    around_build {
        Configs => configs::ListPage,
        ConfigVersions => configs::VersionsPage,
        ConfigUses => configs::UsesPage,
        DeleteConfig => configs::DeletePage,
    }
    checks {
        NewGuardrail => guardrails::NewPage,
        Guardrail => guardrails::EditorPage,
    }
    around_checks {
        Guardrails => guardrails::ListPage,
        GuardrailVersions => guardrails::VersionsPage,
        GuardrailSamples => guardrails::SamplesPage,
        GuardrailUses => guardrails::UsesPage,
        DeleteGuardrail => guardrails::DeletePage,
    }
    texts {
        NewPrompt => prompts::NewPromptPage,
        Prompt => prompts::PromptPage,
        NewPartial => prompts::NewPartialPage,
        Partial => prompts::PartialPage,
    }
    text_lists {
        Prompts => prompts::PromptsPage,
        DeletePrompt => prompts::DeletePromptPage,
        Partials => prompts::PartialsPage,
        DeletePartial => prompts::DeletePartialPage,
    }
    text_versions {
        PromptVersions => prompts::PromptVersionsPage,
        PartialVersions => prompts::PartialVersionsPage,
    }
    around_texts {
        PromptValues => prompts::ValuesPage,
        ComparePrompts => prompts::ComparePage,
        ImportPrompt => prompts::ImportPage,
        PromptLabels => prompts::LabelsPage,
        NewPromptLabel => prompts::NewLabelPage,
        EditPromptLabel => prompts::EditLabelPage,
        DeletePromptLabel => prompts::DeleteLabelPage,
        PromptFolders => prompts::FoldersPage,
        NewPromptFolder => prompts::NewFolderPage,
        RenamePromptFolder => prompts::RenameFolderPage,
        DeletePromptFolder => prompts::DeleteFolderPage,
    }
    reasons {
        Why => why::WhyPage,
    }
}

/// The part that the page needs which the server renders, once it is known.
#[cfg(feature = "ssr")]
#[derive(Clone, Default)]
pub struct Part(std::sync::Arc<std::sync::OnceLock<&'static str>>);

#[cfg(feature = "ssr")]
impl Part {
    fn note(&self, part: &'static str) {
        self.0.get_or_init(|| part);
    }

    /// Its name; empty for a page that needs none.
    pub fn name(&self) -> &'static str {
        self.0.get().copied().unwrap_or_default()
    }
}

/// How long a page has the connection for itself before the other parts are loaded.
const AHEAD: Duration = Duration::from_secs(5);

/// Loads the other parts while the first page is being read, so that going there does not wait.
pub fn load_ahead() {
    Effect::new(|_| set_timeout(|| leptos::task::spawn_local(preload_all()), AHEAD));
}

/// In place of a page whose code could not be loaded. It is opened anew as a whole once the server can be reached.
#[component]
fn NotLoaded() -> impl IntoView {
    let tries = use_context::<Connection>().map(Connection::tries);
    Effect::new(move |before: Option<u32>| {
        let tries = tries.map_or(0, |tries| tries.get());
        match before {
            None => Connection::note_lost(),
            Some(_) => drop(window().location().reload()),
        }
        tries
    });
    let message = "A part of it could not be loaded. Check the connection and try again.";
    view! { <Problem error=Error::new(Code::Unavailable, message) /> }
}
