//! The calls, their bars over time, and what they are filtered by.

use super::{
    bar::{self, narrowing_fields, range_fields},
    saved::saved_line,
    tail::{self, LiveSwitch, NewCalls, Tail},
    title, tone,
};
use crate::{
    features::{
        logs::{
            functions::LoadLogs,
            model::{Bucket, Choices, FILTERS, FirstCall, LoggedCall, Page, duration, is_plain},
        },
        organisations::pages::use_slug,
    },
    kernel::{
        Timestamp,
        money::dollars,
        text::grouped,
        time::{DAY, HOUR},
    },
    policy::Operation,
    site::routes::{self, Path},
    ui::{
        Gradual, Headed, Loaded, apart, can,
        components::{
            Bar, Chart, CodeBlock, Column, EmptyState, LinkButton, PageHeader, Pill, Table, Time, TimeStyle, TwoLines,
            relative_text,
        },
        listing::{FilterBar, List, NothingFits, Steps, use_asked},
        load, load_after, reactive,
    },
};
use leptos::prelude::*;

/// The last day begins with a whole hour, and ends with the one that has begun.
const DAY_AND_MORE: i64 = DAY + HOUR;

#[component]
pub fn ListPage() -> impl IntoView {
    let (slug, asked) = (use_slug(), use_asked(&FILTERS));
    let tail = Tail::of(slug, asked);
    let page = load_after(move || tail.reads(), move || LoadLogs { slug: slug.get(), query: asked.get() });
    let narrowed = move |path: Path| {
        asked.with(|asked| FILTERS.iter().fold(path, |path, name| path.with(name, asked.get(name)))).to_string()
    };
    let first = Signal::derive(move || narrowed(routes::logs(&slug.get())));
    let export = Signal::derive(move || narrowed(routes::log_export(&slug.get())));
    let list = move || List {
        path: routes::logs(&slug.get_untracked()),
        filters: &FILTERS,
        usual: "",
        asked: asked.get_untracked(),
    };
    let choices = load(move || bar::choices(slug.get(), &asked.get_untracked()));
    view! {
        {title("Logs")}
        <NewCalls tail first />
        <Loaded
            data=choices
            view=move |choices: Choices| {
                provide_context(Headed);
                let saved = choices.saved.clone();
                let line = move |slug: &str| saved_line(&routes::logs(slug), slug, &list().asked, &saved);
                view! {
                    <PageHeader
                        title="Logs"
                        sentence=|| "Every model call, refused ones too. What was said is kept only where an organisation or a key asks for it."
                    >
                        <LiveSwitch tail first />
                        {reactive(move || view! { <LinkButton label="Export" href=export.get() /> })}
                        {settings(&slug.get_untracked())}
                    </PageHeader>
                    {apart(move || view! { <Bars choices list=list() /> })}
                    <Loaded
                        data=page
                        view=move |page: Page| {
                            let slug = slug.get_untracked();
                            tail.has_read(&page.calls, page.previous.is_none());
                            view! { {line(&slug)}<Calls page slug list=list() /> }.into_any()
                        }
                    />
                }
                    .into_any()
            }
        />
    }
}

/// The way to the log's settings, for those who may change them.
fn settings(slug: &str) -> Option<AnyView> {
    let href = routes::log_settings(slug);
    can(Operation::LogSettingsChange).then(|| view! { <LinkButton label="Settings" href /> }.into_any())
}

/// The bar of filters.
#[component]
fn Bars(choices: Choices, list: List) -> impl IntoView {
    let ranges = [("1h", "Last hour"), ("", "Last 24 hours"), ("7d", "Last 7 days"), ("30d", "Last 30 days")];
    // What is meant where nothing is said.
    let range = Some(list.asked.get("range").to_owned()).filter(|range| range != "24h").unwrap_or_default();
    view! {
        <FilterBar list=list.clone() count="">
            {range_fields(&list, &ranges, range)}
            {narrowing_fields(&list, choices)}
        </FilterBar>
    }
}

