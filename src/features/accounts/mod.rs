//! Accounts: the first Owner, sign-in and sign-out, passwords, sessions.

#[cfg(feature = "ssr")]
mod devices;
#[cfg(feature = "ssr")]
pub mod email;
pub mod functions;
#[cfg(feature = "ssr")]
mod mails;
pub mod model;
#[cfg(feature = "ssr")]
mod networks;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
#[cfg(feature = "ssr")]
mod store;
#[cfg(all(test, feature = "ssr"))]
mod tests;

#[cfg(feature = "ssr")]
use super::{NO_CALLS, Room};

#[cfg(feature = "ssr")]
pub const ROOM: Room = Room { statements: &[store::STATEMENTS], lists: &[], calls: NO_CALLS, subjects: &[], jobs: &[] };

// What other rooms may ask of this room's data, inside their own transactions.
#[cfg(feature = "ssr")]
pub use networks::note as note_network;
#[cfg(feature = "ssr")]
pub use store::{Maker, by_email, by_id, insert, prove_address, set_password};
