//! The audit log for people: its events as sentences, each with what it changed, and the log as a file. What is written and
//! how it is chained stands in `server/audit`.

pub mod delivery;
#[cfg(feature = "ssr")]
mod export;
pub mod functions;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
#[cfg(feature = "ssr")]
mod query;
#[cfg(feature = "ssr")]
mod reading;
#[cfg(feature = "ssr")]
mod rest;
#[cfg(feature = "ssr")]
mod store;
#[cfg(feature = "ssr")]
mod words;

#[cfg(feature = "ssr")]
use super::Room;

#[cfg(feature = "ssr")]
pub const ROOM: Room = Room {
    statements: &[store::STATEMENTS],
    lists: &[&store::LIST, &store::BY_ADDRESS],
    calls: rest::register,
    subjects: &[("audit_delivery", |tx, id| Box::pin(delivery::operations::exists(tx, id)))],
    jobs: &[],
};
