//! The log of model calls: written by the gateway in groups, read by everybody in the organisation.

#[cfg(feature = "ssr")]
pub mod ages;
#[cfg(feature = "ssr")]
mod conversation;
#[cfg(feature = "ssr")]
pub mod counting;
pub mod exports;
pub mod figures;
pub mod filters;
pub mod functions;
#[cfg(feature = "ssr")]
mod grouping;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
#[cfg(feature = "ssr")]
pub mod query;
pub mod reckoning;
#[cfg(feature = "ssr")]
pub mod rest;
#[cfg(feature = "ssr")]
pub mod saved;
#[cfg(feature = "ssr")]
mod saved_rest;
#[cfg(feature = "ssr")]
mod several;
#[cfg(feature = "ssr")]
mod store;
pub mod texts;
pub mod timeline;

#[cfg(feature = "ssr")]
use {super::Room, crate::server::access::jobs::Job, std::time::Duration};

#[cfg(feature = "ssr")]
pub const ROOM: Room = Room {
    statements: &[
        store::STATEMENTS,
        store::counted::STATEMENTS,
        store::exports::STATEMENTS,
        store::saved::STATEMENTS,
        store::single::STATEMENTS,
        store::texts::STATEMENTS,
    ],
    lists: &[&store::LIST, &store::figures::COUNTED, &store::figures::SKETCHED, &store::figures::ENDED],
    calls: |api| saved_rest::register(exports::rest::register(rest::register(api))),
    subjects: &[
        ("call", |tx, id| {
            Box::pin(async move {
                match id.parse() {
                    Ok(id) => Ok(store::single::find(tx, id).await?.is_some()),
                    Err(_) => Ok(false),
                }
            })
        }),
        ("log_filter", |tx, id| {
            Box::pin(async move {
                match id.parse() {
                    Ok(id) => store::saved::exists(tx, id).await,
                    Err(_) => Ok(false),
                }
            })
        }),
        ("log_export", |tx, id| {
            Box::pin(async move {
                match id.parse() {
                    Ok(id) => store::exports::exists(tx, id).await,
                    Err(_) => Ok(false),
                }
            })
        }),
    ],
    jobs: &[
        operations::COUNT_EARLIER,
        Job {
            every: Duration::from_secs(600),
            failed: "what is too old in the log of calls could not be deleted",
            round: |app| Box::pin(ages::round(app)),
        },
        Job {
            every: ages::PREPARE,
            failed: "the log of calls could not be prepared for months to come",
            round: |app| Box::pin(async move { ages::prepare(app).await.map(drop) }),
        },
    ],
};

// What other rooms may ask of this room's data, inside their own transactions.
#[cfg(feature = "ssr")]
pub use store::{
    cells::{GroupOf, GroupRead},
    counted::{MOST_KINDS, count, counted_metadata, first_day, grouped, keep_kinds, told},
    day,
    figures::{Spreads, read as figures_of},
    last_call, latest, own_only, providers, settings as settings_of,
    single::trace_of,
    succeeded,
    texts::{NewSide, NewTexts, count as count_texts, kept_since, write_texts},
    trace_is_own, under_way,
};

#[cfg(feature = "ssr")]
pub use grouping::words as group_words;

/// The conditions that a filter of the log comes to on the calls of a trace, its table as `c`, for what other rooms find by
/// traces.
#[cfg(feature = "ssr")]
pub mod conditions {
    pub(crate) use super::store::figures::filters;
    pub use super::store::{
        OF_CACHE, OF_RESCUED, OF_VERDICT,
        conditions::{
            BETWEEN_COSTS, BETWEEN_INPUTS, BETWEEN_LATENCIES, BETWEEN_OUTPUTS, BETWEEN_TOKENS, OF_ONE_TRACE, OF_TRACE,
            OF_TRACES, SAYING, narrow_trace,
        },
    };
}
