//! The log of model calls: written by the gateway in groups, read by everybody in the organisation.

pub mod functions;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
#[cfg(feature = "ssr")]
pub mod query;
#[cfg(feature = "ssr")]
pub mod rest;
#[cfg(feature = "ssr")]
mod store;

// For the test that prepares each on both engines.
#[cfg(feature = "ssr")]
pub use store::{LIST, STATEMENTS};
