//! Configs as text: what is refused and where, and what a call does under one.

use super::run::Told;
use super::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

fn faults(text: &str) -> Vec<Fault> {
    compile(text).err().unwrap_or_default()
}

fn paths(config: &Value) -> Vec<String> {
    faults(&config.to_string()).into_iter().map(|fault| fault.path).collect()
}

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

#[test]
fn what_may_be_saved() {
    for config in [
        json!({ "virtual_key": "a" }),
        json!({ "virtual_key": "@a", "provider": "openai" }),
        json!({ "provider": "@a", "retry": { "attempts": 2, "use_retry_after_headers": true } }),
        json!({ "passthrough": true }),
        json!({ "cache": { "mode": "simple" } }),
        json!({ "override_params": { "model": "@a/b/c" } }),
        json!({ "strategy": { "mode": "single" }, "targets": [{}] }),
        json!({
            "strategy": { "mode": "fallback", "on_status_codes": [429, 500, 503], "cb_config": { "failure_threshold": 1, "cooldown_interval": 30000 } },
            "retry": { "attempts": 5, "on_status_codes": [429], "use_retry_after_header": true },
            "cache": { "mode": "simple", "max_age": 60 }, "request_timeout": 20000, "override_params": { "temperature": 0 },
            "targets": [
                { "virtual_key": "a", "name": "p", "request_timeout": 900 },
                { "strategy": { "mode": "loadbalance" }, "targets": [
                    { "virtual_key": "b", "weight": 0 }, { "virtual_key": "c", "weight": 0.25 }] }],
        }),
        loadbalance(&json!([{ "virtual_key": "a" }, { "virtual_key": "b", "weight": 0 }])),
        conditional(
            &json!({ "$or": [{ "$and": [{ "metadata.a": "1" }] }, { "params.max_tokens": { "$gt": 1, "$lte": "9" } }] }),
        ),
        json!({ "virtual_key": "a", "drop_params": ["user", "messages[*].name", "a.b[0].c"], "forward_headers": ["X-Tenant"] }),
    ] {
        assert_eq!(paths(&config), Vec::<String>::new(), "{config}");
    }
}

