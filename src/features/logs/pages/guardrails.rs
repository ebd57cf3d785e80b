//! What guardrails have found in a call.

use crate::guardrails::{GuardrailResult, HookResults};
use leptos::prelude::*;

/// Each guardrail with its verdict, and the checks that did not pass.
#[component]
pub fn GuardrailsFound(found: HookResults) -> impl IntoView {
    let HookResults { before_request_hooks, after_request_hooks } = found;
    let side = |results: Vec<GuardrailResult>, what: &'static str| {
        results.into_iter().map(move |result| view! { <div>{sentence(&result, what)}</div> }).collect_view()
    };
    view! {
        {side(before_request_hooks, "request")}
        {side(after_request_hooks, "answer")}
    }
}

fn sentence(result: &GuardrailResult, what: &str) -> String {
    let version = result.version.map(|version| format!(", version {version}")).unwrap_or_default();
    let verdict = match (result.verdict, result.transformed) {
        (true, false) => "passed".to_owned(),
        (true, true) => "passed, and something was taken out or put in".to_owned(),
        (false, _) if result.denies() => "denied the call".to_owned(),
        (false, _) => "found something".to_owned(),
    };
    let failed: Vec<String> = result
        .checks
        .iter()
        .filter(|check| check.verdict != Some(true))
        .map(|check| match &check.error {
            Some(error) => format!("{} could not judge ({})", check.id, error.message.trim_end_matches('.')),
            None => check.id.clone(),
        })
        .collect();
    let failed = if failed.is_empty() { String::new() } else { format!(": {}", failed.join(", ")) };
    let how = match (result.asynchronous, result.observe) {
        (true, _) => ", beside the call",
        (_, true) => ", only watching",
        _ => "",
    };
    format!("{}{version} on the {what}{how} {verdict}{failed} ({} ms)", result.id, result.execution_time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guardrails::{CheckError, CheckResult};
    use serde_json::Value;

    #[test]
    fn a_sentence_names_what_did_not_pass() {
        let check = |verdict: Option<bool>| CheckResult {
            id: "default.contains".into(),
            verdict,
            data: Value::Null,
            execution_time: 0.1,
            transformed: false,
            error: verdict.is_none().then(|| CheckError { name: "CheckError".into(), message: "Late.".into() }),
            created_at: String::new(),
            log: Value::Null,
        };
        let mut result = GuardrailResult {
            verdict: false,
            id: "gr-a".into(),
            version: Some(2),
            transformed: false,
            checks: vec![check(Some(true)), check(Some(false)), check(None)],
            feedback: None,
            execution_time: 0.25,
            asynchronous: false,
            kind: "guardrail".into(),
            created_at: String::new(),
            deny: true,
            observe: false,
        };
        assert_eq!(
            sentence(&result, "answer"),
            "gr-a, version 2 on the answer denied the call: default.contains, default.contains could not judge (Late) (0.25 ms)"
        );
        (result.deny, result.observe) = (false, true);
        assert!(
            sentence(&result, "request").starts_with("gr-a, version 2 on the request, only watching found something")
        );
    }
}
