//! What configs, guardrails and limits add to a call, measured in turns with calls that have none.

use super::{House, Measured, ROUND, ROUNDS, Result, line, load, load::Way};
use serde_json::{Value, json};
use std::io::Write;
use tokio::runtime::Runtime;

const CONNECTIONS: usize = 32;

/// A way: a name, the key that calls, and the config that leads its calls, if one does.
type Led = (&'static str, String, Option<String>);

fn ways(house: &House) -> Result<Vec<Led>> {
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
    let own = || house.key.clone();
    let fallback = json!({ "strategy": { "mode": "fallback" }, "targets": [target, target] });
    let three = guarded(3)?;
    Ok(vec![
        ("no config", own(), None),
        ("single", own(), saved("single", &json!({ "virtual_key": "bench", "retry": { "attempts": 2 } }))?),
        ("fallback", own(), saved("fallback", &fallback)?),
        ("by condition", own(), saved("conditional", &conditional)?),
        ("3 checks", own(), three.clone()),
        ("10 checks", own(), guarded(10)?),
        ("3 limits", limited(house)?, None),
        ("3 checks, 3 limits", limited(house)?, three),
    ])
}

/// A key with three limits, none of which is ever reached.
fn limited(house: &House) -> Result<String> {
    let body = json!({
        "name": "Limited",
        "permissions": { "completions": "enabled" },
        "rate_limits": [
            { "type": "requests", "unit": "rpm", "value": 1_000_000_000 },
            { "type": "tokens", "unit": "rpd", "value": 1_000_000_000_000_i64 },
        ],
        "usage_limits": { "type": "cost", "credit_limit": 1_000_000, "periodic_reset": "monthly" },
    });
    let (status, body) = house.api("POST", "/v1/api-keys", &body.to_string())?;
    let told: Value = serde_json::from_str(&body).unwrap_or_default();
    told["key"].as_str().map(str::to_owned).ok_or_else(|| format!("no key was made: {status} {body}").into())
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
        for ((_, key, config), measured) in ways.iter().zip(&mut measured) {
            let way = match config {
                None => Way::through(house.port, key, false),
                Some(config) => Way::led(house.port, key, config),
            };
            let cpu = [Some(house.pid()), Some(provider)];
            measured.add(runtime.block_on(load::run(&way, CONNECTIONS, ROUND, cpu))?);
        }
    }
    for ((name, ..), measured) in ways.iter().zip(&mut measured) {
        line(out, name, CONNECTIONS, measured, None)?;
    }
    Ok(measured.iter().map(Measured::requests).sum())
}
