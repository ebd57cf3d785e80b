//! What the directory reads, and from where.

use super::compiled::Runnable;
use crate::features::api_keys::narrowing::KeyBounds;
use crate::features::guardrails::model::AllCalls;
use crate::features::logs::texts::Keeps;
use crate::gateway::limits::LimitSet;
use crate::gateway::target::CallTarget;
use crate::kernel::price::Prices;
use crate::kernel::{ConfigId, GuardrailId, KeyId, OrganisationId, SecretId, Timestamp, UserId};
use crate::policy::{Permission, PermissionSet};
use crate::server::access::SignedInMember;
use async_trait::async_trait;
use std::sync::Arc;

/// The keyed digest of a key's whole secret.
pub type Digest = [u8; 32];

/// What an API key that exists stands for, or a person who calls from the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerKey {
    pub organisation: OrganisationId,
    /// Of a person: their own id.
    pub key: KeyId,
    /// Which of the key's secrets was presented. Of a person: the session's id.
    pub secret: SecretId,
    /// Who it is that calls, where it is no key.
    pub person: Option<UserId>,
    pub standing: Standing,
    /// The first instant at which the key is refused.
    pub expires_at: Option<Timestamp>,
    /// The first instant at which this secret is refused because a newer one replaced it.
    pub rotated_at: Option<Timestamp>,
    /// Whether the policy lets it call and list models: one permission, see the table of operations.
    pub may_complete: bool,
    /// What the key may do, by which answers that are kept are told apart.
    pub permissions: PermissionSet,
    /// The slug of the config that leads its calls where a request names none.
    pub config: Option<Box<str>>,
    /// Whether a request may name another.
    pub may_override: bool,
    /// Whether the organisation lets requests name only what is saved.
    pub saved_only: bool,
    /// Whether the organisation has guardrails for all its calls.
    pub guarded: bool,
    /// How the texts of its calls are kept, if they are.
    pub keeps: Option<Keeps>,
    /// The organisation's own prices, if it has any.
    pub prices: Option<Arc<Prices>>,
    /// What it may use: by its own limits, its person's, and the organisation's.
    pub limits: LimitSet,
    /// What bounds it beside its permissions, if anything does.
    pub bounds: Option<Arc<KeyBounds>>,
}

/// Whether a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Live,
    Disabled,
    Revoked,
}

/// A config as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredConfig {
    pub id: ConfigId,
    /// Of the newest version.
    pub version: i64,
    pub text: String,
}

/// A guardrail as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredGuardrail {
    pub id: GuardrailId,
    pub slug: Box<str>,
    /// Of the newest version.
    pub version: i64,
    pub text: String,
}

/// The database could not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the directory of keys cannot be read")]
pub struct Unavailable;

/// Where the directory reads from.
#[async_trait]
pub trait KeySource: Send + Sync + 'static {
    /// The digest under which a presented secret would be stored. `None` for a word that is no key by its form or
    /// checksum. Called for every request: no input or output.
    fn digest(&self, presented: &str) -> Option<Digest>;

    /// The key with this digest, revoked and disabled ones included, or `None`.
    async fn key(&self, digest: &Digest) -> Result<Option<CallerKey>, Unavailable>;

    /// A person in an organisation of theirs, as a key with their rights; `None` once their session has ended or they do not
    /// belong to it.
    async fn member(&self, member: &SignedInMember) -> Result<Option<CallerKey>, Unavailable>;

    /// The virtual key of this organisation with this slug, ready to call, or `None`.
    async fn target(&self, organisation: OrganisationId, slug: &str) -> Result<Option<CallTarget>, Unavailable>;

    /// The config of this organisation with this slug, or `None`.
    async fn config(&self, organisation: OrganisationId, slug: &str) -> Result<Option<StoredConfig>, Unavailable>;

    /// The guardrail of this organisation with this slug, or `None`.
    async fn guardrail(&self, organisation: OrganisationId, slug: &str)
    -> Result<Option<StoredGuardrail>, Unavailable>;

    /// The guardrails of this organisation that judge every call, in their order.
    async fn guardrails_of_all_calls(
        &self,
        organisation: OrganisationId,
    ) -> Result<Vec<(StoredGuardrail, AllCalls)>, Unavailable>;

    /// The prompt of this organisation that an address (`slug`, `slug@7`, `slug@staging`) names, or `None`.
    async fn prompt(&self, organisation: OrganisationId, address: &str) -> Result<Option<Runnable>, Unavailable>;

    /// The slugs of all virtual keys of this organisation that may be called.
    async fn slugs(&self, organisation: OrganisationId) -> Result<Vec<String>, Unavailable>;

    /// Counts that a key used a permission for what leaves no record. Called where it did: no input or output.
    fn used(&self, _organisation: OrganisationId, _key: KeyId, _permission: Permission) {}
}
