//! The test bench: what a guardrail says of a text, found by the code that judges calls.

use super::model::{Sample, Tried as Told, TriedCheck};
use crate::{
    guardrails::{
        self, CheckResult, Guardrail, Mark, Outside, Side, Tried, catalogue,
        checks::{KeySet, Webhook},
    },
    kernel::{Timestamp, text},
};
use async_trait::async_trait;
use serde_json::Value;
use std::sync::Arc;

/// What the samples got.
#[derive(Debug, Default)]
pub struct Sampled {
    /// For each, whether it is the verdict that it should have; none: that is not known.
    pub holds: Vec<Option<bool>>,
    /// The beginnings of those that do not hold.
    pub broken: Vec<String>,
}

/// Nobody outside is asked from here: a check that needs somebody cannot judge.
struct Nobody;

const NOBODY: &str = "Nobody outside is asked from the test bench.";

#[async_trait]
impl Outside for Nobody {
    async fn ask(&self, _: &Webhook, _: &Value) -> Result<(u16, Vec<u8>), String> {
        Err(NOBODY.to_owned())
    }

    async fn keys(&self, _: &str, _: u64, _: bool) -> Result<Arc<KeySet>, String> {
        Err(NOBODY.to_owned())
    }
}

/// Judges one text.
pub async fn judge(guardrail: &Guardrail, of: (&str, Option<i64>), is_answer: bool, text: &str, now: Timestamp) -> Tried {
    let side = if is_answer { Side::Answer } else { Side::Request };
    guardrails::try_text(guardrail, of, side, text, now, &Nobody).await
}

/// Characters of a sample by which it is named.
const SHOWN: usize = 40;

/// Judges every sample.
pub async fn run(guardrail: &Guardrail, samples: &[Sample], now: Timestamp) -> Sampled {
    let mut sampled = Sampled::default();
    for sample in samples {
        let result = judge(guardrail, ("", None), sample.is_answer, &sample.text, now).await.result;
        // What somebody outside would say is not known.
        let is_known = result.checks.iter().all(|check| check.error.as_ref().is_none_or(|error| error.message != NOBODY));
        let holds = is_known.then_some(result.verdict == sample.passes);
        sampled.holds.push(holds);
        if holds == Some(false) {
            let line = sample.text.lines().next().unwrap_or_default();
            sampled.broken.push(text::cut(line, SHOWN).to_owned());
        }
    }
    sampled
}

/// What was found, told to people.
pub fn told(tried: Tried, definition: &Value, text: &str) -> Told {
    let Tried { result, after: text_after, marks } = tried;
    let changed = text_after.is_some();
    let failed = result.checks.iter().filter(|check| check.verdict != Some(true)).count();
    let what = match (failed, result.verdict, changed) {
        (_, true, true) => "Passes, and is changed",
        (0, true, false) => "Passes",
        (_, true, false) => "Passes, though a check could not judge",
        (_, false, _) if result.deny => "Is denied",
        (_, false, _) if result.observe => "Fails, and is only watched",
        (_, false, _) => "Fails, and goes on",
    };
    // Those that are switched off are not judged.
    let names: Vec<&Value> = definition["checks"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|check| check["is_enabled"] != serde_json::json!(false))
        .collect();
    let named = |number: usize, id: &str| {
        let own = names.get(number).filter(|check| check["id"] == id).and_then(|check| check["name"].as_str());
        let known = || catalogue::find(id).map_or(id, |known| known.label);
        own.filter(|name| !name.is_empty()).unwrap_or_else(known).to_owned()
    };
    let checks = result.checks.iter().enumerate().map(|(number, check)| tell(named(number, &check.id), check));
    Told {
        faults: vec![],
        verdict: what.to_owned(),
        passes: result.verdict,
        microseconds: micros(result.execution_time),
        checks: checks.collect(),
        marked: marked(text, marks),
        text_after,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "times of checks are small and not below zero")]
fn micros(milliseconds: f64) -> u64 {
    (milliseconds * 1000.0).max(0.0) as u64
}

fn tell(label: String, check: &CheckResult) -> TriedCheck {
    let verdict = match (check.verdict, check.transformed) {
        (None, _) => "error",
        (Some(_), true) => "changed",
        (Some(true), false) => "passed",
        (Some(false), false) => "failed",
    };
    let words = match &check.error {
        Some(error) => error.message.clone(),
        None => in_words(&check.data),
    };
    TriedCheck { label, verdict: verdict.into(), words, microseconds: micros(check.execution_time) }
}

/// What a check tells of what it found, as a line: names and figures, in the order of their names.
fn in_words(data: &Value) -> String {
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    match data {
        Value::Null => String::new(),
        Value::Object(members) => {
            let told = members.iter().filter(|(_, value)| !value.is_null());
            told.map(|(name, value)| format!("{name}: {}", plain(value))).collect::<Vec<_>>().join(", ")
        }
        value => plain(value),
    }
}

/// The text in parts, each with the kind of what was found in it.
fn marked(text: &str, mut marks: Vec<Mark>) -> Vec<(String, Option<String>)> {
    marks.sort_by_key(|mark| (mark.start, mark.end));
    let (mut parts, mut at) = (vec![], 0);
    for mark in marks {
        let from = mark.start.max(at);
        let (Some(before), Some(found)) = (text.get(at..from), text.get(from..mark.end)) else { continue };
        if found.is_empty() {
            continue;
        }
        if !before.is_empty() {
            parts.push((before.to_owned(), None));
        }
        parts.push((found.to_owned(), Some(mark.category)));
        at = mark.end;
    }
    if at > 0 && at < text.len() {
        parts.push((text[at..].to_owned(), None));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_part_the_text_and_never_overlap() {
        let mark = |start, end, kind: &str| Mark { start, end, category: kind.into() };
        let parts = marked("write to a@b.c, é", vec![mark(9, 14, "EMAIL"), mark(11, 14, "URL"), mark(13, 99, "X")]);
        let told: Vec<_> = parts.iter().map(|(text, kind)| (text.as_str(), kind.as_deref())).collect();
        assert_eq!(told, [("write to ", None), ("a@b.c", Some("EMAIL")), (", é", None)]);
        assert!(marked("nothing", vec![]).is_empty());
    }
}
