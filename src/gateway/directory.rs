//! Who may call and where to, in memory: verified keys under their whole digest, and each organisation's targets.
//!
//! Three rules keep a remembered answer honest:
//! - it is dropped the moment [`Directory::invalidate`] says that the organisation changed, and an answer that was being
//!   read at that moment is not kept;
//! - it is read anew in the background once it is no longer [`fresh`](Ages::fresh), off the request's path;
//! - it is never used beyond its [`limit`](Ages::limit), so that a lost notification cannot stretch a revocation further, and a
//!   database that is away stops calls rather than letting them be guessed.

use super::limits::LimitSet;
use super::target::CallTarget;
use crate::features::api_keys::narrowing::KeyBounds;
use crate::features::guardrails::model::AllCalls;
use crate::features::logs::texts::Keeps;
use crate::features::prompts::{model::Trial, operations::Reached};
use crate::guardrails::Guardrail;
use crate::kernel::price::Prices;
use crate::kernel::{
    ConfigId, GuardrailId, KeyId, OrganisationId, PromptId, SecretId, Timestamp, UserId, VirtualKeyId,
};
use crate::policy::{Permission, PermissionSet};
use crate::prompts::Prompt;
use crate::routing::{Breakers, Fault, Plan, compile};
use crate::server::access::SignedInMember;
use async_trait::async_trait;
use moka::sync::Cache;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

/// How old answers may grow.
#[derive(Debug, Clone, Copy)]
pub struct Ages {
    /// From this age on an answer is read anew in the background.
    pub fresh: Duration,
    /// From this age on an answer is not used any more.
    pub limit: Duration,
    /// From this age on "there is no such key" or "no such virtual key" is asked again.
    pub unknown: Duration,
    /// How long a caller waits for a look-up.
    pub patience: Duration,
}

impl Default for Ages {
    /// Every replica obeys within five seconds, so the limit is below that.
    fn default() -> Self {
        Self {
            fresh: Duration::from_secs(2),
            limit: Duration::from_millis(4500),
            unknown: Duration::from_secs(2),
            patience: Duration::from_secs(2),
        }
    }
}

/// Look-ups at a time, so that a flood of invented keys leaves the database to others; and how many of them may be of
/// one organisation's targets.
const LOADS: usize = 32;
const SHARE: usize = 8;
/// Keys remembered, unknown keys and slugs remembered, targets remembered per organisation.
const KEYS: u64 = 100_000;
const UNKNOWN: u64 = 10_000;
const TARGETS: usize = 1_000;
/// Bytes of compiled configs that are remembered, by a rough measure.
const PLANS: u64 = 64 << 20;
/// Bytes of compiled guardrails that are remembered, by a rough measure, each version once.
const GUARDS: u64 = 256 << 20;
/// Bytes of compiled prompts that are remembered, with their partials, by a rough measure.
const PROMPTS: u64 = 128 << 20;
/// Organisations without a remembered key are forgotten above this number.
const ORGANISATIONS: usize = 10_000;

/// The keyed digest of a key's whole secret.
pub type Digest = [u8; 32];

/// What an API key that exists stands for, or a person who calls from the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerKey {
    pub organisation: OrganisationId,
    /// Of a person: their own id.
    pub key: KeyId,
    /// Which of the key's secrets was presented. Of a person: the session's id.
    pub secret: SecretId,
    /// Who it is that calls, where it is no key.
    pub person: Option<UserId>,
    pub standing: Standing,
    /// The first instant at which the key is refused.
    pub expires_at: Option<Timestamp>,
    /// The first instant at which this secret is refused because a newer one replaced it.
    pub rotated_at: Option<Timestamp>,
    /// Whether the policy lets it call and list models: one permission, see the table of operations.
    pub may_complete: bool,
    /// What the key may do, by which answers that are kept are told apart.
    pub permissions: PermissionSet,
    /// The slug of the config that leads its calls where a request names none.
    pub config: Option<Box<str>>,
    /// Whether a request may name another.
    pub may_override: bool,
    /// Whether the organisation lets requests name only what is saved.
    pub saved_only: bool,
    /// Whether the organisation has guardrails for all its calls.
    pub guarded: bool,
    /// How the texts of its calls are kept, if they are.
    pub keeps: Option<Keeps>,
    /// The organisation's own prices, if it has any.
    pub prices: Option<Arc<Prices>>,
    /// What it may use: by its own limits, its person's, and the organisation's.
    pub limits: LimitSet,
    /// What bounds it beside its permissions, if anything does.
    pub bounds: Option<Arc<KeyBounds>>,
}

