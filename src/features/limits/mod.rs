//! Limits and budgets: what of calls may happen in which time. What holds them before a call leaves is the gateway.

#[cfg(feature = "ssr")]
mod alerts;
#[cfg(feature = "ssr")]
pub mod console;
#[cfg(feature = "ssr")]
pub mod contract;
#[cfg(feature = "ssr")]
mod doubts;
#[cfg(feature = "ssr")]
mod fold;
pub mod functions;
#[cfg(feature = "ssr")]
mod hook;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
mod period;
#[cfg(feature = "ssr")]
mod rest;
#[cfg(feature = "ssr")]
mod store;
#[cfg(feature = "ssr")]
mod warnings;

#[cfg(feature = "ssr")]
use {super::Room, crate::server::access::jobs::Job, std::time::Duration};

#[cfg(feature = "ssr")]
pub const ROOM: Room = Room {
    statements: &[store::STATEMENTS, store::fold::STATEMENTS, store::history::STATEMENTS, store::hook::STATEMENTS],
    lists: &[],
    calls: rest::register,
    subjects: &[
        ("limit", |tx, id| {
            Box::pin(async move {
                match id.parse() {
                    Ok(id) => Ok(store::by_id(tx, id).await?.is_some()),
                    Err(_) => Ok(false),
                }
            })
        }),
        ("limit_webhook", |tx, id| Box::pin(hook::exists(tx, id))),
    ],
    jobs: &[
        Job {
            every: Duration::from_secs(15),
            failed: "people could not be told that budgets are used",
            round: |app| Box::pin(alerts::round(app)),
        },
        Job {
            every: Duration::from_secs(5),
            failed: "webhooks could not be told that budgets are used",
            round: |app| Box::pin(hook::round(app)),
        },
        Job {
            every: Duration::from_secs(3_600),
            failed: "what was counted of rates could not be swept",
            round: |app| Box::pin(alerts::sweep(app)),
        },
        Job {
            every: Duration::from_secs(3_600),
            failed: "programs that are gone have counted what could not be put together",
            round: |app| Box::pin(fold::round(app)),
        },
    ],
};

// What others may set on things of theirs.
#[cfg(feature = "ssr")]
pub use {
    console::attention,
    model::Edit,
    operations::{copy, free_to_act, set, used_up},
};

#[cfg(all(test, feature = "ssr"))]
pub use store::written;

// What others may ask of this room's data, inside their own transactions.
#[cfg(feature = "ssr")]
pub use store::{Share, Use, count, grant, of_key, of_person, of_virtual_key, shares, take_turn};
