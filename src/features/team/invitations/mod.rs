//! Invitations: made and looked after by those inside, answered by those who are invited.

pub mod functions;
#[cfg(feature = "ssr")]
pub mod joining;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
#[cfg(feature = "ssr")]
pub mod rest;
#[cfg(feature = "ssr")]
mod store;

// What other rooms may ask of this room's data, inside their own transactions.
#[cfg(feature = "ssr")]
pub use store::{LIST, STATEMENTS, count, exists};
