//! The prices' server functions.

use super::model::{Draft, Page};
use crate::kernel::{Asked, Error, PriceId};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use {
    super::operations,
    crate::{site::routes, web},
};

/// The prices of the organisation, and the models that have none.
#[server(prefix = "/fn", endpoint = "prices/list")]
pub async fn load_prices(slug: String, #[server(default)] query: Asked) -> Result<Page, Error> {
    operations::page(&web::member(&slug).await?, &query).await
}

/// Sets the price of a model, and goes to the list.
#[server(prefix = "/fn", endpoint = "prices/set")]
pub async fn set_price(slug: String, #[server(flatten)] draft: Draft) -> Result<(), Error> {
    operations::set(&web::member(&slug).await?, &draft).await?;
    web::redirect(&routes::prices(&slug).with("done", "saved"));
    Ok(())
}

/// Deletes a price, and goes to the list.
#[server(prefix = "/fn", endpoint = "prices/delete")]
pub async fn delete_price(slug: String, id: PriceId) -> Result<(), Error> {
    operations::delete(&web::member(&slug).await?, &id.to_string()).await?;
    web::redirect(&routes::prices(&slug).with("done", "deleted"));
    Ok(())
}
