//! Events as signed webhooks, in the form of Standard Webhooks.

use super::{Trouble, fitting, ocsf};
use crate::{
    kernel::{OrganisationId, Timestamp, time::SECOND},
    server::{
        audit::{Stored, personal::Personal},
        crypto::WebhookSecret,
        database::hex,
        outgoing::{AllowList, BaseUrl, Outgoing, OutgoingError},
    },
};
use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, StatusCode, Uri,
    header::{ACCEPT_ENCODING, CONTENT_TYPE, RETRY_AFTER, USER_AGENT},
};
use http_body_util::Full;
use serde::Serialize;
use serde_json::value::RawValue;
use std::{fmt, time::Duration};

/// What a receiver has until it answers. What it says beside the status is not read.
const PATIENCE: Duration = Duration::from_secs(20);
/// The most characters of an address.
pub const ADDRESS_LIMIT: usize = 2_000;

/// In what form events are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Latchkey's own.
    Events,
    /// API Activity of the Open Cybersecurity Schema Framework.
    Ocsf,
}

impl Format {
    pub const fn name(self) -> &'static str {
        match self {
            Format::Events => "events",
            Format::Ocsf => "ocsf",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        [Format::Events, Format::Ocsf].into_iter().find(|format| format.name() == name)
    }
}

/// Where a webhook leads: a URL, which may have a query.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// The URL without its query.
    pub base: BaseUrl,
    uri: Uri,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Address {
    /// Reads a URL as somebody typed it. A literal address in it has been checked; a name is checked each time it is dialled.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str, allowed: &AllowList) -> Result<Self, String> {
        let text = text.trim();
        if text.chars().count() > ADDRESS_LIMIT {
            return Err(format!("The URL may have at most {ADDRESS_LIMIT} characters."));
        }
        let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
        let base = BaseUrl::parse(path, allowed).map_err(|error| error.to_string())?;
        let mut whole = base.as_str().to_owned();
        // To some receivers a slash at the end of a path makes another address.
        if path.ends_with('/') {
            whole.push('/');
        }
        if let Some(query) = query {
            if !query.bytes().all(|byte| byte.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&byte)) {
                return Err("The query of the URL holds characters that must be percent-encoded.".to_owned());
            }
            whole = format!("{whole}?{query}");
        }
        let uri = whole.parse().map_err(|_| "This is not a URL that can be called.".to_owned())?;
        Ok(Self { base, uri })
    }

    /// The whole of it, as it is called.
    pub fn whole(&self) -> String {
        self.uri.to_string()
    }

    /// The same for events, logs and pages of others: its path and query may be secrets.
    pub fn shown(&self) -> String {
        Self::hidden(self.base.as_str())
    }

    /// The same of a URL that is stored, which may be one that is not taken any more.
    pub fn hidden(url: &str) -> String {
        format!("{}/…", Self::origin(url))
    }

    /// Scheme, host and port of a URL that is stored.
    pub fn origin(url: &str) -> &str {
        let host = url.find("://").map_or(0, |at| at + "://".len());
        let end = url[host..].find(['/', '?', '#']).map_or(url.len(), |at| host + at);
        &url[..end]
    }
}

/// A receiver of webhooks.
#[derive(Debug)]
pub struct Webhook {
    pub address: Address,
    /// Each signs.
    pub secrets: Vec<WebhookSecret>,
    pub format: Format,
    pub outgoing: Outgoing,
}

/// An event in Latchkey's own form. Its text stands there as it is hashed.
#[derive(Serialize)]
struct Told<'a> {
    seq: i64,
    previous: String,
    hash: String,
    event: Box<RawValue>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    personal: &'a [Personal],
}

