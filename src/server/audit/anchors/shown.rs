//! Whether it is shown that what a chain does not have any more was removed for its age.

use super::{Expired, LEAST};
use crate::{
    kernel::{Timestamp, time::DAY},
    server::audit::chain::Hash,
};
use std::collections::HashMap;

/// How far the clocks may differ of the programs that remove, that sign and that verify, in milliseconds. By no more than this
/// can what was removed be younger than [`LEAST`], whatever time its event says.
pub const SKEW: i64 = DAY;

/// The beginning of a chain of which events were removed for their age.
#[derive(Debug, Default)]
pub struct Removed {
    /// The number before that of the first event.
    pub before: i64,
    /// The checkpoints that the chain has from there on, by number.
    marks: HashMap<i64, (Hash, Timestamp)>,
    /// What the last of the events says that tell of a removal.
    expired: Option<Expired>,
    /// When the first checkpoint was made that vouches for that event.
    vouched_at: Option<Timestamp>,
}

impl Removed {
    /// Takes a checkpoint that is believed, and that the chain has; in the order of their numbers and times.
    pub fn note(&mut self, seq: i64, hash: Hash, at: Timestamp) {
        if self.before > 0 {
            self.marks.insert(seq, (hash, at));
        }
        if self.expired.is_some() {
            self.vouched_at.get_or_insert(at);
        }
    }

    /// Takes what an event of the chain says; before the checkpoint of that event, if it has one.
    pub fn tell(&mut self, expired: Expired) {
        (self.expired, self.vouched_at) = (Some(expired), None);
    }

    /// What the chain itself says last of events that were removed from it.
    pub fn expired(&self) -> Option<Expired> {
        self.expired
    }

    /// The number of the first event of which nothing says that it was removed.
    pub fn missing(&self) -> i64 {
        self.expired.map(|expired| expired.up_to + 1).filter(|next| *next <= self.before).unwrap_or(1)
    }

    /// Whether nothing was removed, or an event of the chain says what and when, and a checkpoint that had the age by then says
    /// that the chain had that event. What the event says of the time is not signed: it was no later than the first checkpoint
    /// that vouches for it, and than this moment.
    pub fn is_shown(&self, now: Timestamp) -> bool {
        let shown = self.expired.is_some_and(|expired| {
            let latest = self.vouched_at.unwrap_or(now).min(now).plus(SKEW);
            let mark = self.marks.get(&expired.up_to);
            expired.up_to >= self.before
                && mark.is_some_and(|(hash, at)| *hash == expired.hash && at.plus(LEAST) <= expired.at.min(latest))
        });
        self.before == 0 || shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_an_event_counts_no_more_than_a_clock_allows() {
        let (made, far) = (1_000, LEAST * 2);
        let shown = |at: i64, vouched_at: Option<i64>, now: i64| {
            let mut removed = Removed { before: 4, ..Removed::default() };
            removed.note(4, [1; 32], Timestamp(made));
            removed.tell(Expired { up_to: 4, hash: [1; 32], at: Timestamp(at) });
            if let Some(at) = vouched_at {
                removed.note(9, [2; 32], Timestamp(at));
                removed.note(10, [3; 32], Timestamp(far));
            }
            removed.is_shown(Timestamp(now))
        };
        let due = made + LEAST;
        assert!(shown(due, Some(due), due) && !shown(due - 1, Some(due), due), "by its own time");
        assert!(shown(far, Some(due - SKEW), far) && !shown(far, Some(due - SKEW - 1), far), "by the first checkpoint");
        assert!(shown(far, Some(far), due - SKEW) && !shown(far, Some(far), due - SKEW - 1), "by this moment");
        assert!(shown(far, None, due - SKEW) && !shown(far, None, due - SKEW - 1), "by this moment alone");
        // Another event begins anew.
        let mut removed = Removed { before: 4, ..Removed::default() };
        removed.note(4, [1; 32], Timestamp(made));
        removed.tell(Expired { up_to: 4, hash: [1; 32], at: Timestamp(made) });
        removed.note(9, [2; 32], Timestamp(made));
        removed.tell(Expired { up_to: 4, hash: [1; 32], at: Timestamp(due) });
        assert!(removed.is_shown(Timestamp(due)));
        removed.note(10, [2; 32], Timestamp(made));
        assert!(!removed.is_shown(Timestamp(due)));
    }
}
