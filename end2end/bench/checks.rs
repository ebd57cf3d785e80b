//! What each check of guardrails takes over a prompt of 100 KiB: processor time of one core, the median of many runs, beside
//! what finding the texts in the body takes.

use super::Result;
use async_trait::async_trait;
use futures_util::FutureExt;
use latchkey::{
    guardrails::{
        About, Guardrail, Outside, Reading, Shape, Side,
        checks::{KeySet, Webhook},
        judge,
    },
    kernel::Timestamp,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write as _, hint::black_box, io::Write, sync::Arc, time::Instant};

const BYTES: usize = 100 << 10;
const RUNS: usize = 31;

/// Nobody outside is asked.
struct Nobody;

#[async_trait]
impl Outside for Nobody {
    async fn ask(&self, _: &Webhook, _: &Value) -> std::result::Result<(u16, Vec<u8>), String> {
        Err("nobody is asked".into())
    }

    async fn keys(&self, _: &str, _: u64, _: bool) -> std::result::Result<Arc<KeySet>, String> {
        Err("nobody is asked".into())
    }
}

/// Every check that judges by itself, so that it has to look at all of the prompt.
fn all() -> Vec<(&'static str, Value)> {
    let personal = ["EMAIL_ADDRESS", "PHONE_NUMBER", "CREDIT_CARD", "SSN", "IP_ADDRESS", "IBAN"];
    vec![
        ("default.contains", json!({ "operator": "none", "words": ["halyard", "grommet", "fathom"] })),
        ("default.regexMatch", json!({ "rule": "(?i)project[ -]halyard|case no\\. \\d{6}", "not": true })),
        ("default.wordCount", json!({ "minWords": 1, "maxWords": 1_000_000 })),
        ("default.sentenceCount", json!({ "minSentences": 1, "maxSentences": 1_000_000 })),
        ("default.characterCount", json!({ "minCharacters": 1, "maxCharacters": 1_000_000 })),
        ("default.endsWith", json!({ "suffix": "nowhere", "not": true })),
        ("default.alllowercase", json!({ "not": true })),
        ("default.alluppercase", json!({ "not": true })),
        ("default.notNull", json!({})),
        ("default.jsonSchema", json!({ "schema": { "type": "object", "required": ["a"] }, "not": true })),
        ("default.jsonKeys", json!({ "operator": "none", "keys": ["a"] })),
        ("default.validUrls", json!({})),
        ("default.containsCode", json!({ "format": "SQL", "not": true })),
        ("default.regexReplace", json!({ "rule": "project halyard", "redactText": "[project]" })),
        ("default.addPrefix", json!({ "prefix": "Be kind. " })),
        ("portkey.pii", json!({ "categories": personal })),
        ("portkey.pii, redacting", json!({ "categories": personal, "redact": true })),
        ("latchkey.secrets", json!({})),
        ("latchkey.secrets, random", json!({ "random": true })),
    ]
}

/// A prompt of words, numbers, links and addresses that stand for nobody.
fn prompt() -> String {
    const WORDS: [&str; 16] = [
        "the", "harbour", "of", "a", "small", "town", "lies", "between", "two", "hills,", "and", "boats", "come", "in",
        "at", "dawn.",
    ];
    let mut text = String::with_capacity(BYTES + 64);
    let mut number = 1u32;
    while text.len() < BYTES {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let _ = match number >> 25 {
            0 => write!(text, "see https://harbour.example/{number} "),
            1 => write!(text, "{} {} ", number % 10_000, number >> 12),
            2 => write!(text, "order-{number:x} "),
            word => write!(text, "{} ", WORDS[word as usize % WORDS.len()]),
        };
    }
    text
}

/// Prints the time of each check.
pub fn print(out: &mut impl Write) -> Result<()> {
    let body = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": prompt() }] }).to_string();
    writeln!(out, "\nover a prompt of {} KiB, one core, median of {RUNS} runs:", BYTES >> 10)?;
    let reading = median(|| drop(black_box(Reading::request(Shape::Chat, black_box(body.as_bytes())))));
    writeln!(out, "{:<28}{reading:>9.3} ms", "finding the texts")?;
    for (name, parameters) in all() {
        let id = name.split(',').next().unwrap_or(name);
        let definition = json!({ "checks": [{ "id": id, "parameters": parameters }], "actions": { "deny": true, "on_error": "pass" } });
        let guardrail = Guardrail::compile(&definition, &|_| Ok(()))
            .map_err(|faults| format!("{name} does not compile: {}", faults[0].message))?;
        let reading = Reading::request(Shape::Chat, body.as_bytes());
        let metadata = BTreeMap::new();
        let about = About {
            side: Side::Request,
            shape: Shape::Chat,
            model: "gpt-4o",
            provider: "openai",
            metadata: &metadata,
            header: &|_| None,
            request: &body,
            streamed: false,
            status: 0,
            now: Timestamp(0),
            hash_key: &[7; 32],
        };
        let time = median(|| {
            let judged = judge(&guardrail, ("", None), &about, &reading, &Nobody).now_or_never();
            drop(black_box(judged));
        });
        writeln!(out, "{name:<28}{time:>9.3} ms")?;
    }
    Ok(())
}

/// In milliseconds.
fn median(mut run: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let begun = Instant::now();
            run();
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}
