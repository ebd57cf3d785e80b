//! Exports that programs save, start and fetch. A saved one says what it shall hold, and its start fixes the span: nothing is
//! copied, so that there is no file that could be lost, or read by somebody who may not see the log any more.

use super::{
    model::{Format, MOST},
    operations::{Export, Wanted, begin},
};
pub use crate::features::logs::store::exports::{Definition, Saved, Status};
use crate::{
    features::logs::{model::is_plain, operations, query, store},
    kernel::{Error, ExportId, Result, Timestamp, time::DAY},
    policy::{Operation, Target},
    server::{
        access::{Access, Change},
        audit::event::{Event, Subject},
        database::OrgTx,
    },
};
use serde_json::Value;
use uuid::Uuid;

/// How long an export is kept after it was made, in milliseconds.
const KEPT: i64 = 30 * DAY;
/// Exports that an organisation keeps.
const MOST_KEPT: i64 = 100;
/// Of these, those that one key has made.
const MOST_OWN: i64 = 30;
/// How long a link to a file works, in milliseconds.
const LINK: i64 = 10 * 60_000;

/// What a program changes of an export. What it leaves out stays.
#[derive(Default)]
pub struct Changes {
    pub description: Option<String>,
    /// The filters, in both words, and the part of what they let through.
    pub filters: Option<Definition>,
    pub fields: Option<Vec<super::model::Field>>,
}

/// The exports that there are for whoever asks, the newest first.
pub async fn list(access: &Access) -> Result<Vec<Saved>> {
    let mut tx = access.read(Operation::LogExportsList).await?;
    let is_limited = store::own_only(&mut tx, access.principal()).await?.is_some();
    let mut all = store::exports::all(&mut tx, oldest(access.now())).await?;
    all.retain(|export| !is_limited || is_own(access, export));
    Ok(all)
}

pub async fn get(access: &Access, id: &str) -> Result<Saved> {
    let mut tx = access.read(Operation::LogExportGet).await?;
    found(&mut tx, access, id).await
}

/// Saves what an export shall hold. Gives its id, and how many entries it would have now.
pub async fn create(access: &Access, definition: Definition) -> Result<(ExportId, i64)> {
    let total = total(access, Operation::LogExportCreate, &definition).await?;
    let id = ExportId::new();
    access
        .act(Operation::LogExportCreate, Subject::unnamed("log_export", ""), |mut change| async move {
            let now = change.now();
            let created_by = match change.own_key() {
                Some(key) => key.0,
                None => change.access().user()?.0,
            };
            let replaced = make_room(change.tx(), created_by, now).await?;
            let event = said(Event::of(subject(id, &definition)), &definition);
            let event = match replaced {
                Some(replaced) => event.with("replaces", replaced.to_string()),
                None => event,
            };
            let status = Status::Draft;
            let export = Saved { id, definition, status, span: None, created_by, created_at: now, updated_at: now };
            store::exports::insert(change.tx(), &export).await?;
            change.commit(event, (id, total)).await
        })
        .await
}

/// Changes what an export shall hold: it has to be started anew. Gives how many entries it would have now.
pub async fn update(access: &Access, id: &str, changes: Changes) -> Result<(ExportId, i64)> {
    let stored = {
        let mut tx = access.read(Operation::LogExportUpdate).await?;
        changeable(&mut tx, access, id).await?.definition
    };
    let total = total(access, Operation::LogExportUpdate, changes.filters.as_ref().unwrap_or(&stored)).await?;
    changed(access, Operation::LogExportUpdate, id, |_, export| {
        let before = export.definition.clone();
        let definition = &mut export.definition;
        if let Some(Definition { filters, asked, skip, most, .. }) = changes.filters {
            (definition.filters, definition.asked) = (filters, asked);
            (definition.skip, definition.most) = (skip, most);
        }
        if let Some(fields) = changes.fields {
            definition.fields = fields;
        }
        if let Some(description) = changes.description {
            definition.description = description;
        }
        (export.status, export.span) = (Status::Draft, None);
        let names = |of: &Definition| of.fields.iter().map(|field| field.name()).collect::<Vec<_>>();
        let event = Event::of(subject(export.id, definition))
            .change("description", before.description.as_str(), definition.description.as_str())
            .change("filters", before.filters.clone(), definition.filters.clone())
            .change("fields", names(&before), names(definition));
        Ok(event)
    })
    .await
    .map(|id| (id, total))
}

/// Fixes the span that an export is about: it can be fetched from now on.
pub async fn start(access: &Access, id: &str) -> Result<()> {
    changed(access, Operation::LogExportStart, id, |change, export| {
        if export.status == Status::Success {
            return Err(Error::conflict("This export is started already. Fetch it, or change what it shall hold."));
        }
        may_filter(change, &export.definition)?;
        let span = query::filter(&export.definition.asked, change.now())?.span.until(change.now());
        (export.status, export.span) = (Status::Success, Some(span));
        let event = Event::of(subject(export.id, &export.definition));
        Ok(event.with("from", span.from.rfc3339()).with("to", span.to.rfc3339()))
    })
    .await
    .map(drop)
}

/// Takes an export back: it cannot be fetched any more, until it is started anew.
pub async fn cancel(access: &Access, id: &str) -> Result<()> {
    changed(access, Operation::LogExportCancel, id, |_, export| {
        if export.status == Status::Stopped {
            return Err(Error::conflict("This export is stopped already."));
        }
        let was = export.status;
        (export.status, export.span) = (Status::Stopped, None);
        let event = Event::of(subject(export.id, &export.definition));
        Ok(event.change("status", was.name(), export.status.name()))
    })
    .await
    .map(drop)
}

