//! Keys and virtual keys, read from the database.

use super::store;
use crate::{
    features::{
        api_keys::{self, operations::digest},
        guardrails::{self, model::AllCalls},
        limits,
        logs::texts::Keeps,
        prices,
        prompts::operations as prompts,
        virtual_keys::{self, operations::unseal},
    },
    gateway::{
        directory::{CallerKey, Digest, KeySource, Runnable, Standing, StoredConfig, StoredGuardrail, Unavailable},
        target::{Address, CallTarget, Credential},
    },
    kernel::{Error, KeyId, OrganisationId, Result, SecretId, price::Prices},
    policy::{self, Operation, Permission, PermissionSet, Principal, decide},
    server::{
        access::{App, SignedInMember},
        database::OrgTx,
        outgoing::BaseUrl,
    },
};
use async_trait::async_trait;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

/// The database, as the directory of keys reads it.
pub struct Rooms {
    app: App,
    /// The prices that callers of an organisation share while any of them is remembered.
    prices: Mutex<HashMap<OrganisationId, Weak<Prices>>>,
}

/// Organisations without a remembered caller are forgotten above this number.
const PRICED: usize = 1_000;

impl Rooms {
    pub fn new(app: App) -> Self {
        Self { app, prices: Mutex::default() }
    }

    /// The prices of an organisation that has some: the same ones for all its callers, so that many keys take no more room
    /// than one.
    async fn prices(&self, tx: &mut OrgTx, has_some: bool) -> Result<Option<Arc<Prices>>> {
        if !has_some {
            return Ok(None);
        }
        let read = prices::of_calls(tx).await?;
        let mut shared = self.prices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = shared.get(&tx.organisation()).and_then(Weak::upgrade).filter(|known| **known == read) {
            return Ok(Some(same));
        }
        if shared.len() >= PRICED {
            shared.retain(|_, known| known.strong_count() > 0);
        }
        let read = Arc::new(read);
        shared.insert(tx.organisation(), Arc::downgrade(&read));
        Ok(Some(read))
    }

    async fn find(&self, digest: &Digest) -> Result<Option<CallerKey>> {
        let organisation = {
            let mut tx = self.app.db.read_by_digest(digest).await?;
            api_keys::find_secret(&mut tx, digest).await?
        };
        let Some(organisation) = organisation else { return Ok(None) };
        let mut tx = self.app.read_proven(organisation).await?;
        let Some(holder) = api_keys::holder::find(&mut tx, digest).await? else { return Ok(None) };
        let principal = Principal::ApiKey { key: holder.key, organisation, permissions: holder.effective };
        let may = |operation: Operation| {
            decide(&principal, operation.spec().requires, policy::Target::In(organisation)).is_ok()
        };
        Ok(Some(CallerKey {
            organisation,
            key: holder.key,
            secret: SecretId(holder.secret),
            person: None,
            standing: match (holder.revoked, holder.disabled) {
                (true, _) => Standing::Revoked,
                (false, true) => Standing::Disabled,
                (false, false) => Standing::Live,
            },
            expires_at: holder.expires_at,
            rotated_at: holder.valid_until,
            permissions: holder.effective,
            config: holder.config.map(Into::into),
            may_override: holder.config_override,
            saved_only: holder.saved_only,
            guarded: holder.guarded,
            keeps: holder.keeps,
            prices: self.prices(&mut tx, holder.priced).await?,
            limits: limits::of_key(&mut tx, holder.key).await?.into(),
            bounds: (!holder.bounds.is_nothing()).then(|| Arc::new(holder.bounds)),
            may_complete: may(Operation::ChatCompletion)
                && may(Operation::Messages)
                && may(Operation::ModelsList)
                && may(Operation::ModelGet),
        }))
    }

    /// A person calls with what their role allows, of which no key's settings take anything away.
    async fn seated(&self, member: &SignedInMember) -> Result<Option<CallerKey>> {
        let Some((mut tx, role)) = self.app.read_as_member(*member).await? else { return Ok(None) };
        let SignedInMember { organisation, user, session } = *member;
        let principal = Principal::Member { user, organisation, role };
        let may_complete =
            decide(&principal, Operation::ChatCompletion.spec().requires, policy::Target::In(organisation)).is_ok();
        let rules = store::rules(&mut tx).await?;
        Ok(Some(CallerKey {
            organisation,
            key: KeyId(user.0),
            secret: SecretId(session.0),
            person: Some(user),
            standing: Standing::Live,
            expires_at: None,
            rotated_at: None,
            permissions: role.permissions(),
            config: None,
            may_override: true,
            saved_only: rules.saved_only,
            guarded: rules.guarded,
            keeps: Keeps::of(rules.keep_texts, None, rules.leave_images_out),
            prices: self.prices(&mut tx, rules.priced).await?,
            limits: limits::of_person(&mut tx, user).await?.into(),
            bounds: None,
            may_complete,
        }))
    }

