//! Each start of the program counts under a name of its own. What those that are gone have counted is put together, so that
//! who counts what stays short: in one transaction for each limit, so that nothing is lost or counted twice.

use super::store::{self, fold};
use crate::{
    features::organisations,
    kernel::{LimitId, OrganisationId, Result, Timestamp, time::DAY},
    server::access::App,
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A program that holds a share and was not heard of for so long is gone, and a period that is over for so long is counted
/// in by nobody, but for calls that took as long.
const GONE: i64 = DAY;
/// Limits that are looked for at a time, and rows of one that are put together in one round.
const LIMITS: i64 = 200;
const ROWS: i64 = 500;

/// One round over all organisations. What is wrong with one stops no other.
pub async fn round(app: &App) -> Result<()> {
    let mut tx = app.db.read().await?;
    let organisations = organisations::ids(&mut tx).await?;
    drop(tx);
    let mut first = Ok(());
    for organisation in organisations {
        first = first.and(of(app, organisation).await);
    }
    first
}

async fn of(app: &App, organisation: OrganisationId) -> Result<()> {
    let mut after = Uuid::nil();
    loop {
        let mut note = app.note_in(organisation).await?;
        let now = note.tx().system().clock().await?.unwrap_or_else(|| app.clock.now());
        let spread = fold::spread(note.tx(), after, now.plus(-GONE), LIMITS).await?;
        drop(note);
        for limit in &spread {
            of_limit(app, organisation, *limit).await?;
        }
        match spread.last() {
            Some(last) => after = last.0,
            None => return Ok(()),
        }
    }
}

/// Puts together what is counted of one limit by programs that are gone, and in periods that are over.
async fn of_limit(app: &App, organisation: OrganisationId, id: LimitId) -> Result<()> {
    let mut note = app.note_in(organisation).await?;
    let Some(limit) = store::by_id(note.tx(), id).await? else { return Ok(()) };
    let now = app.clock.now();
    let shared = note.tx().system().clock().await?;
    let current = limit.period(now.plus(-GONE)).start;
    let own = app.usage.replica();
    let is_gone = |row: &fold::Row| {
        row.period < current.0
            || match (shared, own) {
                // Whoever may still count has told so within the last hours. Of whoever never takes a share, nobody knows.
                (Some(now), _) => row.seen_at > 0 && row.seen_at < now.plus(-GONE).0,
                // Nobody else uses this database.
                (None, Some(own)) => row.replica != own,
                (None, None) => false,
            }
    };
    let mut rows = fold::rows(note.tx(), id, ROWS).await?;
    rows.retain(is_gone);
    if rows.is_empty() {
        return Ok(());
    }
    // Whoever takes a share at this moment sees all of it or nothing.
    store::take_turn(note.tx(), id).await?;
    let mut taken: BTreeMap<Timestamp, i64> = BTreeMap::new();
    for row in &rows {
        if let Some(used) = fold::take(note.tx(), id, row).await? {
            *taken.entry(Timestamp(row.period)).or_default() += used;
        }
    }
    for (period, used) in taken {
        store::carry(note.tx(), id, period, used).await?;
    }
    note.commit().await
}
