//! The model-call path.

pub mod credential;
pub mod dialect;
pub mod directory;
mod journal;
pub mod provider;
pub mod record;
pub mod sse;
pub mod target;
pub mod usage;
