//! The audit log as programs read it: pages of events as they are stored, single ones, and whether they hold together.

use super::{
    model::Fitting,
    query::{self, Filter},
    store::{self, Found},
};
use crate::{
    kernel::{Asked, Code, Error, Result, Timestamp, Window},
    policy::Operation,
    server::{
        access::Access,
        audit::{
            self, Stored,
            anchors::{self, Anchor},
            chain::{self, GENESIS, Hash},
            checkpoints,
        },
        database::OrgTx,
    },
};

/// Events that one verification reads: more than there are between two checkpoints.
const LOOKED_AT: i64 = 2_000;
/// Events read at once.
const STEP: i64 = 1_000;

/// What a filter lets through, newest first.
pub struct Listed {
    pub found: Found,
    pub fitting: Fitting,
    /// The number of the newest event.
    pub seen: i64,
    pub anchor: Option<Anchor>,
}

/// Reads a page of so many events.
pub async fn listed(tx: &mut OrgTx, asked: &Asked, size: i64, now: Timestamp) -> Result<Listed> {
    let (filter, place) = (query::filter(asked, now)?, query::place(asked)?);
    let seen = audit::seen(tx).await?;
    let span = store::numbers(tx, &filter, seen).await?;
    let found = store::page(tx, &filter, span, place, size).await?;
    let anchor = anchors::get(tx).await?;
    let fitting = fitting(tx, &filter, span).await?;
    Ok(Listed { found, fitting, seen, anchor })
}

async fn fitting(tx: &mut OrgTx, filter: &Filter, span: (i64, i64)) -> Result<Fitting> {
    if filter.is_open() {
        return Ok(Fitting::Exactly((span.1 - span.0).saturating_add(1).max(0)));
    }
    if !store::is_counted(tx, filter, span).await? {
        return Ok(Fitting::NotCounted);
    }
    Ok(match store::count(tx, filter, span).await? {
        many if many > store::COUNTED => Fitting::MoreThan(store::COUNTED),
        few => Fitting::Exactly(few),
    })
}

/// The same for programs.
pub async fn events(access: &Access, asked: &Asked, size: i64) -> Result<Listed> {
    let mut tx = access.read(Operation::AuditList).await?;
    listed(&mut tx, asked, size, access.now()).await
}

/// A numbered page, and how many events fit: at most one more than are counted.
pub async fn records(access: &Access, asked: &Asked, window: Window) -> Result<(Vec<Stored>, i64)> {
    let mut tx = access.read(Operation::AuditRecords).await?;
    let filter = query::filter(asked, access.now())?;
    let seen = audit::seen(&mut tx).await?;
    let span = store::numbers(&mut tx, &filter, seen).await?;
    if !store::is_counted(&mut tx, &filter, span).await? && span.1.saturating_sub(span.0) >= store::LOOKED_THROUGH {
        let message = format!(
            "By an address at most {} events are looked through. Choose a shorter span of time.",
            store::LOOKED_THROUGH
        );
        return Err(Error::field("address", message));
    }
    let total = store::count(&mut tx, &filter, span).await?;
    Ok((store::numbered(&mut tx, &filter, span, window).await?, total))
}

/// One event, as it is stored.
pub async fn event(access: &Access, number: &str) -> Result<Stored> {
    let mut tx = access.read(Operation::AuditGet).await?;
    numbered(&mut tx, number).await
}

/// The event of this number.
pub async fn numbered(tx: &mut OrgTx, number: &str) -> Result<Stored> {
    let seq: i64 = number.parse().ok().filter(|seq| *seq > 0).ok_or_else(Error::not_found)?;
    let event = audit::page(tx, seq - 1, 1).await?.into_iter().find(|event| event.seq == seq);
    event.ok_or_else(Error::not_found)
}

/// What vouches for the log.
pub struct Verification {
    /// The newest checkpoint: up to which number every event was hashed before it was signed, and when that was.
    pub signed: Option<(i64, Timestamp)>,
    /// The number of the first event that does not hold together, of those that were looked at.
    pub broken_at: Option<i64>,
    /// The number of the newest event.
    pub newest: i64,
    /// The number of the last event that was removed for its age; 0: none was.
    pub removed: i64,
}

/// Looks at the newest checkpoint, whether the chain has the event that it names, and whether the events behind it, as many as
/// are looked at, follow it.
pub async fn verification(access: &Access) -> Result<Verification> {
    let mut tx = access.read(Operation::AuditVerification).await?;
    let removed = anchors::removed(&mut tx).await?;
    let head = audit::head(&mut tx).await?;
    let newest = head.as_ref().map_or(0, |head| head.seq);
    let signed = match checkpoints::newest(&mut tx, &access.app().keyring).await {
        Ok(signed) => signed,
        Err(error) if error.code == Code::Internal => {
            let broken_at = checkpoints::newest_number(&mut tx).await?;
            return Ok(Verification { signed: None, broken_at, newest, removed });
        }
        Err(error) => return Err(error),
    };
    let checkpoint = signed.as_ref().and_then(|signed| Some((signed.at(), signed.checkpoint()?)));
    let (seq, hash) = checkpoint.map_or((0, GENESIS), |(_, own)| (own.seq, own.hash.0));
    let is_gone = seq <= removed;
    let named = if is_gone { None } else { audit::page(&mut tx, seq - 1, 1).await?.into_iter().next() };
    let has_it = is_gone || named.is_some_and(|event| event.seq == seq && event.hash == hash);
    let broken_at = match has_it {
        false => Some(seq),
        true => follow(&mut tx, (seq, hash), head.map(|head| (head.seq, head.hash))).await?,
    };
    let signed = checkpoint.map(|(at, own)| (own.seq, at));
    Ok(Verification { signed, broken_at, newest, removed })
}

/// The number of the first event behind this one that does not follow, as far as it is looked.
async fn follow(tx: &mut OrgTx, (mut seq, mut hash): (i64, Hash), head: Option<(i64, Vec<u8>)>) -> Result<Option<i64>> {
    let last = seq.saturating_add(LOOKED_AT);
    while seq < last {
        let events = audit::page(tx, seq, STEP).await?;
        if events.is_empty() {
            break;
        }
        for event in events {
            let computed = chain::hash(tx.organisation(), event.seq, &hash, event.body.as_bytes());
            if event.seq != seq + 1 || event.previous != hash || event.hash != computed {
                return Ok(Some(seq + 1));
            }
            (seq, hash) = (event.seq, computed);
        }
    }
    // Where it was read to the end, that must be the end which the chain should have.
    Ok(match head {
        Some((end, _)) if end > seq && seq < last => Some(seq + 1),
        Some((end, end_hash)) if end == seq && end_hash != hash => Some(end),
        _ => None,
    })
}