/// A config as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredConfig {
    pub id: ConfigId,
    /// Of the newest version.
    pub version: i64,
    pub text: String,
}

/// A guardrail as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredGuardrail {
    pub id: GuardrailId,
    pub slug: Box<str>,
    /// Of the newest version.
    pub version: i64,
    pub text: String,
}

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

/// Whether a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Live,
    Disabled,
    Revoked,
}

/// The database could not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the directory of keys cannot be read")]
pub struct Unavailable;

/// Where the directory reads from.
#[async_trait]
pub trait KeySource: Send + Sync + 'static {
    /// The digest under which a presented secret would be stored. `None` for a word that is no key by its form or
    /// checksum. Called for every request: no input or output.
    fn digest(&self, presented: &str) -> Option<Digest>;

    /// The key with this digest, revoked and disabled ones included, or `None`.
    async fn key(&self, digest: &Digest) -> Result<Option<CallerKey>, Unavailable>;

    /// A person in an organisation of theirs, as a key with their rights; `None` once their session has ended or they do not
    /// belong to it.
    async fn member(&self, member: &SignedInMember) -> Result<Option<CallerKey>, Unavailable>;

    /// The virtual key of this organisation with this slug, ready to call, or `None`.
    async fn target(&self, organisation: OrganisationId, slug: &str) -> Result<Option<CallTarget>, Unavailable>;

    /// The config of this organisation with this slug, or `None`.
    async fn config(&self, organisation: OrganisationId, slug: &str) -> Result<Option<StoredConfig>, Unavailable>;

    /// The guardrail of this organisation with this slug, or `None`.
    async fn guardrail(&self, organisation: OrganisationId, slug: &str)
    -> Result<Option<StoredGuardrail>, Unavailable>;

    /// The guardrails of this organisation that judge every call, in their order.
    async fn guardrails_of_all_calls(
        &self,
        organisation: OrganisationId,
    ) -> Result<Vec<(StoredGuardrail, AllCalls)>, Unavailable>;

    /// The prompt of this organisation that an address (`slug`, `slug@7`, `slug@staging`) names, or `None`.
    async fn prompt(&self, organisation: OrganisationId, address: &str) -> Result<Option<Runnable>, Unavailable>;

    /// The slugs of all virtual keys of this organisation that may be called.
    async fn slugs(&self, organisation: OrganisationId) -> Result<Vec<String>, Unavailable>;

    /// Counts that a key used a permission for what leaves no record. Called where it did: no input or output.
    fn used(&self, _organisation: OrganisationId, _key: KeyId, _permission: Permission) {}
}

/// A key that was found, with its organisation's shelf of targets.
#[derive(Debug)]
pub struct Known {
    pub caller: CallerKey,
    who: Who,
    shelf: Arc<Shelf>,
}

/// By what a caller is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    Key(Digest),
    Member(SignedInMember),
}

/// The directory. Cheap to clone; all clones share what they remember.
#[derive(Clone)]
pub struct Directory(Arc<Inner>);

struct Inner {
    source: Arc<dyn KeySource>,
    ages: Ages,
    known: Cache<Who, Arc<Slot<Option<Known>>>>,
    unknown: Cache<Who, Arc<Slot<Option<Known>>>>,
    /// Slugs that no virtual key has, by organisation; and those that no config has.
    unknown_targets: Unknown<CallTarget>,
    unknown_configs: Unknown<(ConfigId, i64)>,
    unknown_guardrails: Unknown<Arc<Guard>>,
    unknown_prompts: Unknown<Weak<Runnable>>,
    /// What holds prompts, by their addresses: what is not used gives way to others.
    prompts: Cache<(OrganisationId, Box<str>), Arc<Runnable>>,
    /// A version of a config never changes, so that it is compiled once, and what is known of its targets is kept.
    plans: Cache<PlanKey, Arc<Compiled>>,
    /// The same of guardrails.
    guards: Cache<(OrganisationId, GuardrailId, i64), Arc<Guard>>,
    shelves: Mutex<Shelves>,
    loads: Semaphore,
    /// Counts changes. An answer remembers the count from before it was read.
    changes: AtomicU64,
    /// The count at the last change of everything.
    all_changed: AtomicU64,
    /// The count at the last change of anything: "unknown" may have become known.
    any_changed: AtomicU64,
}

