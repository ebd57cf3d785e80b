//! The team: members, roles, and what becomes of the keys of those who go; invitations are a room of their own inside.

pub mod functions;
pub mod invitations;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
#[cfg(feature = "ssr")]
pub mod rest;
#[cfg(feature = "ssr")]
mod store;

// What other rooms may ask of this room's data, inside their own transactions.
#[cfg(feature = "ssr")]
pub use store::{
    LIST, STATEMENTS, active_at, active_people, join, membership_by_slug, memberships, owners, places, role_of,
};
