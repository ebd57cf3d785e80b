//! The record of every model call: begun before the call leaves, finished when the last byte has gone to the caller.
//!
//! A call first takes a place in a bounded queue. Before it leaves it writes a line to a [journal](super::journal), which
//! survives the end of the process, with what it has reserved of limits. When it ends, its outcome goes to the journal and
//! to a writer, which hands finished records to the [`Sink`] in groups. So the path of a call touches no database, a crash leaves no call
//! unaccounted for, and when the log cannot keep up calls wait a little and are then refused rather than made unseen.

mod charge;

use self::charge::Charge;
use super::facts::{CallEnd, CallFacts, EndedBy, Record, Tried, TriedEnd, Went};
use super::guards::Late;
use super::joined::Joined;
use super::journal::{Journal, Segment};
use super::prices::cost;
use super::refusals::{Entry, Refusals, Refused};
use super::room::Share;
use super::telemetry::{Load, Telemetry, Watched};
use super::texts::{Budget, Taking, Tee};
use crate::dialect::usage::Usage;
use crate::features::logs::model::Next;
use crate::guardrails::{HookResults, Side};
use crate::kernel::CallId;
use crate::web::refusal::Refusal;
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout, timeout_at};

/// Why a group of records was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// Not now: the same group is offered again.
    #[error("the log cannot be written at the moment")]
    Unavailable,
    /// Never, for one of its records: they are offered one by one, and the one that is refused then is given up with
    /// an error in the program's own log.
    #[error("a record of the log was refused")]
    Rejected,
}

/// Where finished records go.
#[async_trait]
pub trait Sink: Send + Sync + 'static {
    /// Stores a group in one transaction, keyed by the call's id: a record may come twice, and one without an outcome
    /// (a call that has been under way for a while) is followed by one with it.
    async fn write(&self, records: &[Record]) -> Result<(), SinkError>;
}

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

/// A record on its way to the sink. Its place is free once it is dropped.
struct Queued {
    record: Record,
    _place: Option<OwnedSemaphorePermit>,
    /// Where the call stands in the journal; `None` if its end is still to come.
    segment: Option<Arc<Segment>>,
    /// It is one of those that a crash had left.
    _left: Option<Arc<()>>,
}

/// A call under way. Finish it; one that is merely dropped is recorded as left by its caller.
pub struct Open {
    recorder: Arc<Inner>,
    call: Arc<CallFacts>,
    arrived: Instant,
    /// When it first left for a provider.
    sent_us: Option<u64>,
    first_byte_us: Option<u64>,
    upstream_status: Option<u16>,
    upstream_id: Option<Box<str>>,
    status: Option<u16>,
    /// Whether the call has left, and whether its last attempt has.
    sent: bool,
    last_sent: bool,
    usage: Option<Usage>,
    count: u64,
    /// The attempts of a call that a config leads. None is under way but the last.
    tried: Vec<Tried>,
    /// How many of them stand in the journal.
    noted: usize,
    /// The models that may answer in place of the one that is asked for, and the one that has, as it says itself. None: nobody
    /// knows which may.
    others: Option<Vec<Box<str>>>,
    answered_by: Option<Box<str>>,
    /// What earlier attempts have used, and what that has cost.
    used_before: Option<Usage>,
    spent: Option<i64>,
    /// What the earlier call used of which the answer was kept.
    spared: Option<Usage>,
    /// What guardrails find beside the call, with the number of the attempt.
    late: Vec<(usize, Late)>,
    /// What is said, if that is kept.
    texts: Option<Box<Taking>>,
    /// What it has reserved of limits, if any hold for it.
    charge: Option<Box<Charge>>,
    place: Option<OwnedSemaphorePermit>,
    /// Where it stands in the journal, once it has left.
    segment: Option<Arc<Segment>>,
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
        tokio::spawn(Writer { sink, queued, bounds }.run());
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
        let texts = call.keeps.map(|keeps| Box::new(Taking::new(keeps, &self.0.budget)));
        Ok(Open {
            recorder: self.0.clone(),
            call: Arc::new(call),
            arrived,
            sent_us: None,
            first_byte_us: None,
            upstream_status: None,
            upstream_id: None,
            status: None,
            sent: false,
            last_sent: false,
            usage: None,
            count: 1,
            tried: Vec::new(),
            noted: 0,
            others: Some(Vec::new()),
            answered_by: None,
            used_before: None,
            spent: None,
            spared: None,
            late: Vec::new(),
            texts,
            charge: None,
            place: Some(place),
            segment: None,
        })
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
            open.count = count;
            open.tried = tried;
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

impl Open {
    /// The call's id.
    pub fn id(&self) -> CallId {
        self.call.id
    }