/// An address at which the file of an export can be fetched for some minutes, with the rights that the key of this request
/// has when that happens.
pub async fn link(access: &Access, id: &str) -> Result<String> {
    let mut tx = access.read(Operation::LogExportLink).await?;
    let export = found(&mut tx, access, id).await?;
    is_started(&export)?;
    let path = format!("/v1/logs/exports/{}/file", export.id);
    let token = access.link(&path, access.now().plus(LINK))?;
    Ok(format!("{}{path}?signed={token}", access.app().public_url))
}

/// The file of an export, read from the log as it is now.
pub async fn file(access: &Access, id: &str) -> Result<Export> {
    access
        .act(Operation::LogsExport, Subject::unnamed("log_export", id), |mut change| async move {
            let access = change.access().clone();
            let export = found(change.tx(), &access, id).await?;
            is_started(&export)?;
            let subject = subject(export.id, &export.definition);
            let Definition { asked, skip, most, fields, .. } = export.definition;
            let (span, format, tells_cut) = (export.span, Format::JsonLines, most.is_none());
            let most = most.unwrap_or(MOST);
            begin(change, Wanted { asked, span, fields, format, skip, most, tells_cut }, subject).await
        })
        .await
}

/// Changes an export, with the event that `act` gives.
async fn changed(
    access: &Access,
    operation: Operation,
    id: &str,
    act: impl FnOnce(&Change, &mut Saved) -> Result<Event>,
) -> Result<ExportId> {
    access
        .act(operation, Subject::unnamed("log_export", id), |mut change| async move {
            let (now, access) = (change.now(), change.access().clone());
            let mut export = changeable(change.tx(), &access, id).await?;
            let event = act(&change, &mut export)?;
            export.updated_at = now;
            store::exports::update(change.tx(), &export).await?;
            change.commit(event, export.id).await
        })
        .await
}

fn oldest(now: Timestamp) -> Timestamp {
    now.plus(-KEPT)
}

/// An export that there is for whoever asks: whoever sees their own calls alone sees of exports those that they made.
async fn found(tx: &mut OrgTx, access: &Access, id: &str) -> Result<Saved> {
    let id = id.parse().map_err(|_| Error::not_found())?;
    let export = store::exports::one(tx, id, oldest(access.now())).await?.ok_or_else(Error::not_found)?;
    if is_own(access, &export) || store::own_only(tx, access.principal()).await?.is_none() {
        return Ok(export);
    }
    Err(Error::not_found())
}

/// An export that whoever asks may change: one that they made. Whoever may change the settings of the log changes any; no
/// key may do that.
async fn changeable(tx: &mut OrgTx, access: &Access, id: &str) -> Result<Saved> {
    let export = found(tx, access, id).await?;
    if is_own(access, &export) || access.check(Operation::LogSettingsChange, Target::In(tx.organisation())).is_ok() {
        return Ok(export);
    }
    Err(Error::not_found())
}

fn is_own(access: &Access, export: &Saved) -> bool {
    access.principal().id() == Some(export.created_by)
}

/// Makes room for one more export by deleting those whose time is over, and if that is not enough, the maker's oldest one
/// that is started or stopped. Gives the latter. A draft is still to be started, and what others have made is not touched.
async fn make_room(tx: &mut OrgTx, maker: Uuid, now: Timestamp) -> Result<Option<ExportId>> {
    store::exports::delete_old(tx, oldest(now)).await?;
    let (all, own) = store::exports::count(tx, maker).await?;
    let (whose, most) = match (own >= MOST_OWN, all >= MOST_KEPT) {
        (true, _) => ("You have", MOST_OWN),
        (false, true) => ("This organisation has", MOST_KEPT),
        (false, false) => return Ok(None),
    };
    if let Some(replaced) = store::exports::delete_oldest_ended(tx, maker).await? {
        return Ok(Some(replaced));
    }
    let days = KEPT / DAY;
    Err(Error::conflict(format!(
        "{whose} {most} exports already, and none of yours is started or stopped, which would make room. Start or stop one of them, or wait: each is deleted {days} days after it was made."
    )))
}

fn is_started(export: &Saved) -> Result<()> {
    match export.status {
        Status::Success => Ok(()),
        Status::Draft | Status::Stopped => Err(Error::conflict("This export is not started. Start it first.")),
    }
}

fn may_filter(change: &Change, definition: &Definition) -> Result<()> {
    if is_plain(&definition.asked) {
        return Ok(());
    }
    change.access().check(Operation::LogsFilter, Target::In(change.organisation()))
}

/// How many entries an export would have now, for whoever asks.
async fn total(access: &Access, operation: Operation, definition: &Definition) -> Result<i64> {
    let (mut tx, filter, _) = operations::begin(access, operation, &definition.asked).await?;
    let (_, totals) = store::summary(&mut tx, &filter).await?;
    Ok((totals.entries - definition.skip).clamp(0, definition.most.unwrap_or(MOST)))
}

fn subject(id: ExportId, definition: &Definition) -> Subject {
    let name = Some(definition.description.as_str()).filter(|words| !words.is_empty());
    Subject::new("log_export", id, name.unwrap_or("an export of the log"))
}

fn said(event: Event, definition: &Definition) -> Event {
    let names: Vec<&str> = definition.fields.iter().map(|field| field.name()).collect();
    event.with("filters", Value::from(definition.filters.clone())).with("fields", names)
}
