//! The spend of a month: figures, forecast, the days, who has which part of it; seats and keys; and the statements.

use crate::{
    features::{
        billing::{
            amount::Currency,
            functions::LoadBilling,
            model::{ASKED, BY, Listed, Page, Row, Spend},
            month::Month,
            statement::Seats,
        },
        limits::{model::Standing, pages as limits},
        logs::figures::Dimension,
    },
    kernel::{
        money::dollars,
        text::{capital, grouped},
    },
    site::routes::{self, Path},
    ui::{
        Loaded,
        components::{
            Card, Column, DefinitionList, Drawing, Fact, LinkButton, PageHeader, Pager, Plot, Plotted, SERIES, Series,
            Tab, Table, Tabs, Tile, Tiles, Time, TimeStyle,
        },
        listing::use_asked,
        load,
        pages::{page_title, param, use_slug},
    },
};
use leptos::prelude::*;
use leptos_meta::Title;

/// Height of the chart in pixels.
const HIGH: u32 = 150;
const DAY: i64 = 86_400_000;

#[component]
pub fn BillingPage() -> impl IntoView {
    let (slug, asked) = (use_slug(), use_asked(&ASKED));
    let data = load(move || LoadBilling { slug: slug.get(), query: asked.get() });
    view! {
        <Title text=page_title("Billing") />
        <Loaded data view=move |page| view! { <Inside page slug=param("slug") /> }.into_any() />
    }
}

/// This page, of a month.
fn here(slug: &str, month: Month, by: &Dimension) -> Path {
    let by = if *by == Dimension::Provider { String::new() } else { by.name().into_owned() };
    routes::billing(slug).with("month", &month.to_string()).with("by", &by)
}

/// Analytics of the same days, of one group's calls if one is named.
fn analytics(page: &Page, slug: &str, group: Option<&str>) -> String {
    let last = page.until.plus(-1);
    let path = routes::analytics(slug)
        .with("range", "custom")
        .with("from", &page.month.start().iso_date())
        .with("to", &last.iso_date())
        .with("group", &page.by.name());
    match group {
        Some(value) => path.with(page.by.filter(), value),
        None => path,
    }
    .into()
}

/// What calls cost, as far as that is known.
fn cost(spend: &Spend, currency: &Currency) -> String {
    match spend.cost {
        None if spend.unpriced > 0 => "unknown".into(),
        known => currency.words(known.unwrap_or(0)),
    }
}

fn tiles(page: &Page, slug: &str) -> Vec<Tile> {
    let Page { spend, before, currency, .. } = page;
    let earlier = page.month.back(1).words();
    // Of the running month, only as much is compared.
    let until = if page.before_until == page.month.start() { "in" } else { "in the same time of" };
    let was = |words: String| format!("{words} {until} {earlier}");
    let href = analytics(page, slug, None);
    let spark = page.costs.iter().map(|cost| Some(*cost as f64)).collect();
    let mut tiles = vec![
        Tile {
            name: "Cost",
            href: href.clone(),
            figure: cost(spend, currency),
            change: was(cost(before, currency)),
            spark,
            ..Tile::default()
        },
        Tile {
            name: "Calls",
            href: href.clone(),
            figure: grouped(spend.calls),
            change: was(grouped(before.calls)),
            ..Tile::default()
        },
        Tile {
            name: "Tokens",
            href,
            figure: grouped(spend.tokens),
            change: was(grouped(before.tokens)),
            ..Tile::default()
        },
        Tile {
            name: "Calls without a price",
            href: routes::prices(slug).into(),
            figure: grouped(spend.unpriced),
            change: was(grouped(before.unpriced)),
            more: "The cost is without them.".into(),
            ..Tile::default()
        },
    ];
    if let Some(forecast) = &page.forecast {
        tiles.push(Tile {
            name: "Forecast",
            href: "#forecast".into(),
            figure: currency.words(forecast.cost),
            change: format!("at the end of {}", page.month.words()),
            ..Tile::default()
        });
    }
    tiles
}

