//! Who people and keys are, for access; and whether there is what an event names.

use super::{
    ROOMS,
    accounts::{self, email::Email},
    api_keys, organisations, team,
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
use std::net::IpAddr;

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

    async fn permissions(
        &self,
        tx: &mut OrgTx,
        secret: &Digest,
        from: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<PermissionSet> {
        Ok(api_keys::verify(tx, secret, from, now).await?.effective)
    }

    async fn is_known(&self, tx: &mut OrgTx, subject: &Subject) -> Result<bool> {
        let Subject { kind, id, name } = subject;
        // Accounts are of no organisation, and known by their address as well.
        if *kind == "account" {
            return Ok(match (id.parse().map(UserId), Email::parse(name)) {
                (Ok(id), _) => accounts::by_id(tx.system(), id).await?.is_some(),
                (Err(_), Ok(email)) => accounts::by_email(tx.system(), &email.canonical).await?.is_some(),
                (Err(_), Err(_)) => false,
            });
        }
        match ROOMS.iter().flat_map(|room| room.subjects).find(|(known, _)| known == kind) {
            Some((_, look_up)) => look_up(tx, id).await,
            None => Ok(false),
        }
    }
}
