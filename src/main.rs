//! The program: one binary with the console, the API, the gateway and the commands that look after them.

use clap::Parser;
use latchkey::server::{assets, commands};
use std::process::ExitCode;

/// The site's files, built by `./dev`.
#[derive(rust_embed::RustEmbed)]
#[folder = "target/site"]
struct Site;

/// Gives memory back after a burst, and is quicker than the system's where many short texts come and go.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    assets::install::<Site>();
    commands::run(commands::Program::parse())
}
