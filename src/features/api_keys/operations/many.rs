//! One act on several keys.

use super::{delete, disable, enable};
use crate::{
    features::{
        api_keys::{model::Picked, store},
        many::each,
    },
    kernel::{KeyId, Result, many::Outcome},
    policy::Operation,
    server::access::Access,
};

/// Those of these keys that there are, deleted ones included.
pub async fn picked(access: &Access, ids: &[KeyId]) -> Result<Picked> {
    let mut tx = access.read(Operation::ApiKeyGet).await?;
    let now = access.now();
    let mut keys = vec![];
    for id in ids {
        keys.extend(store::list::get(&mut tx, *id, now).await?);
    }
    Ok(Picked { keys, now })
}

/// Disables each. `typed` holds the names of those that were used within a day, one on each line.
pub async fn disable_many(access: &Access, ids: &[KeyId], typed: &str) -> Result<Vec<Outcome>> {
    each(Operation::ApiKeyDisable, named(access, ids).await, |id, name| async move {
        disable(access, id, Some(line(typed, &name))).await
    })
    .await
}

/// Enables each.
pub async fn enable_many(access: &Access, ids: &[KeyId]) -> Result<Vec<Outcome>> {
    each(Operation::ApiKeyEnable, named(access, ids).await, |id, _| enable(access, id)).await
}

/// Deletes each. `typed` holds the names of those that were used within a day, one on each line.
pub async fn delete_many(access: &Access, ids: &[KeyId], typed: &str) -> Result<Vec<Outcome>> {
    each(Operation::ApiKeyDelete, named(access, ids).await, |id, name| async move {
        delete(access, id, Some(line(typed, &name))).await
    })
    .await
}

/// The keys with their names, as far as the caller may see them. Those for which the password may have to be proven come
/// first: then nothing is done yet when that is asked for.
async fn named(access: &Access, ids: &[KeyId]) -> Vec<(KeyId, String)> {
    let keys = picked(access, ids).await.map(|picked| picked.keys).unwrap_or_default();
    let key = |id: &KeyId| keys.iter().find(|key| key.id == *id);
    let mut ids = ids.to_vec();
    ids.sort_by_key(|id| key(id).is_none_or(|key| !key.permissions.manages_keys()));
    ids.iter().map(|id| (*id, key(id).map(|key| key.name.clone()).unwrap_or_default())).collect()
}

/// The line that says this name; else nothing.
fn line<'a>(typed: &'a str, name: &str) -> &'a str {
    typed.lines().map(str::trim).find(|line| *line == name).unwrap_or_default()
}
