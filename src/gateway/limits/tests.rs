//! Counting over a ledger that says what a test has it say.

use super::{Amounts, Ask, Foreseen, Ledger, LimitSet, Meters, Priced, Shares, Unknown, Want};
use crate::{
    features::limits::model::{Limit, Measure},
    gateway::tests::charges::budget,
    kernel::{LimitId, OrganisationId, Timestamp, provider::Provider},
    server::usage::Live,
};
use async_trait::async_trait;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use uuid::Uuid;

struct Scripted(Mutex<VecDeque<Shares>>);

#[async_trait]
impl Ledger for Scripted {
    async fn share(&self, _: OrganisationId, _: &Limit, _: Timestamp, _: Want) -> Result<Shares, Unknown> {
        self.0.lock().expect("the script").pop_front().ok_or(Unknown)
    }
}

#[tokio::test]
async fn what_was_counted_for_nobody_meanwhile_counts_once() {
    let told = |mine, others, granted| Shares { others, used_by_others: others, mine, granted };
    // What it had written is then no longer its own.
    let script = [told(0, 0, 10), told(10, 0, 20), told(0, 10, 20)];
    let meters = Meters::new(Arc::new(Scripted(Mutex::new(script.into()))), true, Uuid::nil());
    let limit = budget(LimitId::numbered(1), Measure::Tokens, 100);
    let now = Timestamp(1_700_000_000_000);
    let period = limit.period(now).start;
    let id = limit.id;
    let limits = LimitSet::from(vec![limit]);
    let takes = async |tokens: u64| {
        let priced = Priced { own: None, provider: Provider::OpenAi, model: "m", others: Some(&[]) };
        let foreseen = Foreseen::new(0, Some(tokens));
        let ask = Ask { organisation: OrganisationId::numbered(1), foreseen, priced, is_counted: false, now };
        meters.admit(&limits, &ask).await.expect("there is room")
    };
    let used = || meters.used(id.0, period.0);
    let spent = takes(10).await.settle(Amounts { tokens: 10, ..Amounts::default() });
    assert_eq!((spent.len(), used()), (1, Some(10)));
    drop(takes(10).await);
    assert_eq!(used(), Some(10));
    drop(takes(20).await);
    assert_eq!(used(), Some(10), "it is counted for others now");
}
