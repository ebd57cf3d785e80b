//! The test bench: what a guardrail says of a text, found by the code that judges calls.

use super::model::{Sample, Tried as Told, TriedCheck};
use crate::{
    guardrails::{
        self, CheckResult, Guardrail, Mark, Outside, Side, Tried, catalogue,
        checks::{KeySet, Webhook},
    },
    kernel::{OrganisationId, text},
    server::access::Access,
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

/// Judges one text, with the digests of the organisation.
pub async fn judge(
    access: &Access,
    guardrail: &Guardrail,
    of: (&str, Option<i64>),
    is_answer: bool,
    text: &str,
) -> Tried {
    let organisation = access.principal().organisation().unwrap_or(OrganisationId::INSTALLATION);
    let hash_key = access.app().keyring.hash_key(organisation);
    let side = if is_answer { Side::Answer } else { Side::Request };
    guardrails::try_text(guardrail, of, side, text, (access.now(), &hash_key), &Nobody).await
}

/// Characters of a sample by which it is named.
const SHOWN: usize = 40;

/// Judges every sample.
pub async fn run(access: &Access, guardrail: &Guardrail, samples: &[Sample]) -> Sampled {
    let mut sampled = Sampled::default();
    for sample in samples {
        let result = judge(access, guardrail, ("", None), sample.is_answer, &sample.text).await.result;
        // What somebody outside would say is not known.
        let is_known =
            result.checks.iter().all(|check| check.error.as_ref().is_none_or(|error| error.message != NOBODY));
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
    let denied = result.deny && !result.verdict;
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
        // What is denied goes nowhere.
        text_after: text_after.filter(|_| !denied),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times of checks are small and not below zero"
)]
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

/// What a check tells of what it found, as a line: names and figures, in the order of their names. What says nothing of the
/// text is left out, such as numbers of units, of which the bench has one.
fn in_words(data: &Value) -> String {
    fn plain(value: &Value) -> Option<String> {
        let told = match value {
            Value::Null | Value::Bool(false) => return None,
            Value::Bool(true) => "yes".to_owned(),
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Array(items) => items.iter().filter_map(plain).collect::<Vec<_>>().join(", "),
            Value::Object(members) => {
                let told = members.iter().filter_map(|(name, value)| Some(format!("{name} {}", plain(value)?)));
                told.collect::<Vec<_>>().join(", ")
            }
        };
        Some(told).filter(|told| !told.is_empty())
    }
    match data {
        Value::Object(members) => {
            let told = members.iter().filter(|(name, _)| *name != "failed");
            let told = told.filter_map(|(name, value)| Some(format!("{} {}", name.replace('_', " "), plain(value)?)));
            told.collect::<Vec<_>>().join("; ")
        }
        value => plain(value).unwrap_or_default(),
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
    fn what_was_found_is_told_in_words() {
        let data = serde_json::json!({ "failed": [0], "in_tool_calls": false, "words": ["a", "b"], "redacted": { "IBAN": 2 }, "odd": {} });
        assert_eq!(in_words(&data), "redacted IBAN 2; words a, b");
        assert_eq!(in_words(&Value::Null), "");
    }

    #[test]
    fn marks_part_the_text_and_never_overlap() {
        let mark = |start, end, kind: &str| Mark { start, end, category: kind.into() };
        let parts = marked("write to a@b.c, é", vec![mark(9, 14, "EMAIL"), mark(11, 14, "URL"), mark(13, 99, "X")]);
        let told: Vec<_> = parts.iter().map(|(text, kind)| (text.as_str(), kind.as_deref())).collect();
        assert_eq!(told, [("write to ", None), ("a@b.c", Some("EMAIL")), (", é", None)]);
        assert!(marked("nothing", vec![]).is_empty());
    }
}
