//! Billing, for Owners alone: what calls cost in a month, what it is likely to come to, and monthly statements that never
//! change. No payment provider is called.

pub mod amount;
#[cfg(feature = "ssr")]
pub mod close;
#[cfg(feature = "ssr")]
mod currencies;
pub mod functions;
#[cfg(feature = "ssr")]
mod lines;
pub mod model;
pub mod month;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
pub mod statement;
#[cfg(feature = "ssr")]
mod store;

#[cfg(feature = "ssr")]
use {
    super::{NO_CALLS, Room},
    crate::server::access::jobs::Job,
    std::time::Duration,
};

/// It has no calls for programs: no API key can hold its permission.
#[cfg(feature = "ssr")]
pub const ROOM: Room = Room {
    statements: &[store::STATEMENTS],
    lists: &[],
    calls: NO_CALLS,
    subjects: &[("statement", |tx, id| {
        Box::pin(async move {
            match month::Month::parse(id) {
                Some(month) => Ok(store::by_month(tx, month).await?.is_some()),
                None => Ok(false),
            }
        })
    })],
    jobs: &[Job {
        every: Duration::from_secs(600),
        failed: "monthly statements could not be made",
        round: |app| Box::pin(close::round(app)),
    }],
};
