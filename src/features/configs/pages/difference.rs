//! Two texts side by side.

use crate::features::configs::model::{Difference, Line, Row, Version};
use leptos::prelude::*;

/// What differs between two versions, as rows of both; one below the other where it is narrow.
#[component]
pub fn TextDiff(difference: Difference) -> impl IntoView {
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
