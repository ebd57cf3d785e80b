//! Base URLs of providers and webhooks, and the paths below them.

use super::addresses::AllowList;
use super::error::OutgoingError;
use crate::kernel::provider::BASE_URL_LIMIT;
use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt;
use std::net::IpAddr;
use url::{Host, Url};

/// Ports of well-known services that do not speak HTTP: a request there could be mistaken for their protocol.
/// The "bad ports" of the WHATWG Fetch standard, and the usual ports of databases and brokers.
const REFUSED_PORTS: &[u16] = &[
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
    111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
    540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1433, 1521, 1719, 1720, 1723, 2049, 3306, 3389, 3659,
    4045, 4190, 5060, 5061, 5432, 5672, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 9042, 9092, 9300,
    10080, 11211, 27017,
];

/// Everything but the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a text is not a base URL that requests may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("This is not a URL. Write it as https://host or https://host/path.")]
    Malformed,
    #[error("The URL may have at most {BASE_URL_LIMIT} characters.")]
    TooLong,
    #[error("The URL must begin with https://.")]
    Scheme,
    #[error("Plain http is only possible to addresses that the operator lists in LATCHKEY_ALLOW_UPSTREAM.")]
    PlainHttp,
    #[error("The URL may not hold a user name or password.")]
    UserPart,
    #[error("The URL may not hold a query (?) or a fragment (#).")]
    QueryOrFragment,
    #[error("The path may not hold empty or dot segments, or encoded slashes.")]
    Path,
    #[error("This port belongs to a service that does not speak HTTP.")]
    Port,
    #[error(
        "This address is not public. Whoever runs Latchkey can allow it: start it with LATCHKEY_ALLOW_UPSTREAM={0} (an address or a range)."
    )]
    Address(IpAddr),
}

/// A path that would leave its base, or is no path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the path does not stay below its base URL")]
pub struct PathError;

/// An absolute http(s) URL without user part, query and fragment, in its one canonical form: host in lower case ASCII
/// or as an address, default port dropped, no slash at the end.
///
/// A literal address in it has been checked; a name is checked each time it is dialled.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BaseUrl {
    text: Box<str>,
    /// Where the path begins in `text`.
    path: usize,
    secure: bool,
}

impl BaseUrl {
    /// Reads a base URL as a person typed it.
    ///
    /// # Errors
    /// The first rule that it breaks, see [`UrlError`]. A name is not looked up here: see
    /// [`Outgoing::check`](super::Outgoing::check).
    pub fn parse(text: &str, allowed: &AllowList) -> Result<Self, UrlError> {
        if text.len() > BASE_URL_LIMIT {
            return Err(UrlError::TooLong);
        }
        // The URL standard drops tabs and line feeds, trims blanks and reads `\` as `/`. What a person sees must be
        // what is dialled, so none of that is let in.
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(UrlError::Malformed);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::Malformed)?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(UrlError::Scheme),
        };
        if rest.contains(['?', '#']) {
            return Err(UrlError::QueryOrFragment);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.is_empty() {
            return Err(UrlError::Malformed);
        }
        if authority.contains('@') {
            return Err(UrlError::UserPart);
        }
        let path = path.strip_suffix('/').unwrap_or(path);
        if !path.is_empty() {
            check_path(path).map_err(|PathError| UrlError::Path)?;
        }

        let url = Url::parse(text).map_err(|_| UrlError::Malformed)?;
        if url.port().is_some_and(|port| port == 0 || REFUSED_PORTS.contains(&port)) {
            return Err(UrlError::Port);
        }
        let literal = match url.host().ok_or(UrlError::Malformed)? {
            Host::Ipv4(address) => Some(IpAddr::V4(address)),
            Host::Ipv6(address) => Some(IpAddr::V6(address)),
            Host::Domain(name) => {
                if name.len() > 253 || name.split('.').any(|label| label.is_empty() || label.len() > 63) {
                    return Err(UrlError::Malformed);
                }
                None
            }
        };
        if let Some(address) = literal {
            if !allowed.permits(address) {
                return Err(UrlError::Address(address));
            }
            if !secure && !allowed.lists(address) {
                return Err(UrlError::PlainHttp);
            }
        }

        let origin = url.origin().ascii_serialization();
        let canonical = format!("{origin}{path}");
        // The HTTP library must read the same host, or the check above is about another one.
        let uri: Uri = canonical.parse().map_err(|_| UrlError::Malformed)?;
        if uri.host() != url.host_str() {
            return Err(UrlError::Malformed);
        }
        Ok(Self { path: origin.len(), text: canonical.into(), secure })
    }

    /// The canonical text, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn is_https(&self) -> bool {
        self.secure
    }

    /// Scheme, host and port. A credential that was saved for one origin is never sent to another.
    pub fn origin(&self) -> &str {
        &self.text[..self.path]
    }

    /// The address of something below this base. `path` begins with a slash and may end in a query; parts of it that
    /// come from outside are percent-encoded before.
    ///
    /// # Errors
    /// [`PathError`] when the path could be read as leaving the base: empty or dot segments, encoded slashes,
    /// backslashes or percent signs, a fragment, an `@`; or when the query is not plain names and values.
    pub fn join(&self, path: &str) -> Result<Uri, PathError> {
        let (bare, query) = path.split_once('?').unwrap_or((path, ""));
        check_path(bare)?;
        let plain =
            |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'=' | b'&' | b'%' | b'+');
        if !query.bytes().all(plain) {
            return Err(PathError);
        }
        let mut text = String::with_capacity(self.text.len() + path.len());
        text.push_str(&self.text);
        text.push_str(path);
        Uri::try_from(text).map_err(|_| PathError)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<UrlError> for OutgoingError {
    fn from(error: UrlError) -> Self {
        match error {
            UrlError::PlainHttp => OutgoingError::PlainHttp,
            _ => OutgoingError::Blocked(None),
        }
    }
}

