//! The program: one binary with the console, the API, the gateway and the commands that look after them.

use latchkey::{commands, web::assets};
use std::process::ExitCode;

/// The site's files, built by `./dev`.
#[derive(rust_embed::RustEmbed)]
#[folder = "target/site"]
struct Site;

fn main() -> ExitCode {
    assets::install::<Site>();
    commands::main()
}
