//! Targets that keep failing are left out for a while.

use super::*;

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
