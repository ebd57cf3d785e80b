//! What can be done with prices.

use super::{
    model::{self, DAYS, Draft, Listed, MOST, Page, SHOWN, Unpriced},
    store,
};
use crate::{
    dialect::prices,
    features::{
        limits,
        logs::{
            self, Spreads,
            figures::Dimension,
            query::{Filter, Span},
        },
    },
    kernel::{
        Asked, Error, Fields, PriceId, Result,
        money::decimal,
        price::{Price, Prices},
        provider::Provider,
        time::DAY,
    },
    policy::{Operation, Target},
    server::{
        access::Access,
        audit::event::{Event, Subject},
        database::OrgTx,
    },
};
use serde_json::Value;

/// A bar that holds every moment there is.
const ONE_BAR: i64 = 100_000 * DAY;

/// The prices of the organisation.
pub async fn list(access: &Access) -> Result<Vec<Listed>> {
    let mut tx = access.read(Operation::PricesList).await?;
    store::all(&mut tx).await
}

/// One of them.
pub async fn get(access: &Access, id: &str) -> Result<Listed> {
    let mut tx = access.read(Operation::PriceGet).await?;
    let id = id.parse().map_err(|_| Error::not_found())?;
    store::by_id(&mut tx, id).await?.ok_or_else(Error::not_found)
}

/// All that the page shows. What is asked for is of which model the form is.
pub async fn page(access: &Access, asked: &Asked) -> Result<Page> {
    let mut tx = access.read(Operation::PricesList).await?;
    let prices = store::all(&mut tx).await?;
    let provider = Provider::parse(asked.get("provider"));
    let model = model::parse_model(asked.get("model")).unwrap_or_default();
    let there = match provider {
        Some(provider) => store::by_model(&mut tx, provider, &model).await?,
        None => None,
    };
    let name = provider.map(|provider| provider.name().to_owned());
    let begun = || Draft { provider: name.unwrap_or_default(), model, ..Draft::default() };
    let unpriced = match access.check(Operation::AnalyticsView, Target::In(tx.organisation())) {
        Ok(()) => unpriced(&mut tx, access, &prices).await?,
        Err(_) => vec![],
    };
    let is_change = there.is_some();
    let draft = there.as_ref().map_or_else(begun, Draft::of);
    Ok(Page { prices, unpriced, draft, is_change, now: access.now() })
}

/// The models of which there were calls without a price lately, and that still have none of the organisation's own. Whoever
/// sees no calls but their own learns of these alone.
async fn unpriced(tx: &mut OrgTx, access: &Access, own: &[Listed]) -> Result<Vec<Unpriced>> {
    let now = access.now();
    let mut filter = Filter::of(Span { from: now.plus(-DAYS * DAY), to: now.plus(1) });
    filter.own = logs::own_only(tx, access.principal()).await?;
    let mut prices = Prices::default();
    for Listed { provider, model, price, .. } in own {
        prices.insert(*provider, model, *price);
    }
    let providers =
        logs::figures_of(tx, &filter, ONE_BAR, Some(&Dimension::Provider), Spreads::Unread).await?.by_group();
    let mut found = vec![];
    for ((_, name), figures, _) in providers {
        let Some(provider) = name.as_deref().and_then(Provider::parse).filter(|_| figures.unpriced > 0) else {
            continue;
        };
        filter.provider = Some(provider);
        let models = logs::figures_of(tx, &filter, ONE_BAR, Some(&Dimension::Model), Spreads::Unread).await?.by_group();
        found.extend(models.into_iter().filter_map(|((_, model), figures, _)| {
            let model = model.filter(|model| !model.is_empty() && prices.find(provider, model).is_none())?;
            (figures.unpriced > 0).then_some(Unpriced { provider, model, calls: figures.unpriced })
        }));
    }
    found.sort_by(|a, b| b.calls.cmp(&a.calls).then_with(|| a.model.cmp(&b.model)));
    found.truncate(SHOWN);
    Ok(found)
}

