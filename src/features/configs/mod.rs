//! Configs: how a call finds its provider, kept as versions that never change.

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
    lists: &[&store::LIST],
    calls: rest::register,
    subjects: &[("config", |tx, slug| Box::pin(async move { Ok(store::id_of(tx, slug).await?.is_some()) }))],
    jobs: &[],
};

// What other rooms may ask of this room's data, inside their own transactions.
#[cfg(feature = "ssr")]
pub use store::{choices, default_id, id_of, naming};
