//! Tests of the program itself, as it is started and killed. One binary.

mod audit;
mod backup;
mod calls;
mod connections;
mod disk;
mod files;
mod floods;
#[path = "../support/house.rs"]
#[expect(dead_code, reason = "the benchmark measures more of the program than tests need")]
mod house;
mod limits;
mod memory;
#[path = "../../src/tests/support/postgres.rs"]
mod postgres;
mod settings;
mod telemetry;
mod writes;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
