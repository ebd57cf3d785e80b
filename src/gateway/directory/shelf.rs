//! What is remembered of one organisation: an answer for each slug, those that there are and those that there are not apart.

use super::answer::Slot;
use super::compiled::{Everywhere, Guard, Runnable};
use super::source::Unavailable;
use super::{Directory, Inner, Known};
use crate::gateway::target::CallTarget;
use crate::kernel::{ConfigId, OrganisationId};
use moka::sync::Cache;
use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use tokio::sync::Semaphore;

/// How many look-ups at a time may be of one organisation.
pub(super) const SHARE: usize = 8;
/// Targets remembered per organisation, and as many of each other kind.
pub(super) const TARGETS: usize = 1_000;
/// Organisations without a remembered key are forgotten above this number.
const ORGANISATIONS: usize = 10_000;

/// Slots by slug, and those that are empty, by organisation.
pub(super) type Named<T> = RwLock<HashMap<Box<str>, Arc<Slot<Option<T>>>>>;
pub(super) type Unknown<T> = Cache<(OrganisationId, Box<str>), Arc<Slot<Option<T>>>>;

#[derive(Default)]
pub(super) struct Shelves {
    pub(super) by_organisation: HashMap<OrganisationId, Arc<Shelf>>,
    /// The count when shelves were last forgotten: a new shelf trusts nothing read before it.
    forgotten_at: u64,
}

/// What belongs to one organisation.
#[derive(Debug)]
pub(super) struct Shelf {
    /// The count at the organisation's last change.
    pub(super) changed: AtomicU64,
    /// What there is under each slug, of each kind.
    pub(super) targets: Named<CallTarget>,
    /// Which version each slug stands for; the plans themselves are held in one place, and so are prompts.
    pub(super) configs: Named<(ConfigId, i64)>,
    pub(super) guardrails: Named<Arc<Guard>>,
    pub(super) prompts: Named<Weak<Runnable>>,
    pub(super) everywhere: Arc<Slot<Everywhere>>,
    pub(super) loads: Semaphore,
}

impl Directory {
    /// What is remembered under a slug, or a new answer; those that there are and those that there are not apart.
    pub(super) async fn named<T, L, F>(
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
}

impl Inner {
    pub(super) fn shelf(&self, organisation: OrganisationId) -> Arc<Shelf> {
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
