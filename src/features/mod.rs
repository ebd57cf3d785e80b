//! The features: one capability is one room, with always the same furniture. What a room brings to the program it says in
//! its `ROOM`, `pages::SECTION` and `pages::Routes`; here the rooms are listed, once.

#[cfg(feature = "ssr")]
pub mod identities;
// What links the later part of the console to the rest is generated, and nothing else there is unsafe.
#[cfg_attr(target_family = "wasm", allow(unsafe_code))]
pub mod later;
#[cfg(feature = "ssr")]
mod many;
#[cfg(feature = "ssr")]
mod room;
pub mod versions;

#[cfg(feature = "ssr")]
pub use room::{NO_CALLS, Room};

use crate::ui::frame::Section;

/// The rooms, each with its module.
macro_rules! rooms {
    ($($room:ident),+ $(,)?) => {
        $(pub mod $room;)+

        /// Every room.
        #[cfg(feature = "ssr")]
        pub static ROOMS: &[Room] = &[$($room::ROOM),+];
    };
}

rooms! { accounts, analytics, api_keys, audit, billing, configs, feedback, guardrails, home, limits, logs, news, organisations, prices, prompts, team, virtual_keys, why }

/// The navigation: its groups, each with the sections that stand below it.
pub const NAVIGATION: &[(&str, &[Section])] = &[
    ("Observe", &[logs::pages::SECTION, analytics::pages::SECTION]),
    ("Build", &[prompts::pages::SECTION, configs::pages::SECTION, guardrails::pages::SECTION]),
    (
        "Access",
        &[
            api_keys::pages::SECTION,
            virtual_keys::pages::SECTION,
            limits::pages::SECTION,
            team::pages::SECTION,
            why::pages::SECTION,
        ],
    ),
    (
        "Organisation",
        &[audit::pages::SECTION, billing::pages::SECTION, team::pages::ROLES, organisations::pages::SECTION],
    ),
];
