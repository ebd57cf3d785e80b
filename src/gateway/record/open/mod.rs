//! A call under way: what is noted of it from its place in the queue until it ends. What it is charged stands in `charge`,
//! its end in `end`.

mod charge;
mod end;

use super::{Full, Inner, UnderWay};
use crate::dialect::usage::Usage;
use crate::features::logs::model::Next;
use crate::gateway::facts::{CallFacts, Tried, TriedEnd};
use crate::gateway::guards::Late;
use crate::gateway::joined::Joined;
use crate::gateway::journal::Segment;
use crate::gateway::room::Share;
use crate::gateway::texts::{Taking, Tee};
use crate::guardrails::HookResults;
use crate::kernel::CallId;
use crate::web::refusal::Refusal;
use bytes::Bytes;
use charge::Charge;
use std::fmt;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// The status in the log of a call whose caller left before there was one.
pub(super) const CLIENT_LEFT: u16 = 499;

/// A call under way. Finish it; one that is merely dropped is recorded as left by its caller.
pub struct Open {
    recorder: Arc<Inner>,
    pub(super) call: Arc<CallFacts>,
    arrived: Instant,
    /// When it first left for a provider.
    sent_us: Option<u64>,
    first_byte_us: Option<u64>,
    upstream_status: Option<u16>,
    upstream_id: Option<Box<str>>,
    status: Option<u16>,
    /// Whether the call has left, and whether its last attempt has.
    sent: bool,
    last_sent: bool,
    usage: Option<Usage>,
    count: u64,
    /// The attempts of a call that a config leads. None is under way but the last.
    tried: Vec<Tried>,
    /// How many of them stand in the journal.
    noted: usize,
    /// The models that may answer in place of the one that is asked for, and the one that has, as it says itself. None: nobody
    /// knows which may.
    others: Option<Vec<Box<str>>>,
    answered_by: Option<Box<str>>,
    /// What earlier attempts have used, and what that has cost.
    used_before: Option<Usage>,
    spent: Option<i64>,
    /// What the earlier call used of which the answer was kept.
    spared: Option<Usage>,
    /// What guardrails find beside the call, with the number of the attempt.
    late: Vec<(usize, Late)>,
    /// What is said, if that is kept.
    texts: Option<Box<Taking>>,
    /// What it has reserved of limits, if any hold for it.
    charge: Option<Box<Charge>>,
    place: Option<OwnedSemaphorePermit>,
    /// Where it stands in the journal, once it has left.
    segment: Option<Arc<Segment>>,
}

impl Open {
    /// A call that has a place.
    pub(super) fn new(recorder: Arc<Inner>, call: CallFacts, arrived: Instant, place: OwnedSemaphorePermit) -> Self {
        let texts = call.keeps.map(|keeps| Box::new(Taking::new(keeps, &recorder.budget)));
        Self {
            recorder,
            call: Arc::new(call),
            arrived,
            sent_us: None,
            first_byte_us: None,
            upstream_status: None,
            upstream_id: None,
            status: None,
            sent: false,
            last_sent: false,
            usage: None,
            count: 1,
            tried: Vec::new(),
            noted: 0,
            others: Some(Vec::new()),
            answered_by: None,
            used_before: None,
            spent: None,
            spared: None,
            late: Vec::new(),
            texts,
            charge: None,
            place: Some(place),
            segment: None,
        }
    }

    /// Notes how many refused calls it stands for, and what was tried.
    pub(super) fn stands_for(&mut self, count: u64, tried: Vec<Tried>) {
        (self.count, self.tried) = (count, tried);
    }

    /// The call's id.
    pub fn id(&self) -> CallId {
        self.call.id
    }

