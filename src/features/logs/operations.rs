//! What can be done with the log of calls.

use super::{
    model::{Choices, Detail, FirstCall, Named, Page, Query},
    query::{self, Cursor},
    store,
};
use crate::{
    features::{api_keys, virtual_keys},
    kernel::{CallId, Error, Result},
    policy::{Operation, Target},
    server::access::Access,
};

/// One page of the log, with the bars and totals of all pages.
pub async fn list(access: &Access, query: &Query) -> Result<Page> {
    let mut tx = access.read(Operation::LogsList).await?;
    if !query.is_plain() {
        access.check(Operation::LogsFilter, Target::In(tx.organisation()))?;
    }
    let now = access.now();
    let (filter, place) = query::read(query, now)?;
    let slice = store::page(&mut tx, &filter, place).await?;
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
        to: filter.span.to,
        width: filter.span.width(),
        bars,
        first_call,
        now,
    })
}

/// What the list can be filtered by. Whoever may not list API keys learns of those alone whose calls they see.
pub async fn choices(access: &Access) -> Result<Choices> {
    let mut tx = access.read(Operation::LogsFilter).await?;
    let keys = match access.check(Operation::ApiKeysList, Target::In(tx.organisation())) {
        Ok(()) => api_keys::names(&mut tx).await?,
        Err(_) => store::keys_seen(&mut tx).await?,
    };
    let keys = keys.into_iter().map(|(id, name)| Named { id: id.to_string(), name }).collect();
    let virtual_keys = virtual_keys::names(&mut tx).await?;
    let virtual_keys = virtual_keys.into_iter().map(|(id, name)| Named { id: id.to_string(), name }).collect();
    Ok(Choices { keys, virtual_keys })
}

/// Everything about one call.
pub async fn get(access: &Access, id: &str) -> Result<Detail> {
    let mut tx = access.read(Operation::LogGet).await?;
    let id: CallId = id.parse().map_err(|_| Error::not_found())?;
    store::by_id(&mut tx, id, access.now()).await?.ok_or_else(Error::not_found)
}
