//! Who has which share of the requests: the table at the foot.

use super::{
    links,
    words::{is_worse, percent, share, short, short_change},
};
use crate::{
    features::{
        analytics::model::{Group, Page},
        logs::{figures::Dimension, model::duration},
    },
    kernel::{
        Asked,
        money::dollars,
        text::{capital, grouped},
    },
    ui::components::{Column, Share, Tab, Table, Tabs, Time},
};
use leptos::prelude::*;

/// What there is a tab for, whatever is open.
const TABS: [Dimension; 8] = [
    Dimension::Key,
    Dimension::Model,
    Dimension::Person,
    Dimension::VirtualKey,
    Dimension::Provider,
    Dimension::Prompt,
    Dimension::Endpoint,
    Dimension::Outcome,
];

/// The tabs: the usual ones, one for each name of metadata, and the open one.
fn tabs(page: &Page, slug: &str, asked: &Asked) -> Vec<Tab> {
    let mut dimensions: Vec<_> =
        TABS.into_iter().chain(page.metadata.iter().cloned().map(Dimension::Metadata)).collect();
    if !dimensions.contains(&page.share) {
        dimensions.push(page.share.clone());
    }
    dimensions
        .into_iter()
        .map(|dimension| {
            let asked = asked.clone().with("share", dimension.name());
            Tab {
                label: format!("By {}", dimension.label()),
                href: format!("{}#share", links::here(slug, &asked)),
                count: None,
                current: dimension == page.share,
            }
        })
        .collect()
}

#[component]
pub fn Shares(page: Page, slug: String, asked: Asked) -> impl IntoView {
    let tabs = tabs(&page, &slug, &asked);
    let columns = vec![
        Column::new(capital(&page.share.label())),
        Column::number("Requests"),
        Column::number("Change"),
        Column::number("Cost"),
        Column::number("Tokens"),
        Column::number("p50"),
        Column::number("p99"),
        Column::number("Errors"),
        Column::new("Last"),
    ];
    let caption = format!("Share of the requests by {}", page.share.label());
    let rows: Vec<_> = page.shares.iter().map(|group| row(group, &page, &slug, &asked)).collect();
    let more = (page.more_shares > 0).then(|| {
        let groups = if page.more_shares == 1 { "group" } else { "groups" };
        view! { <div class="hint">{format!("{} more {groups}", grouped(page.more_shares))}</div> }.into_any()
    });
    view! {
        <section id="share" class="shares" aria-label="Share of the requests">
            <h2>"Share of the requests"</h2>
            <Tabs tabs />
            <Table caption columns dense=true>{rows}</Table>
            {more}
        </section>
    }
}

fn row(group: &Group, page: &Page, slug: &str, asked: &Asked) -> AnyView {
    let Group { value, label, figures, before, .. } = group;
    let label = label.clone();
    let name = match value {
        Some(value) => {
            let href = links::log_of(slug, asked, &page.share, value).to_string();
            view! { <a class="cell-name" href=href>{label}</a> }.into_any()
        }
        None => view! { <span class="cell-name">{label}</span> }.into_any(),
    };
    let of = page.totals.share(figures.calls).unwrap_or_default();
    let length = |length: i64| if figures.latency.count > 0 { duration(length) } else { "–".into() };
    let is_worse = before.as_ref().is_some_and(|before| is_worse(figures, before));
    let worse = is_worse
        .then(|| view! { <span aria-hidden="true">" ↑"</span><span class="vh">", more than before"</span> }.into_any());
    let cost = match (figures.cost, figures.unpriced) {
        (Some(cost), _) => dollars(cost),
        (None, 0) => "–".into(),
        (None, _) => "unknown".into(),
    };
    let last = figures.last_at.map(|at| view! { <Time at=at.0 now=page.now.0 /> }.into_any());
    view! {
        <tr>
            <th scope="row">{name}</th>
            <td data-label="Requests" class="num">
                <span class="share-cell">
                    <Share of />
                    <span class="share-number">{grouped(figures.calls)}</span>
                    <span class="vh">{format!(", {} of all", percent(of))}</span>
                </span>
            </td>
            <td data-label="Change" class="num">{short_change(figures.calls, before.as_ref().map(|before| before.calls))}</td>
            <td data-label="Cost" class="num">{cost}</td>
            <td data-label="Tokens" class="num">{short(figures.tokens())}</td>
            <td data-label="p50" class="num">{length(figures.latency.p50)}</td>
            <td data-label="p99" class="num">{length(figures.latency.p99)}</td>
            <td data-label="Errors" class="num" class:worse=is_worse>{share(figures.share(figures.failed()))}{worse}</td>
            <td data-label="Last">{last}</td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::{super::charts::tests::page, *};

    #[test]
    fn there_is_a_tab_for_each_name_of_metadata_and_for_what_is_open() {
        let page = Page { metadata: vec!["team".into()], share: Dimension::Cache, ..page() };
        let tabs = tabs(&page, "north", &Asked::default().with("range", "30d"));
        assert_eq!(tabs.len(), TABS.len() + 2);
        assert_eq!(tabs[0].href, "/o/north/analytics?range=30d&share=key#share");
        assert_eq!((tabs[8].label.as_str(), tabs[9].label.as_str(), tabs[9].current), ("By team", "By cache", true));
    }
}
