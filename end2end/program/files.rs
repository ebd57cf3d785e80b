//! Files that the program makes are its user's alone, whatever the folder and the shell allow.

use super::{Result, calls::provider, house::House};
use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};
use tempfile::TempDir;

#[test]
fn files_are_for_the_programs_user_alone() -> Result<()> {
    // The programs below inherit it.
    rustix::process::umask(rustix::fs::Mode::WGRP | rustix::fs::Mode::WOTH);
    let folder = TempDir::new()?;
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
    let mut house = House::open_in(folder, provider()?, &[])?;
    let running = modes(house.folder())?;
    for made in ["latchkey.db", "latchkey.db-wal", "latchkey.key", "calls", "checkpoints.jsonl"] {
        assert!(running.contains_key(made), "{made} is not among {:?}", running.keys());
    }
    assert!(running.keys().any(|name| name.starts_with("calls/")), "{:?}", running.keys());
    house.stop()?;
    for (name, mode) in running.into_iter().chain(modes(house.folder())?) {
        assert_eq!(mode & 0o077, 0, "{name} is open to others: {mode:o}");
    }
    Ok(())
}

/// What is in a folder, by its path there, with its mode.
fn modes(folder: &Path) -> Result<BTreeMap<String, u32>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(inner)? {
            let path = entry?.path();
            found.insert(path.strip_prefix(folder)?.display().to_string(), fs::metadata(&path)?.permissions().mode());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(found)
}
