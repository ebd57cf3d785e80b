//! Alerts by webhook: signed, at least once: again until it is taken or a day has passed.

use super::{
    contract,
    model::{Limit, Made, Span},
    store,
    store::hook::{Due, Stored},
};
use crate::{
    features::organisations,
    kernel::{Error, OrganisationId, Result, Secret, Timestamp, time::DAY, time::MINUTE},
    policy::Operation,
    server::{
        access::{Access, App},
        audit::{
            delivery::{Address, Format, Trouble, Webhook},
            event::{Event, Subject},
        },
        crypto::WebhookSecret,
        database::OrgTx,
        outgoing::OutgoingError,
    },
    site::routes,
};
use futures_util::{StreamExt, stream};
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// How long a save waits for the look-up of a host's name. The check that counts is made with every connection.
const LOOK_UP: Duration = Duration::from_secs(3);
/// Alerts that one round sends of an organisation, and organisations whose webhooks are called at the same time.
const BATCH: i64 = 20;
const PLACES: usize = 16;
/// How long one organisation's alerts are sent in one round before others have their turn.
const TURN: Duration = Duration::from_secs(5);
/// How long others leave an alert to the program that sends it, in milliseconds: longer than a receiver has to answer.
const HOLD: i64 = MINUTE;
/// How long it is tried, in milliseconds.
const TRIED_FOR: i64 = DAY;

/// Sets the webhook, with a new secret.
pub async fn set(access: &Access, url: &str) -> Result<Made> {
    let address = prepare(access, url).await;
    access
        .act(Operation::LimitWebhookSet, unnamed(), |mut change| async move {
            let address = address?;
            if store::hook::webhook(change.tx()).await?.is_some() {
                let sentence = "The organisation has a webhook for alerts already. Delete it to set another.";
                return Err(Error::conflict(sentence));
            }
            let (organisation, now) = (change.organisation(), change.now());
            let by = change.access().actor_name().to_owned();
            let (id, plain) = (Uuid::now_v7(), WebhookSecret::generate()?);
            let place = place(organisation, id);
            let sealed = change.access().app().keyring.seal(&place.each_ref().map(String::as_str), &plain)?;
            store::hook::insert(change.tx(), id, &address.whole(), sealed, &by, now).await?;
            organisations::set_alerts_by_webhook(change.tx().system(), organisation, true).await?;
            let event = Event::of(subject(id)).with("url", address.shown()).with("secret", "set");
            change.commit(event, Made { id, secret: Secret::new(plain.as_str()) }).await
        })
        .await
}

/// What was typed, fit to be stored. Reads by the permission to change it: nobody else has names looked up.
async fn prepare(access: &Access, url: &str) -> Result<Address> {
    drop(access.read(Operation::LimitWebhookSet).await?);
    let wrong = |sentence: &str| Error::field("url", sentence);
    let address = Address::parse(url, access.app().outgoing.allowed()).map_err(|sentence| wrong(&sentence))?;
    // One that cannot be looked up at the moment is let pass.
    match tokio::time::timeout(LOOK_UP, access.app().outgoing.check(&address.base)).await {
        Ok(Err(OutgoingError::Blocked(_))) => Err(wrong("This address is not public, and alerts may not go there.")),
        Ok(Err(OutgoingError::PlainHttp)) => Err(wrong("The URL must begin with https://.")),
        Ok(_) | Err(_) => Ok(address),
    }
}

/// Deletes the webhook. What waits for it is forgotten.
pub async fn delete(access: &Access) -> Result<()> {
    access
        .act(Operation::LimitWebhookDelete, unnamed(), |mut change| async move {
            let stored = store::hook::webhook(change.tx()).await?.ok_or_else(Error::not_found)?;
            store::hook::remove(change.tx()).await?;
            let organisation = change.organisation();
            organisations::set_alerts_by_webhook(change.tx().system(), organisation, false).await?;
            let shown = Address::hidden(&stored.url);
            change.commit(Event::of(subject(stored.id)).change("url", shown, Value::Null), ()).await
        })
        .await
}

/// Whether the organisation's webhook has this id.
pub async fn exists(tx: &mut OrgTx, id: &str) -> Result<bool> {
    Ok(store::hook::webhook(tx).await?.is_some_and(|stored| stored.id.to_string() == id))
}

fn unnamed() -> Subject {
    Subject::unnamed("limit_webhook", "")
}

fn subject(id: Uuid) -> Subject {
    Subject::new("limit_webhook", id, "webhook for alerts")
}

/// Where the secret is sealed to: it opens in its own organisation and record alone.
fn place(organisation: OrganisationId, id: Uuid) -> [String; 3] {
    [organisation.to_string(), id.to_string(), "limit webhook secret".to_owned()]
}

