//! The virtual keys' server functions.

use super::model::{Detail, Draft, Finding, Saved, VirtualKeys};
use crate::kernel::{Asked, Error};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use {
    super::{model::PAGE, operations},
    crate::{site::routes, web},
};

#[server(prefix = "/fn", endpoint = "virtual_keys/list")]
pub async fn load_virtual_keys(slug: String, #[server(flatten)] asked: Asked) -> Result<VirtualKeys, Error> {
    operations::list(&web::member(&slug).await?, &asked, asked.window(PAGE)).await
}

#[server(prefix = "/fn", endpoint = "virtual_keys/get")]
pub async fn load_virtual_key(slug: String, key: String) -> Result<Detail, Error> {
    operations::get(&web::member(&slug).await?, &key).await
}

/// What is wrong with the reference of a virtual key that is not made yet, if something is.
#[server(prefix = "/fn", endpoint = "virtual_keys/check_slug")]
pub async fn check_virtual_key_slug(slug: String, key_slug: String) -> Result<Option<String>, Error> {
    operations::check_slug(&web::member(&slug).await?, &key_slug).await
}

/// Makes a virtual key and goes to its page.
#[server(prefix = "/fn", endpoint = "virtual_keys/create")]
pub async fn create_virtual_key(
    slug: String,
    #[server(default)] key_slug: String,
    #[server(flatten)] draft: Draft,
) -> Result<(), Error> {
    let (made, _) = operations::create(&web::member(&slug).await?, &key_slug, draft, Default::default()).await?;
    web::redirect(&routes::virtual_key(&slug, &made.slug).with("done", "made"));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "virtual_keys/update")]
pub async fn update_virtual_key(
    slug: String,
    key: String,
    version: i64,
    #[server(flatten)] draft: Draft,
) -> Result<Saved, Error> {
    operations::update(&web::member(&slug).await?, &key, Some(version), |_| draft, Default::default()).await
}

/// Makes a copy and goes to its page.
#[server(prefix = "/fn", endpoint = "virtual_keys/duplicate")]
pub async fn duplicate_virtual_key(
    slug: String,
    key: String,
    #[server(default)] name: String,
    #[server(default)] key_slug: String,
) -> Result<(), Error> {
    let made = operations::duplicate(&web::member(&slug).await?, &key, &name, &key_slug).await?;
    web::redirect(&routes::virtual_key(&slug, &made.slug).with("done", "made"));
    Ok(())
}

/// Deletes a virtual key and goes to the list.
#[server(prefix = "/fn", endpoint = "virtual_keys/delete")]
pub async fn delete_virtual_key(slug: String, key: String, #[server(default)] confirm: String) -> Result<(), Error> {
    operations::delete(&web::member(&slug).await?, &key, Some(&confirm)).await?;
    web::redirect(&routes::virtual_keys(&slug).with("done", "deleted"));
    Ok(())
}

/// Tries the connection and says in words what came of it.
#[server(prefix = "/fn", endpoint = "virtual_keys/test")]
pub async fn test_virtual_key(slug: String, key: String) -> Result<Finding, Error> {
    operations::test(&web::member(&slug).await?, &key).await
}