/// What each day cost, by group.
fn plotted(page: &Page) -> Plotted {
    let Currency { code, .. } = &page.currency;
    let converted = |cost: &i64| page.currency.converted(*cost);
    // Those that cost most come first, and those of which no cost is known last.
    let shown: Vec<&Row> = page.rows.iter().take(SERIES).filter(|row| row.spend.cost > Some(0)).collect();
    let mut series: Vec<Series> = shown
        .iter()
        .map(|row| Series {
            label: row.label.clone(),
            total: cost(&row.spend, &page.currency),
            values: row.days.iter().map(|cost| Some(converted(cost))).collect(),
            is_rest: false,
        })
        .collect();
    let of_day =
        |at: usize| shown.iter().filter_map(|row| row.days.get(at)).fold(0, |sum: i64, cost| sum.saturating_add(*cost));
    let rest: Vec<i64> = page.costs.iter().enumerate().map(|(at, cost)| (cost - of_day(at)).max(0)).collect();
    let sum = rest.iter().fold(0, |sum: i64, cost| sum.saturating_add(*cost));
    if sum > 0 {
        let values = rest.iter().map(|cost| Some(converted(cost))).collect();
        series.push(Series { label: "others".into(), total: page.currency.words(sum), values, is_rest: true });
    }
    let total = cost(&page.spend, &page.currency);
    let told: Vec<String> = series.iter().map(|series| format!("{} {}", series.label, series.total)).collect();
    Plotted {
        id: "days",
        title: format!("Cost by {}", page.by.label()),
        aside: if page.currency.is_dollars() { total.clone() } else { format!("{total}; amounts in {code}") },
        summary: format!("{total} in {}. {}", page.month.words(), told.join("; ")),
        drawing: Drawing::Bars,
        high: HIGH,
        starts: page.days.iter().map(|day| day.0).collect(),
        width: DAY,
        series,
        before: None,
        write: if page.currency.is_dollars() { dollars } else { Currency::plain },
    }
}

#[component]
fn Inside(page: Page, slug: String) -> impl IntoView {
    let month = page.month.words();
    let sentence = match page.forecast.is_some() || page.until != page.month.end() {
        true => format!("What calls cost in {month} until now, UTC, before mark-ups."),
        false => format!("What calls cost in {month}, UTC, before mark-ups."),
    };
    let tiles = tiles(&page, &slug);
    let forecast = page.forecast.map(|forecast| {
        view! { <p id="forecast" class="hint">"Forecast: "{forecast.sentence(&page.currency)}</p> }.into_any()
    });
    let plot = (page.spend.cost.unwrap_or(0) > 0).then(|| view! { <Plot plotted=plotted(&page) /> }.into_any());
    let next = page.next.map(|next| here(&slug, next, &page.by).to_string());
    let previous = here(&slug, page.month.back(1), &page.by).to_string();
    let (limits, settings) = (routes::limits(&slug), routes::billing_settings(&slug));
    let budgets = page.budgets.clone();
    let on = page.on.clone();
    view! {
        <PageHeader title="Billing" sentence=move || sentence.clone()>
            <LinkButton label="Limits and budgets" href=limits />
            <LinkButton label="Settings" href=settings />
        </PageHeader>
        <div class="stack">
            <Pager previous next words=month />
            <Tiles label="Figures" tiles />
            {forecast}
            <Budgets budgets on slug=slug.clone() now=page.now.0 />
            {plot}
            <Groups page=page.clone() slug=slug.clone() />
            <Statements page=page.clone() slug />
            <SeatsAndKeys seats=page.seats />
        </div>
    }
}

/// The budgets of the whole organisation, what was used of each in the period that is under way, and from when people are told.
#[component]
fn Budgets(budgets: Vec<Standing>, on: String, slug: String, now: i64) -> impl IntoView {
    let rows: Vec<_> = budgets
        .into_iter()
        .map(|standing| {
            let end = match standing.period.end {
                Some(end) => view! { <Time at=end.0 now ahead=true /> }.into_any(),
                None => view! { <span class="hint">"Never by itself"</span> }.into_any(),
            };
            let is = &standing.limit.is;
            let alert = is.alert_at.map_or_else(|| "When it is used up".to_owned(), |at| is.measure.words(at));
            let href = limits::about(&slug, "id", &standing.limit.id.to_string()).to_string();
            view! {
                <tr>
                    <th scope="row"><a class="cell-name" href=href>{is.to_string()}</a></th>
                    <td data-label="Used">{limits::used(&standing)}</td>
                    <td data-label="State">{limits::state(&standing)}</td>
                    <td data-label="Alert at">{alert}</td>
                    <td data-label="Resets">{end}</td>
                </tr>
            }
        })
        .collect();
    let table = if rows.is_empty() {
        view! { <p class="hint">"None is set for all calls together."</p> }.into_any()
    } else {
        let columns = ["Budget", "Used", "State", "Alert at", "Resets"].map(Column::new).into();
        view! { <Table caption="Budgets of the organisation" columns>{rows}</Table> }.into_any()
    };
    view! {
        <section class="stack" aria-label="Budgets of the organisation">
            <h2>"Budgets of the organisation"</h2>
            {table}
            <div><a href=limits::about(&slug, "on", &on).to_string()>"Set a budget or an alert"</a></div>
        </section>
    }
}

