//! All virtual keys.

use super::title;
use crate::{
    features::{
        limits::pages::USED_UP,
        news::{
            model::Watched,
            pages::{ChangesByOthers, Watch},
        },
        organisations::pages::use_slug,
        virtual_keys::{
            functions::LoadVirtualKeys,
            model::{Listed, VirtualKeys},
        },
    },
    kernel::{Asked, Timestamp},
    policy::Operation,
    site::routes,
    ui::{
        Gradual, Loaded, available,
        components::{
            Column, CopyText, EmptyState, LinkButton, Look, MenuLink, PageHeader, Pill, RowMenu, SearchField, Table,
            Time, Tone,
        },
        icons::Icon,
        listing::{FilterBar, List, NothingFits, Pages, use_asked},
        load_after,
        pages::Done,
    },
};
use leptos::prelude::*;

#[component]
pub fn ListPage() -> impl IntoView {
    let (slug, asked) = (use_slug(), use_asked(&[]));
    let watch = Watch::of(Watched::VirtualKeys);
    let keys = load_after(move || watch.reads(), move || LoadVirtualKeys { slug: slug.get(), asked: asked.get() });
    view! {
        <ChangesByOthers watch />
        <Loaded
            data=keys
            view=move |keys: VirtualKeys| {
                watch.has_read(keys.seen);
                view! { <Keys keys slug=slug.get_untracked() asked=asked.get_untracked() /> }.into_any()
            }
        />
    }
}

#[component]
fn Keys(keys: VirtualKeys, slug: String, asked: Asked) -> impl IntoView {
    let list = List { path: routes::virtual_keys(&slug), filters: &[], usual: "name", asked };
    let new = routes::new_virtual_key(&slug);
    let total = keys.total;
    let nothing = total == 0 && !list.is_narrowed();
    let count = format!("{total} {}", if total == 1 { "virtual key" } else { "virtual keys" });
    let body = if nothing {
        view! { <Empty /> }.into_any()
    } else if keys.keys.is_empty() {
        let sentence = "No virtual key has this in its name or reference.";
        view! { <NothingFits title="No virtual key fits" sentence label="Show all virtual keys" href=list.path.clone() /> }
            .into_any()
    } else {
        view! { <Rows keys slug list=list.clone() /> }.into_any()
    };
    let value = list.asked.get("q").to_owned();
    view! {
        {title("Virtual keys")}
        <PageHeader
            title="Virtual keys"
            sentence=|| "Each stands for a provider and its credential. Programs name it by its reference and never see the credential."
        >
            <LinkButton
                look=Look::Primary
                icon=Icon::Plus
                label="New virtual key"
                href=new
                availability=available(Operation::VirtualKeyCreate)
            />
        </PageHeader>
        <Done said=&[("deleted", "The virtual key is deleted. Calls that name it are refused.")] />
        {(!nothing)
            .then(|| {
                view! {
                    <FilterBar list count>
                        <SearchField label="Name or reference" value />
                    </FilterBar>
                }
            })}
        {body}
    }
}

#[component]
fn Empty() -> impl IntoView {
    view! {
        <EmptyState
            title="No virtual keys yet"
            sentence="Store a provider's credential once, sealed. Calls then name it, for example as @openai-main, and each API key decides who may call."
        />
    }
}

#[component]
fn Rows(keys: VirtualKeys, slug: String, list: List) -> impl IntoView {
    let VirtualKeys { keys, total, window, now, .. } = keys;
    let columns = vec![
        list.column("Virtual key", "name"),
        list.column("Provider", "provider"),
        Column::new("Reference"),
        Column::new("Address"),
        Column::new("Credential"),
        list.column("Last used", "used"),
        Column::actions(),
    ];
    let rows = Gradual::of(keys, move |key| view! { <Row key_=key now slug=slug.clone() /> });
    view! {
        <Table caption="Virtual keys" columns>
            {rows}
        </Table>
        <Pages list window total />
        <p class="hint">"Copy gives the reference, which is not the credential. A stored credential is shown to nobody."</p>
    }
}

#[component]
fn Row(key_: Listed, now: Timestamp, slug: String) -> impl IntoView {
    let key = key_;
    let page = routes::virtual_key(&slug, &key.slug);
    let menu = format!("menu-{}", key.id);
    let (duplicate, delete) =
        (routes::duplicate_virtual_key(&slug, &key.slug), routes::delete_virtual_key(&slug, &key.slug));
    let may_edit = available(Operation::VirtualKeyUpdate).reason().is_none();
    view! {
        <tr>
            <th scope="row">
                <span class="cell-first">
                    <a class="cell-name" href=page.to_string()>{key.name.clone()}</a>
                    {key.used_up.then(|| view! { <Pill tone=Tone::Bad label=USED_UP /> })}
                </span>
            </th>
            <td data-label="Provider">{key.provider.label()}</td>
            <td data-label="Reference">
                <CopyText
                    id=format!("reference-{}", key.id)
                    what=format!("reference of {}, not the credential", key.name)
                    value=format!("@{}", key.slug)
                />
            </td>
            <td data-label="Address" class="mono">{host(&key.base_url)}</td>
            <td data-label="Credential" class="state">
                {match key.credential_set_at {
                    Some(at) => view! { <span>"Set "<Time at=at.0 now=now.0 /></span> }.into_any(),
                    None if key.provider.needs_credential() => view! { <Pill tone=Tone::Warn label="Missing" /> }.into_any(),
                    None => view! { <span class="muted">"None needed"</span> }.into_any(),
                }}
            </td>
            <td data-label="Last used">
                {match key.used_at {
                    Some(at) => view! { <Time at=at.0 now=now.0 /> }.into_any(),
                    None => view! { <span class="muted">"never"</span> }.into_any(),
                }}
            </td>
            <td class="row-actions">
                <RowMenu id=menu label=format!("Actions for {}", key.name)>
                    <MenuLink label=if may_edit { "Edit" } else { "View" } href=page />
                    <MenuLink label="Duplicate" href=duplicate availability=available(Operation::VirtualKeyDuplicate) />
                    <MenuLink label="Delete" href=delete danger=true availability=available(Operation::VirtualKeyDelete) />
                </RowMenu>
            </td>
        </tr>
    }
}

/// The host and port of a base URL; the rest is on the key's page.
fn host(base_url: &str) -> String {
    let rest = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest).to_owned()
}
