//! What access asks of the rooms that keep people and keys, which stand above it.

use crate::{
    kernel::{KeyId, OrganisationId, Result, Timestamp, UserId},
    policy::{PermissionSet, Role},
    server::{
        audit::event::Subject,
        crypto::Digest,
        database::{OrgTx, Tx},
    },
};
use async_trait::async_trait;
use std::net::IpAddr;
use uuid::Uuid;

/// Who people and keys are. Each answer is read in the transaction that is given.
#[async_trait]
pub trait Identities: Send + Sync {
    /// The organisation of this slug with the person's role in it. None: there is no such organisation, or they do not belong
    /// to it.
    async fn membership(&self, tx: &mut Tx, user: UserId, slug: &str) -> Result<Option<(OrganisationId, Role)>>;

    /// The slug of the transaction's organisation.
    async fn slug(&self, tx: &mut OrgTx) -> Result<Option<String>>;

    /// The person's role in the transaction's organisation, if they belong to it.
    async fn role(&self, tx: &mut OrgTx, user: UserId) -> Result<Option<Role>>;

    /// What the key with this secret may do now for whoever comes from this address. In the transaction it sees only what it
    /// is narrowed to.
    ///
    /// # Errors
    /// Why the secret opens nothing: unknown, rotated away, expired; the key deleted, disabled, expired, not valid yet, against
    /// the organisation's rules, or not for this address.
    async fn permissions(
        &self,
        tx: &mut OrgTx,
        secret: &Digest,
        from: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<PermissionSet>;

    /// Whether there is what an event names, in the transaction's organisation or among the accounts.
    async fn is_known(&self, tx: &mut OrgTx, subject: &Subject) -> Result<bool>;
}

/// A key whose secret was presented, found good at this moment.
#[derive(Clone, Debug)]
pub struct VerifiedKey {
    pub organisation: OrganisationId,
    pub key: KeyId,
    /// The id of the secret that was presented.
    pub secret: Uuid,
    /// The digest of the presented secret.
    pub digest: Digest,
    pub name: String,
    /// Its own set, cut by what the person it answers for may do now.
    pub effective: PermissionSet,
}
