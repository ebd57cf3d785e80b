//! Time as a parameter: the system's clock, or one that a test sets.

use crate::kernel::Timestamp;
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// Tells the time. Cloning shares the offset.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Milliseconds added to the system's time; only tests move it.
    offset: Arc<AtomicI64>,
    /// Says the time in place of the system; only in builds for tests.
    hand: Option<Arc<Hand>>,
}

/// A file that holds the time, and what it said last.
#[derive(Debug)]
struct Hand {
    file: Box<Path>,
    last: AtomicI64,
}

impl Hand {
    /// Until the file says another time, it stays what it was.
    fn now(&self) -> Timestamp {
        // What cannot be read is being written.
        if let Some(said) = fs::read_to_string(&self.file).ok().and_then(|text| Timestamp::parse(text.trim())) {
            self.last.store(said.0, Ordering::Relaxed);
        }
        Timestamp(self.last.load(Ordering::Relaxed))
    }
}

impl Clock {
    /// A clock that goes by a file, which holds a time as RFC 3339 has it and may change at any moment.
    pub fn of_file(file: PathBuf) -> Self {
        let last = AtomicI64::new(Self::default().now().0);
        Self { hand: Some(Arc::new(Hand { file: file.into(), last })), ..Self::default() }
    }

    pub fn now(&self) -> Timestamp {
        match &self.hand {
            Some(hand) => hand.now(),
            None => self.of_system(),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the system's time is read here")]
    fn of_system(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)).plus(self.offset.load(Ordering::Relaxed))
    }

    #[cfg(test)]
    pub fn advance(&self, milliseconds: i64) {
        self.offset.fetch_add(milliseconds, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_the_time_until_it_says_another() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let file = folder.path().join("clock");
        let clock = Clock::of_file(file.clone());
        let begun = clock.now();
        assert!(begun.0 > 1_700_000_000_000, "without a file the time of its start");
        assert_eq!(clock.now(), begun, "it stands still");
        fs::write(&file, "2027-02-21T14:05:09.123Z\n").expect("written");
        assert_eq!(clock.now().rfc3339(), "2027-02-21T14:05:09.123Z");
        fs::write(&file, "2027-02-").expect("written");
        assert_eq!(clock.clone().now().rfc3339(), "2027-02-21T14:05:09.123Z");
    }
}
