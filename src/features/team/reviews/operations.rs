//! What can be done with access reviews.

use super::{
    export,
    model::{COMMENT_LIMIT, Decided, Decision, Facts, Finished, MOST, Page, Review, Reviews, Row, RowPage, name},
    store::{self, NewRow},
};
use crate::{
    features::{
        api_keys::{
            self,
            model::{Key, UNUSED_DAYS},
        },
        team::{
            model::{Keys, Person},
            operations::remove_within,
            store as people,
        },
    },
    kernel::{AccessReviewId, Asked, Error, KeyId, Result, Timestamp, UserId, Window, text},
    policy::Operation,
    server::{
        access::{Access, Change},
        audit::event::{Event, Subject},
        database::{OrgTx, listing},
    },
};

/// How a row shall be decided, as typed.
pub struct Typed {
    /// `confirm` or `revoke`.
    pub decision: String,
    pub comment: String,
    /// What becomes of the keys of a person who goes.
    pub keys: String,
    /// The name of a key in use.
    pub confirm: String,
}

/// A page of the reviews, the newest first.
pub async fn list(access: &Access, window: Window) -> Result<Reviews> {
    let mut tx = access.read(Operation::AccessReviewsList).await?;
    let open = store::open(&mut tx).await?;
    let listing::Page { rows: reviews, total, window } = store::page(&mut tx, window).await?;
    Ok(Reviews { reviews, total, window, open, now: access.now() })
}

