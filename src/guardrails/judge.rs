//! Runs a guardrail over a body.

use super::checks::search::unescaped;
use super::checks::{Check, Found, KeySet, Outcome, Prefix, Rewriting, Scene, Webhook};
use super::definition::{Enabled, Guardrail, OnError};
use super::texts::{Change, Of, Reading, Shape};
use super::{CheckError, CheckResult, GuardrailResult, HashKey, Side, prefix};
use crate::kernel::Timestamp;
use crate::kernel::json::{self, Node, Value};
use async_trait::async_trait;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// What a check needs from outside.
#[async_trait]
pub trait Outside: Send + Sync {
    /// Asks a webhook: its status and the body of its answer.
    ///
    /// # Errors
    /// A sentence, when it cannot be reached or is too late.
    async fn ask(&self, webhook: &Webhook, payload: &Json) -> Result<(u16, Vec<u8>), String>;

    /// The keys of a set, those that are remembered, or `anew`.
    ///
    /// # Errors
    /// A sentence, when they cannot be fetched.
    async fn keys(&self, address: &str, max_age_s: u64, anew: bool) -> Result<Arc<KeySet>, String>;
}

/// What is known of a call beside its body.
pub struct About<'a> {
    pub side: Side,
    pub shape: Shape,
    /// The model really called, without a virtual key's slug.
    pub model: &'a str,
    pub provider: &'a str,
    /// What the caller says of it.
    pub metadata: &'a BTreeMap<String, String>,
    /// A header of the request, by its name in lower case.
    pub header: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// The body of the request: the one that is judged, or the one that has led to the answer.
    pub request: &'a str,
    pub streamed: bool,
    /// The answer's status; 0 for a request.
    pub status: u16,
    pub now: Timestamp,
    /// Of the organisation.
    pub hash_key: &'a HashKey,
}

/// What became of a body.
#[derive(Debug)]
pub struct Judged {
    pub result: GuardrailResult,
    /// The body, if it was changed.
    pub reading: Option<Reading>,
}

/// Runs a guardrail over a body. `id` is what it is called, `version` which of its versions it is.
pub async fn judge(
    guardrail: &Guardrail,
    (id, version): (&str, Option<i64>),
    about: &About<'_>,
    body: &Reading,
    outside: &dyn Outside,
) -> Judged {
    let began = Instant::now();
    let actions = guardrail.actions();
    // What the checks so far have left.
    let mut left: Option<Reading> = None;
    let mut checks = Vec::with_capacity(guardrail.checks.len());
    for enabled in &guardrail.checks {
        let since = Instant::now();
        let current = left.as_ref().unwrap_or(body);
        // Side by side, each judges the original; what one takes out, another must not put back.
        let judged = if actions.sequential || enabled.check.rewrites() { current } else { body };
        let (found, changed) = one(enabled, about, judged, outside).await;
        let transformed = changed.is_some();
        let may_change = !actions.asynchronous && !actions.observe;
        if may_change && let Some(changed) = changed {
            left = Some(reread(about, body, changed));
        }
        checks.push(told(enabled, found, transformed && may_change, since, about.now));
    }
    let passes = |(enabled, told): (&Enabled, &CheckResult)| match told.verdict {
        Some(verdict) => verdict,
        None => actions.on_error == OnError::Pass && !fails_on_error(&enabled.check),
    };
    let verdict = guardrail.checks.iter().zip(&checks).all(passes);
    let feedback = if verdict { &actions.on_success } else { &actions.on_fail };
    let feedback = feedback.clone().map(|mut feedback| {
        let names = |wanted: Option<bool>| {
            let named = checks.iter().filter(|check| check.verdict == wanted).map(|check| check.id.as_str());
            named.collect::<Vec<_>>().join(", ")
        };
        if let Json::Object(metadata) = &mut feedback.metadata {
            metadata.insert("successfulChecks".into(), names(Some(true)).into());
            metadata.insert("failedChecks".into(), names(Some(false)).into());
            metadata.insert("erroredChecks".into(), names(None).into());
        }
        feedback
    });
    let result = GuardrailResult {
        verdict,
        id: id.to_owned(),
        version,
        transformed: left.is_some(),
        checks,
        feedback,
        execution_time: milliseconds(began),
        asynchronous: actions.asynchronous,
        kind: "guardrail".to_owned(),
        created_at: about.now.rfc3339(),
        deny: actions.deny,
        observe: actions.observe,
    };
    Judged { result, reading: left }
}

