//! Limits and budgets, held before a call leaves.
//!
//! A process counts in memory. What it may let through without asking anybody is, on a database of its own, all that is
//! left; where several replicas share a database, the share that it has been [granted](Ledger::share): a part of what is
//! left, smaller the less there is, so that far from a limit no call waits for the database and near it none is let
//! through too many. What calls have used is written with the log, in the same transaction, and so survives the end of a
//! process; the share of one that is gone comes back when it has not been heard of for a while.

mod estimate;
mod meter;
mod refusal;
#[cfg(test)]
mod tests;

pub use estimate::{Foreseen, Priced, text_bytes, tokens as output_of};
pub use meter::{Amounts, Ask, LET_GO, Meters, Shares, Ticket};
pub use refusal::{Reason, Warning, warn};

use crate::{
    features::limits::model::Limit,
    kernel::{LimitId, OrganisationId, Timestamp},
};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The limits that hold for a caller, or for a virtual key.
///
/// Two are always alike: what a call was prepared with is not out of date because a limit has changed meanwhile.
#[derive(Clone, Debug, Default)]
pub struct LimitSet(pub Arc<[Arc<Limit>]>);

impl PartialEq for LimitSet {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for LimitSet {}

impl From<Vec<Limit>> for LimitSet {
    fn from(limits: Vec<Limit>) -> Self {
        Self(limits.into_iter().map(Arc::new).collect())
    }
}

/// What a call has used of a limit, or has reserved of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    pub limit: LimitId,
    /// When the period began that it belongs to.
    pub period: Timestamp,
    pub amount: i64,
}

/// The database cannot say what is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("what is left of a limit cannot be read")]
pub struct Unknown;

/// Where it is written what all processes use.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    /// What others have used of a limit in a period, and what is written of this process. On a database that several
    /// share: what others hold counts as used, and `want` is asked for.
    async fn share(
        &self,
        organisation: OrganisationId,
        limit: &Limit,
        period: Timestamp,
        want: Want,
    ) -> Result<Shares, Unknown>;
}

/// What a process asks for of a limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Want {
    /// What it has used and reserved, by its own count.
    pub held: i64,
    /// What it needs beyond that.
    pub need: i64,
    /// Whether less is of use, too.
    pub takes_less: bool,
    /// Whether it asks for some more, for the calls to come.
    pub ahead: bool,
}
