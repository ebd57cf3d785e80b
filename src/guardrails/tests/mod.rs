//! Reading bodies and streams, running guardrails over them, and definitions that are refused.

mod cases;
mod definitions;
mod judging;
mod streams;
mod whole;

use super::checks::{KeySet, Webhook};
use super::*;
use crate::kernel::Timestamp;
use async_trait::async_trait;
use futures_util::FutureExt;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Outside, where nobody is but a webhook with one answer.
#[derive(Default)]
struct Alone(Option<(u16, Value)>);

#[async_trait]
impl Outside for Alone {
    async fn ask(&self, _: &Webhook, _: &Value) -> Result<(u16, Vec<u8>), String> {
        let (status, answer) = self.0.as_ref().ok_or("It cannot be reached.")?;
        Ok((*status, answer.to_string().into_bytes()))
    }

    async fn keys(&self, _: &str, _: u64, _: bool) -> Result<Arc<KeySet>, String> {
        Err("There are no keys.".to_owned())
    }
}

fn guardrail(definition: &Value) -> Guardrail {
    Guardrail::compile(definition, &|_| Ok(())).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn of_check(id: &str, parameters: &Value) -> Guardrail {
    guardrail(&json!({ "checks": [{ "id": id, "parameters": parameters }], "actions": { "deny": true } }))
}

fn without(words: &[&str]) -> Guardrail {
    of_check("default.contains", &json!({ "operator": "none", "words": words }))
}

fn run(guardrail: &Guardrail, side: Side, shape: Shape, body: &Reading, outside: &Alone) -> Judged {
    let metadata = BTreeMap::new();
    let about = About {
        side,
        shape,
        model: "m",
        provider: "openai",
        metadata: &metadata,
        header: &|_| None,
        request: "{}",
        streamed: body.is_stream(),
        status: if side == Side::Answer { 200 } else { 0 },
        now: Timestamp(1_700_000_000_000),
        hash_key: &[7; 32],
    };
    judge(guardrail, ("g", None), &about, body, outside).now_or_never().expect("nothing is waited for")
}

fn request(shape: Shape, body: &Value) -> Reading {
    Reading::request(shape, body.to_string().as_bytes())
}

fn answer(shape: Shape, body: &Value) -> Reading {
    Reading::answer(shape, body.to_string().as_bytes())
}

fn units(reading: &Reading) -> Vec<&str> {
    reading.units.iter().map(|unit| unit.text.as_str()).collect()
}

/// Whether a word is found where none may be.
fn finds(word: &str, side: Side, shape: Shape, reading: &Reading) -> bool {
    !run(&without(&[word]), side, shape, reading, &Alone::default()).result.verdict
}

fn replaced(side: Side, shape: Shape, reading: &Reading) -> Option<String> {
    let redact = of_check("default.regexReplace", &json!({ "rule": "secret", "redactText": "X" }));
    run(&redact, side, shape, reading, &Alone::default()).reading.map(|left| left.body().to_owned())
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (bound.max(1) as u64)).expect("a small number")
    }
}
