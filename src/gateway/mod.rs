//! The model-call path: authenticate, permission, resolve, record, forward, stream, record.
//!
//! [`routes`](routes::routes) is the way in. What the path needs of the rest of the program stands behind two traits:
//! [`KeySource`](directory::KeySource), which reads keys and virtual keys, and [`Sink`](record::Sink), which stores finished
//! records. On a warm path neither is called.

mod answer;
pub mod call;
pub mod directory;
pub mod facts;
mod journal;
pub mod models;
pub mod prices;
pub mod record;
mod refusals;
pub mod request;
pub mod room;
pub mod routes;
pub mod storage;
pub mod target;
mod watch;

#[cfg(test)]
pub(crate) mod tests;
