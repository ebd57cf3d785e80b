//! What an organisation says of its log: who sees which calls, and what calls are grouped by.

use super::title;
use crate::{
    features::{
        logs::{
            functions::{ChangeLogSettings, LoadLogSettings},
            model::{MOST_GROUPED, Settings},
        },
        organisations::pages::use_slug,
    },
    policy::Operation,
    site::routes,
    ui::{
        Headed, Loaded, available,
        components::{Button, Card, Choice, Field, LinkButton, Look, PageHeader, RadioCards, Toast},
        form::{Form, FormFor, use_form},
        load_after,
        pages::Done,
    },
};
use leptos::prelude::*;

#[component]
pub fn SettingsPage() -> impl IntoView {
    provide_context(Headed);
    let slug = use_slug();
    let form = use_form::<ChangeLogSettings>();
    let settings = load_after(move || form.answers().get(), move || LoadLogSettings { slug: slug.get() });
    let prices = move || {
        let href = routes::prices(&slug.get());
        view! { <LinkButton label="Prices" href /> }
    };
    view! {
        {title("Log settings")}
        <PageHeader
            title="Log settings"
            sentence=|| "Who sees which calls, and by what of their metadata calls can be grouped."
        >
            {prices}
        </PageHeader>
        <Done said=&[("saved", "Saved. It applies at once.")] />
        <Loaded data=settings view=move |settings| view! { <Page settings form /> }.into_any() />
    }
}

#[component]
fn Page(settings: Settings, form: Form<ChangeLogSettings>) -> impl IntoView {
    form.says(|| Toast::done("Saved. It applies at once."));
    let version = settings.version;
    let choices = vec![
        Choice::new("false", "Every call").sentence("Whoever may see the log sees all of it, whatever their role."),
        Choice::new("true", "Members see their own")
            .sentence("Members see calls of keys that they answer for and what they call from the console. Their keys see as much as they do."),
    ];
    let selected = if settings.own_only { "true" } else { "false" };
    let hint = format!(
        "Names of what callers send in x-portkey-metadata, such as team, parted by commas; {MOST_GROUPED} at most. Figures by a name are quick from the moment on in which it was added here. Choose names with few values: each value takes several rows."
    );
    view! {
        <Card title="Calls and metadata">
            <FormFor form problem="The settings are not saved" version=Signal::stored(version)>
                <RadioCards legend="Who sees which calls" name="own_only" choices selected />
                <Field
                    label="Group by metadata"
                    name="grouped"
                    value=settings.written()
                    hint=Signal::stored(hint)
                    autocomplete="off"
                />
                <div class="row">
                    <Button
                        look=Look::Primary
                        label="Save"
                        busy=form.busy()
                        availability=available(Operation::LogSettingsChange)
                    />
                </div>
            </FormFor>
        </Card>
    }
}
