//! Virtual keys: providers' credentials, sealed, and the references by which calls name them.

#[cfg(feature = "ssr")]
pub mod connection;
pub mod functions;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
#[cfg(feature = "ssr")]
pub mod rest;
#[cfg(feature = "ssr")]
mod store;
#[cfg(all(test, feature = "ssr"))]
mod tests;

#[cfg(feature = "ssr")]
use super::Room;

#[cfg(feature = "ssr")]
pub const ROOM: Room = Room {
    statements: &[store::STATEMENTS],
    lists: &[&store::LIST],
    calls: rest::register,
    subjects: &[("virtual_key", |tx, slug| Box::pin(store::slug_is_taken(tx, slug)))],
    jobs: &[],
};

// What other rooms may ask of this room's data, inside their own transactions.
#[cfg(feature = "ssr")]
pub use store::{choices, choices_of, id_of, names, of_id, oldest, slug_is_taken, slugs, target};
