//! Tests against the real router on real databases. One binary.

mod gateway;
mod logs;
mod matrix;
mod statements;
pub mod support;
mod virtual_keys;
mod walls;