/// Reads a body that a check has changed.
fn reread(about: &About<'_>, before: &Reading, text: String) -> Reading {
    match about.side {
        Side::Request => Reading::request(about.shape, text.as_bytes()),
        Side::Answer if before.is_plain() => Reading::plain(text.as_bytes()),
        Side::Answer if before.is_stream() => Reading::stream(about.shape, text.as_bytes()),
        Side::Answer => Reading::answer(about.shape, text.as_bytes()),
    }
}

/// Whether an error of this check counts as a failure by its own parameters.
fn fails_on_error(check: &Check) -> bool {
    matches!(check, Check::Webhook(webhook) if webhook.fail_on_error)
}

fn told(enabled: &Enabled, found: Found, transformed: bool, since: Instant, now: Timestamp) -> CheckResult {
    let (verdict, error) = match found.outcome {
        Outcome::Pass => (Some(true), None),
        Outcome::Fail => (Some(false), None),
        Outcome::Error(message) => (None, Some(CheckError { name: "CheckError".into(), message })),
    };
    CheckResult {
        id: enabled.id.to_string(),
        verdict,
        data: found.data,
        execution_time: milliseconds(since),
        transformed,
        error,
        created_at: now.rfc3339(),
        log: Json::Null,
    }
}

/// To a hundredth.
fn milliseconds(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 100_000.0).round() / 100.0
}

fn error(message: impl Into<String>) -> Found {
    Found { outcome: Outcome::Error(message.into()), data: Json::Null }
}

/// Runs one check; gives what it found, and the body if it changes that.
async fn one(enabled: &Enabled, about: &About<'_>, body: &Reading, outside: &dyn Outside) -> (Found, Option<String>) {
    // Whether a metadata key is there, or a token holds, is no matter of the body's words.
    let needs_words = match &enabled.check {
        Check::Jwt(_) => false,
        Check::Text(check) => check.looks_at_words(),
        Check::Prefix(_) | Check::Webhook(_) => true,
    };
    if needs_words && body.hides_words() {
        let message =
            "Part of the body cannot be read: it is not a JSON object, has a key twice, or holds words as numbers.";
        return (error(message), None);
    }
    if body.is_nothing() && !enabled.check.judges_who_calls() {
        return (Found { outcome: Outcome::Pass, data: json!({ "skipped": "Nothing is said." }) }, None);
    }
    match &enabled.check {
        Check::Text(check) => match check.rewriting(about.hash_key) {
            Some(rewriting) => rewrite(rewriting, body),
            None => (check.judge(&scene(about, body)), None),
        },
        Check::Prefix(prefix) => put_before(prefix, about, body),
        Check::Webhook(webhook) => ask(webhook, about, body, outside).await,
        Check::Jwt(jwt) => {
            let token = (about.header)(&jwt.header_key);
            let now = about.now.0 / 1000;
            let keys = match outside.keys(&jwt.jwks_uri, jwt.cache_max_age, false).await {
                Ok(keys) => keys,
                Err(message) => return (error(message), None),
            };
            match jwt.verify(token.as_deref(), &keys, now) {
                Ok(found) => (found, None),
                // The key may be newer than what is remembered.
                Err(_) => match outside.keys(&jwt.jwks_uri, jwt.cache_max_age, true).await {
                    Ok(keys) => {
                        let unknown = || Found {
                            outcome: Outcome::Fail,
                            data: json!({ "explanation": "The token names a key that is not in the set." }),
                        };
                        (jwt.verify(token.as_deref(), &keys, now).unwrap_or_else(|_| unknown()), None)
                    }
                    Err(message) => (error(message), None),
                },
            }
        }
    }
}

fn scene<'a>(about: &'a About<'_>, body: &'a Reading) -> Scene<'a> {
    Scene {
        side: about.side,
        units: &body.units,
        arguments: &body.arguments,
        asides: &body.asides,
        model: about.model,
        request_type: about.shape.request_type(),
        metadata: about.metadata,
        request: about.request,
    }
}

fn put_before(prefix: &Prefix, about: &About<'_>, body: &Reading) -> (Found, Option<String>) {
    let changed = prefix::put(prefix, about.shape, body);
    (Found { outcome: Outcome::Pass, data: Json::Null }, changed)
}

