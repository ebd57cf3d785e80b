//! Accounts: the first Owner, sign-in and sign-out, passwords, sessions.

#[cfg(feature = "ssr")]
mod devices;
pub mod functions;
#[cfg(feature = "ssr")]
mod mails;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
#[cfg(feature = "ssr")]
pub mod store;
