//! What every request for programs has: an id, a trace, and a body that is read within bounds.

use super::refusal::Refusal;
use crate::{
    kernel::RequestId,
    server::outgoing::{Meter, OutgoingError, Patience, read_metered},
};
use axum::body::Body;
use bytes::Bytes;
use http::{
    Extensions, HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// The header that names the request on every answer. A caller's own is not taken over: two requests never share an id.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACE: &str = "x-portkey-trace-id";

/// The id that a request was given when it came in, or a new one.
pub fn request_id(extensions: &Extensions) -> RequestId {
    extensions.get().copied().unwrap_or_else(RequestId::new)
}

/// Puts the request's id on its answer.
pub fn name_answer(headers: &mut HeaderMap, id: RequestId) {
    if let Ok(value) = HeaderValue::from_str(id.0.hyphenated().encode_lower(&mut Uuid::encode_buffer())) {
        headers.insert(REQUEST_ID, value);
    }
}

/// The id under which a caller finds its call: its own, or a new one.
pub fn trace_id(headers: &HeaderMap, id: Uuid) -> Box<str> {
    let own = headers.get(TRACE).and_then(|value| value.to_str().ok());
    match own.filter(|text| (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())) {
        Some(text) => text.into(),
        None => id.to_string().into(),
    }
}

/// Reads the body of another request, a JSON text of at most `largest` bytes.
pub async fn read_body(headers: &HeaderMap, body: Body, largest: usize) -> Result<Bytes, Refusal> {
    check(headers, largest)?;
    let (patience, end) = within(largest);
    read_metered(body, patience, end, &mut LeastSpeed::begin()).await.map_err(of_body)
}

/// The bounds of a body beside its least speed.
pub fn within(largest: usize) -> (Patience, Instant) {
    let total = Duration::from_secs(120);
    (Patience { headers: total, idle: Duration::from_secs(30), total, largest }, Instant::now() + total)
}

pub fn of_body(error: OutgoingError) -> Refusal {
    match error {
        OutgoingError::TooLarge => Refusal::too_large(),
        OutgoingError::TimedOut(_) => Refusal::body_too_slow(),
        _ => Refusal::body_broken(),
    }
}

/// Refuses a body that says itself that it is not one to be read.
pub fn check(headers: &HeaderMap, largest: usize) -> Result<(), Refusal> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !is_json(kind) {
        return Err(Refusal::not_json());
    }
    check_length(headers, largest)
}

/// Refuses a body that says itself that it is too large.
pub fn check_length(headers: &HeaderMap, largest: usize) -> Result<(), Refusal> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > largest) {
        return Err(Refusal::too_large());
    }
    Ok(())
}

fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        })
}

/// The time that every body of a request may take, in which nothing is asked of its speed.
pub const GRACE: Duration = Duration::from_secs(10);

/// The least bytes of a body in each second after that.
pub const SLOWEST: usize = 16 << 10;

/// The least speed of a body that a caller sends: so slow a caller as that can hold nothing for long.
pub struct LeastSpeed {
    pub begun: Instant,
}

impl LeastSpeed {
    /// Of a body that begins now.
    pub fn begin() -> Self {
        Self { begun: Instant::now() }
    }

    /// By when this many bytes must have come.
    pub fn deadline(&self, bytes: usize) -> Instant {
        self.begun + GRACE + Duration::from_secs_f64(bytes as f64 / SLOWEST as f64)
    }
}

/// Counts nothing.
impl Meter for LeastSpeed {
    type Error = OutgoingError;

    async fn reached(&mut self, _: usize) -> Result<(), OutgoingError> {
        Ok(())
    }

    fn due(&self, bytes: usize) -> Option<Instant> {
        Some(self.deadline(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_json_in_utf8_is_json() {
        for good in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
            assert!(is_json(good), "{good}");
        }
        for bad in ["", "text/plain", "application/jsonp", "application/json; charset=utf-16", "multipart/form-data"] {
            assert!(!is_json(bad), "{bad}");
        }
    }

    #[test]
    fn the_trace_is_the_callers_if_it_can_stand_in_a_header() {
        let id = Uuid::from_u128(7);
        assert_eq!(&*trace_id(&headers(&[(TRACE, "abc")]), id), "abc");
        for bad in ["", "a b", &"x".repeat(129)] {
            assert_eq!(&*trace_id(&headers(&[(TRACE, bad)]), id), id.to_string());
        }
    }
}
