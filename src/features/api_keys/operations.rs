//! What can be done with API keys.

mod change;
mod form;
mod many;
mod narrow;
mod people;
mod read;
mod rights;
mod rotate;

pub use change::{Edit, New, create, delete, disable, disable_within, enable, made_before, update};
pub use many::{delete_many, disable_many, enable_many, picked};
pub use narrow::Narrow;
pub use people::{count_of, hand_over, held_by, narrow, revoke_of};
pub use read::{draft, get, list};
pub use rights::{SetTo, permission_uses, set_permissions, write_uses};
pub use rotate::{Rotation, end_overlap, rotate};

use super::{
    model::Key,
    store::{self, NewKey},
};
use crate::{
    features::limits,
    kernel::{Code, Error, KeyId, OrganisationId, Result, Secret, Timestamp},
    policy::{PermissionSet, Target},
    server::{
        access::{App, Change, VerifiedKey, uses::Use},
        audit::event::Subject,
        crypto::{ApiKeySecret, Digest, KeyKind, Keyring},
    },
};
use std::net::IpAddr;
use uuid::Uuid;

/// The purpose under which secrets of keys are digested.
const PURPOSE: &str = "api key";

/// Makes the master key of a new organisation. It answers for the Owners. Gives its id, and its secret this once.
pub async fn make_master(change: &mut Change) -> Result<(KeyId, Secret)> {
    let created_by = change.access().actor_name().to_owned();
    let key = NewKey {
        id: KeyId::new(),
        kind: KeyKind::Master,
        name: "Master key",
        description: "Made with the organisation. It can do everything that a key can do.",
        permissions: PermissionSet::every_key_permission(),
        scopes: &[],
        responsible: None,
        created_by: &created_by,
        expires_at: None,
        config: None,
        config_override: true,
        keep_texts: None,
    };
    let now = change.now();
    store::insert(change.tx(), &key, now).await?;
    Ok((key.id, new_secret(change, key.id, key.kind).await?))
}

/// Makes and stores a new secret of a key.
async fn new_secret(change: &mut Change, key: KeyId, kind: KeyKind) -> Result<Secret> {
    let secret = ApiKeySecret::generate(kind)?;
    let digest = change.access().app().keyring.digest(PURPOSE, secret.expose());
    let now = change.now();
    store::insert_secret(change.tx(), key, &secret, &digest, now).await?;
    Ok(Secret::new(secret.expose()))
}

/// The key as the event log names it.
fn subject(key: &Key) -> Subject {
    Subject::new("api_key", key.id, &key.name)
}

/// Reads the key that is to be changed, inside the change, and decides on it: nobody touches a key stronger than
/// themselves, and no key touches itself. `next` is what it shall hold (none: what it holds now).
async fn changeable(
    change: &mut Change,
    id: KeyId,
    next: impl FnOnce(&Key) -> Result<PermissionSet>,
) -> Result<(Key, PermissionSet)> {
    let now = change.now();
    let key = store::list::get(change.tx(), id, now).await?.ok_or_else(Error::not_found)?;
    let itself = change.own_key() == Some(id);
    let organisation = change.organisation();
    // Whoever changes the master key, or learns its next secret, must hold what that alone does.
    let held = |set: PermissionSet| if key.master { set.of_master() } else { set };
    let target = |next| Target::Key { organisation, now: held(key.permissions), next: held(next), itself };
    change.check(target(key.permissions))?;
    narrow::touches_none_wider(change, id).await?;
    limits::free_to_act(change).await?;
    if key.deleted_at.is_some() {
        return Err(Error::conflict("This key was deleted. It cannot be changed any more."));
    }
    let next = next(&key)?;
    change.check(target(next))?;
    Ok((key, next))
}

/// Whether the change may touch this key, for what is changed beside it. A key that is gone hurts nobody.
///
/// # Errors
/// As an edit of the key that changes nothing.
pub async fn touch(change: &mut Change, id: KeyId) -> Result<()> {
    let now = change.now();
    match store::list::get(change.tx(), id, now).await? {
        Some(key) if key.deleted_at.is_none() => changeable(change, id, |key| Ok(key.permissions)).await.map(drop),
        Some(_) | None => Ok(()),
    }
}

/// Whoever is made a member, or an Admin, could do what an API key may not that is limited or narrowed: such a key invites
/// nobody and gives no roles.
///
/// # Errors
/// `permission_denied`.
pub async fn free_to_invite(change: &mut Change) -> Result<()> {
    let Some(own) = change.own_key() else { return Ok(()) };
    limits::free_to_act(change).await?;
    match store::narrowing::is_narrowed(change.tx(), own).await? {
        false => Ok(()),
        true => Err(Error::new(
            Code::PermissionDenied,
            "The API key that asks is narrowed. It invites nobody and gives no roles.",
        )),
    }
}

/// The digest under which a presented secret would be stored. None: it is malformed or mistyped.
pub fn digest(keyring: &Keyring, presented: &str) -> Option<Digest> {
    ApiKeySecret::parse(presented).map(|secret| keyring.digest(PURPOSE, secret.expose()))
}

/// The key to which the secret of this digest belongs or belonged, with its organisation and name, whether it still opens anything
/// or not: for the event of its refusal.
pub async fn belongs_to(app: &App, digest: &Digest) -> Result<Option<(OrganisationId, KeyId, Uuid, String)>> {
    let owner = {
        let mut tx = app.db.read_by_digest(digest).await?;
        store::owner_of_secret(&mut tx, digest).await?
    };
    let Some((organisation, key, secret)) = owner else { return Ok(None) };
    let mut tx = app.read_proven(organisation).await?;
    let name = store::name_of(&mut tx, key).await?.unwrap_or_default();
    Ok(Some((organisation, key, secret, name)))
}

/// Who a presented secret is, at this moment, to whoever comes from this address. One that is malformed is refused without a
/// look-up.
pub async fn verify(app: &App, presented: &str, from: Option<IpAddr>, now: Timestamp) -> Result<VerifiedKey> {
    let digest = digest(&app.keyring, presented).ok_or_else(store::invalid_key)?;
    verify_digest(app, &digest, from, now).await
}

/// The same of the digest of a secret, which a link of ours has proven.
pub async fn verify_digest(app: &App, digest: &Digest, from: Option<IpAddr>, now: Timestamp) -> Result<VerifiedKey> {
    let organisation = {
        let mut tx = app.db.read_by_digest(digest).await?;
        store::find_secret(&mut tx, digest).await?
    };
    let organisation = organisation.ok_or_else(store::invalid_key)?;
    let mut tx = app.read_proven(organisation).await?;
    store::verify(&mut tx, digest, from, now).await
}

/// Notes the uses of secrets that are due. Nothing depends on it, so nothing fails with it.
pub async fn note_uses(app: &App, organisation: OrganisationId, uses: Vec<Use>) {
    let due = app.uses.due(uses);
    if due.is_empty() {
        return;
    }
    let noted: Result<()> = async {
        let mut note = app.note_in(organisation).await?;
        store::touch_used(note.tx(), &due).await?;
        note.commit().await
    }
    .await;
    if let Err(error) = noted {
        tracing::warn!(%error, "the last use of API keys could not be noted");
    }
}
