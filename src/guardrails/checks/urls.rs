//! Links: `default.validUrls`. Every word that begins as one is held against the WHATWG's rules; nothing is looked up or
//! asked, whatever `onlyDNS` says.

use super::parameters::Parameters;
use super::search::each;
use super::{Found, Scene};
use serde_json::json;
use url::Url;

/// Whether there are links, and all of them are well formed.
#[derive(Debug)]
pub struct Urls {
    not: bool,
}

impl Urls {
    pub(super) fn read(read: &mut Parameters<'_>) -> Self {
        // Existing clients send it; there is no look-up that it could change.
        read.flag_or("onlyDNS", false);
        Self { not: read.not() }
    }

    pub(super) fn judge(&self, scene: &Scene<'_>) -> Found {
        match each(scene, |text| are_valid(text) != self.not) {
            Err(none) => none,
            Ok(failed) => Found::verdict(failed.is_empty(), json!({ "failed": failed })),
        }
    }
}

/// No link at all is none that is valid.
fn are_valid(text: &str) -> bool {
    let mut any = false;
    links(text).all(|word| {
        any = true;
        is_valid(trimmed(word))
    }) && any
}

/// The words that begin as links do.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let mut until = 0;
    text.match_indices(':').filter_map(move |(colon, _)| {
        let before = &text.as_bytes()[..colon];
        let scheme = ["https", "http"].into_iter().find(|scheme| {
            before.len() >= scheme.len()
                && before[before.len() - scheme.len()..].eq_ignore_ascii_case(scheme.as_bytes())
        })?;
        let at = colon - scheme.len();
        let inside = text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
        if at < until || inside || !text[colon..].starts_with("://") {
            return None;
        }
        let rest = &text[at..];
        // What texts put around links ends them; only an address in brackets has some of its own.
        let host = colon - at + 3;
        let inner = if rest[host..].starts_with('[') {
            rest.bytes().take(host + 64).position(|byte| byte == b']').unwrap_or(host)
        } else {
            host
        };
        let ends = |c: char| c.is_whitespace() || "\"'<>`|^{}[]”’」。、，".contains(c) && c != ']';
        let end =
            rest[inner..].find(|c: char| ends(c) || c == ']' && inner == host).map_or(rest.len(), |end| inner + end);
        let word = &rest[..end];
        // Links with commas between them.
        let word = word.split(",http").next().unwrap_or(word);
        until = at + word.len();
        Some(word)
    })
}

/// Without the marks that belong to the sentence.
fn trimmed(word: &str) -> &str {
    let word = word.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*', '_']);
    let opened = word.matches('(').count();
    let closed = word.matches(')').count();
    if closed > opened { word.trim_end_matches(')') } else { word }
}

fn is_valid(word: &str) -> bool {
    Url::parse(word).is_ok_and(|url| url.host_str().is_some_and(|host| !host.is_empty()))
}
