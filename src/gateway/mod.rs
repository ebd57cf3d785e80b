//! The model-call path.

pub mod credential;
pub mod dialect;
pub mod directory;
pub mod errors;
mod journal;
pub mod provider;
pub mod record;
mod request;
pub mod sse;
pub mod target;
pub mod usage;
