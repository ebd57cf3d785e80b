//! What the rooms stand on: database, crypto, mail, the outgoing client, clock and limits; the audit log; and access, through
//! which alone an operation reaches the data of an organisation.

pub mod access;
pub mod audit;
pub mod clock;
#[expect(clippy::disallowed_methods, reason = "random numbers are made here")]
pub mod crypto;
#[expect(clippy::disallowed_methods, reason = "the engines are spoken to here")]
pub mod database;
pub mod limits;
pub mod mail;
pub mod metrics;
pub mod networks;
pub mod outgoing;
pub mod settings;
pub mod usage;
pub mod watch;
