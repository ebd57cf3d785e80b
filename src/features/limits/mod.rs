//! Limits and budgets: what of calls may happen in which time. What holds them before a call leaves is the gateway.

#[cfg(feature = "ssr")]
pub mod contract;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
mod period;
#[cfg(feature = "ssr")]
mod store;

#[cfg(feature = "ssr")]
use super::{NO_CALLS, Room};

#[cfg(feature = "ssr")]
pub const ROOM: Room = Room {
    statements: &[store::STATEMENTS],
    lists: &[],
    calls: NO_CALLS,
    subjects: &[(
        "limit",
        |tx, id| Box::pin(async move {
            match id.parse() {
                Ok(id) => Ok(store::by_id(tx, id).await?.is_some()),
                Err(_) => Ok(false),
            }
        }),
    )],
    jobs: &[],
};

// What others may set on things of theirs.
#[cfg(feature = "ssr")]
pub use {
    model::Edit,
    operations::{copy, free_to_act, set},
};

#[cfg(all(test, feature = "ssr"))]
pub use store::written;

// What others may ask of this room's data, inside their own transactions.
#[cfg(feature = "ssr")]
pub use store::{Interrupted, Share, Use, count, grant, of_interrupted, of_key, of_person, of_virtual_key, shares, take_turn};
