//! What can be done with the log of calls.

use super::{
    model::{Choices, Detail, FirstCall, Page, Query},
    query::{self, Cursor},
    store,
};
use crate::{
    kernel::{CallId, Error, Result},
    policy::Operation,
    server::access::Access,
};

/// One page of the log, with the bars and totals of all pages.
pub async fn list(access: &Access, query: &Query) -> Result<Page> {
    let mut tx = access.read(Operation::LogsList).await?;
    let now = access.now();
    let (filter, place) = query::read(query, now)?;
    let slice = store::page(&mut tx, &filter, place).await?;
    let (bars, totals) = store::summary(&mut tx, &filter).await?;
    let first_call = if totals.calls == 0 && !store::any(&mut tx).await? {
        let virtual_key = store::some_virtual_key(&mut tx).await?;
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

/// What the list can be filtered by.
pub async fn choices(access: &Access) -> Result<Choices> {
    let mut tx = access.read(Operation::LogsList).await?;
    let (keys, virtual_keys) = store::choices(&mut tx).await?;
    Ok(Choices { keys, virtual_keys })
}

/// Everything about one call.
pub async fn get(access: &Access, id: &str) -> Result<Detail> {
    let mut tx = access.read(Operation::LogGet).await?;
    let id: CallId = id.parse().map_err(|_| Error::not_found())?;
    store::by_id(&mut tx, id, access.now()).await?.ok_or_else(Error::not_found)
}
