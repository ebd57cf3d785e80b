//! Leaves targets out for a while that keep failing. Each replica knows of its own calls only.

use super::level::Breaker;
use super::plan::Plan;
use std::sync::{Mutex, PoisonError};

/// What is known of the targets of one plan. Times are milliseconds since 1970.
#[derive(Debug)]
pub struct Breakers(Box<[Mutex<State>]>);

#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// When counting began.
    since: i64,
    calls: u64,
    failures: u64,
    /// Until when it is left out.
    open_until: Option<i64>,
}

impl Breakers {
    /// For the targets of a plan, of none of which anything is known.
    pub fn of(plan: &Plan) -> Self {
        // Most configs have none.
        let any = plan.leaves.iter().any(|leaf| leaf.breaker.is_some());
        Self((0..if any { plan.leaves() } else { 0 }).map(|_| Mutex::default()).collect())
    }

    /// Whether a target is left out at this moment.
    pub fn is_open(&self, leaf: usize, now: i64) -> bool {
        let Some(state) = self.0.get(leaf) else { return false };
        state.lock().unwrap_or_else(PoisonError::into_inner).open_until.is_some_and(|until| now < until)
    }

    /// Notes what a target answered: a status, the provider's own where it gave one. Failures are counted over as long as
    /// the target would be left out.
    pub fn note(&self, plan: &Plan, leaf: usize, status: u16, now: i64) {
        let (Some(state), Some(rule)) = (self.0.get(leaf), &plan.leaf(leaf).breaker) else { return };
        let cooldown = i64::try_from(rule.cooldown).unwrap_or(i64::MAX);
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = state.open_until {
            // One that was tried because all were out tells nothing new.
            if now < until {
                return;
            }
            *state = State { since: now, ..State::default() };
        }
        if state.calls == 0 || now - state.since >= cooldown {
            *state = State { since: now, ..State::default() };
        }
        state.calls += 1;
        if rule.counts(status) {
            state.failures += 1;
            if rule.opens(&state) {
                state.open_until = Some(now.saturating_add(cooldown));
            }
        }
    }
}

impl Breaker {
    fn counts(&self, status: u16) -> bool {
        self.on.as_ref().map_or(status >= 500, |codes| codes.binary_search(&status).is_ok())
    }

    fn opens(&self, state: &State) -> bool {
        state.failures >= self.failures
            && self
                .percent
                .is_none_or(|percent| state.calls >= self.minimum && state.failures * 100 >= percent * state.calls)
    }
}
