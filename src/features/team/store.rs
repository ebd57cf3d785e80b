//! The team's SQL.

use crate::{
    kernel::{Error, OrganisationId, Result, UserId},
    policy::Role,
    server::database::{OrgTx, Tx, statements, values},
};
use uuid::Uuid;

statements! {
    MEMBERSHIP_BY_SLUG: SystemSql = "SELECT m.org_id, m.role FROM memberships m JOIN organisations o ON o.id = m.org_id JOIN users u ON u.id = m.user_id WHERE m.user_id = $1 AND o.slug = $2 AND u.disabled_at IS NULL";
    ROLE_OF: TenantSql = "SELECT m.role FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.org_id = $1 AND m.user_id = $2 AND u.disabled_at IS NULL";
}

/// Reads a stored role; one that is not known is a fault, never a lesser or greater role.
pub fn parse_role(stored: &str) -> Result<Role> {
    Role::parse(stored).ok_or_else(|| {
        tracing::error!(stored, "a stored role is not known");
        Error::internal()
    })
}

/// Where the person belongs under this slug, and as what.
pub async fn membership_by_slug(tx: &mut Tx, user: UserId, slug: &str) -> Result<Option<(OrganisationId, Role)>> {
    let row: Option<(Uuid, String)> = tx.optional(MEMBERSHIP_BY_SLUG, values![user, slug]).await?;
    row.map(|(id, role)| Ok((OrganisationId(id), parse_role(&role)?))).transpose()
}

/// The role of an active person here.
pub async fn role_of(tx: &mut OrgTx, user: UserId) -> Result<Option<Role>> {
    let row: Option<(String,)> = tx.optional(ROLE_OF, values![user]).await?;
    row.map(|(role,)| parse_role(&role)).transpose()
}
