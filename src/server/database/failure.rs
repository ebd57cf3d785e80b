//! What an error of the database means: for a caller, for a writer that tries again, and for the health of the disk.

use super::Health;
use crate::kernel::{Code, Error};

/// Notes that it is the disk that stands in the way of writes.
pub(super) fn note_failure(health: &Health, error: &sqlx::Error) {
    if let sqlx::Error::Database(cause) = error
        && is_of_the_disk(cause.code().as_deref())
    {
        health.failed();
    }
}

/// What a database error means to a caller; the cause goes to the log. A clash of unique values is a conflict, and an
/// operation that can name the field says so before it comes to this.
pub(super) fn failed(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::Database(cause) if cause.is_unique_violation() => {
            Error::new(Code::Conflict, "Something with this name exists already.")
        }
        sqlx::Error::PoolTimedOut
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolClosed
        | sqlx::Error::BeginFailed
        | sqlx::Error::WorkerCrashed => {
            tracing::error!(%error, "the database cannot be reached");
            Error::unavailable()
        }
        sqlx::Error::Database(cause) if is_stopped(cause.code().as_deref()) => {
            tracing::warn!(%error, "a statement took too long");
            Error::busy()
        }
        sqlx::Error::Database(cause) if is_transient(cause.code().as_deref()) => {
            tracing::warn!(%error, "the database refused for now");
            Error::unavailable()
        }
        _ => {
            tracing::error!(%error, "a statement failed");
            Error::internal()
        }
    }
}

/// Why a write was not done; the cause goes to the log.
pub(super) fn not_written(error: sqlx::Error) -> WriteError {
    let refused = is_of_values(&error);
    failed(error);
    if refused { WriteError::Refused } else { WriteError::Failed }
}

/// Why a write was not done. The cause is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// The database refuses these values, and will again.
    Refused,
    /// It may succeed another time.
    Failed,
}

impl From<Error> for WriteError {
    fn from(_: Error) -> Self {
        Self::Failed
    }
}

/// Whether it is the values that a statement was refused for, and not its text or the state of the database.
fn is_of_values(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Encode(_) => true,
        // A row that came to a part of a table as that part was changed violates a constraint that has no name. It finds its
        // place another time.
        sqlx::Error::Database(cause) if cause.code().as_deref() == Some("23514") => cause.constraint().is_some(),
        sqlx::Error::Database(cause) => is_of_data(cause.code().as_deref()),
        _ => false,
    }
}

/// The five letters of PostgreSQL's codes, or SQLite's primary code.
enum EngineCode<'a> {
    Postgres(&'a str),
    Sqlite(i64),
}

impl<'a> EngineCode<'a> {
    fn read(code: Option<&'a str>) -> Option<Self> {
        match code? {
            code if code.len() == 5 => Some(Self::Postgres(code)),
            code => code.parse::<i64>().ok().map(|code| Self::Sqlite(code & 0xff)),
        }
    }
}

/// Two rows in conflict, data, constraints (PostgreSQL classes); too big, constraint, mismatch, range (SQLite).
fn is_of_data(code: Option<&str>) -> bool {
    match EngineCode::read(code) {
        Some(EngineCode::Postgres(code)) => ["21", "22", "23"].iter().any(|class| code.starts_with(class)),
        Some(EngineCode::Sqlite(code)) => matches!(code, 18 | 19 | 20 | 25),
        None => false,
    }
}

/// Read only, input and output, full, cannot open (SQLite); disk full, input and output, read only (PostgreSQL).
pub(super) fn is_of_the_disk(code: Option<&str>) -> bool {
    match EngineCode::read(code) {
        Some(EngineCode::Postgres(code)) => matches!(code, "53100" | "58030" | "25006"),
        Some(EngineCode::Sqlite(code)) => matches!(code, 8 | 10 | 13 | 14),
        None => false,
    }
}

/// Whether a statement was stopped before its end.
fn is_stopped(code: Option<&str>) -> bool {
    match EngineCode::read(code) {
        Some(EngineCode::Postgres(code)) => code == "57014",
        Some(EngineCode::Sqlite(code)) => code == 9,
        None => false,
    }
}

/// Connection, serialisation, deadlock, resources, shutdown, system (PostgreSQL classes), and a server that only reads
/// for now; busy, locked, read only, input and output, full, cannot open (SQLite).
fn is_transient(code: Option<&str>) -> bool {
    match EngineCode::read(code) {
        Some(EngineCode::Postgres(code)) => {
            code == "25006" || ["08", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class))
        }
        Some(EngineCode::Sqlite(code)) => matches!(code, 5 | 6 | 8 | 10 | 13 | 14),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_engines_are_told_apart() {
        let transient =
            ["08006", "25006", "40001", "40P01", "53300", "57P01", "58030", "5", "6", "517", "8", "1032", "14"];
        let data = ["21000", "22003", "22021", "23503", "23514", "18", "19", "787", "20", "25"];
        let neither = ["25P02", "42P01", "42501", "XX000", "1", "11", "26", "nonsense"];
        for (codes, expected) in [(&transient[..], (true, false)), (&data, (false, true)), (&neither, (false, false))] {
            for code in codes {
                assert_eq!((is_transient(Some(code)), is_of_data(Some(code))), expected, "{code}");
            }
        }
        assert!(!is_transient(None) && !is_of_data(None));
        for code in ["53100", "58030", "8", "10", "778", "13"] {
            assert!(is_of_the_disk(Some(code)) && is_transient(Some(code)), "{code}");
        }
        for code in ["40001", "5", "57014", "9", "19"] {
            assert!(!is_of_the_disk(Some(code)), "{code}");
        }
        assert!(is_stopped(Some("9")) && is_stopped(Some("57014")) && !is_stopped(Some("57P01")));
    }
}
