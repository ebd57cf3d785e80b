//! What happened in a call, step by step, in microseconds from the arrival of its request.

use super::model::duration;
use serde::{Deserialize, Serialize};

/// What a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// The arrival of the request, or the end of the call: no length.
    Moment,
    /// A guardrail judges.
    Check,
    /// Somebody is waited for.
    Wait,
    /// An answer, or an attempt that gave one.
    Answer,
    /// What went wrong.
    Bad,
}

/// A step of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub kind: Kind,
    pub name: String,
    pub more: String,
    pub from: i64,
    /// When the provider's first byte came, where that is within the step.
    pub first_byte: Option<i64>,
    pub to: i64,
}

impl Step {
    /// `from 0.4 ms, first byte after 12 ms, until 412 ms`, for whoever does not see the drawing.
    pub fn times(&self) -> String {
        let first = self.first_byte.map(|at| format!(", first byte at {}", duration(at))).unwrap_or_default();
        match self.kind {
            Kind::Moment => format!("at {}", duration(self.from)),
            _ => format!("from {}{first}, until {}", duration(self.from), duration(self.to)),
        }
    }
}

#[cfg(feature = "ssr")]
mod telling {
    use super::{Kind, Step};
    use crate::{
        features::logs::model::{Attempt, CallOutcome, Detail},
        guardrails::GuardrailResult,
        kernel::{Timestamp, text::grouped},
    };

    /// Every step that is known of a call, in order. None before it ends, and of one whose end nobody saw.
    pub fn steps(detail: &Detail) -> Vec<Step> {
        let call = &detail.call;
        let between = parts(detail);
        let Some(whole) = call.latency_us.filter(|_| !between.is_empty()) else { return Vec::new() };
        let moment = |name: &str, more: String, at: i64| Step {
            kind: Kind::Moment,
            name: name.to_owned(),
            more,
            from: at,
            first_byte: None,
            to: at,
        };
        let way = if detail.streamed { "a stream is asked for" } else { "a whole answer is asked for" };
        let mut steps = vec![moment("Arrived", format!("{}, {way}", detail.endpoint.replace('_', " ")), 0)];
        let mut judged: Vec<Step> = detail
            .found
            .before_request_hooks
            .iter()
            .map(|result| {
                // Told to the millisecond.
                let at = Timestamp::parse(&result.created_at)
                    .map_or(0, |at| (at.0 - call.started_at.0).saturating_mul(1_000));
                check(result, "request", at.clamp(0, whole), whole)
            })
            .chain(between)
            .collect();
        judged.sort_by_key(|step| step.from);
        steps.append(&mut judged);
        // How long they took is known, and that the answer waited for them.
        let after = detail.found.after_request_hooks.iter();
        steps.extend(after.map(|result| check(result, "answer", whole.saturating_sub(length(result)).max(0), whole)));
        steps.push(moment("Ended", call.words(), whole));
        steps
    }

    fn length(result: &GuardrailResult) -> i64 {
        (result.execution_time.max(0.0) * 1_000.0) as i64
    }

    fn check(result: &GuardrailResult, what: &str, from: i64, whole: i64) -> Step {
        let more = match (result.verdict, result.transformed) {
            (true, false) => "passed",
            (true, true) => "passed, with something changed",
            (false, _) if result.denies() => "denied the call",
            (false, _) => "found something",
        };
        let beside = if result.asynchronous { ", beside the call" } else { "" };
        Step {
            kind: if result.denies() { Kind::Bad } else { Kind::Check },
            name: format!("Guardrail {} on the {what}", result.id),
            more: format!("{more}{beside}"),
            from,
            first_byte: None,
            to: from.saturating_add(length(result)).clamp(from, whole),
        }
    }

    /// The attempts of a call that a config led; else what is known of the one that there was.
    pub fn parts(detail: &Detail) -> Vec<Step> {
        let call = &detail.call;
        let Some(whole) = call.latency_us.filter(|_| call.outcome != CallOutcome::Lost) else { return Vec::new() };
        if !detail.attempts.is_empty() {
            return detail.attempts.iter().map(|attempt| of_attempt(attempt, whole)).collect();
        }
        let step = |kind, name: &str, more: String, from, to| Step {
            kind,
            name: name.to_owned(),
            more,
            from,
            first_byte: None,
            to,
        };
        let well = call.outcome == CallOutcome::Ok;
        let last = if well { Kind::Answer } else { Kind::Bad };
        let provider = match (detail.provider, &call.virtual_key) {
            (Some(provider), Some(slug)) => format!("{}, @{slug}", provider.label()),
            (Some(provider), None) => provider.label().to_owned(),
            _ => "the provider".to_owned(),
        };
        if call.outcome == CallOutcome::Refused {
            return vec![step(last, "Refused by Latchkey", "nothing was sent to a provider".to_owned(), 0, whole)];
        }
        let Some(first) = detail.first_byte_us.filter(|first| *first <= whole) else {
            return vec![step(last, if well { "Call" } else { "No answer" }, provider, 0, whole)];
        };
        let written =
            detail.output_tokens.map(|n| format!("{} {} written", grouped(n), if n == 1 { "token" } else { "tokens" }));
        let more = if well { written.unwrap_or_else(|| "whole".into()) } else { call.words() };
        vec![step(Kind::Wait, "Until the first byte", provider, 0, first), step(last, "Answer", more, first, whole)]
    }