#[derive(Default)]
struct Shelves {
    by_organisation: HashMap<OrganisationId, Arc<Shelf>>,
    /// The count when shelves were last forgotten: a new shelf trusts nothing read before it.
    forgotten_at: u64,
}

/// Slots by slug, and those that are empty, by organisation.
type Named<T> = RwLock<HashMap<Box<str>, Arc<Slot<Option<T>>>>>;
type Unknown<T> = Cache<(OrganisationId, Box<str>), Arc<Slot<Option<T>>>>;

/// Which text a plan was compiled from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum PlanKey {
    Saved(OrganisationId, ConfigId, i64),
    Inline(OrganisationId, Box<str>),
}

/// What belongs to one organisation.
#[derive(Debug)]
struct Shelf {
    /// The count at the organisation's last change.
    changed: AtomicU64,
    /// Those that there are.
    targets: Named<CallTarget>,
    /// Which version each slug stands for; the plans themselves are held in one place.
    configs: Named<(ConfigId, i64)>,
    guardrails: Named<Arc<Guard>>,
    prompts: Named<Weak<Runnable>>,
    everywhere: Arc<Slot<Everywhere>>,
    loads: Semaphore,
}

/// A remembered answer, and the lock that lets one reader at a time ask for it.
struct Slot<T> {
    answer: RwLock<Option<Answer<T>>>,
    asking: tokio::sync::Mutex<()>,
    renewing: AtomicBool,
}

struct Answer<T> {
    value: Arc<T>,
    /// When the question was sent.
    asked: Instant,
    /// The count of changes at that moment.
    count: u64,
}

impl<T> Clone for Answer<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), asked: self.asked, count: self.count }
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { answer: RwLock::new(None), asking: tokio::sync::Mutex::new(()), renewing: AtomicBool::new(false) }
    }
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot")
    }
}

impl<T> Slot<T> {
    fn get(&self) -> Option<Answer<T>> {
        self.answer.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, answer: Answer<T>) {
        let mut held = self.answer.write().unwrap_or_else(PoisonError::into_inner);
        // A slow look-up must not overwrite a newer one.
        if held.as_ref().is_none_or(|older| older.asked <= answer.asked) {
            *held = Some(answer);
        }
    }
}

impl Directory {
    pub fn new(source: Arc<dyn KeySource>, ages: Ages) -> Self {
        Self(Arc::new(Inner {
            source,
            ages,
            known: Cache::new(KEYS),
            unknown: Cache::new(UNKNOWN),
            unknown_targets: Cache::new(UNKNOWN),
            unknown_configs: Cache::new(UNKNOWN),
            unknown_guardrails: Cache::new(UNKNOWN),
            unknown_prompts: Cache::new(UNKNOWN),
            prompts: Cache::builder()
                .max_capacity(PROMPTS)
                .weigher(|_, held: &Arc<Runnable>| prompt_weight(held))
                .build(),
            guards: Cache::builder().max_capacity(GUARDS).weigher(guard_weight).build(),
            plans: Cache::builder().max_capacity(PLANS).weigher(weight).build(),
            shelves: Mutex::default(),
            loads: Semaphore::new(LOADS),
            changes: AtomicU64::new(0),
            all_changed: AtomicU64::new(0),
            any_changed: AtomicU64::new(0),
        }))
    }

    /// The key that a presented secret belongs to, whatever its standing. `None` when there is none.
    ///
    /// # Errors
    /// [`Unavailable`] when nothing young enough is remembered and the source does not answer in time.
    pub async fn key(&self, presented: &str) -> Result<Option<Arc<Option<Known>>>, Unavailable> {
        let Some(digest) = self.0.source.digest(presented) else { return Ok(None) };
        let found = self.find(Who::Key(digest)).await?;
        Ok(found.is_some().then_some(found))
    }

    /// The caller that a signed-in person is. `None` once their session has ended or they do not belong to the
    /// organisation.
    ///
    /// # Errors
    /// As [`key`](Self::key).
    pub async fn member(&self, member: SignedInMember) -> Result<Option<Arc<Option<Known>>>, Unavailable> {
        let found = self.find(Who::Member(member)).await?;
        Ok(found.is_some().then_some(found))
    }

