//! Home: where an organisation begins. It shows what waits for somebody, the first steps, the last day's calls, and what
//! happened lately: of each room as much as the role may see.

pub mod functions;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
#[cfg(all(test, feature = "ssr"))]
mod tests;

#[cfg(feature = "ssr")]
use super::{NO_CALLS, Room};

#[cfg(feature = "ssr")]
pub const ROOM: Room = Room { statements: &[], lists: &[], calls: NO_CALLS, subjects: &[], jobs: &[] };
