//! What a verdict is made of and what follows it: who calls, prefixes, feedback, errors of checks.

use super::*;

#[test]
fn a_call_for_a_stored_answer_is_judged_by_who_calls_alone() {
    let models = of_check("default.modelWhitelist", &json!({ "models": ["other"] }));
    let members = of_check("default.requiredMetadataKeys", &json!({ "metadataKeys": ["team"], "operator": "all" }));
    let judged = |guardrail| {
        run(guardrail, Side::Request, Shape::Responses, &Reading::nothing(), &Alone::default()).result.verdict
    };
    assert!(judged(&models), "no model is asked");
    assert!(!judged(&members));
    assert!(
        !run(
            &models,
            Side::Request,
            Shape::Responses,
            &request(Shape::Responses, &json!({ "input": "a" })),
            &Alone::default()
        )
        .result
        .verdict
    );
}

#[test]
fn a_prefix_is_put_where_its_role_speaks() {
    let put = |shape, parameters: Value, body: Value| {
        let prefix = of_check("default.addPrefix", &parameters);
        let judged = run(&prefix, Side::Request, shape, &request(shape, &body), &Alone::default());
        assert!(judged.result.verdict);
        judged.reading.map(|reading| serde_json::from_str::<Value>(reading.body()).expect("JSON"))
    };
    let user = |content: &str| json!({ "role": "user", "content": content });
    let messages = |all: &[Value]| json!({ "messages": all });
    assert_eq!(
        put(Shape::Chat, json!({ "prefix": "p: " }), messages(&[user("a"), user("b")])),
        Some(messages(&[user("p: a"), user("b")]))
    );
    let system = json!({ "prefix": "p", "applyToRole": "system" });
    let told = json!({ "role": "system", "content": "p" });
    assert_eq!(put(Shape::Chat, system.clone(), messages(&[user("a")])), Some(messages(&[told.clone(), user("a")])));
    let developer = json!({ "prefix": "p", "applyToRole": "developer" });
    let first = messages(&[json!({ "role": "developer", "content": "p" }), user("a")]);
    assert_eq!(put(Shape::Chat, developer.clone(), messages(&[user("a")])), Some(first));
    // Anthropic's interface takes no such message: what leads stands beside the messages.
    let beside = |system: Value| json!({ "system": system, "messages": [user("a")] });
    let text = |text: &str| json!({ "type": "text", "text": text });
    for how in [&system, &developer] {
        assert_eq!(put(Shape::Messages, how.clone(), messages(&[user("a")])), Some(beside(json!("p"))));
        assert_eq!(put(Shape::Messages, how.clone(), beside(json!("s"))), Some(beside(json!("ps"))));
        assert_eq!(put(Shape::Messages, how.clone(), beside(json!([text("s")]))), Some(beside(json!([text("ps")]))));
        assert_eq!(put(Shape::Messages, how.clone(), beside(json!([]))), Some(beside(json!([text("p")]))));
    }
    let alone = json!({ "prefix": "p", "applyToRole": "system", "addToExisting": false });
    assert_eq!(put(Shape::Messages, alone.clone(), beside(json!("s"))), Some(beside(json!([text("p"), text("s")]))));
    assert_eq!(put(Shape::Messages, alone, beside(json!([text("s")]))), Some(beside(json!([text("p"), text("s")]))));
    let once = json!({ "prefix": "p", "applyToRole": "system", "onlyIfEmpty": true });
    assert_eq!(put(Shape::Messages, once, beside(json!("s"))), None);
    let apart = json!({ "prefix": "p", "addToExisting": false });
    assert_eq!(put(Shape::Chat, apart, messages(&[user("a")])), Some(messages(&[user("p"), user("a")])));
    let empty = json!({ "prefix": "p", "onlyIfEmpty": true });
    assert_eq!(put(Shape::Chat, empty.clone(), messages(&[user("a")])), None);
    assert_eq!(put(Shape::Chat, empty, messages(&[user("")])), Some(messages(&[user("p")])));
    let parts = |all: Value| messages(&[json!({ "role": "user", "content": all })]);
    let text = |text: &str| json!({ "type": "text", "text": text });
    assert_eq!(put(Shape::Chat, json!({ "prefix": "p" }), parts(json!([text("a")]))), Some(parts(json!([text("pa")]))));
    assert_eq!(put(Shape::Chat, json!({ "prefix": "p" }), parts(json!([]))), Some(parts(json!([text("p")]))));
    assert_eq!(
        put(Shape::Completions, json!({ "prefix": "p" }), json!({ "prompt": "a" })),
        Some(json!({ "prompt": "pa" }))
    );
    assert_eq!(
        put(Shape::Responses, json!({ "prefix": "p" }), json!({ "input": "a" })),
        Some(json!({ "input": "pa" }))
    );
    assert_eq!(put(Shape::Embeddings, json!({ "prefix": "p" }), json!({ "input": "a" })), None);
}

