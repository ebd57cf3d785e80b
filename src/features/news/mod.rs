//! What others have changed of a list that somebody has in view.

pub mod functions;
pub mod model;
#[cfg(feature = "ssr")]
mod operations;
pub mod pages;

#[cfg(feature = "ssr")]
use super::{NO_CALLS, Room};

#[cfg(feature = "ssr")]
pub const ROOM: Room = Room { statements: &[], lists: &[], calls: NO_CALLS, subjects: &[], jobs: &[] };
