//! What is removed from the audit log for its age: the oldest events of each chain up to a checkpoint that has the age itself,
//! which stays as the anchor of what follows.

use crate::{
    kernel::{Code, Error, OrganisationId, Result, Timestamp, time::DAY},
    policy::Operation,
    server::{
        access::{Access, App, Change},
        audit::{
            self, anchors,
            chain::{GENESIS, Hash},
            checkpoints,
            delivery::{self, OF_INSTALLATION, ORGANISATION},
            heads::{self, Occasion, Progress},
            verify::{self, Verifier},
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
/// So few are left where they are if they tell of nothing but the log itself: their removal would leave as much.
const FEW: i64 = 1_000;
/// How long a destination that this program does not know is waited for after another one has last delivered to it, or tried
/// to, in milliseconds: it is most likely set there.
const ANOTHERS: i64 = 7 * DAY;

/// Removes from every chain what has the age, if there is a setting for it. What one of these destinations of the installation,
/// or the webhook of the organisation, does not have yet stays where it is; so does what a destination does not have that another
/// program delivers to. What is wrong with one chain stops no other.
///
/// # Errors
/// When the database cannot be read or written; the next round makes up for it.
pub async fn round(app: &App, destinations: &[&'static str]) -> Result<()> {
    let Some(days) = app.audit_days else { return Ok(()) };
    let now = app.clock.now();
    let limit = now.plus(-days * DAY);
    let mut tx = app.db.read_every_chain().await?;
    let chains = checkpoints::standings(&mut tx).await?;
    let mut waited_for = destinations.to_vec();
    for name in OF_INSTALLATION.into_iter().filter(|name| !destinations.contains(name)) {
        let cursors = delivery::cursors(&mut tx, name).await?;
        if cursors.iter().any(|cursor| cursor.was_tried_since(now.plus(-ANOTHERS))) {
            waited_for.push(name);
        }
    }
    drop(tx);
    let mut first = Ok(());
    for (organisation, ..) in chains {
        let done = async {
            while of(app, organisation, limit, &waited_for).await? {}
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
        Found::Whole { tells } if tells || seq - from >= FEW => {}
        Found::Whole { .. } | Found::Taken => return Ok(false),
        Found::Broken => {
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
        // Whoever erases personal values of these events has the chain's end first as well.
        audit::lock(note.tx()).await?;
        if !anchors::remove(note.tx(), gone, next).await? {
            return Ok(false);
        }
        note.commit().await?;
        gone = next;
    }
    Ok(true)
}

/// What stands where events are to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// All of it is as it was written. `tells`: of something besides the log itself.
    Whole { tells: bool },
    /// Another program has begun to remove it.
    Taken,
    /// It does not hold together, and is evidence of that.
    Broken,
}

/// Verifies what is to be removed, from behind one event up to another: rows, hashes and the personal values beside them.
pub(crate) async fn look_through(
    app: &App,
    organisation: OrganisationId,
    (from, hash): (i64, Hash),
    (end, end_hash): (i64, Hash),
) -> Result<Found> {
    let (mut verifier, mut tells) = (Verifier::behind(organisation, from, hash), false);
    let mut last = from - 1;
    while last < verifier.seq() && verifier.seq() < end {
        last = verifier.seq();
        let mut tx = app.db.read_in(organisation).await?;
        let actions = match verify::take_next(&mut tx, &mut verifier, end).await {
            Ok(actions) => actions,
            // A row that cannot be read holds as little as one that says something else.
            Err(error) if error.code == Code::Internal => break,
            Err(error) => return Err(error),
        };
        tells = tells || actions.iter().any(|action| ![anchors::ACTION, heads::ACTION].contains(&action.as_str()));
        // What it records of others is not asked for here.
        verifier.take_records();
    }
    if verifier.reaches(end, end_hash) {
        return Ok(Found::Whole { tells });
    }
    // What another program removes meanwhile is missing, too.
    let anchor = anchors::get(&mut app.db.read_in(organisation).await?).await?;
    Ok(if anchor.map_or(0, |anchor| anchor.seq) == from { Found::Broken } else { Found::Taken })
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
