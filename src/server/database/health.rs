//! Whether writes reach the disk, as far as the last one tells.

use super::{Db, statements, values};
use crate::kernel::Result;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::{sync::Mutex, time::Instant};
use uuid::Uuid;

/// How long it is believed that nothing can be written, before that is tried again.
const BELIEVED: Duration = Duration::from_millis(250);

/// Remembers how the last write went.
#[derive(Debug, Default)]
pub struct Health {
    failing: AtomicBool,
    /// When it was last tried whether writing works again.
    tried: Mutex<Option<Instant>>,
}

statements! {
    // A row that nobody ever sees: both engines have to write it all the same.
    TRY: SystemSql = "INSERT INTO sessions (digest, id, created_at, seen_at, expires_at, data) VALUES ($1, $2, 0, 0, 0, '')";
    UNDO_TRY: SystemSql = "DELETE FROM sessions WHERE digest = $1 AND created_at = 0";
}

impl Health {
    /// Something could not be written, and it was the disk's fault.
    pub(super) fn failed(&self) {
        self.failing.store(true, Ordering::Relaxed);
    }

    /// Something was written.
    pub(super) fn succeeded(&self) {
        self.failing.store(false, Ordering::Relaxed);
    }

    fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }
}

impl Db {
    /// Whether writes are believed to work. After one that failed it is tried, now and then, by one at a time.
    pub(super) async fn can_write(&self) -> bool {
        let health = self.health();
        if !health.is_failing() {
            return true;
        }
        let mut tried = health.tried.lock().await;
        if health.is_failing() && tried.is_none_or(|at| at.elapsed() >= BELIEVED) {
            *tried = Some(Instant::now());
            if let Err(error) = self.try_to_write().await {
                tracing::warn!(%error, "the database still takes no writes");
            }
        }
        !health.is_failing()
    }

    async fn try_to_write(&self) -> Result<()> {
        let (digest, id) = ([0; 32], Uuid::nil());
        let mut tx = self.write().await?;
        tx.execute(TRY, values![digest, id]).await?;
        tx.execute(UNDO_TRY, values![digest]).await?;
        tx.commit().await
    }
}
