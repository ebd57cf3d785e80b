//! Tests against the real router on real databases. One binary.

mod accounts;
mod audit;
mod bounds;
mod configs;
mod gateway;
mod guardrails;
mod headers;
mod late;
mod layers;
mod logs;
mod matrix;
mod news;
mod organisations;
mod pages;
mod plans;
mod refusals;
mod replicas;
mod rest;
mod rest_matrix;
mod rows;
mod sessions;
mod statements;
pub mod support;
mod tampering;
mod team;
mod virtual_keys;
mod walls;
