//! What a call has reserved of limits, and what it has used of them in the end.

use super::Open;
use crate::{
    dialect::{MAX_MODEL, usage::Usage},
    gateway::{
        facts::CallEnd,
        limits::{Amounts, Foreseen, Priced, Spent, Ticket, output_of, text_bytes},
        prices::cost,
    },
    kernel::provider::Provider,
    server::outgoing::Connection,
};
use memchr::memmem;
use serde::Deserialize;

/// What a call has reserved of limits, and has used of them.
#[derive(Default)]
pub(super) struct Charge {
    /// Those of the caller and of the virtual key, for the attempt that is under way.
    caller: Option<Ticket>,
    target: Option<Ticket>,
    /// What it may use, and bytes of text that the model has written.
    foreseen: Option<Foreseen>,
    said: u64,
    /// Whether there was a connection on which it could leave.
    connection: Option<Connection>,
    /// However often it is tried, a call is one request of its caller.
    is_counted: bool,
    pub(super) spent: Vec<Spent>,
}

impl Charge {
    /// What the attempt that is about to leave has reserved.
    pub(super) fn reserved(&self) -> Vec<Spent> {
        [&self.caller, &self.target].into_iter().flatten().flat_map(Ticket::reserved).collect()
    }
}

impl Open {
    /// Notes which models may answer in place of the one that is asked for. None: nobody knows which.
    pub(in crate::gateway) fn names(&mut self, others: Option<Vec<Box<str>>>) {
        self.others = others;
    }

    /// What [`Self::names`] has noted.
    pub(in crate::gateway) fn others(&self) -> Option<&[Box<str>]> {
        self.others.as_deref()
    }

    /// Whether any limit holds for the attempt.
    pub(in crate::gateway) fn is_charged(&self) -> bool {
        self.charge.is_some()
    }

    /// Notes by what it can be told whether the attempt has found a connection.
    pub(in crate::gateway) fn connects(&mut self, connection: Connection) {
        if let Some(charge) = &mut self.charge {
            charge.connection = Some(connection);
        }
    }

    /// Notes which model has answered, as an answer that is there as a whole says, where several may.
    pub(in crate::gateway) fn answers(&mut self, body: &[u8]) {
        #[derive(Deserialize)]
        struct Answer {
            model: Option<Box<str>>,
        }
        if self.may_lead_on() {
            let model = serde_json::from_slice::<Answer>(body).ok().and_then(|answer| answer.model);
            self.answered_by = model.filter(|model| model.len() <= MAX_MODEL);
        }
    }

    /// Whether another model than the one that is asked for may answer.
    fn may_lead_on(&self) -> bool {
        self.others.as_ref().is_none_or(|others| !others.is_empty())
    }

    /// What usage of the attempt that is under way costs, by the model that has answered.
    pub(super) fn cost_of(&self, usage: Usage) -> Option<i64> {
        let (provider, model) = self.asked();
        let own = self.call.prices.as_deref();
        let by = |model: &str| cost(own, provider?, model, usage);
        self.answered_by.as_deref().and_then(by).or_else(|| by(model))
    }

    /// The same where it is not known which one has answered: by the dearest.
    fn dearest_of(&self, usage: Usage) -> Option<i64> {
        let (provider, model) = self.asked();
        let own = self.call.prices.as_deref();
        let answered = self.answered_by.as_deref().and_then(|model| cost(own, provider?, model, usage));
        let others = self.others();
        answered
            .or_else(|| Priced { own, provider: provider?, model, others }.dearest(usage))
            .or_else(|| cost(own, provider?, model, usage))
    }

    /// Provider and model of the attempt that is under way.
    fn asked(&self) -> (Option<Provider>, &str) {
        match self.tried.last() {
            Some(last) => (last.provider, &last.model),
            None => (self.call.provider, &self.call.model),
        }
    }

    /// Whether it was counted as a request of its caller.
    pub(in crate::gateway) fn is_counted(&self) -> bool {
        self.charge.as_ref().is_some_and(|charge| charge.is_counted)
    }

    /// Notes what the attempt that is about to leave has reserved of limits: those of the caller, and those of the virtual
    /// key.
    pub(in crate::gateway) fn reserved(&mut self, caller: Option<Ticket>, target: Option<Ticket>, foreseen: Foreseen) {
        let charge = self.charge.get_or_insert_default();
        (charge.caller, charge.target) = (caller, target);
        (charge.foreseen, charge.said, charge.connection) = (Some(foreseen), 0, None);
    }

