//! The limits' server functions.

use super::model::{Doubt, Draft, Made, Page};
use crate::kernel::{Asked, Error, LimitId};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use {
    super::{console, hook},
    crate::{site::routes, web},
};

/// The limits of the organisation, or of one thing.
#[server(prefix = "/fn", endpoint = "limits/list")]
pub async fn load_limits(slug: String, #[server(default)] query: Asked) -> Result<Page, Error> {
    console::page(&web::member(&slug).await?, &query).await
}

/// Sets a limit, goes to the list, and says what is odd about it.
#[server(prefix = "/fn", endpoint = "limits/set")]
pub async fn set_limit(slug: String, #[server(flatten)] draft: Draft) -> Result<Vec<Doubt>, Error> {
    let (_, doubts) = console::set(&web::member(&slug).await?, &draft).await?;
    web::redirect(&routes::limits(&slug).with("done", if doubts.is_empty() { "saved" } else { "doubted" }));
    Ok(doubts)
}

/// Sets what was used of a limit to nothing, and goes to the list.
#[server(prefix = "/fn", endpoint = "limits/reset")]
pub async fn reset_limit(slug: String, id: LimitId, #[server(default)] reason: String) -> Result<(), Error> {
    console::reset(&web::member(&slug).await?, &id.to_string(), &reason).await?;
    web::redirect(&routes::limits(&slug).with("done", "reset"));
    Ok(())
}

/// Lets more be used of a limit for a while, goes to the list, and says what is odd about it then.
#[server(prefix = "/fn", endpoint = "limits/raise")]
pub async fn raise_limit(
    slug: String,
    id: LimitId,
    #[server(default)] raised_to: String,
    #[server(default)] raised_until: String,
    #[server(default)] reason: String,
) -> Result<Vec<Doubt>, Error> {
    let doubts =
        console::raise(&web::member(&slug).await?, &id.to_string(), &raised_to, &raised_until, &reason).await?;
    web::redirect(&routes::limits(&slug).with("done", if doubts.is_empty() { "raised" } else { "doubted" }));
    Ok(doubts)
}

/// Deletes a limit, and goes to the list.
#[server(prefix = "/fn", endpoint = "limits/delete")]
pub async fn delete_limit(slug: String, id: LimitId) -> Result<(), Error> {
    console::delete(&web::member(&slug).await?, &id.to_string()).await?;
    web::redirect(&routes::limits(&slug).with("done", "deleted"));
    Ok(())
}

/// Sets the webhook for alerts, and gives its secret, this once.
#[server(prefix = "/fn", endpoint = "limits/set_webhook")]
pub async fn set_limit_webhook(slug: String, #[server(default)] url: String) -> Result<Made, Error> {
    hook::set(&web::member(&slug).await?, &url).await
}

/// Deletes the webhook for alerts.
#[server(prefix = "/fn", endpoint = "limits/delete_webhook")]
pub async fn delete_limit_webhook(slug: String) -> Result<(), Error> {
    hook::delete(&web::member(&slug).await?).await?;
    web::redirect(&routes::limits(&slug).with("done", "unhooked"));
    Ok(())
}
