//! Whom keys answer for, as the team changes. What is done here is part of the team's own change and event.

use crate::{
    features::api_keys::store,
    kernel::{Result, UserId},
    server::{access::Change, database::OrgTx},
};

/// How many keys answer for a person.
pub async fn count_of(tx: &mut OrgTx, user: UserId) -> Result<i64> {
    store::count_of(tx, user).await
}

/// Lets all keys of a person answer for another, a member of the organisation (none: the Owners). Gives how many of them
/// can still be used. From here on the person can leave.
pub async fn hand_over(change: &mut Change, from: UserId, to: Option<UserId>) -> Result<i64> {
    let now = change.now();
    let count = store::count_of(change.tx(), from).await?;
    store::hand_over(change.tx(), from, to, now).await?;
    Ok(count)
}

/// Deletes all keys of a person. Gives how many of them could still be used. From here on the person can leave.
pub async fn revoke_of(change: &mut Change, user: UserId) -> Result<i64> {
    let now = change.now();
    let count = store::count_of(change.tx(), user).await?;
    store::revoke_of(change.tx(), user, now).await?;
    Ok(count)
}
