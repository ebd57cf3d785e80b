//! Exports of the log: a file of the calls that a filter lets through, for people and programs.

#[cfg(feature = "ssr")]
mod lines;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
#[cfg(feature = "ssr")]
pub mod rest;
#[cfg(feature = "ssr")]
pub mod saved;

#[cfg(test)]
pub use lines::path;
