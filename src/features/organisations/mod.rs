//! Organisations: the wall around data, keys and people; the switcher; the frame of their pages.

pub mod functions;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
#[cfg(feature = "ssr")]
pub mod store;
