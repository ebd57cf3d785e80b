//! Counting in memory. How shares are come by stands in `shares`, what a call holds in `ticket`.

mod shares;
mod ticket;

pub use shares::Shares;
pub use ticket::{Amounts, Ticket};

use super::{
    Ledger, LimitSet, Want,
    estimate::{Foreseen, Need, Priced},
    refusal::{Reason, WARNS_FROM_PERCENT, Warning},
};
use crate::{
    features::limits::model::{Kind, Limit, Measure, Period},
    kernel::{LimitId, OrganisationId, Timestamp},
    server::usage::Live,
};
use moka::sync::Cache;
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicBool},
    time::Duration,
};
use ticket::Held;
use tokio::time::Instant;
use uuid::Uuid;

/// A share is let go, or taken to be, when its holder was not heard of for so long.
pub const LET_GO: Duration = Duration::from_secs(60);
/// A share that could not be renewed for so long is not used any more, well before others take it.
const BELIEVED: Duration = Duration::from_secs(9);
/// After that time without a call what is not needed of a share goes back.
const IDLE: Duration = Duration::from_secs(1);
/// How often what is written is read again where nobody else counts: only what a crash has left can come to it.
const READ_AGAIN: Duration = Duration::from_secs(10);
/// After a refusal the database is not asked again for so long.
const REFUSED_FOR: Duration = Duration::from_millis(150);
/// Limits that are remembered.
const METERS: u64 = 100_000;

/// The counters of all limits. Cheap to clone; clones share them.
#[derive(Clone)]
pub struct Meters(Arc<Inner>);

struct Inner {
    ledger: Arc<dyn Ledger>,
    /// Whether others count, too.
    shared: bool,
    replica: Uuid,
    meters: Cache<LimitId, Arc<Meter>>,
}

struct Meter {
    organisation: OrganisationId,
    state: Mutex<State>,
    /// One question at a time.
    asking: tokio::sync::Mutex<()>,
    renewing: AtomicBool,
}

struct State {
    /// As it was last judged by.
    limit: Arc<Limit>,
    periods: Vec<Count>,
}

/// One period of a limit.
#[derive(Debug)]
struct Count {
    period: Timestamp,
    others: i64,
    used_by_others: i64,
    /// By calls that have ended here.
    used: i64,
    /// What of that was written when the database last told of it.
    written: i64,
    /// For calls that are under way here.
    reserved: i64,
    granted: i64,
    /// When the database last told of it.
    read: Instant,
    refused: Option<Instant>,
    called: Instant,
    /// What one call uses, lately.
    mean: i64,
    /// What is not needed has gone back since the last call.
    rests: bool,
}

impl Count {
    fn beginning(period: Timestamp, told: Shares, read: Instant) -> Self {
        Self {
            period,
            others: told.others,
            used_by_others: told.used_by_others,
            used: told.mine,
            written: told.mine,
            reserved: 0,
            granted: told.granted,
            read,
            refused: None,
            called: read,
            mean: 0,
            rests: false,
        }
    }

    fn held(&self) -> i64 {
        self.used.saturating_add(self.reserved)
    }

    fn total(&self) -> i64 {
        self.others.saturating_add(self.held())
    }
}

impl Meter {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn at(&mut self, period: Timestamp) -> Option<&mut Count> {
        self.periods.iter_mut().find(|count| count.period == period)
    }

    /// Goes by this limit from now on. A period that begins while nobody else counts begins with nothing.
    fn follow(&mut self, limit: &Arc<Limit>, period: Timestamp, shared: bool) {
        let same = (self.limit.is.span, self.limit.is.anchor, self.limit.reset_at)
            == (limit.is.span, limit.is.anchor, limit.reset_at);
        if !Arc::ptr_eq(&self.limit, limit) {
            if self.limit != *limit {
                // What was refused by the limit as it was may pass now.
                self.periods.iter_mut().for_each(|count| count.refused = None);
            }
            self.limit = limit.clone();
        }
        let last = self.periods.iter().map(|count| count.period).max();
        if shared || !same || last.is_none_or(|last| last >= period) {
            return;
        }
        let now = Instant::now();
        let mean = self.periods.last().map_or(0, |count| count.mean);
        self.forget();
        self.periods.push(Count { mean, ..Count::beginning(period, Shares::default(), now) });
    }

