//! Events as lines of a file, those of `latchkey audit export`.

use super::{Trouble, fitting};
use crate::{kernel::OrganisationId, server::audit::Stored};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};
use tokio::task::spawn_blocking;

/// Refuses a path at which no file can be kept.
///
/// # Errors
/// When the file cannot be opened and made.
pub fn check(path: &Path) -> io::Result<()> {
    open(path).map(drop)
}

pub(super) async fn send(path: PathBuf, organisation: OrganisationId, events: &[Stored]) -> Result<i64, Trouble> {
    let (lines, last) = fitting(events, |event| event.line(organisation));
    let lines = lines.concat();
    match spawn_blocking(move || append(&path, &lines)).await {
        Ok(Ok(())) => Ok(last),
        Ok(Err(error)) => Err(Trouble::of(format!("The file cannot be written: {}.", error.kind()))),
        Err(_) => Err(Trouble::of("The file cannot be written.")),
    }
}

/// Opens the file for appending; makes it, for its owner alone, if it is missing.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Appends lines to the file that stands at this path now, which others may have moved away, and waits until the disk has
/// them. What a full disk or a power cut has left of a line is ended, and nothing is ever taken away: the file may be one that
/// only takes additions. That line's event comes again as a whole.
fn append(path: &Path, lines: &str) -> io::Result<()> {
    let mut file = open(path)?;
    file.try_lock()?;
    let mut text = String::with_capacity(lines.len() + 1);
    if file.seek(SeekFrom::End(0))? > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            text.push('\n');
        }
    }
    text.push_str(lines);
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_to_whatever_stands_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        append(&path, "one\n").unwrap();
        append(&path, "two\nthree\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\nthree\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        // As a full disk leaves it.
        std::fs::write(&path, "one\ntw").unwrap();
        append(&path, "two\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntw\ntwo\n");
        std::fs::rename(&path, folder.path().join("audit.1")).unwrap();
        append(&path, "three\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "three\n");
        assert!(append(&folder.path().join("nowhere/audit.jsonl"), "x\n").is_err());
        let held = open(&path).unwrap();
        held.try_lock().unwrap();
        assert!(append(&path, "x\n").is_err(), "another program writes");
    }
}
