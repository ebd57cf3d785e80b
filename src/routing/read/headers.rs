//! Reads which of a caller's headers are handed on to a provider.

use super::{MAX_NAME, Piece, Reader};
use crate::kernel::json::Value;
use crate::routing::level::At;

/// Headers that are the gateway's, the connection's, or hold credentials.
const KEPT_BACK: [&str; 24] = [
    "authorization",
    "proxy-authorization",
    "proxy-authenticate",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "accept",
    "accept-encoding",
    "user-agent",
    "forwarded",
    "proxy-connection",
];
const KEPT_BACK_GROUPS: [&str; 5] = ["x-portkey-", "x-latchkey-", "x-forwarded-", "x-amz-", "x-amzn-"];
/// What the name of a header that proves who somebody is has in it.
const SECRET_WORDS: [&str; 13] = [
    "key",
    "token",
    "secret",
    "password",
    "credential",
    "signature",
    "auth",
    "jwt",
    "session",
    "assertion",
    "cert",
    "cookie",
    "oidc",
];

/// Whether a caller's header may be handed on to a provider.
fn may_be_forwarded(name: &str) -> bool {
    let secret = SECRET_WORDS.iter().any(|word| name.contains(word));
    !secret && !KEPT_BACK.contains(&name) && !KEPT_BACK_GROUPS.iter().any(|group| name.starts_with(group))
}

impl Reader<'_> {
    pub(super) fn headers(&mut self, part: &Piece<'_>) -> Option<At<Vec<String>>> {
        let mut names = vec![];
        for (path, node) in self.few(part, "This must be a list of header names.") {
            let part = Piece { path, node };
            let name = match &node.value {
                Value::Text(text) => text.to_ascii_lowercase(),
                _ => String::new(),
            };
            let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(token) {
                self.wrong(&part, "This must be the name of a header.");
            } else if may_be_forwarded(&name) {
                names.push(name);
            } else {
                self.fault(
                    node.at.start,
                    part.path,
                    "header_kept_back",
                    "This header holds a credential or belongs to the connection, so it is never forwarded.",
                );
            }
        }
        Some(At { at: part.node.at.start, value: names })
    }
}
