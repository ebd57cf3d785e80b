//! The site as both sides know it: its addresses, and the organisation that a page stands in. Pure.

pub mod routes;

use crate::{
    kernel::{OrganisationId, UserId},
    policy::{Principal, Role},
};
use serde::{Deserialize, Serialize};

/// The organisation of this page and the person's role in it, given by the frame to everything inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub organisation: OrganisationId,
    pub slug: String,
    pub name: String,
    pub user: UserId,
    pub role: Role,
    /// The active Owners by name: whom to ask.
    pub owners: Vec<String>,
}

impl Place {
    /// The person as the policy sees them here.
    pub fn principal(&self) -> Principal {
        Principal::Member { user: self.user, organisation: self.organisation, role: self.role }
    }
}