#[component]
fn Calls(page: Page, slug: String, list: List) -> impl IntoView {
    let Page { calls, previous, next, totals, from, to, width, bars, first_call, now } = page;
    if let Some(first) = first_call {
        return view! { <First first slug /> }.into_any();
    }
    let words = match totals.calls {
        0 => "No calls".to_owned(),
        n => {
            let plural = if n == 1 { "call" } else { "calls" };
            let p50 = totals.p50_us.map(|us| format!(" · p50 {}", duration(us))).unwrap_or_default();
            let cost = totals.cost.map_or_else(|| "–".into(), dollars);
            format!("{} {plural} · {cost}{p50}", grouped(n))
        }
    };
    let summary = format!("{} calls, {} not successful", grouped(totals.calls), grouped(totals.failed));
    let whole = to.0 - from.0;
    let chart = format!("Calls from {} to {}", from.date_time(), to.date_time());
    let bars: Vec<Bar> = bars.into_iter().map(|Bucket { start, ok, failed }| Bar { at: start.0, ok, failed }).collect();
    let style = match (width, whole) {
        (DAY.., _) => TimeStyle::Day,
        (_, ..=DAY_AND_MORE) => TimeStyle::Minute,
        _ => TimeStyle::DayMinute,
    };
    let dated = whole > DAY_AND_MORE;
    let body = if calls.is_empty() {
        let asked = &list.asked;
        let time = ["range", "from", "to"].into_iter();
        let clear = time.fold(list.path.clone(), |path, name| path.with(name, asked.get(name)));
        view! { <Nothing plain=is_plain(asked) clear /> }.into_any()
    } else {
        view! {
            <Rows calls slug now dated />
            <Steps list previous next />
        }
        .into_any()
    };
    view! {
        <div class="logs-line">
            <div role="status">{words}</div>
            <div class="logs-range">
                <div><Time at=from.0 /></div>
                <div>"to "<Time at=to.0 /></div>
            </div>
        </div>
        {apart(move || view! { <Chart title=chart summary bars width style unit="Calls" /> })}
        {body}
    }
    .into_any()
}

#[component]
fn First(first: FirstCall, slug: String) -> impl IntoView {
    let code = first.curl();
    let (label, href) = match first.virtual_key {
        Some(_) => ("API keys", routes::api_keys(&slug)),
        None => ("Virtual keys", routes::virtual_keys(&slug)),
    };
    view! {
        <EmptyState
            title="No calls yet"
            sentence="Every model call through Latchkey appears here with its key, status, latency, tokens and cost. This is the first one, with an API key of yours in it:"
            example=move || view! { <CodeBlock id="first-call" what="First call" code=code.clone() /> }
        >
            <LinkButton label href />
        </EmptyState>
    }
}

#[component]
fn Nothing(plain: bool, clear: Path) -> impl IntoView {
    if plain {
        let sentence = "Choose a longer span of time above.";
        return view! { <EmptyState title="No calls match" sentence /> }.into_any();
    }
    let sentence = "No call in this span of time fits the filter.";
    view! { <NothingFits title="No calls match" sentence label="Clear the filter" href=clear /> }.into_any()
}

#[component]
fn Rows(calls: Vec<LoggedCall>, slug: String, now: Timestamp, dated: bool) -> impl IntoView {
    let columns = vec![
        Column::new("Time"),
        Column::new("Outcome"),
        Column::new("Model, trace id"),
        Column::new("Key, virtual key"),
        Column::number("Latency"),
        Column::number("Tokens"),
        Column::number("Cost"),
    ];
    let rows = Gradual::of(calls, move |call| row(call, &slug, now, dated));
    view! { <div id=tail::LIST><Table caption="Calls, newest first" columns>{rows}</Table></div> }
}

fn row(call: LoggedCall, slug: &str, now: Timestamp, dated: bool) -> impl IntoView + use<> {
    let href = routes::log(slug, call.id).to_string();
    let at = call.started_at;
    let style = if dated { TimeStyle::DaySecond } else { TimeStyle::Second };
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "–".into());
    let model = or_dash(call.model.clone());
    let model = match call.own_trace().map(str::to_owned) {
        Some(trace) => view! { <TwoLines first=model second=trace plain=true mono=true /> }.into_any(),
        None => view! { {model} }.into_any(),
    };
    let key = call.caller();
    let virtual_key = call.virtual_key.as_ref().map_or_else(|| "no virtual key".to_owned(), |slug| format!("@{slug}"));
    view! {
        <tr>
            <th scope="row">
                <span class="two-lines">
                    <a class="mono" href=href><Time at=at.0 style /></a>
                    <span class="cell-second">{relative_text(at.0.min(now.0), now.0)}</span>
                </span>
            </th>
            <td data-label="Outcome" class="state"><Pill tone=tone(call.outcome) label=call.words() /></td>
            <td data-label="Model">{model}</td>
            <td data-label="Key"><TwoLines first=key second=virtual_key plain=true /></td>
            <td data-label="Latency" class="num">{or_dash(call.latency_us.map(duration))}</td>
            <td data-label="Tokens" class="num">{or_dash(call.tokens.map(grouped))}</td>
            <td data-label="Cost" class="num">{or_dash(call.cost.map(dollars))}</td>
        </tr>
    }
}
