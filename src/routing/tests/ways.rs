//! The way that a call takes through its config.

use super::*;
use std::collections::BTreeMap;

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
