//! The team: members, roles, invitations.

#[cfg(feature = "ssr")]
pub mod store;
