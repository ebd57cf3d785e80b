//! Prices that an organisation has set for models, where it does not pay the list price.

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
    lists: &[],
    calls: rest::register,
    subjects: &[("price", |tx, id| {
        Box::pin(async move {
            match id.parse() {
                Ok(id) => Ok(store::by_id(tx, id).await?.is_some()),
                Err(_) => Ok(false),
            }
        })
    })],
    jobs: &[],
};

// What others may ask of this room's data, inside their own transactions.
#[cfg(feature = "ssr")]
pub use store::of_calls;
