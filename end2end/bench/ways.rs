//! What configs and guardrails add to a call, measured in turns with calls that name none.

use super::{House, Measured, ROUND, ROUNDS, Result, line, load, load::Way};
use serde_json::{Value, json};
use std::io::Write;
use tokio::runtime::Runtime;

const CONNECTIONS: usize = 32;

/// The ways: a name, and the config that leads calls on it, if one does.
fn ways(house: &House) -> Result<Vec<(&'static str, Option<String>)>> {
    let target = json!({ "virtual_key": "bench" });
    let saved = |name: &str, config: &Value| -> Result<Option<String>> {
        let body = json!({ "name": name, "config": config }).to_string();
        slug_of(house.api("POST", "/v1/configs", &body)?).map(Some)
    };
    let checks = [
        json!({ "id": "default.contains", "parameters": { "operator": "none", "words": ["halyard", "grommet"] } }),
        json!({ "id": "default.regexMatch", "parameters": { "rule": "(?i)case no\\. \\d{6}", "not": true } }),
        json!({ "id": "default.wordCount", "parameters": { "minWords": 1, "maxWords": 10_000 } }),
        json!({ "id": "default.characterCount", "parameters": { "minCharacters": 1, "maxCharacters": 10_000 } }),
        json!({ "id": "default.sentenceCount", "parameters": { "minSentences": 1, "maxSentences": 1_000 } }),
        json!({ "id": "default.notNull" }),
        json!({ "id": "default.containsCode", "parameters": { "format": "SQL", "not": true } }),
        json!({ "id": "default.endsWith", "parameters": { "suffix": "halyard", "not": true } }),
        json!({ "id": "portkey.pii", "parameters": { "categories": ["EMAIL_ADDRESS", "CREDIT_CARD"] } }),
        json!({ "id": "latchkey.secrets" }),
    ];
    let guarded = |many: usize| -> Result<Option<String>> {
        let body = json!({ "name": format!("{many} checks"), "checks": checks[..many], "actions": { "deny": true } });
        let guardrail = slug_of(house.api("POST", "/v1/guardrails", &body.to_string())?)?;
        saved(&guardrail, &json!({ "virtual_key": "bench", "input_guardrails": [guardrail] }))
    };
    let conditional = json!({
        "strategy": {
            "mode": "conditional",
            "conditions": [{ "query": { "metadata.plan": { "$eq": "paid" } }, "then": "paid" }],
            "default": "everyone",
        },
        "targets": [{ "name": "paid", "virtual_key": "bench" }, { "name": "everyone", "virtual_key": "bench" }],
    });
    Ok(vec![
        ("no config", None),
        ("single", saved("single", &json!({ "virtual_key": "bench", "retry": { "attempts": 2 } }))?),
        ("fallback", saved("fallback", &json!({ "strategy": { "mode": "fallback" }, "targets": [target, target] }))?),
        ("by condition", saved("conditional", &conditional)?),
        ("3 checks", guarded(3)?),
        ("10 checks", guarded(10)?),
    ])
}

fn slug_of((status, body): (u16, String)) -> Result<String> {
    let told: Value = serde_json::from_str(&body).unwrap_or_default();
    told["slug"].as_str().map(str::to_owned).ok_or_else(|| format!("nothing was made: {status} {body}").into())
}

/// Prints a line for each way; gives how many calls were made.
pub fn print(out: &mut impl Write, house: &House, provider: u32, runtime: &Runtime) -> Result<u64> {
    writeln!(out, "\nwhat leads a call, in turns:")?;
    let ways = ways(house)?;
    let mut measured: Vec<Measured> = ways.iter().map(|_| Measured::default()).collect();
    for _ in 0..ROUNDS {
        for ((_, config), measured) in ways.iter().zip(&mut measured) {
            let way = match config {
                None => Way::through(house.port, &house.key, false),
                Some(config) => Way::led(house.port, &house.key, config),
            };
            let cpu = [Some(house.pid()), Some(provider)];
            measured.add(runtime.block_on(load::run(&way, CONNECTIONS, ROUND, cpu))?);
        }
    }
    for ((name, _), measured) in ways.iter().zip(&mut measured) {
        line(out, name, CONNECTIONS, measured, None)?;
    }
    Ok(measured.iter().map(Measured::requests).sum())
}