    /// Notes that the attempt has not reached its provider.
    pub(in crate::gateway) fn never_reached(&mut self) {
        if let Some(charge) = &mut self.charge {
            // What it has reserved is given back.
            (charge.caller, charge.target) = (None, None);
        }
    }

    /// Notes a piece of what the caller is given, from which it is estimated what was used where nobody says.
    pub(in crate::gateway) fn said(&mut self, piece: &[u8]) {
        if self.answered_by.is_none() && self.may_lead_on() {
            self.answered_by = model_in(piece);
        }
        if let Some(charge) = &mut self.charge {
            charge.said = charge.said.saturating_add(text_bytes(piece));
        }
    }

    /// Counts what the attempt that ends has used of limits. `whole`: its answer came to its end.
    pub(super) fn charge(&mut self, whole: bool) {
        let Some(mut charge) = self.charge.take() else { return };
        let answered = self.upstream_status.is_some_and(|status| (200..300).contains(&status));
        let refused = self.upstream_status.is_some() && !answered;
        let mut amounts = Amounts { requests: i64::from(self.last_sent), ..Amounts::default() };
        let foreseen = charge.foreseen.take().filter(|foreseen| !foreseen.is_free && self.last_sent);
        let input_tokens = foreseen.map_or(0, |foreseen| foreseen.input);
        let estimate = Usage { input_tokens, output_tokens: output_of(charge.said), ..Usage::default() };
        // Of what came to a provider that has not refused it, at least the request may have to be paid for.
        let reached = charge.connection.take().is_none_or(|connection| connection.is_made());
        let usage = match self.usage {
            None => (foreseen.is_some() && reached && !refused).then_some(estimate),
            // What a stream has told before it was cut off may be less than what came.
            Some(told) if !whole && answered => {
                Some(Usage { output_tokens: told.output_tokens.max(estimate.output_tokens), ..told })
            }
            told => told,
        };
        // Accepted, and what it uses is still to come.
        let in_background = foreseen.is_some_and(|foreseen| foreseen.is_background);
        amounts.goes_on = in_background && answered && (self.usage.is_none() || !whole);
        if let Some(usage) = usage.map(Usage::bounded) {
            amounts.tokens = i64::try_from(usage.input_tokens + usage.output_tokens).unwrap_or(i64::MAX);
            amounts.cost = self.dearest_of(usage).unwrap_or(0);
        }
        if let Some(target) = charge.target.take() {
            charge.spent.extend(target.settle(amounts));
        }
        if let Some(caller) = charge.caller.take() {
            let requests = if charge.is_counted { 0 } else { amounts.requests };
            charge.is_counted |= requests > 0;
            charge.spent.extend(caller.settle(Amounts { requests, ..amounts }));
        }
        charge.said = 0;
        self.charge = Some(charge);
    }

    /// Notes what a stream that the end of the process cuts off has used of limits by then: its provider is cut off with it.
    /// Of anything else nobody knows that, and what it has reserved counts.
    pub(super) fn cut_off(&mut self) {
        if self.status.is_none() || self.charge.is_none() || self.place.take().is_none() {
            return;
        }
        self.charge(false);
        let spent = self.charge.take().map_or_else(Vec::new, |charge| charge.spent);
        let outcome = CallEnd { spent, ..CallEnd::interrupted().having_tried(std::mem::take(&mut self.tried)) };
        if let Some(segment) = &self.segment
            && let Err(error) = segment.ended(self.call.id, &outcome)
        {
            tracing::error!(%error, "the journal of calls cannot be written");
        }
    }
}

/// The model that an event of an answer names. Inside a text its name would be written otherwise.
fn model_in(event: &[u8]) -> Option<Box<str>> {
    let name = b"\"model\":";
    let at = memmem::find(event, name)? + name.len();
    let model = event[at..].trim_ascii_start().strip_prefix(b"\"")?;
    let end = model.iter().take(MAX_MODEL + 1).position(|byte| matches!(byte, b'"' | b'\\'))?;
    std::str::from_utf8(&model[..end]).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_names_its_model() {
        for (event, model) in [
            (&br#"data: {"id":"1","model":"openai/gpt-4o","choices":[]}"#[..], Some("openai/gpt-4o")),
            (br#"data: {"model": "m", "choices":[]}"#, Some("m")),
            (br#"data: {"choices":[{"delta":{"content":"\"model\":\"x\""}}]}"#, None),
            (br#"data: {"model":null}"#, None),
            (br#"data: {"model":"cut"#, None),
            (b": keep-alive", None),
        ] {
            assert_eq!(model_in(event).as_deref(), model, "{}", String::from_utf8_lossy(event));
        }
    }
}