    /// Notes in the journal that the call, or its next attempt, is about to leave, with what it has reserved of limits.
    ///
    /// # Errors
    /// [`Full`] when the journal cannot be written: it must not leave. If nothing of the call has left yet, nothing is recorded
    /// of it.
    pub fn leaves(&mut self) -> Result<(), Full> {
        let reserved = self.charge.as_ref().map_or_else(Vec::new, |charge| charge.reserved());
        let noted = match &self.segment {
            Some(segment) => {
                segment.tried(self.call.id, self.noted, &self.tried[self.noted..], &reserved).map(|()| None)
            }
            None => self.recorder.journal.begun(&self.call, &self.tried, &reserved).map(Some),
        };
        match noted {
            Ok(first) => {
                self.noted = self.tried.len();
                if first.is_some() {
                    self.segment = first;
                    let under_way = UnderWay { call: self.call.clone(), since: self.arrived, shown: false };
                    self.recorder.lock().insert(self.call.id, under_way);
                }
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "the journal of calls cannot be written");
                if self.segment.is_none() {
                    self.place = None;
                    self.recorder.telemetry.meters.unrecorded("log_unavailable");
                }
                Err(Full)
            }
        }
    }

    /// Notes that the call leaves for the provider now.
    pub fn sent(&mut self) {
        (self.sent, self.last_sent) = (true, true);
        let arrived = self.arrived;
        self.sent_us.get_or_insert_with(|| micros(arrived));
    }

    /// Notes the provider's status, and its own id of the exchange if it gave one.
    pub fn answered(&mut self, upstream_status: u16, upstream_id: Option<&str>) {
        self.upstream_status = Some(upstream_status);
        self.upstream_id = upstream_id.map(Into::into);
    }

    /// Notes the time of the first byte of the answer; later calls change nothing.
    pub fn first_byte(&mut self) {
        let arrived = self.arrived;
        self.first_byte_us.get_or_insert_with(|| micros(arrived));
    }

    /// Notes the status that the caller has been given, for a call that is still streaming.
    pub fn streaming(&mut self, status: u16) {
        self.status = Some(status);
    }

    /// Notes the tokens so far, as far as they can be true.
    pub fn used(&mut self, usage: Usage) {
        self.usage = Some(usage.bounded());
    }

    /// Notes that the answer was kept from an earlier call, and what that one used.
    pub(super) fn spared(&mut self, usage: Option<Usage>) {
        self.spared = usage.map(Usage::bounded);
    }

    /// The tokens of the attempt that is under way, as far as they are known.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Whether the call has left for a provider.
    pub fn is_sent(&self) -> bool {
        self.sent
    }

    /// Whether the last attempt has left.
    pub fn last_is_sent(&self) -> bool {
        self.last_sent
    }

    /// The model of the attempt that is under way, as the provider knows it.
    pub(super) fn model(&self) -> Box<str> {
        self.tried.last().map_or_else(|| self.call.model.clone(), |last| last.model.clone())
    }

    /// What all attempts have used.
    fn used_in_all(&self) -> Option<Usage> {
        match (self.used_before, self.usage) {
            (Some(before), Some(usage)) => Some(before.plus(usage)),
            (before, usage) => usage.or(before),
        }
    }

    /// Notes an attempt that is about to leave, or one that ended before it could. What the last one told is not this
    /// one's.
    pub fn tries(&mut self, tried: Tried) {
        self.charge(false);
        // What an earlier attempt has used counts and is paid for all the same.
        self.used_before = self.used_in_all();
        if !self.tried.is_empty()
            && let Some(spent) = self.usage.and_then(|usage| self.cost_of(usage))
        {
            self.spent = Some(self.spent.unwrap_or(0).saturating_add(spent));
        }
        (self.upstream_status, self.upstream_id, self.usage, self.status) = (None, None, None, None);
        (self.first_byte_us, self.last_sent, self.spared) = (None, false, None);
        if let Some(texts) = &mut self.texts {
            texts.forget_answer();
        }
        (self.others, self.answered_by) = (Some(Vec::new()), None);
        self.tried.push(tried);
    }

    /// Notes what is still to come of what guardrails find in the last attempt.
    pub(super) fn later(&mut self, late: &mut Vec<Late>) {
        let number = self.tried.len().saturating_sub(1);
        self.late.extend(late.drain(..).map(|late| (number, late)));
    }

    /// Notes what guardrails have found in the last attempt, and what is still to come of it.
    pub(super) fn found(&mut self, found: &HookResults, late: &mut Vec<Late>) {
        if let Some(last) = self.tried.last_mut() {
            last.found = found.clone();
        }
        self.later(late);
    }

    /// Notes what leaves for the provider, where that is kept.
    pub(super) async fn asks(&mut self, share: &Share, said: Bytes) {
        if let Some(texts) = &mut self.texts {
            texts.request(share, said).await;
        }
    }