/// Who has which part of the spend.
#[component]
fn Groups(page: Page, slug: String) -> impl IntoView {
    let tabs: Vec<Tab> = BY
        .iter()
        .map(|by| Tab {
            label: format!("By {}", by.label()),
            href: format!("{}#by", here(&slug, page.month, by)),
            count: None,
            current: *by == page.by,
        })
        .collect();
    let columns = vec![
        Column::new(capital(&page.by.label())),
        Column::number("Cost"),
        Column::number("Calls"),
        Column::number("Tokens"),
        Column::number("Without a price"),
    ];
    let row = |row: &Row| {
        let label = row.label.clone();
        let name = match &row.value {
            Some(value) => {
                view! { <a class="cell-name" href=analytics(&page, &slug, Some(value))>{label}</a> }.into_any()
            }
            None => view! { <span class="cell-name">{label}</span> }.into_any(),
        };
        view! {
            <tr>
                <th scope="row">{name}</th>
                <td data-label="Cost" class="num">{cost(&row.spend, &page.currency)}</td>
                <td data-label="Calls" class="num">{grouped(row.spend.calls)}</td>
                <td data-label="Tokens" class="num">{grouped(row.spend.tokens)}</td>
                <td data-label="Without a price" class="num">{grouped(row.spend.unpriced)}</td>
            </tr>
        }
        .into_any()
    };
    let rows: Vec<_> = page.rows.iter().map(row).collect();
    let table = if rows.is_empty() {
        view! { <p class="muted">"There was no call in this month."</p> }.into_any()
    } else {
        view! { <Table caption=format!("Cost by {}", page.by.label()) columns dense=true>{rows}</Table> }.into_any()
    };
    let more = (page.more > 0).then(|| {
        let href = analytics(&page, &slug, None);
        view! { <div class="hint"><a href=href>{format!("{} more in analytics", grouped(page.more))}</a></div> }
            .into_any()
    });
    view! {
        <section id="by" aria-label="Cost by group">
            <Tabs tabs />
            {table}
            {more}
        </section>
    }
}

/// The total as its statement shows it.
fn total(listed: &Listed) -> String {
    let Listed { total, currency, .. } = listed;
    format!("{} {}", currency.code, currency.units(currency.shown(&[*total]).1))
}

#[component]
fn Statements(page: Page, slug: String) -> impl IntoView {
    let row = |listed: &Listed| {
        let href = routes::statement(&slug, &listed.month.to_string()).to_string();
        view! {
            <tr>
                <th scope="row"><a class="cell-name" href=href>{listed.month.words()}</a></th>
                <td data-label="Number" class="num">{listed.number}</td>
                <td data-label="Total" class="num">{total(listed)}</td>
                <td data-label="Made"><Time at=listed.made_at.0 style=TimeStyle::Date /></td>
            </tr>
        }
        .into_any()
    };
    let rows: Vec<_> = page.statements.iter().map(row).collect();
    let closes = Month::last_closed(page.now).next().closes_at().date_time();
    let table = (!rows.is_empty()).then(|| {
        let columns =
            vec![Column::new("Month"), Column::number("Number"), Column::number("Total"), Column::new("Made")];
        view! { <Table caption="Monthly statements" columns>{rows}</Table> }.into_any()
    });
    let hint = format!(
        "The next one is made when its month closes, on {closes}. What arrives later stands as a correction in the one after it."
    );
    view! {
        <section class="stack" aria-label="Monthly statements">
            <h2>"Monthly statements"</h2>
            {table}
            <p class="hint">{hint}</p>
        </section>
    }
}

/// What there is at this moment.
#[component]
pub(super) fn SeatsAndKeys(seats: Seats) -> impl IntoView {
    view! {
        <Card title="Seats and keys">
            <DefinitionList>
                <Fact term="Owners">{grouped(seats.owners)}</Fact>
                <Fact term="Admins">{grouped(seats.admins)}</Fact>
                <Fact term="Members">{grouped(seats.members)}</Fact>
                <Fact term="Open invitations">{grouped(seats.invitations)}</Fact>
                <Fact term="API keys that work">{grouped(seats.api_keys)}</Fact>
                <Fact term="Virtual keys">{grouped(seats.virtual_keys)}</Fact>
            </DefinitionList>
        </Card>
    }
}
