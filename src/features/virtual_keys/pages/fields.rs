//! The fields that making and editing share.

use crate::{
    features::virtual_keys::model::{Detail, Draft},
    kernel::provider::Provider,
    ui::{
        components::{Choice, Field, FieldKind, Select},
        form::AnyForm,
    },
};
use leptos::prelude::*;

/// "Set on 21 Feb 2027 by Ada Lind.", if a credential is stored.
pub fn set_words(key: &Detail) -> Option<String> {
    let at = key.credential_set_at?;
    Some(format!("Set on {} by {}.", at.date(), key.credential_set_by.as_deref().unwrap_or("somebody")))
}

/// Provider, base URL, API version, credential, description.
#[component]
pub fn ProviderFields(
    /// The form around them.
    #[prop(into)]
    form: AnyForm,
    /// What they begin with.
    begun: Signal<Draft>,
    /// What is stored, when a virtual key is edited.
    #[prop(optional)]
    stored: Option<Signal<Detail>>,
) -> impl IntoView {
    let field = move |of: fn(&Draft) -> &String| Signal::derive(move || begun.with(|draft| of(draft).clone()));
    let provider = RwSignal::new(form.typed("provider", begun.with_untracked(|draft| draft.provider.clone())));
    let base_url = RwSignal::new(form.typed("base_url", begun.with_untracked(|draft| draft.base_url.clone())));
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
        move || {
            stored.is_some_and(|was| {
                let typed = base_url.get();
                let meant = if typed.trim().is_empty() {
                    chosen().default_base_url().unwrap_or_default()
                } else {
                    typed.trim()
                };
                was.with(|was| chosen() != was.provider || meant.trim_end_matches('/') != was.base_url)
            })
        }
    };
    let base_hint = {
        Signal::derive(move || {
            let editing = stored.is_some_and(|was| was.with(|was| was.credential_set_at.is_some()));
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
        Signal::derive(move || match stored.and_then(|stored| stored.with(set_words)) {
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
        <Select label="Provider" name="provider" choices selected=field(|draft| &draft.provider) bind=provider on_change=follow />
        <Field
            label="Base URL"
            name="base_url"
            kind=FieldKind::Url
            mono=true
            optional_when=Signal::derive(move || chosen().default_base_url().is_some())
            value=field(|draft| &draft.base_url)
            bind=base_url
            hint=base_hint
            autocomplete="off"
        />
        <div class="only-azure">
            <Field
                label="API version"
                name="api_version"
                mono=true
                optional=true
                value=field(|draft| &draft.api_version)
                hint=Signal::stored("Azure’s api-version, such as 2024-10-21.".to_owned())
                autocomplete="off"
            />
        </div>
        <Field
            label="Credential"
            name="credential"
            kind=FieldKind::Password
            mono=true
            optional_when=Signal::derive(move || !chosen().needs_credential())
            // Empty again whenever the form is made anew, which is after a save.
            bind=RwSignal::new(String::new())
            hint=credential_hint
            autocomplete="off"
        />
        <Field
            label="Description"
            name="description"
            optional=true
            value=field(|draft| &draft.description)
            autocomplete="off"
        />
    }
}
