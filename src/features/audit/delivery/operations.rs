//! What can be done with the delivery of an organisation's events.

use super::model::{BEGINNINGS, Draft, Made, OVERLAP, Page, Standing, Tested, Webhook};
use crate::{
    kernel::{Error, Fields, Result, Secret, Timestamp},
    policy::{Operation, Target},
    server::{
        access::{Access, Change, Committed, deliveries},
        audit::{
            self,
            delivery::{self, Address, Format, ORGANISATION, StoredState, StoredWebhook},
            event::{Event, Subject},
        },
        crypto::WebhookSecret,
        database::OrgTx,
        outgoing::OutgoingError,
    },
};
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

/// How long a save waits for the look-up of a host's name. The check that counts is made with every connection.
const LOOK_UP: Duration = Duration::from_secs(3);

/// A [`Draft`] that is fit to be stored.
struct Ready {
    address: Address,
    format: Format,
    /// Begins with the first event of the log.
    from_first: bool,
}

/// The organisation's webhook and how each delivery of its events stands.
pub async fn page(access: &Access) -> Result<Page> {
    let mut tx = access.read(Operation::AuditDelivery).await?;
    let (newest, now) = (audit::seen(&mut tx).await?, access.now());
    let stored = delivery::webhook(&mut tx).await?;
    let mut standings: Vec<Standing> =
        delivery::states(&mut tx).await?.into_iter().map(|state| standing(state, newest, now)).collect();
    let own = standings.iter().position(|standing| standing.destination == ORGANISATION);
    let own = own.map(|own| standings.swap_remove(own));
    standings.sort_by(|one, other| one.destination.cmp(&other.destination));
    // All of it is for those who may change it.
    let may_set = access.check(Operation::AuditDeliverySet, Target::In(tx.organisation())).is_ok();
    let webhook = stored.zip(own).map(|(stored, standing)| Webhook {
        url: if may_set { stored.url } else { Address::hidden(&stored.url) },
        format: stored.format,
        secret_set_at: Timestamp(stored.secret_set_at),
        old_until: stored.old_until.map(Timestamp).filter(|until| *until > now),
        changed_by: stored.changed_by,
        changed_at: Timestamp(stored.changed_at),
        version: stored.version,
        standing,
    });
    Ok(Page { webhook, others: standings, now })
}

fn standing(state: StoredState, newest: i64, now: Timestamp) -> Standing {
    let failed = state.failures > 0;
    Standing {
        waiting: newest.saturating_sub(state.seq).max(0),
        destination: state.destination,
        delivered: state.seq,
        delivered_at: state.delivered_at.map(Timestamp),
        failures: state.failures,
        error: state.error.filter(|_| failed),
        next_at: Some(Timestamp(state.next_at).max(now)).filter(|_| failed && !state.is_paused),
        is_paused: state.is_paused,
    }
}

/// Sets up the webhook, with a new secret, or changes the one that was read with this version.
pub async fn set(access: &Access, version: Option<i64>, draft: &Draft) -> Result<Made> {
    let ready = prepare(access, draft).await;
    access
        .act(Operation::AuditDeliverySet, unnamed(), |mut change| async move {
            let Ready { address, format, from_first } = ready?;
            let (now, by) = (change.now(), change.access().actor_name().to_owned());
            let whole = address.whole();
            let Some(was) = delivery::webhook(change.tx()).await? else {
                if version.is_some() {
                    return Err(Error::not_found());
                }
                let (id, plain) = (Uuid::now_v7(), WebhookSecret::generate()?);
                let sealed = deliveries::seal(change.access().app(), change.organisation(), id, &plain)?;
                delivery::insert_webhook(change.tx(), id, (&whole, format.name()), sealed, &by, now).await?;
                // This transaction holds the end of the chain: the next event is that of this act.
                let begin = match from_first {
                    true => audit::anchors::removed(change.tx()).await?,
                    false => audit::seen(change.tx()).await?,
                };
                delivery::begin(change.tx(), ORGANISATION, begin).await?;
                let event = Event::of(subject(id, &address))
                    .with("url", address.shown())
                    .with("format", format.name())
                    .with("begins_with", begin.saturating_add(1))
                    .with("secret", "set");
                return change.commit(event, Made { secret: Some(Secret::new(plain.as_str())), at: now }).await;
            };
            let Some(version) = version else {
                return Err(Error::conflict("The organisation has a delivery already. Reload the page to change it."));
            };
            if !delivery::update_webhook(change.tx(), version, (&whole, format.name()), &by, now).await? {
                return Err(Error::stale());
            }
            delivery::try_again(change.tx(), ORGANISATION).await?;
            // That something else differs than the origin is told, and what is not.
            let (before, after) = (shown(&was), address.shown());
            let within = before == after && was.url != whole;
            let event = Event::of(subject(was.id, &address))
                .change("url", before, if within { "changed".to_owned() } else { after })
                .change("format", was.format.as_str(), format.name());
            change.commit(event, Made { secret: None, at: now }).await
        })
        .await
}