    /// The same key as it stands now.
    ///
    /// # Errors
    /// As [`key`](Self::key).
    pub async fn again(&self, known: &Known) -> Result<Arc<Option<Known>>, Unavailable> {
        self.find(known.who).await
    }

    async fn find(&self, who: Who) -> Result<Arc<Option<Known>>, Unavailable> {
        let (slot, remembered) = match self.0.known.get(&who) {
            Some(slot) => (slot, true),
            None => (self.0.unknown.get_with(who, Arc::default), false),
        };
        let load = move |inner: Arc<Inner>| async move { inner.load_caller(who).await };
        let found = self.answer(&slot, None, Inner::key_changed, load).await?;
        match (&*found, remembered) {
            (Some(_), false) => {
                self.0.known.insert(who, slot);
                self.0.unknown.invalidate(&who);
            }
            (None, true) => self.0.known.invalidate(&who),
            _ => {}
        }
        Ok(found)
    }

    /// The target of a key's organisation with this slug.
    ///
    /// # Errors
    /// As [`key`](Self::key).
    pub async fn target(&self, known: &Known, slug: &str) -> Result<Arc<Option<CallTarget>>, Unavailable> {
        let organisation = known.caller.organisation;
        let name: Box<str> = slug.into();
        let load = move |inner: Arc<Inner>| {
            let name = name.clone();
            async move { inner.source.target(organisation, &name).await }
        };
        self.named(known, slug, (&known.shelf.targets, &self.0.unknown_targets), load).await
    }

    /// A virtual key as it was last looked up, for whoever tells of calls afterwards. Nobody is asked: `None` where nothing
    /// is remembered of it any more.
    pub fn remembered(&self, organisation: OrganisationId, id: VirtualKeyId) -> Option<Arc<Option<CallTarget>>> {
        let shelf = {
            let shelves = self.0.shelves.lock().unwrap_or_else(PoisonError::into_inner);
            shelves.by_organisation.get(&organisation)?.clone()
        };
        let targets = shelf.targets.read().unwrap_or_else(PoisonError::into_inner);
        let is_it = |target: &Option<CallTarget>| target.as_ref().is_some_and(|target| target.virtual_key == id);
        let answers = targets.values().filter_map(|slot| slot.get()).filter(|answer| is_it(&answer.value));
        answers.max_by_key(|answer| answer.asked).map(|answer| answer.value)
    }

