//! Versions that never change: what the rooms that keep some have in common.

#[cfg(feature = "ssr")]
mod difference;
#[cfg(feature = "ssr")]
pub mod events;
#[cfg(feature = "ssr")]
mod history;
#[cfg(feature = "ssr")]
mod layout;
pub mod model;
pub mod pages;
#[cfg(feature = "ssr")]
pub mod rest;
#[cfg(feature = "ssr")]
mod store;
#[cfg(feature = "ssr")]
mod stored;

#[cfg(feature = "ssr")]
pub(crate) use store::version_sql;
#[cfg(feature = "ssr")]
use {difference::between, stored::Row as VersionRow};
#[cfg(feature = "ssr")]
pub use {
    history::Compared,
    layout::laid_out,
    store::{NewVersion, Table},
    stored::{Whole, names, new_slug, next},
};
