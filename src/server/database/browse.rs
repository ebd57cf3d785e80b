//! The bounds of reading for pages and lists: how many at a time, how many of them for one organisation, and how long.
//! Look-ups that verify who asks have connections of their own and never wait behind these.

use crate::kernel::{Error, OrganisationId, Result};
use sqlx::PgPool;
use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

/// How long a reader may take. Whoever asks for more than the engine can read in that time is told to ask for less.
pub(super) const LONGEST: Duration = Duration::from_secs(5);
/// How long a reader waits for a place.
const PATIENCE: Duration = Duration::from_secs(2);
/// Shares of organisations that nobody uses are forgotten above this number.
const SHARES: usize = 1_000;

/// The places for readers.
pub struct Places {
    all: Arc<Semaphore>,
    /// Places of one organisation.
    share: usize,
    shares: Mutex<HashMap<OrganisationId, Weak<Semaphore>>>,
}

/// A place among all, and one of its organisation's.
pub(super) struct Place {
    _own: OwnedSemaphorePermit,
    _common: OwnedSemaphorePermit,
}

impl Places {
    /// This many readers, at most half of them of one organisation.
    pub(super) fn new(readers: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(readers)), share: readers.div_ceil(2), shares: Mutex::default() }
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// `busy` if there is none in time.
    pub(super) async fn take(&self, organisation: OrganisationId) -> Result<Place> {
        let share = self.share(organisation);
        let place = timeout(PATIENCE, async {
            let own = share.acquire_owned().await.ok()?;
            Some(Place { _own: own, _common: self.all.clone().acquire_owned().await.ok()? })
        });
        place.await.ok().flatten().ok_or_else(Error::busy)
    }

    fn share(&self, organisation: OrganisationId) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if shares.len() >= SHARES {
            shares.retain(|_, share| share.strong_count() > 0);
        }
        if let Some(share) = shares.get(&organisation).and_then(Weak::upgrade) {
            return share;
        }
        let share = Arc::new(Semaphore::new(self.share));
        shares.insert(organisation, Arc::downgrade(&share));
        share
    }
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places").field("free", &self.all.available_permits()).finish_non_exhaustive()
    }
}

/// When the statements of one reader on SQLite stop. The engine asks it while it works.
pub(super) struct Limit {
    until: Instant,
    left: AtomicBool,
    done: AtomicBool,
}

impl Limit {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { until: Instant::now() + LONGEST, left: AtomicBool::new(false), done: AtomicBool::new(false) })
    }

    pub(super) fn goes_on(&self) -> bool {
        let is_over = || !self.done.load(Ordering::Relaxed) && Instant::now() >= self.until;
        !self.left.load(Ordering::Relaxed) && !is_over()
    }
}

/// How a statement that is under way is stopped.
pub(super) enum Stop {
    Sqlite(Arc<Limit>),
    /// The server process, and the beginning of its transaction: by then it may have come to another's.
    Postgres {
        by: PgPool,
        process: i32,
        begun: String,
    },
}

/// What a reader holds. Once it is dropped, as when its client has left, a statement that is still under way is stopped.
pub(super) struct Reader {
    place: Option<Place>,
    stop: Stop,
    pub(super) at_work: bool,
}

impl Reader {
    pub(super) fn new(place: Place, stop: Stop) -> Self {
        Self { place: Some(place), stop, at_work: false }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        match &self.stop {
            Stop::Sqlite(limit) if self.at_work => limit.left.store(true, Ordering::Relaxed),
            Stop::Sqlite(limit) => limit.done.store(true, Ordering::Relaxed),
            Stop::Postgres { by, process, begun } if self.at_work => {
                let (by, process, begun, place) = (by.clone(), *process, begun.clone(), self.place.take());
                tokio::spawn(async move {
                    const CANCEL: &str =
                        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND xact_start::text = $2";
                    if let Err(error) = sqlx::query(CANCEL).bind(process).bind(begun).execute(&by).await {
                        tracing::warn!(%error, "a reader whose client has left could not be stopped; its time runs out soon");
                    }
                    drop(place);
                });
            }
            Stop::Postgres { .. } => {}
        }
    }
}
