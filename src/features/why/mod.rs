//! Why: every decision of the policy explained, for a person or key; who can do a thing; and what would change it.

pub mod functions;
pub mod model;
#[cfg(feature = "ssr")]
mod operations;
pub mod pages;
#[cfg(feature = "ssr")]
mod question;
#[cfg(feature = "ssr")]
mod rest;

#[cfg(feature = "ssr")]
use super::Room;

#[cfg(feature = "ssr")]
pub const ROOM: Room = Room { statements: &[], lists: &[], calls: rest::register, subjects: &[], jobs: &[] };
