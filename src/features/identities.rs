//! Who people and keys are, for access; and whether there is what an event names.

use super::{
    accounts::{self, email::Email},
    api_keys, organisations, team, virtual_keys,
};
use crate::{
    kernel::{OrganisationId, Result, Timestamp, UserId},
    policy::{PermissionSet, Role},
    server::{
        access::Identities,
        audit::event::Subject,
        crypto::Digest,
        database::{OrgTx, Tx},
    },
};
use async_trait::async_trait;

/// The rooms' own answers.
#[derive(Clone, Copy, Debug)]
pub struct Rooms;

#[async_trait]
impl Identities for Rooms {
    async fn membership(&self, tx: &mut Tx, user: UserId, slug: &str) -> Result<Option<(OrganisationId, Role)>> {
        team::membership_by_slug(tx, user, slug).await
    }

    async fn slug(&self, tx: &mut OrgTx) -> Result<Option<String>> {
        let id = tx.organisation();
        Ok(organisations::by_id(tx.system(), id).await?.map(|found| found.slug))
    }

    async fn role(&self, tx: &mut OrgTx, user: UserId) -> Result<Option<Role>> {
        team::role_of(tx, user).await
    }

    async fn permissions(&self, tx: &mut OrgTx, secret: &Digest, now: Timestamp) -> Result<PermissionSet> {
        Ok(api_keys::verify(tx, secret, now).await?.effective)
    }

    async fn is_known(&self, tx: &mut OrgTx, subject: &Subject) -> Result<bool> {
        let Subject { kind, id, name } = subject;
        Ok(match *kind {
            "account" => match (id.parse().map(UserId), Email::parse(name)) {
                (Ok(id), _) => accounts::by_id(tx.system(), id).await?.is_some(),
                (Err(_), Ok(email)) => accounts::by_email(tx.system(), &email.canonical).await?.is_some(),
                (Err(_), Err(_)) => false,
            },
            "api_key" => match id.parse() {
                Ok(id) => api_keys::exists(tx, id).await?,
                Err(_) => false,
            },
            "member" => match id.parse() {
                Ok(id) => team::role_of(tx, id).await?.is_some(),
                Err(_) => false,
            },
            "virtual_key" if !id.is_empty() => virtual_keys::slug_is_taken(tx, id).await?,
            "invitation" => match id.parse() {
                Ok(id) => team::invitations::exists(tx, id).await?,
                Err(_) => false,
            },
            _ => false,
        })
    }
}
