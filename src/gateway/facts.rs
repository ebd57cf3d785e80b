//! What the log keeps of a call: what was known before it left, and how it ended. The recorder and its journal share it.

pub use super::endpoints::Endpoint;
use super::limits::Spent;
use super::texts::Kept;
use crate::guardrails::HookResults;
use crate::{
    dialect::usage::Usage,
    features::logs::{model as logs, texts::Keeps},
    kernel::{
        CallId, ConfigId, KeyId, OrganisationId, PromptId, SecretId, Timestamp, UserId, VirtualKeyId, price::Prices,
        provider::Provider,
    },
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The code of a call that the end of the process cut off.
const INTERRUPTED: &str = "interrupted";

/// What is known of a call before it leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallFacts {
    /// Unique, and ordered by time.
    pub id: CallId,
    pub organisation: OrganisationId,
    pub key: KeyId,
    /// Which of the key's secrets was presented.
    pub secret: SecretId,
    /// The person who called from the console; then there is neither key nor secret, and both hold ids of theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<UserId>,
    /// `None` when the call was refused before its virtual key was found.
    pub virtual_key: Option<VirtualKeyId>,
    pub provider: Option<Provider>,
    pub endpoint: Endpoint,
    /// The model that the caller asked for, without a virtual key's slug before it; empty when it named none. Where there
    /// is no such virtual key: `@slug/model`.
    pub model: Box<str>,
    pub streamed: bool,
    /// The caller's `x-portkey-trace-id`, or one made for the call.
    pub trace: Box<str>,
    /// What the caller says of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<logs::Metadata>,
    /// The config that led it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<Led>,
    /// The prompt that it runs, if it runs one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Box<Runs>>,
    /// How its texts are kept, if they are. No journal tells of it: a crash loses texts that are not written.
    #[serde(skip)]
    pub keeps: Option<Keeps>,
    /// The organisation's own prices, if it has any.
    #[serde(skip)]
    pub prices: Option<Arc<Prices>>,
    pub started_at: Timestamp,
}

/// The prompt that a call runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runs {
    pub prompt: PromptId,
    /// The number of its version.
    pub version: i64,
    /// The label by which it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<Box<str>>,
}

/// The config that leads a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Led {
    /// Which, and the number of its version; `None` for one that came with the request.
    pub saved: Option<(ConfigId, i64)>,
}

/// One attempt of a call that a config leads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    /// The target: `config`, `config.targets[1]` and so on.
    pub path: Box<str>,
    pub virtual_key: Option<VirtualKeyId>,
    pub provider: Option<Provider>,
    /// As the provider knows it.
    pub model: Box<str>,
    /// From the arrival of the request, in microseconds.
    pub began_us: u64,
    /// What guardrails have found.
    #[serde(default, skip_serializing_if = "HookResults::is_empty")]
    pub found: HookResults,
    /// `None` while it is under way, or when the process ended meanwhile.
    pub end: Option<TriedEnd>,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TriedEnd {
    /// The provider's own; `None` where it gave none.
    pub status: Option<u16>,
    /// The stable code of what went wrong.
    pub error: Option<Box<str>>,
    /// Whether anything was sent to the provider.
    pub sent: bool,
    pub took_us: u64,
    /// What came after it.
    pub then: logs::Next,
    /// From the arrival of the request to the provider's first byte, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_us: Option<u64>,
    /// Tokens, where the provider said how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What they cost, in micro-cents, where both are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<i64>,
}

/// Where a call went in the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Went {
    pub virtual_key: Option<VirtualKeyId>,
    pub provider: Option<Provider>,
    pub model: Box<str>,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallEnd {
    /// The status that the caller was given. 499 when the caller left before one was known.
    pub status: u16,
    /// The provider's status, if it gave one.
    pub upstream_status: Option<u16>,
    /// The provider's own id of the exchange, if it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_id: Option<Box<str>>,
    /// The stable code of what went wrong, if anything did. It may be the provider's own word.
    pub error: Option<Box<str>>,
    /// Whether anything was sent to the provider.
    #[serde(default)]
    pub sent: bool,
    /// Who ended it.
    #[serde(default)]
    pub ended_by: EndedBy,
    /// From the arrival of the request to the last byte for the caller, in microseconds.
    pub latency_us: u64,
    /// From the arrival of the request to the provider's first byte, in microseconds.
    pub first_byte_us: Option<u64>,
    /// Tokens, where the provider said how many.
    pub usage: Option<Usage>,
    /// What they cost by the price of that moment, in micro-cents, where both are known.
    pub cost: Option<i64>,
    /// What an answer that was kept from an earlier call would have cost anew, in micro-cents, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub saved: Option<i64>,
    /// How many calls the entry stands for: refusals alike are counted when they are many.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub count: u64,
    /// Where it went, if that was not known when it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub went: Option<Box<Went>>,
    /// The attempts of a call that a config led, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Tried>,
    /// What it has used of limits. Of one that was cut off, and of which that is not known, what it had reserved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spent: Vec<Spent>,
}

fn one() -> u64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_one(count: &u64) -> bool {
    *count == 1
}

impl CallEnd {
    /// How the call ended, as the log tells it.
    pub fn kind(&self) -> logs::CallOutcome {
        match (self.ended_by, &self.error) {
            (EndedBy::Process, _) => logs::CallOutcome::Lost,
            (EndedBy::Caller, _) => logs::CallOutcome::Left,
            (EndedBy::Answer, None) => logs::CallOutcome::Ok,
            (EndedBy::Answer, Some(_)) if !self.sent && self.status < 500 => logs::CallOutcome::Refused,
            (EndedBy::Answer, Some(_)) => logs::CallOutcome::Failed,
        }
    }

    /// Whether the end of the process cut the call off.
    pub fn is_interrupted(&self) -> bool {
        self.ended_by == EndedBy::Process
    }

    /// The outcome of a call that was under way when the process ended.
    pub(super) fn interrupted() -> Self {
        Self {
            status: 500,
            upstream_status: None,
            upstream_id: None,
            error: Some(INTERRUPTED.into()),
            // It was about to be, and nobody can tell any more.
            sent: true,
            ended_by: EndedBy::Process,
            latency_us: 0,
            first_byte_us: None,
            usage: None,
            cost: None,
            saved: None,
            count: 1,
            went: None,
            tried: Vec::new(),
            spent: Vec::new(),
        }
    }

    /// The same of a call that had made these attempts.
    pub(super) fn having_tried(self, tried: Vec<Tried>) -> Self {
        let went = tried.last().map(|last| {
            let Tried { virtual_key, provider, model, .. } = last.clone();
            Box::new(Went { virtual_key, provider, model })
        });
        Self { went, tried, ..self }
    }
}

/// Who ended a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// Whoever answered it: the provider, or the gateway in its stead.
    #[default]
    Answer,
    /// The caller, by going away.
    Caller,
    /// The end of the process.
    Process,
}

/// One entry of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub call: Arc<CallFacts>,
    /// `None` while the call is under way.
    pub outcome: Option<CallEnd>,
    /// What was said, if that is kept.
    pub texts: Option<Arc<Kept>>,
}
