//! The team: members, roles, and what becomes of the keys of those who go; invitations are a room of their own inside.

pub mod functions;
pub mod invitations;
pub mod model;
#[cfg(feature = "ssr")]
pub mod operations;
pub mod pages;
#[cfg(feature = "ssr")]
pub mod rest;
pub mod reviews;
#[cfg(feature = "ssr")]
mod store;

#[cfg(feature = "ssr")]
use super::Room;

#[cfg(feature = "ssr")]
pub const ROOM: Room = Room {
    statements: &[store::STATEMENTS, invitations::STATEMENTS, reviews::STATEMENTS],
    lists: &[&store::LIST, &invitations::LIST, &reviews::LIST, &reviews::ROWS],
    calls: |api| invitations::rest::register(rest::register(api)),
    subjects: &[
        ("member", |tx, id| {
            Box::pin(async move {
                match id.parse() {
                    Ok(id) => Ok(store::role_of(tx, id).await?.is_some()),
                    Err(_) => Ok(false),
                }
            })
        }),
        ("invitation", |tx, id| {
            Box::pin(async move {
                match id.parse() {
                    Ok(id) => invitations::exists(tx, id).await,
                    Err(_) => Ok(false),
                }
            })
        }),
        ("access_review", |tx, id| {
            Box::pin(async move {
                match id.parse() {
                    Ok(id) => reviews::exists(tx, id).await,
                    Err(_) => Ok(false),
                }
            })
        }),
    ],
    jobs: &[],
};

// What other rooms may ask of this room's data, inside their own transactions.
#[cfg(feature = "ssr")]
pub use store::{
    active_at, active_people, counts, join, last_used, membership_by_slug, memberships, owners, owners_emails, person,
    places, role_of,
};