#[test]
fn what_is_refused_is_named() {
    let one = |key: &str, value: Value| json!({ "virtual_key": "a", key: value });
    let query = "strategy.conditions[0].query";
    let table = [
        (one("wieght", json!(2)), "wieght"),
        (loadbalance(&json!([{ "virtual_key": "a" }, { "virtual_key": "b", "wieght": 2 }])), "targets[1].wieght"),
        (json!({ "strategy": { "mode": "fallback" }, "targets": [] }), "targets"),
        (json!({ "strategy": { "mode": "fallback" } }), "targets"),
        (json!({ "targets": [{ "virtual_key": "a" }] }), "strategy"),
        (json!({ "strategy": { "mode": "best" }, "targets": [{}] }), "strategy.mode"),
        (json!({ "strategy": {}, "targets": [{}] }), "strategy.mode"),
        (loadbalance(&json!([{ "virtual_key": "a", "weight": 0 }, { "virtual_key": "b", "weight": 0 }])), "targets"),
        (loadbalance(&json!([{}, { "weight": "heavy" }])), "targets[1].weight"),
        (loadbalance(&json!([{}, { "weight": -1 }])), "targets[1].weight"),
        (one("retry", json!({ "attempts": 6 })), "retry.attempts"),
        (one("retry", json!({ "attempts": 1.5 })), "retry.attempts"),
        (one("retry", json!({})), "retry.attempts"),
        (one("retry", json!({ "attempts": 1, "on_status_codes": [246, 99] })), "retry.on_status_codes[1]"),
        (one("retry", json!({ "attempts": 1, "on_status_codes": [500, 200] })), "retry.on_status_codes[1]"),
        (one("cache", json!({ "mode": "eternal" })), "cache.mode"),
        (one("cache", json!({ "mode": "semantic" })), "cache.mode"),
        (one("cache", json!({ "mode": "simple", "max_age": 59 })), "cache.max_age"),
        (one("cache", json!({ "max_age": 60 })), "cache.mode"),
        (one("request_timeout", json!("2s")), "request_timeout"),
        (one("request_timeout", json!(0)), "request_timeout"),
        (
            one("cb_config", json!({ "failure_threshold": 0, "cooldown_interval": 60000 })),
            "cb_config.failure_threshold",
        ),
        (
            one("cb_config", json!({ "failure_threshold": 1, "cooldown_interval": 29999 })),
            "cb_config.cooldown_interval",
        ),
        (json!({ "name": "idle", "weight": 2 }), ""),
        (json!({}), ""),
        (one("input_guardrails", json!("gr-1")), "input_guardrails"),
        (one("input_guardrails", json!([5])), "input_guardrails[0]"),
        (one("input_guardrails", json!([" "])), "input_guardrails[0]"),
        (one("input_guardrails", json!([{ "deny": true }])), "input_guardrails[0].checks"),
        (
            one("after_request_hooks", json!([{ "default.contains": {} }])),
            "after_request_hooks[0].default.contains.words",
        ),
        (one("output_guardrails", json!([{ "default.modelWhitelist": { "models": ["m"] } }])), "output_guardrails[0]"),
        (one("prompt_id", json!("pp-1")), "prompt_id"),
        (one("api_key", json!("sk-1")), "api_key"),
        (one("custom_host", json!("https://a.example/v1")), "custom_host"),
        (json!({ "provider": "openai" }), "provider"),
        (one("provider", json!("@b")), "provider"),
        (one("override_params", json!({ "model": "@b/m" })), "override_params.model"),
        (one("forward_headers", json!(["x-team", "Authorization"])), "forward_headers[1]"),
        (one("forward_headers", json!(["x-portkey-config"])), "forward_headers[0]"),
        (one("drop_params", json!(["a..b"])), "drop_params[0]"),
        (one("drop_params", json!(["[0]"])), "drop_params[0]"),
        (one("virtual_key", json!("a/b")), "virtual_key"),
        (conditional(&json!({ "metadata.a": { "$near": 1 } })), query),
        (conditional(&json!({ "$and": [{ "metadata.a": "1" }], "metadata.b": "2" })), query),
        (conditional(&json!({ "metadata.a": { "$regex": "x", "$ne": "y" } })), query),
        (conditional(&json!({ "metadata.a": { "$in": "x,y" } })), query),
        (conditional(&json!({ "metadata.a.b": "1" })), query),
        (conditional(&json!({ "a": "1" })), query),
        (conditional(&json!({ "headers.a": "1" })), query),
        (conditional(&json!({ "params.model": { "$regex": "^(?!gpt)" } })), query),
        (conditional(&json!({ "params.model": { "$regex": "(a" } })), query),
        (conditional(&json!({ "params.model": { "$regex": "(\\w{100}){100}" } })), query),
        (conditional(&json!({ "params.n": { "$gt": "many" } })), query),
        (conditional(&json!({ "params.n": [1] })), query),
        (conditional(&json!({})), query),
    ];
    for (config, wanted) in table {
        let config = if wanted == "virtual_key" { json!({ "virtual_key": "a/b" }) } else { config };
        let paths = paths(&config);
        assert!(!paths.is_empty() && paths.iter().all(|path| path.starts_with(wanted)), "{config}: {paths:?}");
        if wanted.is_empty() {
            assert_eq!(paths, [""], "{config}");
        }
    }
    let unknown = json!({
        "strategy": { "mode": "conditional", "conditions": [{ "query": { "metadata.a": "1" }, "then": "nine" }], "default": "ten" },
        "targets": [{ "virtual_key": "a", "name": "one" }, { "virtual_key": "b", "name": "one" }],
    });
    assert_eq!(paths(&unknown).len(), 3);
    for path in ["strategy.conditions[0].then", "strategy.default", "targets[1].name"] {
        assert!(paths(&unknown).contains(&path.to_owned()), "{path}");
    }
}

#[test]
fn every_fault_has_its_place() {
    let text = "{\n  \"virtual_key\": \"ä\",\n  \"retry\": {\"attempts\": 9},\n  \"ö\": 1,  \"x\": 2\n}";
    let places: Vec<_> = faults(text).into_iter().map(|fault| (fault.path, fault.line, fault.column)).collect();
    assert_eq!(places, [("retry.attempts".to_owned(), 3, 25), ("ö".to_owned(), 4, 3), ("x".to_owned(), 4, 12)]);
    let [fault] = &faults("{\"virtual_key\": \"a\",\n ]")[..] else { panic!("one fault") };
    assert_eq!((fault.line, fault.column, fault.code.as_str()), (2, 2, "invalid_json"));
    let [fault] = &faults("{\"virtual_key\": ")[..] else { panic!("one fault") };
    assert_eq!((fault.line, fault.column), (1, 17));
    for text in ["", "[]", "1", "{\"a\":1}}", "{\"virtual_key\":\"\\ud800\"}", "{'a':1}", "{\"request_timeout\":1e999}"]
    {
        assert_eq!(faults(text).len(), 1, "{text}");
    }
}

