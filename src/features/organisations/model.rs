//! What both sides know of organisations.

use crate::{kernel::text, policy::Role, ui::Place};
use serde::{Deserialize, Serialize};

/// Longest name of an organisation.
pub const NAME_LIMIT: usize = 100;
/// Longest slug.
pub const SLUG_LIMIT: usize = 40;

/// An organisation that a person belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    pub slug: String,
    pub name: String,
    pub role: Role,
}

/// An invitation that waits for the signed-in person's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    pub id: crate::kernel::InvitationId,
    pub organisation: String,
    pub role: Role,
    pub inviter: String,
}

/// Everything that the frame of an organisation's pages shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    pub place: Place,
    pub person: String,
    pub email: String,
    pub memberships: Vec<Membership>,
    pub invitations: Vec<Waiting>,
}

/// What a new organisation gives its maker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    pub slug: String,
    pub name: String,
    /// The master key's secret: this once.
    pub master_key: crate::kernel::Secret,
}

/// A name of 1 to 100 characters.
pub fn parse_name(text: &str) -> Result<String, String> {
    text::line("The name", text, NAME_LIMIT)
}

/// A slug: lower-case ASCII letters, digits and single hyphens, 2 to 40 characters.
pub fn parse_slug(text: &str) -> Result<String, String> {
    let slug = text.trim();
    let well_formed = (2..=SLUG_LIMIT).contains(&slug.len())
        && slug.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !slug.starts_with('-')
        && !slug.ends_with('-')
        && !slug.contains("--");
    if well_formed {
        Ok(slug.to_owned())
    } else {
        Err(format!("The short name takes 2 to {SLUG_LIMIT} lower-case letters, digits and single hyphens."))
    }
}
