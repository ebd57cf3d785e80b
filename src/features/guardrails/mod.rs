//! Guardrails: what requests and answers are checked for, kept as versions that never change.

#[cfg(feature = "ssr")]
mod bench;
#[cfg(feature = "ssr")]
mod form;
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
    subjects: &[("guardrail", |tx, of| Box::pin(async move { Ok(store::id_of(tx, of).await?.is_some()) }))],
    jobs: &[],
};

// What other rooms and the gateway may ask of this room's data, inside their own transactions.
#[cfg(feature = "ssr")]
pub use {
    operations::{Named, named},
    store::{Stored, Use, of_all_calls, set_uses, stored},
};
