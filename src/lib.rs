//! Latchkey: self-hosted access control for teams that use language models.

pub mod features;
pub mod kernel;
pub mod policy;
#[cfg(feature = "ssr")]
pub mod server;
pub mod ui;
