//! Tests against the real router on real databases. One binary.

mod gateway;
mod matrix;
mod rest;
mod statements;
pub mod support;
mod team;
mod walls;
