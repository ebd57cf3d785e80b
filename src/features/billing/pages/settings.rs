//! Who bills are for, what amounts are shown in, and what providers' costs are raised by.

use crate::{
    features::{
        audit::pages as audit,
        billing::{
            functions::{ChangeBillingSettings, LoadBillingSettings},
            model::{LIMITS, MARKUP, Settings},
        },
    },
    kernel::provider::Provider,
    policy::Operation,
    ui::{
        Headed, Loaded, available,
        components::{Button, Card, Field, Look, PageHeader, Toast},
        form::{Form, FormFor, Refusal, use_form, use_stored},
        load_after,
        pages::{Done, page_title, param, use_slug},
        use_place,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

const SAVED: &str = "Saved. It applies to statements made from now on.";

#[component]
pub fn SettingsPage() -> impl IntoView {
    provide_context(Headed);
    let slug = use_slug();
    let form = use_form::<ChangeBillingSettings>();
    let saves = form.successes();
    let data = load_after(move || saves.get(), move || LoadBillingSettings { slug: slug.get() });
    form.says(|| Toast::done(SAVED));
    let history = use_place().and_then(|place| audit::history("organisation", &place.organisation.to_string()));
    view! {
        <Title text=page_title("Billing settings") />
        <PageHeader
            title="Billing settings"
            sentence=|| "Who statements are for, what amounts are shown in, and what is added to what providers charge."
        >
            {history}
        </PageHeader>
        <Done said=&[("saved", SAVED)] />
        <Loaded data view=move |settings| view! { <Inside settings slug=param("slug") form /> }.into_any() />
    }
}

#[component]
fn Inside(settings: Settings, slug: String, form: Form<ChangeBillingSettings>) -> impl IntoView {
    let (stored, read) = use_stored(form, settings, LoadBillingSettings { slug }, || 0);
    let version = Signal::derive(move || stored.with(|now| now.version));
    let value = move |of: fn(&Settings) -> String| Signal::derive(move || stored.with(of));
    let currency_hint =
        "Three letters, as ISO 4217 has them. Calls cost dollars; amounts are shown in this currency.".to_owned();
    let rate_hint =
        "What a dollar is in this currency. It is fixed until you change it; in dollars it is 1.".to_owned();
    view! {
        <Refusal form=read />
        <FormFor form problem="The settings are not saved" limits=LIMITS version>
            <Card title="Contact">
                <div class="stack">
                    <Field label="Name" name="contact_name" value=value(|now| now.contact_name.clone()) autocomplete="off" optional=true />
                    <Field label="E-mail address" name="contact_email" value=value(|now| now.contact_email.clone()) autocomplete="off" optional=true />
                </div>
            </Card>
            <Card title="Currency">
                <div class="stack">
                    <Field
                        label="Currency"
                        name="currency"
                        value=value(|now| now.currency.code.clone())
                        hint=Signal::stored(currency_hint)
                        autocomplete="off"
                        mono=true
                    />
                    <Field label="Rate" name="rate" value=value(Settings::rate) hint=Signal::stored(rate_hint) autocomplete="off" />
                </div>
            </Card>
            <Card title="Mark-ups and discounts">
                <div class="stack">
                    <div class="hint">"Percent of what calls at a provider cost, in statements alone. A discount is below 0: -20. Empty: none."</div>
                    <Markups stored />
                </div>
            </Card>
            <div class="row">
                <Button look=Look::Primary label="Save" busy=form.busy() availability=available(Operation::BillingChange) />
            </div>
        </FormFor>
    }
}

/// A field for each provider. They stand in the form, by which each has its own error and what was typed.
#[component]
fn Markups(stored: ReadSignal<Settings>) -> impl IntoView {
    let fields: Vec<_> = Provider::ALL
        .into_iter()
        .map(|provider| {
            let value = Signal::derive(move || stored.with(|now| now.markup(provider)));
            view! {
                <Field label=provider.label() name=format!("{MARKUP}{}", provider.name()) value placeholder="0" autocomplete="off" />
            }
            .into_any()
        })
        .collect();
    fields.into_view()
}
