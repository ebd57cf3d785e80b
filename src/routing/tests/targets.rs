//! What holds at one target: settings of outer levels, changed bodies, guardrails.

use super::*;

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
