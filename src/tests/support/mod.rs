//! The program in a test: the real router on a fresh database, and clients that speak to it as browsers and programs do.
//!
//! `each_engine(async |house| …)` runs a test on SQLite and, where `LATCHKEY_TEST_POSTGRES` names a server, on PostgreSQL.

mod client;
mod house;
mod mailbox;
mod snapshot;
mod world;

pub use client::{Answer, Client};
pub use house::{House, PASSWORD, each_engine, each_engine_with_mail};
pub use mailbox::Mailbox;
pub use snapshot::difference;
pub use world::{World, answer_for, text};
