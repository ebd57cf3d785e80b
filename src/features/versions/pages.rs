//! A history of versions, two texts side by side, and what editors of versions have in common.

use super::model::{Difference, History, Line, Row, Version};
use crate::{
    kernel::{Asked, Timestamp},
    policy::Operation,
    site::routes::Path,
    ui::{
        available,
        components::{Button, Card, Choice, DefinitionList, Fact, Field, Select, Time, TimeStyle},
        form::{AnyForm, BareForm},
        listing::{List, Pages},
    },
};
use leptos::prelude::*;

/// Versions, the newest first, and what differs between two of them.
#[component]
pub fn HistoryPage(
    history: History,
    /// The page's own address.
    path: Path,
    asked: Asked,
    /// Makes the button that restores a version.
    restore: Box<dyn Fn(i64) -> AnyView>,
    /// What stands beside the number of a version; "In use" beside that of the newest if left out.
    #[prop(optional)]
    beside: Option<Box<dyn Fn(i64) -> AnyView>>,
) -> impl IntoView {
    let list = List { path: path.clone(), filters: &["was", "now"], usual: "", asked };
    let numbers = choices(&history);
    let History { current, versions, total, window, difference, now } = history;
    let items: Vec<_> =
        versions.into_iter().map(|version| item(version, current, now.0, &path, &restore, beside.as_deref())).collect();
    let difference = match difference {
        Some(difference) => view! { <Compared difference numbers path /> }.into_any(),
        None => view! {
            <Card title="What changes">
                <p class="muted">"There is one version. The next save is compared with it."</p>
            </Card>
        }
        .into_any(),
    };
    view! {
        <div class="versions">
            <Card title="History" flush=true>
                <ol class="history">{items}</ol>
                <Pages list window total />
            </Card>
            <div class="stack">{difference}</div>
        </div>
    }
}

/// Makes the buttons that restore a version, for [`HistoryPage`]. `fields` makes the hidden fields that say what it is of.
pub fn restoring(form: AnyForm, fields: Box<dyn Fn() -> AnyView>, operation: Operation) -> Box<dyn Fn(i64) -> AnyView> {
    Box::new(move |number| {
        let fields = fields();
        view! {
            <BareForm form>
                {fields}
                <input type="hidden" name="number" value=number.to_string() />
                <Button
                    label=format!("Restore v{number}")
                    id=format!("restore-{number}")
                    busy=form.busy()
                    availability=available(operation)
                />
            </BareForm>
        }
        .into_any()
    })
}

/// The field for what a version is about, in the bar above an editor.
#[component]
pub fn MessageField() -> impl IntoView {
    view! {
        <div class="grow">
            <Field
                label="What this version is about"
                hide_label=true
                name="message"
                placeholder="What this version is about"
                autocomplete="off"
            />
        </div>
    }
}

/// Who made what has versions, and who changed it last.
#[component]
pub fn About(
    created_by: String,
    created_at: Timestamp,
    updated_by: String,
    updated_at: Timestamp,
    now: Timestamp,
) -> impl IntoView {
    view! {
        <Card title="About">
            <DefinitionList>
                <Fact term="Made by">{created_by}</Fact>
                <Fact term="Made"><Time at=created_at.0 style=TimeStyle::Date /></Fact>
                <Fact term="Changed"><Time at=updated_at.0 now=now.0 />{format!(" by {updated_by}")}</Fact>
            </DefinitionList>
        </Card>
    }
}

/// The versions that can be compared: those on this page of the history, and the two that are.
fn choices(history: &History) -> Vec<i64> {
    let mut numbers: Vec<i64> = history.versions.iter().map(|version| version.number).collect();
    numbers.extend(history.difference.iter().flat_map(|told| [told.was.number, told.now.number]));
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    numbers.dedup();
    numbers
}

fn item(
    version: Version,
    current: i64,
    now: i64,
    path: &Path,
    restore: &dyn Fn(i64) -> AnyView,
    beside: Option<&dyn Fn(i64) -> AnyView>,
) -> AnyView {
    let Version { number, message, created_by, created_at } = version;
    let words = if message.is_empty() { "No message".to_owned() } else { message.clone() };
    let compare = (number > 1).then(|| {
        let href = path.clone().with("was", &(number - 1).to_string()).with("now", &number.to_string()).to_string();
        view! { <a href=href>"What it changed"<span class="vh">{format!(" in version {number}")}</span></a> }
    });
    let restore = (number != current).then(|| restore(number));
    view! {
        <li class:history-now=number == current>
            <div class="row">
                <span class="version">{format!("v{number}")}</span>
                {match beside {
                    Some(beside) => beside(number),
                    None => (number == current).then(|| view! { <span class="tag tag-plain">"In use"</span> }).into_any(),
                }}
            </div>
            <div class:muted=message.is_empty()>{words}</div>
            <div class="hint">{created_by}", "<Time at=created_at.0 now /></div>
            <div class="row">{compare}{restore}</div>
        </li>
    }
    .into_any()
}

#[component]
fn Compared(difference: Difference, numbers: Vec<i64>, path: Path) -> impl IntoView {
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

/// What differs between two versions, as rows of both; one below the other where it is narrow.
#[component]
fn TextDiff(difference: Difference) -> impl IntoView {
    let Difference { was, now, rows } = difference;
    let same = rows.iter().all(|row| matches!(row, Row::Folded(_)));
    let rows: Vec<_> = rows.into_iter().map(row).collect();
    let head = |word: &'static str, version: &Version| {
        view! {
            <th scope="col">
                <span class="muted">{word}</span>" "<span class="version">{format!("v{}", version.number)}</span>" "
                {version.created_by.clone()}
            </th>
        }
    };
    view! {
        {same.then(|| view! { <p class="hint text-same">"Both have the same text."</p> })}
        <div class="table-region" role="region" tabindex="0" aria-label="What differs">
            <table class="two-texts">
                <caption class="vh">{format!("What differs between version {} and version {}", was.number, now.number)}</caption>
                <thead>
                    <tr>{head("was", &was)}{head("now", &now)}</tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

fn row(row: Row) -> AnyView {
    match row {
        Row::Folded(1) => view! { <tr class="text-part"><td colspan="2">"1 line alike"</td></tr> }.into_any(),
        Row::Folded(lines) => {
            view! { <tr class="text-part"><td colspan="2">{format!("{lines} unchanged lines")}</td></tr> }.into_any()
        }
        Row::Same(was, now, text) => {
            let cell = |number: u32, text: String| {
                view! { <td><span class="text-line"><span class="text-sign">{number}</span><span>{text}</span></span></td> }
            };
            view! { <tr>{cell(was, text.clone())}{cell(now, text)}</tr> }.into_any()
        }
        Row::Changed(was, now) => {
            view! { <tr>{changed("gone", "−", "removed: ", was)}{changed("come", "+", "added: ", now)}</tr> }.into_any()
        }
    }
}

fn changed(class: &'static str, sign: &'static str, word: &'static str, line: Option<Line>) -> AnyView {
    let Some((_, parts)) = line else { return view! { <td class="blank"></td> }.into_any() };
    let parts: Vec<_> = parts
        .into_iter()
        .map(|(is_changed, text)| match is_changed {
            true => view! { <mark>{text}</mark> }.into_any(),
            false => view! { <span>{text}</span> }.into_any(),
        })
        .collect();
    view! {
        <td class=class>
            <span class="text-line">
                <span class="text-sign" aria-hidden="true">{sign}</span>
                <span><span class="vh">{word}</span>{parts}</span>
            </span>
        </td>
    }
    .into_any()
}
