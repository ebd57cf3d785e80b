//! Home's server functions.

use super::model::{Found, Home};
use crate::{features::logs::model::LoggedCall, kernel::Error};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use {super::operations, crate::web};

/// Everything that Home shows.
#[server(prefix = "/fn", endpoint = "home/view")]
pub async fn load_home(slug: String) -> Result<Home, Error> {
    operations::view(&web::member(&slug).await?).await
}

/// The newest call, for a page that waits for the first.
#[server(prefix = "/fn", endpoint = "home/arrived")]
pub async fn load_arrived(slug: String) -> Result<Option<LoggedCall>, Error> {
    operations::arrived(&web::member(&slug).await?).await
}

/// What in the organisation has this in its name.
#[server(prefix = "/fn", endpoint = "home/find")]
pub async fn find(slug: String, q: String) -> Result<Vec<Found>, Error> {
    operations::find(&web::member(&slug).await?, &slug, &q).await
}
