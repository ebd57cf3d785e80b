//! What can be asked of billing.

use super::{
    amount::WHOLE,
    close, currencies, lines,
    model::{
        self, FORECAST_DAYS, Forecast, MARKUP, Page, ROWS, Row, Settings, Spend, StatementPage, parse_markup,
        parse_name, parse_rate,
    },
    month::Month,
    statement::Markup,
    store,
};
use crate::{
    features::{
        accounts::email::Email,
        limits::{
            self,
            model::{Kind, On, Scope},
        },
        logs::{
            self, GroupRead, Spreads,
            figures::{Dimension, Figures},
            query::{Filter, Span},
        },
        organisations,
    },
    kernel::{Asked, Error, Fields, OrganisationId, Result, Timestamp, provider::Provider, time::DAY},
    policy::Operation,
    server::{
        access::Access,
        audit::event::{Event, Subject},
        database::OrgTx,
    },
    ui::components::SERIES,
};
use std::collections::{BTreeMap, HashMap};

/// A bar that holds every moment there is.
const ONE_BAR: i64 = 100_000 * DAY;

/// Begins to read. Statements that are due are made first.
async fn reading(access: &Access, operation: Operation) -> Result<OrgTx> {
    let mut tx = access.read(operation).await?;
    if close::next_due(&mut tx, access.now()).await?.is_none() {
        return Ok(tx);
    }
    let organisation = tx.organisation();
    drop(tx);
    if let Err(error) = close::due(access.app(), organisation).await {
        // What there is can be read all the same; the next round tries again.
        tracing::warn!(%error, "a monthly statement could not be made");
    }
    access.read(operation).await
}

/// The spend of a month.
pub async fn view(access: &Access, asked: &Asked) -> Result<Page> {
    let mut tx = reading(access, Operation::BillingView).await?;
    let now = access.now();
    let running = Month::of(now);
    let month = month_of(asked, running)?;
    let by = model::by(asked);
    let until = month.end().min(now.plus(1));
    let before = month.back(1);
    // Of a month that is not over, as much is compared as has passed.
    let passed = until.0 - month.start().0;
    let before_until = if month == running { before.start().plus(passed).min(before.end()) } else { before.end() };
    let filter = Filter::of(Span { from: month.start(), to: until });
    let read = logs::figures_of(&mut tx, &filter, DAY, Some(&by), Spreads::Unread).await?;
    let totals = Spend::of(&read.totals());
    let earlier = spend(&mut tx, Span { from: before.start(), to: before_until }).await?;
    let days: Vec<i64> = filter.span.buckets(DAY).collect();
    let of_days: HashMap<i64, Figures> = read.by_bucket().into_iter().collect();
    let cost = |day: &i64| of_days.get(day).and_then(|figures| figures.cost).unwrap_or(0);
    let costs = days.iter().map(cost).collect();
    let (rows, more) = rows(&by, read.by_group(), &days);
    let forecast = match month == running {
        true => forecast(&mut tx, now, totals.cost.unwrap_or(0)).await?,
        false => None,
    };
    let on = On { scope: Scope::Organisation, id: tx.organisation().0 };
    let mut budgets = limits::operations::of(&mut tx, access.app(), on, now).await?;
    budgets.retain(|standing| standing.limit.is.kind == Kind::Budget);
    Ok(Page {
        month,
        next: (month < running).then(|| month.next()),
        until,
        spend: totals,
        before: earlier,
        before_until,
        forecast,
        budgets,
        on: on.text(),
        by,
        rows,
        more,
        days: days.into_iter().map(|day| Timestamp(day * DAY)).collect(),
        costs,
        currency: store::settings(&mut tx).await?.currency,
        seats: store::seats(&mut tx, now).await?,
        statements: store::list(&mut tx).await?,
        now,
    })
}

/// The month that is asked for; the running one where nothing is said.
fn month_of(asked: &Asked, running: Month) -> Result<Month> {
    let month = match asked.get("month") {
        "" => Some(running),
        text => Month::parse(text),
    };
    let month = month.ok_or_else(|| Error::field("month", "Write a month as 2026-11."))?;
    if month > running {
        return Err(Error::field("month", "This month has not begun yet."));
    }
    Ok(month)
}

async fn spend(tx: &mut OrgTx, span: Span) -> Result<Spend> {
    let read = logs::figures_of(tx, &Filter::of(span), ONE_BAR, None, Spreads::Unread).await?;
    Ok(Spend::of(&read.totals()))
}

/// The groups that cost most, and how many there are beside them.
fn rows(by: &Dimension, mut groups: Vec<GroupRead>, days: &[i64]) -> (Vec<Row>, i64) {
    groups.sort_by_key(|(_, figures, _)| std::cmp::Reverse((figures.cost, figures.calls)));
    let more = i64::try_from(groups.len().saturating_sub(ROWS)).unwrap_or(i64::MAX);
    let row = |(at, (of, figures, bars)): (usize, GroupRead)| {
        let (value, label) = logs::group_words(by, &of);
        let cost = |day: &i64| bars.get(day).and_then(|figures| figures.cost).unwrap_or(0);
        let days = if at < SERIES { days.iter().map(cost).collect() } else { vec![] };
        Row { value, label, spend: Spend::of(&figures), days }
    };
    (groups.into_iter().take(ROWS).enumerate().map(row).collect(), more)
}