/// A review with a page of its rows.
pub async fn get(access: &Access, id: AccessReviewId, asked: &Asked, window: Window) -> Result<Page> {
    let mut tx = access.read(Operation::AccessReviewGet).await?;
    let review = store::get(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let listing::Page { rows, total, window } = store::rows(&mut tx, id, asked, window).await?;
    Ok(Page { review, rows, total, window, now: access.now() })
}

/// One row, and what there is to know before it is decided.
pub async fn row(access: &Access, id: AccessReviewId, number: i64) -> Result<RowPage> {
    let mut tx = access.read(Operation::AccessReviewGet).await?;
    let now = access.now();
    let review = store::get(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let row = store::row(&mut tx, id, number).await?.ok_or_else(Error::not_found)?;
    let (mut keys, mut in_use, mut key_name) = (0, false, String::new());
    let is_over = match subject_of(&row)? {
        About::Person(user) => {
            keys = api_keys::operations::count_of(&mut tx, user).await?;
            people::person(&mut tx, user).await?.is_none()
        }
        About::Key(key) => match opening(&mut tx, key, now).await? {
            Some(key) => {
                in_use = key.is_in_use(now);
                key_name = key.name;
                false
            }
            None => true,
        },
    };
    Ok(RowPage { review, row, is_over, keys, in_use, key_name, now })
}

/// What a row is about.
enum About {
    Person(UserId),
    Key(KeyId),
}

fn subject_of(row: &Row) -> Result<About> {
    let unreadable = |_| Error::internal();
    Ok(match row.facts {
        Facts::Person { .. } => About::Person(row.subject.parse().map_err(unreadable)?),
        Facts::ApiKey { .. } => About::Key(row.subject.parse().map_err(unreadable)?),
    })
}

/// The key, unless it is gone or disabled.
async fn opening(tx: &mut OrgTx, key: KeyId, now: Timestamp) -> Result<Option<Key>> {
    let key = api_keys::key(tx, key, now).await?;
    Ok(key.filter(|key| key.deleted_at.is_none() && key.disabled_at.is_none()))
}

/// Begins a review of everybody who belongs here and of every key that works, as they are at this moment.
pub async fn start(access: &Access) -> Result<AccessReviewId> {
    access
        .act(Operation::AccessReviewStart, Subject::unnamed("access_review", ""), |mut change| async move {
            if store::open(change.tx()).await?.is_some() {
                return Err(Error::conflict("An access review is open. Finish it before another begins."));
            }
            let (now, id) = (change.now(), AccessReviewId::new());
            change.access().app().limits.reviews.take(&change.organisation().to_string(), now)?;
            let (people, keys) = (everybody(&mut change).await?, every_key(&mut change).await?);
            let event = Event::of(Subject::new("access_review", id, name(now)))
                .with("people", people.len())
                .with("api_keys", keys.len());
            let by = change.access().actor_name().to_owned();
            store::insert(change.tx(), id, (&by, now), people, keys).await?;
            change.commit(event, id).await
        })
        .await
}

async fn everybody(change: &mut Change) -> Result<Vec<NewRow>> {
    let window = Window { offset: 0, limit: MOST, or_last: false };
    let listing::Page { rows, total, .. } = people::people(change.tx(), &Asked::default(), window).await?;
    if total > MOST {
        return Err(too_many("people"));
    }
    let row = |person: Person| NewRow {
        subject: person.id.0,
        name: person.name,
        facts: Facts::Person {
            email: person.email,
            role: person.role,
            active_at: person.active_at,
            disabled: person.disabled,
        },
    };
    Ok(rows.into_iter().map(row).collect())
}

async fn every_key(change: &mut Change) -> Result<Vec<NewRow>> {
    let (now, organisation) = (change.now(), change.organisation());
    let most = usize::try_from(MOST).unwrap_or(usize::MAX);
    let (keys, are_all) = api_keys::live(change.tx(), most, now).await?;
    if !are_all {
        return Err(too_many("API keys that work"));
    }
    let mut rights = api_keys::rights(change.tx()).await?;
    let mut rows = vec![];
    for key in keys {
        let mut known = rights.remove(&key.id).unwrap_or_default();
        for used in change.access().app().uses.waiting(organisation, key.id) {
            known.count(used.permission, used.day);
        }
        rows.push(NewRow {
            subject: key.id.0,
            name: key.name,
            facts: Facts::ApiKey {
                permissions: key.permissions,
                unused: known.unused(key.permissions, UNUSED_DAYS, now),
                used_at: key.used_at,
                responsible: key.responsible.map(|person| person.name),
            },
        });
    }
    Ok(rows)
}

fn too_many(what: &str) -> Error {
    Error::conflict(format!("One access review holds {} {what} at most.", text::grouped(MOST)))
}

/// A review that is open, inside a change.
async fn open_review(change: &mut Change, id: AccessReviewId) -> Result<Review> {
    let review = store::get(change.tx(), id).await?.ok_or_else(Error::not_found)?;
    match review.finished {
        None => Ok(review),
        Some(_) => Err(Error::conflict("This access review is finished. It never changes any more.")),
    }
}

/// Confirms or revokes one row. To revoke is to remove the person or to disable the key, by the rules of that and with an
/// event of that, which names the review: all of it, or nothing. With the last row the review is finished.
pub async fn decide(access: &Access, id: AccessReviewId, number: i64, typed: Typed) -> Result<()> {
    access
        .act(Operation::AccessReviewDecide, Subject::unnamed("access_review", id), |mut change| async move {
            let review = open_review(&mut change, id).await?;
            let row = store::row(change.tx(), id, number).await?.ok_or_else(Error::not_found)?;
            let comment = text::optional_line("The comment", &typed.comment, COMMENT_LIMIT)
                .map_err(|sentence| Error::field("comment", sentence))?;
            let decision = match typed.decision.as_str() {
                "confirm" => Decision::Confirmed,
                "revoke" => Decision::Revoked,
                _ => return Err(Error::field("decision", "Choose to confirm or to revoke.")),
            };
            let before = row.decided.as_ref().map(|decided| decided.decision);
            if before == Some(Decision::Revoked) || before == Some(decision) {
                return Err(Error::conflict("This row is decided already. Reload the page to see it."));
            }
            if decision == Decision::Revoked {
                revoke(&mut change, &review, &row, &typed).await?;
            }
            let by = change.access().actor_name().to_owned();
            // Whoever decides anew and says nothing leaves what was said.
            let said = row.decided.as_ref().map(|decided| decided.comment.clone()).unwrap_or_default();
            let comment = if comment.is_empty() { said.clone() } else { comment };
            let decided = Decided { decision, comment, by, at: change.now() };
            if !store::decide(change.tx(), id, number, &decided).await? {
                return Err(Error::stale());
            }
            let event = Event::of(subject(&review))
                .with("row", number)
                .with(row.facts.kind(), format!("{} ({})", row.name, row.subject))
                .change("decision", before.map(Decision::name), decision.name())
                .change("comment", said, decided.comment);
            let is_last = before.is_none() && review.undecided() == 1;
            if !is_last {
                return change.commit(event, ()).await;
            }
            change.record(&event).await?;
            change.turn_to(Operation::AccessReviewFinish)?;
            let event = finished(&mut change, &review, 0, String::new()).await?;
            change.commit(event, ()).await
        })
        .await
}

fn subject(review: &Review) -> Subject {
    Subject::new("access_review", review.id, review.name())
}

/// Takes away what a row is about, if it is still there.
async fn revoke(change: &mut Change, review: &Review, row: &Row, typed: &Typed) -> Result<()> {
    let now = change.now();
    let (own, event) = match subject_of(row)? {
        About::Person(user) => {
            if people::person(change.tx(), user).await?.is_none() {
                return Ok(());
            }
            let keys = Keys::parse(&typed.keys).map_err(|sentence| Error::field("keys", sentence))?;
            let own = change.turn_to(Operation::TeamRemove)?;
            (own, remove_within(change, user, keys).await?.0)
        }
        About::Key(key) => {
            if opening(change.tx(), key, now).await?.is_none() {
                return Ok(());
            }
            let own = change.turn_to(Operation::ApiKeyDisable)?;
            (own, api_keys::operations::disable_within(change, key, Some(&typed.confirm)).await?)
        }
    };
    change.record(&event.with("access_review", review.id.to_string())).await?;
    change.turn_to(own)?;
    Ok(())
}

/// Finishes a review, with a reason where rows are left undecided.
pub async fn finish(access: &Access, id: AccessReviewId, reason: &str) -> Result<()> {
    access
        .act(Operation::AccessReviewFinish, Subject::unnamed("access_review", id), |mut change| async move {
            let review = open_review(&mut change, id).await?;
            let reason =
                text::line("The reason", reason, COMMENT_LIMIT).map_err(|sentence| Error::field("reason", sentence))?;
            let event = finished(&mut change, &review, review.undecided(), reason).await?;
            change.commit(event, ()).await
        })
        .await
}

async fn finished(change: &mut Change, review: &Review, undecided: i64, reason: String) -> Result<Event> {
    let by = change.access().actor_name().to_owned();
    let finished = Finished { by, at: change.now(), reason };
    if !store::finish(change.tx(), review.id, &finished).await? {
        return Err(Error::stale());
    }
    Ok(Event::of(subject(review)).change("undecided", 0, undecided).change("reason", "", finished.reason))
}

/// A review as a file, open or finished. That it was taken is an event.
pub async fn export(access: &Access, id: AccessReviewId) -> Result<(Review, String)> {
    access
        .act(Operation::AccessReviewExport, Subject::unnamed("access_review", id), |mut change| async move {
            let review = store::get(change.tx(), id).await?.ok_or_else(Error::not_found)?;
            let rows = store::all_rows(change.tx(), id).await?;
            let event = Event::of(subject(&review)).with("rows", rows.len());
            let file = export::csv(&review, &rows);
            change.commit_reading(&event, (review, file)).await
        })
        .await
}