/// The price that calls of a model have now: the organisation's own, or else the list price.
pub async fn find(access: &Access, provider: &str, name: &str) -> Result<Price> {
    let mut tx = access.read(Operation::PriceFind).await?;
    let provider = Provider::parse(provider).ok_or_else(Error::not_found)?;
    let own = store::of_calls(&mut tx).await?.find(provider, name);
    own.or_else(|| prices::price(provider, name)).ok_or_else(Error::not_found)
}

/// Sets the price of a model. It holds for calls that begin from now on.
pub async fn set(access: &Access, draft: &Draft) -> Result<Listed> {
    set_by(access, Operation::PriceSet, || Ok(draft.clone())).await
}

/// The same by a program. A key that has limits sets no price: by a lower one it would get around them.
pub async fn put(access: &Access, draft: impl FnOnce() -> Result<Draft>) -> Result<Listed> {
    set_by(access, Operation::PricePut, draft).await
}

async fn set_by(access: &Access, operation: Operation, draft: impl FnOnce() -> Result<Draft>) -> Result<Listed> {
    access
        .act(operation, Subject::unnamed("price", ""), |mut change| async move {
            limits::free_to_act(&mut change).await?;
            let draft = draft()?;
            let draft = &draft;
            let (provider, model, price) = read(draft)?;
            let (changed_at, changed_by) = (change.now(), change.access().actor_name().to_owned());
            let was = store::by_model(change.tx(), provider, &model).await?;
            // A form that was begun with this model, and has another one by now, is about that one.
            let stands = |price| model::stands(provider, &model, price);
            let same = draft.was.as_ref().filter(|began| began.starts_with(&stands(None)));
            if same.is_some_and(|began| *began != stands(was.as_ref().map(|was| was.price))) {
                return Err(Error::stale());
            }
            let id = was.as_ref().map_or_else(PriceId::new, |was| was.id);
            let now = Listed { id, provider, model, price, changed_by, changed_at };
            if was.is_some() {
                store::update(change.tx(), &now).await?;
            } else if store::count(change.tx()).await? >= MOST {
                let message = format!("An organisation has at most {MOST} prices of its own. Delete one first.");
                return Err(Error::conflict(message));
            } else {
                store::insert(change.tx(), &now).await?;
            }
            let event = event(&now, was.as_ref(), Some(&now));
            change.commit(event, now).await
        })
        .await
}

/// Deletes a price: from now on the list price holds again, if there is one.
pub async fn delete(access: &Access, id: &str) -> Result<()> {
    access
        .act(Operation::PriceDelete, Subject::unnamed("price", id), |mut change| async move {
            let id = id.parse().map_err(|_| Error::not_found())?;
            let was = store::by_id(change.tx(), id).await?.ok_or_else(Error::not_found)?;
            store::delete(change.tx(), id).await?;
            change.commit(event(&was, Some(&was), None), ()).await
        })
        .await
}

/// What was typed, fit to be stored.
fn read(draft: &Draft) -> Result<(Provider, String, Price)> {
    let mut fields = Fields::default();
    let provider = fields.take("provider", model::parse_provider(&draft.provider));
    let name = fields.take("model", model::parse_model(&draft.model));
    let input = fields.take("input", model::parse_amount(&draft.input));
    let cached_input = match draft.cached_input.trim() {
        "" => input.or(Some(0)),
        typed => fields.take("cached_input", model::parse_amount(typed)),
    };
    let output = fields.take("output", model::parse_amount(&draft.output));
    fields.build(|| Some((provider?, name?, Price { input: input?, cached_input: cached_input?, output: output? })))
}

/// What was and what is, in dollars per million tokens.
fn event(of: &Listed, was: Option<&Listed>, now: Option<&Listed>) -> Event {
    type Part = (&'static str, fn(&Price) -> i64);
    let amount = |listed: Option<&Listed>, of: fn(&Price) -> i64| {
        listed.map_or(Value::Null, |listed| Value::from(decimal(of(&listed.price))))
    };
    let parts: [Part; 3] = [
        ("input", |price| price.input),
        ("cached_input", |price| price.cached_input),
        ("output", |price| price.output),
    ];
    let event = Event::of(Subject::new("price", of.id, of.name()));
    parts.into_iter().fold(event, |event, (name, part)| event.change(name, amount(was, part), amount(now, part)))
}
