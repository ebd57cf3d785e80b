//! The record of every model call: begun before the call leaves, finished when the last byte has gone to the caller.
//!
//! A call first takes a place in a bounded queue. Before it leaves it writes a line to a [journal](super::journal), which
//! survives the end of the process, with what it has reserved of limits. When it ends, its outcome goes to the journal and
//! to a writer, which hands finished records to the [`Sink`] in groups. So the path of a call touches no database, a crash leaves no call
//! unaccounted for, and when the log cannot keep up calls wait a little and are then refused rather than made unseen.
//!
//! Here is the way in. A call under way stands in `open`, and the way to the [`Sink`] in `writer`.

mod open;
mod writer;

pub use open::Open;
pub use writer::{Sink, SinkError};

use super::facts::{CallFacts, Record};
use super::journal::Journal;
use super::refusals::{Entry, Refusals, Refused};
use super::telemetry::{Load, Telemetry, Watched};
use super::texts::Budget;
use crate::kernel::CallId;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout, timeout_at};
use writer::{Queued, Writer};

/// The log has no room and did not get any in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the log of calls has no room")]
pub struct Full;

/// The bounds of the queue.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Calls under way and records not yet written, together.
    pub places: usize,
    /// How long a call waits for a place.
    pub patience: Duration,
    /// The most records in one group.
    pub group: usize,
    /// How long a record waits for others.
    pub delay: Duration,
    /// The age at which a call that is still under way is shown in the log.
    pub shown_after: Duration,
    /// The most bytes of texts that wait to be written. What finds no room is not kept, and its entry says so.
    pub texts: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            places: 20_000,
            patience: Duration::from_secs(1),
            group: 2_000,
            delay: Duration::from_millis(100),
            shown_after: Duration::from_secs(2),
            texts: 64 << 20,
        }
    }
}

/// The way into the log. Cheap to clone.
#[derive(Clone)]
pub struct Recorder(Arc<Inner>);

struct Inner {
    places: Arc<Semaphore>,
    bounds: Bounds,
    journal: Journal,
    queue: mpsc::UnboundedSender<Queued>,
    /// The process is about to end, and cuts off the calls that are under way.
    ending: AtomicBool,
    under_way: Mutex<HashMap<CallId, UnderWay>>,
    refusals: Refusals,
    budget: Budget,
    telemetry: Arc<Telemetry>,
    /// Alive as long as something that a crash had left is not written.
    left: Weak<()>,
}

struct UnderWay {
    call: Arc<CallFacts>,
    since: Instant,
    shown: bool,
}