#[test]
fn feedback_follows_the_verdict_and_names_the_checks() {
    let definition = json!({
        "checks": [
            { "id": "default.contains", "parameters": { "operator": "none", "words": ["secret"] } },
            { "id": "default.wordCount", "parameters": { "minWords": 1, "maxWords": 9 } },
            { "id": "default.webhook", "parameters": { "webhookURL": "https://example.com/" } },
        ],
        "actions": {
            "on_success": { "feedback": { "value": 5, "weight": 1, "metadata": { "who": "me" } } },
            "on_fail": { "feedback": { "value": -5, "weight": 0.5, "metadata": {} } },
        },
    });
    let guardrail = guardrail(&definition);
    let says = |text: &str| {
        let body = request(Shape::Chat, &json!({ "messages": [{ "role": "user", "content": text }] }));
        run(&guardrail, Side::Request, Shape::Chat, &body, &Alone::default()).result.feedback.expect("a feedback")
    };
    let good = says("a text");
    assert_eq!((good.value, good.weight), (5.0, 1.0));
    let metadata = json!({ "who": "me", "successfulChecks": "default.contains, default.wordCount", "failedChecks": "",
        "erroredChecks": "default.webhook" });
    assert_eq!(good.metadata, metadata);
    let bad = says("a secret");
    assert_eq!((bad.value, bad.weight), (-5.0, 0.5));
    assert_eq!(bad.metadata["failedChecks"], "default.contains");
}

#[test]
fn an_error_counts_as_its_own_check_says() {
    let hook = |fail: bool| {
        json!({ "id": "default.webhook",
        "parameters": { "webhookURL": "https://example.com/", "failOnError": fail } })
    };
    let body = request(Shape::Chat, &json!({ "messages": [{ "role": "user", "content": "a" }] }));
    let verdict = |definition: Value, outside: &Alone| {
        run(&guardrail(&definition), Side::Request, Shape::Chat, &body, outside).result.verdict
    };
    let away = Alone::default();
    assert!(verdict(json!({ "checks": [hook(false)] }), &away));
    assert!(!verdict(json!({ "checks": [hook(true)] }), &away));
    assert!(!verdict(json!({ "checks": [hook(false)], "actions": { "deny": true } }), &away));
    assert!(verdict(json!({ "checks": [hook(false)], "actions": { "deny": true, "on_error": "pass" } }), &away));
    for (status, answer, expected) in [
        (200, json!({ "verdict": true }), true),
        (200, json!({ "verdict": false }), false),
        (200, json!({ "verdict": "true" }), false),
        (200, json!([]), false),
        (302, json!({ "verdict": true }), false),
        (500, json!({ "verdict": true }), false),
    ] {
        let denies = json!({ "checks": [hook(false)], "actions": { "deny": true } });
        assert_eq!(verdict(denies, &Alone(Some((status, answer.clone())))), expected, "{status} {answer}");
    }
    // The parameters of one webhook say nothing of another.
    struct One;
    #[async_trait]
    impl Outside for One {
        async fn ask(&self, webhook: &Webhook, _: &Value) -> Result<(u16, Vec<u8>), String> {
            if webhook.fail_on_error { Ok((200, b"{\"verdict\":true}".to_vec())) } else { Err("away".to_owned()) }
        }

        async fn keys(&self, _: &str, _: u64, _: bool) -> Result<Arc<KeySet>, String> {
            Err("There are no keys.".to_owned())
        }
    }
    let two = guardrail(&json!({ "checks": [hook(false), hook(true)] }));
    let tried = try_text(&two, ("g", None), Side::Request, "a", (Timestamp(0), &[7; 32]), &One);
    assert!(tried.now_or_never().expect("nothing is waited for").result.verdict);
}
