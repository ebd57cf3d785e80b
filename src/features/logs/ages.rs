//! What is deleted for its age: texts of calls, and entries of the log, after the days that their organisation says.

use super::store::texts as store;
use crate::{
    kernel::{OrganisationId, Result, Timestamp, time::MINUTE},
    policy::Operation,
    server::{
        access::{Access, App},
        audit::event::{Event, Subject},
    },
};

/// Rows that one transaction deletes: others write between two of them.
const BATCH: i64 = 200;
/// Rows of a kind that one event tells of. What is left is deleted, and told of, after that.
const ROUND: i64 = 20_000;

/// How long a replica that has begun to delete keeps others from it, in milliseconds: longer than one event's rows take. One
/// that ends meanwhile leaves the rest to the next.
const CLAIM: i64 = 10 * MINUTE;

/// One round over all organisations. What is wrong with one stops no other.
pub async fn round(app: &App) -> Result<()> {
    let mut tx = app.db.read().await?;
    let organisations = store::organisations(&mut tx).await?;
    drop(tx);
    let mut first = Ok(());
    for organisation in organisations {
        let done = async {
            while of(app, organisation).await? {}
            Ok(())
        };
        first = first.and(done.await);
    }
    first
}

/// What is due in an organisation.
struct Due {
    texts: i64,
    entries: i64,
    texts_before: Timestamp,
    entries_before: Option<Timestamp>,
}

/// Deletes what is due, unless another replica does. Whether more may be.
async fn of(app: &App, organisation: OrganisationId) -> Result<bool> {
    let now = app.clock.now();
    let until = now.plus(CLAIM);
    let mut note = app.note_in(organisation).await?;
    let (texts_before, entries_before) = store::rules(note.tx()).await?.ends(now);
    let texts = store::count_old_texts(note.tx(), texts_before, ROUND).await?;
    let entries = match entries_before {
        Some(before) => store::count_old_calls(note.tx(), before, ROUND).await?,
        None => 0,
    };
    if texts == 0 && entries == 0 || !store::claim(note.tx(), now, until).await? {
        return Ok(false);
    }
    note.commit().await?;
    let due = Due { texts, entries, texts_before, entries_before };
    let deleted = delete(app, organisation, &due).await;
    let mut note = app.note_in(organisation).await?;
    store::release(note.tx(), until).await?;
    note.commit().await?;
    deleted?;
    Ok(texts == ROUND || entries == ROUND)
}

/// Deletes what is due, and tells of it first.
async fn delete(app: &App, organisation: OrganisationId, due: &Due) -> Result<()> {
    let Due { texts, entries, texts_before, entries_before } = *due;
    told(app, organisation, due).await?;
    // What is told of is deleted little by little, so that calls are logged meanwhile.
    let mut left = (texts - BATCH, entries - BATCH);
    while left.0 > 0 || left.1 > 0 {
        let mut note = app.note_in(organisation).await?;
        if left.0 > 0 {
            store::delete_old_texts(note.tx(), texts_before, BATCH.min(left.0)).await?;
        } else if let Some(before) = entries_before {
            store::delete_old_calls(note.tx(), before, BATCH.min(left.1)).await?;
        }
        note.commit().await?;
        if left.0 > 0 {
            left.0 -= BATCH;
        } else {
            left.1 -= BATCH;
        }
    }
    Ok(())
}

/// Deletes the first of it, and leaves the event of all.
async fn told(app: &App, organisation: OrganisationId, due: &Due) -> Result<()> {
    let Due { texts, entries, texts_before, entries_before } = *due;
    let subject = Subject::new("log", organisation, "the log of calls");
    let event = Event::of(subject)
        .change("texts", 0, texts)
        .change("entries", 0, entries)
        .with("texts_before", texts_before.rfc3339())
        .with("entries_before", entries_before.map(Timestamp::rfc3339));
    Access::act_by_itself(app, Operation::LogsExpire, organisation, |mut change| async move {
        if texts > 0 {
            store::delete_old_texts(change.tx(), texts_before, BATCH).await?;
        }
        if let Some(before) = entries_before.filter(|_| entries > 0) {
            store::delete_old_calls(change.tx(), before, BATCH.min(entries)).await?;
        }
        change.commit(event, ()).await
    })
    .await
}
