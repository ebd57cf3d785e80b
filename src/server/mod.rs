//! What the features stand on: settings, database, sessions, mail, crypto, the outgoing client, and how HTTP is put together.

pub mod access;
pub mod app;
pub mod assets;
pub mod clock;
pub mod commands;
pub mod crypto;
pub mod database;
pub mod gateway;
pub mod heads;
pub mod http;
pub mod installation;
pub mod jobs;
mod known;
pub mod limits;
pub mod mail;
pub mod outgoing;
pub mod refusals;
pub mod sessions;
pub mod settings;
pub mod uses;
pub mod watch;
