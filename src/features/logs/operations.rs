//! What can be done with the log of calls.

use super::{
    conversation,
    model::{
        Choices, Detail, FirstCall, LoggedCall, MOST_CHOICES, MOST_NEWER, Named, Newer, PAGE, Page, Settings,
        UnknownKey, is_plain,
    },
    query::{self, Cursor, Filter},
    reckoning, saved,
    store::{self, single},
    texts::{Replay, ShownTexts, Texts},
    timeline,
};
use crate::{
    features::{api_keys, organisations, prices, virtual_keys},
    kernel::{Asked, CallId, Error, OrganisationId, Result, Timestamp, Window},
    policy::{Operation, Target},
    server::{
        access::{Access, App, jobs::Job},
        audit::event::{Event, Subject},
        database::{OrgTx, listing::Place, revisions},
    },
};
use std::time::Duration;

/// Begins to read the calls that are asked for.
pub(super) async fn begin(access: &Access, operation: Operation, asked: &Asked) -> Result<(OrgTx, Filter, Place)> {
    let mut tx = access.read(operation).await?;
    if !is_plain(asked) {
        access.check(Operation::LogsFilter, Target::In(tx.organisation()))?;
    }
    let (mut filter, place) = query::read(asked, access.now())?;
    limit(&mut tx, access, &mut filter).await?;
    Ok((tx, filter, place))
}

/// Limits a filter to what there is for whoever asks, at this moment.
pub(super) async fn limit(tx: &mut OrgTx, access: &Access, filter: &mut Filter) -> Result<()> {
    filter.own = store::own_only(tx, access.principal()).await?;
    // Roll-ups remember what the log has deleted for its age.
    if let (_, Some(before)) = store::texts::rules(tx).await?.ends(access.now()) {
        let first = filter.span.to.plus(-1);
        filter.span.from = filter.span.from.max(before.min(first));
    }
    Ok(())
}

/// A part of the log, and how many entries there are in all.
pub struct Entries {
    pub calls: Vec<LoggedCall>,
    /// The cursor of the part behind this, if there is one.
    pub next: Option<String>,
    pub total: i64,
}

/// A part of the log alone.
pub async fn entries(access: &Access, asked: &Asked, window: Window) -> Result<Entries> {
    let (mut tx, filter, place) = begin(access, Operation::LogsList, asked).await?;
    let slice = store::page(&mut tx, &filter, place, window).await?;
    let (_, totals) = store::summary(&mut tx, &filter).await?;
    Ok(Entries { calls: slice.calls, next: slice.next.map(Cursor::text), total: totals.entries })
}

/// One page of the log, with the bars and totals of all pages.
pub async fn list(access: &Access, asked: &Asked) -> Result<Page> {
    let (mut tx, filter, place) = begin(access, Operation::LogsList, asked).await?;
    let slice = store::page(&mut tx, &filter, place, Window::page(1, PAGE)).await?;
    let (bars, totals) = store::summary(&mut tx, &filter).await?;
    let first_call = if totals.calls == 0 && !store::any(&mut tx).await? {
        let virtual_key = virtual_keys::oldest(&mut tx).await?;
        Some(FirstCall { public_url: access.app().public_url.clone(), virtual_key })
    } else {
        None
    };
    Ok(Page {
        calls: slice.calls,
        previous: slice.previous.map(Cursor::text),
        next: slice.next.map(Cursor::text),
        totals,
        from: filter.span.from,
        to: filter.span.until(access.now()).to,
        width: filter.span.width(),
        bars,
        first_call,
        now: access.now(),
    })
}

/// How many calls are newer than one that is shown, under the same filter; with no such one, how many there are.
pub async fn newer(access: &Access, asked: &Asked, at: i64, id: &str) -> Result<Newer> {
    let (mut tx, filter, _) = begin(access, Operation::LogsNewer, asked).await?;
    let shown = id.parse().ok().map(|id| Cursor { started_at: Timestamp(at), id });
    let place = shown.map_or(Place::First, |shown| Place::Before(shown.row()));
    let slice = store::page(&mut tx, &filter, place, Window::page(1, MOST_NEWER)).await?;
    let more = if shown.is_some() { slice.previous.is_some() } else { slice.next.is_some() };
    Ok(Newer { id: id.to_owned(), count: slice.calls.len(), more })
}

/// What the bar offers to filter by: of many keys those that were used last, of many virtual keys the newest, and those
/// that are filtered by already; each by name.
pub async fn choices(access: &Access, key: &str, virtual_key: &str) -> Result<Choices> {
    let mut choices = all_choices(access).await?;
    offer(&mut choices.keys, key);
    offer(&mut choices.virtual_keys, virtual_key);
    Ok(choices)
}

/// Leaves the first of them, and the one that is chosen, by name.
fn offer(named: &mut Vec<Named>, chosen: &str) {
    if let Some(at) = named.iter().position(|one| one.id == chosen) {
        named[..=at].rotate_right(1);
    }
    named.truncate(MOST_CHOICES);
    named.sort_by(|one, other| one.name.cmp(&other.name));
}

