//! The server function of analytics.

use super::model::Page;
use crate::kernel::{Asked, Error};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use {super::operations, crate::web};

/// All that the page of analytics shows.
#[server(prefix = "/fn", endpoint = "analytics/view")]
pub async fn load_analytics(slug: String, #[server(default)] query: Asked) -> Result<Page, Error> {
    operations::view(&web::member(&slug).await?, &query).await
}
