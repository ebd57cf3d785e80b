//! The whole path over real connections: a caller, the gateway, and providers that behave and misbehave.

mod access;
mod answers;
mod bounds;
pub mod charges;
mod configs;
mod endpoints;
mod faults;
mod guardrails;
mod narrowed;
mod streams;
pub mod support;
mod telemetry;
mod texts;
mod watch;
