//! Definitions that are refused, and what answers can be judged by sentences for.

use super::*;

#[test]
fn sentences_are_for_checks_that_forbid() {
    let reads = |check: Value| {
        let definition = json!({ "checks": [check], "actions": { "deny": true, "stream": "sentence" } });
        Guardrail::compile(&definition, &|_| Ok(())).map_err(|faults| faults[0].field.clone()).is_ok()
    };
    let of = |id: &str, parameters: Value| json!({ "id": id, "parameters": parameters });
    assert!(reads(of("default.contains", json!({ "operator": "none", "words": ["a"] }))));
    assert!(reads(of("default.regexMatch", json!({ "rule": "a", "not": true }))));
    assert!(reads(of("portkey.pii", json!({ "categories": ["EMAIL_ADDRESS"] }))));
    for whole in [
        of("default.contains", json!({ "operator": "any", "words": ["a"] })),
        of("default.regexMatch", json!({ "rule": "a" })),
        of("portkey.pii", json!({ "categories": ["EMAIL_ADDRESS"], "redact": true })),
        of("default.wordCount", json!({ "minWords": 1, "maxWords": 9 })),
        of("default.jsonSchema", json!({ "schema": { "type": "object" } })),
        of("default.endsWith", json!({ "suffix": "a" })),
    ] {
        assert!(!reads(whole.clone()), "{whole}");
    }
}

#[test]
fn definitions_that_cannot_work_are_refused_with_their_fields() {
    let check = |id: &str, parameters: Value| json!({ "checks": [{ "id": id, "parameters": parameters }] });
    let acting = |actions: Value| json!({ "checks": [{ "id": "default.notNull" }], "actions": actions });
    let cases = [
        (json!([]), ""),
        (json!({ "checks": [], "more": 1 }), "more"),
        (check("default.nothing", json!({})), "checks[0].id"),
        (check("default.regexMatch", json!({ "rule": "(" })), "checks[0].parameters.rule"),
        (check("default.regexMatch", json!({ "rule": "(?=a)" })), "checks[0].parameters.rule"),
        (check("default.contains", json!({ "words": "a" })), "checks[0].parameters.words"),
        (check("default.webhook", json!({})), "checks[0].parameters.webhookURL"),
        (check("default.webhook", json!({ "webhookURL": "http://10.0.0.1/" })), "checks[0].parameters.webhookURL"),
        (check("portkey.pii", json!({ "categories": ["MOOD"] })), "checks[0].parameters.categories"),
        (acting(json!({ "deny": "yes" })), "actions.deny"),
        (acting(json!({ "denies": true })), "actions.denies"),
        (acting(json!({ "deny": true, "observe": true })), "actions.observe"),
        (acting(json!({ "on_error": "perhaps" })), "actions.on_error"),
        (acting(json!({ "stream": "drop" })), "actions.stream"),
        (acting(json!({ "on_fail": { "feedback": { "value": 11 } } })), "actions.on_fail"),
        (acting(json!([])), "actions"),
    ];
    for (definition, field) in cases {
        let faults = Guardrail::compile(&definition, &|url| match url.contains("10.0.0.1") {
            true => Err("It must not be called.".to_owned()),
            false => Ok(()),
        });
        let faults = faults.expect_err(&definition.to_string());
        assert!(faults.iter().any(|fault| fault.field.starts_with(field)), "{definition}: {faults:?}");
        assert!(faults.iter().all(|fault| !fault.message.is_empty() && !fault.code.is_empty()), "{faults:?}");
    }
}