    /// An attempt of a call that a config led; what lies between two of them is the wait.
    fn of_attempt(attempt: &Attempt, whole: i64) -> Step {
        let target = attempt.path.strip_prefix("config.").unwrap_or(&attempt.path);
        let name = match (&attempt.virtual_key, &*attempt.model) {
            (Some(slug), model) if !model.is_empty() => format!("@{slug}, {model}"),
            (Some(slug), _) => format!("@{slug}"),
            (None, _) => target.to_owned(),
        };
        let from = attempt.began_us.clamp(0, whole);
        let to = attempt.took_us.map_or(whole, |took| from.saturating_add(took)).clamp(from, whole);
        Step {
            kind: if attempt.is_good() { Kind::Answer } else { Kind::Bad },
            name,
            more: format!("{target}; {}", attempt.words()),
            from,
            first_byte: attempt.first_byte_us.filter(|first| (from..=to).contains(first)),
            to,
        }
    }
}

#[cfg(feature = "ssr")]
pub use telling::steps;

#[cfg(all(test, feature = "ssr"))]
mod tests {
    use super::{telling::parts, *};
    use crate::{
        features::logs::{
            model::{Attempt, CallOutcome, Detail, Next},
            pages::tests::detail,
        },
        guardrails::GuardrailResult,
        kernel::Timestamp,
    };

    fn result(id: &str, verdict: bool, at: i64, took: f64) -> GuardrailResult {
        GuardrailResult {
            verdict,
            id: id.into(),
            version: None,
            transformed: false,
            checks: vec![],
            feedback: None,
            execution_time: took,
            asynchronous: false,
            kind: "guardrail".into(),
            created_at: Timestamp(at).rfc3339(),
            deny: true,
            observe: false,
        }
    }

    #[test]
    fn the_parts_of_a_call_follow_one_another_to_its_end() {
        let spans = |call: &Detail| parts(call).iter().map(|part| (part.from, part.to)).collect::<Vec<_>>();
        let mut call = detail(CallOutcome::Ok, None);
        call.first_byte_us = Some(400);
        assert_eq!(spans(&call), [(0, 400), (400, 1_000)]);
        call.first_byte_us = Some(1_001);
        assert_eq!(spans(&call), [(0, 1_000)], "a first byte behind the end is none");
        assert_eq!(parts(&detail(CallOutcome::Refused, None))[0].name, "Refused by Latchkey");
        assert_eq!(spans(&detail(CallOutcome::Lost, None)), []);
        assert_eq!(steps(&detail(CallOutcome::Lost, None)), []);
    }

    #[test]
    fn a_call_is_told_from_its_arrival_to_its_end() {
        let mut call = detail(CallOutcome::Ok, None);
        call.call.latency_us = Some(900_000);
        let attempt = |path: &str, began: i64, first: Option<i64>, next: Next| Attempt {
            path: path.into(),
            virtual_key: Some("main".into()),
            provider: None,
            model: "gpt-4o".into(),
            status: Some(if next == Next::Answered { 200 } else { 503 }),
            error_code: None,
            sent: true,
            began_us: began,
            took_us: Some(200_000),
            next: Some(next),
            first_byte_us: first,
            used: None,
            cost: None,
        };
        call.attempts = vec![
            attempt("config.targets[0]", 100_000, None, Next::LedOn),
            attempt("config.targets[1]", 600_000, Some(650_000), Next::Answered),
        ];
        call.found.before_request_hooks = vec![result("words", true, 2, 5.0)];
        call.found.after_request_hooks = vec![result("answers", true, 2, 40.0)];
        let told: Vec<_> =
            steps(&call).into_iter().map(|step| (step.kind, step.from, step.first_byte, step.to)).collect();
        assert_eq!(
            told,
            [
                (Kind::Moment, 0, None, 0),
                (Kind::Check, 2_000, None, 7_000),
                (Kind::Bad, 100_000, None, 300_000),
                (Kind::Answer, 600_000, Some(650_000), 800_000),
                (Kind::Check, 860_000, None, 900_000),
                (Kind::Moment, 900_000, None, 900_000),
            ]
        );
        // What is out of bounds is drawn within them.
        call.found.before_request_hooks = vec![result("words", false, 5_000, 9e9), result("words", false, -7, -1.0)];
        assert!(steps(&call).iter().all(|step| 0 <= step.from && step.from <= step.to && step.to <= 900_000));
        assert_eq!(steps(&call)[1].more, "denied the call");
    }
}