/// What the list can be filtered by. Whoever may not list API keys learns of those alone whose calls they see.
pub(super) async fn all_choices(access: &Access) -> Result<Choices> {
    let mut tx = access.read(Operation::LogsFilter).await?;
    let own = store::own_only(&mut tx, access.principal()).await?;
    let keys = match access.check(Operation::ApiKeysList, Target::In(tx.organisation())) {
        Ok(()) if own.is_none() => api_keys::names(&mut tx).await?,
        _ => store::keys_seen(&mut tx, own).await?,
    };
    let keys = keys.into_iter().map(|(id, name)| Named { id: id.to_string(), name }).collect();
    let virtual_keys = virtual_keys::names(&mut tx).await?;
    let virtual_keys = virtual_keys.into_iter().map(|(id, name)| Named { id: id.to_string(), name }).collect();
    let saved = saved::shown(&mut tx, access.principal()).await?;
    Ok(Choices { keys, virtual_keys, saved })
}

/// Everything about one call, and which are beside it.
pub async fn get(access: &Access, id: &str) -> Result<Detail> {
    let mut tx = access.read(Operation::LogGet).await?;
    let id: CallId = id.parse().map_err(|_| Error::not_found())?;
    let own = store::own_only(&mut tx, access.principal()).await?;
    let call = single::find(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    if let Some(person) = own
        && !single::is_own(&mut tx, call, person).await?
    {
        return Err(Error::not_found());
    }
    let mut detail = store::by_id(&mut tx, call, access.now()).await?.ok_or_else(Error::not_found)?;
    detail.ran = store::ran(&mut tx, call).await?;
    (detail.led, detail.attempts, detail.found) = store::way(&mut tx, call).await?;
    detail.texts = store::texts::note(&mut tx, call).await?;
    detail.steps = timeline::steps(&detail);
    detail.reckoning = reckoning::reckon(&detail, &prices::of_calls(&mut tx).await?);
    (detail.newer, detail.older) = store::neighbours(&mut tx, &detail.call, own).await?;
    if let Some(slug) = detail.unknown_slug().map(str::to_owned) {
        let exists = virtual_keys::slug_is_taken(&mut tx, &slug).await?;
        detail.unknown_key = Some(UnknownKey { slug, exists });
    }
    Ok(detail)
}

/// What was said in a call. Whoever reads it leaves an event.
pub async fn texts(access: &Access, id: &str) -> Result<ShownTexts> {
    Ok(read_texts(access, id).await?.1)
}

/// What was said in a call, to be said again: the model that it called, and the messages. Reading it leaves the same event.
pub async fn replay(access: &Access, id: &str) -> Result<Replay> {
    let (detail, shown) = read_texts(access, id).await?;
    let is_cut = shown.kept.request.is_some_and(|size| size.is_cut);
    let virtual_key = detail.call.virtual_key.filter(|_| detail.virtual_key_lives);
    let turns = shown.request.map(|request| request.turns).unwrap_or_default();
    Ok(Replay {
        model: detail.call.model.unwrap_or_default(),
        virtual_key: virtual_key.unwrap_or_default(),
        turns,
        is_cut,
    })
}

async fn read_texts(access: &Access, id: &str) -> Result<(Detail, ShownTexts)> {
    access
        .act(Operation::LogTexts, Subject::unnamed("call", id), |mut change| async move {
            let id: CallId = id.parse().map_err(|_| Error::not_found())?;
            let (now, who) = (change.now(), *change.principal());
            let own = store::own_only(change.tx(), &who).await?;
            let call = single::find(change.tx(), id).await?.ok_or_else(Error::not_found)?;
            if let Some(person) = own
                && !single::is_own(change.tx(), call, person).await?
            {
                return Err(Error::not_found());
            }
            let detail = store::by_id(change.tx(), call, now).await?.ok_or_else(Error::not_found)?;
            let kept = match store::texts::note(change.tx(), call).await? {
                Texts::Kept(kept) => kept,
                Texts::None { .. } | Texts::Dropped => {
                    return Err(Error { message: "No texts are kept of this call.".into(), ..Error::not_found() });
                }
            };
            let keyring = change.access().app().keyring.clone();
            let (request, answer) = store::texts::open(change.tx(), &keyring, call).await?;
            let show = |text: Option<String>| text.as_deref().map(conversation::shown);
            let shown = ShownTexts { kept, request: show(request), answer: show(answer) };
            let model = detail.call.model.as_ref();
            let name = model.map_or_else(|| "a call".into(), |model| format!("a call to {model}"));
            let event = Event::of(Subject::new("call", id, name));
            change.commit_reading(&event, (detail, shown)).await
        })
        .await
}

/// How many calls of the organisation have kept texts.
pub async fn count_texts(access: &Access) -> Result<i64> {
    let mut tx = access.read(Operation::OrganisationSettings).await?;
    store::texts::count(&mut tx).await
}

/// Deletes all texts that are kept, whether any more are or not. Gives how many calls had some.
pub async fn delete_texts(access: &Access) -> Result<i64> {
    let subject = || access.principal().organisation().map(|id| id.to_string()).unwrap_or_default();
    let (deleted, organisation, until) = access
        .act(Operation::LogTextsDelete, Subject::unnamed("organisation", subject()), |mut change| async move {
            let (id, until) = (change.organisation(), change.now().plus(1));
            let deleted = store::texts::count(change.tx()).await?;
            // What is under way writes its texts later: they go by this.
            store::texts::note_deleted(change.tx(), until).await?;
            store::texts::delete_old_texts(change.tx(), until, BATCH).await?;
            let own = organisations::by_id(change.tx().system(), id).await?.ok_or_else(Error::not_found)?;
            let event = Event::of(Subject::new("organisation", id, own.name)).change("texts", deleted, 0);
            change.commit(event, (deleted, id, until)).await
        })
        .await?;
    // Little by little, so that calls are logged meanwhile; and to the end, whether anybody still waits for it or not.
    let app = access.app().clone();
    let rest = tokio::spawn(async move { delete_rest(&app, organisation, until).await });
    rest.await.map_err(|_| Error::internal())??;
    Ok(deleted)
}

/// Texts that one transaction deletes.
const BATCH: i64 = 200;

async fn delete_rest(app: &App, organisation: OrganisationId, until: Timestamp) -> Result<()> {
    loop {
        let mut note = app.note_in(organisation).await?;
        let deleted = store::texts::delete_old_texts(note.tx(), until, BATCH).await?;
        note.commit().await?;
        if deleted == 0 {
            return Ok(());
        }
    }
}

/// What the organisation says of its log.
pub async fn settings(access: &Access) -> Result<Settings> {
    let mut tx = access.read(Operation::LogSettings).await?;
    store::settings(&mut tx).await
}

/// Sets who sees which calls, and what calls are grouped by. A name that is new counts from now on.
pub async fn set(access: &Access, own_only: bool, grouped: &str, version: i64) -> Result<()> {
    let id = access.principal().organisation().unwrap_or(OrganisationId::INSTALLATION);
    access
        .act(Operation::LogSettingsChange, Subject::unnamed("organisation", id), |mut change| async move {
            let names = Settings::names(grouped).map_err(|message| Error::field("grouped", message))?;
            let now = change.now().0;
            let was = store::settings(change.tx()).await?;
            let since =
                |name: &String| was.grouped.iter().find(|(known, _)| known == name).map_or(now, |(_, since)| *since);
            let grouped = names.iter().map(|name| (name.clone(), since(name))).collect();
            let settings = Settings { own_only, grouped, version: version.saturating_add(1) };
            let id = change.organisation();
            let own = organisations::by_id(change.tx().system(), id).await?.ok_or_else(Error::not_found)?;
            if was.version != version || !store::set(change.tx(), &settings, version).await? {
                return Err(Error::stale());
            }
            let event = Event::of(Subject::new("organisation", id, own.name))
                .change("own_calls_only", was.own_only, own_only)
                .change("grouped_metadata", was.written(), settings.written());
            change.commit(event, ()).await
        })
        .await
}

/// What was in the log before there were roll-ups is counted in the background.
pub const COUNT_EARLIER: Job = Job {
    every: Duration::from_secs(3_600),
    failed: "earlier calls could not be counted; figures are read from the log itself meanwhile",
    round: |app| Box::pin(count_earlier(app)),
};

/// Counts the calls that ended before there were roll-ups.
pub async fn count_earlier(app: &App) -> Result<()> {
    for (organisation, _) in revisions(&app.db).await? {
        loop {
            let mut note = app.note_in(OrganisationId(organisation)).await?;
            let counted = store::counted::count_earlier(note.tx()).await?;
            note.commit().await?;
            if counted == 0 {
                break;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_the_first_and_the_chosen_one_are_offered_by_name() {
        let all: Vec<_> = (0..100).rev().map(|n| Named { id: n.to_string(), name: format!("key {n:03}") }).collect();
        let ids = |chosen: &str| {
            let mut named = all.clone();
            offer(&mut named, chosen);
            named.into_iter().map(|one| one.id).collect::<Vec<_>>()
        };
        let last: Vec<_> = (40..100).map(|n| n.to_string()).collect();
        assert_eq!(ids(""), last);
        assert_eq!(ids("57"), last);
        assert_eq!(ids("7"), [&["7".to_owned()], &last[1..]].concat());
        let mut few = all[..2].to_vec();
        offer(&mut few, "nobody");
        assert_eq!(few.iter().map(|one| &*one.id).collect::<Vec<_>>(), ["98", "99"]);
    }
}