/// The webhook as it is called, at this moment.
fn receiver(app: &App, organisation: OrganisationId, stored: &Stored) -> std::result::Result<Webhook, Trouble> {
    let trouble = |sentence: &'static str| Trouble { sentence: sentence.into(), after: None };
    let address = Address::parse(&stored.url, app.outgoing.allowed())
        .map_err(|_| trouble("The receiver’s address is not public, and alerts may not go there."))?;
    let place = place(organisation, stored.id);
    let plain = app.keyring.open_sealed(&place.each_ref().map(String::as_str), &stored.secret).ok();
    let secret = plain.and_then(|plain| WebhookSecret::parse(&plain));
    let secret =
        secret.ok_or_else(|| trouble("The signing secret cannot be opened. Delete the webhook and set it anew."))?;
    Ok(Webhook { address, secrets: vec![secret], format: Format::Events, outgoing: app.outgoing.clone() })
}

/// One round over the organisations that have a webhook. What is wrong with one stops no other.
pub async fn round(app: &App) -> Result<()> {
    let mut tx = app.db.read().await?;
    let organisations = organisations::with_alerts_by_webhook(&mut tx).await?;
    drop(tx);
    let turns = stream::iter(organisations).map(|organisation| of(app, organisation));
    let done: Vec<Result<()>> = turns.buffer_unordered(PLACES).collect().await;
    done.into_iter().collect()
}

async fn of(app: &App, organisation: OrganisationId) -> Result<()> {
    let mut note = app.note_in(organisation).await?;
    let Some(stored) = store::hook::webhook(note.tx()).await? else { return Ok(()) };
    let due = store::hook::due(note.tx(), app.clock.now(), BATCH).await?;
    let own = organisations::by_id(note.tx().system(), organisation).await?;
    // No transaction waits for the receiver.
    drop(note);
    let (Some(own), false) = (own, due.is_empty()) else { return Ok(()) };
    let receiver = receiver(app, organisation, &stored);
    let page = format!("{}{}", app.public_url, routes::limits(&own.slug));
    let end = Instant::now() + TURN;
    for alert in due {
        if Instant::now() >= end {
            break;
        }
        let now = app.clock.now();
        let mut note = app.note_in(organisation).await?;
        // Whoever gets it sends it; one that ends meanwhile leaves it to the next.
        if !store::hook::take(note.tx(), alert.id, now, now.plus(HOLD)).await? {
            continue;
        }
        let Some(limit) = store::by_id(note.tx(), alert.limit()).await? else {
            store::hook::drop_alert(note.tx(), alert.id).await?;
            note.commit().await?;
            continue;
        };
        note.commit().await?;
        let told = match &receiver {
            // The same alert has the same id when it is sent again.
            Ok(webhook) => webhook.post(&alert.id.to_string(), message(organisation, &alert, &limit, &page), now).await,
            Err(trouble) => Err(trouble.clone()),
        };
        let now = app.clock.now();
        let mut note = app.note_in(organisation).await?;
        let Err(trouble) = told else {
            store::hook::sent(note.tx(), stored.id, alert.id, now).await?;
            note.commit().await?;
            continue;
        };
        let next = now.plus(trouble.pause(alert.hook_tries));
        let next = Some(next).filter(|next| *next <= Timestamp(alert.at).plus(TRIED_FOR));
        if alert.hook_tries == 0 || next.is_none() {
            let (why, gives_up) = (trouble.kept(), next.is_none());
            tracing::warn!(%organisation, why, gives_up, "an alert of a budget could not be sent to a webhook");
        }
        store::hook::failed(note.tx(), stored.id, alert.id, next, trouble.kept()).await?;
        note.commit().await?;
        // The others would most likely not be taken either: they have their turn in the next round.
        break;
    }
    Ok(())
}

/// What a receiver is told. Amounts are US dollars, tokens or requests, as the management calls write them.
#[derive(Serialize)]
struct Message<'a> {
    r#type: &'static str,
    data: Told<'a>,
}

#[derive(Serialize)]
struct Told<'a> {
    organisation: OrganisationId,
    id: Uuid,
    /// `threshold` or `exhausted`.
    alert: &'a str,
    at: String,
    limit_id: String,
    scope: &'static str,
    subject_id: Uuid,
    /// `cost`, `tokens` or `requests`.
    r#type: &'static str,
    credit_limit: f64,
    alert_threshold: Option<f64>,
    used: f64,
    /// `block` or `warn`.
    action: &'static str,
    /// Null: it counts from the beginning on.
    period_start: Option<String>,
    resets_at: Option<String>,
    url: &'a str,
}

fn message(organisation: OrganisationId, alert: &Due, limit: &Limit, url: &str) -> String {
    let is = &limit.is;
    let start = Timestamp(alert.period);
    let amount = |amount: i64| contract::dollars(is.measure, amount);
    let told = Told {
        organisation,
        id: alert.id,
        alert: &alert.kind,
        at: Timestamp(alert.at).rfc3339(),
        limit_id: limit.id.to_string(),
        scope: limit.on.scope.name(),
        subject_id: limit.on.id,
        r#type: is.measure.name(),
        credit_limit: amount(alert.amount),
        alert_threshold: is.alert_at.map(amount),
        used: amount(alert.used),
        action: is.action.name(),
        period_start: (is.span != Span::Whole).then(|| start.rfc3339()),
        resets_at: limit.period(start).end.map(Timestamp::rfc3339),
        url,
    };
    serde_json::to_string(&Message { r#type: "limit.alert", data: told }).unwrap_or_default()
}
