//! The features: one capability is one room, with always the same furniture.

pub mod accounts;
pub mod api_keys;
pub mod audit;
pub mod logs;
pub mod organisations;
pub mod team;
pub mod virtual_keys;

/// The statements of every store, for the test that prepares each on both engines.
#[cfg(feature = "ssr")]
pub fn statements() -> Vec<&'static [&'static str]> {
    vec![
        accounts::store::STATEMENTS,
        api_keys::narrow::STATEMENTS,
        api_keys::store::STATEMENTS,
        api_keys::store::list::STATEMENTS,
        audit::store::STATEMENTS,
        logs::store::STATEMENTS,
        organisations::store::STATEMENTS,
        team::invitations::store::STATEMENTS,
        team::store::STATEMENTS,
        virtual_keys::store::STATEMENTS,
        crate::server::access::STATEMENTS,
        crate::server::installation::STATEMENTS,
        crate::server::database::STATEMENTS,
        crate::server::gateway::store::statements(),
        crate::server::sessions::STATEMENTS,
    ]
}
