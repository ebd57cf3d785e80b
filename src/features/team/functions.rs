//! The team's server functions.

use super::model::{Changed, Leaving, People, Profile, ResetLink};
use crate::kernel::{Asked, Error, many::Outcome};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use {
    super::{
        model::{Keys, PAGE},
        operations,
    },
    crate::{
        kernel::{UserId, many},
        policy::Role,
        site::routes,
        web,
    },
};

/// A page of the team.
#[server(prefix = "/fn", endpoint = "team/list")]
pub async fn load_people(slug: String, #[server(flatten)] asked: Asked) -> Result<People, Error> {
    operations::list(&web::member(&slug).await?, &asked, asked.window(PAGE)).await
}

/// One member.
#[server(prefix = "/fn", endpoint = "team/get")]
pub async fn load_person(slug: String, id: String) -> Result<Profile, Error> {
    operations::get(&web::member(&slug).await?, person_id(&id)?).await
}

/// Changes a role. What wants to be asked about first leads to its page, until `asked` says that it was.
#[server(prefix = "/fn", endpoint = "team/change_role")]
pub async fn change_role(
    slug: String,
    id: String,
    #[server(default)] role: String,
    #[server(default)] keys: String,
    #[server(default)] asked: bool,
) -> Result<Option<Changed>, Error> {
    let access = web::member(&slug).await?;
    let id = person_id(&id)?;
    let next = Role::parse(&role).ok_or_else(|| Error::field("role", "Choose a role."))?;
    let keys = Keys::parse(&keys).map_err(|message| Error::field("keys", message))?;
    if !asked && operations::asks_first(&access, id, next).await {
        web::redirect(&routes::change_role(&slug, id).with("role", next.name()));
        return Ok(None);
    }
    let changed = operations::change_role(&access, id, next, keys).await?;
    if asked {
        // Who lowered their own role may not see the team any more.
        let own = access.user()? == id;
        web::redirect(&if own {
            routes::roles(&slug)
        } else {
            routes::team(&slug).with("done", "role").with("row", &id.to_string())
        });
    }
    Ok(Some(changed))
}

#[server(prefix = "/fn", endpoint = "team/remove")]
pub async fn remove_person(slug: String, id: String, #[server(default)] keys: String) -> Result<(), Error> {
    let keys = Keys::parse(&keys).map_err(|message| Error::field("keys", message))?;
    operations::remove(&web::member(&slug).await?, person_id(&id)?, keys).await?;
    web::redirect(&routes::team(&slug).with("done", "removed"));
    Ok(())
}

/// Those of several people who belong here. In `ids` there are blanks between them.
#[server(prefix = "/fn", endpoint = "team/picked")]
pub async fn load_picked_people(slug: String, #[server(default)] ids: String) -> Result<Vec<Profile>, Error> {
    operations::picked(&web::member(&slug).await?, &many::ids(&ids)?).await
}

/// Gives several people one role.
#[server(prefix = "/fn", endpoint = "team/change_role_many")]
pub async fn change_roles(
    slug: String,
    #[server(default)] ids: String,
    #[server(default)] role: String,
    #[server(default)] keys: String,
) -> Result<Vec<Outcome>, Error> {
    let access = web::member(&slug).await?;
    let ids = many::ids(&ids)?;
    let next = Role::parse(&role).ok_or_else(|| Error::field("role", "Choose a role."))?;
    let keys = Keys::parse(&keys).map_err(|message| Error::field("keys", message))?;
    operations::change_role_many(&access, &ids, next, keys).await
}

#[server(prefix = "/fn", endpoint = "team/remove_many")]
pub async fn remove_people(
    slug: String,
    #[server(default)] ids: String,
    #[server(default)] keys: String,
) -> Result<Vec<Outcome>, Error> {
    let access = web::member(&slug).await?;
    let ids = many::ids(&ids)?;
    let keys = Keys::parse(&keys).map_err(|message| Error::field("keys", message))?;
    operations::remove_many(&access, &ids, keys).await
}

/// What leaving means.
#[server(prefix = "/fn", endpoint = "team/view_leave")]
pub async fn load_leaving(slug: String) -> Result<Leaving, Error> {
    operations::view_leave(&web::member(&slug).await?).await
}

#[server(prefix = "/fn", endpoint = "team/leave")]
pub async fn leave_team(slug: String) -> Result<(), Error> {
    operations::leave(&web::member(&slug).await?).await?;
    web::redirect(&routes::home());
    Ok(())
}

/// Makes a link for a new password; it is shown in the answer and nowhere else.
#[server(prefix = "/fn", endpoint = "team/make_reset_link")]
pub async fn make_reset_link(slug: String, id: String) -> Result<ResetLink, Error> {
    operations::make_reset_link(&web::member(&slug).await?, person_id(&id)?).await
}

#[cfg(feature = "ssr")]
fn person_id(text: &str) -> Result<UserId, Error> {
    text.parse().map_err(|_| Error::not_found())
}
