//! Who may call and where to, in memory: verified keys under their whole digest, and each organisation's targets.
//!
//! Three rules keep a remembered answer honest:
//! - it is dropped the moment [`Directory::invalidate`] says that the organisation changed, and an answer that was being
//!   read at that moment is not kept;
//! - it is read anew in the background once it is no longer [`fresh`](Ages::fresh), off the request's path;
//! - it is never used beyond its [`limit`](Ages::limit), so that a lost notification cannot stretch a revocation further, and a
//!   database that is away stops calls rather than letting them be guessed.
//!
//! Here is who calls and where to. What is read, and from where, stands in `source`; the rules in `answer`; what belongs to
//! one organisation in `shelf`; and configs, guardrails and prompts, which are compiled once and held, in `compiled`.

mod answer;
mod compiled;
mod shelf;
mod source;

pub use compiled::{Compiled, Config, Everywhere, Guard, Runnable};
pub use source::{CallerKey, Digest, KeySource, Standing, StoredConfig, StoredGuardrail, Unavailable};

use super::target::CallTarget;
use crate::kernel::{ConfigId, OrganisationId, VirtualKeyId};
use crate::policy::Permission;
use crate::server::access::SignedInMember;
use answer::Slot;
use compiled::Held;
use moka::sync::Cache;
use shelf::{Shelf, Shelves, Unknown};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How old answers may grow.
#[derive(Debug, Clone, Copy)]
pub struct Ages {
    /// From this age on an answer is read anew in the background.
    pub fresh: Duration,
    /// From this age on an answer is not used any more.
    pub limit: Duration,
    /// From this age on "there is none", of a key or under a slug, is asked again.
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

/// Look-ups at a time, so that a flood of invented keys leaves the database to others.
const LOADS: usize = 32;
/// Keys remembered, and unknown keys and slugs remembered.
const KEYS: u64 = 100_000;
const UNKNOWN: u64 = 10_000;

/// A key that was found, with the shelf of its organisation.
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
    /// Slugs under which there is no virtual key, config, guardrail or prompt, by organisation.
    unknown_targets: Unknown<CallTarget>,
    unknown_configs: Unknown<(ConfigId, i64)>,
    unknown_guardrails: Unknown<Arc<Guard>>,
    unknown_prompts: Unknown<Weak<Runnable>>,
    held: Held,
    shelves: Mutex<Shelves>,
    loads: Semaphore,
    /// Counts changes. An answer remembers the count from before it was read.
    changes: AtomicU64,
    /// The count at the last change of everything.
    all_changed: AtomicU64,
    /// The count at the last change of anything: "unknown" may have become known.
    any_changed: AtomicU64,
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
            held: Held::default(),
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
}

impl Inner {
    async fn load_caller(self: Arc<Self>, who: Who) -> Result<Option<Known>, Unavailable> {
        let found = match &who {
            Who::Key(digest) => self.source.key(digest).await?,
            Who::Member(member) => self.source.member(member).await?,
        };
        Ok(found.map(|caller| Known { shelf: self.shelf(caller.organisation), caller, who }))
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
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory").field("keys", &self.0.known.entry_count()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
