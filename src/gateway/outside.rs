//! What guardrails ask of others: webhooks, and the sets of keys that tokens are signed with. All of it goes through the
//! guarded client, so that no guardrail leads into the operator's network.

use crate::{
    guardrails::{
        HashKey, Outside,
        checks::{KeySet, Webhook},
    },
    kernel::{OrganisationId, Timestamp},
    server::crypto::{Keyring, WebhookSigner},
    server::outgoing::{BaseUrl, Outgoing, OutgoingError, Patience},
};
use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_TYPE, HeaderName, USER_AGENT};
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use moka::sync::Cache;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use uuid::Uuid;

/// The most bytes of a webhook's answer, and of a set of keys.
const LARGEST_ANSWER: usize = 4 << 20;
const LARGEST_SET: usize = 256 << 10;
/// Guardrails that judge beside calls at one time.
const PLACES: usize = 256;
/// Sets that are remembered.
const SETS: u64 = 1_000;
/// How long a set may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// A set is not fetched anew more often than this, however many tokens name keys that are not in it.
const PAUSE: Duration = Duration::from_secs(30);

/// The way out. Cheap to clone.
#[derive(Clone)]
pub struct Others {
    outgoing: Outgoing,
    keyring: Keyring,
    sets: Cache<String, (Arc<KeySet>, Instant)>,
    /// What judges beside calls.
    places: Arc<Semaphore>,
}

impl Others {
    pub fn new(outgoing: Outgoing, keyring: Keyring) -> Self {
        Self { outgoing, keyring, sets: Cache::new(SETS), places: Arc::new(Semaphore::new(PLACES)) }
    }

    /// See [`Keyring::hash_key`].
    pub(super) fn hash_key(&self, organisation: OrganisationId) -> HashKey {
        self.keyring.hash_key(organisation)
    }

    /// The way out for a guardrail of an organisation.
    pub(super) fn of(&self, organisation: OrganisationId, now: Timestamp) -> Of<'_> {
        Of { others: self, organisation, now }
    }

    /// A place for a guardrail that judges beside its call, if one is free.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().try_acquire_owned().ok()
    }

    async fn fetch(
        &self,
        method: Method,
        address: &str,
        headers: &[(String, String)],
        body: Bytes,
        patience: Patience,
    ) -> Result<(u16, Bytes), String> {
        let (base, query) = address.split_once('?').unwrap_or((address, ""));
        let base =
            BaseUrl::parse(base, self.outgoing.allowed()).map_err(|_| "This server may not call the address.")?;
        let whole = if query.is_empty() { base.as_str().to_owned() } else { format!("{}?{query}", base.as_str()) };
        let uri: Uri = whole.parse().map_err(|_| "The address cannot be called.")?;
        let mut request = Request::new(Full::new(body));
        (*request.method_mut(), *request.uri_mut()) = (method, uri);
        let own = request.headers_mut();
        for (name, value) in headers {
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
                own.insert(name, value);
            }
        }
        own.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        own.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        own.insert(USER_AGENT, HeaderValue::from_static(concat!("latchkey/", env!("CARGO_PKG_VERSION"))));
        let answer = self.outgoing.fetch(request, patience).await.map_err(|error| {
            match error {
                OutgoingError::TimedOut(_) => "It did not answer in time.",
                OutgoingError::Blocked(_) | OutgoingError::PlainHttp => "This server may not call the address.",
                OutgoingError::TooLarge => "Its answer is too large.",
                _ => "It cannot be reached.",
            }
            .to_owned()
        })?;
        Ok((answer.status().as_u16(), answer.into_body()))
    }
}

impl fmt::Debug for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Others")
    }
}

/// The way out of one organisation.
pub(super) struct Of<'a> {
    others: &'a Others,
    organisation: OrganisationId,
    now: Timestamp,
}

#[async_trait]
impl Outside for Of<'_> {
    async fn ask(&self, webhook: &Webhook, payload: &Value) -> Result<(u16, Vec<u8>), String> {
        let limit = Duration::from_millis(webhook.timeout_ms);
        let patience = Patience { headers: limit, idle: limit, total: limit, largest: LARGEST_ANSWER };
        let body = payload.to_string();
        let signer = WebhookSigner::new(&self.others.keyring, self.organisation);
        let signed = signer.headers(&format!("msg_{}", Uuid::now_v7().simple()), self.now, &body);
        // Behind the guardrail's own, which they replace.
        let signed = signed.map(|(name, value)| (name.to_owned(), value));
        let headers = [&webhook.headers[..], &signed[..]].concat();
        let fetched = self.others.fetch(Method::POST, &webhook.url, &headers, Bytes::from(body), patience);
        let (status, body) = fetched.await?;
        Ok((status, body.to_vec()))
    }

    async fn keys(&self, address: &str, max_age_s: u64, anew: bool) -> Result<Arc<KeySet>, String> {
        if let Some((keys, fetched)) = self.others.sets.get(address) {
            let age = fetched.elapsed();
            if age < PAUSE || !anew && age < Duration::from_secs(max_age_s) {
                return Ok(keys);
            }
        }
        let patience = Patience { headers: PATIENCE, idle: PATIENCE, total: PATIENCE, largest: LARGEST_SET };
        let (status, body) = self.others.fetch(Method::GET, address, &[], Bytes::new(), patience).await?;
        if status != 200 {
            return Err(format!("The key set could not be fetched: status {status}."));
        }
        let keys = Arc::new(KeySet::read(&body)?);
        self.others.sets.insert(address.to_owned(), (keys.clone(), Instant::now()));
        Ok(keys)
    }
}
