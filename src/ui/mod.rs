//! The console's furniture: the document, routes, forms, frame, components, icons, and the picture of a key.
pub mod bitting;
mod can;
pub mod components;
mod console;
pub mod form;
pub mod frame;
pub mod icons;
// What links the later part to the rest is generated, and nothing else here is unsafe.
#[cfg_attr(target_family = "wasm", allow(unsafe_code))]
mod later;
mod loaded;
mod place;
mod reactive;
mod remote;
pub mod routes;
#[cfg(feature = "ssr")]
mod shell;
// What differs between server and browser stands in these two files, under the same names.
#[cfg(not(feature = "ssr"))]
#[path = "browser.rs"]
mod side;
#[cfg(feature = "ssr")]
#[path = "server.rs"]
mod side;

pub use can::{available, can, refusal, unavailable};
pub use console::{Console, NotFound};
pub use loaded::{Framed, Headed, Loaded, Now, Problem, now};
pub use place::{Place, use_place};
pub use reactive::reactive;
pub use remote::{Data, load, load_after};
#[cfg(feature = "ssr")]
pub use shell::shell;
#[cfg(feature = "hydrate")]
pub use side::mark_alive;