/// One segment of a path, or one value of a query, from outside text (a model's or deployment's name). In a path
/// [`BaseUrl::join`] refuses the result if the text held a slash, a backslash, a percent sign, or nothing but dots.
pub fn encode_segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

fn check_path(path: &str) -> Result<(), PathError> {
    let rest = path.strip_prefix('/').ok_or(PathError)?;
    rest.split('/').all(plain_segment).then_some(()).ok_or(PathError)
}

/// Whether a segment means the same to every reader: only characters of a path, no `.` and `..` in any spelling, and
/// nothing that a second decoding could turn into a separator.
fn plain_segment(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    let mut dots_only = true;
    let mut at = 0;
    while at < bytes.len() {
        let byte = match bytes[at] {
            b'%' => {
                let Some(byte) = segment.get(at + 1..at + 3).and_then(hex_byte) else { return false };
                if matches!(byte, b'/' | b'\\' | b'%') || byte.is_ascii_control() {
                    return false;
                }
                at += 3;
                byte
            }
            byte @ (b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9') => {
                at += 1;
                byte
            }
            byte @ (b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b','
            | b'=' | b':') => {
                at += 1;
                byte
            }
            _ => return false,
        };
        dots_only &= byte == b'.';
    }
    !segment.is_empty() && !dots_only
}

