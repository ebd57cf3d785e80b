//! The installation's key: made at first start in a file of mode 0600, or given by the environment, never in the
//! database. Everything else is derived from it.

use super::SigningKey;
use crate::{
    kernel::{Error, OrganisationId},
    server::database::StartResult,
};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::{fmt, fs, io::Write, path::Path};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A keyed digest (HMAC-SHA-256) of a secret: what is stored instead of it.
pub type Digest = [u8; 32];

/// A sealed credential or text as stored: a version byte, a nonce of 24 bytes, the ciphertext.
pub type Sealed = Vec<u8>;

const SEAL_VERSION: u8 = 1;
const NONCE: usize = 24;

/// Holds the derived keys; prints as nothing.
#[derive(Clone)]
pub struct Keyring {
    digest: Zeroizing<[u8; 32]>,
    seal: Zeroizing<[u8; 32]>,
    checkpoints: Zeroizing<[u8; 32]>,
    check: [u8; 32],
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring([redacted])")
    }
}

impl Keyring {
    /// Takes the key from `given` (64 hexadecimal digits), else from `file`, which is made if it is missing.
    pub fn open(given: Option<&str>, file: &Path) -> StartResult<Self> {
        let text = match given {
            Some(text) => Zeroizing::new(text.to_owned()),
            None if file.exists() => Zeroizing::new(
                fs::read_to_string(file).map_err(|e| format!("the key file {} cannot be read: {e}", file.display()))?,
            ),
            None => make_key_file(file)?,
        };
        let root =
            parse(text.trim()).ok_or("the installation's key must be 64 hexadecimal digits, and no sample value")?;
        Ok(Self::derive(&root))
    }

    fn derive(root: &[u8; 32]) -> Self {
        Self {
            digest: Zeroizing::new(hmac(root, &[b"latchkey digest v1"])),
            seal: Zeroizing::new(hmac(root, &[b"latchkey seal v1"])),
            checkpoints: Zeroizing::new(hmac(root, &[b"latchkey checkpoints v1"])),
            check: hmac(root, &[b"latchkey check v1"]),
        }
    }

    /// A value to store beside the data, by which a wrong key is noticed at start.
    pub fn check(&self) -> [u8; 32] {
        self.check
    }

    pub fn is_checked_by(&self, stored: &[u8]) -> bool {
        self.check.ct_eq(stored).into()
    }

    /// The digest under which a secret of this purpose is stored and looked up.
    pub fn digest(&self, purpose: &str, secret: &str) -> Digest {
        hmac(&self.digest, &[purpose.as_bytes(), b"\0", secret.as_bytes()])
    }

    /// The key of the digests by which guardrails of an organisation name values that they take out: the same on every
    /// replica and after every start.
    pub fn hash_key(&self, organisation: OrganisationId) -> [u8; 32] {
        self.digest("guardrail digest", &organisation.to_string())
    }

    /// The key of this generation that signs checkpoints of the audit log: the same on every replica and after every start.
    pub fn signing_key(&self, generation: i64) -> SigningKey {
        SigningKey::from_seed(&Zeroizing::new(hmac(&self.checkpoints, &[&generation.to_be_bytes()])))
    }

    /// Seals a credential or text to its place: the same bytes in another row, field or organisation do not open.
    pub fn seal(&self, place: &[&str], plain: &str) -> Result<Sealed, Error> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| Error::internal())?;
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: plain.as_bytes(), aad: place.join("\0").as_bytes() })
            .map_err(|_| Error::internal())?;
        Ok([&[SEAL_VERSION], nonce.as_slice(), sealed.as_slice()].concat())
    }

    /// Opens what was sealed to this place. An error says nothing of the content.
    pub fn open_sealed(&self, place: &[&str], sealed: &[u8]) -> Result<Zeroizing<String>, Error> {
        self.try_open(place, sealed).ok_or_else(|| {
            tracing::error!("what is sealed does not open at its place with this installation's key");
            Error::internal()
        })
    }

    /// The same of what came from outside, where anything may come. None: it was not sealed to this place.
    pub fn try_open(&self, place: &[&str], sealed: &[u8]) -> Option<Zeroizing<String>> {
        let (&SEAL_VERSION, rest) = sealed.split_first()? else { return None };
        let (nonce, body) = rest.split_first_chunk::<NONCE>()?;
        let place = place.join("\0");
        let payload = Payload { msg: body, aad: place.as_bytes() };
        let plain = self.cipher().decrypt(&XNonce::from(*nonce), payload).ok()?;
        String::from_utf8(plain).map(Zeroizing::new).ok()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&(*self.seal).into())
    }
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn parse(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    // A repeated byte is a sample, not a key.
    let sample = key.iter().all(|byte| *byte == key[0]);
    (!sample).then_some(key)
}

fn make_key_file(path: &Path) -> StartResult<Zeroizing<String>> {
    let mut key = Zeroizing::new([0u8; 32]);
    getrandom::fill(&mut *key).map_err(|e| format!("no random numbers: {e}"))?;
    let text = Zeroizing::new(crate::server::database::hex(&*key));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|e| format!("the key file {} cannot be made: {e}", path.display()))?;
    if let Err(error) = file.write_all(text.as_bytes()).and_then(|()| file.sync_all()) {
        // Half a key would be in the way of the next start.
        let _ = fs::remove_file(path);
        return Err(format!("the key file {} cannot be written: {error}", path.display()).into());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(byte: u8) -> Keyring {
        Keyring::derive(&[byte; 32])
    }

    #[test]
    fn a_sealed_credential_opens_only_in_its_place() {
        let ring = ring(1);
        let sealed = ring.seal(&["org", "record", "credential"], "sk-test").unwrap();
        assert_eq!(ring.open_sealed(&["org", "record", "credential"], &sealed).unwrap().as_str(), "sk-test");
        assert!(ring.open_sealed(&["org", "other", "credential"], &sealed).is_err());
        assert!(ring.open_sealed(&["elsewhere", "record", "credential"], &sealed).is_err());
        assert!(self::ring(2).open_sealed(&["org", "record", "credential"], &sealed).is_err());
        assert_ne!(sealed, ring.seal(&["org", "record", "credential"], "sk-test").unwrap());
        assert!(!sealed.windows(7).any(|w| w == b"sk-test"));
    }

    #[test]
    fn cut_and_changed_bytes_are_refused() {
        let ring = ring(1);
        let sealed = ring.seal(&["a"], "secret").unwrap();
        for end in 0..sealed.len() {
            assert!(ring.open_sealed(&["a"], &sealed[..end]).is_err());
        }
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(ring.open_sealed(&["a"], &changed).is_err(), "byte {at}");
        }
    }

    #[test]
    fn digests_depend_on_key_and_purpose() {
        assert_ne!(ring(1).digest("a", "x"), ring(2).digest("a", "x"));
        assert_ne!(ring(1).digest("a", "x"), ring(1).digest("b", "x"));
        assert_eq!(ring(1).digest("a", "x"), ring(1).digest("a", "x"));
    }

    #[test]
    fn sample_and_short_keys_are_refused() {
        assert!(parse(&"0".repeat(64)).is_none());
        assert!(parse(&"ab".repeat(32)).is_none());
        assert!(parse("00ff").is_none());
        assert!(parse(&"0123456789abcdef".repeat(4)).is_some());
    }

    #[test]
    fn the_key_file_is_made_once_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latchkey.key");
        let first = Keyring::open(None, &path).unwrap();
        let again = Keyring::open(None, &path).unwrap();
        assert_eq!(first.check(), again.check());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
