//! Accounts: the first Owner, sign-in and sign-out, passwords, sessions.

pub mod functions;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
#[cfg(feature = "ssr")]
pub mod store;
