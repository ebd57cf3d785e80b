//! The invitations' server functions.

use super::model::{Batch, Invitation, Invitations, Resent, Shown};
use crate::{
    features::organisations::model::Waiting,
    kernel::{Asked, Error, Secret, many::Outcome},
};
use leptos::prelude::*;

#[cfg(feature = "ssr")]
use {
    super::{
        joining::{self, NewPerson, Which},
        model::PAGE,
        operations,
    },
    crate::{
        kernel::{InvitationId, many},
        policy::Role,
        site::routes,
        web,
    },
};

/// A page of the open invitations.
#[server(prefix = "/fn", endpoint = "team/invitations")]
pub async fn load_invitations(slug: String, #[server(flatten)] asked: Asked) -> Result<Invitations, Error> {
    operations::list(&web::member(&slug).await?, &asked, asked.window(PAGE)).await
}

/// One invitation.
#[server(prefix = "/fn", endpoint = "team/invitation")]
pub async fn load_invitation(slug: String, id: String) -> Result<Invitation, Error> {
    operations::get(&web::member(&slug).await?, invitation_id(&id)?).await
}

/// Invites the addresses in two texts: the chips of the field, and what still stands in it.
#[server(prefix = "/fn", endpoint = "team/invite")]
pub async fn invite_people(
    slug: String,
    #[server(default)] chips: String,
    #[server(default)] addresses: String,
    #[server(default)] role: String,
) -> Result<Batch, Error> {
    let access = web::member(&slug).await?;
    let role = Role::parse(&role).ok_or_else(|| Error::field("role", "Choose a role."))?;
    operations::invite(&access, &format!("{chips}\n{addresses}"), role).await
}

/// Why each of these addresses would not be invited, if it would not, before anybody is.
#[server(prefix = "/fn", endpoint = "team/check_addresses")]
pub async fn check_addresses(
    slug: String,
    #[server(default)] addresses: String,
) -> Result<Vec<(String, Option<String>)>, Error> {
    operations::check(&web::member(&slug).await?, &addresses).await
}

/// Sends an invitation anew, or (`show`) gives a new link to hand over.
#[server(prefix = "/fn", endpoint = "team/resend_invitation")]
pub async fn resend_invitation(slug: String, id: String, #[server(default)] show: bool) -> Result<Resent, Error> {
    operations::resend(&web::member(&slug).await?, invitation_id(&id)?, show).await
}

#[server(prefix = "/fn", endpoint = "team/revoke_invitation")]
pub async fn revoke_invitation(slug: String, id: String) -> Result<(), Error> {
    operations::revoke(&web::member(&slug).await?, invitation_id(&id)?).await?;
    web::redirect(&routes::invitations(&slug).with("done", "revoked"));
    Ok(())
}

/// Those of several invitations that there are. In `ids` there are blanks between them.
#[server(prefix = "/fn", endpoint = "team/picked_invitations")]
pub async fn load_picked_invitations(slug: String, #[server(default)] ids: String) -> Result<Vec<Invitation>, Error> {
    operations::picked(&web::member(&slug).await?, &many::ids(&ids)?).await
}

#[server(prefix = "/fn", endpoint = "team/revoke_invitations")]
pub async fn revoke_invitations(slug: String, #[server(default)] ids: String) -> Result<Vec<Outcome>, Error> {
    operations::revoke_many(&web::member(&slug).await?, &many::ids(&ids)?).await
}

/// What the page of an invitation shows: by the link's token, or by id for the signed-in person.
#[server(prefix = "/fn", endpoint = "invitation/view")]
pub async fn view_invitation(#[server(default)] token: Secret, #[server(default)] id: String) -> Result<Shown, Error> {
    joining::view(&web::access()?, &which(token, &id)?).await
}

/// Invitations that wait for the signed-in person.
#[server(prefix = "/fn", endpoint = "invitation/mine")]
pub async fn load_waiting() -> Result<Vec<Waiting>, Error> {
    joining::mine(&web::access()?).await
}

#[server(prefix = "/fn", endpoint = "invitation/accept")]
pub async fn accept_invitation(token: Secret) -> Result<(), Error> {
    let slug = joining::accept(&web::access()?, &Which::Token(token)).await?;
    web::redirect(&routes::organisation(&slug).with("joined", "yes"));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "invitation/accept_mine")]
pub async fn accept_my_invitation(id: String) -> Result<(), Error> {
    let slug = joining::accept(&web::access()?, &Which::Mine(invitation_id(&id)?)).await?;
    web::redirect(&routes::organisation(&slug).with("joined", "yes"));
    Ok(())
}

#[server(prefix = "/fn", endpoint = "invitation/decline")]
pub async fn decline_invitation(#[server(default)] token: Secret, #[server(default)] id: String) -> Result<(), Error> {
    joining::decline(&web::access()?, &which(token, &id)?).await?;
    web::redirect(&routes::home());
    Ok(())
}

/// Makes an account for the invited address, joins, and signs in.
#[server(prefix = "/fn", endpoint = "invitation/join")]
pub async fn join_by_invitation(
    token: Secret,
    #[server(default)] name: String,
    #[server(default)] password: Secret,
) -> Result<(), Error> {
    let (slug, session) = joining::join_new(&web::nobody()?, &token, NewPerson { name, password }).await?;
    web::keep_session(session.as_ref()).await?;
    web::redirect(&routes::organisation(&slug).with("joined", "yes"));
    Ok(())
}

#[cfg(feature = "ssr")]
fn invitation_id(text: &str) -> Result<InvitationId, Error> {
    text.parse().map_err(|_| Error::not_found())
}

#[cfg(feature = "ssr")]
fn which(token: Secret, id: &str) -> Result<Which, Error> {
    if token.is_empty() { Ok(Which::Mine(invitation_id(id)?)) } else { Ok(Which::Token(token)) }
}
