//! The model-call path: authenticate, permission, resolve, record, forward, stream, record.
//!
//! `call` leads from a request to an answer; what happens between one request and one target is `attempt`, which says what
//! became of it and decides nothing about other targets. Every kind of call ([`endpoints`]) goes the same way, and what is
//! said in it passes three places, each a function: [`stage::stage`] before a call leaves, `answer::give` when a whole answer
//! is there, and `stream::stream` when a stream begins.
//!
//! [`routes`](routes::routes) is the way in. What the path needs of the rest of the program stands behind two traits:
//! [`KeySource`](directory::KeySource), which reads keys and virtual keys, and [`Sink`](record::Sink), which stores finished
//! records. On a warm path neither is called.

mod answer;
mod attempt;
mod begun;
mod by_people;
pub mod cache;
pub mod call;
pub mod directory;
pub mod endpoints;
pub mod facts;
mod flow;
mod guards;
mod hints;
mod joined;
mod journal;
pub mod limits;
pub mod models;
mod narrowed;
pub mod outside;
mod prompted;
pub mod record;
mod refusals;
pub mod request;
pub mod room;
mod routed;
pub mod routes;
mod sentences;
mod stage;
pub mod storage;
mod stream;
pub mod target;
pub mod telemetry;
pub mod texts;
mod watch;

pub use crate::dialect::prices;

#[cfg(test)]
pub(crate) mod tests;
