//! Which organisations have just changed: whoever caches something of one forgets it then.

use crate::kernel::OrganisationId;
use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

/// What happened elsewhere or here.
#[derive(Clone, Copy, Debug)]
pub enum ChangeNews {
    /// Something in this organisation.
    Of(OrganisationId),
    /// Anything may have changed: news was missed.
    Unknown,
}

type Listener = Box<dyn Fn(ChangeNews) + Send + Sync>;

/// Spreads changes inside this process. Across replicas a job listens to the database and feeds it.
#[derive(Clone, Default)]
pub struct Changes(Arc<RwLock<Vec<Listener>>>);

impl Changes {
    /// Tells every listener before it returns: whoever made the change is answered only after it.
    pub fn announce(&self, change: ChangeNews) {
        for listener in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            listener(change);
        }
    }

    /// Calls `listener` with every change from now on. It must be quick, and must not announce.
    pub fn listen(&self, listener: impl Fn(ChangeNews) + Send + Sync + 'static) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Changes")
    }
}
