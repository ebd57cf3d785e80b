//! API keys: what they may do, their secrets, their life.

#[cfg(feature = "ssr")]
pub mod narrow;
#[cfg(feature = "ssr")]
pub mod operations;
#[cfg(feature = "ssr")]
pub mod store;
