//! The model-call path.

pub mod dialect;
pub mod prices;
pub mod provider;
pub mod sse;
pub mod usage;
