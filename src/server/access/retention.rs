//! What is removed from the audit log for its age: the oldest events of each chain up to a checkpoint that has the age itself,
//! which stays as the anchor of what follows.

use crate::{
    kernel::{Code, Error, OrganisationId, Result, Timestamp, time::DAY},
    policy::Operation,
    server::{
        access::{Access, App, Change},
        audit::{
            self, anchors,
            chain::{self, GENESIS, Hash},
            checkpoints,
            delivery::{self, ORGANISATION},
            event::Written,
            heads::{self, Occasion, Progress},
        },
    },
};
use std::time::Duration;

/// How often it is looked whether something has the age.
pub const LOOK: Duration = Duration::from_secs(3_600);
/// Events that one transaction removes: others write between two of them.
pub const BATCH: i64 = 200;
/// Events of which one event tells at most.
const ROUND: i64 = 20_000;
/// Events that are read at once.
const PAGE: i64 = 1_000;
/// So few are left where they are if they tell of nothing but the log itself: their removal would leave as much.
const FEW: i64 = 1_000;

/// Removes from every chain what has the age, if there is a setting for it. What one of these destinations of the installation,
/// or the webhook of the organisation, does not have yet stays where it is. What is wrong with one chain stops no other.
///
/// # Errors
/// When the database cannot be read or written; the next round makes up for it.
pub async fn round(app: &App, destinations: &[&'static str]) -> Result<()> {
    let Some(days) = app.audit_days else { return Ok(()) };
    let limit = app.clock.now().plus(-days * DAY);
    let chains = checkpoints::standings(&mut app.db.read_every_chain().await?).await?;
    let mut first = Ok(());
    for (organisation, ..) in chains {
        let done = async {
            while of(app, organisation, limit, destinations).await? {}
            Ok(())
        };
        first = first.and(done.await);
    }
    first
}

/// Removes what is due of one chain, as much as one event tells of. Whether more may be.
async fn of(app: &App, organisation: OrganisationId, limit: Timestamp, destinations: &[&'static str]) -> Result<bool> {
    let mut tx = app.db.read_in(organisation).await?;
    let anchor = anchors::get(&mut tx).await?;
    if let Some(anchor) = anchor.as_ref().filter(|anchor| anchor.removed < anchor.seq) {
        // As a program has left it that was ended meanwhile.
        drop(tx);
        return remove(app, organisation, anchor.removed, anchor.seq).await;
    }
    let (from, hash) = match &anchor {
        Some(anchor) => (anchor.seq, anchor.hash.as_slice().try_into().map_err(|_| Error::internal())?),
        None => (0, GENESIS),
    };
    let states = delivery::states(&mut tx).await?;
    let has = |name: &str| states.iter().find(|state| state.destination == name).map(|state| state.seq);
    let delivered = destinations.iter().map(|name| has(name).unwrap_or(0)).chain(has(ORGANISATION)).min();
    let most = from.saturating_add(ROUND);
    let span = (from, most.min(delivered.unwrap_or(i64::MAX)));
    let newest = match checkpoints::newest_of_age(&mut tx, &app.keyring, span, limit).await {
        Ok(None) if span.1 < most => {
            if checkpoints::newest_of_age(&mut tx, &app.keyring, (from, most), limit).await?.is_some() {
                tracing::info!(%organisation, "audit events have the age to be removed, and wait for their delivery");
            }
            return Ok(false);
        }
        Ok(newest) => newest,
        // What stands there was tampered with, as the log says. It keeps the other chains from nothing.
        Err(error) if error.code == Code::Internal => return Ok(false),
        Err(error) => return Err(error),
    };
    drop(tx);
    let Some((seq, end)) = newest.as_ref().and_then(|signed| signed.checkpoint()).map(|own| (own.seq, own.hash.0))
    else {
        return Ok(false);
    };
    match look_through(app, organisation, (from, hash), (seq, end)).await? {
        Some(tells) if tells || seq - from >= FEW => {}
        Some(_) => return Ok(false),
        None => {
            tracing::error!(
                %organisation,
                behind = from,
                "the audit log does not hold together, and nothing is removed from it: run `latchkey audit verify`"
            );
            return Ok(false);
        }
    }
    let first = seq.min(from + BATCH);
    let event = anchors::event(organisation, from + 1, (seq, &end), limit);
    let begun = Access::act_by_itself(app, Operation::AuditExpire, organisation, |mut change| async move {
        let now = change.now();
        if organisation == OrganisationId::INSTALLATION {
            record_again(&mut change, seq).await?;
        }
        let tx = change.tx();
        if !anchors::advance(tx, from, (seq, &end), now).await? || !anchors::remove(tx, from, first).await? {
            return Err(Error::conflict("Another program removes these events."));
        }
        change.commit_reading(&event, ()).await
    });
    match begun.await {
        Ok(()) => remove(app, organisation, first, seq).await,
        Err(error) if error.code == Code::Conflict => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes little by little what the anchor allows, so that others write meanwhile. Whether it was this program that did.
async fn remove(app: &App, organisation: OrganisationId, before: i64, up_to: i64) -> Result<bool> {
    let mut gone = before;
    while gone < up_to {
        let next = up_to.min(gone + BATCH);
        let mut note = app.note_in(organisation).await?;
        if !anchors::remove(note.tx(), gone, next).await? {
            return Ok(false);
        }
        note.commit().await?;
        gone = next;
    }
    Ok(true)
}

/// Reads what is to be removed, from behind one event up to another. Gives whether it tells of anything but the log itself. None:
/// it does not hold together, and is evidence of that.
async fn look_through(
    app: &App,
    organisation: OrganisationId,
    (from, mut hash): (i64, Hash),
    (end, end_hash): (i64, Hash),
) -> Result<Option<bool>> {
    let (mut seq, mut tells) = (from, false);
    while seq < end {
        let mut tx = app.db.read_in(organisation).await?;
        let events = match audit::page(&mut tx, seq, PAGE.min(end - seq)).await {
            Ok(events) => events,
            // A row that cannot be read holds as little as one that says something else.
            Err(error) if error.code == Code::Internal => return Ok(None),
            Err(error) => return Err(error),
        };
        if events.is_empty() {
            return Ok(None);
        }
        for event in events {
            let computed = chain::hash(organisation, event.seq, &hash, event.body.as_bytes());
            if event.seq != seq + 1 || event.previous != hash || event.hash != computed {
                return Ok(None);
            }
            (seq, hash) = (event.seq, computed);
            tells = tells
                || Written::read(&event.body)
                    .is_none_or(|written| ![anchors::ACTION, heads::ACTION].contains(&written.action.as_str()));
        }
    }
    Ok((hash == end_hash).then_some(tells))
}

/// Records the ends of those organisations again of which nothing behind this event of the installation's chain does: what says
/// that an organisation is there is never removed without this.
async fn record_again(change: &mut Change, behind: i64) -> Result<()> {
    let (now, id) = (change.now(), change.access().origin().request_id.clone());
    let tx = change.tx();
    let mut progress = Progress::default();
    progress.catch_up(tx).await?;
    tx.system().see_every_chain().await?;
    let there = audit::ends(tx.system()).await?;
    let Some(ends) = progress.unrecorded_behind(behind, there) else {
        return Err(Error::conflict("An organisation is missing that the audit log records."));
    };
    heads::record(tx, Occasion::Round, &ends, &id, now).await
}
