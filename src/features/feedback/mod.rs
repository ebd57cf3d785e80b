//! Feedback: what people and programs think of calls. It is about a trace, so that it may come before the log has the calls
//! of that, and goes with the entries of the log when these are too old.

pub mod functions;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
#[cfg(feature = "ssr")]
pub mod rest;
#[cfg(feature = "ssr")]
mod store;

#[cfg(feature = "ssr")]
use super::Room;

#[cfg(feature = "ssr")]
pub const ROOM: Room = Room {
    statements: &[store::STATEMENTS],
    lists: &[&store::NARROWED],
    calls: rest::register,
    subjects: &[],
    jobs: &[],
};

// What other rooms may ask of this room's data, inside their own transactions.
#[cfg(feature = "ssr")]
pub use store::{Figures, count_old, delete_old, delete_unknown, figures, models, settle};
