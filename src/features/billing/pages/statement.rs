//! A monthly statement: for the screen, and for A4.

use super::spend::SeatsAndKeys;
use crate::{
    features::billing::{
        amount::decimal,
        functions::{LoadStatement, SaveStatement},
        model::StatementPage as Page,
        statement::{Line, Part, Statement},
    },
    kernel::{provider::Provider, text::grouped},
    site::routes,
    ui::{
        components::{
            Button, Card, Column, DefinitionList, Fact, LinkButton, PageHeader, Table, Time, TimeStyle, TwoLines,
        },
        form::{DownloadForm, use_download},
        load,
        pages::{ItemPage, page_title, param, use_param, use_slug},
    },
};
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_meta::Title;

#[component]
pub fn StatementPage() -> impl IntoView {
    let (slug, month) = (use_slug(), use_param("month"));
    let data = load(move || LoadStatement { slug: slug.get(), month: month.get() });
    view! { <ItemPage data view=|page: Page| view! { <Inside page slug=param("slug") /> }.into_any() /> }
}

#[component]
fn Inside(page: Page, slug: String) -> impl IntoView {
    let statement = page.statement;
    let title = format!("Statement {}", statement.name());
    let organisation = statement.organisation.clone();
    let contact: Vec<String> = [&statement.contact_name, &statement.contact_email]
        .into_iter()
        .filter(|text| !text.is_empty())
        .cloned()
        .collect();
    let contact = (!contact.is_empty()).then(|| view! { <Fact term="For">{contact.join(", ")}</Fact> });
    let period = format!("{} to {}, UTC", statement.month.start().date(), statement.month.end().plus(-1).date());
    let amounts = match statement.currency.is_dollars() {
        true => "US dollars".to_owned(),
        false => format!("{}, at {} for a dollar", statement.currency.code, decimal(statement.currency.rate, 6)),
    };
    let form = use_download(SaveStatement::PATH);
    let (month, made_at, seats) = (statement.month.to_string(), statement.made_at, statement.seats);
    view! {
        <Title text=page_title(&title) />
        <PageHeader title sentence=move || organisation.clone()>
            <LinkButton label="All months" href=routes::billing(&slug) />
            <DownloadForm form problem="The file was not made">
                <input type="hidden" name="month" value=month />
                <Button label="Download as CSV" />
            </DownloadForm>
        </PageHeader>
        <div class="stack statement">
            <Card>
                <DefinitionList>
                    <Fact term="Period">{period}</Fact>
                    {contact}
                    <Fact term="Amounts in">{amounts}</Fact>
                    <Fact term="Made"><Time at=made_at.0 style=TimeStyle::Date /></Fact>
                </DefinitionList>
            </Card>
            <Lines statement=statement.clone() />
            <Parts title="API keys" statement=statement.clone() parts=statement.api_keys.clone() />
            <Parts title="Virtual keys" statement=statement.clone() parts=statement.virtual_keys.clone() />
            <SeatsAndKeys seats />
            <p class="hint">"Seats and keys are those of the moment in which the statement was made. It never changes."</p>
        </div>
    }
}

fn provider(line: &Line) -> &str {
    match &line.provider {
        None => "No provider",
        Some(name) => Provider::parse(name).map_or(name.as_str(), |provider| provider.label()),
    }
}

fn model(line: &Line) -> String {
    match line.model.as_deref() {
        None => "Other models".into(),
        Some("") => "No model".into(),
        Some(model) => model.into(),
    }
}

