//! All prompts, or all partials.

use super::{ListTabs, Lists, programs::curl, standing, title};
use crate::{
    features::{
        news::{
            model::Watched,
            pages::{ChangesByOthers, Watch},
        },
        prompts::{
            functions::{LoadPartials, LoadPrompts},
            model::{Kind, Listed, Prompts},
            paths,
        },
    },
    kernel::{Asked, Timestamp},
    site::routes,
    ui::{
        Gradual, Loaded, available,
        components::{
            Choice, CodeBlock, Column, CopyText, EmptyState, LinkButton, Look, MenuLink, PageHeader, Pill, RowMenu,
            SearchField, Table, Time, Tone,
        },
        icons::Icon,
        listing::{FilterBar, List, NothingFits, Pages, use_asked},
        load_after,
        pages::{Done, use_slug},
    },
};
use leptos::prelude::*;

const FILTERS: &[&str] = &["folder", "label"];

#[component]
pub fn ListPage(kind: Kind) -> impl IntoView {
    let (slug, asked) = (use_slug(), use_asked(FILTERS));
    let watch = Watch::of(match kind {
        Kind::Prompt => Watched::Prompts,
        Kind::Partial => Watched::Partials,
    });
    let reads = move || watch.reads();
    let data = match kind {
        Kind::Prompt => load_after(reads, move || LoadPrompts { slug: slug.get(), asked: asked.get() }),
        Kind::Partial => load_after(reads, move || LoadPartials { slug: slug.get(), asked: asked.get() }),
    };
    let view = move |prompts: Prompts| {
        watch.has_read(prompts.seen);
        view! { <Inside kind prompts slug=slug.get_untracked() asked=asked.get_untracked() /> }.into_any()
    };
    view! {
        <ChangesByOthers watch />
        <Loaded data view />
    }
}

/// What the list says of the whole.
struct Words {
    title: &'static str,
    sentence: &'static str,
    nothing: (&'static str, &'static str),
    none_fits: (&'static str, &'static str),
    all: &'static str,
    deleted: &'static [(&'static str, &'static str)],
}

const fn words(kind: Kind) -> Words {
    match kind {
        Kind::Prompt => Words {
            title: "Prompts",
            sentence: "Texts that programs run by name. A new version reaches them once it is published.",
            nothing: (
                "No prompts yet",
                "A prompt is a text with variables that programs run by name, so that it changes without a new release of them.",
            ),
            none_fits: (
                "No prompt fits",
                "No prompt has this in its name, slug or text, in this folder and with this label.",
            ),
            all: "Show all prompts",
            deleted: &[("deleted", "The prompt is deleted. Calls that run it are refused.")],
        },
        Kind::Partial => Words {
            title: "Partials",
            sentence: "Texts that several prompts share. A prompt puts in the published version.",
            nothing: (
                "No partials yet",
                "A partial is a text that prompts put in by its name, so that it is written once.",
            ),
            none_fits: (
                "No partial fits",
                "No partial has this in its name, slug or text, in this folder and with this label.",
            ),
            all: "Show all partials",
            deleted: &[("deleted", "The partial is deleted.")],
        },
    }
}

