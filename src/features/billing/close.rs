//! The statement of a month that is over: made once, by the program itself, of what the log's roll-ups say.

use super::{
    month::Month,
    statement::{self, Line, Part, Statement},
    store,
};
use crate::{
    features::{
        logs::{
            self, GroupRead, Spreads,
            figures::{Dimension, Figures},
            query::{Filter, Span},
        },
        organisations,
    },
    kernel::{Code, Error, OrganisationId, Result, Timestamp, provider::Provider, time::DAY},
    policy::Operation,
    server::{
        access::{Access, App, Change, Committed},
        audit::event::{Event, Subject},
        database::{OrgTx, revisions},
    },
};

/// A bar that holds every moment there is.
const ONE_BAR: i64 = 100_000 * DAY;
/// How far back months get a statement where there is none yet, and how far back is looked for calls that came later.
const BACK: u16 = 12;
/// How often a month is read again where calls were counted meanwhile.
const TRIES: usize = 5;

/// The month whose statement is to be made next, if one is due: the one behind the last statement; where there is none, that
/// of the first call.
pub async fn next_due(tx: &mut OrgTx, now: Timestamp) -> Result<Option<Month>> {
    let closed = Month::last_closed(now);
    let next = match store::last(tx).await? {
        Some(last) => last.month.next(),
        None => match logs::first_day(tx).await? {
            Some(day) => Month::of(day).max(closed.back(BACK - 1)),
            None => return Ok(None),
        },
    };
    Ok((next <= closed).then_some(next))
}

/// One round over all organisations. What is wrong with one stops no other.
pub async fn round(app: &App) -> Result<()> {
    let mut first = Ok(());
    for (organisation, _) in revisions(&app.db).await? {
        first = first.and(due(app, OrganisationId(organisation)).await);
    }
    first
}

/// Makes the statements that are due in an organisation, in the order of their months.
pub async fn due(app: &App, organisation: OrganisationId) -> Result<()> {
    loop {
        let mut note = app.note_in(organisation).await?;
        let due = next_due(note.tx(), app.clock.now()).await?;
        drop(note);
        let Some(month) = due else { return Ok(()) };
        let made =
            Access::act_by_itself(app, Operation::BillingClose, organisation, |change| make(change, month)).await;
        match made {
            // Another replica has made it.
            Err(error) if error.code == Code::Conflict => {}
            made => made?,
        }
    }
}

async fn make(mut change: Change, month: Month) -> Result<Committed<()>> {
    let (now, organisation) = (change.now(), change.organisation());
    let tx = change.tx();
    if next_due(tx, now).await? != Some(month) {
        return Err(Error::conflict("The statement of this month is made already."));
    }
    let settings = store::settings(tx).await?;
    let before = store::since(tx, month.back(BACK)).await?;
    let number = store::last(tx).await?.map_or(0, |last| last.number) + 1;
    let named = organisations::by_id(tx.system(), organisation).await?.ok_or_else(Error::not_found)?;
    let (counted, api_keys, virtual_keys) = counted(tx, month).await?;
    let mut corrections = vec![];
    for earlier in before.iter().map(|statement| statement.month) {
        let counted = models(tx, earlier).await?;
        corrections.extend(statement::corrections(earlier, counted, &before));
    }
    let statement = Statement {
        number,
        month,
        organisation: named.name,
        contact_name: settings.contact_name,
        contact_email: settings.contact_email,
        lines: statement::lines(counted, &settings.markups),
        corrections,
        api_keys: statement::parts(api_keys),
        virtual_keys: statement::parts(virtual_keys),
        markups: settings.markups,
        currency: settings.currency,
        seats: store::seats(tx, now).await?,
        made_at: now,
    };
    store::insert(tx, &statement).await?;
    let event = Event::of(Subject::new("statement", month, statement.name()))
        .with("lines", statement.lines.len())
        .with("corrections", statement.corrections.len())
        .with("total", crate::kernel::money::decimal(statement.total()));
    change.commit(event, ()).await
}

/// What is counted of a month: by model, by API key and by virtual key, all of one moment. Where calls are counted between
/// two readings, it is read again.
async fn counted(tx: &mut OrgTx, month: Month) -> Result<(Vec<Line>, Vec<Part>, Vec<Part>)> {
    for _ in 0..TRIES {
        let lines = models(tx, month).await?;
        let api_keys = parts(tx, month, &Dimension::Key).await?;
        let virtual_keys = parts(tx, month, &Dimension::VirtualKey).await?;
        let sum = |numbers: &mut dyn Iterator<Item = (i64, i64)>| {
            numbers.fold((0_i64, 0_i64), |sum, of| (sum.0.saturating_add(of.0), sum.1.saturating_add(of.1)))
        };
        let of_lines = sum(&mut lines.iter().map(|line| (line.calls, line.cost)));
        let of = |parts: &[Part]| sum(&mut parts.iter().map(|part| (part.calls, part.cost)));
        if of(&api_keys) == of_lines && of(&virtual_keys) == of_lines {
            return Ok((lines, api_keys, virtual_keys));
        }
    }
    Err(Error::busy())
}

fn whole(month: Month) -> Filter {
    Filter::of(Span { from: month.start(), to: month.end() })
}

async fn groups(tx: &mut OrgTx, filter: &Filter, by: &Dimension) -> Result<Vec<GroupRead>> {
    Ok(logs::figures_of(tx, filter, ONE_BAR, Some(by), Spreads::Unread).await?.by_group())
}

/// What is counted of a month by provider and model.
pub async fn models(tx: &mut OrgTx, month: Month) -> Result<Vec<Line>> {
    let mut filter = whole(month);
    let mut lines = vec![];
    let providers = groups(tx, &filter, &Dimension::Provider).await?;
    // What led to no provider, or to one that is not known any more.
    let mut nowhere = Line { model: Some(String::new()), ..Line::default() };
    for ((_, name), figures, _) in providers {
        let Some(provider) = name.as_deref().and_then(Provider::parse) else {
            nowhere = line(None, String::new(), &figures).joined(&nowhere);
            continue;
        };
        filter.provider = Some(provider);
        let models = groups(tx, &filter, &Dimension::Model).await?;
        let of = |((_, model), figures, _): GroupRead| line(Some(provider), model.unwrap_or_default(), &figures);
        lines.extend(models.into_iter().map(of));
    }
    lines.extend((nowhere.calls > 0).then_some(nowhere));
    Ok(lines)
}

fn line(provider: Option<Provider>, model: String, figures: &Figures) -> Line {
    Line {
        provider: provider.map(|provider| provider.name().to_owned()),
        model: Some(model),
        calls: figures.calls,
        input_tokens: figures.input_tokens,
        cached_input_tokens: figures.cached_input_tokens,
        output_tokens: figures.output_tokens,
        unpriced: figures.unpriced,
        cost: figures.cost.unwrap_or(0),
        ..Line::default()
    }
}

/// What is counted of a month by API key or virtual key.
async fn parts(tx: &mut OrgTx, month: Month, by: &Dimension) -> Result<Vec<Part>> {
    let read = groups(tx, &whole(month), by).await?;
    let part = |(of, figures, _): GroupRead| {
        let (id, name) = logs::group_words(by, &of);
        Part { id, name, calls: figures.calls, cost: figures.cost.unwrap_or(0) }
    };
    Ok(read.into_iter().map(part).collect())
}
