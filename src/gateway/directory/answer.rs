//! Answers that are remembered for as long as they are honest, and asked for anew by one reader at a time.

use super::shelf::Shelf;
use super::source::Unavailable;
use super::{Directory, Inner};
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A remembered answer, and the lock that lets one reader at a time ask for it.
pub(super) struct Slot<T> {
    answer: RwLock<Option<Answer<T>>>,
    asking: tokio::sync::Mutex<()>,
    renewing: AtomicBool,
}

pub(super) struct Answer<T> {
    pub(super) value: Arc<T>,
    /// When the question was sent.
    pub(super) asked: Instant,
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
    pub(super) fn get(&self) -> Option<Answer<T>> {
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
    /// A remembered answer if it is honest, else a new one; one question at a time for each slot, and no more
    /// than its share for each shelf. `rule` gives the count at the last change that concerns the answer, and the age to
    /// which it may be used.
    pub(super) async fn answer<T, R, L, F>(
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
}
