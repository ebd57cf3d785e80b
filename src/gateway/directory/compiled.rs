//! Configs, guardrails and prompts: compiled once, off the threads that serve connections, and held by about how many bytes
//! they take.

use super::source::{StoredConfig, StoredGuardrail, Unavailable};
use super::{Directory, Inner, Known};
use crate::features::prompts::{model::Trial, operations::Reached};
use crate::guardrails::Guardrail;
use crate::kernel::{ConfigId, GuardrailId, OrganisationId, PromptId};
use crate::prompts::Prompt;
use crate::routing::{Breakers, Fault, Plan, compile};
use moka::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Bytes of compiled configs that are remembered, by a rough measure.
const PLANS: u64 = 64 << 20;
/// Bytes of compiled guardrails that are remembered, by a rough measure, each version once.
const GUARDS: u64 = 256 << 20;
/// Bytes of compiled prompts that are remembered, with their partials, by a rough measure.
const PROMPTS: u64 = 128 << 20;

/// A guardrail that judges calls, compiled.
#[derive(Debug)]
pub struct Guard {
    pub slug: Box<str>,
    pub version: i64,
    /// `None` where what is stored cannot be read any more: then no call that it should judge is let through.
    pub guardrail: Option<Guardrail>,
}

/// The guardrails of an organisation's every call: those that judge requests, and those that judge answers.
#[derive(Debug, Default)]
pub struct Everywhere {
    pub requests: Vec<Arc<Guard>>,
    pub answers: Vec<Arc<Guard>>,
}

/// A prompt that calls run, compiled with the partials within its reach.
#[derive(Debug)]
pub struct Runnable {
    pub id: PromptId,
    /// The number of its version.
    pub version: i64,
    /// The label by which it was found.
    pub label: Option<Box<str>>,
    pub is_strict: bool,
    /// The slug of the virtual key that it names; may be empty.
    pub virtual_key: Box<str>,
    pub prompt: Prompt,
    pub partials: Reached,
    /// Another version, and which calls run it.
    pub trial: Option<(Trial, Arc<Runnable>)>,
}

/// A config that leads calls, compiled.
#[derive(Debug)]
pub struct Config {
    /// Which it is, and its version; `None` for one that came with a request.
    pub saved: Option<(ConfigId, i64)>,
    /// What tells it from others, the same in all its versions.
    pub name: Box<str>,
    pub plan: Plan,
    pub breakers: Breakers,
}

/// A config that is found but may not be one that can be obeyed.
pub type Compiled = Result<Config, Vec<Fault>>;

/// What is held: what is not used gives way to others.
pub(super) struct Held {
    /// Prompts by their addresses.
    prompts: Cache<(OrganisationId, Box<str>), Arc<Runnable>>,
    /// A version of a config never changes, so that it is compiled once, and what is known of its targets is kept.
    plans: Cache<PlanKey, Arc<Compiled>>,
    /// The same of guardrails.
    guards: Cache<(OrganisationId, GuardrailId, i64), Arc<Guard>>,
}

impl Default for Held {
    fn default() -> Self {
        Self {
            prompts: Cache::builder()
                .max_capacity(PROMPTS)
                .weigher(|_, held: &Arc<Runnable>| prompt_weight(held))
                .build(),
            guards: Cache::builder().max_capacity(GUARDS).weigher(guard_weight).build(),
            plans: Cache::builder().max_capacity(PLANS).weigher(plan_weight).build(),
        }
    }
}

/// Which text a plan was compiled from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum PlanKey {
    Saved(OrganisationId, ConfigId, i64),
    Inline(OrganisationId, Box<str>),
}

impl Directory {
    /// The config of a key's organisation with this slug, compiled.
    ///
    /// # Errors
    /// As [`key`](Directory::key).
    pub async fn config(&self, known: &Known, slug: &str) -> Result<Option<Arc<Compiled>>, Unavailable> {
        let organisation = known.caller.organisation;
        let name: Box<str> = slug.into();
        let load = move |inner: Arc<Inner>| {
            let name = name.clone();
            async move {
                let Some(stored) = inner.source.config(organisation, &name).await? else { return Ok(None) };
                let version = (stored.id, stored.version);
                inner.saved(organisation, name, stored).await?;
                Ok(Some(version))
            }
        };
        let found = self.named(known, slug, (&known.shelf.configs, &self.0.unknown_configs), load).await?;
        let Some((id, version)) = *found else { return Ok(None) };
        if let Some(compiled) = self.0.held.plans.get(&PlanKey::Saved(organisation, id, version)) {
            return Ok(Some(compiled));
        }
        // It had to give way to others: only plans are bounded by their bytes, so nothing else holds one.
        let _turn = known.shelf.loads.acquire().await.map_err(|_| Unavailable)?;
        let _among_all = self.0.loads.acquire().await.map_err(|_| Unavailable)?;
        let Some(stored) = self.0.source.config(organisation, slug).await? else { return Ok(None) };
        self.0.clone().saved(organisation, slug.into(), stored).await.map(Some)
    }

