//! The delivery of an organisation's events to a webhook of its own, as people set it up and see how it stands.

pub mod functions;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
