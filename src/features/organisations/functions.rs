//! The organisations' server functions.

use super::model::{Belonging, Created, KeepingForm, KeyPolicyForm, Settings, View};
use crate::kernel::Error;
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use {
    super::operations::{self, KeyPolicyEdit},
    crate::{site::routes, web},
};

/// Everything that the frame of an organisation's pages shows.
#[server(prefix = "/fn", endpoint = "organisation/view")]
pub async fn load_view(slug: String) -> Result<View, Error> {
    operations::view(&web::member(&slug).await?).await
}

/// The frame around pages that belong to no organisation: that of `near`, else of the organisation used last.
#[server(prefix = "/fn", endpoint = "organisation/last")]
pub async fn load_last(#[server(default)] near: String) -> Result<Option<View>, Error> {
    operations::last(web::access()?, &near).await
}

/// Where the signed-in person belongs; with a text, where name or slug has it.
#[server(prefix = "/fn", endpoint = "organisation/list")]
pub async fn load_list(#[server(default)] q: String) -> Result<Belonging, Error> {
    operations::search(&web::access()?, &q).await
}

/// What is wrong with the slug of an organisation that is not made yet, if something is.
#[server(prefix = "/fn", endpoint = "organisation/check_slug")]
pub async fn check_organisation_slug(new_slug: String) -> Result<Option<String>, Error> {
    operations::check_slug(&web::access()?, &new_slug).await
}

/// Makes an organisation. Its master key's secret is in the answer, this once.
#[server(prefix = "/fn", endpoint = "organisation/create")]
pub async fn create_organisation(
    #[server(default)] name: String,
    #[server(default)] new_slug: String,
    #[server(default)] submission: String,
) -> Result<Created, Error> {
    operations::create(&web::access()?, &name, &new_slug, submission.parse().ok()).await
}

#[server(prefix = "/fn", endpoint = "organisation/settings")]
pub async fn load_settings(slug: String) -> Result<Settings, Error> {
    operations::settings(&web::member(&slug).await?).await
}

/// Sets whether calls may name saved configs only: `yes` or `no`. `was` is what the page has shown.
#[server(prefix = "/fn", endpoint = "organisation/restrict")]
pub async fn restrict_organisation(
    slug: String,
    #[server(default)] saved_only: String,
    #[server(default)] was: String,
) -> Result<(), Error> {
    let flag = |word: &str| match word {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    operations::restrict(&web::member(&slug).await?, flag(&saved_only), flag(&was), Default::default()).await?;
    web::redirect(&routes::settings(&slug).with("done", "restricted"));
    Ok(())
}

/// Sets what is asked of all keys.
#[server(prefix = "/fn", endpoint = "organisation/key_policy")]
pub async fn set_key_policy(slug: String, #[server(flatten)] policy: KeyPolicyForm) -> Result<(), Error> {
    let access = web::member(&slug).await?;
    operations::set_key_policy(&access, || KeyPolicyEdit::of_form(&policy)).await?;
    web::redirect(&routes::settings(&slug).with("done", "policy"));
    Ok(())
}

/// Sets what is kept of calls, and for how long.
#[server(prefix = "/fn", endpoint = "organisation/keep_texts")]
pub async fn keep_texts(slug: String, #[server(flatten)] keeping: KeepingForm) -> Result<(), Error> {
    operations::keep_texts(&web::member(&slug).await?, &keeping).await?;
    web::redirect(&routes::settings(&slug).with("done", "kept"));
    Ok(())
}

/// What is wrong with another slug for the organisation, if something is.
#[server(prefix = "/fn", endpoint = "organisation/check_slug_change")]
pub async fn check_slug_change(slug: String, new_slug: String) -> Result<Option<String>, Error> {
    operations::check_slug_change(&web::member(&slug).await?, &new_slug).await
}

/// Changes name and slug, and goes to the settings under the slug that the organisation has then, which it gives.
#[server(prefix = "/fn", endpoint = "organisation/update")]
pub async fn update_organisation(
    slug: String,
    #[server(default)] name: String,
    #[server(default)] new_slug: String,
    #[server(default)] version: i64,
) -> Result<String, Error> {
    let access = web::member(&slug).await?;
    let slug = operations::update(&access, &name, &new_slug, version).await?;
    web::redirect(&routes::settings(&slug).with("done", "saved"));
    Ok(slug)
}
