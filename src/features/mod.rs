//! The features: one capability is one room, with always the same furniture.

pub mod accounts;
pub mod api_keys;
#[cfg(feature = "ssr")]
pub mod identities;
pub mod logs;
pub mod organisations;
pub mod team;
pub mod virtual_keys;

/// The statements of every room's store.
#[cfg(feature = "ssr")]
pub fn statements() -> Vec<&'static [&'static str]> {
    vec![
        accounts::STATEMENTS,
        api_keys::STATEMENTS,
        api_keys::LIST_STATEMENTS,
        logs::STATEMENTS,
        organisations::STATEMENTS,
        team::invitations::STATEMENTS,
        team::STATEMENTS,
        virtual_keys::STATEMENTS,
    ]
}

/// The list of every room that has one, of which statements are put together.
#[cfg(feature = "ssr")]
pub fn lists() -> Vec<&'static crate::server::database::listing::Listing> {
    vec![&api_keys::LIST, &logs::LIST, &team::invitations::LIST, &team::LIST, &virtual_keys::LIST]
}