    /// Notes what the caller is given, where that is kept: an answer that is there as a whole, or the events of one.
    pub(super) async fn gives(&mut self, share: &Share, said: &Bytes, events: bool) {
        let shape = self.call.endpoint.shape();
        let Some(texts) = &mut self.texts else { return };
        match (events, Joined::of(shape)) {
            (false, _) => texts.answer(share, said, None).await,
            (true, Some(joined)) => texts.answer(share, said, Some(joined)).await,
            (true, None) => {}
        }
    }

    /// Notes that the caller is told of a refusal in place of an answer, where that is kept.
    pub(super) fn refuses(&mut self, refusal: &Refusal) {
        if let Some(texts) = &mut self.texts {
            texts.told(&refusal.body(&self.call.id.to_string()));
        }
    }

    /// Begins to put together what a stream says, where that is kept.
    pub(super) fn tee(&mut self) -> Option<Arc<Tee>> {
        let joined = self.texts.as_ref().and_then(|_| Joined::of(self.call.endpoint.shape()))?;
        self.texts.as_mut().map(|texts| texts.tee(joined))
    }

    /// Notes how the attempt that is under way ended, and what comes after it. `error` is the code of what went wrong.
    pub fn tried(&mut self, error: Option<&str>, then: Next) {
        let now = micros(self.arrived);
        if self.tried.last().is_none_or(|last| last.end.is_some()) {
            return;
        }
        let cost = self.usage.and_then(|usage| self.cost_of(usage));
        let Some(last) = self.tried.last_mut() else { return };
        last.end = Some(TriedEnd {
            status: self.upstream_status,
            error: error.map(Into::into),
            sent: self.last_sent,
            took_us: now.saturating_sub(last.began_us),
            then,
            first_byte_us: self.first_byte_us,
            usage: self.usage,
            cost,
        });
        // The end of the call tells of all its attempts.
        if !matches!(then, Next::Retried | Next::LedOn) {
            return;
        }
        let before = self.charge.as_ref().map_or(0, |charge| charge.spent.len());
        self.charge(false);
        let used = self.charge.as_ref().map_or(&[][..], |charge| &charge.spent[before..]);
        if let Some(segment) = &self.segment {
            let from = self.noted.min(self.tried.len() - 1);
            match segment.tried(self.call.id, from, &self.tried[from..], used) {
                Ok(()) => self.noted = self.tried.len(),
                Err(error) => tracing::error!(%error, "the journal of calls cannot be written"),
            }
        }
    }

    /// Microseconds since the request arrived.
    pub fn elapsed_us(&self) -> u64 {
        micros(self.arrived)
    }

    /// Ends the call with what the caller was told.
    pub fn finish(mut self, status: u16, error: Option<&str>) {
        self.close(status, error, EndedBy::Answer);
    }

