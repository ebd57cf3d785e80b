//! Tests against the real router on real databases. One binary.

mod accounts;
mod gateway;
mod logs;
mod matrix;
mod organisations;
mod pages;
mod rest;
mod rest_matrix;
mod statements;
pub mod support;
mod team;
mod virtual_keys;
mod walls;