    /// The config of a key's organisation with this slug, compiled.
    ///
    /// # Errors
    /// As [`key`](Self::key).
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
        if let Some(compiled) = self.0.plans.get(&PlanKey::Saved(organisation, id, version)) {
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
        match self.0.plans.get(&key) {
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
    /// As [`key`](Self::key).
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
    /// As [`key`](Self::key).
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
        let kept = self.0.prompts.get(&(organisation, address.into()));
        if let Some(prompt) = held.upgrade() {
            if kept.is_none() {
                self.0.prompts.insert((organisation, address.into()), prompt.clone());
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
    /// As [`key`](Self::key).
    pub async fn everywhere(&self, known: &Known) -> Result<Arc<Everywhere>, Unavailable> {
        let organisation = known.caller.organisation;
        let shelf = &known.shelf;
        let load = move |inner: Arc<Inner>| async move {
            let mut found = Everywhere::default();
            for (stored, calls) in inner.source.guardrails_of_all_calls(organisation).await? {
                let guard = inner.clone().guard(organisation, stored).await?;
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

    /// What is remembered under a slug, or a new answer; those that there are and those that there are not apart.
    async fn named<T, L, F>(
        &self,
        known: &Known,
        slug: &str,
        (there, unknown): (&Named<T>, &Unknown<T>),
        load: L,
    ) -> Result<Arc<Option<T>>, Unavailable>
    where
        T: Send + Sync + 'static,
        L: Fn(Arc<Inner>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Option<T>, Unavailable>> + Send + 'static,
    {
        let shelf = &known.shelf;
        let organisation = known.caller.organisation;
        let kept = there.read().unwrap_or_else(PoisonError::into_inner).get(slug).cloned();
        // Invented slugs do not push out those that there are.
        let (slot, remembered) = match kept {
            Some(slot) => (slot, true),
            None => (unknown.get_with((organisation, slug.into()), Arc::default), false),
        };
        let changed = |inner: &Inner, value: &Option<T>| {
            let changed = shelf.changed.load(Ordering::SeqCst).max(inner.all_changed.load(Ordering::SeqCst));
            (changed, if value.is_some() { inner.ages.limit } else { inner.ages.unknown })
        };
        let found = self.answer(&slot, Some(shelf), changed, load).await?;
        match (&*found, remembered) {
            (Some(_), false) => {
                keep(there, slug, slot);
                unknown.invalidate(&(organisation, slug.into()));
            }
            (None, true) => drop(there.write().unwrap_or_else(PoisonError::into_inner).remove(slug)),
            _ => {}
        }
        Ok(found)
    }

    /// The slugs of all targets of a key's organisation, in order.
    ///
    /// # Errors
    /// As [`key`](Self::key).
    pub async fn slugs(&self, known: &Known) -> Result<Vec<String>, Unavailable> {
        let listing = self.0.source.slugs(known.caller.organisation);
        let mut slugs = timeout(self.0.ages.patience, listing).await.map_err(|_| Unavailable)??;
        slugs.sort_unstable();
        Ok(slugs)
    }

    /// Counts that a key used a permission for what leaves no record.
    pub fn used(&self, known: &Known, permission: Permission) {
        let CallerKey { organisation, key, person, .. } = known.caller;
        if person.is_none() {
            self.0.source.used(organisation, key, permission);
        }
    }

    /// Forgets what is remembered of an organisation. Call it after the change is committed.
    pub fn invalidate(&self, organisation: OrganisationId) {
        let count = self.0.changes.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.any_changed.fetch_max(count, Ordering::SeqCst);
        self.0.shelf(organisation).changed.fetch_max(count, Ordering::SeqCst);
    }

    /// Forgets everything, as after a lost notification link.
    pub fn invalidate_all(&self) {
        let count = self.0.changes.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.any_changed.fetch_max(count, Ordering::SeqCst);
        self.0.all_changed.fetch_max(count, Ordering::SeqCst);
    }

    /// A remembered answer if it is honest, else a new one; one question at a time for each slot, and no more
    /// than its share for each shelf. `rule` gives the count at the last change that concerns the answer, and the age to
    /// which it may be used.
    async fn answer<T, R, L, F>(
        &self,
        slot: &Arc<Slot<T>>,
        shelf: Option<&Arc<Shelf>>,
        rule: R,
        load: L,
    ) -> Result<Arc<T>, Unavailable>
    where
        T: Send + Sync + 'static,
        R: Fn(&Inner, &T) -> (u64, Duration),
        L: Fn(Arc<Inner>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<T, Unavailable>> + Send + 'static,
    {
        let usable = |answer: &Answer<T>, age: Duration| {
            let (changed, limit) = rule(&self.0, &answer.value);
            answer.count >= changed && age < limit
        };
        if let Some(answer) = slot.get() {
            let age = answer.asked.elapsed();
            if usable(&answer, age) {
                if age >= self.0.ages.fresh && !slot.renewing.swap(true, Ordering::SeqCst) {
                    self.renew(slot.clone(), shelf.cloned(), load);
                }
                return Ok(answer.value);
            }
        }
        timeout(self.0.ages.patience, async {
            let _asking = slot.asking.lock().await;
            // While this caller waited, somebody may have asked.
            if let Some(answer) = slot.get()
                && usable(&answer, answer.asked.elapsed())
            {
                return Ok(answer.value);
            }
            // A change that comes while this question is out happens beside this request, which may see either side of
            // it; whoever comes later finds the answer outdated by its count and asks again.
            let answer = self.0.clone().ask(shelf.map(|shelf| &**shelf), &load).await?;
            slot.set(answer.clone());
            Ok(answer.value)
        })
        .await
        .map_err(|_| Unavailable)?
    }

    fn renew<T, L, F>(&self, slot: Arc<Slot<T>>, shelf: Option<Arc<Shelf>>, load: L)
    where
        T: Send + Sync + 'static,
        L: Fn(Arc<Inner>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<T, Unavailable>> + Send + 'static,
    {
        let inner = self.0.clone();
        tokio::spawn(async move {
            let asking = slot.asking.lock().await;
            if let Ok(Ok(answer)) = timeout(inner.ages.patience, inner.clone().ask(shelf.as_deref(), &load)).await {
                slot.set(answer);
            }
            drop(asking);
            slot.renewing.store(false, Ordering::SeqCst);
        });
    }
}

impl Inner {
    async fn ask<T, L, F>(self: Arc<Self>, shelf: Option<&Shelf>, load: &L) -> Result<Answer<T>, Unavailable>
    where
        L: Fn(Arc<Inner>) -> F,
        F: Future<Output = Result<T, Unavailable>>,
    {
        let _share = match shelf {
            Some(shelf) => Some(shelf.loads.acquire().await.map_err(|_| Unavailable)?),
            None => None,
        };
        let _turn = self.loads.acquire().await.map_err(|_| Unavailable)?;
        let count = self.changes.load(Ordering::SeqCst);
        let asked = Instant::now();
        let value = Arc::new(load(self.clone()).await?);
        Ok(Answer { value, asked, count })
    }

    async fn load_caller(self: Arc<Self>, who: Who) -> Result<Option<Known>, Unavailable> {
        let found = match &who {
            Who::Key(digest) => self.source.key(digest).await?,
            Who::Member(member) => self.source.member(member).await?,
        };
        Ok(found.map(|caller| Known { shelf: self.shelf(caller.organisation), caller, who }))
    }

    /// A stored config, compiled.
    async fn saved(
        self: Arc<Self>,
        organisation: OrganisationId,
        name: Box<str>,
        stored: StoredConfig,
    ) -> Result<Arc<Compiled>, Unavailable> {
        let key = PlanKey::Saved(organisation, stored.id, stored.version);
        match self.plans.get(&key) {
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
        Ok(self.plans.get_with(key, || compiled))
    }

    /// A stored guardrail, compiled off the threads that serve connections.
    async fn guard(
        self: &Arc<Self>,
        organisation: OrganisationId,
        stored: StoredGuardrail,
    ) -> Result<Arc<Guard>, Unavailable> {
        let StoredGuardrail { id, slug, version, text } = stored;
        let key = (organisation, id, version);
        if let Some(guard) = self.guards.get(&key) {
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
        self.guards.insert(key, guard.clone());
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
            Some(prompt) => self.prompts.insert((organisation, name), prompt.clone()),
            None => self.prompts.invalidate(&(organisation, name)),
        }
        Ok(found)
    }

    fn key_changed(&self, found: &Option<Known>) -> (u64, Duration) {
        match found {
            Some(known) => {
                let changed = known.shelf.changed.load(Ordering::SeqCst);
                (changed.max(self.all_changed.load(Ordering::SeqCst)), self.ages.limit)
            }
            None => (self.any_changed.load(Ordering::SeqCst), self.ages.unknown),
        }
    }

    fn shelf(&self, organisation: OrganisationId) -> Arc<Shelf> {
        let mut shelves = self.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        if shelves.by_organisation.len() >= ORGANISATIONS && !shelves.by_organisation.contains_key(&organisation) {
            shelves.by_organisation.retain(|_, shelf| Arc::strong_count(shelf) > 1);
            shelves.forgotten_at = self.changes.load(Ordering::SeqCst);
        }
        let since = shelves.forgotten_at;
        let new = || {
            let (changed, loads) = (AtomicU64::new(since), Semaphore::new(SHARE));
            Arc::new(Shelf {
                changed,
                targets: RwLock::default(),
                configs: RwLock::default(),
                guardrails: RwLock::default(),
                prompts: RwLock::default(),
                everywhere: Arc::default(),
                loads,
            })
        };
        shelves.by_organisation.entry(organisation).or_insert_with(new).clone()
    }
}

fn keep<T>(there: &Named<T>, slug: &str, slot: Arc<Slot<Option<T>>>) {
    let mut there = there.write().unwrap_or_else(PoisonError::into_inner);
    if there.len() >= TARGETS
        && let Some(other) = there.keys().next().cloned()
    {
        there.remove(&other);
    }
    there.insert(slug.into(), slot);
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
fn weight(key: &PlanKey, compiled: &Arc<Compiled>) -> u32 {
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

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("keys", &self.0.known.entry_count()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
