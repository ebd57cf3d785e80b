//! Secrets that Latchkey makes: API keys and the tokens in links.

use crate::kernel::Error;
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 28 base-62 characters hold 166 random bits.
const RANDOM: usize = 28;
const CHECKSUM: usize = 6;
const LENGTH: usize = 4 + RANDOM + CHECKSUM;

/// What kind of key a secret opens, told by its fourth character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    Master,
    Standard,
}

impl KeyKind {
    const fn letter(self) -> char {
        match self {
            KeyKind::Master => 'm',
            KeyKind::Standard => 'p',
        }
    }
}

/// The secret of an API key: `lk_`, a letter for its kind, 28 random base-62 characters, 6 of checksum. As a pattern for
/// secret scanners: `lk_[mp][0-9A-Za-z]{34}`.
#[derive(Clone)]
pub struct ApiKeySecret(Zeroizing<String>);

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeySecret([redacted])")
    }
}

impl ApiKeySecret {
    pub fn generate(kind: KeyKind) -> Result<Self, Error> {
        let mut text = Zeroizing::new(format!("lk_{}{}", kind.letter(), random_base62(RANDOM)?.as_str()));
        let sum = checksum(&text);
        text.push_str(&sum);
        Ok(Self(text))
    }

    /// Reads a secret; one whose form or checksum is wrong is refused without a look-up.
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed = text.len() == LENGTH
            && (text.starts_with("lk_m") || text.starts_with("lk_p"))
            && text.as_bytes()[4..].iter().all(u8::is_ascii_alphanumeric)
            && checksum(&text[..LENGTH - CHECKSUM]) == text[LENGTH - CHECKSUM..];
        well_formed.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What lists show: `lk_p7Xa`.
    pub fn beginning(&self) -> String {
        self.0[..7].to_owned()
    }

    /// What lists show after the ellipsis: the last four characters.
    pub fn ending(&self) -> String {
        self.0[LENGTH - 4..].to_owned()
    }
}

/// The token of an invitation or reset link: 32 base-62 characters, 190 random bits.
pub fn link_token() -> Result<Zeroizing<String>, Error> {
    random_base62(32)
}

fn random_base62(length: usize) -> Result<Zeroizing<String>, Error> {
    let mut text = Zeroizing::new(String::with_capacity(length));
    let mut bytes = Zeroizing::new([0u8; 64]);
    while text.len() < length {
        getrandom::fill(&mut *bytes).map_err(|_| Error::internal())?;
        // 248 is the largest multiple of 62 in a byte: what is above it would favour some letters.
        for byte in bytes.iter().filter(|byte| **byte < 248).take(length - text.len()) {
            text.push(ALPHABET[usize::from(byte % 62)] as char);
        }
    }
    Ok(text)
}

fn checksum(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    let mut number = hash.iter().take(8).fold(0u64, |n, byte| n << 8 | u64::from(*byte));
    (0..CHECKSUM)
        .map(|_| {
            let letter = ALPHABET[(number % 62) as usize] as char;
            number /= 62;
            letter
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_made_is_read_and_differs_each_time() {
        let one = ApiKeySecret::generate(KeyKind::Master).unwrap();
        let two = ApiKeySecret::generate(KeyKind::Standard).unwrap();
        assert!(one.expose().starts_with("lk_m") && two.expose().starts_with("lk_p"));
        assert_ne!(one.expose(), two.expose());
        assert_eq!(ApiKeySecret::parse(one.expose()).unwrap().expose(), one.expose());
        assert_eq!(format!("{one:?}"), "ApiKeySecret([redacted])");
    }

    #[test]
    fn a_typo_is_refused() {
        let secret = ApiKeySecret::generate(KeyKind::Standard).unwrap();
        for at in 0..LENGTH {
            let mut typo = secret.expose().as_bytes().to_vec();
            typo[at] = if typo[at] == b'x' { b'y' } else { b'x' };
            assert!(ApiKeySecret::parse(std::str::from_utf8(&typo).unwrap()).is_none(), "at {at}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_parser(text in "\\PC{0,60}") {
            let _ = ApiKeySecret::parse(&text);
        }
    }
}
