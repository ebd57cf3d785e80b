//! The organisations' server functions.

use super::model::{Membership, View};
use crate::kernel::Error;
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use {super::operations, crate::server::http};

/// Everything that the frame of an organisation's pages shows.
#[server(prefix = "/fn", endpoint = "organisation/view")]
pub async fn load_view(slug: String) -> Result<View, Error> {
    operations::view(&http::member(&slug).await?).await
}

/// Where the signed-in person belongs.
#[server(prefix = "/fn", endpoint = "organisation/list")]
pub async fn load_list() -> Result<Vec<Membership>, Error> {
    operations::list(&http::access()?).await
}
