//! Tests against the real router on real databases. One binary.

mod gateway;
mod matrix;
mod statements;
pub mod support;
mod walls;