/// Lines, corrections, and the total.
#[component]
fn Lines(statement: Statement) -> impl IntoView {
    let currency = statement.currency.clone();
    let (costs, all_costs) = currency.shown(&statement.all().map(|line| line.cost).collect::<Vec<_>>());
    let (totals, all) = currency.shown(&statement.all().map(Line::total).collect::<Vec<_>>());
    // What a mark-up adds is shown as what lies between the two, so that rows add up as columns do.
    let months = statement.corrections.iter().map(|correction| Some(correction.month));
    let months = statement.lines.iter().map(|_| None).chain(months);
    let mut rows: Vec<AnyView> = statement
        .all()
        .zip(months)
        .zip(costs.into_iter().zip(totals))
        .map(|((line, month), (cost, total))| {
            let second = match month {
                Some(month) => format!("{}, correction of {}", provider(line), month.words()),
                None => provider(line).to_owned(),
            };
            view! {
                <tr>
                    <th scope="row"><TwoLines first=model(line) second /></th>
                    <td data-label="Calls" class="num">{grouped(line.calls)}</td>
                    <td data-label="Input" class="num">{grouped(line.input_tokens)}</td>
                    <td data-label="From the cache" class="num">{grouped(line.cached_input_tokens)}</td>
                    <td data-label="Output" class="num">{grouped(line.output_tokens)}</td>
                    <td data-label="Cost" class="num">{currency.units(cost)}</td>
                    <td data-label="Mark-up" class="num">{format!("{} %", decimal(line.markup, 2))}</td>
                    <td data-label="Added" class="num">{currency.units(total - cost)}</td>
                    <td data-label="Total" class="num">{currency.units(total)}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    let sum = |of: fn(&Line) -> i64| grouped(statement.all().map(of).fold(0, i64::saturating_add));
    rows.push(
        view! {
            <tr class="statement-total">
                <th scope="row">"Total"</th>
                <td data-label="Calls" class="num">{sum(|line| line.calls)}</td>
                <td data-label="Input" class="num">{sum(|line| line.input_tokens)}</td>
                <td data-label="From the cache" class="num">{sum(|line| line.cached_input_tokens)}</td>
                <td data-label="Output" class="num">{sum(|line| line.output_tokens)}</td>
                <td data-label="Cost" class="num">{currency.units(all_costs)}</td>
                <td class="num bare"></td>
                <td data-label="Added" class="num">{currency.units(all - all_costs)}</td>
                <td data-label="Total" class="num">{format!("{} {}", currency.code, currency.units(all))}</td>
            </tr>
        }
        .into_any(),
    );
    let unpriced = statement.all().map(|line| line.unpriced).fold(0, i64::saturating_add);
    let unpriced = (unpriced > 0).then(|| {
        let words = format!(
            "{} of these calls used tokens at a price that is not known. No amount holds them.",
            grouped(unpriced)
        );
        view! { <p class="hint">{words}</p> }.into_any()
    });
    let columns = vec![
        Column::new("Model"),
        Column::number("Calls"),
        Column::number("Input"),
        Column::number("From the cache"),
        Column::number("Output"),
        Column::number("Cost"),
        Column::number("Mark-up"),
        Column::number("Added"),
        Column::number("Total"),
    ];
    view! {
        <Table caption=format!("Lines of statement {}", statement.name()) columns>{rows}</Table>
        {unpriced}
        <p class="hint">
            "The total is rounded once. Each line is rounded down, and what is then missing is given, one smallest unit each, to the lines that lost most by it: so the lines add up to the total. The file has every amount exactly."
        </p>
    }
}

/// What the calls of API keys or virtual keys cost.
#[component]
fn Parts(title: &'static str, statement: Statement, parts: Vec<Part>) -> impl IntoView {
    let (costs, _) = statement.currency.shown(&parts.iter().map(|part| part.cost).collect::<Vec<_>>());
    let rows: Vec<_> = parts
        .into_iter()
        .zip(costs)
        .map(|(part, cost)| {
            view! {
                <tr>
                    <th scope="row"><span class="cell-name">{part.name}</span></th>
                    <td data-label="Calls" class="num">{grouped(part.calls)}</td>
                    <td data-label="Cost" class="num">{statement.currency.units(cost)}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    let columns = vec![Column::new("Name"), Column::number("Calls"), Column::number("Cost before mark-ups")];
    (!rows.is_empty()).then(|| {
        view! {
            <section class="stack">
                <h2>{title}</h2>
                <Table caption=title columns dense=true>{rows}</Table>
            </section>
        }
    })
}
