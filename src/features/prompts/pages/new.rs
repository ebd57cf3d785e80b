//! A new prompt or partial: from nothing, or from one that is there.

use super::{
    fields::{NameCard, PublishBox, SettingsCard, TextCard, Writing, first_messages},
    title,
    try_it::TryIt,
};
use crate::{
    features::prompts::{
        functions::{CreatePartial, CreatePrompt, LoadNewPrompt},
        model::{Content, Kind, LIMITS, NewPrompt},
        paths,
    },
    kernel::text,
    ui::{
        Loaded, Problem,
        components::{Button, Field, LinkButton, Look, PageHeader},
        form::{AnyForm, FormFor, use_form},
        load,
        pages::{param, use_slug},
        reactive, refusal,
    },
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

#[component]
pub fn NewPage(kind: Kind) -> impl IntoView {
    if let Some(error) = refusal(kind.acts().create) {
        return view! { <Problem error /> }.into_any();
    }
    let (slug, query) = (use_slug(), use_query_map());
    let part = move |name: &'static str| query.with(|query| query.get(name).unwrap_or_default());
    let form: AnyForm = match kind {
        Kind::Prompt => use_form::<CreatePrompt>().into(),
        Kind::Partial => use_form::<CreatePartial>().into(),
    };
    let partial = if kind == Kind::Partial { "yes" } else { "" };
    let new = load(move || LoadNewPrompt { slug: slug.get(), partial: partial.to_owned(), from: part("from") });
    let is_text = Memo::new(move |_| part("form") == "text");
    let view = move |new: NewPrompt| {
        let slug = param("slug");
        let inside = move || view! { <Inside kind new=new.clone() slug=slug.clone() is_text=is_text.get() form /> };
        view! { {reactive(inside)} }.into_any()
    };
    view! {
        {title(&format!("New {}", kind.name()))}
        <Loaded data=new view />
    }
    .into_any()
}

#[component]
fn Inside(kind: Kind, new: NewPrompt, slug: String, is_text: bool, form: AnyForm) -> impl IntoView {
    let NewPrompt { copy_of, content, choices } = new;
    let is_new = copy_of.is_none() && kind == Kind::Prompt;
    let content = match is_new {
        true if is_text => Content { form: "text".to_owned(), ..content },
        true => Content { string: first_messages(), form: "chat".to_owned(), ..content },
        false => content,
    };
    let sentence = match &copy_of {
        Some(name) => format!("It begins with the text of {name}."),
        None if kind == Kind::Prompt => "A name in double braces, such as {{question}}, is a variable.".to_owned(),
        None => "Prompts put it in with {{>name}}, once it is published.".to_owned(),
    };
    let name = copy_of.as_ref().map(|name| format!("{} copy", text::cut(name, 95))).unwrap_or_default();
    let writing = Writing::of(kind, &content, form);
    let content = Signal::stored(content);
    let (organisation, offered) = (slug.clone(), choices.clone());
    // Made inside the form: its fields ask the form around them.
    let settings = move || {
        (kind == Kind::Prompt).then(|| {
            view! {
                <SettingsCard choices=offered content is_strict=Signal::stored("no".to_owned()) />
                <TryIt slug=organisation around=form variables=vec![] />
            }
        })
    };
    view! {
        <PageHeader title=format!("New {}", kind.name()) sentence=move || sentence.clone() />
        {is_new.then(|| view! { <Ways slug=slug.clone() is_text /> })}
        <FormFor form problem=format!("This {} is not made yet", kind.name()) limits=LIMITS>
            <div class="version-bar">
                <div class="grow">
                    <Field
                        label="What this version is about"
                        hide_label=true
                        name="message"
                        placeholder="What this version is about"
                        autocomplete="off"
                    />
                </div>
                <div class="save-bar">
                    <LinkButton label="Cancel" href=paths::list(kind, &slug) />
                    <Button look=Look::Primary label=format!("Create {}", kind.name()) id="save" busy=form.busy() />
                </div>
            </div>
            <PublishBox publish=kind.acts().publish form />
            <div class="bench">
                <div class="stack">
                    <NameCard choices name=Signal::stored(name) folder=Signal::stored(String::new()) />
                    <TextCard kind writing content />
                </div>
                <div class="stack">{settings()}</div>
            </div>
        </FormFor>
    }
}

/// Messages or one text, as links.
#[component]
fn Ways(slug: String, is_text: bool) -> impl IntoView {
    let new = paths::new(Kind::Prompt, &slug);
    let ways = [
        (false, new.clone(), "Messages", "For chat models: a role and a text each."),
        (true, new.with("form", "text"), "One text", "For completion models."),
    ];
    let items = ways.map(|(own, href, label, sentence)| {
        view! {
            <li>
                <a class="start" href=href.to_string() aria-current=(own == is_text).then_some("true")>
                    <strong>{label}</strong>
                    <span class="hint">{sentence}</span>
                </a>
            </li>
        }
    });
    view! { <ul class="starts" aria-label="Ways to begin">{items.into_iter().collect::<Vec<_>>()}</ul> }
}
