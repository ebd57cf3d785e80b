//! What is recorded of a call while its config leads it.

use super::Asked;
use crate::{
    features::logs::model::Next,
    gateway::{
        facts::{CallFacts, Tried, TriedEnd},
        record::Open,
    },
    web::refusal::Refusal,
};

/// The record of a call, which is begun when its first attempt is about to leave: a call of which nothing leaves is a
/// refused one.
pub(super) struct Trail {
    pub(super) call: CallFacts,
    /// Attempts that ended before anything could leave.
    pub(super) before: Vec<Tried>,
    pub(super) open: Option<Open>,
}

impl Trail {
    pub(super) fn new(call: CallFacts) -> Self {
        Self { call, before: vec![], open: None }
    }

    /// Notes an attempt that is about to leave, and hands over the record.
    pub(super) async fn begin(&mut self, asked: &Asked<'_>, tried: Tried) -> Result<Open, Refusal> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => {
                (self.call.virtual_key, self.call.provider) = (tried.virtual_key, tried.provider);
                self.call.model = tried.model.clone();
                let begun = asked.gateway.recorder.begin(self.call.clone(), asked.arrived).await;
                let mut open = begun.map_err(|_| Refusal::cannot_record())?;
                self.before.drain(..).for_each(|tried| open.tries(tried));
                open
            }
        };
        open.tries(tried);
        Ok(open)
    }

    /// Ends a call whose answer was kept.
    pub(super) fn kept(&mut self, mut open: Open) {
        open.tried(None, Next::Kept);
        open.finish(200, None);
    }

    /// Notes an attempt that ended before anything could leave. What comes after it is noted by [`Trail::ended`].
    pub(super) fn unsent(&mut self, mut tried: Tried, refusal: &Refusal) {
        (self.call.virtual_key, self.call.provider) = (tried.virtual_key, tried.provider);
        self.call.model = tried.model.clone();
        match &mut self.open {
            Some(open) => open.tries(tried),
            None => {
                tried.end = Some(TriedEnd {
                    status: None,
                    error: Some(refusal.code.to_string().into()),
                    sent: false,
                    took_us: 0,
                    then: Next::Ended,
                    first_byte_us: None,
                    usage: None,
                    cost: None,
                });
                self.before.push(tried);
            }
        }
    }

    /// Notes how the last attempt ended, and what comes after it.
    pub(super) fn ended(&mut self, refusal: &Refusal, then: Next) {
        match (&mut self.open, self.before.last_mut().and_then(|tried| tried.end.as_mut())) {
            (Some(open), _) => open.tried(Some(&refusal.code), then),
            (None, Some(end)) => end.then = then,
            (None, None) => {}
        }
    }
}
