//! Whom keys answer for, as the team changes. What is done here is part of the team's own change and event.

use crate::{
    features::api_keys::store,
    kernel::{KeyId, Result, UserId},
    policy::{PermissionSet, Target},
    server::{access::Change, database::OrgTx},
};

/// How many keys answer for a person.
pub async fn count_of(tx: &mut OrgTx, user: UserId) -> Result<i64> {
    store::count_of(tx, user).await
}

/// The keys that answer for a person, by id and name, oldest first.
pub async fn held_by(tx: &mut OrgTx, user: UserId) -> Result<Vec<(KeyId, String)>> {
    store::held_by(tx, user).await
}

/// Lets all keys of a person answer for another, a member of the organisation (none: the Owners), and gives those that
/// can still be used, for the event. From here on the person can leave.
pub async fn hand_over(change: &mut Change, from: UserId, to: Option<UserId>) -> Result<Vec<(KeyId, String)>> {
    proven_for(change, from).await?;
    let now = change.now();
    let keys = store::held_by(change.tx(), from).await?;
    store::hand_over(change.tx(), from, to, now).await?;
    Ok(keys)
}

/// Deletes all keys of a person, and gives those that could still be used, for the event. From here on the person can
/// leave.
pub async fn revoke_of(change: &mut Change, user: UserId) -> Result<Vec<(KeyId, String)>> {
    proven_for(change, user).await?;
    let now = change.now();
    let keys = store::held_by(change.tx(), user).await?;
    store::revoke_of(change.tx(), user, now).await?;
    Ok(keys)
}

/// Who decides over all keys of a person must prove as much as who changes each of them.
async fn proven_for(change: &mut Change, person: UserId) -> Result<()> {
    let organisation = change.organisation();
    for (_, set) in store::sets_of(change.tx(), person).await? {
        change.proven_for(Target::Key { organisation, now: set, next: set, itself: false })?;
    }
    Ok(())
}

/// Takes from a person's keys what `ceiling` does not hold, before somebody else answers for them. Their effective
/// permissions stay what they are. Gives what was taken from which keys, for the event.
pub async fn narrow(
    change: &mut Change,
    person: UserId,
    ceiling: PermissionSet,
) -> Result<Vec<(KeyId, PermissionSet)>> {
    let now = change.now();
    let mut narrowed = vec![];
    for (key, set) in store::sets_of(change.tx(), person).await? {
        if !set.is_subset_of(ceiling) {
            store::set_permissions(change.tx(), key, set.intersection(ceiling), now).await?;
            narrowed.push((key, set.without(ceiling)));
        }
    }
    Ok(narrowed)
}
