//! The page of limits, and its place in the console.

mod form;
mod holding;
mod hook;
mod list;
mod section;

pub use holding::{Holding, USED_UP};
pub use list::{LimitsPage, about, state, used};
pub use section::{Routes, SECTION};