/// Takes what is found out of every text.
fn rewrite(mut rewriting: Box<dyn Rewriting + Send + '_>, body: &Reading) -> (Found, Option<String>) {
    let mut changes = vec![];
    let mut had_text = false;
    for channel in &body.channels {
        let text = channel.text();
        had_text |= !text.is_empty();
        let new = match channel.of {
            Of::Unit(_) | Of::Aside => rewriting.text(&text),
            Of::Name if !rewriting.names() => None,
            Of::Name => rewriting.text(&text),
            Of::Arguments => inside(rewriting.as_mut(), &text),
        };
        let Some(new) = new else { continue };
        // All of it at its first place.
        for (number, spot) in channel.spots.iter().enumerate() {
            let text = if number == 0 { new.as_str() } else { "" };
            let text = if body.is_plain() { text.to_owned() } else { Json::from(text).to_string() };
            changes.push(Change { at: spot.at.clone(), text });
        }
    }
    if !changes.is_empty() {
        // They would tell token by token what was taken out.
        changes.extend(body.telling.iter().map(|at| Change { at: at.clone(), text: "null".to_owned() }));
    }
    let found = rewriting.found(had_text);
    let changed = (!changes.is_empty()).then(|| body.changed(changes));
    (found, changed)
}

/// Takes what is found out of the texts inside a JSON text; what is no JSON is a text like any other.
fn inside(rewriting: &mut (dyn Rewriting + Send), text: &str) -> Option<String> {
    let Ok((root, _)) = json::read(text) else {
        // Whoever reads it may undo what is escaped in it.
        return rewriting.text(text).or_else(|| rewriting.text(&unescaped(text)));
    };
    let mut changes = vec![];
    each(&root, text, rewriting, &mut changes);
    if changes.is_empty() {
        return None;
    }
    let whole = Reading::of_text(text.to_owned());
    Some(whole.changed(changes))
}

fn each(node: &Node, text: &str, rewriting: &mut (dyn Rewriting + Send), changes: &mut Vec<Change>) {
    let mut change = |new: Option<String>| {
        if let Some(new) = new {
            changes.push(Change { at: node.at.clone(), text: Json::from(new).to_string() });
        }
    };
    match &node.value {
        Value::Text(inner) => change(rewriting.text(inner)),
        // A card's number may stand there without quotes.
        Value::Number(_) => change(rewriting.text(&text[node.at.clone()])),
        Value::List(elements) => elements.iter().for_each(|element| each(element, text, rewriting, changes)),
        Value::Object(members) => {
            for member in members {
                if rewriting.names()
                    && let Some(new) = rewriting.text(&member.key)
                {
                    changes.push(Change { at: member.key_range(text), text: Json::from(new).to_string() });
                }
                each(&member.value, text, rewriting, changes);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

/// Asks a webhook.
async fn ask(webhook: &Webhook, about: &About<'_>, body: &Reading, outside: &dyn Outside) -> (Found, Option<String>) {
    let parsed = |text: &str| serde_json::from_str::<Json>(text).unwrap_or(Json::Null);
    let request = match about.side {
        Side::Request => json!({
            "json": parsed(body.body()), "text": body.words(true), "isStreamingRequest": about.streamed,
        }),
        Side::Answer => json!({ "json": parsed(about.request), "isStreamingRequest": about.streamed }),
    };
    let mut payload = json!({
        "eventType": match about.side { Side::Request => "beforeRequestHook", Side::Answer => "afterRequestHook" },
        "request": request,
        "provider": about.provider,
        "requestType": about.shape.request_type(),
        "metadata": about.metadata,
    });
    if about.side == Side::Answer {
        payload["response"] = json!({
            "json": parsed(body.body()), "text": body.words(false), "statusCode": about.status,
        });
    }
    let answered = match outside.ask(webhook, &payload).await {
        Ok((status, bytes)) => super::checks::webhook_answer(status, &bytes),
        Err(message) => Err(message),
    };
    match answered {
        Err(message) => (error(message), None),
        Ok(answer) => {
            let outcome = if answer.verdict { Outcome::Pass } else { Outcome::Fail };
            let place = match about.side {
                Side::Request => "request",
                Side::Answer => "response",
            };
            // A stream cannot take a whole body's place.
            let new = answer.transformed.as_ref().filter(|_| !body.is_stream() && !body.is_plain());
            let new = new.and_then(|data| data.get(place)).and_then(|part| part.get("json"));
            let changed = new.filter(|new| new.is_object()).map(Json::to_string);
            (Found { outcome, data: answer.data }, changed)
        }
    }
}