    fn close(&mut self, status: u16, error: Option<&str>, ended_by: EndedBy) {
        let Some(place) = self.place.take() else { return };
        self.charge(error.is_none() && ended_by == EndedBy::Answer);
        let spent = self.charge.take().map_or_else(Vec::new, |charge| charge.spent);
        self.tried(error, if ended_by == EndedBy::Answer { Next::Answered } else { Next::Ended });
        let cost_of_last = self.usage.and_then(|usage| self.cost_of(usage));
        let tried = std::mem::take(&mut self.tried);
        let went = tried.last().map(|last| {
            let Tried { virtual_key, provider, model, .. } = last.clone();
            Box::new(Went { virtual_key, provider, model })
        });
        let (provider, model) = match &went {
            Some(went) => (went.provider, &*went.model),
            None => (self.call.provider, &*self.call.model),
        };
        let own = self.call.prices.as_deref();
        let saved = self.spared.zip(provider).and_then(|(usage, provider)| cost(own, provider, model, usage));
        let cost = match (self.spent, cost_of_last) {
            (Some(spent), Some(cost)) => Some(spent.saturating_add(cost)),
            (spent, cost) => spent.or(cost),
        };
        let outcome = CallEnd {
            status,
            upstream_status: self.upstream_status,
            upstream_id: self.upstream_id.take(),
            error: error.map(Into::into),
            sent: self.sent,
            ended_by,
            latency_us: micros(self.arrived),
            first_byte_us: self.first_byte_us,
            usage: self.used_in_all(),
            cost,
            saved,
            count: self.count,
            went,
            tried,
            spent,
        };
        let segment = match self.segment.take() {
            Some(segment) => {
                if let Err(error) = segment.ended(self.call.id, &outcome) {
                    // The record itself is in memory and goes to the sink; only a crash before that would lose the outcome.
                    tracing::error!(%error, "the journal of calls cannot be written");
                }
                segment
            }
            None => match self.recorder.journal.refused(&self.call, &outcome) {
                Ok(segment) => segment,
                Err(error) => {
                    tracing::error!(%error, "the journal of calls cannot be written");
                    return self.recorder.telemetry.meters.unrecorded("log_unavailable");
                }
            },
        };
        self.recorder.lock().remove(&self.call.id);
        self.recorder.telemetry.ended(&self.call, &outcome, self.sent_us);
        let mut record = Record { call: self.call.clone(), outcome: Some(outcome), texts: None };
        let late = std::mem::take(&mut self.late);
        let mut texts = self.texts.take();
        let waits = !late.is_empty() || texts.as_ref().is_some_and(|texts| texts.waits());
        if !waits {
            record.texts = texts.take().and_then(|texts| texts.kept());
        }
        let queued = Queued { record, _place: Some(place), segment: Some(segment), _left: None };
        match Handle::try_current() {
            Ok(runtime) if waits => {
                runtime.spawn(wait_for(late, texts, queued, self.recorder.queue.clone()));
            }
            // Where nothing runs any more, nothing more comes.
            _ => drop(self.recorder.queue.send(queued)),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.recorder.ending.load(Ordering::SeqCst) {
            // The journal has begun this call and tells of no end: that is what happened to it.
            self.cut_off();
        } else {
            self.close(self.status.unwrap_or(CLIENT_LEFT), Some(CLIENT_LEFT_CODE), EndedBy::Caller);
        }
    }
}

/// The status in the log of a call whose caller left before there was one.
pub const CLIENT_LEFT: u16 = 499;
const CLIENT_LEFT_CODE: &str = "client_left";

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Hands a record on once everything that judges beside its call has told what it found, and the last of what is kept of a
/// stream has gone to the caller.
async fn wait_for(
    late: Vec<(usize, Late)>,
    texts: Option<Box<Taking>>,
    mut queued: Queued,
    queue: mpsc::UnboundedSender<Queued>,
) {
    if let Some(texts) = texts {
        queued.record.texts = texts.ended().await;
    }
    for (number, late) in late {
        let Ok((side, result)) = late.await else { continue };
        let tried = queued.record.outcome.as_mut().and_then(|end| end.tried.get_mut(number));
        if let Some(Tried { found, .. }) = tried {
            match side {
                Side::Request => found.before_request_hooks.push(result),
                Side::Answer => found.after_request_hooks.push(result),
            }
        }
    }
    let _ = queue.send(queued);
}

/// Shows calls that take long while they are still under way.
async fn show_long_calls(recorder: std::sync::Weak<Inner>, after: Duration) {
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
async fn tell_refusals(recorder: std::sync::Weak<Inner>) {
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

/// Hands records to the sink in groups.
struct Writer {
    sink: Arc<dyn Sink>,
    queued: mpsc::UnboundedReceiver<Queued>,
    bounds: Bounds,
}

impl Writer {
    async fn run(mut self) {
        let mut group = Vec::with_capacity(self.bounds.group);
        while self.queued.recv_many(&mut group, self.bounds.group).await > 0 {
            let full = Instant::now() + self.bounds.delay;
            while group.len() < self.bounds.group {
                let room = self.bounds.group - group.len();
                match timeout_at(full, self.queued.recv_many(&mut group, room)).await {
                    Ok(more) if more > 0 => {}
                    _ => break,
                }
            }
            self.write(&group).await;
            // Only now are the places free and may the journal forget.
            for queued in group.drain(..) {
                if let Some(segment) = queued.segment {
                    segment.written();
                }
            }
        }
    }

    async fn write(&self, group: &[Queued]) {
        let mut records: Vec<Record> = group.iter().map(|queued| queued.record.clone()).collect();
        // Each call once: the end of one makes its "under way" needless.
        if records.iter().any(|record| record.outcome.is_none()) {
            let ended: HashSet<CallId> = records.iter().filter(|r| r.outcome.is_some()).map(|r| r.call.id).collect();
            records.retain(|record| record.outcome.is_some() || !ended.contains(&record.call.id));
        }
        if self.offer(&records).await == Err(SinkError::Rejected) {
            for record in &records {
                if self.offer(std::slice::from_ref(record)).await.is_err() {
                    tracing::error!(call = %record.call.id, "a record of a call was refused and is given up");
                }
            }
        }
    }

    /// Offers a group until it is taken or refused for good.
    async fn offer(&self, records: &[Record]) -> Result<(), SinkError> {
        let mut pause = Duration::from_millis(50);
        loop {
            match self.sink.write(records).await {
                Err(SinkError::Unavailable) => {
                    tracing::warn!(records = records.len(), "the log of calls cannot be written; trying again");
                    sleep(pause).await;
                    // What could not be written is there within a second after it can.
                    pause = (pause * 2).min(Duration::from_millis(500));
                }
                done => return done,
            }
        }
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("free", &self.0.places.available_permits()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Open").field(&self.call.id).finish()
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
