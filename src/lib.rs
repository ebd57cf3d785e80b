//! Latchkey: self-hosted access control for teams that use language models.

#[cfg(feature = "ssr")]
pub mod gateway;
#[cfg(feature = "ssr")]
pub mod server;
