//! One act on several invitations.

use super::revoke;
use crate::{
    features::{
        many::each,
        team::invitations::{model::Invitation, store},
    },
    kernel::{InvitationId, Result, many::Outcome},
    policy::{Operation, Role},
    server::access::Access,
};

/// Those of these invitations that there are, whatever became of them.
pub async fn picked(access: &Access, ids: &[InvitationId]) -> Result<Vec<Invitation>> {
    let mut tx = access.read(Operation::InvitationGet).await?;
    let now = access.now();
    let mut invitations = vec![];
    for id in ids {
        invitations.extend(store::get(&mut tx, *id, now).await?.map(|stored| stored.invitation));
    }
    Ok(invitations)
}

/// Revokes each, those of Owners first: if the password has to be proven for them, nothing is done yet.
pub async fn revoke_many(access: &Access, ids: &[InvitationId]) -> Result<Vec<Outcome>> {
    let known = picked(access, ids).await.unwrap_or_default();
    let invitation = |id: &InvitationId| known.iter().find(|invitation| invitation.id == *id);
    let mut ids = ids.to_vec();
    ids.sort_by_key(|id| invitation(id).is_none_or(|invitation| invitation.role != Role::Owner));
    let name = |id: &InvitationId| invitation(id).map(|invitation| invitation.email.clone()).unwrap_or_default();
    let named = ids.iter().map(|id| (*id, name(id))).collect();
    each(Operation::InvitationRevoke, named, |id, _| revoke(access, id)).await
}
