//! What may be saved, and what is refused and where.

use super::*;

fn faults(text: &str) -> Vec<Fault> {
    compile(text).err().unwrap_or_default()
}

fn paths(config: &Value) -> Vec<String> {
    faults(&config.to_string()).into_iter().map(|fault| fault.path).collect()
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
