//! Shares of limits: asked for, renewed while calls come, and given back.

use super::{
    Count, IDLE, Meter, Meters, READ_AGAIN,
    ticket::{Held, Ticket},
};
use crate::{
    features::limits::model::Limit,
    gateway::limits::{Unknown, Want},
    kernel::Timestamp,
};
use std::{
    sync::{Arc, Weak, atomic::Ordering},
    time::Duration,
};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// How often shares are looked after.
const ROUND: Duration = Duration::from_millis(250);
/// How often a share is renewed, and what others use is read again.
const RENEW: Duration = Duration::from_secs(2);
/// How often the database hears of a share that nobody uses: long before what is written of it is put together with that of
/// programs that are gone.
const TOLD: Duration = Duration::from_secs(6 * 3_600);
/// How long a call waits for the database.
const PATIENCE: Duration = Duration::from_secs(2);
/// So many milliseconds before its end a period's successor is made ready.
const AHEAD: i64 = 400;

/// What is written of a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// What others have used, or hold.
    pub others: i64,
    /// What of that they have used.
    pub used_by_others: i64,
    /// What is written of this process.
    pub mine: i64,
    /// What this process may use, all in all.
    pub granted: i64,
}

impl Meters {
    /// Looks after shares until the last clone is gone: renews those that are used, gives back what is not needed, and asks
    /// ahead for the next period. On a database of its own there is nothing to look after.
    pub fn tend(&self, now: impl Fn() -> Timestamp + Send + 'static) {
        if !self.0.shared {
            return;
        }
        let meters = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            let mut ticks = interval(ROUND);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let Some(meters) = Weak::upgrade(&meters).map(Self) else { return };
                meters.round(now()).await;
            }
        });
    }

    /// Asks the database for a share of a period.
    pub(super) async fn ask(&self, meter: &Meter, limit: &Limit, period: Timestamp, want: Want) -> Result<(), Unknown> {
        let asked = Instant::now();
        let _turn = meter.asking.lock().await;
        let want = {
            let mut state = meter.lock();
            match state.at(period) {
                Some(count) if count.read >= asked && (!self.0.shared || want.need == 0) => return Ok(()),
                // Somebody else has asked meanwhile, and there is enough for this one too, or for nobody.
                Some(count) if count.read >= asked && count.granted.saturating_sub(count.held()) >= want.need => {
                    return Ok(());
                }
                Some(count) if count.refused.is_some_and(|at| at >= asked) => return Ok(()),
                Some(count) => {
                    if want.need == 0 && !want.ahead {
                        // What goes back is not used from here on.
                        count.granted = count.held();
                    }
                    Want { held: count.held(), ..want }
                }
                None => want,
            }
        };
        let sent = Instant::now();
        let question = self.0.ledger.share(meter.organisation, limit, period, want);
        let told = timeout(PATIENCE, question).await.map_err(|_| Unknown)??;
        let mut state = meter.lock();
        state.forget();
        let shared = self.0.shared;
        let count = match state.at(period) {
            Some(count) => count,
            None => {
                state.periods.push(Count::beginning(period, told, sent));
                return Ok(());
            }
        };
        count.used = if told.mine < count.written {
            // It was not heard of for so long that what it had written is now counted for nobody, and so for others.
            told.mine.saturating_add(count.used.saturating_sub(count.written))
        } else {
            // What is written may be more than what is known: of a period that was forgotten here.
            count.used.max(told.mine)
        };
        count.written = told.mine;
        (count.others, count.used_by_others) = (told.others, told.used_by_others);
        (count.granted, count.read) = (told.granted, sent);
        let lacks = shared && count.held().saturating_add(want.need) > count.granted;
        let some = want.takes_less && count.held() < count.granted;
        count.refused = (lacks && !some && want.need > 0).then(Instant::now);
        Ok(())
    }

    /// Asks beside the call for what is soon needed.
    pub(super) fn refresh(&self, ticket: &Ticket) {
        for Held { meter, limit, period, .. } in &ticket.held {
            let due = match meter.lock().at(*period) {
                None => false,
                Some(count) if self.0.shared => {
                    let low = limit.blocks()
                        && count.granted.saturating_sub(count.held()) < count.mean.max(1).saturating_mul(8)
                        && count.granted < limit.largest().saturating_sub(count.others);
                    count.read.elapsed() >= RENEW || (low && count.read.elapsed() >= ROUND)
                }
                Some(count) => count.read.elapsed() >= READ_AGAIN,
            };
            if due && !meter.renewing.swap(true, Ordering::AcqRel) {
                let (meters, meter, limit, period) = (self.clone(), meter.clone(), limit.clone(), *period);
                tokio::spawn(async move {
                    let want = Want { ahead: true, takes_less: true, ..Want::default() };
                    // What cannot be read now is read with the next call, or is not believed any more.
                    let _ = meters.ask(&meter, &limit, period, want).await;
                    meter.renewing.store(false, Ordering::Release);
                });
            }
        }
    }

    /// Looks after the shares once.
    async fn round(&self, now: Timestamp) {
        let mut due = vec![];
        for (_, meter) in &self.0.meters {
            let mut state = meter.lock();
            let limit = state.limit.clone();
            if !limit.blocks() {
                continue;
            }
            let period = limit.period(now);
            for count in &mut state.periods {
                let idle = count.called.elapsed() >= IDLE;
                let renews = count.read.elapsed() >= RENEW;
                // What was written is looked at once more: by that it is known later what others count in its place.
                let called = count.called.elapsed();
                let unseen = idle && count.reserved == 0 && count.written < count.used && called < IDLE * 10;
                if (count.granted > count.held() && idle && !count.rests) || count.held() > count.granted || unseen {
                    count.rests = true;
                    // What is not needed goes back; what was used beyond the share is told.
                    due.push((meter.clone(), limit.clone(), count.period, Want::default()));
                } else if renews && (count.reserved > 0 || !idle) {
                    let want = Want { ahead: true, takes_less: true, ..Want::default() };
                    due.push((meter.clone(), limit.clone(), count.period, want));
                } else if count.period == period.start && count.read.elapsed() >= TOLD {
                    due.push((meter.clone(), limit.clone(), count.period, Want::default()));
                }
            }
            // Where calls come, the next period is made ready shortly before it begins.
            let busy = state.at(period.start).filter(|count| count.called.elapsed() < IDLE).map(|count| count.used);
            let next = period.end.filter(|end| end.0 - now.0 <= AHEAD);
            if let (Some(used), Some(next)) = (busy, next)
                && state.at(next).is_none()
            {
                let need = used.min(limit.amount(now) / 8).max(1);
                let want = Want { held: 0, need, takes_less: true, ahead: true };
                due.push((meter.clone(), limit.clone(), next, want));
            }
        }
        for (meter, limit, period, want) in due {
            // What cannot be told now is told in the next round.
            let _ = self.ask(&meter, &limit, period, want).await;
        }
    }
}