#[test]
fn a_key_that_stands_twice_is_refused_at_every_depth() {
    for (text, path) in [
        (r#"{"virtual_key":"a","virtual_key":"b"}"#, "virtual_key"),
        (r#"{"virtual_key":"a","virtual\u005fkey":"b"}"#, "virtual_key"),
        (r#"{"virtual_key":"a","override_params":{"x":[{"y":1,"y":2}]}}"#, "override_params.x[0].y"),
    ] {
        let faults = faults(text);
        assert!(faults.iter().any(|fault| fault.path == path && fault.code == "duplicate_key"), "{text}: {faults:?}");
    }
}

#[test]
fn sizes_are_bounded() {
    let nested = |levels: usize| {
        let open = r#"{"strategy":{"mode":"single"},"targets":["#.repeat(levels);
        format!("{open}{{\"virtual_key\":\"a\"}}{}", "]}".repeat(levels))
    };
    assert!(compile(&nested(MAX_LEVELS - 1)).is_ok());
    assert_eq!(faults(&nested(MAX_LEVELS))[0].code, "too_deep");
    assert_eq!(faults(&nested(300))[0].code, "too_deep");
    let wide = |targets: usize| json!({ "strategy": { "mode": "fallback" }, "targets": vec![json!({ "virtual_key": "a" }); targets] });
    assert!(compile(&wide(MAX_TARGETS).to_string()).is_ok());
    assert_eq!(faults(&wide(MAX_TARGETS + 1).to_string())[0].code, "too_many_targets");
    let long = format!("{{\"virtual_key\":\"a\"{}}}", " ".repeat(MAX_TEXT));
    assert_eq!(faults(&long)[0].code, "too_large");
    assert!(faults(&format!("{{{}\"a\":1}}", "\"k\":{".repeat(2000))).len() == 1);
    let deep = (0..MAX_LEVELS).fold(json!({ "metadata.a": "1" }), |inner, _| json!({ "$and": [inner] }));
    assert!(!paths(&conditional(&deep)).is_empty());
    assert!(
        faults(&format!("{{{}}}", (0..5000).map(|n| format!("\"k{n}\":1")).collect::<Vec<_>>().join(","))).len() <= 100
    );
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

#[test]
fn a_fallback_goes_on_as_its_list_says() {
    let plain = fallback(&Value::Null, &["a", "b", "c"]);
    assert_eq!(tried(&plain, &[]), "a");
    assert_eq!(tried(&plain, &[("a", &[400])]), "a b");
    assert_eq!(tried(&plain, &[("a", &[500]), ("b", &[503]), ("c", &[404])]), "a b c");
    assert_eq!(tried(&plain, &[("a", &[446])]), "a", "a denial is final");
    assert_eq!(tried(&plain, &[("a", &[246])]), "a", "a success");
    let listed = fallback(&json!([401, 446, 246]), &["a", "b"]);
    for (status, way) in [(401, "a b"), (446, "a b"), (246, "a b"), (500, "a"), (200, "a")] {
        assert_eq!(tried(&listed, &[("a", &[status])]), way, "{status}");
    }
}

#[test]
fn levels_stand_within_one_another() {
    let config = json!({ "strategy": { "mode": "fallback" }, "targets": [fallback(&json!([500]), &["a", "b"]), { "virtual_key": "c" }] });
    assert_eq!(tried(&config, &[("a", &[500]), ("b", &[500])]), "a b c");
    assert_eq!(tried(&config, &[("a", &[500]), ("b", &[404])]), "a b c", "the inner list stays, the outer goes on");
    let plan = plan(&config);
    assert_eq!(
        (0..plan.leaves()).map(|leaf| plan.path(leaf)).collect::<Vec<_>>(),
        ["config.targets[0].targets[0]", "config.targets[0].targets[1]", "config.targets[1]"]
    );
    let single =
        json!({ "strategy": { "mode": "single" }, "targets": [{ "virtual_key": "a" }, { "virtual_key": "b" }] });
    assert_eq!(tried(&single, &[("a", &[500])]), "a");
}

#[test]
fn retries_wait_longer_and_longer() {
    let config = |retry: Value| json!({ "virtual_key": "a", "retry": retry });
    let walked = |retry: Value, told: &[u16]| {
        let way = walk(&plan(&config(retry)), &Asked::default(), &[("a", told)]);
        (way.tried.len(), way.waits, way.retries)
    };
    assert_eq!(walked(json!({ "attempts": 3 }), &[503, 200]), (2, vec![1000], 1));
    assert_eq!(walked(json!({ "attempts": 2 }), &[429]), (3, vec![1000, 2000], -1));
    assert_eq!(walked(json!({ "attempts": 5 }), &[500]), (6, vec![1000, 2000, 4000, 8000, 16000], -1));
    assert_eq!(walked(json!({ "attempts": 3 }), &[504, 404]), (2, vec![1000], 1));
    assert_eq!(walked(json!({ "attempts": 1, "on_status_codes": [404] }), &[500]), (1, vec![], 0));
    assert_eq!(walked(json!({ "attempts": 0 }), &[500]), (1, vec![], 0));
}

#[test]
fn a_providers_own_wait_is_heeded_where_that_is_asked_for() {
    let ms = Duration::from_millis;
    let walked = |heed: bool, attempts: u8, wait: u64, told: &[u16]| {
        let config = json!({ "virtual_key": "a", "retry": { "attempts": attempts, "use_retry_after_header": heed } });
        let way = walk_with(&plan(&config), &Asked::default(), &[("a", told)], |_| Some(ms(wait)), |_| false);
        (way.waits, way.retries)
    };
    assert_eq!(walked(true, 1, 4000, &[429, 200]), (vec![4000], 1));
    assert_eq!(walked(false, 1, 4000, &[429, 200]), (vec![1000], 1));
    assert_eq!(walked(true, 1, 4000, &[503, 200]), (vec![1000], 1), "only on 429");
    assert_eq!(walked(true, 1, 0, &[429, 200]), (vec![0], 1));
    assert_eq!(walked(true, 3, 61_000, &[429]), (vec![], -1), "over the cap: given up at once");
    assert_eq!(walked(true, 3, 60_000, &[429]), (vec![60_000], -1));
    assert_eq!(walked(true, 3, 31_000, &[429]), (vec![31_000], -1), "the waits add up");
    // Over all targets of a call.
    let config = json!({ "strategy": { "mode": "fallback" }, "retry": { "attempts": 2, "use_retry_after_header": true },
        "targets": [{ "virtual_key": "a" }, { "virtual_key": "b" }] });
    let way =
        walk_with(&plan(&config), &Asked::default(), &[("a", &[429]), ("b", &[429])], |_| Some(ms(25_000)), |_| false);
    assert_eq!((way.tried.join(" "), way.waits.len(), way.retries), ("a a a b".to_owned(), 2, -1));
}

#[test]
fn calls_are_shared_out_by_weight() {
    let plan = plan(&loadbalance(&json!([
        { "virtual_key": "a", "weight": 0.7 }, { "virtual_key": "b", "weight": 0.3 }, { "virtual_key": "c", "weight": 0 }])));
    let mut counts: HashMap<String, usize> = HashMap::new();
    for chance in 0..10_000 {
        let way = walk(&plan, &Asked { chance, ..Asked::default() }, &[("a", &[500]), ("b", &[500])]);
        assert_eq!(way.tried.len(), 1, "the chosen target's error is the answer");
        *counts.entry(way.tried[0].clone()).or_default() += 1;
    }
    assert!((6_800..7_200).contains(&counts["a"]), "{counts:?}");
    assert_eq!((counts["a"] + counts["b"], counts.get("c")), (10_000, None));
}

#[test]
fn sticky_calls_stay_together_and_are_spread() {
    let config = |weight: f64| {
        json!({
            "strategy": { "mode": "loadbalance", "sticky": { "enabled": true, "hash_fields": ["metadata.user", "params.n"], "ttl": 300 } },
            "targets": [{ "virtual_key": "a", "weight": weight }, { "virtual_key": "b", "weight": 1 }, { "virtual_key": "c", "weight": 0 }],
        })
    };
    let way = |plan: &Plan, user: usize, chance: u64, caller: u8| {
        let (metadata, body) = (json!({ "user": format!("u-{user}") }), json!({ "n": user }));
        walk(plan, &Asked { metadata, body, chance, caller, ..Asked::default() }, &[]).tried.join(" ")
    };
    let (even, more) = (plan(&config(1.0)), plan(&config(3.0)));
    let mut moved = 0;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for user in 0..1000 {
        let first = way(&even, user, 1, 1);
        assert_eq!(first, way(&even, user, 77, 1));
        let then = way(&more, user, 1, 1);
        // A weight that grows takes calls and gives none away.
        assert!(then == first || then == "a", "{first} {then}");
        moved += usize::from(then != first);
        *counts.entry(first).or_default() += 1;
    }
    assert!((430..570).contains(&counts["a"]) && counts.len() == 2, "{counts:?}");
    assert!((180..320).contains(&moved), "{moved}");
    assert!((0..40).any(|user| way(&even, user, 1, 1) != way(&even, user, 1, 2)), "each key for itself");
}

#[test]
fn conditions_hold_as_they_say() {
    let table = [
        (json!({ "metadata.plan": { "$eq": "paid" } }), true),
        (json!({ "metadata.plan": "paid" }), true),
        (json!({ "metadata.plan": "free" }), false),
        (json!({ "metadata.region": { "$ne": "eu" } }), true),
        (json!({ "metadata.region": { "$nin": ["eu"] } }), true),
        (json!({ "metadata.region": { "$in": ["eu"] } }), false),
        (json!({ "metadata.plan": { "$ne": "paid" } }), false),
        (json!({ "metadata.plan": { "$in": ["free", "paid"] } }), true),
        (json!({ "metadata.plan": { "$nin": ["free", "paid"] } }), false),
        (json!({ "metadata.age": { "$lt": "9" } }), false),
        (json!({ "metadata.age": { "$lte": "10" } }), true),
        (json!({ "metadata.age": { "$gt": 9.5 } }), true),
        (json!({ "metadata.age": 10 }), false),
        (json!({ "metadata.level": 3 }), true),
        (json!({ "metadata.level": { "$gt": 2 } }), true),
        (json!({ "metadata.level": "3" }), false),
        (json!({ "params.temperature": { "$gt": 0.7 } }), false),
        (json!({ "params.temperature": { "$gte": 0.7 } }), true),
        (json!({ "params.temperature": 0.7 }), true),
        (json!({ "params.temperature": "0.7" }), false),
        (json!({ "params.n": 2.0 }), true),
        (json!({ "params.stream": true }), true),
        (json!({ "params.user": null }), true),
        (json!({ "params.nobody": null }), false),
        (json!({ "params.messages": { "$ne": "x" } }), true),
        (json!({ "params.messages": { "$regex": "." } }), false),
        (json!({ "params.model": { "$regex": "mini$" } }), true),
        (json!({ "params.model": { "$regex": "MINI$" } }), false),
        (json!({ "metadata.note": { "$regex": "undefined|.*" } }), false),
        (json!({ "metadata.n": { "$gt": -1 } }), false),
        (json!({ "metadata.plan": { "$gt": -1 } }), false),
        (json!({ "metadata.constructor": { "$regex": "." } }), false),
        (json!({ "url.pathname": { "$eq": "/v1/messages" } }), true),
        (json!({ "metadata.plan": "paid", "params.model": "x" }), false),
        (json!({ "metadata.plan": "paid", "params.n": { "$gt": 1, "$lt": 3 } }), true),
        (json!({ "$and": [{ "metadata.plan": "paid" }, { "params.n": 3 }] }), false),
        (json!({ "$or": [{ "$and": [{ "metadata.plan": "paid" }, { "params.n": 3 }] }, { "params.n": 2 }] }), true),
    ];
    let asked = Asked {
        path: "/v1/messages",
        metadata: json!({ "plan": "paid", "age": "10", "level": 3 }),
        body: json!({ "model": "gpt-4o-mini", "temperature": 0.7, "n": 2, "stream": true, "user": null, "messages": [{ "n": 3 }] }),
        ..Asked::default()
    };
    for (query, holds) in table {
        let way = walk(&plan(&conditional(&query)), &asked, &[]);
        assert_eq!(way.tried, [if holds { "a" } else { "b" }], "{query}");
    }
}

#[test]
fn without_a_default_nobody_is_asked() {
    let mut config = conditional(&json!({ "metadata.a": "1" }));
    config["strategy"].as_object_mut().expect("a strategy").remove("default");
    assert!(walk(&plan(&config), &Asked::default(), &[]).nowhere);
    // Where another target is left, it may fit there.
    let outer = json!({ "strategy": { "mode": "fallback" }, "targets": [config.clone(), { "virtual_key": "c" }] });
    assert_eq!(tried(&outer, &[]), "c");
    let listed = json!({ "strategy": { "mode": "fallback", "on_status_codes": [500] }, "targets": [config, { "virtual_key": "c" }] });
    let way = walk(&plan(&listed), &Asked::default(), &[]);
    assert!(way.nowhere && way.tried.is_empty());
}

#[test]
fn what_is_inner_holds() {
    let plan = plan(&json!({
        "strategy": { "mode": "fallback" }, "retry": { "attempts": 1 }, "request_timeout": 300, "virtual_key": "out",
        "cache": { "mode": "simple", "max_age": 60 }, "override_params": { "seed": 1, "top_p": 0.5, "model": "@x/outer" },
        "default_params": { "n": 1 }, "drop_params": ["user"],
        "targets": [
            { "virtual_key": "a", "override_params": { "seed": 2 }, "request_timeout": 3000, "retry": { "attempts": 0 } },
            { "default_params": { "n": 2, "m": 3 }, "drop_params": ["top_p"], "override_params": { "model": "@b/inner" } },
        ],
    }).as_object_mut().map(|config| { config.remove("virtual_key"); json!(config) }).expect("a config"));
    let body = |leaf: usize, body: Value| -> Value {
        let changed = plan.leaf(leaf).changed(body.to_string().as_bytes()).expect("a body").expect("a change");
        serde_json::from_slice(&changed).expect("JSON")
    };
    let first = plan.leaf(0);
    assert_eq!((first.virtual_key.as_deref(), first.model.as_deref()), (Some("a"), Some("outer")));
    assert_eq!(first.timeout(), Some(Duration::from_secs(3)));
    assert_eq!(first.cache(), Some(CacheRule { max_age: Duration::from_secs(60) }));
    assert_eq!(
        body(0, json!({ "user": "u", "top_p": 0.9, "n": 0 })),
        json!({ "seed": 2, "top_p": 0.5, "n": 0, "model": "outer" })
    );
    let second = plan.leaf(1);
    assert_eq!((second.virtual_key.as_deref(), second.model.as_deref()), (Some("b"), Some("inner")));
    assert_eq!(
        body(1, json!({ "user": "u", "model": "m" })),
        json!({ "user": "u", "seed": 1, "n": 2, "m": 3, "model": "inner" })
    );
    let names: Vec<_> =
        plan.references().virtual_keys.iter().map(|named| (named.slug.as_str(), named.path.as_str())).collect();
    assert_eq!(
        names,
        [("x", "override_params.model"), ("a", "targets[0].virtual_key"), ("b", "targets[1].override_params.model")]
    );
}

#[test]
fn bodies_change_only_where_a_config_says_so() {
    let changed = |config: Value, body: &str| {
        let mut config = config;
        config["virtual_key"] = json!("a");
        let changed = plan(&config).leaf(0).changed(body.as_bytes()).expect("a body");
        changed.map(|bytes| String::from_utf8(bytes).expect("text"))
    };
    let body = r#"{ "a" : 1.50, "b":{"x":[1, {"y":2,"z":3}]}, "messages":[{"name":"n","content":"hi"},{"name":"m"}] }"#;
    assert_eq!(changed(json!({}), body), None);
    let out = changed(json!({ "default_params": { "a": 9, "c": "" } }), body).expect("a change");
    assert_eq!(
        out,
        r#"{"a":1.50,"b":{"x":[1, {"y":2,"z":3}]},"messages":[{"name":"n","content":"hi"},{"name":"m"}],"c":""}"#
    );
    let drops = json!({ "drop_params": ["a", "b.x[1].y", "messages[*].name", "no.such[3]", "b.x.y"] });
    assert_eq!(changed(drops, body).as_deref(), Some(r#"{"b":{"x":[1,{"z":3}]},"messages":[{"content":"hi"},{}]}"#));
    let order = json!({ "default_params": { "p": 1, "q": 1 }, "override_params": { "p": 2, "r": { "s": 1, "t": 2 } }, "drop_params": ["q", "r.s"] });
    assert_eq!(changed(order, "{}").as_deref(), Some(r#"{"p":2,"r":{"t":2}}"#));
    // Whichever of two a server would read, it reads ours.
    let twice = json!({ "override_params": { "model": "m" } });
    assert_eq!(changed(twice, r#"{"mod\u0065l":1,"x":2,"model":3}"#).as_deref(), Some(r#"{"mod\u0065l":"m","x":2}"#));
    let all = json!({ "drop_params": ["messages[0]", "messages[1]"] });
    assert_eq!(changed(all, r#"{"messages":[1,2]}"#).as_deref(), Some(r#"{"messages":[]}"#));
    let whole = json!({ "drop_params": ["x"] });
    assert_eq!(changed(whole, r#"{"x":{"y":1}}"#).as_deref(), Some("{}"));
}

#[test]
fn a_target_that_keeps_failing_is_left_out_for_a_while() {
    let mut config = fallback(&Value::Null, &["a", "b"]);
    config["cb_config"] = json!({ "failure_threshold": 3, "cooldown_interval": 60000 });
    let plan = plan(&config);
    let breakers = Breakers::of(&plan);
    let mut now = 1_000_000;
    let call = |now: i64, answers: &[(&str, &[u16])]| {
        let way = walk_with(&plan, &Asked::default(), answers, |_| None, |leaf| breakers.is_open(leaf, now));
        for slug in &way.tried {
            let leaf = usize::from(slug == "b");
            let status = answers.iter().find(|(name, _)| name == slug).map_or(200, |(_, told)| told[0]);
            breakers.note(&plan, leaf, status, now);
        }
        way.tried.join(" ")
    };
    let failing: &[(&str, &[u16])] = &[("a", &[503])];
    let ways: Vec<_> = (0..5).map(|_| call(now, failing)).collect();
    assert_eq!(ways, ["a b", "a b", "a b", "b", "b"]);
    now += 59_999;
    assert_eq!(call(now, failing), "b");
    now += 1;
    assert_eq!(call(now, failing), "a b", "after the cool-down it is asked again");
    assert_eq!(call(now, failing), "a b", "and counted anew");
    assert_eq!(call(now, &[("a", &[404])]), "a b");
    assert_eq!(call(now, failing), "a b", "a 404 is no failure by default");
    assert_eq!(call(now, failing), "b");
    // All out: as if there were none.
    let both: &[(&str, &[u16])] = &[("a", &[503]), ("b", &[503])];
    let all = walk_with(&plan, &Asked::default(), both, |_| None, |_| true);
    assert_eq!(all.tried.join(" "), "a b");
}

#[test]
fn a_percentage_needs_enough_calls() {
    let config = json!({ "strategy": { "mode": "fallback", "cb_config": { "failure_threshold": 1, "failure_threshold_percentage": 50,
        "minimum_requests": 4, "cooldown_interval": 30000, "failure_status_codes": [429] } }, "targets": [{ "virtual_key": "a" }, { "virtual_key": "b" }] });
    let plan = plan(&config);
    let breakers = Breakers::of(&plan);
    for status in [429, 500, 500] {
        breakers.note(&plan, 0, status, 5);
        assert!(!breakers.is_open(0, 5));
    }
    breakers.note(&plan, 0, 429, 5);
    assert!(breakers.is_open(0, 5) && !breakers.is_open(1, 5) && !breakers.is_open(0, 30_005));
}

#[test]
fn a_dry_run_goes_the_way_of_the_call() {
    let config = "{\n\"strategy\": {\"mode\": \"conditional\",\n \"conditions\": [\n  {\"query\": {\"metadata.plan\": \"paid\"}, \"then\": \"paid\"}],\n \"default\": \"rest\"},\n\"targets\": [\n {\"name\": \"paid\", \"strategy\": {\"mode\": \"fallback\"}, \"targets\": [\n  {\"virtual_key\": \"a\", \"retry\": {\"attempts\": 1}},\n  {\"virtual_key\": \"b\", \"override_params\": {\"model\": \"m-2\"}}]},\n {\"name\": \"rest\", \"virtual_key\": \"c\"}]\n}";
    let plan = compile(config).expect("a plan");
    let mut supposed = Supposed { model: Some("m-1".into()), ..Supposed::default() };
    let told = explain(&plan, &supposed);
    let reached = told.reached.expect("a target");
    assert_eq!(
        (reached.path.as_str(), reached.virtual_key.as_deref(), reached.model.as_deref()),
        ("config.targets[1]", Some("c"), Some("m-1"))
    );
    assert_eq!(told.steps.iter().map(|step| step.line).collect::<Vec<_>>(), [4, 5, 10]);
    supposed.metadata.insert("plan".into(), "paid".into());
    supposed.answers.insert("a".into(), Answer::Status(429));
    let told = explain(&plan, &supposed);
    let reached = told.reached.expect("a target");
    assert_eq!(
        (reached.path.as_str(), reached.model.as_deref(), told.status),
        ("config.targets[0].targets[1]", Some("m-2"), 200)
    );
    let words: Vec<_> = told.steps.iter().map(|step| (step.words.as_str(), step.line)).collect();
    assert_eq!(
        words,
        [
            ("metadata.plan equals paid", 4),
            ("@a answers 429", 8),
            ("After 429: retry 1, 1 s later", 8),
            ("@a answers 429", 8),
            ("After 429: no retry is left", 8),
            ("429 leads on to the next target", 7),
            ("@b answers, as m-2", 9),
        ]
    );
    supposed.answers.insert("config.targets[0].targets[1]".into(), Answer::Unreachable);
    let told = explain(&plan, &supposed);
    assert_eq!((told.status, told.steps.last().map(|step| step.verdict)), (503, Some(Verdict::Failed)));
    let open = compile(r#"{"retry": {"attempts": 1}}"#).expect("a plan");
    assert_eq!(explain(&open, &Supposed { model: Some("m".into()), ..Supposed::default() }).reached, None);
    let named =
        explain(&open, &Supposed { model: Some("@x/m".into()), ..Supposed::default() }).reached.expect("a target");
    assert_eq!((named.virtual_key.as_deref(), named.model.as_deref()), (Some("x"), Some("m")));
}

#[test]
fn an_outline_is_drawn_even_of_what_is_wrong() {
    let (outline, faults) = look(
        r#"{"strategy":{"mode":"loadbalance"},"virtual_key":"v","targets":[{"weight":3},{"weight":"1","override_params":{"model":"@w/m"}}],"zzz":1}"#,
    );
    assert_eq!(faults.len(), 2);
    let root = outline.expect("an outline").root;
    assert_eq!(root.kind, Kind::SharedOut { sticky: None });
    assert_eq!(root.targets[0].share, Some(0.75));
    assert_eq!(root.targets[0].kind, Kind::Target { virtual_key: Some("v".into()), model: None });
    assert_eq!(root.targets[1].kind, Kind::Target { virtual_key: Some("w".into()), model: Some("m".into()) });
    assert_eq!((root.targets[1].path.as_str(), root.targets[1].place.as_str()), ("config.targets[1]", "targets[1]"));
    assert_eq!(look("{").0, None);
    let (outline, _) = look(
        &conditional(
            &json!({ "$or": [{ "metadata.a": "1" }, { "metadata.b": { "$in": ["2", "3"] }, "params.n": 1 }] }),
        )
        .to_string(),
    );
    let Kind::ByCondition { cases, otherwise } = outline.expect("an outline").root.kind else { panic!("a condition") };
    assert_eq!(
        (cases[0].words.as_str(), cases[0].target, otherwise),
        ("metadata.a equals 1 or (metadata.b is one of 2, 3 and params.n equals 1)", Some(0), Some(1))
    );
}

#[test]
fn what_was_decided_is_told_only_when_asked_for() {
    let plan = plan(&fallback(&Value::Null, &["a", "b"]));
    let none = |_: &str| None;
    let nothing = |_: &str| None;
    let request = Request { path: "/", metadata: &nothing, header: &none, params: vec![], caller: [0; 16], config: "" };
    let mut silent = Run::new(&plan, &request, 0);
    silent.first(|leaf| leaf == 9);
    assert_eq!(silent.told(), []);
    let mut telling = Run::new(&plan, &request, 0).telling();
    telling.first(|_| false);
    telling.came(Came { status: 500, again_after: None }, |_| false);
    assert_eq!(telling.told(), [Told::LeadsOn { node: 0, status: 500 }]);
}

proptest::proptest! {
    /// Whatever is written, reading it ends, and what has a fault has a place inside the text.
    #[test]
    fn arbitrary_text_never_panics(text in r#"(\{|\}|\[|\]|,|:|"virtual_key"|"targets"|"strategy"|"mode"|"fallback"|"weight"|"a"|1|-|\n|ä|\\|"){0,40}"#) {
        let (_, faults) = look(&text);
        let lines = text.split('\n').count();
        for fault in faults {
            proptest::prop_assert!((1..=lines).contains(&(fault.line as usize)), "{} {:?}", text, fault);
        }
    }

    /// Every text that the other reader takes is read here, and the other way round.
    #[test]
    fn the_grammar_is_that_of_json(text in r#"([{}\[\]:,"]|\\u00e4|\\n|[0-9eE.+-]|true|null|"a"|"b":|[ \n]|1){0,14}"#) {
        let ours = crate::kernel::json::read(&text).is_ok();
        let theirs = serde_json::from_str::<Value>(&text);
        proptest::prop_assert_eq!(ours, theirs.is_ok(), "{}", text);
    }
}

#[test]
fn a_targets_own_guardrails_take_the_place_of_the_outer_ones() {
    let none = json!({ "default.contains": { "words": ["x"], "operator": "none" }, "deny": true });
    let plan = plan(&json!({
        "strategy": { "mode": "fallback" },
        "input_guardrails": ["gr-outer"],
        "before_request_hooks": [{ "type": "guardrail", "id": "own", "checks": [{ "id": "default.notNull" }] }],
        "default_output_guardrails": ["gr-always"],
        "targets": [
            { "virtual_key": "a" },
            { "virtual_key": "b", "input_guardrails": [], "output_guardrails": [none] },
        ],
    }));
    let names = |guards: &[Guarding]| -> Vec<String> {
        guards
            .iter()
            .map(|guard| match guard {
                Guarding::Named(slug) => slug.to_string(),
                Guarding::Inline(id, guardrail) => format!("{id}:{}", guardrail.checks()),
            })
            .collect()
    };
    assert_eq!(names(&plan.leaf(0).guards_in), ["gr-outer", "own:1"]);
    assert_eq!(names(&plan.leaf(0).guards_out), ["gr-always"]);
    assert!(plan.leaf(1).guards_in.is_empty());
    assert_eq!(names(&plan.leaf(1).guards_out), ["inline:1", "gr-always"]);
    let named: Vec<_> = plan.references().guardrails.iter().map(|(side, named)| (*side, named.path.as_str())).collect();
    use crate::guardrails::Side::{Answer, Request};
    assert_eq!(named, [(Request, "input_guardrails[0]"), (Answer, "default_output_guardrails[0]")]);
}
