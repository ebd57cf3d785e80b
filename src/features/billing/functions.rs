//! The server functions of billing. There are no calls for programs: no API key can hold its permission.

use super::model::{Page, Settings, StatementPage};
use crate::kernel::{Asked, Error};
use leptos::{
    prelude::*,
    server_fn::codec::{StreamingText, TextStream},
};

#[cfg(feature = "ssr")]
use {
    super::operations,
    crate::{site::routes, web},
};

/// The spend of a month, seats and keys, and the list of statements.
#[server(prefix = "/fn", endpoint = "billing/view")]
pub async fn load_billing(slug: String, #[server(default)] query: Asked) -> Result<Page, Error> {
    operations::view(&web::member(&slug).await?, &query).await
}

/// What the organisation says of its bills.
#[server(prefix = "/fn", endpoint = "billing/settings")]
pub async fn load_billing_settings(slug: String) -> Result<Settings, Error> {
    operations::settings(&web::member(&slug).await?).await
}

/// Sets contact, currency, rate and mark-ups: `markup.` and a provider's name, in percent.
#[server(prefix = "/fn", endpoint = "billing/change_settings")]
pub async fn change_billing_settings(
    slug: String,
    #[server(default)] version: i64,
    #[server(flatten)] typed: Asked,
) -> Result<(), Error> {
    operations::set(&web::member(&slug).await?, &typed, version).await?;
    web::redirect(&routes::billing_settings(&slug).with("done", "saved"));
    Ok(())
}

/// The statement of a month, such as `2026-11`.
#[server(prefix = "/fn", endpoint = "billing/statement")]
pub async fn load_statement(slug: String, month: String) -> Result<StatementPage, Error> {
    operations::statement(&web::member(&slug).await?, &month).await
}

/// The same as a file, for a plain form: the browser saves the answer.
#[server(prefix = "/fn", endpoint = "billing/statement_file", output = StreamingText)]
pub async fn save_statement(slug: String, month: String) -> Result<TextStream<Error>, Error> {
    let (name, text) = operations::file(&web::member(&slug).await?, &month).await?;
    let pieces = Box::pin(futures_util::stream::once(async move { Ok(text) }));
    let file = web::files::Download { name, kind: "text/csv; charset=utf-8; header=present", pieces };
    file.announce();
    Ok(TextStream::new(file.pieces))
}
