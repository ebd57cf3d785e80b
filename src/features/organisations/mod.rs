//! Organisations: the wall around data, keys and people; the switcher; the frame of their pages.

pub mod functions;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
#[cfg(feature = "ssr")]
mod rest;
#[cfg(feature = "ssr")]
mod store;

#[cfg(feature = "ssr")]
use super::Room;

#[cfg(feature = "ssr")]
pub const ROOM: Room =
    Room { statements: &[store::STATEMENTS], lists: &[], calls: rest::register, subjects: &[], jobs: &[] };

// What other rooms may ask of this room's data, inside their own transactions.
#[cfg(feature = "ssr")]
pub use store::{by_id, ids, set_alerts_by_webhook, with_alerts_by_webhook};
