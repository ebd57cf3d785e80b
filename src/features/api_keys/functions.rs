//! The keys' server functions.

use super::model::{Draft, KeyForm, KeyList, KeyPage, Minted, Picked, Reset};
use crate::kernel::{Asked, Error, KeyId, many::Outcome};
use leptos::prelude::*;
use uuid::Uuid;

#[cfg(feature = "ssr")]
use {
    super::{
        model::PAGE,
        operations::{self, Edit, New, Rotation, SetTo},
    },
    crate::{kernel::many, site::routes, web},
};

#[server(prefix = "/fn", endpoint = "api_keys/list")]
pub async fn load_keys(slug: String, #[server(default)] filter: Asked) -> Result<KeyList, Error> {
    let mut list = operations::list(&web::member(&slug).await?, &filter, filter.window(PAGE)).await?;
    list.put_away(web::kept(&KeyList::banner(&slug)).as_deref());
    Ok(list)
}

/// One key; an id that is none is not found.
#[server(prefix = "/fn", endpoint = "api_keys/get")]
pub async fn load_key(slug: String, id: String) -> Result<KeyPage, Error> {
    let access = web::member(&slug).await?;
    operations::get(&access, id.parse().map_err(|_| Error::not_found())?).await
}

#[server(prefix = "/fn", endpoint = "api_keys/draft")]
pub async fn load_draft(slug: String) -> Result<Draft, Error> {
    operations::draft(&web::member(&slug).await?).await
}

#[server(prefix = "/fn", endpoint = "api_keys/create")]
pub async fn create_key(slug: String, #[server(flatten)] form: KeyForm) -> Result<Minted, Error> {
    let access = web::member(&slug).await?;
    operations::create(&access, || New::from_form(&form)).await
}

#[server(prefix = "/fn", endpoint = "api_keys/update")]
pub async fn update_key(slug: String, id: KeyId, #[server(flatten)] form: KeyForm) -> Result<(), Error> {
    let access = web::member(&slug).await?;
    operations::update(&access, id, |key| Edit::from_form(&form, key)).await?;
    web::redirect(&routes::api_keys(&slug).with("done", "saved").with("row", &id.to_string()));
    Ok(())
}

/// Gives a key these permissions and no others. In `permissions` there are blanks between their names; `used_within` says
/// that they are what was used of the key's within so many days.
#[server(prefix = "/fn", endpoint = "api_keys/set_permissions")]
pub async fn set_key_permissions(
    slug: String,
    id: KeyId,
    #[server(default)] permissions: String,
    #[server(default)] used_within: String,
    #[server(default)] version: String,
) -> Result<Reset, Error> {
    let access = web::member(&slug).await?;
    let reset =
        operations::set_permissions(&access, id, || SetTo::from_form(&permissions, &used_within, &version)).await?;
    // What undoes it leads nowhere.
    if !used_within.is_empty() {
        web::redirect(&routes::api_key(&slug, id).with("unused", &used_within).with("done", "narrowed"));
    }
    Ok(reset)
}

#[server(prefix = "/fn", endpoint = "api_keys/rotate")]
pub async fn rotate_key(
    slug: String,
    id: KeyId,
    #[server(default)] overlap: String,
    #[server(default)] expiry: String,
    #[server(default)] submission: Option<Uuid>,
) -> Result<Minted, Error> {
    let access = web::member(&slug).await?;
    operations::rotate(&access, id, || Rotation::from_form(&overlap, &expiry, submission)).await
}

#[server(prefix = "/fn", endpoint = "api_keys/end_overlap")]
pub async fn end_key_overlap(slug: String, id: KeyId) -> Result<(), Error> {
    operations::end_overlap(&web::member(&slug).await?, id).await
}

#[server(prefix = "/fn", endpoint = "api_keys/disable")]
pub async fn disable_key(slug: String, id: KeyId, #[server(default)] confirm: String) -> Result<(), Error> {
    operations::disable(&web::member(&slug).await?, id, Some(&confirm)).await?;
    web::redirect(&routes::api_keys(&slug).with("done", "disabled").with("row", &id.to_string()));
    Ok(())
}

/// Gives back which key it was, for the list that it stands in.
#[server(prefix = "/fn", endpoint = "api_keys/enable")]
pub async fn enable_key(slug: String, id: KeyId) -> Result<KeyId, Error> {
    operations::enable(&web::member(&slug).await?, id).await.map(|()| id)
}

#[server(prefix = "/fn", endpoint = "api_keys/delete")]
pub async fn delete_key(slug: String, id: KeyId, #[server(default)] confirm: String) -> Result<(), Error> {
    operations::delete(&web::member(&slug).await?, id, Some(&confirm)).await?;
    web::redirect(&routes::api_keys(&slug).with("done", "deleted"));
    Ok(())
}

/// Those of several keys that there are. In `ids` there are blanks between them.
#[server(prefix = "/fn", endpoint = "api_keys/picked")]
pub async fn load_picked_keys(slug: String, #[server(default)] ids: String) -> Result<Picked, Error> {
    operations::picked(&web::member(&slug).await?, &many::ids(&ids)?).await
}

/// Disables several keys. `confirm` names those that were used within a day, one on each line.
#[server(prefix = "/fn", endpoint = "api_keys/disable_many")]
pub async fn disable_keys(
    slug: String,
    #[server(default)] ids: String,
    #[server(default)] confirm: String,
) -> Result<Vec<Outcome>, Error> {
    operations::disable_many(&web::member(&slug).await?, &many::ids(&ids)?, &confirm).await
}

#[server(prefix = "/fn", endpoint = "api_keys/enable_many")]
pub async fn enable_keys(slug: String, #[server(default)] ids: String) -> Result<Vec<Outcome>, Error> {
    operations::enable_many(&web::member(&slug).await?, &many::ids(&ids)?).await
}

/// Deletes several keys. `confirm` names those that were used within a day, one on each line.
#[server(prefix = "/fn", endpoint = "api_keys/delete_many")]
pub async fn delete_keys(
    slug: String,
    #[server(default)] ids: String,
    #[server(default)] confirm: String,
) -> Result<Vec<Outcome>, Error> {
    operations::delete_many(&web::member(&slug).await?, &many::ids(&ids)?, &confirm).await
}
