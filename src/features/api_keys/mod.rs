//! API keys: what they may do, their secrets, their life.

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

// What other rooms may ask of this room's data, inside their own transactions.
#[cfg(feature = "ssr")]
pub use store::{
    STATEMENTS, effective, exists, find_secret, holder,
    list::{LIST, STATEMENTS as LIST_STATEMENTS},
    names, verify,
};
