//! What pages are made of: components, forms, data, the frame, icons, and the picture of a key.
pub mod bitting;
mod can;
pub mod components;
mod connection;
pub mod form;
pub mod frame;
mod gradual;
pub mod icons;
pub mod listing;
mod loaded;
pub mod many;
pub mod pages;
mod place;
mod reactive;
mod remote;
mod session;
// What differs between server and browser stands in these two files, under the same names.
#[cfg(not(feature = "ssr"))]
#[path = "browser.rs"]
mod side;
#[cfg(feature = "ssr")]
#[path = "server.rs"]
mod side;

pub use can::{available, can, refusal, unavailable};
pub use connection::{Connection, Waiting};
pub use gradual::{Gradual, apart};
pub use loaded::{Arriving, Countdown, Expected, Framed, Headed, Loaded, Now, Problem, now};
pub use place::{here, use_place};
pub use reactive::reactive;
pub use remote::{Data, Listening, Sending, load, load_after, parse, send_once, undo};
pub use session::{Session, use_session};
#[cfg(feature = "hydrate")]
pub use side::hydrate;
pub use side::{is_hydrating, set_status};
