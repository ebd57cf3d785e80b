//! The providers, as virtual keys know them.

pub use crate::features::virtual_keys::provider::{Dialect, Provider};