impl Recorder {
    /// Opens the journal in `folder`, hands what a crash has left there to the sink, and starts the writer.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn start(folder: &Path, sink: Arc<dyn Sink>, bounds: Bounds) -> io::Result<Self> {
        let left = super::journal::recover(folder)?;
        let journal = Journal::create(folder)?;
        let (queue, queued) = mpsc::unbounded_channel();
        let telemetry = Arc::new(Telemetry::default());
        let sink: Arc<dyn Sink> = Arc::new(Watched { sink, telemetry: telemetry.clone() });
        let token = Arc::new(());
        let still_left = Arc::downgrade(&token);
        for (segment, records) in left {
            for (call, outcome) in records {
                // Whatever had ended was counted then.
                if outcome.is_interrupted() {
                    telemetry.meters.ended(&call, &outcome, None);
                }
                let record = Record { call: Arc::new(call), outcome: Some(outcome), texts: None };
                // The receiver is at hand, so this cannot fail.
                let left = Some(token.clone());
                let _ = queue.send(Queued { record, _place: None, segment: Some(segment.clone()), _left: left });
            }
        }
        drop(token);
        let inner = Arc::new(Inner {
            places: Arc::new(Semaphore::new(bounds.places)),
            bounds,
            journal,
            queue,
            ending: AtomicBool::new(false),
            under_way: Mutex::default(),
            refusals: Refusals::default(),
            budget: Budget::of(bounds.texts),
            telemetry,
            left: still_left,
        });
        tokio::spawn(Writer::new(sink, queued, bounds).run());
        tokio::spawn(show_long_calls(Arc::downgrade(&inner), bounds.shown_after));
        tokio::spawn(tell_refusals(Arc::downgrade(&inner)));
        Ok(Self(inner))
    }

    /// Takes a place for a call, which may then say that it [leaves](Open::leaves). `arrived` is when its request came in.
    ///
    /// # Errors
    /// [`Full`] when the queue has no place in time: the call must not leave.
    pub async fn begin(&self, call: CallFacts, arrived: Instant) -> Result<Open, Full> {
        let begun = self.admit(call, arrived).await;
        if begun.is_err() {
            self.0.telemetry.meters.unrecorded("log_unavailable");
        }
        begun
    }

    async fn admit(&self, call: CallFacts, arrived: Instant) -> Result<Open, Full> {
        let places = &self.0.places;
        let place = match places.clone().try_acquire_owned() {
            Ok(place) => place,
            Err(_) => timeout(self.0.bounds.patience, places.clone().acquire_owned())
                .await
                .map_err(|_| Full)?
                .map_err(|_| Full)?,
        };
        Ok(Open::new(self.0.clone(), call, arrived, place))
    }

    /// Records a call that was refused before anything was sent. Of many alike only some get an entry of their own; the
    /// next entry tells of the others. Those that are only counted are in no journal: a crash loses them.
    pub async fn refused(&self, refused: Refused, arrived: Instant) {
        if let Some(entry) = self.0.refusals.admit(refused, arrived) {
            self.tell(entry, arrived).await;
        }
    }

    async fn tell(&self, Entry { refused, count }: Entry, arrived: Instant) {
        let Refused { call, status, code, tried } = refused;
        if let Ok(mut open) = self.begin(call, arrived).await {
            open.stands_for(count, tried);
            open.finish(status, Some(&code));
        }
    }

    /// Waits until what a crash had left is written, so that limits know of it, at most `patience`. Whether it is.
    pub async fn recovered(&self, patience: Duration) -> bool {
        let written = async {
            while self.0.left.strong_count() > 0 {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(patience, written).await.is_ok()
    }

    /// What is counted, and told to the operator's monitoring.
    pub fn telemetry(&self) -> &Telemetry {
        &self.0.telemetry
    }

    /// How full the queue is.
    pub fn load(&self) -> Load {
        let under_way = self.0.lock().len();
        Load { places: self.0.bounds.places, free: self.0.places.available_permits(), under_way }
    }

    /// Waits until every call has ended and every record is written, at most `patience`. Whether that was achieved.
    /// If not, the process is taken to end now: what is left stays in the journal for the next start, and calls that
    /// are cut off from here on were not left by their callers.
    pub async fn drain(&self, patience: Duration) -> bool {
        let all = u32::try_from(self.0.bounds.places).unwrap_or(u32::MAX);
        let end = Instant::now() + patience;
        for entry in self.0.refusals.take() {
            if Instant::now() < end {
                self.tell(entry, Instant::now()).await;
            }
        }
        let done = timeout_at(end, self.0.places.acquire_many(all)).await.is_ok();
        self.0.ending.store(!done, Ordering::SeqCst);
        done
    }
}

impl Inner {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<CallId, UnderWay>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shows calls that take long while they are still under way.
async fn show_long_calls(recorder: Weak<Inner>, after: Duration) {
    let mut ticks = interval(after.max(Duration::from_millis(10)) / 2);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(inner) = recorder.upgrade() else { return };
        for call in inner.lock().values_mut().filter(|call| !call.shown && call.since.elapsed() >= after) {
            call.shown = true;
            let record = Record { call: call.call.clone(), outcome: None, texts: None };
            let _ = inner.queue.send(Queued { record, _place: None, segment: None, _left: None });
        }
    }
}

/// Tells of refusals that were counted, when no more of their kind come.
async fn tell_refusals(recorder: Weak<Inner>) {
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(recorder) = recorder.upgrade().map(Recorder) else { return };
        for entry in recorder.0.refusals.ended(Instant::now()) {
            recorder.tell(entry, Instant::now()).await;
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("free", &self.0.places.available_permits()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
