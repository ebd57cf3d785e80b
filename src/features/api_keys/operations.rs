//! What can be done with API keys.

use super::store::{self, NewKey, Verified};
use crate::{
    kernel::{KeyId, Result, Secret, Timestamp, UserId},
    policy::PermissionSet,
    server::{
        access::Change,
        app::App,
        crypto::{ApiKeySecret, Digest, KeyKind, Keyring},
        database::OrgTx,
    },
};

/// The purpose under which secrets of keys are digested.
const PURPOSE: &str = "api key";

/// Makes the master key of a new organisation. It answers for the Owners. Gives its secret, this once.
pub async fn make_master(change: &mut Change) -> Result<Secret> {
    let created_by = change.access().actor_name().to_owned();
    let key = NewKey {
        id: KeyId::new(),
        kind: KeyKind::Master,
        name: "Master key",
        description: "Made with the organisation. It can do everything that a key can do.",
        permissions: PermissionSet::every_key_permission(),
        responsible: None,
        created_by: &created_by,
        expires_at: None,
    };
    let now = change.now();
    store::insert(change.tx(), &key, now).await?;
    new_secret(change, key.id, key.kind).await
}

/// Makes and stores a new secret of a key.
async fn new_secret(change: &mut Change, key: KeyId, kind: KeyKind) -> Result<Secret> {
    let secret = ApiKeySecret::generate(kind)?;
    let digest = change.access().app().keyring.digest(PURPOSE, secret.expose());
    let now = change.now();
    store::insert_secret(change.tx(), key, &secret, &digest, now).await?;
    Ok(Secret::new(secret.expose()))
}

/// The digest under which a presented secret would be stored. None: it is malformed or mistyped.
pub fn digest(keyring: &Keyring, presented: &str) -> Option<Digest> {
    ApiKeySecret::parse(presented).map(|secret| keyring.digest(PURPOSE, secret.expose()))
}

/// Who a presented secret is, at this moment. One that is malformed is refused without a look-up.
pub async fn verify(app: &App, presented: &str, now: Timestamp) -> Result<Verified> {
    let digest = digest(&app.keyring, presented).ok_or_else(store::invalid_key)?;
    let organisation = {
        let mut tx = app.db.read_by_digest(&digest).await?;
        store::find_secret(&mut tx, &digest).await?
    };
    let organisation = organisation.ok_or_else(store::invalid_key)?;
    let mut tx = app.read_proven(organisation).await?;
    store::verify(&mut tx, &digest, now).await
}

/// How many live keys answer for a person.
pub async fn count_of(tx: &mut OrgTx, user: UserId) -> Result<i64> {
    store::count_of(tx, user).await
}

/// Lets all keys of a person answer for somebody else (none: the Owners). Gives how many live ones there were.
pub async fn hand_over(change: &mut Change, from: UserId, to: Option<UserId>) -> Result<u64> {
    let now = change.now();
    store::hand_over(change.tx(), from, to, now).await
}

/// Revokes all keys of a person. Gives how many live ones there were.
pub async fn revoke_of(change: &mut Change, user: UserId) -> Result<u64> {
    let now = change.now();
    store::revoke_of(change.tx(), user, now).await
}
