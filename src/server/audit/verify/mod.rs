//! Verifying a chain, from the database or an export. What checks events as they come stands in `verifier`, and what the
//! columns beside an event's body must say in `beside`.

mod beside;
mod verifier;

pub use verifier::Verifier;

use super::{
    anchors::{self, Anchor, Expired},
    chain::{GENESIS, Hash},
    checkpoints::Mark,
    heads::Recorded,
    personal::STRAY,
    store::{self, StoredRow},
};
use crate::{
    kernel::{Result, Timestamp},
    server::{clock::Clock, database::OrgTx},
};

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All events are as they were written. `events`: the number of the last. `removed`: the number of the last that was
    /// removed for its age, 0 if none was. `checkpoint`: the newest of those that the chain was held against, its number and
    /// time. `erased`: the personal values that are not there any more.
    Whole { events: i64, removed: i64, head: Hash, checkpoint: Option<(i64, Timestamp)>, erased: u64 },
    /// The first sequence number that is missing, out of place, or not as it was written, and what is wrong with it.
    Broken { seq: i64, why: &'static str },
}

const UNANCHORED: &str = "what the database says of the events that were removed before it is not what the chain says";
const FORM: &str = "its text is not one that Latchkey writes";

/// Events read at once.
const PAGE: i64 = 1_000;

/// Verifies the chain of the organisation that the transaction has entered. Events may be written while these are read. So
/// each page is read after the head: once it is empty, nothing stands behind that head. Gives also what the chain records
/// of others.
pub async fn verify(tx: &mut OrgTx, recorded: Vec<(i64, Hash)>) -> Result<(Verdict, Vec<Recorded>)> {
    verify_with(tx, recorded, vec![], Clock::default().now()).await
}

/// The same, held against these checkpoints as well, at this moment.
pub async fn verify_with(
    tx: &mut OrgTx,
    recorded: Vec<(i64, Hash)>,
    checkpoints: Vec<Mark>,
    now: Timestamp,
) -> Result<(Verdict, Vec<Recorded>)> {
    let mut verifier = Verifier::against(tx.organisation(), recorded).with_checkpoints(checkpoints).as_of(now);
    let (mut head, mut next) = (store::head(tx).await?, i64::MIN);
    loop {
        let page = take_page(tx, &mut verifier, next, PAGE).await?;
        match page.last().and_then(|last| last.seq.checked_add(1)) {
            Some(after) => next = after,
            None => break,
        }
        head = store::head(tx).await?;
    }
    let (anchor, stray) = (anchors::get(tx).await?, store::stray(tx).await?);
    let (records, at, expired) = (verifier.take_records(), verifier.at().0, verifier.expired());
    let (seq, hash, head_at) =
        head.as_ref().map_or((0, GENESIS.as_slice(), 0), |head| (head.seq, head.hash.as_slice(), head.at));
    let verdict = match verifier.finish(Some((seq, hash))) {
        Verdict::Whole { .. } if head_at != at => {
            Verdict::Broken { seq, why: "the chain's end is kept with another time than this event's" }
        }
        Verdict::Whole { removed, .. } if !fits(anchor.as_ref(), removed, expired) => {
            Verdict::Broken { seq: removed + 1, why: UNANCHORED }
        }
        verdict => verdict,
    };
    let verdict = match (verdict, stray) {
        (Verdict::Whole { .. }, Some(stray)) => Verdict::Broken { seq: stray.min(seq.saturating_add(1)), why: STRAY },
        (verdict, _) => verdict,
    };
    Ok((verdict, records))
}

/// Takes at most `limit` events of the chain from this number on, and gives them as they stand in their rows.
async fn take_page(tx: &mut OrgTx, verifier: &mut Verifier, from: i64, limit: i64) -> Result<Vec<StoredRow>> {
    let page = store::rows(tx, from, limit).await?;
    let beside = store::beside(tx, &page).await?;
    page.iter().for_each(|row| verifier.take_row(row, beside.get(&row.seq).map_or(&[], Vec::as_slice)));
    Ok(page)
}

/// Takes the next events up to this number, some at a time, and gives their actions; nothing where there are no more.
///
/// # Errors
/// When the database cannot be read.
pub async fn take_next(tx: &mut OrgTx, verifier: &mut Verifier, last: i64) -> Result<Vec<String>> {
    let from = verifier.seq().saturating_add(1);
    let page = take_page(tx, verifier, from, PAGE.min(last.saturating_sub(from).saturating_add(1))).await?;
    Ok(page.iter().map(|row| String::from_utf8_lossy(&row.action.0).into_owned()).collect())
}

/// Whether the anchor in the database says of a chain what its events say.
fn fits(anchor: Option<&Anchor>, removed: i64, expired: Option<Expired>) -> bool {
    match anchor {
        None => removed == 0,
        Some(anchor) => {
            let is_told = expired.is_some_and(|told| told.up_to == anchor.seq && told.hash.as_slice() == anchor.hash);
            removed > 0 && anchor.removed == removed && is_told
        }
    }
}

#[cfg(test)]
mod tests;
