//! One act on several members.

use super::{change_role, profile, remove};
use crate::{
    features::{
        many::each,
        team::model::{Keys, Profile},
    },
    kernel::{Result, UserId, many::Outcome},
    policy::{Operation, Role},
    server::access::Access,
};

/// Those of these people who belong here.
pub async fn picked(access: &Access, ids: &[UserId]) -> Result<Vec<Profile>> {
    let mut tx = access.read(Operation::TeamGet).await?;
    let mut profiles = vec![];
    for id in ids {
        profiles.extend(profile(access, &mut tx, *id).await?);
    }
    Ok(profiles)
}

/// Gives each the same role. `keys` says what becomes of the keys of those whose new role may do less than keys can.
pub async fn change_role_many(access: &Access, ids: &[UserId], next: Role, keys: Keys) -> Result<Vec<Outcome>> {
    each(Operation::TeamChangeRole, named(access, ids).await, |id, _| async move {
        change_role(access, id, next, keys).await.map(drop)
    })
    .await
}

/// Takes each out of the organisation. `keys` says what becomes of their keys.
pub async fn remove_many(access: &Access, ids: &[UserId], keys: Keys) -> Result<Vec<Outcome>> {
    each(
        Operation::TeamRemove,
        named(access, ids).await,
        |id, _| async move { remove(access, id, keys).await.map(drop) },
    )
    .await
}

/// The people with their names, as far as the caller may see them. Owners, for whom the password has to be proven, come
/// first: then nothing is done yet when that is asked for.
async fn named(access: &Access, ids: &[UserId]) -> Vec<(UserId, String)> {
    let profiles = picked(access, ids).await.unwrap_or_default();
    let person = |id: &UserId| profiles.iter().map(|profile| &profile.person).find(|person| person.id == *id);
    let mut ids = ids.to_vec();
    ids.sort_by_key(|id| person(id).is_none_or(|person| person.role != Role::Owner));
    ids.iter().map(|id| (*id, person(id).map(|person| person.name.clone()).unwrap_or_default())).collect()
}
