//! One virtual key: its facts, the form that edits it, and the test of its connection.

use super::{
    fields::{ProviderFields, set_words},
    title, use_virtual_key,
};
use crate::{
    features::{
        audit::pages as audit,
        limits::{model::Scope, pages::Holding},
        virtual_keys::{
            functions::{LoadVirtualKey, TestVirtualKey, UpdateVirtualKey},
            model::{Detail, Draft, LIMITS, NamedBy, Saved},
        },
    },
    policy::Operation,
    site::routes,
    ui::{
        available, can,
        components::{
            Button, Card, CodeBlock, CopyText, DefinitionList, Fact, Field, LinkButton, Look, Note, PageHeader, Time,
            TimeStyle, Toast, Tone,
        },
        form::{Form, FormFor, Refusal, use_form, use_stored},
        listing::use_done,
        pages::{ItemPage, param},
        reactive,
    },
};
use leptos::prelude::*;

#[component]
pub fn DetailPage() -> impl IntoView {
    let form = use_form::<UpdateVirtualKey>();
    let test = use_form::<TestVirtualKey>();
    // Read again after a save alone: a refused one keeps what was typed.
    let saves = form.successes();
    let key = use_virtual_key(move || saves.get());
    view! { <ItemPage data=key view=move |key| view! { <Inside key_=key slug=param("slug") form test /> }.into_any() /> }
}

#[component]
fn Inside(key_: Detail, slug: String, form: Form<UpdateVirtualKey>, test: Form<TestVirtualKey>) -> impl IntoView {
    let key = key_;
    let (duplicate, delete) =
        (routes::duplicate_virtual_key(&slug, &key.slug), routes::delete_virtual_key(&slug, &key.slug));
    let main = if can(Operation::VirtualKeyUpdate) {
        view! { <EditForm key_=key.clone() slug=slug.clone() form /> }.into_any()
    } else {
        let reason = available(Operation::VirtualKeyUpdate).reason().unwrap_or_default().to_owned();
        view! {
            <Note tone=Tone::Info>"You can look at this virtual key and name it in calls. "{reason}</Note>
            <Settings key_=key.clone() />
        }
        .into_any()
    };
    let made = (use_done().get_untracked() == "made").then(|| key.reference());
    let provider = key.provider.label();
    let history = audit::history("virtual_key", &key.slug);
    view! {
        {title(&key.name)}
        <PageHeader title=key.name.clone() sentence=move || provider>
            {history}
            <LinkButton label="Duplicate" href=duplicate availability=available(Operation::VirtualKeyDuplicate) />
            <LinkButton label="Delete" look=Look::TowardsDanger href=delete availability=available(Operation::VirtualKeyDelete) />
        </PageHeader>
        {reactive(move || form.done().map(told).or_else(|| made.clone().map(created)))}
        <div class="columns">
            <div class="stack">{main}</div>
            <aside class="stack" aria-label="Reference and connection">
                <Reference key_=key.clone() />
                <Connection key_=key.clone() form=test />
                <UsedBy configs=key.configs.clone() slug=slug.clone() />
                <Holding limits=key.limits.clone() scope=Scope::VirtualKey id=key.id.0 now=key.now slug=slug.clone() />
                <About key_=key slug />
            </aside>
        </div>
    }
}

/// What became of a save. Where nothing was lost by it, a toast says so.
fn told(saved: Saved) -> AnyView {
    if saved.credential_removed {
        view! {
            <Note tone=Tone::Warn>"Saved. The stored credential was for the former address and is gone. Enter it again if the server wants one."</Note>
        }
        .into_any()
    } else {
        view! { <div class="nojs"><Note tone=Tone::Ok>"Saved. New calls use it at once."</Note></div> }.into_any()
    }
}

/// What is said of a new one, with the step that comes next.
fn created(reference: String) -> AnyView {
    let test =
        || can(Operation::VirtualKeyTest).then(|| view! { <LinkButton label="Test it now" href="#connection" /> });
    view! { <Note tone=Tone::Ok action=test>{format!("The virtual key is created. Programs name it as {reference}.")}</Note> }
        .into_any()
}

