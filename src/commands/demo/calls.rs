//! The calls of the demonstration. The same each time.

use crate::{
    dialect::usage::Usage,
    features::limits::model::{Kind, Limit, Measure, Scope},
    gateway::{
        facts::{CallEnd, CallFacts, EndedBy, Endpoint, Record, Runs},
        limits::Spent,
        prices::cost,
    },
    kernel::{
        CallId, KeyId, OrganisationId, PromptId, SecretId, Timestamp, VirtualKeyId,
        provider::Provider,
        time::{DAY, HOUR, MINUTE},
    },
};
use std::sync::Arc;
use uuid::Uuid;

/// Which target, and the model.
const MODELS: [(usize, &str); 4] =
    [(0, "gpt-4.1-mini"), (0, "gpt-4.1"), (1, "claude-sonnet-4-20250514"), (2, "mistral-large-latest")];

/// What calls are made with.
#[derive(Clone)]
pub struct With {
    pub organisation: OrganisationId,
    pub keys: Vec<(KeyId, SecretId)>,
    pub targets: Vec<(VirtualKeyId, Provider)>,
    pub prompt: PromptId,
    /// The limits that they use.
    pub limits: Vec<Limit>,
}

impl With {
    /// What a call uses of each budget that holds for it. The windows of rates are over before anybody looks at them.
    fn spent(&self, call: &CallFacts, usage: Option<Usage>, cost: Option<i64>) -> Vec<Spent> {
        let holds = |limit: &&Limit| {
            let id = limit.on.id;
            let is_on = match limit.on.scope {
                Scope::Organisation => id == call.organisation.0,
                Scope::ApiKey => id == call.key.0,
                Scope::VirtualKey => call.virtual_key.is_some_and(|key| key.0 == id),
                Scope::Person => false,
            };
            is_on && limit.is.kind == Kind::Budget
        };
        let tokens = usage.map_or(0, |usage| usage.input_tokens.saturating_add(usage.output_tokens));
        let spent = self.limits.iter().filter(holds).map(|limit| Spent {
            limit: limit.id,
            period: limit.period(call.started_at).start,
            amount: match limit.is.measure {
                Measure::Requests => 1,
                Measure::Tokens => i64::try_from(tokens).unwrap_or(i64::MAX),
                Measure::Cost => cost.unwrap_or(0),
            },
        });
        spent.filter(|spent| spent.amount > 0).collect()
    }
}

/// Calls up to now, oldest first.
pub struct Calls {
    with: With,
    random: u64,
    now: Timestamp,
    /// The time of the last one, and how many there were.
    at: i64,
    made: u64,
    /// How many there are to be, if that is said.
    wanted: Option<u64>,
}

impl Calls {
    /// Two days of calls with the rhythm of working hours; or so many in thirty days, evenly. A few fail.
    pub fn new(with: With, now: Timestamp, wanted: Option<u64>) -> Self {
        let at = now.0 - if wanted.is_some() { 30 * DAY } else { 2 * DAY };
        Self { with, random: 0x2545_F491_4F6C_DD1D, now, at, made: 0, wanted }
    }

    /// A few calls of thirty days that ended forty days ago: of a month that is over, whatever day it is.
    pub fn earlier(with: With, now: Timestamp) -> Self {
        Self::new(with, now.plus(-40 * DAY), Some(240))
    }

    fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % end
    }

    /// The time of the next call.
    fn next_time(&mut self) -> Option<Timestamp> {
        if let Some(wanted) = self.wanted {
            let passed = i128::from(30 * DAY - MINUTE) * i128::from(self.made) / i128::from(wanted.max(1));
            let at = self.now.0 - 30 * DAY + i64::try_from(passed).unwrap_or(0);
            return (self.made < wanted).then_some(Timestamp(at));
        }
        let hour = self.at.rem_euclid(DAY) / HOUR;
        let busy = if (7..19).contains(&hour) { 1 } else { 5 };
        self.at += i64::try_from(self.below(150)).unwrap_or(0) * 1_000 * busy + 4_000;
        (self.at <= self.now.0 - MINUTE).then_some(Timestamp(self.at))
    }
}

impl Iterator for Calls {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let at = self.next_time()?;
        let index = self.below(self.with.keys.len() as u64) as usize;
        let (key, secret) = self.with.keys[index];
        let (target, model) = MODELS[self.below(4) as usize];
        let (virtual_key, provider) = self.with.targets[target];
        let failed = self.below(40) == 0;
        let input_tokens = 200 + self.below(4_000);
        let output_tokens = 50 + self.below(1_200);
        let usage = Usage { input_tokens, output_tokens, ..Usage::default() };
        let latency = 300_000 + output_tokens * 2_500 + self.below(400_000);
        let call = CallFacts {
            id: CallId::new(),
            organisation: self.with.organisation,
            key,
            secret,
            person: None,
            virtual_key: Some(virtual_key),
            provider: Some(provider),
            endpoint: Endpoint::ChatCompletions,
            model: model.into(),
            streamed: self.below(2) == 0,
            trace: Uuid::now_v7().to_string().into(),
            metadata: None,
            config: None,
            // Every third runs the published prompt.
            prompt: self
                .made
                .is_multiple_of(3)
                .then(|| Box::new(Runs { prompt: self.with.prompt, version: 2, label: Some("production".into()) })),
            keeps: None,
            prices: None,
            started_at: at,
        };
        let usage = (!failed).then_some(usage);
        let cost = usage.and_then(|usage| cost(None, provider, model, usage));
        let outcome = CallEnd {
            status: if failed { 429 } else { 200 },
            upstream_status: Some(if failed { 429 } else { 200 }),
            upstream_id: None,
            error: failed.then(|| "upstream_rate_limited".into()),
            sent: true,
            ended_by: EndedBy::Answer,
            latency_us: if failed { 90_000 } else { latency },
            first_byte_us: Some(250_000 + self.below(200_000)),
            usage,
            cost,
            saved: None,
            count: 1,
            went: None,
            tried: vec![],
            spent: self.with.spent(&call, usage, cost),
        };
        self.made += 1;
        Some(Record { call: Arc::new(call), outcome: Some(outcome), texts: None })
    }
}
