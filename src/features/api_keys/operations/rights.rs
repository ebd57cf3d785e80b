//! Which permissions a key uses, and taking away the others.

use super::{
    change::{Edit, apply},
    changeable,
};
use crate::{
    features::api_keys::{
        model::{Key, Reset, Rights, SPANS},
        store,
    },
    kernel::{Error, KeyId, Result, Timestamp},
    policy::{Operation, PermissionSet},
    server::{
        access::{Access, App},
        audit::event::Subject,
        database::OrgTx,
    },
};

/// The permissions that a key shall hold.
pub struct SetTo {
    pub permissions: PermissionSet,
    /// They are what remains where those go that were not used for so many days: refused where they are not any more.
    pub used_within: Option<i64>,
    /// The version that was read; another one by now is refused. None: whatever is there.
    pub version: Option<i64>,
}

/// Writes down which permissions were used, in groups. What cannot be written waits for the next time.
///
/// # Errors
/// The first of those that kept a group from being written.
pub async fn write_uses(app: &App) -> Result<()> {
    let mut failed = Ok(());
    for (organisation, uses) in app.uses.take() {
        let written: Result<()> = async {
            let mut note = app.note_in(organisation).await?;
            store::rights::note(note.tx(), &uses).await?;
            note.commit().await
        }
        .await;
        if let Err(error) = written {
            app.uses.put_back(organisation, uses);
            failed = failed.and(Err(error));
        }
    }
    failed
}

/// What is known of the use of a key's permissions, with what this program has counted and not written yet.
pub(super) async fn rights(tx: &mut OrgTx, app: &App, key: KeyId) -> Result<Rights> {
    let mut rights = store::rights::of_key(tx, key).await?;
    for used in app.uses.waiting(tx.organisation(), key) {
        rights.count(used.permission, used.day);
    }
    Ok(rights)
}

/// A key and what is known of the use of its permissions, at this moment.
pub async fn permission_uses(access: &Access, id: KeyId) -> Result<(Key, Rights, Timestamp)> {
    let mut tx = access.read(Operation::ApiKeyPermissionUses).await?;
    let now = access.now();
    let key = store::list::get(&mut tx, id, now).await?.ok_or_else(Error::not_found)?;
    let rights = rights(&mut tx, access.app(), id).await?;
    Ok((key, rights, now))
}

/// Gives a key these permissions and no others, and says what it held before.
pub async fn set_permissions(access: &Access, id: KeyId, to: impl FnOnce() -> Result<SetTo>) -> Result<Reset> {
    access
        .act(Operation::ApiKeyUpdate, Subject::unnamed("api_key", id), |mut change| async move {
            let mut asked = None;
            let (key, permissions) = changeable(&mut change, id, |_| {
                let to = to()?;
                let permissions = to.permissions;
                asked = Some(to);
                Ok(permissions)
            })
            .await?;
            let SetTo { used_within, version, .. } = asked.ok_or_else(Error::internal)?;
            if let Some(days) = used_within {
                let rights = rights(change.tx(), access.app(), id).await?;
                narrows_to_the_used(&key, &rights, permissions, (days, change.now()))?;
            }
            let (name, was) = (key.name.clone(), key.permissions);
            let edit = Edit { permissions: Some(permissions), version, ..Edit::default() };
            let version = version.unwrap_or(key.version).saturating_add(1);
            let done = apply(change, key, permissions, edit).await?;
            Ok(done.map(|_| Reset { id, name, was, version }))
        })
        .await
}

/// Refuses a set that is not what the key has used within so many days.
fn narrows_to_the_used(
    key: &Key,
    rights: &Rights,
    permissions: PermissionSet,
    (days, now): (i64, Timestamp),
) -> Result<()> {
    if !SPANS.contains(&days) {
        return Err(Error::field("used_within", "Choose 30, 60 or 90 days."));
    }
    let Some(unused) = rights.unused(key.permissions, days, now) else {
        return Err(Error::conflict("Its uses have not been counted for that long. Choose a shorter span."));
    };
    if key.permissions.without(unused) == permissions {
        return Ok(());
    }
    Err(Error::conflict("This key has since used, or been given, other permissions. Reload the page and look again."))
}
