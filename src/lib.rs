//! Latchkey: self-hosted access control for teams that use language models.
#![cfg_attr(not(target_family = "wasm"), forbid(unsafe_code))]

pub mod features;
#[cfg(feature = "ssr")]
pub mod gateway;
pub mod kernel;
pub mod policy;
#[cfg(feature = "ssr")]
pub mod server;
pub mod ui;

/// Brings the server-rendered page to life, and marks it so once all of it is.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub async fn hydrate() {
    console_error_panic_hook::set_once();
    let page = leptos::mount::hydrate_from_async(leptos::tachys::dom::body(), ui::Console).await;
    ui::mark_alive();
    page.forget();
}

#[cfg(all(test, feature = "ssr"))]
mod tests;
