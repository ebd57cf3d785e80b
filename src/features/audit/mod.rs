//! The audit log: who did what, when, with what outcome, in a chain that shows tampering.

#[cfg(feature = "ssr")]
pub mod chain;
#[cfg(feature = "ssr")]
pub mod event;
#[cfg(feature = "ssr")]
pub mod heads;
#[cfg(feature = "ssr")]
mod store;
#[cfg(feature = "ssr")]
pub mod verify;

// What other rooms may ask of this room's data, inside their own transactions.
#[cfg(feature = "ssr")]
pub use store::{Chains, Circumstances, Head, STATEMENTS, Stored, append, chains, ends, head, lock, page};
