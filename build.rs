//! Makes the folder of the site exist, so that the program compiles in a bare clone; `./dev` fills it.

use std::{env, fs, io, path::Path};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var_os("CARGO_FEATURE_SSR").is_none() {
        return Ok(());
    }
    // The folder's contents need no watching: rustc notes each embedded file, and the manifest, which is always
    // there, changes with any of them.
    let site = Path::new("target/site");
    fs::create_dir_all(site)?;
    let manifest = site.join("manifest.json");
    if !manifest.exists() {
        fs::write(manifest, "{}\n")?;
    }
    Ok(())
}
