//! Signatures of webhooks, in the form of Standard Webhooks (<https://www.standardwebhooks.com>): of guardrails with Ed25519,
//! so that whoever is called needs no secret to know who calls, and of the audit log's delivery with a secret that both know,
//! as every receiver of such webhooks can check.

use super::Keyring;
use crate::kernel::{Error, OrganisationId, Timestamp};
use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use ring::signature::{Ed25519KeyPair, KeyPair};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

/// Signs for one organisation, the same on every replica and after every start.
pub struct WebhookSigner(Ed25519KeyPair);

impl WebhookSigner {
    pub fn new(keyring: &Keyring, organisation: OrganisationId) -> Self {
        let seed = keyring.digest("webhook signature", &organisation.to_string());
        Self(Ed25519KeyPair::from_seed_unchecked(&seed).expect("a seed has 32 bytes"))
    }

    /// By which others check: `whpk_` and 32 bytes in base64.
    pub fn public_key(&self) -> String {
        format!("whpk_{}", BASE64_STANDARD.encode(self.0.public_key()))
    }

    /// The headers `webhook-id`, `webhook-timestamp` (in seconds) and `webhook-signature` of a message.
    pub fn headers(&self, id: &str, now: Timestamp, body: &str) -> [(&'static str, String); 3] {
        let seconds = seconds(now);
        let signature = self.0.sign(format!("{id}.{seconds}.{body}").as_bytes());
        headers(id, seconds, format!("v1a,{}", BASE64_STANDARD.encode(signature)))
    }
}

/// A secret that both sides of a webhook know. Nothing can print it.
#[derive(Clone)]
pub struct WebhookSecret(Zeroizing<Vec<u8>>);

/// Before the secret's bytes in base64.
const PREFIX: &str = "whsec_";
/// How many bytes a secret may have, and how many one has that is made here.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;
const LENGTH: usize = 32;

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret([redacted])")
    }
}

impl WebhookSecret {
    /// A new one, as it is written: `whsec_` and its bytes in base64.
    pub fn generate() -> Result<Zeroizing<String>, Error> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        getrandom::fill(&mut *bytes).map_err(|_| Error::internal())?;
        Ok(Zeroizing::new(format!("{PREFIX}{}", BASE64_STANDARD.encode(*bytes))))
    }

    /// Reads one as it is written. None: it is none, or too short or long.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?);
        LENGTHS.contains(&bytes.len()).then_some(Self(bytes))
    }

    /// The headers of [`WebhookSigner::headers`], signed with each of these: a receiver needs to know one of them.
    pub fn headers(secrets: &[Self], id: &str, now: Timestamp, body: &str) -> [(&'static str, String); 3] {
        let seconds = seconds(now);
        let signed: Vec<String> = secrets.iter().map(|secret| secret.sign(id, seconds, body)).collect();
        headers(id, seconds, signed.join(" "))
    }

    fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body.as_bytes());
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

fn seconds(now: Timestamp) -> i64 {
    now.0.div_euclid(1_000)
}

fn headers(id: &str, seconds: i64, signature: String) -> [(&'static str, String); 3] {
    [("webhook-id", id.to_owned()), ("webhook-timestamp", seconds.to_string()), ("webhook-signature", signature)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    #[test]
    fn signatures_are_those_of_the_specification() {
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let (id, now) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", Timestamp(1_614_265_330_999));
        let [.., (_, signature)] = WebhookSecret::headers(&[secret], id, now, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_are_read_as_they_are_made() {
        let (one, two) = (WebhookSecret::generate().expect("a secret"), WebhookSecret::generate().expect("a secret"));
        assert_ne!(*one, *two);
        let secret = WebhookSecret::parse(&one).expect("a secret");
        assert_eq!(secret.0.len(), LENGTH);
        assert!(!format!("{secret:?}").contains(&one[PREFIX.len()..]));
        for bad in ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!!"] {
            assert!(WebhookSecret::parse(bad).is_none(), "{bad}");
        }
        assert!(WebhookSecret::parse(&format!("whsec_{}", BASE64_STANDARD.encode([1; 65]))).is_none());
    }
}
