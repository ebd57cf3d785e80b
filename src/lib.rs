//! Latchkey: self-hosted access control for teams that use language models. `CONTRIBUTING.md` shows the layers, one request
//! from click to row and back, and how to add to it.
#![cfg_attr(not(target_family = "wasm"), forbid(unsafe_code))]

#[cfg(feature = "ssr")]
pub mod commands;
pub mod console;
#[cfg(feature = "ssr")]
pub mod dialect;
pub mod features;
#[cfg(feature = "ssr")]
pub mod gateway;
pub mod guardrails;
#[cfg(feature = "ssr")]
pub mod http;
pub mod kernel;
pub mod policy;
#[cfg(feature = "ssr")]
pub mod prompts;
pub mod routing;
#[cfg(feature = "ssr")]
pub mod server;
pub mod site;
pub mod ui;
#[cfg(feature = "ssr")]
pub mod web;

/// Loads the part of the program that the page needs. False if it cannot be loaded: the page is there, and works as plain
/// HTML.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub async fn load(part: String) -> bool {
    features::later::load(&part).await
}

/// Brings the server-rendered page to life once its part is there, and marks it so once all of it is.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    ui::hydrate(console::Console);
}

#[cfg(all(test, feature = "ssr"))]
#[expect(clippy::disallowed_methods, reason = "tests look at the database from outside")]
mod tests;