#[component]
fn EditForm(key_: Detail, slug: String, form: Form<UpdateVirtualKey>) -> impl IntoView {
    let key = key_;
    let load = LoadVirtualKey { slug, key: key.slug.clone() };
    let hidden = key.slug.clone();
    let (stored, read) = use_stored(form, key, load, || 0);
    let begun: Signal<Draft> = Memo::new(move |_| stored.with(Draft::of)).into();
    let version = Signal::derive(move || stored.with(|key| key.version));
    let name = stored.with_untracked(|key| key.name.clone());
    form.says_of(move |saved| {
        (!saved.credential_removed).then(|| Toast::done(format!("{name} is saved. New calls use it at once.")))
    });
    view! {
        <Refusal form=read />
        <Card title="Settings">
            <FormFor form problem="This virtual key is not saved" limits=LIMITS version>
                <input type="hidden" name="key" value=hidden />
                <Field
                    label="Name"
                    name="name"
                    value=Signal::derive(move || begun.with(|draft| draft.name.clone()))
                    autocomplete="off"
                />
                <ProviderFields form begun stored=Signal::from(stored) />
                <div class="form-end">
                    <Button look=Look::Primary label="Save" busy=form.busy() />
                </div>
            </FormFor>
        </Card>
    }
}

/// What is stored, in words: for whoever may not edit.
#[component]
fn Settings(key_: Detail) -> impl IntoView {
    let credential = set_words(&key_).unwrap_or_else(|| "None is stored.".into());
    let Detail { name, provider, base_url, settings, description, .. } = key_;
    let version = Some(settings.api_version).filter(|version| !version.is_empty());
    let description = Some(description).filter(|description| !description.is_empty());
    view! {
        <Card title="Settings">
            <DefinitionList>
                <Fact term="Name">{name}</Fact>
                <Fact term="Provider">{provider.label()}</Fact>
                <Fact term="Base URL"><span class="mono">{base_url}</span></Fact>
                {version.map(|version| view! { <Fact term="API version"><span class="mono">{version}</span></Fact> })}
                <Fact term="Credential">{credential}</Fact>
                {description.map(|description| view! { <Fact term="Description">{description}</Fact> })}
            </DefinitionList>
        </Card>
    }
}

#[component]
fn Reference(key_: Detail) -> impl IntoView {
    let reference = key_.reference();
    let model = key_.provider.example_models().first().copied().unwrap_or("model");
    let example = format!("\"model\": \"{reference}/{model}\"");
    view! {
        <Card title="Reference">
            <div class="stack">
                <CopyText id="reference" what="reference, not the credential" value=reference />
                <div class="hint">"What programs write to use it. It is not the credential, and it opens nothing without an API key."</div>
                <CodeBlock id="example" what="example of a model's name" code=example />
            </div>
        </Card>
    }
}

#[component]
fn Connection(key_: Detail, form: Form<TestVirtualKey>) -> impl IntoView {
    view! {
        <div id="connection">
            <Card title="Connection">
                <FormFor form problem="The connection was not tested" errors_id="test-errors">
                    <input type="hidden" name="key" value=key_.slug />
                    <div class="hint">"Asks the provider for its list of models with the stored credential. That costs nothing."</div>
                    <div>
                        <Button
                            label="Test connection"
                            busy=form.busy()
                            availability=available(Operation::VirtualKeyTest)
                        />
                    </div>
                    <div role="status">
                        {reactive(move || {
                            form.done()
                                .map(|finding| {
                                    let tone = if finding.works() { Tone::Ok } else { Tone::Warn };
                                    view! { <Note tone>{finding.sentence()}</Note> }
                                })
                        })}
                    </div>
                </FormFor>
            </Card>
        </div>
    }
}

/// The configs that name it.
#[component]
fn UsedBy(configs: Vec<NamedBy>, slug: String) -> impl IntoView {
    let items: Vec<_> = configs
        .into_iter()
        .map(|config| {
            view! { <li><a href=routes::config(&slug, &config.slug).to_string()>{config.name}</a></li> }
        })
        .collect();
    (!items.is_empty()).then(|| {
        view! {
            <Card title="Used by configs">
                <ul class="plain-list">{items}</ul>
                <p class="hint">"It cannot be deleted while they name it."</p>
            </Card>
        }
    })
}

#[component]
fn About(key_: Detail, slug: String) -> impl IntoView {
    let key = key_;
    let calls = routes::logs(&slug).with("range", "7d").with("virtual_key", &key.id.to_string());
    view! {
        <Card title="About">
            <DefinitionList>
                <Fact term="Last used">
                    {match key.used_at {
                        Some(at) => view! { <Time at=at.0 now=key.now.0 /> }.into_any(),
                        None => view! { "never" }.into_any(),
                    }}
                </Fact>
                <Fact term="Calls"><a href=calls.to_string()>"Logs of the last 7 days"</a></Fact>
                <Fact term="Made by">{key.created_by.clone()}</Fact>
                <Fact term="Made"><Time at=key.created_at.0 style=TimeStyle::Date /></Fact>
                <Fact term="Changed"><Time at=key.updated_at.0 now=key.now.0 /></Fact>
            </DefinitionList>
        </Card>
    }
}
