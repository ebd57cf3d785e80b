//! Whose a secret is, whatever its standing: for whoever remembers the answer and refuses by it.

use super::{VERIFY, VerifyRow};
use crate::{
    features::{api_keys::narrowing::KeyBounds, logs::texts::Keeps},
    kernel::{KeyId, Result, Timestamp},
    policy::PermissionSet,
    server::database::{OrgTx, values},
};
use uuid::Uuid;

/// A key that exists, and one secret of it.
#[derive(Clone, Debug)]
pub struct Holder {
    pub key: KeyId,
    pub secret: Uuid,
    /// Its own set, cut by what the person it answers for may do now.
    pub effective: PermissionSet,
    pub revoked: bool,
    pub disabled: bool,
    /// The moment from which the key is refused.
    pub expires_at: Option<Timestamp>,
    /// The moment from which this secret is refused, since it was rotated away.
    pub valid_until: Option<Timestamp>,
    /// The slug of the config that leads its calls where they name none. Empty where that config is gone.
    pub config: Option<String>,
    /// Whether a call may name another.
    pub config_override: bool,
    /// Whether the organisation lets calls name only what is saved.
    pub saved_only: bool,
    /// Whether the organisation has guardrails for all its calls.
    pub guarded: bool,
    /// Whether the organisation has prices of its own.
    pub priced: bool,
    /// How the texts of its calls are kept, if they are.
    pub keeps: Option<Keeps>,
    /// What bounds it beside its permissions.
    pub bounds: KeyBounds,
}

/// Looks a secret up by its whole digest.
pub async fn find(tx: &mut OrgTx, digest: &[u8]) -> Result<Option<Holder>> {
    let row: Option<VerifyRow> = tx.optional(VERIFY, values![digest]).await?;
    row.map(|mut row| {
        // Before the narrowing is taken out of the row.
        let effective = row.effective()?;
        Ok(Holder {
            bounds: row.bounds(),
            key: KeyId(row.id),
            secret: row.secret_id,
            effective,
            revoked: row.revoked_at.is_some(),
            disabled: row.disabled_at.is_some(),
            expires_at: row.expires_at.map(Timestamp),
            valid_until: row.valid_until.map(Timestamp),
            config: row.config_id.map(|_| row.config_slug.unwrap_or_default()),
            config_override: row.config_override,
            saved_only: row.saved_only,
            guarded: row.guarded,
            priced: row.priced,
            keeps: Keeps::of(row.org_keep_texts, row.keep_texts, row.leave_images_out),
        })
    })
    .transpose()
}