    fn forget(&mut self) {
        if self.periods.len() > 3 {
            let newest = self.periods.iter().map(|count| count.period).max();
            self.periods.retain(|count| {
                count.reserved > 0 || Some(count.period) == newest || count.called.elapsed() < IDLE * 10
            });
        }
    }
}

/// What a call asks of limits.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    pub organisation: OrganisationId,
    pub foreseen: Foreseen,
    pub priced: Priced<'a>,
    /// The call has been counted as a request before.
    pub is_counted: bool,
    pub now: Timestamp,
}

/// What a limit says to a call.
enum Word {
    Fits,
    /// The database must be asked.
    Ask(Want),
    Full,
}

impl Meters {
    /// Counters over a ledger. `shared`: several processes write to it.
    pub fn new(ledger: Arc<dyn Ledger>, shared: bool, replica: Uuid) -> Self {
        let meters = Cache::builder().max_capacity(METERS).time_to_idle(Duration::from_secs(3_600)).build();
        Self(Arc::new(Inner { ledger, shared, replica, meters }))
    }

    /// Reserves what a call needs of every limit, or of none.
    ///
    /// # Errors
    /// The first limit that is in the way.
    pub async fn admit(&self, limits: &LimitSet, ask: &Ask<'_>) -> Result<Ticket, Reason> {
        let mut wanted = Vec::new();
        for limit in limits.0.iter() {
            let need = ask.foreseen.need(limit.is.measure, &ask.priced);
            let need = match need {
                Some(_) if ask.is_counted && limit.is.measure == Measure::Requests => Need::most(0),
                Some(need) => need,
                None if limit.blocks() => return Err(Reason::Unpriced(limit.clone())),
                None => Need::least(0),
            };
            wanted.push((limit.clone(), self.meter(ask.organisation, limit), need));
        }
        // Always in the same order, so that two calls never wait for one another.
        wanted.sort_by_key(|(limit, ..)| limit.id);
        // Each may have to be asked for once, and some again where others were faster.
        for _ in 0..wanted.len() + 8 {
            match self.try_once(&wanted, ask.now) {
                Ok(ticket) => {
                    self.refresh(&ticket);
                    return Ok(ticket);
                }
                Err((number, Word::Ask(want))) => {
                    let (limit, meter, _) = &wanted[number];
                    self.ask(meter, limit, limit.period(ask.now).start, want).await.map_err(|_| Reason::Unknown)?;
                }
                Err((number, _)) => {
                    let (limit, ..) = &wanted[number];
                    let Period { end, .. } = limit.period(ask.now);
                    return Err(Reason::Used { limit: limit.clone(), until: end, amount: limit.amount(ask.now) });
                }
            }
        }
        Err(Reason::Unknown)
    }

