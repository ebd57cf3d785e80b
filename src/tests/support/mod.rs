//! The program in a test: the real router on a fresh database, and clients that speak to it as browsers and programs do.
//!
//! `each_engine(async |house| …)` runs a test on SQLite and on the PostgreSQL server that `LATCHKEY_TEST_POSTGRES` names.

mod calls;
mod client;
mod house;
mod mailbox;
mod postgres;
mod snapshot;
mod world;

pub use calls::Calls;
pub use client::{Answer, Client, done};
pub use house::{House, PASSWORD, each_engine, each_engine_with_mail, told};
pub use mailbox::Mailbox;
pub use postgres::test_server;
pub use snapshot::difference;
pub use world::{World, answer_for, provide, text};
