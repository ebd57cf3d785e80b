//! What this process knows of the use of limits, beyond what is written.

use std::sync::OnceLock;
use uuid::Uuid;

/// Whoever counts.
pub trait Live: Send + Sync + 'static {
    /// What was used of a limit in the period that begins at a moment. None: nothing is known of it here.
    fn used(&self, limit: Uuid, period: i64) -> Option<i64>;

    /// What this process is called where it writes what was used.
    fn replica(&self) -> Uuid;
}

/// The way to whoever counts, once there is one.
#[derive(Default)]
pub struct Usage(OnceLock<Box<dyn Live>>);

impl Usage {
    /// Names whoever counts; the first stays.
    pub fn set(&self, live: impl Live) {
        let _ = self.0.set(Box::new(live));
    }

    /// What is known here of the use of a limit in a period.
    pub fn of(&self, limit: Uuid, period: i64) -> Option<i64> {
        self.0.get().and_then(|live| live.used(limit, period))
    }

    /// What this process is called where it writes what was used, if it counts.
    pub fn replica(&self) -> Option<Uuid> {
        self.0.get().map(|live| live.replica())
    }
}

impl std::fmt::Debug for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Usage")
    }
}
