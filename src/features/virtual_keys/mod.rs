//! Virtual keys: providers' credentials, sealed, and the references by which calls name them.

#[cfg(feature = "ssr")]
pub mod connection;
pub mod functions;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
pub mod provider;
#[cfg(feature = "ssr")]
pub mod rest;
#[cfg(feature = "ssr")]
pub mod store;
#[cfg(all(test, feature = "ssr"))]
mod tests;
