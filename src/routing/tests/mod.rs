//! Configs as text: what is refused and where, and what a call does under one.

mod breakers;
mod targets;
mod texts;
mod told;
mod ways;

use super::*;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::time::Duration;

fn plan(config: &Value) -> Plan {
    compile(&config.to_string()).unwrap_or_else(|faults| panic!("{config}: {faults:?}"))
}

/// A conditional strategy over three targets, with one condition.
fn conditional(query: &Value) -> Value {
    json!({
        "strategy": { "mode": "conditional", "conditions": [{ "query": query, "then": "one" }], "default": "two" },
        "targets": [{ "virtual_key": "a", "name": "one" }, { "virtual_key": "b", "name": "two" }],
    })
}

fn loadbalance(targets: &Value) -> Value {
    json!({ "strategy": { "mode": "loadbalance" }, "targets": targets })
}

/// What a call sees of a plan: the way it takes when its targets answer so.
struct Way {
    tried: Vec<String>,
    waits: Vec<u64>,
    retries: i32,
    nowhere: bool,
}

#[derive(Default)]
struct Asked {
    path: &'static str,
    metadata: Value,
    body: Value,
    chance: u64,
    caller: u8,
}

fn walk(plan: &Plan, asked: &Asked, answers: &[(&str, &[u16])]) -> Way {
    walk_with(plan, asked, answers, |_| None, |_| false)
}

fn walk_with(
    plan: &Plan,
    asked: &Asked,
    answers: &[(&str, &[u16])],
    again_after: impl Fn(u16) -> Option<Duration>,
    is_out: impl Fn(usize) -> bool,
) -> Way {
    let metadata =
        |name: &str| asked.metadata.get(name).map(|value| serde_json::from_value(value.clone()).expect("a value"));
    let header = |_: &str| None;
    let body = asked.body.to_string();
    let params = if asked.body.is_null() { vec![] } else { Request::params_of(plan, body.as_bytes()).expect("a body") };
    let request = Request {
        path: asked.path,
        metadata: &metadata,
        header: &header,
        params,
        caller: [asked.caller; 16],
        config: "pc-1",
    };
    let mut run = Run::new(plan, &request, asked.chance);
    let mut way = Way { tried: vec![], waits: vec![], retries: 0, nowhere: false };
    let mut counts: HashMap<usize, usize> = HashMap::new();
    let mut next = run.first(&is_out);
    for _ in 0..1000 {
        let leaf = match next {
            Next::Try(leaf) => leaf,
            Next::Again(leaf, wait) => {
                way.waits.push(u64::try_from(wait.as_millis()).expect("a short wait"));
                leaf
            }
            Next::Done => break,
            Next::Nowhere => {
                way.nowhere = true;
                break;
            }
        };
        let slug = plan.leaf(leaf).virtual_key.clone().unwrap_or_default();
        way.tried.push(slug.to_string());
        let count = counts.entry(leaf).or_default();
        let told = answers.iter().find(|(name, _)| *name == &*slug).map_or(&[200][..], |(_, told)| told);
        let status = told[(*count).min(told.len() - 1)];
        *count += 1;
        next = run.came(Came { status, again_after: again_after(status) }, &is_out);
    }
    way.retries = run.retries();
    way
}

fn tried(config: &Value, answers: &[(&str, &[u16])]) -> String {
    walk(&plan(config), &Asked::default(), answers).tried.join(" ")
}

fn fallback(on: &Value, targets: &[&str]) -> Value {
    let targets: Vec<_> = targets.iter().map(|slug| json!({ "virtual_key": slug })).collect();
    let mut config = json!({ "strategy": { "mode": "fallback" }, "targets": targets });
    if !on.is_null() {
        config["strategy"]["on_status_codes"] = on.clone();
    }
    config
}
