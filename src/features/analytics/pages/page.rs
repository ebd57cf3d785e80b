//! The page of analytics: its bar, its figures, its charts, and who has which share.

use super::{charts, links, shares::Shares, tiles::tiles, words::counted};
use crate::{
    features::{
        analytics::{
            functions::LoadAnalytics,
            model::{ASKED, Page},
        },
        feedback::model::value_text,
        logs::{
            figures::Dimension,
            model::{Choices, FILTERS},
            pages::{bar_choices, narrowing_fields, range_fields, saved_line},
        },
    },
    kernel::{Asked, Error, Timestamp, text::grouped},
    site::routes,
    ui::{
        Headed, Loaded, Problem,
        components::{
            Choice, Column, EmptyState, LinkButton, Note, PageHeader, Plot, Select, Table, Tiles, Tone, before_text,
            date_text, range_text,
        },
        listing::{FilterBar, List, use_asked},
        load,
        pages::{page_title, use_slug},
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

/// The filters that stand in a chip: all but the time.
const NARROWING: &[&str] = {
    const ALL: &[&str] = &FILTERS;
    ALL.split_at(3).1
};

#[component]
pub fn AnalyticsPage() -> impl IntoView {
    let (slug, asked) = (use_slug(), use_asked(&ASKED));
    let page = load(move || LoadAnalytics { slug: slug.get(), query: links::meant(asked.get()) });
    let choices = load(move || bar_choices(slug.get(), &asked.get_untracked()));
    view! {
        <Title text=page_title("Analytics") />
        <Loaded
            data=choices
            view=move |choices: Choices| {
                let spare = choices.clone();
                let here = move || (slug.get_untracked(), asked.get_untracked());
                let show = move |page| whole(Ok(page), choices.clone(), here());
                let otherwise = move |error| whole(Err(error), spare.clone(), here());
                view! { <Loaded data=page view=show otherwise /> }.into_any()
            }
        />
    }
}

/// The page; where there are no figures, its bar and why.
fn whole(page: Result<Page, Error>, choices: Choices, (slug, asked): (String, Asked)) -> AnyView {
    let sentence = match &page {
        Ok(page) => {
            let range = range_text(page.from.0, page.to.0, page.now.0);
            format!("{range}, UTC, compared with {}.", before_text(page.to.0 - page.from.0))
        }
        Err(_) => "What calls amount to, over time.".into(),
    };
    let (group, share, metadata) = match &page {
        Ok(page) => (page.group.clone(), asked.get("share").to_owned(), page.metadata.clone()),
        Err(_) => (Dimension::Model, String::new(), vec![]),
    };
    let saved = saved_line(&routes::analytics(&slug), &slug, &asked, &choices.saved);
    let list = List { path: links::whole(&slug, &asked), filters: NARROWING, usual: "", asked: asked.clone() };
    let body = match page {
        Ok(page) => view! { <Inside page slug=slug.clone() asked /> }.into_any(),
        Err(error) => {
            provide_context(Headed);
            view! { <Problem error /> }.into_any()
        }
    };
    view! {
        <PageHeader title="Analytics" sentence=move || sentence.clone() />
        <Bars choices list slug group share metadata />
        {saved}
        {body}
    }
    .into_any()
}

/// The bar of filters.
#[component]
fn Bars(
    choices: Choices,
    list: List,
    slug: String,
    group: Dimension,
    share: String,
    metadata: Vec<String>,
) -> impl IntoView {
    let mut ranges = vec![("24h", "Last 24 hours"), ("", "Last 7 days"), ("30d", "Last 30 days")];
    let range = list.asked.get("range");
    if range == "1h" {
        ranges.insert(0, ("1h", "Last hour"));
    }
    // What is meant where nothing is said.
    let range = if range == links::USUAL { String::new() } else { range.to_owned() };
    let mut groups: Vec<_> =
        Dimension::FIXED.into_iter().chain(metadata.into_iter().map(Dimension::Metadata)).collect();
    if !groups.contains(&group) {
        groups.push(group.clone());
    }
    let groups = groups
        .into_iter()
        .map(|dimension| {
            let value = if dimension == Dimension::Model { String::new() } else { dimension.name().into_owned() };
            Choice::new(value, format!("Group by {}", dimension.label()))
        })
        .collect();
    let chosen = if group == Dimension::Model { String::new() } else { group.name().into_owned() };
    let share = (!share.is_empty()).then(|| view! { <input type="hidden" name="share" value=share /> }.into_any());
    view! {
        <FilterBar list=list.clone() count="" action=routes::analytics(&slug)>
            {range_fields(&list, &ranges, range)}
            <Select label="Group by" name="group" choices=groups selected=chosen compact=true hide_label=true />
            {narrowing_fields(&list, choices)}
            {share}
        </FilterBar>
    }
}

#[component]
fn Inside(page: Page, slug: String, asked: Asked) -> impl IntoView {
    let own = page.own_only.then(|| {
        view! { <Note tone=Tone::Info>"Only calls of keys that you answer for, and your own."</Note> }.into_any()
    });
    let under_way = (page.under_way > 0).then(|| {
        let (calls, verb) = (counted(page.under_way, "call", "calls"), if page.under_way == 1 { "is" } else { "are" });
        view! { <div class="under-way">{format!("{calls} {verb} under way and not counted.")}</div> }.into_any()
    });
    let unpriced = (page.totals.unpriced > 0).then(|| {
        let href = routes::prices(&slug).to_string();
        let words =
            format!("{} used tokens at a price that is not known. ", counted(page.totals.unpriced, "call", "calls"));
        view! { <div class="under-way">{words}<a href=href>"Prices"</a></div> }.into_any()
    });
    if page.totals.calls == 0 {
        let nothing = nothing(page.last_call, &slug, &asked);
        return view! {
            {own}
            {under_way}
            {nothing}
        }
        .into_any();
    }
    let tiles = tiles(&page, &slug, &asked);
    let requests = charts::requests(&page);
    let latency = match charts::latency(&page) {
        Some(plotted) => view! { <Plot plotted /> }.into_any(),
        None => unknown("latency", "Latency", "How long these calls took is not known."),
    };
    let cost = match charts::cost(&page) {
        Some(plotted) => view! { <Plot plotted /> }.into_any(),
        None => unknown("cost", "Cost", "None of these calls has a known price."),
    };
    let feedback = match charts::feedback(&page) {
        Some(plotted) => view! {
            <Plot plotted />
            <Scores by_value=page.feedback.by_value.clone() />
        }
        .into_any(),
        None => unknown("feedback", "Feedback", "Nobody has given feedback in this time."),
    };
    view! {
        {own}
        {under_way}
        {unpriced}
        <Tiles label="Figures" tiles />
        <Plot plotted=requests />
        <div class="figures">{latency}{cost}</div>
        {feedback}
        <Shares page slug asked />
    }
    .into_any()
}

/// How many entries of feedback have each value.
#[component]
fn Scores(by_value: Vec<(i64, i64)>) -> impl IntoView {
    let row = |(value, given): (i64, i64)| {
        view! {
            <tr>
                <th scope="row" class="num">{value_text(value)}</th>
                <td data-label="Entries" class="num">{grouped(given)}</td>
            </tr>
        }
        .into_any()
    };
    let rows: Vec<_> = by_value.into_iter().rev().map(row).collect();
    let columns = vec![Column::number("Value"), Column::number("Entries")];
    view! { <Table caption="Feedback by value" columns>{rows}</Table> }
}

/// In place of a chart without anything to draw.
fn unknown(id: &'static str, title: &'static str, sentence: &'static str) -> AnyView {
    view! {
        <section class="figure" id=id aria-label=title>
            <div class="figure-top">
                <h2>{title}</h2>
            </div>
            <div class="muted">{sentence}</div>
        </section>
    }
    .into_any()
}

/// In place of everything where there is no call.
fn nothing(last: Option<Timestamp>, slug: &str, asked: &Asked) -> AnyView {
    if let Some(last) = last {
        let day = last.iso_date();
        let asked = asked.clone().with("range", "custom").with("from", day.clone()).with("to", day);
        let sentence = format!("The last call was on {}, UTC.", date_text(last.0));
        let href = links::here(slug, &asked);
        return view! {
            <EmptyState title="No calls in these days" sentence>
                <LinkButton label="Show that day" href />
            </EmptyState>
        }
        .into_any();
    }
    if !asked.is_silent(NARROWING) {
        let href = links::whole(slug, asked);
        return view! {
            <EmptyState title="No calls fit" sentence="No call in these days, or before, fits the filter.">
                <LinkButton label="Clear the filter" href />
            </EmptyState>
        }
        .into_any();
    }
    let href = routes::logs(slug);
    let sentence = "Every model call through Latchkey is counted here. The log says how to make the first.";
    view! {
        <EmptyState title="No calls yet" sentence>
            <LinkButton label="Logs" href />
        </EmptyState>
    }
    .into_any()
}