/// The forecast of the running month, which goes by the last days that are over, in whatever month.
async fn forecast(tx: &mut OrgTx, now: Timestamp, spent: i64) -> Result<Option<Forecast>> {
    let Some(first) = logs::first_day(tx).await? else { return Ok(None) };
    let today = Timestamp(now.0.div_euclid(DAY) * DAY);
    let from = today.plus(-FORECAST_DAYS * DAY).max(first);
    if from >= today {
        return Ok(None);
    }
    let filter = Filter::of(Span { from, to: today });
    let read = logs::figures_of(tx, &filter, DAY, None, Spreads::Unread).await?.by_bucket();
    let costs: HashMap<i64, i64> = read.into_iter().map(|(day, figures)| (day, figures.cost.unwrap_or(0))).collect();
    let days: Vec<i64> = filter.span.buckets(DAY).map(|day| costs.get(&day).copied().unwrap_or(0)).collect();
    Ok(Forecast::of(spent, &days, Month::of(now).end().0 - now.0))
}

/// What the organisation says of its bills.
pub async fn settings(access: &Access) -> Result<Settings> {
    let mut tx = access.read(Operation::BillingSettings).await?;
    store::settings(&mut tx).await
}

/// Sets it. Statements that are made already stay as they are.
pub async fn set(access: &Access, typed: &Asked, version: i64) -> Result<()> {
    let id = access.principal().organisation().unwrap_or(OrganisationId::INSTALLATION);
    access
        .act(Operation::BillingChange, Subject::unnamed("organisation", id), |mut change| async move {
            let settings = Settings { version: version.saturating_add(1), ..read(typed)? };
            let was = store::settings(change.tx()).await?;
            let id = change.organisation();
            let own = organisations::by_id(change.tx().system(), id).await?.ok_or_else(Error::not_found)?;
            if was.version != version || !store::set(change.tx(), &settings, version).await? {
                return Err(Error::stale());
            }
            let event = Event::of(Subject::new("organisation", id, own.name))
                .change("billing_contact", was.contact_name.as_str(), settings.contact_name.as_str())
                .change("billing_email", was.contact_email.as_str(), settings.contact_email.as_str())
                .change("billing_currency", was.currency.code.as_str(), settings.currency.code.as_str())
                .change("billing_rate", was.rate(), settings.rate())
                .change("markups", percents(&was), percents(&settings));
            change.commit(event, ()).await
        })
        .await
}

/// Mark-ups as events tell them, in percent.
fn percents(settings: &Settings) -> serde_json::Value {
    let each = settings.markups.iter().filter_map(|markup| Provider::parse(&markup.provider));
    let each: BTreeMap<&str, String> = each.map(|provider| (provider.name(), settings.markup(provider))).collect();
    serde_json::json!(each)
}

/// What was typed, fit to be stored.
fn read(typed: &Asked) -> Result<Settings> {
    let mut fields = Fields::default();
    let contact_name = fields.take("contact_name", parse_name(typed.get("contact_name")));
    let contact_email = match typed.get("contact_email").trim() {
        "" => Some(String::new()),
        address => fields.take("contact_email", Email::parse(address)).map(|email| email.shown),
    };
    let currency = fields.take("currency", currencies::parse(typed.get("currency")));
    let rate = fields.take("rate", parse_rate(typed.get("rate")));
    if currency.as_ref().is_some_and(|currency| currency.is_dollars()) && rate.is_some_and(|rate| rate != WHOLE) {
        fields.refuse("rate", "Calls cost dollars: in dollars the rate is 1.");
    }
    let mut markups = vec![];
    for provider in Provider::ALL {
        let name = format!("{MARKUP}{}", provider.name());
        let percent = fields.take(&name, parse_markup(typed.get(&name))).unwrap_or(0);
        if percent != 0 {
            markups.push(Markup { provider: provider.name().to_owned(), percent });
        }
    }
    markups.sort_by(|one, two| one.provider.cmp(&two.provider));
    fields.build(|| {
        let currency = super::amount::Currency { rate: rate?, ..currency? };
        Some(Settings { contact_name: contact_name?, contact_email: contact_email?, currency, markups, version: 0 })
    })
}

/// A statement, by its month.
pub async fn statement(access: &Access, month: &str) -> Result<StatementPage> {
    let mut tx = reading(access, Operation::BillingStatement).await?;
    let month = Month::parse(month).ok_or_else(Error::not_found)?;
    let statement = store::by_month(&mut tx, month).await?.ok_or_else(Error::not_found)?;
    Ok(StatementPage { statement, now: access.now() })
}

/// A statement as a file: its name, and its lines.
pub async fn file(access: &Access, month: &str) -> Result<(String, String)> {
    let StatementPage { statement, .. } = self::statement(access, month).await?;
    Ok((format!("statement-{}.csv", statement.month), lines::file(&statement)))
}
