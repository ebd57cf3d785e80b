//! Versions that never change: what the rooms that keep some have in common.

#[cfg(feature = "ssr")]
mod difference;
#[cfg(feature = "ssr")]
mod layout;
pub mod model;
pub mod pages;
#[cfg(feature = "ssr")]
mod stored;

#[cfg(feature = "ssr")]
pub use {
    difference::between,
    layout::laid_out,
    stored::{Row as VersionRow, Whole, digest, names, new_slug},
};