impl Webhook {
    pub(super) async fn send(
        &self,
        organisation: OrganisationId,
        events: &[Stored],
        now: Timestamp,
    ) -> Result<i64, Trouble> {
        let Some(first) = events.first().map(|event| event.seq) else { return Ok(0) };
        let (texts, last) = fitting(events, |event| match self.format {
            Format::Events => told(event),
            Format::Ocsf => ocsf::told(organisation, event),
        });
        let list = texts.join(",");
        let body = match self.format {
            Format::Events => {
                format!(r#"{{"type":"audit.events","data":{{"organisation":"{organisation}","events":[{list}]}}}}"#)
            }
            Format::Ocsf => format!("[{list}]"),
        };
        // The same events have the same id when they are sent again.
        self.post(&format!("{organisation}-{first}-{last}"), body, now).await.map(|()| last)
    }

    /// Sends what is no event of the log, to see whether the receiver takes it.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn test(&self, organisation: OrganisationId, id: &str, now: Timestamp) -> Result<(), Trouble> {
        let body = match self.format {
            Format::Events => format!(r#"{{"type":"audit.test","data":{{"organisation":"{organisation}"}}}}"#),
            Format::Ocsf => format!("[{}]", ocsf::test(organisation, id, now)),
        };
        self.post(&format!("test-{id}"), body, now).await
    }

    /// Sends a message that is signed. What is sent again has the same id.
    ///
    /// # Errors
    /// Why the receiver has not taken it.
    pub async fn post(&self, id: &str, body: String, now: Timestamp) -> Result<(), Trouble> {
        let signed = WebhookSecret::headers(&self.secrets, id, now, &body);
        let mut request = Request::new(Full::new(Bytes::from(body)));
        (*request.method_mut(), *request.uri_mut()) = (Method::POST, self.address.uri.clone());
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("latchkey/", env!("CARGO_PKG_VERSION"))));
        for (name, value) in signed {
            let value = HeaderValue::from_str(&value).map_err(|_| Trouble::of("The webhook cannot be signed."))?;
            headers.insert(name, value);
        }
        match self.outgoing.send(request, PATIENCE).await {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => {
                let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                let sentence = answered(response.status());
                Err(Trouble {
                    sentence: sentence.into(),
                    after: after.map(|seconds: i64| seconds.saturating_mul(SECOND)),
                })
            }
            Err(error) => Err(Trouble::of(unreached(error))),
        }
    }
}

fn answered(status: StatusCode) -> String {
    let code = status.as_u16();
    match code {
        300..400 => format!("The receiver answered with status {code}, and redirects are not followed."),
        _ => format!("The receiver answered with status {code}."),
    }
}

fn unreached(error: OutgoingError) -> &'static str {
    match error {
        OutgoingError::Blocked(_) => "The receiver’s address is not public, and events may not go there.",
        OutgoingError::PlainHttp => "Plain http is only possible to addresses that the operator lists.",
        OutgoingError::NameNotFound => "The receiver’s name could not be found.",
        OutgoingError::Unreachable => "The receiver could not be reached.",
        OutgoingError::Tls => "No secure connection to the receiver could be made.",
        OutgoingError::TimedOut(_) => "The receiver did not answer in time.",
        OutgoingError::Broken | OutgoingError::TooLarge => "The receiver’s answer could not be read.",
    }
}

fn told(event: &Stored) -> String {
    // What Latchkey has not written may be no JSON at all: it goes as a text.
    let raw = RawValue::from_string(event.body.clone())
        .or_else(|_| serde_json::value::to_raw_value(&event.body))
        .unwrap_or_else(|_| RawValue::NULL.to_owned());
    let (previous, hash) = (hex(&event.previous), hex(&event.hash));
    let told = Told { seq: event.seq, previous, hash, event: raw, personal: &event.personal };
    serde_json::to_string(&told).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_stands_in_its_exact_text() {
        let event = |body: &str| {
            let (previous, hash, personal) = (vec![0; 2], vec![255; 2], vec![]);
            Stored { seq: 3, body: body.into(), previous, hash, personal }
        };
        assert_eq!(
            told(&event(r#"{"v":1,"n":"é\u2028"}"#)),
            r#"{"seq":3,"previous":"0000","hash":"ffff","event":{"v":1,"n":"é\u2028"}}"#
        );
        assert_eq!(told(&event("{half")), r#"{"seq":3,"previous":"0000","hash":"ffff","event":"{half"}"#);
    }

    #[test]
    fn addresses_keep_their_slash_and_query() {
        let read = |text: &str| Address::parse(text, &AllowList::default());
        for (typed, whole, shown) in [
            (" https://Hooks.Example.org/in ", "https://hooks.example.org/in", "https://hooks.example.org/…"),
            ("https://example.org:8443/in/", "https://example.org:8443/in/", "https://example.org:8443/…"),
            ("https://example.org", "https://example.org/", "https://example.org/…"),
            ("https://example.org/in?key=a%20b", "https://example.org/in?key=a%20b", "https://example.org/…"),
        ] {
            let address = read(typed).expect(typed);
            assert_eq!((address.whole().as_str(), address.shown().as_str()), (whole, shown));
            assert_eq!(Address::hidden(whole), shown);
            assert_eq!(read(&address.whole()).as_ref(), Ok(&address), "{typed}");
        }
        assert!(read("http://example.org").is_ok(), "plain http to a name is refused when it is dialled");
        for bad in [
            "",
            "example.org",
            "ftp://example.org",
            "https://10.0.0.1/in",
            "https://[::1]/in",
            "https://169.254.169.254/",
            "https://user@example.org/",
            "https://example.org/in#a",
            "https://example.org/in?a b",
            "https://example.org/in?a#b",
            "https://example.org/../in",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read(&format!("https://example.org/?{}", "a".repeat(ADDRESS_LIMIT))).is_err());
    }
}
