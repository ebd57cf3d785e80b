//! The fields that making and editing share.

use crate::{
    features::virtual_keys::model::{CREDENTIAL_LIMIT, DESCRIPTION_LIMIT},
    kernel::provider::Provider,
    ui::components::{Choice, Field, FieldKind, Select},
};
use leptos::prelude::*;

/// The errors of the fields, by name.
#[derive(Clone, Copy)]
pub struct Errors {
    pub description: Signal<Option<String>>,
    pub provider: Signal<Option<String>>,
    pub base_url: Signal<Option<String>>,
    pub api_version: Signal<Option<String>>,
    pub credential: Signal<Option<String>>,
}

/// First values.
#[derive(Clone)]
pub struct Values {
    pub description: String,
    pub provider: String,
    pub base_url: String,
    pub api_version: String,
}

/// What is stored, when a virtual key is edited.
#[derive(Clone)]
pub struct Stored {
    pub provider: Provider,
    pub base_url: String,
    /// "Set on 21 Feb 2027 by Ada Lind."; none: there is no credential.
    pub credential: Option<String>,
}

/// Provider, base URL, API version, credential, description.
#[component]
pub fn ProviderFields(
    values: Values,
    errors: Errors,
    #[prop(optional_no_strip)] stored: Option<Stored>,
) -> impl IntoView {
    let provider = RwSignal::new(values.provider);
    let base_url = RwSignal::new(values.base_url);
    let chosen = move || Provider::parse(&provider.get()).unwrap_or(Provider::OpenAi);
    let choices = Provider::ALL.into_iter().map(|p| Choice::new(p.name(), p.label())).collect();
    // Another provider's own address is of no use here.
    let follow = Callback::new(move |name: String| {
        let typed = base_url.get_untracked();
        let foreign = Provider::ALL.into_iter().any(|p| p.default_base_url() == Some(typed.as_str()));
        if foreign && let Some(provider) = Provider::parse(&name) {
            base_url.set(provider.default_base_url().unwrap_or_default().to_owned());
        }
    });
    let moved = {
        let stored = stored.clone();
        move || {
            stored.as_ref().is_some_and(|was| {
                let typed = base_url.get();
                let meant = if typed.trim().is_empty() {
                    chosen().default_base_url().unwrap_or_default()
                } else {
                    typed.trim()
                };
                chosen() != was.provider || meant.trim_end_matches('/') != was.base_url
            })
        }
    };
    let base_hint = {
        let editing = stored.as_ref().is_some_and(|was| was.credential.is_some());
        Signal::derive(move || {
            let provider = chosen();
            let needed = match provider.default_base_url() {
                Some(own) => format!("Empty for the provider’s own, {own}."),
                None if provider == Provider::AzureOpenAi => {
                    format!(
                        "Your resource, such as {}. Calls name a deployment as the model.",
                        provider.example_base_url()
                    )
                }
                None => format!("Such as {}.", provider.example_base_url()),
            };
            if editing { format!("{needed} Changing it means entering the credential again.") } else { needed }
        })
    };
    let credential_hint = {
        let was = stored.as_ref().and_then(|stored| stored.credential.clone());
        Signal::derive(move || match &was {
            Some(set) if moved() => {
                format!(
                    "{set} It is only sent to the provider and base URL it was saved for: enter the credential again."
                )
            }
            Some(set) => format!("{set} Leave this empty to keep it. Nobody can read it, only replace it."),
            None if chosen().needs_credential() => {
                "The provider’s API key. It is sealed, and nobody can read it afterwards.".to_owned()
            }
            None => "Only if the server wants one. It is sealed, and nobody can read it afterwards.".to_owned(),
        })
    };
    view! {
        <Select label="Provider" name="provider" choices bind=provider on_change=follow error=errors.provider />
        <Field
            label="Base URL"
            name="base_url"
            kind=FieldKind::Url
            mono=true
            optional=true
            bind=base_url
            hint=base_hint
            error=errors.base_url
            maxlength=2048_u32
            autocomplete="off"
        />
        <div class="only-azure">
            <Field
                label="API version"
                name="api_version"
                mono=true
                optional=true
                value=values.api_version
                hint=Signal::stored("Azure’s api-version, such as 2024-10-21.".to_owned())
                error=errors.api_version
                maxlength=40_u32
                autocomplete="off"
            />
        </div>
        <Field
            label="Credential"
            name="credential"
            kind=FieldKind::Password
            mono=true
            // Empty again whenever the form is made anew, which is after a save.
            bind=RwSignal::new(String::new())
            hint=credential_hint
            error=errors.credential
            maxlength=u32::try_from(CREDENTIAL_LIMIT).unwrap_or(u32::MAX)
            autocomplete="off"
        />
        <Field
            label="Description"
            name="description"
            optional=true
            value=values.description
            error=errors.description
            maxlength=u32::try_from(DESCRIPTION_LIMIT).unwrap_or(u32::MAX)
            autocomplete="off"
        />
    }
}
