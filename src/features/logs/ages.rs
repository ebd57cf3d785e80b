//! What is deleted for its age: texts of calls, entries of the log and feedback on calls, after the days that their
//! organisation says.

use super::store::texts as store;
use crate::{
    features::feedback,
    kernel::{OrganisationId, Result, Timestamp, time::MINUTE},
    policy::Operation,
    server::{
        access::{Access, App},
        audit::event::{Event, Subject},
        database::OrgTx,
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
    /// Feedback goes after as many days as entries do.
    feedback: i64,
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
    let (entries, feedback) = match entries_before {
        Some(before) => (
            store::count_old_calls(note.tx(), before, ROUND).await?,
            feedback::count_old(note.tx(), before, ROUND).await?,
        ),
        None => (0, 0),
    };
    if texts == 0 && entries == 0 && feedback == 0 || !store::claim(note.tx(), now, until).await? {
        return Ok(false);
    }
    note.commit().await?;
    let due = Due { texts, entries, feedback, texts_before, entries_before };
    let deleted = delete_all(app, organisation, due).await;
    let mut note = app.note_in(organisation).await?;
    store::release(note.tx(), until).await?;
    note.commit().await?;
    deleted?;
    Ok(texts == ROUND || entries == ROUND || feedback == ROUND)
}

/// Deletes what is due, and tells of it first.
async fn delete_all(app: &App, organisation: OrganisationId, due: Due) -> Result<()> {
    told(app, organisation, &due).await?;
    // What is told of is deleted little by little, so that calls are logged meanwhile.
    let mut left = Due {
        texts: due.texts - BATCH,
        entries: due.entries - BATCH,
        feedback: due.feedback - BATCH,
        ..due
    };
    while left.texts > 0 || left.entries > 0 || left.feedback > 0 {
        let mut note = app.note_in(organisation).await?;
        left = delete(note.tx(), left).await?;
        note.commit().await?;
    }
    Ok(())
}

/// Deletes a batch of the first kind of which something is left; gives what is left then.
async fn delete(tx: &mut OrgTx, left: Due) -> Result<Due> {
    if left.texts > 0 {
        store::delete_old_texts(tx, left.texts_before, BATCH.min(left.texts)).await?;
        return Ok(Due { texts: left.texts - BATCH, ..left });
    }
    let Some(before) = left.entries_before else { return Ok(Due { entries: 0, feedback: 0, ..left }) };
    if left.entries > 0 {
        store::delete_old_calls(tx, before, BATCH.min(left.entries)).await?;
        return Ok(Due { entries: left.entries - BATCH, ..left });
    }
    feedback::delete_old(tx, before, BATCH.min(left.feedback)).await?;
    Ok(Due { feedback: left.feedback - BATCH, ..left })
}

/// Deletes the first of each kind, and leaves the event of all.
async fn told(app: &App, organisation: OrganisationId, due: &Due) -> Result<()> {
    let Due { texts, entries, feedback, texts_before, entries_before } = *due;
    let subject = Subject::new("log", organisation, "the log of calls");
    let event = Event::of(subject)
        .change("texts", 0, texts)
        .change("entries", 0, entries)
        .change("feedback", 0, feedback)
        .with("texts_before", texts_before.rfc3339())
        .with("entries_before", entries_before.map(Timestamp::rfc3339));
    Access::act_by_itself(app, Operation::LogsExpire, organisation, |mut change| async move {
        if texts > 0 {
            store::delete_old_texts(change.tx(), texts_before, BATCH).await?;
        }
        if let Some(before) = entries_before {
            if entries > 0 {
                store::delete_old_calls(change.tx(), before, BATCH.min(entries)).await?;
            }
            if feedback > 0 {
                feedback::delete_old(change.tx(), before, BATCH.min(feedback)).await?;
            }
        }
        change.commit(event, ()).await
    })
    .await
}
