//! The server function of explanations.

use super::model::WhyPage;
use crate::kernel::{Asked, Error};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use {super::operations, crate::web};

/// All that the page shows.
#[server(prefix = "/fn", endpoint = "why/ask")]
pub async fn ask_why(slug: String, #[server(flatten)] asked: Asked) -> Result<WhyPage, Error> {
    operations::page(&web::member(&slug).await?, &asked).await
}
