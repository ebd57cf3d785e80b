//! Signatures of webhooks, in the form of Standard Webhooks (<https://www.standardwebhooks.com>) with Ed25519: whoever is called
//! needs no secret to know who calls.

use super::Keyring;
use crate::kernel::{OrganisationId, Timestamp};
use base64::{Engine, prelude::BASE64_STANDARD};
use ring::signature::{Ed25519KeyPair, KeyPair};

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
        let seconds = now.0.div_euclid(1_000);
        let signature = self.0.sign(format!("{id}.{seconds}.{body}").as_bytes());
        [
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", format!("v1a,{}", BASE64_STANDARD.encode(signature))),
        ]
    }
}
