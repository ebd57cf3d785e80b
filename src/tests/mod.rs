//! Tests against the real router on real databases. One binary.

mod statements;
pub mod support;
mod team;
mod walls;