#[component]
fn Inside(kind: Kind, prompts: Prompts, slug: String, asked: Asked) -> impl IntoView {
    let words = words(kind);
    let list = List { path: paths::list(kind, &slug), filters: FILTERS, usual: "name", asked };
    let total = prompts.total;
    let nothing = total == 0 && !list.is_narrowed();
    let count = format!("{total} {}", if total == 1 { kind.name() } else { kind.plural() });
    let folders = [Choice::new("", "All folders"), Choice::new("none", "In no folder")]
        .into_iter()
        .chain(prompts.collections.iter().map(|folder| Choice::new(folder.slug.clone(), folder.name.clone())))
        .collect();
    let labels = std::iter::once(Choice::new("", "Any label"))
        .chain(prompts.labels.iter().map(|label| Choice::new(label.clone(), label.clone())))
        .collect();
    let body = if nothing {
        view! { <Nothing kind slug=slug.clone() url=prompts.public_url /> }.into_any()
    } else if prompts.prompts.is_empty() {
        let (title, sentence) = words.none_fits;
        view! { <NothingFits title sentence label=words.all href=list.path.clone() /> }.into_any()
    } else {
        view! { <Rows kind prompts slug=slug.clone() list=list.clone() /> }.into_any()
    };
    let value = list.asked.get("q").to_owned();
    let (new, import) = (paths::new(kind, &slug), routes::import_prompt(&slug));
    let open = match kind {
        Kind::Prompt => Lists::Prompts,
        Kind::Partial => Lists::Partials,
    };
    view! {
        {title(words.title)}
        <PageHeader title=words.title sentence=move || words.sentence>
            <LinkButton label="Import" href=import availability=available(kind.acts().create) />
            <LinkButton
                look=Look::Primary
                icon=Icon::Plus
                label=format!("New {}", kind.name())
                href=new
                availability=available(kind.acts().create)
            />
        </PageHeader>
        <ListTabs slug open />
        <Done said=words.deleted />
        {(!nothing)
            .then(|| {
                view! {
                    <FilterBar list=list.clone() count>
                        <SearchField label="Name, slug or text" value />
                        {list.choice("Folder", "folder", folders)}
                        {list.choice("Label", "label", labels)}
                    </FilterBar>
                }
            })}
        {body}
    }
}

#[component]
fn Nothing(kind: Kind, slug: String, url: String) -> impl IntoView {
    let (title, sentence) = words(kind).nothing;
    let example = move || {
        let code = curl(&url, "support-reply", r#"{"question": "Where is my parcel?"}"#);
        (kind == Kind::Prompt).then(|| view! { <CodeBlock id="example" what="example call" code /> })
    };
    view! {
        <EmptyState title sentence example>
            <LinkButton
                label=format!("New {}", kind.name())
                href=paths::new(kind, &slug)
                id="new-first"
                availability=available(kind.acts().create)
            />
        </EmptyState>
    }
}

#[component]
fn Rows(kind: Kind, prompts: Prompts, slug: String, list: List) -> impl IntoView {
    let Prompts { prompts, total, window, now, .. } = prompts;
    let columns = vec![
        list.column(kind.title(), "name"),
        Column::new("Slug"),
        Column::new("Published"),
        Column::number("Newest"),
        list.column("Changed", "changed"),
        Column::actions(),
    ];
    let rows = Gradual::of(prompts, move |prompt| view! { <Row kind prompt now slug=slug.clone() /> });
    view! {
        <Table caption=words(kind).title columns>
            {rows}
        </Table>
        <Pages list window total />
    }
}

#[component]
fn Row(kind: Kind, prompt: Listed, now: Timestamp, slug: String) -> impl IntoView {
    let acts = kind.acts();
    let page = paths::item(kind, &slug, &prompt.slug);
    let another = paths::new(kind, &slug).with("from", &prompt.slug);
    let edit = if available(acts.update).reason().is_none() { "Edit" } else { "View" };
    let proposed = prompt.proposed.as_ref().map(|(label, number)| {
        view! { <Pill tone=Tone::Warn label=format!("v{number} proposed for {label}") /> }
    });
    view! {
        <tr>
            <th scope="row"><a class="cell-name" href=page.to_string()>{prompt.name.clone()}</a></th>
            <td data-label="Slug">
                <CopyText
                    id=format!("slug-{}", prompt.id)
                    what=format!("name of {} in calls", prompt.name)
                    value=prompt.slug.clone()
                />
            </td>
            <td data-label="Published">
                <span class="row">{standing(&prompt.labels)}{proposed}</span>
            </td>
            <td data-label="Newest" class="num">{format!("v{}", prompt.current)}</td>
            <td data-label="Changed"><Time at=prompt.updated_at.0 now=now.0 />{format!(" by {}", prompt.updated_by)}</td>
            <td class="row-actions">
                <RowMenu id=format!("menu-{}", prompt.id) label=format!("Actions for {}", prompt.name)>
                    <MenuLink label=edit href=page />
                    <MenuLink label="Versions" href=paths::versions(kind, &slug, &prompt.slug) />
                    <MenuLink label="Create another from this" href=another availability=available(acts.create) />
                    <MenuLink
                        label="Delete"
                        href=paths::delete(kind, &slug, &prompt.slug)
                        danger=true
                        availability=available(acts.delete)
                    />
                </RowMenu>
            </td>
        </tr>
    }
}
