//! What a call has reserved, and what it has used in the end.

use super::Meter;
use crate::{
    features::limits::model::{Limit, Measure},
    gateway::limits::{Spent, refusal::Warning},
    kernel::Timestamp,
};
use std::{fmt, sync::Arc};

/// What a call has reserved of limits. It is settled when the call ends; one that is dropped gives all back.
#[must_use]
pub struct Ticket {
    pub(super) held: Vec<Held>,
    /// Limits that were nearly used before the call.
    pub warnings: Vec<Warning>,
}

pub(super) struct Held {
    pub(super) meter: Arc<Meter>,
    pub(super) limit: Arc<Limit>,
    pub(super) period: Timestamp,
    pub(super) reserved: i64,
}

/// What a call has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    pub requests: i64,
    pub tokens: i64,
    /// Micro-cents.
    pub cost: i64,
    /// It goes on, and nobody tells what it uses then: what was reserved counts as used.
    pub goes_on: bool,
}

impl Amounts {
    fn of(self, measure: Measure) -> i64 {
        match measure {
            Measure::Requests => self.requests,
            Measure::Tokens => self.tokens,
            Measure::Cost => self.cost,
        }
    }
}

impl Ticket {
    /// What is reserved, for the journal.
    pub fn reserved(&self) -> impl Iterator<Item = Spent> + '_ {
        let held = self.held.iter().filter(|held| held.reserved > 0);
        held.map(|held| Spent { limit: held.limit.id, period: held.period, amount: held.reserved })
    }

    /// Counts what was used in place of what was reserved. Gives what is to be written.
    pub fn settle(mut self, amounts: Amounts) -> Vec<Spent> {
        let held = std::mem::take(&mut self.held);
        let mut spent = Vec::with_capacity(held.len());
        for Held { meter, limit, period, reserved } in held {
            let guessed = amounts.goes_on && limit.is.measure != Measure::Requests;
            let amount =
                if guessed { amounts.of(limit.is.measure).max(reserved) } else { amounts.of(limit.is.measure) };
            if let Some(count) = meter.lock().at(period) {
                count.reserved = count.reserved.saturating_sub(reserved);
                count.used = count.used.saturating_add(amount);
                // From what was guessed nothing is learnt, nor from what is free.
                if !guessed && amount > 0 {
                    count.mean = (count.mean * 7 + amount) / 8;
                }
            }
            if amount > 0 {
                spent.push(Spent { limit: limit.id, period, amount });
            }
        }
        spent
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        for Held { meter, period, reserved, .. } in self.held.drain(..) {
            if let Some(count) = meter.lock().at(period) {
                count.reserved = count.reserved.saturating_sub(reserved);
            }
        }
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("limits", &self.held.len()).finish_non_exhaustive()
    }
}
