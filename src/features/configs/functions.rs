//! The configs' server functions.

use super::model::{Checked, ConfigPage, Configs, Draft, NewConfig, Saved, TryForm, Versions};
use crate::{
    kernel::{Asked, Error},
    routing::Explanation,
};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use {
    super::{model::PAGE, operations},
    crate::{site::routes, web},
};

#[server(prefix = "/fn", endpoint = "configs/list")]
pub async fn load_configs(slug: String, #[server(flatten)] asked: Asked) -> Result<Configs, Error> {
    operations::list(&web::member(&slug).await?, &asked, asked.window(PAGE)).await
}

/// One config; what is said of `draft`, if it is not empty, in place of what is stored; and a dry run, if one is asked for.
#[server(prefix = "/fn", endpoint = "configs/get")]
pub async fn load_config(
    slug: String,
    of: String,
    #[server(default)] draft: String,
    #[server(flatten)] dry_run: TryForm,
) -> Result<ConfigPage, Error> {
    operations::page(&web::member(&slug).await?, &of, &draft, &dry_run).await
}

/// What a new config begins with: the named way to begin, or a copy of one that is there.
#[server(prefix = "/fn", endpoint = "configs/begin")]
pub async fn load_new_config(
    slug: String,
    #[server(default)] start: String,
    #[server(default)] from: String,
    #[server(default)] draft: String,
) -> Result<NewConfig, Error> {
    operations::begin(&web::member(&slug).await?, &start, &from, &draft).await
}

#[server(prefix = "/fn", endpoint = "configs/versions")]
pub async fn load_versions(
    slug: String,
    of: String,
    #[server(default)] was: String,
    #[server(default)] now: String,
    #[server(flatten)] asked: Asked,
) -> Result<Versions, Error> {
    let (was, now) = (was.parse().ok(), now.parse().ok());
    operations::versions(&web::member(&slug).await?, &of, was, now, asked.window(PAGE)).await
}

/// What is said of a text while it is typed, or, without JavaScript, at the press of a button.
#[server(prefix = "/fn", endpoint = "configs/check")]
pub async fn check_config(slug: String, #[server(default)] config: String) -> Result<Checked, Error> {
    operations::check(&web::member(&slug).await?, &config).await
}

/// Which way a request would take under a text that is not saved.
#[server(prefix = "/fn", endpoint = "configs/try")]
pub async fn try_config(
    slug: String,
    #[server(default)] config: String,
    #[server(flatten)] dry_run: TryForm,
) -> Result<Explanation, Error> {
    operations::try_text(&web::member(&slug).await?, &config, &dry_run).await
}

/// Makes a config and goes to its page.
#[server(prefix = "/fn", endpoint = "configs/create")]
pub async fn create_config(slug: String, #[server(flatten)] draft: Draft) -> Result<(), Error> {
    let made = operations::create(&web::member(&slug).await?, draft).await.map_err(operations::in_form)?;
    web::redirect(&routes::config(&slug, &made.slug).with("done", "made"));
    Ok(())
}

/// Saves a config: a new version, where its text is another.
#[server(prefix = "/fn", endpoint = "configs/update")]
pub async fn update_config(
    slug: String,
    of: String,
    version: i64,
    #[server(flatten)] draft: Draft,
) -> Result<Saved, Error> {
    let access = web::member(&slug).await?;
    operations::update(&access, &of, Some(version), |_| draft).await.map_err(operations::in_form)
}

/// Makes a new version with the text of an old one, and goes to the list of versions.
#[server(prefix = "/fn", endpoint = "configs/restore")]
pub async fn restore_config(slug: String, of: String, number: i64) -> Result<(), Error> {
    operations::restore(&web::member(&slug).await?, &of, number).await.map_err(operations::in_form)?;
    web::redirect(&routes::config_versions(&slug, &of).with("done", "restored"));
    Ok(())
}

/// Deletes a config that nothing uses, and goes to the list.
#[server(prefix = "/fn", endpoint = "configs/delete")]
pub async fn delete_config(slug: String, of: String) -> Result<(), Error> {
    operations::delete(&web::member(&slug).await?, &of).await?;
    web::redirect(&routes::configs(&slug).with("done", "deleted"));
    Ok(())
}
