//! All configs.

use super::title;
use crate::{
    features::{
        configs::{
            functions::LoadConfigs,
            model::{Configs, Listed},
        },
        news::{
            model::Watched,
            pages::{ChangesByOthers, Watch},
        },
    },
    kernel::{Asked, Timestamp},
    policy::Operation,
    site::routes,
    ui::{
        Gradual, Loaded, available,
        components::{
            Column, CopyText, EmptyState, LinkButton, Look, MenuLink, PageHeader, RowMenu, SearchField, Table, Tag,
            Time,
        },
        icons::Icon,
        listing::{FilterBar, List, NothingFits, Pages, use_asked},
        load_after,
        pages::{Done, use_slug},
    },
};
use leptos::prelude::*;

#[component]
pub fn ListPage() -> impl IntoView {
    let (slug, asked) = (use_slug(), use_asked(&[]));
    let watch = Watch::of(Watched::Configs);
    let configs = load_after(move || watch.reads(), move || LoadConfigs { slug: slug.get(), asked: asked.get() });
    view! {
        <ChangesByOthers watch />
        <Loaded
            data=configs
            view=move |configs: Configs| {
                watch.has_read(configs.seen);
                view! { <Inside configs slug=slug.get_untracked() asked=asked.get_untracked() /> }.into_any()
            }
        />
    }
}

#[component]
fn Inside(configs: Configs, slug: String, asked: Asked) -> impl IntoView {
    let list = List { path: routes::configs(&slug), filters: &[], usual: "name", asked };
    let new = routes::new_config(&slug);
    let total = configs.total;
    let nothing = total == 0 && !list.is_narrowed();
    let count = format!("{total} {}", if total == 1 { "config" } else { "configs" });
    let body = if nothing {
        view! {
            <EmptyState
                title="No configs yet"
                sentence="A config says which provider a call goes to, what is tried when that fails, and how often. Calls name it, or an API key has it as its own."
            />
        }
        .into_any()
    } else if configs.configs.is_empty() {
        let sentence = "No config has this in its name.";
        view! { <NothingFits title="No config fits" sentence label="Show all configs" href=list.path.clone() /> }
            .into_any()
    } else {
        view! { <Rows configs slug list=list.clone() /> }.into_any()
    };
    let value = list.asked.get("q").to_owned();
    view! {
        {title("Configs")}
        <PageHeader
            title="Configs"
            sentence=|| "How calls find a provider: in turn, shared out or by condition, with retries and time limits."
        >
            <LinkButton
                look=Look::Primary
                icon=Icon::Plus
                label="New config"
                href=new
                availability=available(Operation::ConfigCreate)
            />
        </PageHeader>
        <Done said=&[("deleted", "The config is deleted. Calls that name it are refused.")] />
        {(!nothing)
            .then(|| {
                view! {
                    <FilterBar list count>
                        <SearchField label="Name" value />
                    </FilterBar>
                }
            })}
        {body}
    }
}

#[component]
fn Rows(configs: Configs, slug: String, list: List) -> impl IntoView {
    let Configs { configs, total, window, now, .. } = configs;
    let columns = vec![
        list.column("Config", "name"),
        Column::new("Slug"),
        Column::number("Version"),
        list.column("Used by", "used"),
        Column::number("Calls in 7 days"),
        list.column("Changed", "changed"),
        Column::actions(),
    ];
    let rows = Gradual::of(configs, move |config| view! { <Row config now slug=slug.clone() /> });
    view! {
        <Table caption="Configs" columns>
            {rows}
        </Table>
        <Pages list window total />
    }
}

#[component]
fn Row(config: Listed, now: Timestamp, slug: String) -> impl IntoView {
    let page = routes::config(&slug, &config.slug);
    let (another, versions, uses, delete) = (
        routes::new_config(&slug).with("from", &config.slug),
        routes::config_versions(&slug, &config.slug),
        routes::config_uses(&slug, &config.slug),
        routes::delete_config(&slug, &config.slug),
    );
    let edit = if available(Operation::ConfigUpdate).reason().is_none() { "Edit" } else { "View" };
    let used = match config.keys {
        0 => view! { <span class="muted">"no API key"</span> }.into_any(),
        1 => view! { <a href=uses.to_string()>"1 API key"</a> }.into_any(),
        many => view! { <a href=uses.to_string()>{format!("{many} API keys")}</a> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row">
                <span class="row">
                    <a class="cell-name" href=page.to_string()>{config.name.clone()}</a>
                    {config.is_default.then(|| view! { <Tag label="Default" /> })}
                </span>
            </th>
            <td data-label="Slug">
                <CopyText
                    id=format!("slug-{}", config.id)
                    what=format!("name of {} in calls", config.name)
                    value=config.slug.clone()
                />
            </td>
            <td data-label="Version" class="num">{format!("v{}", config.current)}</td>
            <td data-label="Used by">{used}</td>
            <td data-label="Calls in 7 days" class="num">{config.calls_words()}</td>
            <td data-label="Changed"><Time at=config.updated_at.0 now=now.0 />{format!(" by {}", config.updated_by)}</td>
            <td class="row-actions">
                <RowMenu id=format!("menu-{}", config.id) label=format!("Actions for {}", config.name)>
                    <MenuLink label=edit href=page />
                    <MenuLink label="Versions" href=versions />
                    <MenuLink
                        label="Create another from this"
                        href=another
                        availability=available(Operation::ConfigCreate)
                    />
                    <MenuLink
                        label="Delete"
                        href=delete
                        danger=true
                        availability=available(Operation::ConfigDelete)
                    />
                </RowMenu>
            </td>
        </tr>
    }
}
