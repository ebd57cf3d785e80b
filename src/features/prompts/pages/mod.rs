//! The screens of prompts and of partials: the same for both, each with routes of its own.

mod compare;
mod delete;
mod editor;
mod fields;
mod folders;
mod import;
mod labels;
mod list;
mod messages;
mod new;
mod programs;
mod rollout;
mod section;
mod try_it;
mod values;
mod versions;

pub use compare::ComparePage;
pub use folders::{DeleteFolderPage, FoldersPage, NewFolderPage, RenameFolderPage};
pub use import::ImportPage;
pub use labels::{DeleteLabelPage, EditLabelPage, LabelsPage, NewLabelPage};
pub use section::{Routes, SECTION};
pub use values::ValuesPage;

use crate::{
    features::{
        audit::pages as audit,
        prompts::{
            functions::{LoadPartial, LoadPrompt},
            model::{self, Kind, Label, Movers, PRODUCTION, Pointer},
            paths,
        },
    },
    policy::Role,
    site::routes::{self, Path},
    ui::{
        Data, available,
        components::{CopyText, LinkButton, Look, PageHeader, Tab, Tabs, Tag},
        load_after,
        pages::{page_title, use_param, use_slug},
        use_place,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;
use std::collections::BTreeSet;

#[component]
pub fn PromptsPage() -> impl IntoView {
    view! { <list::ListPage kind=Kind::Prompt /> }
}

#[component]
pub fn PartialsPage() -> impl IntoView {
    view! { <list::ListPage kind=Kind::Partial /> }
}

#[component]
pub fn NewPromptPage() -> impl IntoView {
    view! { <new::NewPage kind=Kind::Prompt /> }
}

#[component]
pub fn NewPartialPage() -> impl IntoView {
    view! { <new::NewPage kind=Kind::Partial /> }
}

#[component]
pub fn PromptPage() -> impl IntoView {
    view! { <editor::PromptEditor /> }
}

#[component]
pub fn PartialPage() -> impl IntoView {
    view! { <editor::PartialEditor /> }
}

#[component]
pub fn PromptVersionsPage() -> impl IntoView {
    view! { <versions::VersionsPage kind=Kind::Prompt /> }
}

#[component]
pub fn PartialVersionsPage() -> impl IntoView {
    view! { <versions::VersionsPage kind=Kind::Partial /> }
}

#[component]
pub fn DeletePromptPage() -> impl IntoView {
    view! { <delete::DeletePrompt /> }
}

#[component]
pub fn DeletePartialPage() -> impl IntoView {
    view! { <delete::DeletePartial /> }
}

/// The prompt or partial in this page's path, as it is stored; read again when the count of changes grows.
fn use_item(kind: Kind, changes: impl Fn() -> u32 + Send + Sync + 'static) -> Data<model::PromptPage> {
    let (slug, of) = (use_slug(), use_param("of"));
    match kind {
        Kind::Prompt => {
            load_after(changes, move || LoadPrompt { slug: slug.get(), of: of.get(), number: String::new() })
        }
        Kind::Partial => {
            load_after(changes, move || LoadPartial { slug: slug.get(), of: of.get(), number: String::new() })
        }
    }
}

/// The document's title: the page, then the organisation.
fn title(page: &str) -> impl IntoView + use<> {
    view! { <Title text=page_title(page) /> }
}

/// The labels that stand at a version, as tags; brass marks production.
fn tags<'a>(labels: impl IntoIterator<Item = &'a str>) -> Vec<AnyView> {
    labels
        .into_iter()
        .map(|label| view! { <Tag label=label.to_owned() plain=label != PRODUCTION /> }.into_any())
        .collect()
}

/// The lists of this room.
#[derive(Clone, Copy, PartialEq)]
enum Lists {
    Prompts,
    Partials,
    Labels,
    Folders,
}

/// The tabs from one list to the others.
#[component]
fn ListTabs(slug: String, open: Lists) -> impl IntoView {
    let tab = |label: &str, href: Path, own: Lists| Tab {
        label: label.to_owned(),
        href: href.to_string(),
        count: None,
        current: own == open,
    };
    let tabs = vec![
        tab("Prompts", routes::prompts(&slug), Lists::Prompts),
        tab("Partials", routes::partials(&slug), Lists::Partials),
        tab("Labels", routes::prompt_labels(&slug), Lists::Labels),
        tab("Folders", routes::prompt_folders(&slug), Lists::Folders),
    ];
    view! { <Tabs tabs /> }
}

/// Labels with the numbers of the versions at which they stand.
fn places(pointers: &[Pointer]) -> Vec<(String, i64)> {
    pointers.iter().map(|pointer| (pointer.label.clone(), pointer.number)).collect()
}

/// The versions at which labels stand, each with its labels, the published one first.
fn standing(labels: &[(String, i64)]) -> AnyView {
    let (published, others): (Vec<_>, Vec<_>) = labels.iter().partition(|(label, _)| label == PRODUCTION);
    let mut numbers: Vec<i64> = published.iter().chain(&others).map(|(_, number)| *number).collect();
    let mut seen = BTreeSet::new();
    numbers.retain(|number| seen.insert(*number));
    let versions: Vec<_> = numbers
        .into_iter()
        .map(|number| {
            let here = labels.iter().filter(|(_, at)| *at == number).map(|(label, _)| label.as_str());
            view! { <span class="row"><span class="version">{format!("v{number}")}</span>{tags(here)}</span> }
        })
        .collect();
    view! {
        {published.is_empty().then(|| view! { <span class="muted">"not published"</span> })}
        {versions}
    }
    .into_any()
}

/// Whether a label is kept from the reader, who may move others.
fn is_closed(label: &Label) -> bool {
    let is_owner = use_place().is_some_and(|place| place.role == Role::Owner);
    label.movers == Movers::Owners && !is_owner
}

/// What stands above the tabs.
#[derive(Clone)]
struct Head {
    kind: Kind,
    slug: String,
    of: String,
    name: String,
    versions: i64,
    /// Its labels with the versions at which they stand.
    labels: Vec<(String, i64)>,
}

/// The tabs, by their place.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    Editor,
    Versions,
    Values,
    Compare,
}