    /// A config that a request of this key brought along, compiled.
    ///
    /// # Errors
    /// [`Unavailable`] when the program is ending.
    pub async fn inline_config(&self, known: &Known, text: &str) -> Result<Arc<Compiled>, Unavailable> {
        let key = PlanKey::Inline(known.caller.organisation, text.into());
        match self.0.held.plans.get(&key) {
            Some(compiled) => Ok(compiled),
            None => {
                // As few at a time as look-ups: a flood of new texts leaves room for others.
                let _turn = known.shelf.loads.acquire().await.map_err(|_| Unavailable)?;
                let _among_all = self.0.loads.acquire().await.map_err(|_| Unavailable)?;
                self.0.clone().compiled(key, None, text.into(), text.to_owned()).await
            }
        }
    }

    /// The guardrail of a key's organisation with this slug, compiled.
    ///
    /// # Errors
    /// As [`key`](Directory::key).
    pub async fn guardrail(&self, known: &Known, slug: &str) -> Result<Option<Arc<Guard>>, Unavailable> {
        let organisation = known.caller.organisation;
        let name: Box<str> = slug.into();
        let load = move |inner: Arc<Inner>| {
            let name = name.clone();
            async move {
                let Some(stored) = inner.source.guardrail(organisation, &name).await? else { return Ok(None) };
                inner.guard(organisation, stored).await.map(Some)
            }
        };
        let found = self.named(known, slug, (&known.shelf.guardrails, &self.0.unknown_guardrails), load).await?;
        Ok((*found).clone())
    }

    /// The prompt of a key's organisation that an address names, compiled.
    ///
    /// # Errors
    /// As [`key`](Directory::key).
    pub async fn prompt(&self, known: &Known, address: &str) -> Result<Option<Arc<Runnable>>, Unavailable> {
        let organisation = known.caller.organisation;
        let name: Box<str> = address.into();
        let load = move |inner: Arc<Inner>| {
            let name = name.clone();
            async move { Ok(inner.runnable(organisation, name).await?.as_ref().map(Arc::downgrade)) }
        };
        let found = self.named(known, address, (&known.shelf.prompts, &self.0.unknown_prompts), load).await?;
        let Some(held) = &*found else { return Ok(None) };
        // What is asked for stays; what had to give way to others is read again.
        let kept = self.0.held.prompts.get(&(organisation, address.into()));
        if let Some(prompt) = held.upgrade() {
            if kept.is_none() {
                self.0.held.prompts.insert((organisation, address.into()), prompt.clone());
            }
            return Ok(Some(prompt));
        }
        let _turn = known.shelf.loads.acquire().await.map_err(|_| Unavailable)?;
        let _among_all = self.0.loads.acquire().await.map_err(|_| Unavailable)?;
        self.0.runnable(organisation, address.into()).await
    }

    /// The guardrails of every call of a key's organisation, compiled.
    ///
    /// # Errors
    /// As [`key`](Directory::key).
    pub async fn everywhere(&self, known: &Known) -> Result<Arc<Everywhere>, Unavailable> {
        let organisation = known.caller.organisation;
        let shelf = &known.shelf;
        let load = move |inner: Arc<Inner>| async move {
            let mut found = Everywhere::default();
            for (stored, calls) in inner.source.guardrails_of_all_calls(organisation).await? {
                let guard = inner.guard(organisation, stored).await?;
                if calls.requests {
                    found.requests.push(guard.clone());
                }
                if calls.answers {
                    found.answers.push(guard);
                }
            }
            Ok(found)
        };
        let changed = |inner: &Inner, _: &Everywhere| {
            let changed = shelf.changed.load(Ordering::SeqCst).max(inner.all_changed.load(Ordering::SeqCst));
            (changed, inner.ages.limit)
        };
        self.answer(&shelf.everywhere, Some(shelf), changed, load).await
    }
}

