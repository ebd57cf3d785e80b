//! An organisation's settings: its name and its short name.

use super::{FrameReload, policy::PolicyOfKeys, texts::TextsOfCalls};
use crate::{
    features::organisations::{
        functions::{CheckSlugChange, KeepTexts, LoadSettings, RestrictOrganisation, SetKeyPolicy, UpdateOrganisation},
        model::{LIMITS, Settings},
    },
    policy::Operation,
    site::routes,
    ui::{
        Loaded, available,
        components::{
            Button, Card, Choice, CopyText, DefinitionList, Fact, Field, LinkButton, Look, Note, PageHeader,
            RadioCards, Toast, Tone, date_text,
        },
        form::{Form, FormFor, Refusal, use_form, use_look, use_stored},
        load_after,
        pages::{page_title, use_slug},
        reactive,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[component]
pub fn SettingsPage() -> impl IntoView {
    let slug = use_slug();
    let form = use_form::<UpdateOrganisation>();
    let restrict = use_form::<RestrictOrganisation>();
    let keep = use_form::<KeepTexts>();
    let policy = use_form::<SetKeyPolicy>();
    // Under a new short name the page moves, and everything is loaded there; the old one leads nowhere.
    let stayed = Memo::new(move |before: Option<&u32>| {
        let answers = form.answers().get();
        let here = matches!(form.result(), Some(Ok(now)) if now == slug.get_untracked());
        if here { answers } else { before.copied().unwrap_or_default() }
    });
    if let Some(frame) = use_context::<FrameReload>() {
        frame.after(stayed);
    }
    let settings = load_after(move || stayed.get(), move || LoadSettings { slug: slug.get() });
    view! {
        <Title text=page_title("Settings") />
        <Loaded data=settings view=move |settings| view! { <Page settings form restrict keep policy /> }.into_any() />
    }
}

#[component]
fn Page(
    settings: Settings,
    form: Form<UpdateOrganisation>,
    restrict: Form<RestrictOrganisation>,
    keep: Form<KeepTexts>,
    policy: Form<SetKeyPolicy>,
) -> impl IntoView {
    let query = use_query_map();
    let done = move |what: &str| query.with(|query| query.get("done").is_some_and(|done| done == what));
    let saved = move || done("saved");
    let restricted = move || {
        let said = match (done("restricted"), done("kept")) {
            _ if done("policy") => Some("Saved. It applies to all keys at once."),
            (true, _) => Some("Saved. It applies to new calls at once."),
            (_, true) => Some("Saved. What is older than these days is deleted within ten minutes."),
            _ => None,
        };
        said.map(|said| view! { <Note tone=Tone::Ok>{said}</Note> })
    };
    let deleted =
        move || done("texts_deleted").then(|| view! { <Note tone=Tone::Ok>"All kept texts are deleted."</Note> });
    let address = format!("{}{}", settings.public_url, routes::organisation(&settings.slug));
    let leave = routes::leave(&settings.slug);
    let (said, site) = (address.clone(), settings.public_url.clone());
    form.says_of(move |slug| {
        Some(Toast::done(format!("Saved. The organisation is at {site}{}", routes::organisation(&slug))))
    });
    view! {
        <PageHeader title="Settings" sentence=|| "The organisation’s name and address, what its calls may bring, the policy for its API keys, and how long texts of calls are kept." />
        <div role="status" class="nojs">
            {reactive(move || {
                let (href, words) = (said.clone(), said.clone());
                saved()
                    .then(|| {
                        view! {
                            <Note tone=Tone::Ok>
                                "Saved. The organisation is at " <a href=href rel="external">{words}</a> "."
                            </Note>
                        }
                    })
            })}
            {reactive(restricted)}
            {reactive(deleted)}
        </div>
        <div class="stack">
            <Names settings=settings.clone() address form />
            <WhatCallsBring saved_only=settings.saved_only restrict />
            <PolicyOfKeys policy=settings.key_policy.clone() form=policy />
            <TextsOfCalls settings=settings.clone() keep />
            <Card title="Leave">
                <div class="stack">
                    <div>"You lose access to this organisation. Keys that you answer for pass to an Owner."</div>
                    <div class="row">
                        <LinkButton label="Leave this organisation" href=leave />
                    </div>
                </div>
            </Card>
        </div>
    }
}

/// Whether calls may bring configs of their own.
#[component]
fn WhatCallsBring(saved_only: bool, restrict: Form<RestrictOrganisation>) -> impl IntoView {
    let choices = vec![
        Choice::new("no", "Any config").sentence("A call may carry a config of its own instead of a saved one."),
        Choice::new("yes", "Saved configs only").sentence(
            "A call names a saved config or a virtual key. One that carries a config, a provider or a host is refused.",
        ),
    ];
    restrict.says(|| Toast::done("Saved. It applies to new calls at once."));
    let selected = if saved_only { "yes" } else { "no" };
    view! {
        <Card title="What calls may bring">
            <FormFor form=restrict problem="This is not saved" errors_id="restrict-errors">
                <input type="hidden" name="was" value=selected />
                <RadioCards legend="Configs in calls" name="saved_only" choices selected />
                <div class="row">
                    <Button
                        label="Save this setting"
                        id="save-restrict"
                        busy=restrict.busy()
                        availability=available(Operation::OrganisationRestrict)
                    />
                </div>
            </FormFor>
        </Card>
    }
}

#[component]
fn Names(settings: Settings, address: String, form: Form<UpdateOrganisation>) -> impl IntoView {
    let slug = RwSignal::new(form.typed("new_slug", settings.slug.clone()));
    let retired = (!settings.retired.is_empty()).then(|| {
        let words: Vec<String> =
            settings.retired.iter().map(|(slug, until)| format!("{slug} (until {})", date_text(until.0))).collect();
        view! { <Fact term="Earlier short names">{format!("Kept from others: {}", words.join(", "))}</Fact> }
    });
    let present = settings.slug.clone();
    let clash =
        use_look(slug, move |typed| Some(CheckSlugChange { slug: present.clone(), new_slug: typed.to_owned() }));
    let load = LoadSettings { slug: settings.slug.clone() };
    let (stored, read) = use_stored(form, settings, load, || 0);
    let version = Signal::derive(move || stored.with(|now| now.version));
    view! {
        <Refusal form=read />
        <Card title="Name">
            <FormFor form problem="The settings are not saved" limits=LIMITS version>
                <Field
                    label="Name"
                    name="name"
                    value=Signal::derive(move || stored.with(|now| now.name.clone()))
                    autocomplete="off"
                />
                <Field
                    label="Short name"
                    name="new_slug"
                    value=Signal::derive(move || stored.with(|now| now.slug.clone()))
                    bind=slug
                    error=clash
                    mono=true
                    hint=Signal::stored("Part of the address of every page here. Lower-case letters, digits and hyphens.".to_owned())
                    autocomplete="off"
                />
                <div class="hint">
                    <strong>"A new short name breaks links."</strong>
                    " Bookmarks and links to pages under the present one lead nowhere from then on; for 90 days nobody else can take it. API keys, virtual keys and programs go on as they are."
                </div>
                <DefinitionList>
                    <Fact term="Address">
                        <CopyText id="organisation-address" what="address" value=address />
                    </Fact>
                    {retired}
                </DefinitionList>
                <div class="row"><Button look=Look::Primary label="Save" busy=form.busy() /></div>
            </FormFor>
        </Card>
    }
}
