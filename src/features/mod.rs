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
        accounts::STATEMENTS,
        api_keys::STATEMENTS,
        api_keys::LIST_STATEMENTS,
        audit::STATEMENTS,
        logs::STATEMENTS,
        organisations::STATEMENTS,
        team::invitations::STATEMENTS,
        team::STATEMENTS,
        virtual_keys::STATEMENTS,
        crate::server::installation::STATEMENTS,
        crate::server::database::STATEMENTS,
        crate::server::database::HEALTH_STATEMENTS,
        crate::server::gateway::store::statements(),
        crate::server::sessions::STATEMENTS,
    ]
}
