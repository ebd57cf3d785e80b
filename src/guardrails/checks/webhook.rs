//! `default.webhook`: somebody else's program judges. What it is asked and what it may answer is the contract's.

use super::MayCall;
use super::parameters::Parameters;
use serde_json::{Map, Value};

/// The most bytes of what is kept of its words.
const LARGEST_DATA: usize = 16 << 10;

/// A webhook that judges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    pub url: String,
    /// Headers of the guardrail's own, in lower case.
    pub headers: Vec<(String, String)>,
    pub timeout_ms: u64,
    /// Whether an error of it counts as a failure.
    pub fail_on_error: bool,
}

/// What it has answered.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookAnswer {
    pub verdict: bool,
    pub data: Value,
    /// What is to take the place of the request or answer.
    pub transformed: Option<Value>,
}

/// Headers that are the connection's.
const KEPT_BACK: [&str; 6] = ["host", "content-length", "content-type", "transfer-encoding", "connection", "te"];

pub(super) fn compile(read: &mut Parameters<'_>, may_call: MayCall<'_>) -> Option<Webhook> {
    let fail_on_error = read.flag_or("failOnError", false);
    let timeout_ms = match read.whole("timeout", 3_000, 10_000) {
        0 => {
            read.wrong("timeout", "This must be a number of milliseconds from 1 to 10,000.");
            3_000
        }
        some => some,
    };
    let none = Map::new();
    let parsed;
    let headers = match read.get("headers") {
        None => Some(&none),
        Some(Value::Object(members)) => Some(members),
        // Existing clients send it as text.
        Some(Value::String(text)) if text.trim().is_empty() => Some(&none),
        Some(Value::String(text)) => {
            parsed = serde_json::from_str::<Map<String, Value>>(text).ok();
            parsed.as_ref()
        }
        Some(_) => None,
    };
    let headers = headers.filter(|headers| headers.len() <= 50).and_then(|headers| {
        let one = |(name, value): (&String, &Value)| {
            let name = name.to_ascii_lowercase();
            let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            let good = !name.is_empty() && name.len() <= 100 && name.bytes().all(token);
            let value = value.as_str()?;
            let plain = value.len() <= 4_096 && value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
            (good && plain && !KEPT_BACK.contains(&name.as_str())).then(|| (name, value.to_owned()))
        };
        headers.iter().map(one).collect::<Option<Vec<_>>>()
    });
    if headers.is_none() {
        read.wrong("headers", "This must be an object of at most 50 headers, none of them the connection's own.");
    }
    let url = address("webhookURL", read, may_call)?;
    Some(Webhook { url, headers: headers?, timeout_ms, fail_on_error })
}

/// An address that may be called.
pub(super) fn address(name: &'static str, read: &mut Parameters<'_>, may_call: MayCall<'_>) -> Option<String> {
    let url = read.text(name, 2_000)?;
    if let Err(message) = may_call(&url) {
        read.wrong(name, message);
        return None;
    }
    Some(url)
}

/// Reads what a webhook has answered.
///
/// # Errors
/// A sentence, where it has not answered as it should.
pub fn webhook_answer(status: u16, body: &[u8]) -> Result<WebhookAnswer, String> {
    if !(200..300).contains(&status) {
        return Err(format!("The webhook answered with status {status}."));
    }
    let Ok(Value::Object(mut members)) = serde_json::from_slice(body) else {
        return Err("The webhook did not answer with a JSON object.".to_owned());
    };
    let Some(verdict) = members.get("verdict").and_then(Value::as_bool) else {
        return Err("The webhook's answer has no `verdict` that is true or false.".to_owned());
    };
    let data = members.remove("data").unwrap_or(Value::Null);
    let data = if data.to_string().len() > LARGEST_DATA { Value::Null } else { data };
    let transformed = members.remove("transformedData").filter(Value::is_object);
    Ok(WebhookAnswer { verdict, data, transformed })
}