    fn try_once(&self, wanted: &[(Arc<Limit>, Arc<Meter>, Need)], now: Timestamp) -> Result<Ticket, (usize, Word)> {
        let mut locks: Vec<(MutexGuard<'_, State>, Timestamp, i64)> = Vec::with_capacity(wanted.len());
        let mut warnings = vec![];
        for (number, (limit, meter, need)) in wanted.iter().enumerate() {
            let period = limit.period(now).start;
            let mut state = meter.lock();
            let shared = self.0.shared;
            state.follow(limit, period, shared);
            if !limit.blocks() && state.at(period).is_none() {
                // It refuses nobody, so that nobody waits for it: what is written is read beside the call.
                let now = Instant::now();
                let long_ago = now.checked_sub(READ_AGAIN).unwrap_or(now);
                state.forget();
                state.periods.push(Count::beginning(period, Shares::default(), long_ago));
            }
            let Some(count) = state.at(period) else {
                let want = Want { held: 0, need: need.amount.max(1), takes_less: true, ahead: true };
                return Err((number, Word::Ask(want)));
            };
            let reserve = need.reserve(count.mean);
            match judge(count, limit, (*need, reserve), now, shared) {
                Word::Fits => {}
                word => return Err((number, word)),
            }
            let amount = limit.amount(now);
            let percent = if amount == 0 { 100 } else { count.total().saturating_mul(100) / amount };
            if percent >= WARNS_FROM_PERCENT {
                warnings.push(Warning { limit: limit.clone(), percent });
            }
            locks.push((state, period, reserve));
        }
        let mut held = Vec::with_capacity(wanted.len());
        for ((mut state, period, reserved), (limit, meter, _)) in locks.into_iter().zip(wanted) {
            if let Some(count) = state.at(period) {
                count.reserved = count.reserved.saturating_add(reserved);
                (count.called, count.rests) = (Instant::now(), false);
            }
            drop(state);
            held.push(Held { meter: meter.clone(), limit: limit.clone(), period, reserved });
        }
        Ok(Ticket { held, warnings })
    }

    fn meter(&self, organisation: OrganisationId, limit: &Arc<Limit>) -> Arc<Meter> {
        self.0.meters.get_with(limit.id, || {
            Arc::new(Meter {
                organisation,
                state: Mutex::new(State { limit: limit.clone(), periods: vec![] }),
                asking: tokio::sync::Mutex::new(()),
                renewing: AtomicBool::new(false),
            })
        })
    }

    /// The first limit that is known to leave nothing, before anything is put together for a call.
    pub fn full(&self, limits: &LimitSet, now: Timestamp) -> Option<Reason> {
        limits.0.iter().filter(|limit| limit.blocks()).find_map(|limit| {
            let meter = self.0.meters.get(&limit.id)?;
            let Period { start, end } = limit.period(now);
            let amount = limit.amount(now);
            let mut state = meter.lock();
            let count = state.at(start)?;
            let is_known = !self.0.shared || count.read.elapsed() < REFUSED_FOR;
            (is_known && count.total() >= amount).then(|| Reason::Used { limit: limit.clone(), until: end, amount })
        })
    }
}

/// Whether a call that needs so much fits into what is left.
fn judge(count: &Count, limit: &Limit, (need, reserve): (Need, i64), now: Timestamp, shared: bool) -> Word {
    if !limit.blocks() {
        return Word::Fits;
    }
    let amount = limit.amount(now);
    let total = count.total();
    // A single call of a rate may be larger than what is left, if nothing was used: else it could never be made.
    let alone = limit.is.kind == Kind::Rate && total == 0 && amount > 0;
    let fits = if need.is_most { total.saturating_add(need.amount) <= amount || alone } else { total < amount };
    if !shared {
        return if fits { Word::Fits } else { Word::Full };
    }
    if !fits && count.read.elapsed() < REFUSED_FOR {
        return Word::Full;
    }
    let want = Want { held: count.held(), need: reserve.max(1), takes_less: !need.is_most || alone, ahead: true };
    if count.read.elapsed() >= BELIEVED {
        return Word::Ask(want);
    }
    let left = count.granted.saturating_sub(count.held());
    let covered = if need.is_most && !alone { left >= need.amount } else { left > 0 };
    if fits && covered {
        return Word::Fits;
    }
    match count.refused {
        Some(at) if at.elapsed() < REFUSED_FOR => Word::Full,
        _ => Word::Ask(want),
    }
}

impl Live for Meters {
    fn used(&self, limit: Uuid, period: i64) -> Option<i64> {
        let meter = self.0.meters.get(&LimitId(limit))?;
        let mut state = meter.lock();
        state.at(Timestamp(period)).map(|count| count.used_by_others.saturating_add(count.used))
    }

    fn replica(&self) -> Uuid {
        self.0.replica
    }
}

impl fmt::Debug for Meters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meters")
    }
}