impl Inner {
    /// A stored config, compiled.
    async fn saved(
        self: Arc<Self>,
        organisation: OrganisationId,
        name: Box<str>,
        stored: StoredConfig,
    ) -> Result<Arc<Compiled>, Unavailable> {
        let key = PlanKey::Saved(organisation, stored.id, stored.version);
        match self.held.plans.get(&key) {
            Some(compiled) => Ok(compiled),
            None => self.compiled(key, Some((stored.id, stored.version)), name, stored.text).await,
        }
    }

    /// Compiles a config's text, off the threads that serve connections, and remembers what came of it.
    async fn compiled(
        self: Arc<Self>,
        key: PlanKey,
        saved: Option<(ConfigId, i64)>,
        name: Box<str>,
        text: String,
    ) -> Result<Arc<Compiled>, Unavailable> {
        let work = move || {
            compile(&text).map(|plan| {
                let breakers = Breakers::of(&plan);
                Config { saved, name, plan, breakers }
            })
        };
        let compiled = Arc::new(tokio::task::spawn_blocking(work).await.map_err(|_| Unavailable)?);
        // Of two that compile the same at once both obey the first.
        Ok(self.held.plans.get_with(key, || compiled))
    }

    /// A stored guardrail, compiled off the threads that serve connections.
    async fn guard(&self, organisation: OrganisationId, stored: StoredGuardrail) -> Result<Arc<Guard>, Unavailable> {
        let StoredGuardrail { id, slug, version, text } = stored;
        let key = (organisation, id, version);
        if let Some(guard) = self.held.guards.get(&key) {
            return Ok(guard);
        }
        let work = move || {
            // Where a webhook may be is asked again when it is called.
            let definition = serde_json::from_str(&text).ok();
            let guardrail = definition.and_then(|definition| Guardrail::compile(&definition, &|_| Ok(())).ok());
            Guard { slug, version, guardrail }
        };
        let guard = Arc::new(tokio::task::spawn_blocking(work).await.map_err(|_| Unavailable)?);
        if guard.guardrail.is_none() {
            tracing::error!(slug = &*guard.slug, version, "a stored guardrail cannot be read: calls are refused");
        }
        self.held.guards.insert(key, guard.clone());
        Ok(guard)
    }

    /// A prompt as it is now, which takes the place of what was held under its address.
    async fn runnable(
        &self,
        organisation: OrganisationId,
        name: Box<str>,
    ) -> Result<Option<Arc<Runnable>>, Unavailable> {
        let found = self.source.prompt(organisation, &name).await?.map(Arc::new);
        match &found {
            Some(prompt) => self.held.prompts.insert((organisation, name), prompt.clone()),
            None => self.held.prompts.invalidate(&(organisation, name)),
        }
        Ok(found)
    }
}

/// About how many bytes a remembered guardrail takes: patterns are what weighs.
fn guard_weight(_: &(OrganisationId, GuardrailId, i64), guard: &Arc<Guard>) -> u32 {
    let checks = guard.guardrail.as_ref().map_or(0, Guardrail::checks);
    u32::try_from(4_096 + checks * (256 << 10)).unwrap_or(u32::MAX)
}

/// About how many bytes a remembered prompt takes.
fn prompt_weight(held: &Runnable) -> u32 {
    let partials = held
        .partials
        .iter()
        .map(|((slug, _), template)| slug.len() + 128 + template.as_ref().map_or(0, |template| template.size()));
    let own = u32::try_from(1_024 + held.prompt.size() + partials.sum::<usize>()).unwrap_or(u32::MAX);
    held.trial.as_ref().map_or(own, |(_, other)| own.saturating_add(prompt_weight(other)))
}

/// About how many bytes a remembered plan takes.
fn plan_weight(key: &PlanKey, compiled: &Arc<Compiled>) -> u32 {
    let text = match key {
        PlanKey::Saved(..) => 0,
        PlanKey::Inline(_, text) => text.len(),
    };
    let plan = match &**compiled {
        Ok(config) => config.plan.weight(),
        Err(faults) => faults.iter().map(|fault| 128 + fault.path.len() + fault.message.len()).sum(),
    };
    u32::try_from(text + plan).unwrap_or(u32::MAX)
}
