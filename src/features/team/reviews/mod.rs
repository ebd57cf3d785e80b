//! Access reviews: who could do what at one moment, confirmed or revoked one by one, and kept as evidence.

#[cfg(feature = "ssr")]
mod export;
pub mod functions;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
#[cfg(feature = "ssr")]
mod store;

// What other rooms may ask of this room's data, inside their own transactions.
#[cfg(feature = "ssr")]
pub use store::{LIST, ROWS, STATEMENTS, exists};
