//! A file beside the database that accounts for every call, also when the process is killed.
//!
//! Each call writes a line when it leaves, with what it has reserved of limits, and one when it has ended: two short
//! appends to the operating system's memory, which the end of the process does not undo. (A power cut can take the last
//! seconds: waiting for the disk with each call would cost milliseconds.) The journal is a chain of segments; a segment goes when every call in it
//! is in the database, and stays for the next start when the process ends before that. Lines hold no secrets and
//! nothing that was said to a model.

use super::facts::{CallEnd, CallFacts, Tried};
use super::limits::Spent;
use crate::kernel::{CallId, LimitId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// The size at which a new segment is begun, in bytes.
const SEGMENT: u64 = 4 << 20;
const PREFIX: &str = "calls-";
const SUFFIX: &str = ".journal";
/// The extension of a file that is kept for a person to read.
const SPOILT: &str = "unread";

/// A line of the journal.
#[derive(Serialize, Deserialize)]
enum Line<C, O, T> {
    #[serde(rename = "b")]
    Begun(C),
    /// The same of a call that has reserved something of limits.
    #[serde(rename = "B")]
    Reserving(C, Vec<Reserved>),
    /// An attempt, when it leaves (its number and what is known) and once more when it has ended.
    #[serde(rename = "t")]
    Tried(CallId, usize, T),
    /// The same with what it has reserved of limits, and once it has ended with what it has used of them.
    #[serde(rename = "T")]
    TriedFor(CallId, usize, T, Vec<Reserved>),
    #[serde(rename = "e")]
    Ended(CallId, O),
}

/// What an attempt has reserved of a limit, or used: which one, the beginning of the period, and how much.
type Reserved = (LimitId, Timestamp, i64);

fn reserved(of: &[Spent]) -> Vec<Reserved> {
    of.iter().map(|of| (of.limit, of.period, of.amount)).collect()
}

/// One file, locked while its process lives. When nobody needs it any more it goes, unless it still tells of something
/// that is nowhere else: then the next start finds it.
#[derive(Debug)]
pub struct Segment {
    path: PathBuf,
    file: File,
    /// Bytes written.
    size: AtomicU64,
    /// Calls in it whose records are not in the database yet.
    unwritten: AtomicUsize,
    /// It holds lines that cannot be read.
    spoilt: bool,
}

impl Drop for Segment {
    fn drop(&mut self) {
        if *self.unwritten.get_mut() > 0 {
            return;
        }
        let done = if self.spoilt {
            let aside = self.path.with_extension(SPOILT);
            tracing::warn!(path = %aside.display(), "a journal of calls with lines that cannot be read is kept aside");
            fs::rename(&self.path, aside)
        } else {
            fs::remove_file(&self.path)
        };
        if let Err(error) = done {
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
        Ok(Self { path, file, size: AtomicU64::new(0), unwritten: AtomicUsize::new(0), spoilt: false })
    }

    /// Notes how a call ended, in the segment where it began.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn ended(&self, call: CallId, outcome: &CallEnd) -> io::Result<()> {
        let mut lines = lines();
        add(&mut lines, &Line::Ended(call, outcome))?;
        self.append(&lines)
    }

    /// Notes attempts of a call from this number on. The last of them leaves, and has reserved so much of limits; or it has
    /// ended, and has used so much of them.
    ///
    /// # Errors
    /// When the lines cannot be written.
    pub fn tried(&self, call: CallId, from: usize, tried: &[Tried], of: &[Spent]) -> io::Result<()> {
        let mut lines = lines();
        add_tried(&mut lines, call, from, tried, of)?;
        self.append(&lines)
    }

    /// Notes that the record of one of its calls is in the database, or was refused there for good.
    pub fn written(&self) {
        self.unwritten.fetch_sub(1, Ordering::SeqCst);
    }

    /// Writes lines. The system appends them as a whole, so that this needs no lock.
    fn append(&self, lines: &[u8]) -> io::Result<()> {
        if let Err(error) = (&self.file).write_all(lines) {
            // The file may end in half a line: go on in another one.
            self.size.store(SEGMENT, Ordering::Relaxed);
            return Err(error);
        }
        self.size.fetch_add(lines.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// The journal of this process.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    current: Mutex<Arc<Segment>>,
}

impl Journal {
    /// Begins a journal in a folder, which is made if it is missing.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn create(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let segment = Arc::new(Segment::create(folder)?);
        Ok(Self { folder: folder.to_owned(), current: Mutex::new(segment) })
    }

    /// Notes that a call is about to leave, with its attempts so far, and with what the last of them has reserved of limits.
    /// Say [`Segment::written`] once the call's record is in the database.
    ///
    /// # Errors
    /// When the lines cannot be written.
    pub fn begun(&self, call: &CallFacts, tried: &[Tried], of: &[Spent]) -> io::Result<Arc<Segment>> {
        let mut lines = lines();
        match tried.is_empty() && !of.is_empty() {
            true => add(&mut lines, &Line::Reserving(call, reserved(of)))?,
            false => add(&mut lines, &Line::Begun(call))?,
        }
        add_tried(&mut lines, call.id, 0, tried, of)?;
        self.begin(&lines)
    }

    /// Notes a call that has ended without having left.
    ///
    /// # Errors
    /// When the lines cannot be written.
    pub fn refused(&self, call: &CallFacts, outcome: &CallEnd) -> io::Result<Arc<Segment>> {
        let mut lines = lines();
        add(&mut lines, &Line::Begun(call))?;
        add(&mut lines, &Line::Ended(call.id, outcome))?;
        self.begin(&lines)
    }

    fn begin(&self, lines: &[u8]) -> io::Result<Arc<Segment>> {
        let segment = self.current()?;
        segment.append(lines)?;
        segment.unwritten.fetch_add(1, Ordering::SeqCst);
        Ok(segment)
    }

    /// The segment for the next call.
    fn current(&self) -> io::Result<Arc<Segment>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.size.load(Ordering::Relaxed) >= SEGMENT {
            *current = Arc::new(Segment::create(&self.folder)?);
        }
        Ok(current.clone())
    }
}

/// Room for lines, longer than most are.
fn lines() -> Vec<u8> {
    Vec::with_capacity(512)
}

fn add(lines: &mut Vec<u8>, line: &Line<&CallFacts, &CallEnd, &Tried>) -> io::Result<()> {
    serde_json::to_writer(&mut *lines, line)?;
    lines.push(b'\n');
    Ok(())
}

fn add_tried(lines: &mut Vec<u8>, call: CallId, from: usize, tried: &[Tried], of: &[Spent]) -> io::Result<()> {
    for (place, attempt) in tried.iter().enumerate() {
        let number = from + place;
        let line = match place + 1 == tried.len() && !of.is_empty() {
            true => Line::TriedFor(call, number, attempt, reserved(of)),
            false => Line::Tried(call, number, attempt),
        };
        add(lines, &line)?;
    }
    Ok(())
}

/// Calls that a process left behind, each with its outcome. One that had none was cut off by the end of the process: what it
/// had reserved of limits is taken for used, since it may have used all of that.
pub type Left = Vec<(CallFacts, CallEnd)>;

/// Reads the journals in a folder whose processes have ended. Say [`Segment::written`] for each call of a segment.
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
        let (left, spoilt) = read(&file)?;
        let (size, unwritten) = (AtomicU64::new(SEGMENT), AtomicUsize::new(left.len()));
        all.push((Arc::new(Segment { path, file, size, unwritten, spoilt }), left));
    }
    Ok(all)
}

