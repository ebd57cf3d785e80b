//! The list of keys.

use super::{many, page_title, short_summary, status_pill, used};
use crate::{
    features::{
        api_keys::{
            functions::{EnableKey, LoadKeys},
            model::{FILTERS, Key, KeyList, OWNERS, Person, SOON_DAYS, Status, UNUSED_DAYS},
        },
        news::{
            model::Watched,
            pages::{ChangesByOthers, Watch},
        },
        organisations::pages::use_slug,
    },
    kernel::{Asked, KeyId, Timestamp},
    policy::{KeyFeature, Operation, bitting, summary},
    site::routes,
    ui::{
        Gradual, Loaded, apart, available,
        bitting::Bitting,
        can,
        components::{
            Button, Choice, CodeBlock, Column, EmptyState, FilterSheet, LinkButton, Look, MenuButton, MenuLink, Note,
            PageHeader, RowMenu, SearchField, Table, Tag, Time, TimeStyle, Tone, dom,
        },
        form::{BareForm, Form, Refusal, use_form},
        icons::Icon,
        listing::{FilterBar, List, NothingFits, Pages, tell, use_asked, use_marked},
        load_after,
        many::{PickCell, Picks},
        pages::Done,
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

/// What can have been done on the pages that lead back here.
const DONE: &[(&str, &str)] = &[
    ("saved", "The key is saved."),
    ("disabled", "The key is disabled. It opens nothing until it is enabled again."),
    ("deleted", "The key is deleted. Each of its secrets is refused."),
];

/// Keys that the banner names.
const SHOWN: usize = 3;

#[component]
pub fn KeysPage() -> impl IntoView {
    let (slug, asked) = (use_slug(), use_asked(&FILTERS));
    let enable = use_form::<EnableKey>();
    let watch = Watch::of(Watched::ApiKeys);
    let keys = load_after(
        move || enable.answers().get() + watch.reads(),
        move || LoadKeys { slug: slug.get(), filter: asked.get() },
    );
    view! {
        <Title text=page_title("API keys") />
        <ChangesByOthers watch />
        <Loaded
            data=keys
            view=move |list: KeyList| {
                watch.has_read(list.seen);
                view! { <Keys slug=slug.get_untracked() asked=asked.get_untracked() list enable /> }.into_any()
            }
        />
    }
}

#[component]
fn Keys(slug: String, asked: Asked, list: KeyList, enable: Form<EnableKey>) -> impl IntoView {
    let until = list.banner_until();
    let KeyList { keys, total, window, expiring, people, now, public_url, .. } = list;
    let list = List { path: routes::api_keys(&slug), filters: &FILTERS, usual: "", asked };
    let marked = use_marked();
    let only_master = !list.is_narrowed() && total == 1 && keys.iter().all(|key| key.master);
    let nothing = total == 0 && !list.is_narrowed();
    let new = routes::new_api_key(&slug);
    let narrower = new.clone();
    let own = slug.clone();
    let banner = until.map(|until| apart(move || view! { <Expiring slug=own keys=expiring until now /> }));
    let body = if nothing {
        view! { <Nothing slug=slug.clone() public_url /> }.into_any()
    } else if keys.is_empty() {
        let sentence = "Nothing matches this search and these filters.";
        view! { <NothingFits title="No key fits" sentence label="Show all keys" href=list.path.clone() /> }.into_any()
    } else {
        let picks = many::can_pick();
        let mut columns = vec![
            list.column("Key", "name"),
            Column::new("Permissions"),
            list.column("Last used", "used"),
            list.column("Expires", "expires"),
            Column::new("Status"),
            Column::actions(),
        ];
        if picks {
            columns.insert(0, Column::picks("Select all keys on this page"));
        }
        let marked = marked.get_untracked();
        let marked = enable.done().map_or(marked, |id| id.to_string());
        let own = slug.clone();
        let rows = Gradual::of(keys, move |key| row(&own, key, now, enable, &marked, picks));
        let table = view! { <Table caption="API keys" columns>{rows}</Table> };
        let table = if picks {
            view! { <Picks action=routes::many_api_keys(&slug) acts=many::acts()>{table}</Picks> }.into_any()
        } else {
            table.into_any()
        };
        view! {
            <div class="stack">
                {table}
                <Pages list=list.clone() window total />
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
        <Done said=DONE />
        <Refusal form=enable />
        {banner}
        {only_master
            .then(|| {
                view! {
                    <Note action=move || {
                        view! { <LinkButton label="New key" href=narrower.clone() id="narrower" /> }
                    }>"The master key can do everything. Keep it apart, and give each program a narrower key of its own."</Note>
                }
            })}
        {(!nothing).then(|| apart(move || view! { <Bar list people total /> }))}
        {body}
    }
}

/// The keys that expire soon, until it is put away.
#[component]
fn Expiring(slug: String, keys: Vec<Key>, until: KeyId, now: Timestamp) -> impl IntoView {
    let is_away = RwSignal::new(false);
    let name = KeyList::banner(&slug);
    let put_away = Callback::new(move |()| {
        dom::keep(&name, &until.to_string(), SOON_DAYS);
        is_away.set(true);
    });
    let more = keys.len().saturating_sub(SHOWN);
    let all = routes::api_keys(&slug).with("status", "expiring").to_string();
    let lines: Vec<_> = keys.iter().take(SHOWN).map(|key| expiring(&slug, key, now)).collect();
    let more = (more > 0).then(|| view! { <li><a href=all>{format!("{more} more")}</a></li> });
    view! {
        <div hidden=move || is_away.get()>
            <Note
                tone=Tone::Warn
                action=move || {
                    view! { <Button label="Put away" id="put-away" on_press=put_away /> }
                }
            >
                <ul class="plain-list">{lines}{more}</ul>
                <div class="hint">"Rotate with a later end, and both secrets work while you roll out the new one."</div>
            </Note>
        </div>
    }
}

fn expiring(slug: &str, key: &Key, now: Timestamp) -> impl IntoView + use<> {
    let words = match key.status(now) {
        Status::Expiring(days) if days > 1 => format!(" expires in {days} days. "),
        _ => {
            let end = key.expires_at.map(Timestamp::date_time).unwrap_or_default();
            format!(" expires on {end}. ")
        }
    };
    let href = routes::rotate_api_key(slug, key.id).to_string();
    let rotate = can(Operation::ApiKeyRotate).then(|| {
        view! { <a href=href>"Rotate"<span class="vh">{format!(" {}", key.name)}</span></a> }
    });
    view! { <li><strong>{key.name.clone()}</strong>{words}{rotate}</li> }
}

#[component]
fn Nothing(slug: String, public_url: String) -> impl IntoView {
    let call = super::minted::example_call(&public_url, "$LATCHKEY_API_KEY");
    view! {
        <EmptyState
            title="No API keys yet"
            sentence="A program proves itself with a key. It can call models, and whatever else its permissions allow."
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
fn Bar(list: List, people: Vec<Person>, total: i64) -> impl IntoView {
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
    let uses = vec![Choice::new("", "Any key use"), Choice::new("yes", format!("Key unused for {UNUSED_DAYS} days"))];
    let rights = vec![
        Choice::new("", "Any permission use"),
        Choice::new("unused", format!("Permissions unused for {UNUSED_DAYS} days")),
    ];
    // An address that was made elsewhere may name a person by id.
    let answers = list.asked.get("responsible");
    let chosen = people.iter().find(|person| person.id.to_string() == answers).map(|person| person.name.clone());
    let answers = chosen.unwrap_or_else(|| answers.to_owned());
    let chip = (!answers.is_empty()).then(|| format!("Acts for: {answers}"));
    let who: Vec<_> = people.into_iter().map(|person| view! { <option value=person.name></option> }).collect();
    let count = format!("{total} {}", if total == 1 { "key" } else { "keys" });
    view! {
        <FilterBar list=list.clone() count>
            <SearchField label="Name, or paste a key" value=list.asked.get("q") />
            <FilterSheet active=list.active(&FILTERS)>
                {list.choice("Status", "status", statuses.to_vec())}
                {list.choice("Permission", "permission", std::iter::once(Choice::new("", "Any permission")).chain(features).collect())}
                {chip.map(|words| tell("responsible", words))}
                <SearchField label="Acts for" name="responsible" value=answers list="people" />
                <datalist id="people">
                    <option value=OWNERS></option>
                    {who}
                </datalist>
                {list.choice("Key use", "unused", uses)}
                {list.choice("Permission use", "rights", rights)}
            </FilterSheet>
        </FilterBar>
    }
}

fn row(
    slug: &str,
    key: Key,
    now: Timestamp,
    enable: Form<EnableKey>,
    marked: &str,
    picks: bool,
) -> impl IntoView + use<> {
    let is_marked = key.id.to_string() == marked;
    let href = routes::api_key(slug, key.id).to_string();
    let pill = status_pill(&key, now);
    let menu = menu(slug, &key, enable);
    let pick = picks.then(|| {
        view! { <PickCell id=key.id.to_string() name=key.name.clone() has_box=key.deleted_at.is_none() /> }
    });
    let whole = summary(key.permissions);
    let words = short_summary(key.permissions);
    let cut = key.cut_sentence();
    let expires = match key.expires_at {
        Some(at) => view! { <Time at=at.0 style=TimeStyle::Date /> }.into_any(),
        None => "never".into_any(),
    };
    view! {
        <tr class:marked=is_marked>
            {pick}
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
    let id = key.id.to_string();
    let menu_id = format!("menu-{id}");
    let label = format!("Actions for {}", key.name);
    let toggle = if key.disabled_at.is_some() {
        view! {
            <BareForm form=enable>
                <input type="hidden" name="id" value=id />
                <MenuButton label="Enable" busy=enable.busy() availability=available(Operation::ApiKeyEnable) />
            </BareForm>
        }
        .into_any()
    } else {
        let disable = routes::disable_api_key(slug, key.id);
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
