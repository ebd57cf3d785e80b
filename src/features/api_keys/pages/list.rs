//! The list of keys.

use super::{page_title, short_summary, status_pill, use_alive, used};
use crate::{
    features::{
        api_keys::{
            functions::{EnableKey, LoadKeys},
            model::{Filter, Key, KeyList, NAME_LIMIT, PAGE, Status, UNUSED_DAYS, reduce_search},
        },
        organisations::pages::use_slug,
    },
    kernel::Timestamp,
    policy::{KeyFeature, Operation, bitting, summary},
    site::routes::{self, Path},
    ui::{
        Loaded, available,
        bitting::Bitting,
        components::{
            Choice, CodeBlock, Column, EmptyState, Filters, LinkButton, Look, MenuButton, MenuLink, Note, PageHeader,
            Pager, RowMenu, Select, Sort, Table, Tag, Time, TimeStyle, Tone,
        },
        form::{BareForm, Form, Refusal, use_form},
        icons::{Glyph, Icon},
        load_after,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query_map;

#[component]
pub fn KeysPage() -> impl IntoView {
    let slug = use_slug();
    let query = use_query_map();
    let filter = Memo::new(move |_| {
        query.with(|query| {
            let part = |name: &str| query.get(name).unwrap_or_default();
            Filter {
                q: reduce_search(&part("q")),
                status: part("status"),
                permission: part("permission"),
                responsible: part("responsible"),
                unused: part("unused"),
                sort: part("sort"),
                page: part("page"),
            }
        })
    });
    let enable = use_form::<EnableKey>();
    let keys = load_after(move || enable.answers().get(), move || LoadKeys { slug: slug.get(), filter: filter.get() });
    view! {
        <Title text=page_title("API keys") />
        <Loaded
            data=keys
            view=move |list| {
                view! { <List slug=slug.get_untracked() filter=filter.get_untracked() list enable /> }.into_any()
            }
        />
    }
}

#[component]
fn List(slug: String, filter: Filter, list: KeyList, enable: Form<EnableKey>) -> impl IntoView {
    let KeyList { keys, total, expiring, people, now, public_url } = list;
    let only_master = filter.is_empty() && total == 1 && keys.iter().all(|key| key.master);
    let nothing = keys.is_empty() && filter.is_empty() && filter.page() == 1;
    let new = routes::new_api_key(&slug);
    let narrower = new.clone();
    let banners: Vec<_> = expiring.iter().take(3).map(|key| banner(&slug, key, now)).collect();
    let more = expiring.len().saturating_sub(banners.len());
    let every = {
        let href = routes::api_keys(&slug).with("status", "expiring").to_string();
        (more > 0)
            .then(|| view! { <div class="muted"><a href=href>{format!("{more} more keys expire soon")}</a></div> })
    };
    let body = if nothing {
        view! { <Nothing slug=slug.clone() public_url /> }.into_any()
    } else if keys.is_empty() {
        let all = routes::api_keys(&slug).to_string();
        view! {
            <EmptyState title="No key fits" sentence="Nothing matches this search and these filters.">
                <LinkButton label="Show all keys" href=all />
            </EmptyState>
        }
        .into_any()
    } else {
        let rows: Vec<_> = keys.into_iter().map(|key| row(&slug, key, now, enable)).collect();
        view! {
            <div class="stack">
                <Table caption="API keys" columns=columns(&slug, &filter)>
                    {rows}
                </Table>
                <PageTurner slug=slug.clone() filter=filter.clone() total />
                <div class="hint">"Lost a secret? It is shown only once, when it is made. Rotate the key to get a new one."</div>
            </div>
        }
        .into_any()
    };
    view! {
        <PageHeader
            title="API keys"
            sentence=|| "Each key opens exactly what it was cut for. Give every program its own, with no more than it needs."
        >
            <LinkButton
                look=Look::Primary
                icon=Icon::Plus
                label="New key"
                href=new.clone()
                availability=available(Operation::ApiKeyCreate)
            />
        </PageHeader>
        <Refusal form=enable />
        {banners}
        {every}
        {only_master
            .then(|| {
                view! {
                    <Note action=move || {
                        view! { <LinkButton label="New key" href=narrower.clone() id="narrower" /> }
                    }>"The master key can do everything. Keep it apart, and give each program a narrower key of its own."</Note>
                }
            })}
        {(!nothing).then(|| view! { <FilterBar slug=slug.clone() filter people total /> })}
        {body}
    }
}

fn banner(slug: &str, key: &Key, now: Timestamp) -> impl IntoView + use<> {
    let href = routes::rotate_api_key(slug, key.id).to_string();
    let id = format!("rotate-{}", key.id);
    let words = match key.status(now) {
        Status::Expiring(days) if days > 1 => format!(" expires in {days} days. "),
        _ => {
            let end = key.expires_at.map(Timestamp::date_time).unwrap_or_default();
            format!(" expires on {end}. ")
        }
    };
    let name = key.name.clone();
    view! {
        <Note
            tone=Tone::Warn
            action=move || {
                view! {
                    <LinkButton
                        label="Rotate"
                        href=href.clone()
                        id=id.clone()
                        availability=available(Operation::ApiKeyRotate)
                    />
                }
            }
        >
            <strong>{name}</strong>
            {words}
            "Rotate it with a later end, and both secrets work while you roll out the new one."
        </Note>
    }
}

#[component]
fn Nothing(slug: String, public_url: String) -> impl IntoView {
    let call = super::minted::example_call(&public_url, "$LATCHKEY_API_KEY");
    view! {
        <EmptyState
            title="No API keys yet"
            sentence="A program proves itself with a key. It can call models, and whatever else the key was cut for."
            example=move || view! { <CodeBlock id="example" what="example call" code=call.clone() /> }
        >
            <LinkButton
                look=Look::Primary
                label="Make the first key"
                href=routes::new_api_key(&slug)
                availability=available(Operation::ApiKeyCreate)
            />
        </EmptyState>
    }
}

#[component]
fn FilterBar(
    slug: String,
    filter: Filter,
    people: Vec<crate::features::api_keys::model::Person>,
    total: i64,
) -> impl IntoView {
    let alive = use_alive();
    let statuses = [
        ("", "Any status"),
        ("active", "Active"),
        ("rotating", "Rotating"),
        ("expiring", "Expires soon"),
        ("expired", "Expired"),
        ("disabled", "Disabled"),
        ("deleted", "Deleted"),
    ]
    .map(|(value, label)| Choice::new(value, label));
    let features = KeyFeature::ALL.map(|feature| Choice::new(feature.name(), feature.label()));
    let who = people.into_iter().map(|person| Choice::new(person.id.to_string(), person.name));
    let count = format!("{total} {}", if total == 1 { "key" } else { "keys" });
    view! {
        <Filters action=routes::api_keys(&slug) count>
            <div class="search-field">
                <Glyph icon=Icon::Search />
                <input
                    type="search"
                    class="input"
                    name="q"
                    value=filter.q
                    aria-label="Name, or paste a key"
                    placeholder="Name, or paste a key"
                    autocomplete="off"
                    spellcheck="false"
                    // Before the page is alive nothing reduces a pasted secret, so that it cannot be typed whole.
                    maxlength=move || if alive.get() { NAME_LIMIT.to_string() } else { "16".to_owned() }
                    on:input=move |event| {
                        let typed = event_target_value(&event);
                        let reduced = reduce_search(&typed);
                        if reduced.contains('…') && reduced != typed.trim() {
                            event_target::<leptos::web_sys::HtmlInputElement>(&event).set_value(&reduced);
                        }
                    }
                />
            </div>
            <Select compact=true hide_label=true label="Status" name="status" choices=statuses.to_vec() selected=filter.status />
            <Select
                compact=true
                hide_label=true
                label="Permission"
                name="permission"
                choices=std::iter::once(Choice::new("", "Any permission")).chain(features).collect()
                selected=filter.permission
            />
            <Select
                compact=true
                hide_label=true
                label="Answers for"
                name="responsible"
                choices=[Choice::new("", "Anyone's"), Choice::new("owners", "The Owners'")].into_iter().chain(who).collect()
                selected=filter.responsible
            />
            <Select
                compact=true
                hide_label=true
                label="Use"
                name="unused"
                choices=vec![Choice::new("", "Any use"), Choice::new("yes", format!("Unused {UNUSED_DAYS} days"))]
                selected=filter.unused
            />
            {(!filter.sort.is_empty()).then(|| view! { <input type="hidden" name="sort" value=filter.sort /> })}
        </Filters>
    }
}

/// The address of the list with this filter, at its first page.
fn address(slug: &str, filter: &Filter) -> Path {
    routes::api_keys(slug)
        .with("q", &filter.q)
        .with("status", &filter.status)
        .with("permission", &filter.permission)
        .with("responsible", &filter.responsible)
        .with("unused", &filter.unused)
        .with("sort", &filter.sort)
}

fn columns(slug: &str, filter: &Filter) -> Vec<Column> {
    let sorted = |label: &str, by: &str| {
        let now = match filter.sort.strip_prefix('-') {
            Some(sort) if sort == by => Some(Sort::Descending),
            None if filter.sort == by => Some(Sort::Ascending),
            _ => None,
        };
        let next = if now == Some(Sort::Ascending) { format!("-{by}") } else { by.to_owned() };
        Column::new(label).sorted_by(address(slug, &Filter { sort: next, ..filter.clone() }), now)
    };
    vec![
        sorted("Key", "name"),
        Column::new("Cut for"),
        sorted("Last used", "used"),
        sorted("Expires", "expires"),
        Column::new("Status"),
        Column::actions(),
    ]
}

fn row(slug: &str, key: Key, now: Timestamp, enable: Form<EnableKey>) -> impl IntoView + use<> {
    let href = routes::api_key(slug, key.id).to_string();
    let pill = status_pill(&key, now);
    let menu = menu(slug, &key, enable);
    let whole = summary(key.permissions);
    let words = short_summary(key.permissions);
    let cut = key.cut_sentence();
    let expires = match key.expires_at {
        Some(at) => view! { <Time at=at.0 style=TimeStyle::Date /> }.into_any(),
        None => "never".into_any(),
    };
    view! {
        <tr>
            <th scope="row">
                <span class="two-lines two-made">
                    <span class="cell-first">
                        <a class="cell-name" href=href>{key.name}</a>
                        {key.master.then(|| view! { <Tag label="Master" /> })}
                    </span>
                    <span class="cell-second mono">{key.secret.text()}</span>
                    <span class="cell-second">
                        {key.created_by}", "<Time at=key.created_at.0 style=TimeStyle::Date />
                    </span>
                </span>
            </th>
            <td class="wide bare">
                <span class="cut">
                    <Bitting teeth=bitting(key.permissions) />
                    <span class="two-lines">
                        <span title=whole>{words}</span>
                        {cut.map(|cut| view! { <span class="cell-second">{cut}</span> })}
                    </span>
                </span>
            </td>
            <td data-label="Used">{used(key.used_at, now)}</td>
            <td data-label="Expires">{expires}</td>
            <td class="state">{pill}</td>
            <td class="row-actions">{menu}</td>
        </tr>
    }
}

fn menu(slug: &str, key: &Key, enable: Form<EnableKey>) -> AnyView {
    if key.deleted_at.is_some() {
        return ().into_any();
    }
    let edit = routes::api_key(slug, key.id);
    let rotate = routes::rotate_api_key(slug, key.id);
    let delete = routes::delete_api_key(slug, key.id);
    let (slug, id) = (slug.to_owned(), key.id.to_string());
    let menu_id = format!("menu-{id}");
    let label = format!("Actions for {}", key.name);
    let toggle = if key.disabled_at.is_some() {
        view! {
            <BareForm form=enable>
                <input type="hidden" name="slug" value=slug />
                <input type="hidden" name="id" value=id />
                <MenuButton label="Enable" busy=enable.busy() availability=available(Operation::ApiKeyEnable) />
            </BareForm>
        }
        .into_any()
    } else {
        let disable = routes::disable_api_key(&slug, key.id);
        view! { <MenuLink label="Disable" href=disable availability=available(Operation::ApiKeyDisable) /> }.into_any()
    };
    view! {
        <RowMenu id=menu_id label>
            <MenuLink label="Edit" href=edit />
            <MenuLink label="Rotate" href=rotate availability=available(Operation::ApiKeyRotate) />
            {toggle}
            <MenuLink label="Delete" href=delete danger=true availability=available(Operation::ApiKeyDelete) />
        </RowMenu>
    }
    .into_any()
}

#[component]
fn PageTurner(slug: String, filter: Filter, total: i64) -> impl IntoView {
    if total <= PAGE {
        return ().into_any();
    }
    let page = filter.page();
    let to = |page: i64| address(&slug, &filter).with("page", &page.to_string()).to_string();
    let previous = (page > 1).then(|| to(page - 1));
    let next = (page * PAGE < total).then(|| to(page + 1));
    let words = format!("{} to {} of {total}", (page - 1) * PAGE + 1, (page * PAGE).min(total));
    view! { <Pager previous next words /> }.into_any()
}
