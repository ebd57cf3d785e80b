//! The page of limits, and its place in the console.

mod form;
mod list;
mod section;

pub use list::{LimitsPage, used};
pub use section::{Routes, SECTION};
