//! The server functions of the audit log.

use super::model::{Detail, Page};
use crate::{
    features::news::model::News,
    kernel::{Asked, Error},
};
use leptos::{
    prelude::*,
    server_fn::codec::{StreamingText, TextStream},
};

#[cfg(feature = "ssr")]
use {
    super::operations,
    crate::{policy::Operation, web},
};

/// One page of the log.
#[server(prefix = "/fn", endpoint = "audit/list")]
pub async fn load_events(slug: String, #[server(default)] query: Asked) -> Result<Page, Error> {
    operations::list(&web::member(&slug).await?, &query).await
}

/// How many events that fit have come behind a number.
#[server(prefix = "/fn", endpoint = "audit/arrived")]
pub async fn load_new_events(
    slug: String,
    #[server(default)] query: Asked,
    #[server(default)] after: i64,
) -> Result<News, Error> {
    operations::arrived(&web::member(&slug).await?, &query, after).await
}

/// One event, by its number.
#[server(prefix = "/fn", endpoint = "audit/get")]
pub async fn load_event(slug: String, number: String) -> Result<Detail, Error> {
    operations::get(&web::member(&slug).await?, &slug, &number).await
}

/// The log as a file (`format`: `csv`, `jsonl`), for a plain form: the browser saves the answer.
#[server(prefix = "/fn", endpoint = "audit/export", output = StreamingText)]
pub async fn export_events(
    slug: String,
    #[server(default)] query: Asked,
    #[server(default)] format: String,
) -> Result<TextStream<Error>, Error> {
    let access = web::member(&slug).await?;
    let (format, pieces) = operations::export(&access, &query, &format).await?;
    web::saved_as(&format!("audit-log-{slug}-{}.{}", access.now().iso_date(), format.name()));
    Ok(TextStream::new(pieces))
}

/// The organisation's checkpoints as a file, for a plain form: the browser saves the answer.
#[server(prefix = "/fn", endpoint = "audit/checkpoints", output = StreamingText)]
pub async fn save_checkpoints(slug: String) -> Result<TextStream<Error>, Error> {
    let access = web::member(&slug).await?;
    access.read(Operation::AuditCheckpoints).await?;
    web::saved_as(&format!("audit-checkpoints-{slug}-{}.jsonl", access.now().iso_date()));
    Ok(TextStream::new(operations::checkpoints(&access)))
}
