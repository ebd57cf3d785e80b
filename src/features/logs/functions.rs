//! The log's server functions.

use super::model::{Choices, Detail, Page};
use crate::kernel::{Asked, Error};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use {super::operations, crate::web};

/// One page of the log.
#[server(prefix = "/fn", endpoint = "logs/list")]
pub async fn load_logs(slug: String, #[server(default)] query: Asked) -> Result<Page, Error> {
    operations::list(&web::member(&slug).await?, &query).await
}

/// What the list can be filtered by.
#[server(prefix = "/fn", endpoint = "logs/choices")]
pub async fn load_log_choices(slug: String) -> Result<Choices, Error> {
    operations::choices(&web::member(&slug).await?).await
}

#[server(prefix = "/fn", endpoint = "logs/get")]
pub async fn load_log(slug: String, id: String) -> Result<Detail, Error> {
    operations::get(&web::member(&slug).await?, &id).await
}
