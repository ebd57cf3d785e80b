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

/// How long an export is kept after it was made, in milliseconds.
const KEPT: i64 = 30 * DAY;
/// Exports that an organisation keeps: the newest.
const MOST_KEPT: i64 = 100;
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

/// The exports that there are, the newest first.
pub async fn list(access: &Access) -> Result<Vec<Saved>> {
    let mut tx = access.read(Operation::LogExportsList).await?;
    store::exports::all(&mut tx, oldest(access.now())).await
}

pub async fn get(access: &Access, id: &str) -> Result<Saved> {
    let mut tx = access.read(Operation::LogExportGet).await?;
    found(&mut tx, id, access.now()).await
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
            let event = said(Event::of(subject(id, &definition)), &definition);
            let status = Status::Draft;
            let export = Saved { id, definition, status, span: None, created_by, created_at: now, updated_at: now };
            store::exports::insert(change.tx(), &export, oldest(now), MOST_KEPT).await?;
            change.commit(event, (id, total)).await
        })
        .await
}

/// Changes what an export shall hold: it has to be started anew. Gives how many entries it would have now.
pub async fn update(access: &Access, id: &str, changes: Changes) -> Result<(ExportId, i64)> {
    let stored = {
        let mut tx = access.read(Operation::LogExportUpdate).await?;
        found(&mut tx, id, access.now()).await?.definition
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
    let export = found(&mut tx, id, access.now()).await?;
    is_started(&export)?;
    let path = format!("/v1/logs/exports/{}/file", export.id);
    let token = access.link(&path, access.now().plus(LINK))?;
    Ok(format!("{}{path}?signed={token}", access.app().public_url))
}

/// The file of an export, read from the log as it is now.
pub async fn file(access: &Access, id: &str) -> Result<Export> {
    access
        .act(Operation::LogsExport, Subject::unnamed("log_export", id), |mut change| async move {
            let now = change.now();
            let export = found(change.tx(), id, now).await?;
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
            let now = change.now();
            let mut export = found(change.tx(), id, now).await?;
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

async fn found(tx: &mut OrgTx, id: &str, now: Timestamp) -> Result<Saved> {
    let id = id.parse().map_err(|_| Error::not_found())?;
    store::exports::one(tx, id, oldest(now)).await?.ok_or_else(Error::not_found)
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
