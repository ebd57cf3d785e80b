//! Analytics: what an organisation's calls amount to, over time and by whatever they are counted by. The figures come from
//! the log's roll-ups, so that they and the log agree to the call.

#[cfg(feature = "ssr")]
mod columns;
pub mod functions;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
#[cfg(feature = "ssr")]
pub mod rest;

#[cfg(feature = "ssr")]
use super::Room;

#[cfg(feature = "ssr")]
pub const ROOM: Room = Room { statements: &[], lists: &[], calls: rest::register, subjects: &[], jobs: &[] };
