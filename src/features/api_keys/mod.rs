//! API keys: what they may do, their secrets, their life.

pub mod functions;
pub mod model;
#[cfg(feature = "ssr")]
pub mod narrowing;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
#[cfg(feature = "ssr")]
pub mod rest;
#[cfg(feature = "ssr")]
pub mod rules;
#[cfg(feature = "ssr")]
mod store;
#[cfg(all(test, feature = "ssr"))]
mod tests;

#[cfg(feature = "ssr")]
use {super::Room, crate::server::access::jobs::Job, std::time::Duration};

#[cfg(feature = "ssr")]
pub const ROOM: Room = Room {
    statements: &[store::STATEMENTS, store::list::STATEMENTS, store::rights::STATEMENTS, store::narrowing::STATEMENTS],
    lists: &[&store::list::LIST],
    calls: rest::register,
    subjects: &[("api_key", |tx, id| {
        Box::pin(async move {
            match id.parse() {
                Ok(id) => store::exists(tx, id).await,
                Err(_) => Ok(false),
            }
        })
    })],
    jobs: &[Job {
        every: Duration::from_secs(30),
        failed: "the uses of API keys' permissions could not be written",
        round: |app| Box::pin(operations::write_uses(app)),
    }],
};

// What other rooms may ask of this room's data, inside their own transactions.
#[cfg(feature = "ssr")]
pub use store::{
    Caller, callers, effective, exists, find_secret, holder,
    list::{breaking, expiring, get as key, live, with_unused, without_budget},
    live_names, live_names_of, names,
    narrowing::is_narrowed,
    newest_name, responsible_of,
    rights::of_all as rights,
    verify,
};
