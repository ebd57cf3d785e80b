//! The log's server functions.

use super::{
    exports::model::AboutExport,
    filters,
    model::{Choices, Detail, Newer, Page, Settings},
    texts::{Replay, ShownTexts},
};
use crate::kernel::{Asked, Error, FilterId};
use leptos::{
    prelude::*,
    server_fn::codec::{StreamingText, TextStream},
};

#[cfg(feature = "ssr")]
use {
    super::{exports, operations, saved},
    crate::{site::routes, web},
};

/// One page of the log.
#[server(prefix = "/fn", endpoint = "logs/list")]
pub async fn load_logs(slug: String, #[server(default)] query: Asked) -> Result<Page, Error> {
    operations::list(&web::member(&slug).await?, &query).await
}

/// How many calls are newer than the first that is shown, of this moment (`at`, milliseconds) and id.
#[server(prefix = "/fn", endpoint = "logs/newer")]
pub async fn load_newer(
    slug: String,
    #[server(default)] query: Asked,
    #[server(default)] at: i64,
    #[server(default)] id: String,
) -> Result<Newer, Error> {
    operations::newer(&web::member(&slug).await?, &query, at, &id).await
}

/// What an export of a filter would be.
#[server(prefix = "/fn", endpoint = "logs/about_export")]
pub async fn load_export_about(slug: String, #[server(default)] query: Asked) -> Result<AboutExport, Error> {
    exports::operations::about(&web::member(&slug).await?, &query).await
}

/// The calls that the filter lets through, as a file. `format` is `csv` or `jsonl`; a field is wanted whose name behind
/// `field.` says anything.
#[server(prefix = "/fn", endpoint = "logs/export", output = StreamingText)]
pub async fn export_logs(
    slug: String,
    #[server(default)] format: String,
    #[server(flatten)] asked: Asked,
) -> Result<TextStream<Error>, Error> {
    let export = exports::operations::export(&web::member(&slug).await?, &asked, &format).await?;
    let file = export.download();
    file.announce();
    Ok(TextStream::new(file.pieces))
}

/// What the bar of the list offers, with the key and the virtual key that it is filtered by already.
#[server(prefix = "/fn", endpoint = "logs/choices")]
pub async fn load_log_choices(
    slug: String,
    #[server(default)] key: String,
    #[server(default)] virtual_key: String,
) -> Result<Choices, Error> {
    operations::choices(&web::member(&slug).await?, &key, &virtual_key).await
}

#[server(prefix = "/fn", endpoint = "logs/get")]
pub async fn load_log(slug: String, id: String) -> Result<Detail, Error> {
    operations::get(&web::member(&slug).await?, &id).await
}

/// What the organisation says of its log.
#[server(prefix = "/fn", endpoint = "logs/settings")]
pub async fn load_log_settings(slug: String) -> Result<Settings, Error> {
    operations::settings(&web::member(&slug).await?).await
}

/// Sets who sees which calls, and what calls are grouped by.
#[server(prefix = "/fn", endpoint = "logs/change_settings")]
pub async fn change_log_settings(
    slug: String,
    #[server(default)] version: i64,
    #[server(default)] own_only: bool,
    #[server(default)] grouped: String,
) -> Result<(), Error> {
    operations::set(&web::member(&slug).await?, own_only, &grouped, version).await?;
    web::redirect(&routes::log_settings(&slug).with("done", "saved"));
    Ok(())
}

/// The filters that are saved, and one that is to be.
#[server(prefix = "/fn", endpoint = "logs/filters")]
pub async fn load_log_filters(slug: String, #[server(default)] query: Asked) -> Result<filters::Page, Error> {
    saved::page(&web::member(&slug).await?, &query).await
}

/// Saves a filter, and goes to the list. One with an `id` gets this name and this filter.
#[server(prefix = "/fn", endpoint = "logs/save_filter")]
pub async fn save_log_filter(
    slug: String,
    #[server(default)] id: Option<FilterId>,
    #[server(default)] name: String,
    #[server(default)] filter: String,
    #[server(default)] shared: bool,
) -> Result<(), Error> {
    saved::save(&web::member(&slug).await?, id, &name, &filter, shared).await?;
    web::redirect(&routes::log_filters(&slug).with("done", "saved"));
    Ok(())
}

/// Deletes a saved filter, and goes to the list.
#[server(prefix = "/fn", endpoint = "logs/delete_filter")]
pub async fn delete_log_filter(slug: String, id: FilterId) -> Result<(), Error> {
    saved::delete(&web::member(&slug).await?, id).await?;
    web::redirect(&routes::log_filters(&slug).with("done", "deleted"));
    Ok(())
}

/// What was said in a call. Reading it leaves an event, so that opening the call alone does not.
#[server(prefix = "/fn", endpoint = "logs/texts")]
pub async fn read_texts(slug: String, id: String) -> Result<ShownTexts, Error> {
    operations::texts(&web::member(&slug).await?, &id).await
}

/// What a call asked, for a new prompt to begin with. It is the same reading, and leaves the same event.
#[server(prefix = "/fn", endpoint = "logs/replay")]
pub async fn replay_call(slug: String, id: String) -> Result<Replay, Error> {
    operations::replay(&web::member(&slug).await?, &id).await
}

/// Deletes all kept texts of calls.
#[server(prefix = "/fn", endpoint = "logs/delete_texts")]
pub async fn delete_texts(slug: String) -> Result<i64, Error> {
    let deleted = operations::delete_texts(&web::member(&slug).await?).await?;
    web::redirect(&routes::settings(&slug).with("done", "texts_deleted"));
    Ok(deleted)
}
