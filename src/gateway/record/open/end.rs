//! The end of a call: what is stored of it, and what still comes after it.

use super::super::writer::Queued;
use super::{CLIENT_LEFT, Open, micros};
use crate::features::logs::model::Next;
use crate::gateway::facts::{CallEnd, EndedBy, Record, Tried, Went};
use crate::gateway::guards::Late;
use crate::gateway::prices::cost;
use crate::gateway::texts::Taking;
use crate::guardrails::Side;
use std::sync::atomic::Ordering;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

const CLIENT_LEFT_CODE: &str = "client_left";

impl Open {
    /// Ends the call with what the caller was told.
    pub fn finish(mut self, status: u16, error: Option<&str>) {
        self.close(status, error, EndedBy::Answer);
    }

    fn close(&mut self, status: u16, error: Option<&str>, ended_by: EndedBy) {
        let Some(place) = self.place.take() else { return };
        self.charge(error.is_none() && ended_by == EndedBy::Answer);
        let spent = self.charge.take().map_or_else(Vec::new, |charge| charge.spent);
        self.tried(error, if ended_by == EndedBy::Answer { Next::Answered } else { Next::Ended });
        let cost_of_last = self.usage.and_then(|usage| self.cost_of(usage));
        let tried = std::mem::take(&mut self.tried);
        let went = tried.last().map(|last| {
            let Tried { virtual_key, provider, model, .. } = last.clone();
            Box::new(Went { virtual_key, provider, model })
        });
        let (provider, model) = match &went {
            Some(went) => (went.provider, &*went.model),
            None => (self.call.provider, &*self.call.model),
        };
        let own = self.call.prices.as_deref();
        let saved = self.spared.zip(provider).and_then(|(usage, provider)| cost(own, provider, model, usage));
        let cost = match (self.spent, cost_of_last) {
            (Some(spent), Some(cost)) => Some(spent.saturating_add(cost)),
            (spent, cost) => spent.or(cost),
        };
        let outcome = CallEnd {
            status,
            upstream_status: self.upstream_status,
            upstream_id: self.upstream_id.take(),
            error: error.map(Into::into),
            sent: self.sent,
            ended_by,
            latency_us: micros(self.arrived),
            first_byte_us: self.first_byte_us,
            usage: self.used_in_all(),
            cost,
            saved,
            count: self.count,
            went,
            tried,
            spent,
        };
        let segment = match self.segment.take() {
            Some(segment) => {
                if let Err(error) = segment.ended(self.call.id, &outcome) {
                    // The record itself is in memory and goes to the sink; only a crash before that would lose the outcome.
                    tracing::error!(%error, "the journal of calls cannot be written");
                }
                segment
            }
            None => match self.recorder.journal.refused(&self.call, &outcome) {
                Ok(segment) => segment,
                Err(error) => {
                    tracing::error!(%error, "the journal of calls cannot be written");
                    return self.recorder.telemetry.meters.unrecorded("log_unavailable");
                }
            },
        };
        self.recorder.lock().remove(&self.call.id);
        self.recorder.telemetry.ended(&self.call, &outcome, self.sent_us);
        let mut record = Record { call: self.call.clone(), outcome: Some(outcome), texts: None };
        let late = std::mem::take(&mut self.late);
        let mut texts = self.texts.take();
        let waits = !late.is_empty() || texts.as_ref().is_some_and(|texts| texts.waits());
        if !waits {
            record.texts = texts.take().and_then(|texts| texts.kept());
        }
        let queued = Queued { record, _place: Some(place), segment: Some(segment), _left: None };
        match Handle::try_current() {
            Ok(runtime) if waits => {
                runtime.spawn(wait_for(late, texts, queued, self.recorder.queue.clone()));
            }
            // Where nothing runs any more, nothing more comes.
            _ => drop(self.recorder.queue.send(queued)),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if self.recorder.ending.load(Ordering::SeqCst) {
            // The journal has begun this call and tells of no end: that is what happened to it.
            self.cut_off();
        } else {
            self.close(self.status.unwrap_or(CLIENT_LEFT), Some(CLIENT_LEFT_CODE), EndedBy::Caller);
        }
    }
}

/// Hands a record on once everything that judges beside its call has told what it found, and the last of what is kept of a
/// stream has gone to the caller.
async fn wait_for(
    late: Vec<(usize, Late)>,
    texts: Option<Box<Taking>>,
    mut queued: Queued,
    queue: mpsc::UnboundedSender<Queued>,
) {
    if let Some(texts) = texts {
        queued.record.texts = texts.ended().await;
    }
    for (number, late) in late {
        let Ok((side, result)) = late.await else { continue };
        let tried = queued.record.outcome.as_mut().and_then(|end| end.tried.get_mut(number));
        if let Some(Tried { found, .. }) = tried {
            match side {
                Side::Request => found.before_request_hooks.push(result),
                Side::Answer => found.after_request_hooks.push(result),
            }
        }
    }
    let _ = queue.send(queued);
}