fn hex_byte(digits: &str) -> Option<u8> {
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::Ipv4Addr;

    fn public(text: &str) -> Result<BaseUrl, UrlError> {
        BaseUrl::parse(text, &AllowList::default())
    }

    #[test]
    fn good_urls_take_one_form() {
        for (text, canonical) in [
            ("https://api.example.com/v1", "https://api.example.com/v1"),
            ("https://api.example.com/v1/", "https://api.example.com/v1"),
            ("HTTPS://API.Example.COM:443", "https://api.example.com"),
            ("https://api.example.com:8443/a/b", "https://api.example.com:8443/a/b"),
            ("https://bücher.example/v1", "https://xn--bcher-kva.example/v1"),
            ("https://8.8.8.8/v1", "https://8.8.8.8/v1"),
            ("https://[2606:4700::1111]/v1", "https://[2606:4700::1111]/v1"),
            ("https://134744072/v1", "https://8.8.8.8/v1"),
            ("http://model.internal:11434/v1", "http://model.internal:11434/v1"),
        ] {
            assert_eq!(public(text).as_ref().map(BaseUrl::as_str), Ok(canonical), "{text}");
        }
    }

    #[test]
    fn bad_spellings_are_refused() {
        use UrlError::*;
        // Whichever address it is.
        const ADDRESS: UrlError = Address(IpAddr::V4(Ipv4Addr::LOCALHOST));
        for (text, error) in [
            ("", Malformed),
            ("api.example.com", Malformed),
            ("https:api.example.com", Malformed),
            ("https:/api.example.com", Malformed),
            ("https:///api.example.com", Malformed),
            ("//api.example.com", Malformed),
            ("https://", Malformed),
            ("https://api.example.com\t/v1", Malformed),
            ("ht\ntps://api.example.com", Malformed),
            (" https://api.example.com", Malformed),
            ("https://api.example.com\\v1", Malformed),
            ("https:\\\\api.example.com", Malformed),
            ("https://api.example.com\0", Malformed),
            ("https://api..example.com", Malformed),
            ("https://api.example.com.", Malformed),
            ("https://exa mple.com", Malformed),
            ("https://[::1", Malformed),
            ("https://[fe80::1%25eth0]/", Malformed),
            ("https://api.example.com:99999", Malformed),
            ("https://api.example.com:http", Malformed),
            ("ftp://api.example.com", Scheme),
            ("file:///etc/passwd", Scheme),
            ("gopher://127.0.0.1:6379/_", Scheme),
            ("javascript://alert(1)", Scheme),
            ("http://8.8.8.8/", PlainHttp),
            ("https://user@api.example.com", UserPart),
            ("https://user:pass@api.example.com", UserPart),
            ("https://@api.example.com", UserPart),
            ("https://api.example.com@127.0.0.1", UserPart),
            ("https://api.example.com/?x=1", QueryOrFragment),
            ("https://api.example.com/#x", QueryOrFragment),
            ("https://api.example.com?@127.0.0.1/", QueryOrFragment),
            ("https://127.0.0.1#@api.example.com/", QueryOrFragment),
            ("https://api.example.com/a/../b", Path),
            ("https://api.example.com/a/%2e%2E/b", Path),
            ("https://api.example.com/a/.%2e/b", Path),
            ("https://api.example.com/./b", Path),
            ("https://api.example.com//b", Path),
            ("https://api.example.com/a//", Path),
            ("https://api.example.com/a%2fb", Path),
            ("https://api.example.com/a%5cb", Path),
            ("https://api.example.com/a%252fb", Path),
            ("https://api.example.com/a%zz", Path),
            ("https://api.example.com/a;b", Path),
            ("https://api.example.com/a@b", Path),
            ("https://api.example.com/ä", Path),
            ("https://api.example.com:0/", Port),
            ("https://api.example.com:22/", Port),
            ("https://api.example.com:25/", Port),
            ("https://api.example.com:6379/", Port),
            ("https://api.example.com:5432/", Port),
            ("https://127.0.0.1/", ADDRESS),
            ("https://127.1/", ADDRESS),
            ("https://2130706433/", ADDRESS),
            ("https://0x7f000001/", ADDRESS),
            ("https://0x7f.1/", ADDRESS),
            ("https://0177.0.0.1/", ADDRESS),
            ("https://017700000001/", ADDRESS),
            ("https://127.0.0.1./", ADDRESS),
            ("https://%31%32%37.0.0.1/", ADDRESS),
            ("https://１２７.0.0.1/", ADDRESS),
            ("https://127。0。0。1/", ADDRESS),
            ("https://0/", ADDRESS),
            ("https://[::]/", ADDRESS),
            ("https://[::1]/", ADDRESS),
            ("https://[0:0:0:0:0:0:0:1]/", ADDRESS),
            ("https://[::ffff:127.0.0.1]/", ADDRESS),
            ("https://[::ffff:7f00:1]/", ADDRESS),
            ("https://[::127.0.0.1]/", ADDRESS),
            ("https://[64:ff9b::7f00:1]/", ADDRESS),
            ("https://[2002:7f00:1::]/", ADDRESS),
            ("https://[fe80::1]/", ADDRESS),
            ("https://[fd00:ec2::254]/", ADDRESS),
            ("https://10.0.0.1/", ADDRESS),
            ("https://172.16.0.1/", ADDRESS),
            ("https://192.168.1.1/", ADDRESS),
            ("https://169.254.169.254/", ADDRESS),
            ("https://100.100.100.200/", ADDRESS),
            ("https://224.0.0.1/", ADDRESS),
            ("https://255.255.255.255/", ADDRESS),
            ("http://127.0.0.1/", ADDRESS),
        ] {
            match public(text) {
                Err(Address(_)) => assert_eq!(error, ADDRESS, "{text:?}"),
                other => assert_eq!(other, Err(error), "{text:?}"),
            }
        }
        assert_eq!(public(&format!("https://a.example/{}", "x".repeat(BASE_URL_LIMIT))), Err(TooLong));
    }

    #[test]
    fn the_refusal_of_an_address_says_how_it_is_allowed() {
        let refused = public("https://10.1.2.3/v1").expect_err("a private address");
        assert!(refused.to_string().contains("LATCHKEY_ALLOW_UPSTREAM=10.1.2.3 "), "{refused}");
        // What the sentence says to set is what the setting takes.
        for text in ["https://10.1.2.3", "https://[fd00::1]", "https://0x7f.1", "https://[::ffff:127.0.0.1]"] {
            let Err(UrlError::Address(address)) = public(text) else { panic!("{text}") };
            let allowed = AllowList::parse(&address.to_string()).expect("a list");
            assert!(BaseUrl::parse(text, &allowed).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_operators_list_opens_addresses_and_plain_http() {
        let allowed = AllowList::parse("127.0.0.1,10.1.0.0/16").expect("a list");
        for good in ["http://127.0.0.1:11434/v1", "https://127.0.0.1", "http://10.1.2.3", "http://0x7f.1:8080"] {
            assert!(BaseUrl::parse(good, &allowed).is_ok(), "{good}");
        }
        assert_eq!(
            BaseUrl::parse("http://127.0.0.2", &allowed),
            Err(UrlError::Address(Ipv4Addr::new(127, 0, 0, 2).into()))
        );
        assert_eq!(BaseUrl::parse("http://8.8.8.8", &allowed), Err(UrlError::PlainHttp));
        assert_eq!(BaseUrl::parse("http://127.0.0.1:6379", &allowed), Err(UrlError::Port));
    }

    #[test]
    fn joining_stays_below_the_base() {
        let base = public("https://api.example.com/v1").expect("a base");
        let joined = base.join("/chat/completions").expect("a path");
        assert_eq!(joined.to_string(), "https://api.example.com/v1/chat/completions");
        let joined = base.join("/x?api-version=2024-10-21&alt=sse").expect("a path");
        assert_eq!(joined.to_string(), "https://api.example.com/v1/x?api-version=2024-10-21&alt=sse");
        let model = format!("/models/{}:generateContent", encode_segment("gemini-2.5 pro"));
        assert_eq!(
            base.join(&model).expect("a path").to_string(),
            "https://api.example.com/v1/models/gemini-2.5%20pro:generateContent"
        );
        for bad in [
            "",
            "x",
            "/",
            "//",
            "//evil.example",
            "/a//b",
            "/a/",
            "/..",
            "/a/..",
            "/a/../..",
            "/.",
            "/%2e%2e",
            "/%2E.",
            "/a%2f..",
            "/a%5c..",
            "/a\\..",
            "/a#b",
            "/a@b",
            "/a%",
            "/a%2",
            "/a%gg",
            "/%252e%252e",
            "/a%00",
            "/a b",
            "/a\r\nHost: x",
            "/ä",
            "@evil.example/",
            ".evil.example/",
            ":80/",
        ] {
            assert_eq!(base.join(bad), Err(PathError), "{bad:?}");
        }
    }

    proptest! {
        /// Whatever a model is called, its path is one segment below the base to this reader and to the URL standard.
        #[test]
        fn a_segment_never_climbs(name in any::<String>()) {
            let base = public("https://api.example.com/v1").expect("a base");
            if let Ok(uri) = base.join(&format!("/models/{}", encode_segment(&name))) {
                prop_assert_eq!(uri.host(), Some("api.example.com"));
                let url = Url::parse(&uri.to_string()).expect("a URL");
                prop_assert_eq!(url.host_str(), Some("api.example.com"));
                prop_assert_eq!(url.query(), None);
                prop_assert_eq!(url.fragment(), None);
                let segments: Vec<_> = url.path_segments().expect("segments").collect();
                prop_assert_eq!(&segments[..2], &["v1", "models"]);
                prop_assert_eq!(segments.len(), 3);
            }
        }

        /// No raw text that `join` accepts changes the host or leaves the base.
        #[test]
        fn a_raw_path_never_climbs(path in "[/.%2eEfF5cC@?#:a\\\\;]{0,24}") {
            let base = public("https://api.example.com/v1").expect("a base");
            if let Ok(uri) = base.join(&path) {
                let url = Url::parse(&uri.to_string()).expect("a URL");
                prop_assert_eq!(url.host_str(), Some("api.example.com"));
                prop_assert!(url.path().starts_with("/v1/"));
                prop_assert_eq!(url.path(), uri.path());
            }
        }

        /// Parsing never panics, and what it accepts is a fixed point without user part, query and fragment.
        #[test]
        fn what_is_accepted_is_canonical(text in "(https?://)?[a-z0-9.:@/%\\[\\]?#x-]{0,40}") {
            if let Ok(base) = public(&text) {
                let again = public(base.as_str());
                prop_assert_eq!(again.as_ref(), Ok(&base));
                let url = Url::parse(base.as_str()).expect("a URL");
                prop_assert!(url.username().is_empty() && url.password().is_none());
                prop_assert!(url.query().is_none() && url.fragment().is_none());
            }
        }
    }
}