/// Heading and tabs of the pages of one prompt or partial.
#[component]
fn Above(head: Head, open: Open) -> impl IntoView {
    let Head { kind, slug, of, name, versions, labels } = head;
    let tab = |label: &str, href: Path, count: Option<u64>, own: Open| Tab {
        label: label.to_owned(),
        href: href.to_string(),
        count,
        current: own == open,
    };
    let mut tabs = vec![
        tab("Editor", paths::item(kind, &slug, &of), None, Open::Editor),
        tab("Versions", paths::versions(kind, &slug, &of), u64::try_from(versions).ok(), Open::Versions),
    ];
    if kind == Kind::Prompt {
        tabs.push(tab("Test values", routes::prompt_values(&slug, &of), None, Open::Values));
        tabs.push(tab("Compare", routes::compare_prompts(&slug, &of), None, Open::Compare));
    }
    let another = paths::new(kind, &slug).with("from", &of);
    let delete = paths::delete(kind, &slug, &of);
    let acts = kind.acts();
    let history = audit::history(kind.name(), &of);
    let under = move || {
        view! {
            <span class="row">
                <CopyText id="prompt-slug" what="name that calls use" value=of.clone() />
                {standing(&labels)}
            </span>
        }
    };
    view! {
        {title(&name)}
        <PageHeader title=name sentence=under>
            {history}
            <LinkButton label="Create another from this" href=another availability=available(acts.create) />
            <LinkButton label="Delete" look=Look::TowardsDanger href=delete availability=available(acts.delete) />
        </PageHeader>
        <Tabs tabs />
    }
}
