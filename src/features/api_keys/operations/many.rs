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
use std::sync::{Mutex, PoisonError};

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
    let lines = Lines::of(typed);
    each(Operation::ApiKeyDisable, named(access, ids).await, |id, name| {
        let typed = lines.take(&name);
        async move { disable(access, id, Some(&typed)).await }
    })
    .await
}

/// Enables each.
pub async fn enable_many(access: &Access, ids: &[KeyId]) -> Result<Vec<Outcome>> {
    each(Operation::ApiKeyEnable, named(access, ids).await, |id, _| enable(access, id)).await
}

/// Deletes each. `typed` holds the names of those that were used within a day, one on each line.
pub async fn delete_many(access: &Access, ids: &[KeyId], typed: &str) -> Result<Vec<Outcome>> {
    let lines = Lines::of(typed);
    each(Operation::ApiKeyDelete, named(access, ids).await, |id, name| {
        let typed = lines.take(&name);
        async move { delete(access, id, Some(&typed)).await }
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

/// The lines that were typed. Each is for one key: of two with the same name, both have to be named.
struct Lines(Mutex<Vec<String>>);

impl Lines {
    fn of(typed: &str) -> Self {
        Self(Mutex::new(typed.lines().map(|line| line.trim().to_owned()).collect()))
    }

    /// The line that says this name; else nothing.
    fn take(&self, name: &str) -> String {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = lines.iter().position(|line| line == name);
        at.map(|at| lines.swap_remove(at)).unwrap_or_default()
    }
}
