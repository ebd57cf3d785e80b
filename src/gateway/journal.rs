//! A file beside the database that accounts for every call, also when the process is killed.
//!
//! Each call writes a line before it leaves and one when it has ended: two short appends to the operating system's
//! memory, which the end of the process does not undo. (A power cut can take the last seconds: waiting for the disk
//! with each call would cost milliseconds.) The journal is a chain of segments; a segment goes when every call in it
//! is in the database. Lines hold no secrets and nothing that was said to a model.

use super::record::{Call, Outcome};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// The size at which a new segment is begun, in bytes.
const SEGMENT: u64 = 4 << 20;
const PREFIX: &str = "calls-";
const SUFFIX: &str = ".journal";

/// A line of the journal.
#[derive(Serialize, Deserialize)]
enum Line<C, O> {
    #[serde(rename = "b")]
    Begun(C),
    #[serde(rename = "e")]
    Ended(Uuid, O),
}

/// One file. It is locked while its process lives, and removed when nobody needs it any more.
#[derive(Debug)]
pub struct Segment {
    path: PathBuf,
    file: File,
}

impl Drop for Segment {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "a segment of the journal of calls cannot be removed");
        }
    }
}

impl Segment {
    fn create(folder: &Path) -> io::Result<Self> {
        let path = folder.join(format!("{PREFIX}{}{SUFFIX}", Uuid::now_v7()));
        let mut options = OpenOptions::new();
        options.create_new(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        file.try_lock()?;
        Ok(Self { path, file })
    }
}

/// The journal of this process.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    segment: Arc<Segment>,
    size: u64,
    line: Vec<u8>,
}

impl Journal {
    /// Begins a journal in a folder, which is made if it is missing.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn create(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let segment = Arc::new(Segment::create(folder)?);
        Ok(Self { folder: folder.to_owned(), current: Mutex::new(Current { segment, size: 0, line: Vec::new() }) })
    }

    /// Notes that a call is about to leave. Keep the segment until the call's record is in the database.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn begun(&self, call: &Call) -> io::Result<Arc<Segment>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.size >= SEGMENT {
            current.segment = Arc::new(Segment::create(&self.folder)?);
            current.size = 0;
        }
        let segment = current.segment.clone();
        current.append(&segment, &Line::<&Call, &Outcome>::Begun(call))?;
        Ok(segment)
    }

    /// Notes how a call ended, in the segment where it began.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn ended(&self, segment: &Arc<Segment>, call: Uuid, outcome: &Outcome) -> io::Result<()> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.append(segment, &Line::<&Call, &Outcome>::Ended(call, outcome))
    }
}

impl Current {
    fn append(&mut self, segment: &Arc<Segment>, line: &Line<&Call, &Outcome>) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)?;
        self.line.push(b'\n');
        if let Err(error) = (&segment.file).write_all(&self.line) {
            // The file may end in half a line: go on in another one.
            self.size = SEGMENT;
            return Err(error);
        }
        if Arc::ptr_eq(&self.segment, segment) {
            self.size += self.line.len() as u64;
        }
        Ok(())
    }
}

/// Calls that a process left behind, each with its outcome if it had one.
pub type Left = Vec<(Call, Option<Outcome>)>;

/// Reads the journals in a folder whose processes have ended. A segment is removed once it is dropped.
///
/// # Errors
/// When the folder or a file in it cannot be read.
pub fn recover(folder: &Path) -> io::Result<Vec<(Arc<Segment>, Left)>> {
    let mut all = Vec::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(all),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        let ours = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        if !ours {
            continue;
        }
        let file = OpenOptions::new().read(true).append(true).open(&path)?;
        // Locked means that its process lives.
        if file.try_lock().is_err() {
            continue;
        }
        let left = read(&file)?;
        all.push((Arc::new(Segment { path, file }), left));
    }
    Ok(all)
}

fn read(file: &File) -> io::Result<Left> {
    let mut order = Vec::new();
    let mut outcomes = HashMap::new();
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        // A line that was cut off by the end of the process tells of nothing that happened after it.
        match serde_json::from_slice(&line) {
            Ok(Line::Begun(call)) => order.push(call),
            Ok(Line::Ended(id, outcome)) => drop(outcomes.insert(id, outcome)),
            Err(_) => tracing::warn!("a line of the journal of calls cannot be read"),
        }
    }
    Ok(order
        .into_iter()
        .map(|call: Call| {
            let outcome = outcomes.remove(&call.id);
            (call, outcome)
        })
        .collect())
}
