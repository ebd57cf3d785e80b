//! API keys: what they may do, their secrets, their life.

pub mod functions;
pub mod model;
#[cfg(feature = "ssr")]
pub mod narrow;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
#[cfg(feature = "ssr")]
pub mod rest;
#[cfg(feature = "ssr")]
pub mod store;
#[cfg(all(test, feature = "ssr"))]
mod tests;
