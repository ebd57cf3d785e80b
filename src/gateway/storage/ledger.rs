//! What all processes use of limits, as the database knows it.

use crate::{
    features::limits::{self, model::Limit},
    gateway::limits::{LET_GO, Ledger, Shares, Unknown, Want},
    kernel::{OrganisationId, Result, Timestamp},
    server::access::App,
};
use async_trait::async_trait;
use uuid::Uuid;

/// The database, as limits are counted in it.
pub struct Book {
    app: App,
    /// What this process is called.
    replica: Uuid,
}

/// Of what is left, a process is granted this part beyond what it needs: the less is left, the smaller.
const PART: i64 = 8;

/// Of what is left, a process that has nothing to do keeps this part, so that its next call waits for nobody.
const LITTLE: i64 = 64;

impl Book {
    pub fn new(app: App, replica: Uuid) -> Self {
        Self { app, replica }
    }

    async fn read(&self, organisation: OrganisationId, limit: &Limit, period: Timestamp) -> Result<Shares> {
        let mut tx = self.app.read_proven(organisation).await?;
        let shares = limits::shares(&mut tx, limit.id, period).await?;
        Ok(self.sum(&shares, None))
    }

    /// Adds up who counts what. With a time by the clock that shares are stamped by, what others hold counts as used, as
    /// long as they are heard of.
    fn sum(&self, shares: &[limits::Share], now: Option<Timestamp>) -> Shares {
        let let_go = i64::try_from(LET_GO.as_millis()).unwrap_or(i64::MAX);
        let mut sum = Shares::default();
        for share in shares {
            if share.replica == self.replica {
                (sum.mine, sum.granted) = (share.used, share.granted);
                continue;
            }
            let is_heard_of = now.is_some_and(|now| now.0.saturating_sub(share.seen_at.0) < let_go);
            let held = if is_heard_of { share.granted.max(share.used) } else { share.used };
            sum.others = sum.others.saturating_add(held);
            sum.used_by_others = sum.used_by_others.saturating_add(share.used);
        }
        sum
    }

    async fn take(&self, organisation: OrganisationId, limit: &Limit, period: Timestamp, want: Want) -> Result<Shares> {
        let mut note = self.app.note_in(organisation).await?;
        if !limits::take_turn(note.tx(), limit.id).await? {
            return Err(crate::kernel::Error::not_found());
        }
        let shares = limits::shares(note.tx(), limit.id, period).await?;
        let own = self.app.clock.now();
        // Who is heard of must be the same to all, however their clocks differ.
        let now = note.tx().system().clock().await?.unwrap_or(own);
        let mut sum = self.sum(&shares, Some(now));
        sum.granted = granted(want, limit.amount(own), &sum);
        limits::grant(note.tx(), limit.id, period, self.replica, sum.granted, now).await?;
        note.commit().await?;
        Ok(sum)
    }
}

/// What a process may use, all in all, that wants so much of an amount.
fn granted(want: Want, amount: i64, sum: &Shares) -> i64 {
    let base = want.held.max(sum.mine);
    let left = amount.saturating_sub(sum.others);
    if want.need == 0 && !want.ahead {
        // What is not needed goes back, but for a little where much is left; what is used already is told.
        return base + left.saturating_sub(base).max(0) / LITTLE;
    }
    let needed = base.saturating_add(want.need);
    if needed <= left {
        let more = if want.ahead { (left - needed) / PART } else { 0 };
        sum.granted.max(needed + more)
    } else if want.takes_less && base < left {
        sum.granted.max(left)
    } else {
        sum.granted.max(want.held)
    }
}

#[async_trait]
impl Ledger for Book {
    async fn share(
        &self,
        organisation: OrganisationId,
        limit: &Limit,
        period: Timestamp,
        want: Want,
    ) -> std::result::Result<Shares, Unknown> {
        let told = if self.app.db.is_postgres() && limit.blocks() {
            self.take(organisation, limit, period, want).await
        } else {
            self.read(organisation, limit, period).await
        };
        told.map_err(|error| {
            tracing::warn!(%error, limit = %limit.id, "what is left of a limit cannot be read");
            Unknown
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// However processes ask in turn, they are never granted more than there is, and whoever needs something gets it as
        /// long as there is something.
        #[test]
        fn no_more_is_granted_than_there_is(
            amount in 0_i64..500,
            asks in prop::collection::vec((0_usize..3, 0_i64..40, any::<bool>(), any::<bool>()), 1..60),
        ) {
            let mut held = [0_i64; 3];
            let mut granted_to = [0_i64; 3];
            for (who, need, takes_less, ahead) in asks {
                let others: i64 = (0..3).filter(|other| *other != who).map(|other| granted_to[other]).sum();
                let sum = Shares { others, granted: granted_to[who], ..Shares::default() };
                let given = granted(Want { held: held[who], need, takes_less, ahead }, amount, &sum);
                let left = amount - others;
                if need > 0 && held[who] + need <= left {
                    prop_assert!(given >= held[who] + need);
                    held[who] += need;
                }
                prop_assert!(given >= held[who].min(left));
                granted_to[who] = given;
                prop_assert!(granted_to.iter().sum::<i64>() <= amount, "{granted_to:?}");
            }
        }
    }
}