    /// Notes in the journal that the call, or its next attempt, is about to leave, with what it has reserved of limits.
    ///
    /// # Errors
    /// [`Full`] when the journal cannot be written: it must not leave. If nothing of the call has left yet, nothing is recorded
    /// of it.
    pub fn leaves(&mut self) -> Result<(), Full> {
        let reserved = self.charge.as_ref().map_or_else(Vec::new, |charge| charge.reserved());
        let noted = match &self.segment {
            Some(segment) => {
                segment.tried(self.call.id, self.noted, &self.tried[self.noted..], &reserved).map(|()| None)
            }
            None => self.recorder.journal.begun(&self.call, &self.tried, &reserved).map(Some),
        };
        match noted {
            Ok(first) => {
                self.noted = self.tried.len();
                if first.is_some() {
                    self.segment = first;
                    let under_way = UnderWay { call: self.call.clone(), since: self.arrived, shown: false };
                    self.recorder.lock().insert(self.call.id, under_way);
                }
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "the journal of calls cannot be written");
                if self.segment.is_none() {
                    self.place = None;
                    self.recorder.telemetry.meters.unrecorded("log_unavailable");
                }
                Err(Full)
            }
        }
    }

    /// Notes that the call leaves for the provider now.
    pub fn sent(&mut self) {
        (self.sent, self.last_sent) = (true, true);
        let arrived = self.arrived;
        self.sent_us.get_or_insert_with(|| micros(arrived));
    }

    /// Notes the provider's status, and its own id of the exchange if it gave one.
    pub fn answered(&mut self, upstream_status: u16, upstream_id: Option<&str>) {
        self.upstream_status = Some(upstream_status);
        self.upstream_id = upstream_id.map(Into::into);
    }

    /// Notes the time of the first byte of the answer; later calls change nothing.
    pub fn first_byte(&mut self) {
        let arrived = self.arrived;
        self.first_byte_us.get_or_insert_with(|| micros(arrived));
    }

    /// Notes the status that the caller has been given, for a call that is still streaming.
    pub fn streaming(&mut self, status: u16) {
        self.status = Some(status);
    }

    /// Notes the tokens so far, as far as they can be true.
    pub fn used(&mut self, usage: Usage) {
        self.usage = Some(usage.bounded());
    }

    /// Notes that the answer was kept from an earlier call, and what that one used.
    pub(in crate::gateway) fn spared(&mut self, usage: Option<Usage>) {
        self.spared = usage.map(Usage::bounded);
    }

    /// The tokens of the attempt that is under way, as far as they are known.
    pub(in crate::gateway) fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// Whether the call has left for a provider.
    pub fn is_sent(&self) -> bool {
        self.sent
    }

    /// Whether the last attempt has left.
    pub fn last_is_sent(&self) -> bool {
        self.last_sent
    }

    /// The model of the attempt that is under way, as the provider knows it.
    pub(in crate::gateway) fn model(&self) -> Box<str> {
        self.tried.last().map_or_else(|| self.call.model.clone(), |last| last.model.clone())
    }

    /// What all attempts have used.
    fn used_in_all(&self) -> Option<Usage> {
        match (self.used_before, self.usage) {
            (Some(before), Some(usage)) => Some(before.plus(usage)),
            (before, usage) => usage.or(before),
        }
    }

    /// Notes an attempt that is about to leave, or one that ended before it could. What the last one told is not this
    /// one's.
    pub fn tries(&mut self, tried: Tried) {
        self.charge(false);
        // What an earlier attempt has used counts and is paid for all the same.
        self.used_before = self.used_in_all();
        if !self.tried.is_empty()
            && let Some(spent) = self.usage.and_then(|usage| self.cost_of(usage))
        {
            self.spent = Some(self.spent.unwrap_or(0).saturating_add(spent));
        }
        (self.upstream_status, self.upstream_id, self.usage, self.status) = (None, None, None, None);
        (self.first_byte_us, self.last_sent, self.spared) = (None, false, None);
        if let Some(texts) = &mut self.texts {
            texts.forget_answer();
        }
        (self.others, self.answered_by) = (Some(Vec::new()), None);
        self.tried.push(tried);
    }

    /// Notes what is still to come of what guardrails find in the last attempt.
    pub(in crate::gateway) fn later(&mut self, late: &mut Vec<Late>) {
        let number = self.tried.len().saturating_sub(1);
        self.late.extend(late.drain(..).map(|late| (number, late)));
    }

    /// Notes what guardrails have found in the last attempt, and what is still to come of it.
    pub(in crate::gateway) fn found(&mut self, found: &HookResults, late: &mut Vec<Late>) {
        if let Some(last) = self.tried.last_mut() {
            last.found = found.clone();
        }
        self.later(late);
    }

    /// Notes what leaves for the provider, where that is kept.
    pub(in crate::gateway) async fn asks(&mut self, share: &Share, said: Bytes) {
        if let Some(texts) = &mut self.texts {
            texts.request(share, said).await;
        }
    }

    /// Notes what the caller is given, where that is kept: an answer that is there as a whole, or the events of one.
    pub(in crate::gateway) async fn gives(&mut self, share: &Share, said: &Bytes, events: bool) {
        let shape = self.call.endpoint.shape();
        let Some(texts) = &mut self.texts else { return };
        match (events, Joined::of(shape)) {
            (false, _) => texts.answer(share, said, None).await,
            (true, Some(joined)) => texts.answer(share, said, Some(joined)).await,
            (true, None) => {}
        }
    }

    /// Notes that the caller is told of a refusal in place of an answer, where that is kept.
    pub(in crate::gateway) fn refuses(&mut self, refusal: &Refusal) {
        if let Some(texts) = &mut self.texts {
            texts.told(&refusal.body(&self.call.id.to_string()));
        }
    }

    /// Begins to put together what a stream says, where that is kept.
    pub(in crate::gateway) fn tee(&mut self) -> Option<Arc<Tee>> {
        let joined = self.texts.as_ref().and_then(|_| Joined::of(self.call.endpoint.shape()))?;
        self.texts.as_mut().map(|texts| texts.tee(joined))
    }

    /// Notes how the attempt that is under way ended, and what comes after it. `error` is the code of what went wrong.
    pub fn tried(&mut self, error: Option<&str>, then: Next) {
        let now = micros(self.arrived);
        if self.tried.last().is_none_or(|last| last.end.is_some()) {
            return;
        }
        let cost = self.usage.and_then(|usage| self.cost_of(usage));
        let Some(last) = self.tried.last_mut() else { return };
        last.end = Some(TriedEnd {
            status: self.upstream_status,
            error: error.map(Into::into),
            sent: self.last_sent,
            took_us: now.saturating_sub(last.began_us),
            then,
            first_byte_us: self.first_byte_us,
            usage: self.usage,
            cost,
        });
        // The end of the call tells of all its attempts.
        if !matches!(then, Next::Retried | Next::LedOn) {
            return;
        }
        let before = self.charge.as_ref().map_or(0, |charge| charge.spent.len());
        self.charge(false);
        let used = self.charge.as_ref().map_or(&[][..], |charge| &charge.spent[before..]);
        if let Some(segment) = &self.segment {
            let from = self.noted.min(self.tried.len() - 1);
            match segment.tried(self.call.id, from, &self.tried[from..], used) {
                Ok(()) => self.noted = self.tried.len(),
                Err(error) => tracing::error!(%error, "the journal of calls cannot be written"),
            }
        }
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Open").field(&self.call.id).finish()
    }
}