    async fn open(&self, organisation: OrganisationId, slug: &str) -> Result<Option<CallTarget>> {
        let mut tx = self.app.read_proven(organisation).await?;
        let Some(stored) = virtual_keys::target(&mut tx, slug).await? else { return Ok(None) };
        let credential =
            stored.credential.map(|sealed| unseal(&self.app.keyring, organisation, stored.id, &sealed)).transpose()?;
        let limits = limits::of_virtual_key(&mut tx, stored.id).await?.into();
        Ok(Some(CallTarget {
            limits,
            virtual_key: stored.id,
            slug: stored.slug.into(),
            provider: stored.provider,
            // An address that the operator has since closed: calls say so, rather than that there is no such key.
            address: BaseUrl::parse(&stored.base_url, self.app.outgoing.allowed())
                .ok()
                .map(|base| Address::new(stored.provider, base)),
            credential: credential
                .map(|plain| Credential::new(stored.provider, &plain))
                .transpose()
                .map_err(|_| Error::internal())?,
            api_version: Some(stored.settings.api_version).filter(|version| !version.is_empty()).map(Into::into),
        }))
    }
}

fn stored_guardrail(stored: guardrails::Stored) -> StoredGuardrail {
    let guardrails::Stored { id, slug, number, text, .. } = stored;
    StoredGuardrail { id, slug: slug.into(), version: number, text }
}

fn runnable(stored: prompts::Stored) -> Runnable {
    Runnable {
        id: stored.id,
        version: stored.number,
        label: stored.label.map(Into::into),
        is_strict: stored.is_strict,
        virtual_key: stored.content.virtual_key.into(),
        prompt: stored.prompt,
        partials: stored.partials,
        trial: stored.trial.map(|(trial, other)| (trial, Arc::new(runnable(*other)))),
    }
}

/// The fault is in the program's log already; a caller learns only that there is one.
fn unavailable(_: Error) -> Unavailable {
    Unavailable
}

#[async_trait]
impl KeySource for Rooms {
    fn digest(&self, presented: &str) -> Option<Digest> {
        digest(&self.app.keyring, presented)
    }

    async fn key(&self, digest: &Digest) -> std::result::Result<Option<CallerKey>, Unavailable> {
        self.find(digest).await.map_err(unavailable)
    }

    async fn member(&self, member: &SignedInMember) -> std::result::Result<Option<CallerKey>, Unavailable> {
        self.seated(member).await.map_err(unavailable)
    }

    async fn target(
        &self,
        organisation: OrganisationId,
        slug: &str,
    ) -> std::result::Result<Option<CallTarget>, Unavailable> {
        self.open(organisation, slug).await.map_err(unavailable)
    }

    async fn config(
        &self,
        organisation: OrganisationId,
        slug: &str,
    ) -> std::result::Result<Option<StoredConfig>, Unavailable> {
        let found = async {
            let mut tx = self.app.read_proven(organisation).await?;
            store::config(&mut tx, slug).await
        };
        let stored = |(id, version, text)| StoredConfig { id, version, text };
        Ok(found.await.map_err(unavailable)?.map(stored))
    }

    async fn guardrail(
        &self,
        organisation: OrganisationId,
        slug: &str,
    ) -> std::result::Result<Option<StoredGuardrail>, Unavailable> {
        let found = async {
            let mut tx = self.app.read_proven(organisation).await?;
            guardrails::stored(&mut tx, slug).await
        };
        Ok(found.await.map_err(unavailable)?.map(stored_guardrail))
    }

    async fn guardrails_of_all_calls(
        &self,
        organisation: OrganisationId,
    ) -> std::result::Result<Vec<(StoredGuardrail, AllCalls)>, Unavailable> {
        let found = async {
            let mut tx = self.app.read_proven(organisation).await?;
            guardrails::of_all_calls(&mut tx).await
        };
        let read = |(stored, calls)| (stored_guardrail(stored), calls);
        Ok(found.await.map_err(unavailable)?.into_iter().map(read).collect())
    }

    async fn prompt(
        &self,
        organisation: OrganisationId,
        address: &str,
    ) -> std::result::Result<Option<Runnable>, Unavailable> {
        let found = async {
            let mut tx = self.app.read_proven(organisation).await?;
            prompts::runnable(&mut tx, address, self.app.clock.now()).await
        };
        Ok(found.await.map_err(unavailable)?.map(runnable))
    }

    async fn slugs(&self, organisation: OrganisationId) -> std::result::Result<Vec<String>, Unavailable> {
        let listed = async {
            let mut tx = self.app.read_proven(organisation).await?;
            virtual_keys::slugs(&mut tx).await
        };
        listed.await.map_err(unavailable)
    }

    fn used(&self, organisation: OrganisationId, key: KeyId, permission: Permission) {
        let permissions = PermissionSet::EMPTY.with(permission);
        self.app.uses.count(organisation, key, permissions, self.app.clock.now());
    }
}
