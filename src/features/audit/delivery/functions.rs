//! The server functions of the delivery of events.

use super::model::{Draft, Made, Page, Tested};
use crate::kernel::Error;
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use {
    super::operations,
    crate::{site::routes, web},
};

/// The organisation's webhook and how its delivery stands.
#[server(prefix = "/fn", endpoint = "audit/delivery")]
pub async fn load_audit_delivery(slug: String) -> Result<Page, Error> {
    operations::page(&web::member(&slug).await?).await
}

/// Sets up the webhook, or changes the one that was read with this version.
#[server(prefix = "/fn", endpoint = "audit/set_delivery")]
pub async fn set_audit_delivery(
    slug: String,
    #[server(default)] version: Option<i64>,
    #[server(flatten)] draft: Draft,
) -> Result<Made, Error> {
    let made = operations::set(&web::member(&slug).await?, version, &draft).await?;
    if made.secret.is_none() {
        web::redirect(&routes::audit_delivery(&slug).with("done", "saved"));
    }
    Ok(made)
}

/// Makes a new secret.
#[server(prefix = "/fn", endpoint = "audit/rotate_delivery_secret")]
pub async fn rotate_audit_delivery_secret(slug: String) -> Result<Made, Error> {
    operations::rotate(&web::member(&slug).await?).await
}

#[server(prefix = "/fn", endpoint = "audit/pause_delivery")]
pub async fn pause_audit_delivery(slug: String) -> Result<(), Error> {
    operations::pause(&web::member(&slug).await?).await?;
    web::redirect(&routes::audit_delivery(&slug).with("done", "paused"));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "audit/resume_delivery")]
pub async fn resume_audit_delivery(slug: String) -> Result<(), Error> {
    operations::resume(&web::member(&slug).await?).await?;
    web::redirect(&routes::audit_delivery(&slug).with("done", "resumed"));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "audit/delete_delivery")]
pub async fn delete_audit_delivery(slug: String) -> Result<Made, Error> {
    let made = operations::delete(&web::member(&slug).await?).await?;
    web::redirect(&routes::audit_delivery(&slug).with("done", "deleted"));
    Ok(made)
}

/// Sends a message that is no event, and says what came of it.
#[server(prefix = "/fn", endpoint = "audit/test_delivery")]
pub async fn test_audit_delivery(slug: String) -> Result<Tested, Error> {
    operations::test(&web::member(&slug).await?).await
}
