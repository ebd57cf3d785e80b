//! The few headers of a provider's answer that help a caller. None of the others comes back.

use crate::web::refusal::{Refusal, SHOULD_RETRY};
use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::time::Duration;
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

/// The provider's own name of the exchange, for whoever asks its support.
pub(super) const UPSTREAM_ID: HeaderName = HeaderName::from_static("x-latchkey-upstream-request-id");
/// Where providers say it.
const IDS: [&str; 6] =
    ["x-request-id", "request-id", "apim-request-id", "x-ms-request-id", "mistral-correlation-id", "x-kong-request-id"];
/// The longest that is taken over, in bytes.
const LONGEST_ID: usize = 128;

const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
/// Azure's name for the same.
const AZURES_MS: HeaderName = HeaderName::from_static("x-ms-retry-after-ms");

/// Copies what helps with a good answer and with a refusal alike.
pub(super) fn hand_on(from: &HeaderMap, to: &mut HeaderMap) {
    for (name, value) in from {
        let text = name.as_str();
        if text.starts_with("x-ratelimit-")
            || text.starts_with("anthropic-ratelimit-")
            || text == "openai-processing-ms"
        {
            to.append(name.clone(), value.clone());
        }
    }
    if let Some(value) = upstream_id(from).and_then(|id| HeaderValue::from_str(id).ok()) {
        to.insert(UPSTREAM_ID, value);
    }
}

/// The provider's id of the exchange, if it gives one.
pub(super) fn upstream_id(headers: &HeaderMap) -> Option<&str> {
    let text = |name: &&str| headers.get(*name).and_then(|value| value.to_str().ok());
    let plain = |id: &&str| (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    IDS.iter().filter_map(text).find(plain)
}

/// Adds to a refusal what its provider says about trying again, `now` being the time in seconds since 1970. A date becomes
/// the seconds until then by the provider's own clock: what clients make of a date depends on theirs.
pub(super) fn about_again(refusal: Refusal, from: &HeaderMap, now: i64) -> Refusal {
    let text = |name: HeaderName| from.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let at = |text: &str| OffsetDateTime::parse(text, &Rfc2822).ok().map(OffsetDateTime::unix_timestamp);
    let until = |text: &str| Some((at(text)? - text_date(from).and_then(at).unwrap_or(now)).max(0) as f64);
    let after = text(RETRY_AFTER).and_then(|after| number(after).or_else(|| until(after)));
    let ms = text(RETRY_AFTER_MS).or_else(|| text(AZURES_MS)).and_then(number);
    // Rounded up: who comes a little too early is refused once more.
    let seconds = after.or(ms.map(|ms| ms / 1_000.0)).map(|seconds| seconds.ceil().min(f64::from(u32::MAX)) as u32);
    let word = text(SHOULD_RETRY).filter(|word| matches!(*word, "true" | "false"));
    refusal.retry_after(seconds).headers(|headers| {
        if let Some(value) = ms.and_then(|ms| HeaderValue::from_str(&format!("{}", ms.ceil())).ok()) {
            headers.insert(RETRY_AFTER_MS, value);
        }
        // What this server knows to be hopeless stays so.
        if let Some(value) = word.and_then(|word| HeaderValue::from_str(word).ok()) {
            headers.entry(SHOULD_RETRY).or_insert(value);
        }
    })
}

/// How long a provider says to wait, `now` being the time in seconds since 1970. Milliseconds go before seconds, and a
/// date means until then; one that is past means no wait.
pub(super) fn again_after(from: &HeaderMap, now: i64) -> Option<Duration> {
    let text = |name: HeaderName| from.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let at = |text: &str| OffsetDateTime::parse(text, &Rfc2822).ok().map(OffsetDateTime::unix_timestamp);
    if let Some(ms) = text(RETRY_AFTER_MS).or_else(|| text(AZURES_MS)).and_then(number) {
        return Duration::try_from_secs_f64(ms / 1_000.0).ok();
    }
    let after = text(RETRY_AFTER)?;
    if let Some(seconds) = number(after) {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = at(after)? - text_date(from).and_then(at).unwrap_or(now);
    Some(Duration::from_secs(u64::try_from(until).unwrap_or(0)))
}

fn text_date(headers: &HeaderMap) -> Option<&str> {
    headers.get(DATE)?.to_str().ok()
}

/// A number of seconds or milliseconds, fractions included.
fn number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse::<f64>().ok().filter(|number| plain && number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `retry-after`, `retry-after-ms` and `x-should-retry` of a refusal whose provider sent these.
    fn again(pairs: &[(&'static str, &'static str)]) -> (Option<u32>, Option<String>, Option<String>) {
        let from = pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect();
        let refusal = about_again(Refusal::no_room(), &from, 1_795_809_600);
        let text = |name: HeaderName| refusal.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        (refusal.retry_after, text(RETRY_AFTER_MS), text(SHOULD_RETRY))
    }

    #[test]
    fn every_spelling_of_when_to_try_again_is_kept() {
        assert_eq!(again(&[("retry-after", "7")]).0, Some(7));
        assert_eq!(again(&[("retry-after", "0.5")]).0, Some(1));
        assert_eq!(again(&[("retry-after", " 20.000 ")]).0, Some(20));
        assert_eq!(again(&[("retry-after", "Fri, 27 Nov 2026 20:00:30 GMT")]).0, Some(30), "by our clock");
        let dated = [("retry-after", "Fri, 27 Nov 2026 20:00:30 GMT"), ("date", "Fri, 27 Nov 2026 20:00:10 GMT")];
        assert_eq!(again(&dated).0, Some(20), "by theirs");
        assert_eq!(again(&[("retry-after", "Fri, 27 Nov 2020 20:00:30 GMT")]).0, Some(0), "long past");
        assert_eq!(again(&[("retry-after-ms", "1250")]), (Some(2), Some("1250".into()), None));
        assert_eq!(again(&[("x-ms-retry-after-ms", "900.5")]), (Some(1), Some("901".into()), None));
        assert_eq!(again(&[("retry-after", "3"), ("x-should-retry", "true")]), (Some(3), None, Some("true".into())));
        assert_eq!(again(&[("retry-after", "99999999999")]).0, Some(u32::MAX));
        for wrong in ["", "soon", "-5", "NaN", "1e3", "inf"] {
            assert_eq!(again(&[("retry-after", wrong), ("x-should-retry", "perhaps")]), (None, None, None), "{wrong}");
        }
    }

    #[test]
    fn the_first_id_that_can_stand_in_a_header_is_the_providers() {
        let id = |pairs: &[(&'static str, &'static str)]| {
            let from = pairs.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect();
            upstream_id(&from).map(str::to_owned)
        };
        assert_eq!(id(&[("request-id", "req_1"), ("x-request-id", "req_2")]).as_deref(), Some("req_2"));
        assert_eq!(id(&[("x-request-id", "a b"), ("apim-request-id", "c")]).as_deref(), Some("c"));
        assert_eq!(id(&[("x-trace", "1")]), None);
    }
}
