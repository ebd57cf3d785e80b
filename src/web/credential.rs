//! Where a caller's API key may stand in a request, and where it may not.

use http::HeaderMap;
use http::header::AUTHORIZATION;

/// The header that existing clients put the key into.
pub const KEY_HEADER: &str = "x-portkey-api-key";
/// Headers of other clients that may carry the key: Anthropic's, Google's.
const HEADERS: [&str; 2] = ["x-api-key", "x-goog-api-key"];
/// How every secret of ours begins.
const OURS: &str = "lk_";

/// Parameters that people put keys into.
const KEY_PARAMETERS: &[&str] = &[
    "key",
    "api_key",
    "api-key",
    "apikey",
    "x-api-key",
    "x-portkey-api-key",
    "x-goog-api-key",
    "access_token",
    "token",
    "authorization",
    "auth",
    "bearer",
    "secret",
];

/// Why no single credential could be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialError {
    /// There is none, or what stands there is not text.
    Missing,
    /// The address carries one, where every log on the way would hold it.
    InQuery,
    /// The request carries two of ours that differ.
    Conflicting,
}

/// Reads the one API key of a request: from `x-portkey-api-key`, `Authorization: Bearer`, `x-api-key` or
/// `x-goog-api-key`. Cookies are not looked at.
///
/// Client libraries fill the headers that they know with whatever they were given: a word that cannot be one of our
/// secrets says nothing beside one that can. Two secrets of ours that differ are refused, for nobody can tell which was
/// meant.
///
/// # Errors
/// See [`CredentialError`].
pub fn presented<'a>(headers: &'a HeaderMap, query: Option<&str>) -> Result<&'a str, CredentialError> {
    if query.is_some_and(carries_key) {
        return Err(CredentialError::InQuery);
    }
    let (named, others) = (words(headers, KEY_HEADER), HEADERS.map(|name| words(headers, name)));
    // Another scheme is a credential too, though not one of ours.
    let bearer = words(headers, AUTHORIZATION.as_str()).map(|value| bearer_token(value).unwrap_or(value));
    let all: Vec<&str> = named.chain(bearer).chain(others.into_iter().flatten()).collect();
    let mut ours = all.iter().filter(|secret| secret.starts_with(OURS));
    match ours.next() {
        Some(first) if ours.any(|other| other != first) => return Err(CredentialError::Conflicting),
        Some(first) => return Ok(first),
        None => {}
    }
    match all.as_slice() {
        [] => Err(CredentialError::Missing),
        [first, ..] => Ok(first),
    }
}

/// What a header says, each time that it is given. What is no text is no secret of anybody's here.
fn words<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).map(str::trim)
}

fn bearer_token(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn carries_key(query: &str) -> bool {
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, value)| {
        let name = name.to_ascii_lowercase();
        KEY_PARAMETERS.contains(&name.as_str()) || value.starts_with(OURS) || name.starts_with(OURS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).expect("a name"),
                HeaderValue::from_str(value).expect("a value"),
            );
        }
        map
    }

    #[test]
    fn one_credential_is_read_from_wherever_clients_put_it() {
        for (pairs, key) in [
            (&[("x-portkey-api-key", "lk_a")][..], "lk_a"),
            (&[("authorization", "Bearer lk_a")], "lk_a"),
            (&[("authorization", "bearer  lk_a ")], "lk_a"),
            (&[("x-api-key", "lk_a")], "lk_a"),
            (&[("x-goog-api-key", "lk_a")], "lk_a"),
            (&[("x-portkey-api-key", "lk_a"), ("authorization", "Bearer OPENAI_API_KEY")], "lk_a"),
            (&[("x-portkey-api-key", "lk_a"), ("authorization", "Bearer sk-other")], "lk_a"),
            (&[("x-api-key", "lk_a"), ("authorization", "Bearer sk-other")], "lk_a"),
            (&[("x-api-key", "sk-ant-other"), ("authorization", "Bearer lk_a")], "lk_a"),
            (&[("x-portkey-api-key", "lk_a"), ("authorization", "Basic dTpw")], "lk_a"),
            (&[("x-portkey-api-key", "lk_a"), ("authorization", "Bearer lk_a"), ("x-api-key", "lk_a")], "lk_a"),
            (&[("x-portkey-api-key", "lk_a"), ("x-portkey-api-key", "lk_a")], "lk_a"),
            (&[("x-portkey-api-key", "lk_a"), ("authorization", "Bearer dummy")], "lk_a"),
            (&[("x-api-key", "lk_a"), ("authorization", "Bearer sk-ant-x")], "lk_a"),
            (&[("x-api-key", "lk_a"), ("authorization", "Bearer X"), ("authorization", "Bearer Y")], "lk_a"),
            (&[("x-portkey-api-key", "other"), ("x-portkey-api-key", "lk_a")], "lk_a"),
            (&[("x-portkey-api-key", "lk_a"), ("cookie", "x-portkey-api-key=lk_b")], "lk_a"),
        ] {
            assert_eq!(presented(&headers(pairs), None), Ok(key), "{pairs:?}");
        }
    }

    #[test]
    fn two_different_credentials_are_refused() {
        for pairs in [
            &[("x-portkey-api-key", "lk_a"), ("authorization", "Bearer lk_b")][..],
            &[("x-portkey-api-key", "lk_a"), ("x-portkey-api-key", "lk_b")],
            &[("authorization", "Bearer lk_a"), ("authorization", "Bearer lk_b")],
            &[("authorization", "Bearer lk_a"), ("x-api-key", "lk_b")],
            &[("x-api-key", "lk_a"), ("x-goog-api-key", "lk_b")],
        ] {
            assert_eq!(presented(&headers(pairs), None), Err(CredentialError::Conflicting), "{pairs:?}");
        }
    }

    #[test]
    fn what_is_no_text_is_nobodys_word() {
        let mut map = headers(&[("x-api-key", "lk_a")]);
        map.insert(AUTHORIZATION, HeaderValue::from_bytes(b"Bearer \xff").expect("a value"));
        assert_eq!(presented(&map, None), Ok("lk_a"));
        map.remove("x-api-key");
        assert_eq!(presented(&map, None), Err(CredentialError::Missing));
    }

    #[test]
    fn no_credential_is_no_credential() {
        for pairs in [&[][..], &[("cookie", "x-portkey-api-key=lk_a; authorization=lk_a")]] {
            assert_eq!(presented(&headers(pairs), None), Err(CredentialError::Missing), "{pairs:?}");
        }
        // The dummy alone is a credential like any other: an unknown one.
        assert_eq!(presented(&headers(&[("authorization", "Bearer OPENAI_API_KEY")]), None), Ok("OPENAI_API_KEY"));
    }

    #[test]
    fn a_key_in_the_address_is_refused_even_beside_a_good_one() {
        let good = headers(&[("x-portkey-api-key", "lk_a")]);
        for query in [
            "api_key=x",
            "a=1&KEY=x",
            "access_token=x",
            "anything=lk_abc",
            "lk_abc",
            "x-portkey-api-key=",
            "api%5Fkey=x",
        ] {
            assert_eq!(presented(&good, Some(query)), Err(CredentialError::InQuery), "{query}");
        }
        for query in ["", "beta=true", "limit=20&after=model"] {
            assert_eq!(presented(&good, Some(query)), Ok("lk_a"), "{query}");
        }
    }
}
