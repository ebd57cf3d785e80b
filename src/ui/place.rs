//! Where a page stands: the organisation of its path, and what the person is there.

use crate::{
    kernel::OrganisationId,
    kernel::UserId,
    policy::{Principal, Role},
};
use leptos::prelude::*;
use leptos_router::hooks::use_location;
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

/// The address of this page, from its path on.
pub fn here() -> String {
    let location = use_location();
    let search = location.search.get_untracked();
    let search = search.trim_start_matches('?');
    let path = location.pathname.get_untracked();
    if search.is_empty() { path } else { format!("{path}?{search}") }
}

/// The place of this page; none outside of organisations.
pub fn use_place() -> Option<Place> {
    use_context::<Signal<Option<Place>>>().and_then(|place| place.get())
}
