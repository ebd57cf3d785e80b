//! Which permissions keys use.

use crate::{
    features::api_keys::model::{PermissionUse, Rights},
    kernel::{KeyId, Result, Timestamp},
    policy::{Permission, PermissionSet},
    server::{
        access::uses,
        database::{OrgTx, statements, values},
    },
};
use std::collections::HashMap;
use uuid::Uuid;

statements! {
    USED: TenantSql = "INSERT INTO key_permission_uses (org_id, key_id, permission, used_day) VALUES ($1, $2, $3, $4) ON CONFLICT (org_id, key_id, permission) DO UPDATE SET used_day = excluded.used_day WHERE COALESCE(key_permission_uses.used_day, 0) < excluded.used_day";
    GIVEN: TenantSql = "INSERT INTO key_permission_uses (org_id, key_id, permission, given_at) VALUES ($1, $2, $3, $4) ON CONFLICT (org_id, key_id, permission) DO UPDATE SET given_at = excluded.given_at";
    COUNTED_SINCE: TenantSql = "SELECT COALESCE(counted_since, created_at) FROM api_keys WHERE org_id = $1 AND id = $2";
    OF_KEY: TenantSql = "SELECT permission, given_at, used_day FROM key_permission_uses WHERE org_id = $1 AND key_id = $2";
    // Of the keys that are not deleted.
    SINCE_OF_ALL: TenantSql = "SELECT id, COALESCE(counted_since, created_at) FROM api_keys WHERE org_id = $1 AND revoked_at IS NULL";
    OF_ALL: TenantSql = "SELECT key_id, permission, given_at, used_day FROM key_permission_uses WHERE org_id = $1";
}

/// Notes the days on which permissions were used. An earlier day changes nothing.
pub async fn note(tx: &mut OrgTx, uses: &[uses::PermissionUse]) -> Result<()> {
    for used in uses {
        tx.execute(USED, values![used.key, used.permission.name(), used.day]).await?;
    }
    Ok(())
}

/// Notes that a key was given these permissions.
pub async fn give(tx: &mut OrgTx, key: KeyId, permissions: PermissionSet, now: Timestamp) -> Result<()> {
    for permission in permissions.iter() {
        tx.execute(GIVEN, values![key, permission.name(), now]).await?;
    }
    Ok(())
}

/// What is known of the use of a key's permissions. A key that does not exist has used none.
pub async fn of_key(tx: &mut OrgTx, key: KeyId) -> Result<Rights> {
    let since: Option<(i64,)> = tx.optional(COUNTED_SINCE, values![key]).await?;
    let rows: Vec<(String, Option<i64>, Option<i64>)> = tx.all(OF_KEY, values![key]).await?;
    Ok(Rights {
        since: since.map(|(at,)| Timestamp(at)).unwrap_or_default(),
        uses: rows.into_iter().filter_map(|(name, given, used)| read(&name, given, used)).collect(),
    })
}

/// The same of every key that is not deleted.
pub async fn of_all(tx: &mut OrgTx) -> Result<HashMap<KeyId, Rights>> {
    let since: Vec<(Uuid, i64)> = tx.all(SINCE_OF_ALL, vec![]).await?;
    let rows: Vec<(Uuid, String, Option<i64>, Option<i64>)> = tx.all(OF_ALL, vec![]).await?;
    let mut all: HashMap<_, _> =
        since.into_iter().map(|(id, at)| (KeyId(id), Rights { since: Timestamp(at), uses: vec![] })).collect();
    for (key, name, given, used) in rows {
        if let Some(rights) = all.get_mut(&KeyId(key)) {
            rights.uses.extend(read(&name, given, used));
        }
    }
    Ok(all)
}

/// A permission that this version does not know is nothing that a key can hold.
fn read(name: &str, given: Option<i64>, used: Option<i64>) -> Option<PermissionUse> {
    let permission = Permission::parse(name)?;
    Some(PermissionUse { permission, given_at: given.map(Timestamp), used_day: used.map(Timestamp) })
}
