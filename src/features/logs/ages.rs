//! What is deleted for its age: texts of calls, entries of the log and feedback on calls, after the days that their
//! organisation says; and feedback on calls that never came.

use super::store::texts as store;
use crate::{
    features::{feedback, organisations},
    kernel::{
        OrganisationId, Result, Timestamp,
        time::{DAY, MINUTE},
    },
    policy::Operation,
    server::{
        access::{Access, App},
        audit::event::{Event, Subject},
        database::{OrgTx, months::Prepared},
    },
};

/// Rows that one transaction deletes: others write between two of them.
const BATCH: i64 = 200;
/// Rows of a kind that one event tells of. What is left is deleted, and told of, after that.
const ROUND: i64 = 20_000;

/// How long feedback waits for the calls of its trace to be logged, in milliseconds.
const UNKNOWN: i64 = 7 * DAY;
/// Entries of feedback of which one round of an organisation asks whether there are calls by now.
const LOOKED_AT: i64 = 1_000;

/// How long a replica that has begun to delete keeps others from it, in milliseconds: longer than one event's rows take. One
/// that ends meanwhile leaves the rest to the next.
const CLAIM: i64 = 10 * MINUTE;

/// How often it is looked whether the months that come have their tables. They are made three months before, so most rounds
/// find nothing to do; where one is missing, it shall not be so for a day.
pub const PREPARE: std::time::Duration = std::time::Duration::from_secs(3_600);

/// One round over all organisations. What is wrong with one stops no other.
pub async fn round(app: &App) -> Result<()> {
    let mut tx = app.db.read().await?;
    let organisations = organisations::ids(&mut tx).await?;
    drop(tx);
    // Whole months first: what is in them need not be deleted row by row.
    let mut first = months(app).await;
    for organisation in organisations {
        let done = async {
            while of(app, organisation).await? {}
            Ok(())
        };
        first = first.and(done.await);
    }
    first
}

/// Drops what no organisation keeps any more of the months of the log.
async fn months(app: &App) -> Result<()> {
    while app.db.drop_old_month().await? {}
    Ok(())
}

/// Prepares the months that come. Tells of it where this one or the next cannot be had: nothing else would show that calls go
/// into the default tables.
pub async fn prepare(app: &App) -> Result<Prepared> {
    let prepared = app.db.prepare_months(0).await?;
    let Prepared { made, missing, why } = &prepared;
    if *made > 0 {
        tracing::info!(made, "the log of calls is prepared for months to come");
    }
    if !missing.is_empty() {
        let (months, why) = (missing.join(", "), why.unwrap_or("the reason is not known"));
        tracing::warn!(
            months,
            why,
            "months of the log of calls have no tables of their own; it is tried again in an hour"
        );
    }
    Ok(prepared)
}

/// What is due in an organisation.
struct Due {
    texts: i64,
    entries: i64,
    /// Feedback goes after as many days as entries do.
    feedback: i64,
    /// Feedback on traces that the log does not know, that is not as old as that.
    unknown: i64,
    texts_before: Timestamp,
    entries_before: Option<Timestamp>,
    unknown_ages: (Timestamp, Timestamp),
}

/// Deletes what is due, unless another replica does. Whether more may be.
async fn of(app: &App, organisation: OrganisationId) -> Result<bool> {
    let now = app.clock.now();
    let until = now.plus(CLAIM);
    let mut note = app.note_in(organisation).await?;
    let rules = store::rules(note.tx()).await?;
    let (texts_before, entries_before) = rules.ends(now);
    let texts = store::count_old_texts(note.tx(), texts_before, ROUND).await?;
    let (entries, feedback) = match entries_before {
        Some(before) => (
            store::count_old_calls(note.tx(), before, ROUND).await?,
            feedback::count_old(note.tx(), before, ROUND).await?,
        ),
        None => (0, 0),
    };
    let unknown_ages = (entries_before.unwrap_or(Timestamp(i64::MIN)), now.plus(-UNKNOWN));
    let (looked_at, unknown) = feedback::settle(note.tx(), unknown_ages, LOOKED_AT).await?;
    let is_due =
        [texts, entries, feedback, unknown, rules.texts_dropped, rules.entries_dropped].iter().any(|rows| *rows > 0);
    if is_due && !store::claim(note.tx(), now, until).await? {
        return Ok(false);
    }
    if is_due || looked_at > 0 {
        note.commit().await?;
    }
    if !is_due {
        return Ok(looked_at == LOOKED_AT);
    }
    let due = Due { texts, entries, feedback, unknown, texts_before, entries_before, unknown_ages };
    let deleted = delete_all(app, organisation, due).await;
    let mut note = app.note_in(organisation).await?;
    store::release(note.tx(), until).await?;
    note.commit().await?;
    deleted?;
    Ok(texts == ROUND || entries == ROUND || feedback == ROUND || looked_at == LOOKED_AT)
}

/// Deletes what is due, and tells of it first.
async fn delete_all(app: &App, organisation: OrganisationId, due: Due) -> Result<()> {
    told(app, organisation, &due).await?;
    // What is told of is deleted little by little, so that calls are logged meanwhile.
    let mut left = Due {
        texts: due.texts - BATCH,
        entries: due.entries - BATCH,
        feedback: due.feedback - BATCH,
        unknown: due.unknown - BATCH,
        ..due
    };
    while left.texts > 0 || left.entries > 0 || left.feedback > 0 || left.unknown > 0 {
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
    if left.unknown > 0 {
        feedback::delete_unknown(tx, left.unknown_ages, BATCH.min(left.unknown)).await?;
        return Ok(Due { unknown: left.unknown - BATCH, ..left });
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
    let Due { texts, entries, feedback, unknown, texts_before, entries_before, unknown_ages } = *due;
    let subject = Subject::new("log", organisation, "the log of calls");
    Access::act_by_itself(app, Operation::LogsExpire, organisation, |mut change| async move {
        // What went with whole months. It is read here, where nobody else tells of it.
        let rules = store::rules(change.tx()).await?;
        let event = Event::of(subject)
            .change("texts", 0, texts + rules.texts_dropped)
            .change("entries", 0, entries + rules.entries_dropped)
            .change("feedback", 0, feedback + unknown)
            .with("texts_before", texts_before.rfc3339())
            .with("entries_before", entries_before.map(Timestamp::rfc3339));
        if rules.texts_dropped > 0 || rules.entries_dropped > 0 {
            store::note_told(change.tx(), rules.entries_dropped, rules.texts_dropped).await?;
        }
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
        if unknown > 0 {
            feedback::delete_unknown(change.tx(), unknown_ages, BATCH.min(unknown)).await?;
        }
        change.commit(event, ()).await
    })
    .await
}
