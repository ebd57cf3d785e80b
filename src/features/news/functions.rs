//! The server function of news.

use super::model::{News, Watched};
use crate::kernel::Error;
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use {super::operations, crate::web};

/// How often others have changed a list, or one thing in it, behind a place of the organisation's log.
#[server(prefix = "/fn", endpoint = "lists/news")]
pub async fn load_news(slug: String, list: Watched, #[server(default)] of: String, after: i64) -> Result<News, Error> {
    operations::news(&web::member(&slug).await?, list, &of, after).await
}
