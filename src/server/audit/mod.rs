//! The audit log: who did what, when, with what outcome, in a chain that shows tampering.

pub mod anchors;
pub mod chain;
pub mod checkpoints;
pub mod delivery;
pub mod event;
pub mod heads;
pub mod pending;
pub mod personal;
pub mod schema;
mod store;
pub mod verify;

// What other rooms may ask of this room's data, inside their own transactions.
pub use store::{
    Bare, Chains, Circumstances, Head, STATEMENTS, Stored, acts, append, chains, ends, hashed, head, latest, lock,
    page, seen, with_personal,
};
