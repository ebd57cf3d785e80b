//! Which organisations have just changed: whoever caches something of one forgets it then.

use crate::kernel::OrganisationId;
use tokio::sync::broadcast;

/// What happened elsewhere or here.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// Something in this organisation.
    Of(OrganisationId),
    /// Anything may have changed: news was missed.
    Unknown,
}

/// Spreads changes inside this process. Across replicas a job listens to the database and feeds it.
#[derive(Clone, Debug)]
pub struct Changes(broadcast::Sender<Change>);

impl Default for Changes {
    fn default() -> Self {
        Self(broadcast::channel(1024).0)
    }
}

impl Changes {
    pub fn announce(&self, change: Change) {
        // Nobody listening is fine: then nothing is cached.
        let _ = self.0.send(change);
    }

    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.0.subscribe()
    }
}
