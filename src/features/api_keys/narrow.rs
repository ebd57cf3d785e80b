//! Cutting the sets of a person's keys down to what that person may do, before somebody else answers for them.

use crate::{
    kernel::{Error, Result, UserId},
    policy::PermissionSet,
    server::{
        access::Change,
        database::{statements, values},
    },
};
use sqlx::types::Json;
use uuid::Uuid;

statements! {
    SETS_OF: TenantSql = "SELECT id, permissions FROM api_keys WHERE org_id = $1 AND responsible = $2 AND revoked_at IS NULL";
    SET_PERMISSIONS: TenantSql = "UPDATE api_keys SET permissions = $3, updated_at = $4, version = version + 1 WHERE org_id = $1 AND id = $2";
}

/// Takes from a person's keys what `ceiling` does not hold. Their effective permissions stay what they are.
pub async fn to(change: &mut Change, person: UserId, ceiling: PermissionSet) -> Result<()> {
    let now = change.now();
    let keys: Vec<(Uuid, Json<PermissionSet>)> = change.tx().all(SETS_OF, values![person]).await?;
    for (id, Json(set)) in keys.into_iter().filter(|(_, Json(set))| !set.is_subset_of(ceiling)) {
        let cut = serde_json::to_value(set.intersection(ceiling)).map_err(|_| Error::internal())?;
        change.tx().execute(SET_PERMISSIONS, values![id, cut, now]).await?;
    }
    Ok(())
}