/// The calls of a file, and whether there are lines in it that cannot be read.
fn read(file: &File) -> io::Result<(Left, bool)> {
    let mut order = Vec::new();
    let mut outcomes = HashMap::new();
    let mut attempts: HashMap<CallId, Vec<Tried>> = HashMap::new();
    // Of each attempt, by its number.
    let mut charges: HashMap<CallId, BTreeMap<usize, Vec<Reserved>>> = HashMap::new();
    let mut spoilt = false;
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        match serde_json::from_slice(&line) {
            Ok(Line::Begun(call)) => order.push(call),
            Ok(Line::Reserving(call, of)) => {
                let call: CallFacts = call;
                charges.entry(call.id).or_default().insert(0, of);
                order.push(call);
            }
            Ok(Line::Ended(id, outcome)) => drop(outcomes.insert(id, outcome)),
            Ok(Line::Tried(id, number, tried)) => {
                note(attempts.entry(id).or_default(), number, tried);
                // It had reserved something, and has used nothing.
                if let Some(charges) = charges.get_mut(&id) {
                    charges.remove(&number);
                }
            }
            Ok(Line::TriedFor(id, number, tried, of)) => {
                note(attempts.entry(id).or_default(), number, tried);
                charges.entry(id).or_default().insert(number, of);
            }
            // A line that was cut off by the end of the process tells of nothing that happened after it.
            Err(_) if !line.ends_with(b"\n") => {}
            Err(_) => spoilt = true,
        }
    }
    let left = order.into_iter().map(|call: CallFacts| {
        let tried = attempts.remove(&call.id).unwrap_or_default();
        let charges = charges.remove(&call.id).unwrap_or_default().into_values().flatten();
        let outcome = outcomes.remove(&call.id).unwrap_or_else(|| {
            let spent = charges.map(|(limit, period, amount)| Spent { limit, period, amount });
            CallEnd { spent: spent.collect(), ..CallEnd::interrupted().having_tried(tried) }
        });
        (call, outcome)
    });
    Ok((left.collect(), spoilt))
}

/// Takes over what a line says of an attempt.
fn note(attempts: &mut Vec<Tried>, number: usize, tried: Tried) {
    // A line may be missing where the disk was full.
    match attempts.get_mut(number) {
        Some(known) => *known = tried,
        None => attempts.push(tried),
    }
}
