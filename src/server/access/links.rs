//! Links that stand for an API key at one address for a short time: whoever fetches a file by such a link needs no header.

use super::{Access, App};
use crate::{
    kernel::{Code, Error, Result, Timestamp},
    server::{crypto::Digest, database::hex},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// What such a token is sealed for, before its address.
const PURPOSE: &str = "link";
/// Longest token that is looked at, in characters.
const LONGEST: usize = 512;

impl Access {
    /// The token of a link to this path, until then. It holds the digest of the secret that this request came with, sealed: it
    /// opens this path alone, and nothing once that secret or its key has ended.
    ///
    /// # Errors
    /// Not found, if no key asks.
    pub fn link(&self, path: &str, until: Timestamp) -> Result<String> {
        let secret = self.secret.ok_or_else(Error::not_found)?;
        let sealed = self.app.keyring.seal(&[PURPOSE, path], &format!("{} {}", until.0, hex(&secret)))?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }
}

/// The digest of the secret that a link stands for.
///
/// # Errors
/// `link_spent`: it is none of ours, one to another address, or too old.
pub fn open(app: &App, path: &str, token: &str) -> Result<Digest> {
    let opened = || {
        let sealed = URL_SAFE_NO_PAD.decode(token.get(..LONGEST.min(token.len()))?).ok()?;
        let plain = app.keyring.try_open(&[PURPOSE, path], &sealed)?;
        let (until, digest) = plain.split_once(' ')?;
        let until = Timestamp(until.parse().ok()?);
        (app.clock.now() < until).then(|| parse(digest)).flatten()
    };
    opened().ok_or_else(|| Error::new(Code::LinkSpent, "This link is too old, or it was never one. Ask for another."))
}

fn parse(text: &str) -> Option<Digest> {
    let mut digest = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(digest)
}
