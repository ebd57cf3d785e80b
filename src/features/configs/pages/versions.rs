//! A config's versions, and what differs between two of them.

use super::{Above, Head, Open, difference::TextDiff};
use crate::{
    features::configs::{
        functions::{LoadVersions, RestoreConfig},
        model::{Difference, Version, Versions},
    },
    kernel::Asked,
    policy::Operation,
    site::routes,
    ui::{
        Loaded, available,
        components::{Button, Card, Choice, Select, Time, Toast},
        form::{BareForm, Form, Refusal, use_form},
        listing::{List, Pages, use_asked},
        load_after,
        pages::{Done, param, use_param, use_slug},
    },
};
use leptos::prelude::*;
use leptos_router::hooks::use_query_map;

#[component]
pub fn VersionsPage() -> impl IntoView {
    let (slug, of, asked, query) = (use_slug(), use_param("config"), use_asked(&[]), use_query_map());
    let form = use_form::<RestoreConfig>();
    let saves = form.successes();
    let part = move |name: &'static str| query.with(|query| query.get(name).unwrap_or_default());
    let versions = load_after(
        move || saves.get(),
        move || LoadVersions {
            slug: slug.get(),
            of: of.get(),
            was: part("was"),
            now: part("now"),
            asked: asked.get(),
        },
    );
    view! {
        <Loaded
            data=versions
            view=move |versions| {
                view! { <Inside versions slug=param("slug") asked=asked.get_untracked() form /> }.into_any()
            }
        />
    }
}

#[component]
fn Inside(versions: Versions, slug: String, asked: Asked, form: Form<RestoreConfig>) -> impl IntoView {
    let head = Head {
        slug: slug.clone(),
        config: versions.slug.clone(),
        name: versions.name.clone(),
        is_default: versions.is_default,
        versions: versions.current,
        used: usize::try_from(versions.used).unwrap_or_default(),
    };
    let path = routes::config_versions(&slug, &versions.slug);
    let list = List { path: path.clone(), filters: &["was", "now"], usual: "", asked };
    let (window, total, current) = (versions.window, versions.total, versions.current);
    let name = versions.name.clone();
    form.says(move || Toast::done(format!("{name} has the old text again, as a new version")));
    let items: Vec<_> = versions
        .versions
        .iter()
        .map(|version| {
            let version = version.clone();
            let (path, of) = (path.clone(), versions.slug.clone());
            view! { <Item version current now=versions.now.0 path of form /> }
        })
        .collect();
    let numbers = choices(&versions);
    let difference = match versions.difference {
        Some(difference) => view! { <Compared difference numbers path /> }.into_any(),
        None => view! {
            <Card title="What changes">
                <p class="muted">"There is one version. The next save is compared with it."</p>
            </Card>
        }
        .into_any(),
    };
    view! {
        <Above head open=Open::Versions />
        <Done said=&[("restored", "The old text is the newest version again.")] />
        <Refusal form />
        <div class="versions">
            <Card title="History" flush=true>
                <ol class="history">{items}</ol>
                <Pages list window total />
            </Card>
            <div class="stack">{difference}</div>
        </div>
    }
}

/// The versions that can be compared: those on this page of the history, and the two that are.
fn choices(versions: &Versions) -> Vec<i64> {
    let mut numbers: Vec<i64> = versions.versions.iter().map(|version| version.number).collect();
    numbers.extend(versions.difference.iter().flat_map(|told| [told.was.number, told.now.number]));
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers.dedup();
    numbers
}

#[component]
fn Item(
    version: Version,
    current: i64,
    now: i64,
    path: routes::Path,
    of: String,
    form: Form<RestoreConfig>,
) -> impl IntoView {
    let Version { number, message, created_by, created_at } = version;
    let words = if message.is_empty() { "No message".to_owned() } else { message.clone() };
    let compare = (number > 1).then(|| {
        let href = path.with("was", &(number - 1).to_string()).with("now", &number.to_string()).to_string();
        view! { <a href=href>"What it changed"<span class="vh">{format!(" in version {number}")}</span></a> }
    });
    let restore = (number != current).then(|| {
        view! {
            <BareForm form>
                <input type="hidden" name="of" value=of />
                <input type="hidden" name="number" value=number.to_string() />
                <Button
                    label=format!("Restore v{number}")
                    id=format!("restore-{number}")
                    busy=form.busy()
                    availability=available(Operation::ConfigRestore)
                />
            </BareForm>
        }
    });
    view! {
        <li class:history-now=number == current>
            <div class="row">
                <span class="version">{format!("v{number}")}</span>
                {(number == current).then(|| view! { <span class="tag tag-plain">"In use"</span> })}
            </div>
            <div class:muted=message.is_empty()>{words}</div>
            <div class="hint">{created_by}", "<Time at=created_at.0 now /></div>
            <div class="row">{compare}{restore}</div>
        </li>
    }
}

#[component]
fn Compared(difference: Difference, numbers: Vec<i64>, path: routes::Path) -> impl IntoView {
    let choices: Vec<_> = numbers.iter().map(|number| Choice::new(number.to_string(), format!("v{number}"))).collect();
    let (was, now) = (difference.was.number.to_string(), difference.now.number.to_string());
    view! {
        <Card
            title="What changes"
            flush=true
            actions=move || {
                let (choices, was, now) = (choices.clone(), was.clone(), now.clone());
                view! {
                    <form class="row" method="get" action=path.to_string()>
                        <Select label="Was" name="was" choices=choices.clone() selected=was compact=true hide_label=true />
                        <span aria-hidden="true">"→"</span>
                        <Select label="Now" name="now" choices selected=now compact=true hide_label=true />
                        <Button label="Compare" />
                    </form>
                }
            }
        >
            <TextDiff difference />
        </Card>
    }
}
