//! One config: its text, what it does, and which way a request would take.

use super::{
    Above, Open, dry_run,
    dry_run::TryIt,
    fields::{CheckButton, CheckOutcome, TextField, Typing, WhatItDoes},
    uses::head,
};
use crate::{
    features::{
        configs::{
            functions::{CheckConfig, LoadConfig, UpdateConfig},
            model::{ConfigPage, Detail, LIMITS, TryForm},
        },
        versions::pages::{About, MessageField},
    },
    policy::Operation,
    site::routes,
    ui::{
        available, can,
        components::{Button, Choice, CodeView, Field, LinkButton, Look, Note, Pill, Select, Toast, Tone},
        form::{Form, FormFor, Refusal, use_form, use_stored},
        load_after,
        pages::{Done, ItemPage, param, use_param, use_slug},
        reactive,
    },
};
use leptos::prelude::*;

#[component]
pub fn EditorPage() -> impl IntoView {
    let (slug, of) = (use_slug(), use_param("config"));
    let form = use_form::<UpdateConfig>().keeps::<CheckConfig>();
    // Read again after a save alone: a refused one keeps what was typed.
    let saves = form.successes();
    let typed = form.typed("config", "");
    let page = load_after(
        move || saves.get(),
        move || LoadConfig { slug: slug.get(), of: of.get(), draft: typed.clone(), dry_run: dry_run::asked() },
    );
    view! { <ItemPage data=page view=move |page| view! { <Inside page slug=param("slug") form /> }.into_any() /> }
}

#[component]
fn Inside(page: ConfigPage, slug: String, form: Form<UpdateConfig>) -> impl IntoView {
    let ConfigPage { config, checked, tried, not_tried } = page.clone();
    let head = head(&config, &slug);
    let text = form.typed("config", config.text.clone());
    let typing = Typing::new(slug.clone(), text, checked, tried);
    let page_path = routes::config(&slug, &config.slug);
    let asked = untrack(dry_run::asked);
    let main = if can(Operation::ConfigUpdate) {
        view! { <EditForm page typing slug=slug.clone() form /> }.into_any()
    } else {
        view! { <ReadOnly config=config.clone() slug=slug.clone() /> }.into_any()
    };
    let saved = move || {
        form.done().map(
            |_| view! { <div class="nojs"><Note tone=Tone::Ok>"Saved. It applies to new calls at once."</Note></div> },
        )
    };
    view! {
        <Above head open=Open::Editor />
        <Done said=&[("made", "The config is made. Calls can name it at once.")] />
        {reactive(saved)}
        <CheckOutcome typing />
        <div class="bench">
            <div class="stack">{main}</div>
            <div class="stack">
                <WhatItDoes typing />
                <TryIt typing slug page=page_path asked not_tried />
                <About
                    created_by=config.created_by
                    created_at=config.created_at
                    updated_by=config.updated_by
                    updated_at=config.updated_at
                    now=config.now
                />
            </div>
        </div>
    }
}

/// The text for whoever may not change it, and what they may do instead.
#[component]
fn ReadOnly(config: Detail, slug: String) -> impl IntoView {
    let reason = available(Operation::ConfigUpdate).reason().unwrap_or_default().to_owned();
    let another = routes::new_config(&slug).with("from", &config.slug);
    view! {
        <Note
            tone=Tone::Info
            action=move || {
                view! {
                    <LinkButton
                        label="Create another from this"
                        id="another"
                        href=another.clone()
                        availability=available(Operation::ConfigCreate)
                    />
                }
            }
        >
            "You can read this config and name it in calls. "
            {reason}
        </Note>
        <CodeView label="Config" id="config" code=config.text />
    }
}

#[component]
fn EditForm(page: ConfigPage, typing: Typing, slug: String, form: Form<UpdateConfig>) -> impl IntoView {
    let hidden = page.config.slug.clone();
    let load = LoadConfig { slug, of: hidden.clone(), draft: String::new(), dry_run: TryForm::default() };
    let (stored, read) = use_stored(form, page, load, || 0);
    let of = move |part: fn(&Detail) -> String| Signal::derive(move || stored.with(|page| part(&page.config)));
    let (text, name) = (of(|config| config.text.clone()), of(|config| config.name.clone()));
    let is_default = of(|config| if config.is_default { "yes".into() } else { "no".into() });
    let version = Signal::derive(move || stored.with(|page| page.config.version));
    let current = Memo::new(move |_| stored.with(|page| page.config.current));
    let differs = Memo::new(move |_| typing.text.with(|typed| text.with(|stored| typed != stored)));
    form.says_of(move |saved| {
        let name = name.get_untracked();
        Some(Toast::done(match saved.is_new {
            true => format!("{name} is saved as v{}. It applies to new calls.", saved.number),
            false => format!("{name} is saved"),
        }))
    });
    let state = move || match differs.get() {
        true => {
            view! { <Pill tone=Tone::Neutral label=format!("Draft, differs from v{}", current.get()) /> }.into_any()
        }
        false => view! { <Pill tone=Tone::Ok label="Saved" /> }.into_any(),
    };
    let defaults = vec![Choice::new("no", "No"), Choice::new("yes", "Yes")];
    view! {
        <Refusal form=read />
        <FormFor form problem="This config is not saved" limits=LIMITS version>
            <input type="hidden" name="of" value=hidden />
            <div class="version-bar">
                <span class="version">{reactive(move || format!("v{}", current.get()))}</span>
                <span class="needs-js">{reactive(state)}</span>
                <MessageField />
                {reactive(move || {
                    let label = if differs.get() { format!("Save as v{}", current.get() + 1) } else { "Save".to_owned() };
                    view! { <Button look=Look::Primary label id="save" busy=form.busy() /> }
                })}
                <CheckButton />
            </div>
            <TextField typing value=text />
            <div class="fields">
                <Field label="Name" name="name" value=name autocomplete="off" />
                <Select label="Default for new API keys" name="is_default" choices=defaults selected=is_default />
            </div>
        </FormFor>
    }
}