/// What was typed, fit to be stored. Reads by the permission to change it.
async fn prepare(access: &Access, draft: &Draft) -> Result<Ready> {
    // Nobody else has names looked up. The database does not wait for that.
    drop(access.read(Operation::AuditDeliverySet).await?);
    let mut fields = Fields::default();
    let address = fields.take("url", Address::parse(&draft.url, access.app().outgoing.allowed()));
    let format = fields.take("format", Format::parse(&draft.format).ok_or("Choose a form of events.".to_owned()));
    let begin = match draft.begin.as_str() {
        "" => Some(BEGINNINGS[0].0),
        typed => fields.take(
            "begin",
            BEGINNINGS
                .iter()
                .map(|(name, ..)| *name)
                .find(|name| *name == typed)
                .ok_or("Choose a beginning.".to_owned()),
        ),
    };
    if let Some(address) = &address {
        fields.take("url", look_up(access, address).await);
    }
    fields.build(|| Some(Ready { address: address?, format: format?, from_first: begin? == BEGINNINGS[1].0 }))
}

/// Refuses a host that leads where requests may not go. One that cannot be looked up at the moment is let pass: every
/// connection is checked again.
async fn look_up(access: &Access, address: &Address) -> std::result::Result<(), String> {
    match tokio::time::timeout(LOOK_UP, access.app().outgoing.check(&address.base)).await {
        Ok(Err(OutgoingError::Blocked(_))) => Err("This address is not public, and events may not go there.".into()),
        Ok(Err(OutgoingError::PlainHttp)) => Err("The URL must begin with https://.".into()),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Makes a new secret. The one before signs as well for [`OVERLAP`], and until then there is no other rotation: receivers
/// have that long to learn the new one.
pub async fn rotate(access: &Access) -> Result<Made> {
    access
        .act(Operation::AuditDeliveryRotate, unnamed(), |mut change| async move {
            let stored = found(&mut change).await?;
            let (now, by) = (change.now(), change.access().actor_name().to_owned());
            if let Some(until) = stored.old_until.map(Timestamp).filter(|until| *until > now) {
                let message = format!(
                    "The secret was rotated lately, and the one before signs as well until {}. Rotate it after that.",
                    until.date_time()
                );
                return Err(Error::conflict(message));
            }
            let plain = WebhookSecret::generate()?;
            let sealed = deliveries::seal(change.access().app(), change.organisation(), stored.id, &plain)?;
            let until = now.plus(OVERLAP);
            delivery::rotate_secret(change.tx(), sealed, until, &by, now).await?;
            let event =
                Event::of(about(&stored)).change("secret", "set", "changed").with("old_secret_until", until.rfc3339());
            change.commit(event, Made { secret: Some(Secret::new(plain.as_str())), at: now }).await
        })
        .await
}

/// Holds events back, in the log.
pub async fn pause(access: &Access) -> Result<()> {
    access
        .act(Operation::AuditDeliveryPause, unnamed(), |mut change| async move {
            let stored = found(&mut change).await?;
            let done = delivery::pause(change.tx(), ORGANISATION).await?;
            paused(change, &stored, done, true).await
        })
        .await
}

/// Goes on where it was paused.
pub async fn resume(access: &Access) -> Result<()> {
    access
        .act(Operation::AuditDeliveryResume, unnamed(), |mut change| async move {
            let stored = found(&mut change).await?;
            let done = delivery::resume(change.tx(), ORGANISATION).await?;
            paused(change, &stored, done, false).await
        })
        .await
}

async fn paused(change: Change, stored: &StoredWebhook, done: bool, now: bool) -> Result<Committed<()>> {
    if !done {
        let sentence = if now { "The delivery is paused already." } else { "The delivery is not paused." };
        return Err(Error::conflict(sentence));
    }
    change.commit(Event::of(about(stored)).change("paused", !now, now), ()).await
}

/// Ends the delivery and forgets how far it had come.
pub async fn delete(access: &Access) -> Result<Made> {
    access
        .act(Operation::AuditDeliveryDelete, unnamed(), |mut change| async move {
            let stored = found(&mut change).await?;
            delivery::remove_webhook(change.tx()).await?;
            delivery::end(change.tx(), ORGANISATION).await?;
            let event = Event::of(about(&stored)).change("url", shown(&stored), Value::Null);
            let at = change.now();
            change.commit(event, Made { secret: None, at }).await
        })
        .await
}

/// Sends a message that is no event of the log, and says what came of it. Events that wait stay where they are.
pub async fn test(access: &Access) -> Result<Tested> {
    let tested = try_it(access).await;
    let acting = tested.as_ref().map_or(access, |(acting, ..)| acting).clone();
    acting
        .act(Operation::AuditDeliveryTest, unnamed(), |change| async move {
            let (_, subject, problem) = tested?;
            let result = problem.as_deref().unwrap_or("taken").to_owned();
            change.commit(Event::of(subject).with("result", result), Tested { problem }).await
        })
        .await
}

/// Gives also who goes on: whatever cuts the message off leaves a trace.
async fn try_it(access: &Access) -> Result<(Access, Subject, Option<String>)> {
    let mut tx = access.read(Operation::AuditDeliveryTest).await?;
    let stored = delivery::webhook(&mut tx).await?.ok_or_else(Error::not_found)?;
    let organisation = tx.organisation();
    access.app().limits.delivery_tests.take(&organisation.to_string(), access.now())?;
    // The receiver may take its time; the database does not wait for it.
    drop(tx);
    let acting = access.begin_outside(Operation::AuditDeliveryTest, &about(&stored)).await?;
    let tested = match deliveries::webhook_of(access.app(), organisation, &stored) {
        Ok(webhook) => webhook.test(organisation, &Uuid::now_v7().to_string(), access.now()).await,
        Err(trouble) => Err(trouble),
    };
    Ok((acting, about(&stored), tested.err().map(|trouble| trouble.kept().to_owned())))
}

async fn found(change: &mut Change) -> Result<StoredWebhook> {
    delivery::webhook(change.tx()).await?.ok_or_else(Error::not_found)
}

/// Whether the organisation's webhook has this id.
pub async fn exists(tx: &mut OrgTx, id: &str) -> Result<bool> {
    Ok(delivery::webhook(tx).await?.is_some_and(|stored| stored.id.to_string() == id))
}

/// Before it is known which one it is.
fn unnamed() -> Subject {
    Subject::unnamed("audit_delivery", "")
}

fn subject(id: Uuid, address: &Address) -> Subject {
    Subject::new("audit_delivery", id, address.base.origin())
}

fn about(stored: &StoredWebhook) -> Subject {
    Subject::new("audit_delivery", stored.id, Address::origin(&stored.url))
}

fn shown(stored: &StoredWebhook) -> String {
    Address::hidden(&stored.url)
}
