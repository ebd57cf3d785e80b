//! The way of finished records to where they are stored, in groups.

use super::Bounds;
use crate::gateway::facts::Record;
use crate::gateway::journal::Segment;
use crate::kernel::CallId;
use async_trait::async_trait;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, sleep, timeout_at};

/// Why a group of records was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// Not now: the same group is offered again.
    #[error("the log cannot be written at the moment")]
    Unavailable,
    /// Never, for one of its records: they are offered one by one, and the one that is refused then is given up with
    /// an error in the program's own log.
    #[error("a record of the log was refused")]
    Rejected,
}

/// Where finished records go.
#[async_trait]
pub trait Sink: Send + Sync + 'static {
    /// Stores a group in one transaction, keyed by the call's id: a record may come twice, and one without an outcome
    /// (a call that has been under way for a while) is followed by one with it.
    async fn write(&self, records: &[Record]) -> Result<(), SinkError>;
}

/// A record on its way to the sink. Its place is free once it is dropped.
pub(super) struct Queued {
    pub(super) record: Record,
    pub(super) _place: Option<OwnedSemaphorePermit>,
    /// Where the call stands in the journal; `None` if its end is still to come.
    pub(super) segment: Option<Arc<Segment>>,
    /// It is one of those that a crash had left.
    pub(super) _left: Option<Arc<()>>,
}

/// Hands records to the sink in groups.
pub(super) struct Writer {
    sink: Arc<dyn Sink>,
    queued: mpsc::UnboundedReceiver<Queued>,
    bounds: Bounds,
}

impl Writer {
    pub(super) fn new(sink: Arc<dyn Sink>, queued: mpsc::UnboundedReceiver<Queued>, bounds: Bounds) -> Self {
        Self { sink, queued, bounds }
    }

    pub(super) async fn run(mut self) {
        let mut group = Vec::with_capacity(self.bounds.group);
        while self.queued.recv_many(&mut group, self.bounds.group).await > 0 {
            let full = Instant::now() + self.bounds.delay;
            while group.len() < self.bounds.group {
                let room = self.bounds.group - group.len();
                match timeout_at(full, self.queued.recv_many(&mut group, room)).await {
                    Ok(more) if more > 0 => {}
                    _ => break,
                }
            }
            self.write(&group).await;
            // Only now are the places free and may the journal forget.
            for queued in group.drain(..) {
                if let Some(segment) = queued.segment {
                    segment.written();
                }
            }
        }
    }

    async fn write(&self, group: &[Queued]) {
        let mut records: Vec<Record> = group.iter().map(|queued| queued.record.clone()).collect();
        // Each call once: the end of one makes its "under way" needless.
        if records.iter().any(|record| record.outcome.is_none()) {
            let ended: HashSet<CallId> = records.iter().filter(|r| r.outcome.is_some()).map(|r| r.call.id).collect();
            records.retain(|record| record.outcome.is_some() || !ended.contains(&record.call.id));
        }
        if self.offer(&records).await == Err(SinkError::Rejected) {
            for record in &records {
                if self.offer(std::slice::from_ref(record)).await.is_err() {
                    tracing::error!(call = %record.call.id, "a record of a call was refused and is given up");
                }
            }
        }
    }

    /// Offers a group until it is taken or refused for good.
    async fn offer(&self, records: &[Record]) -> Result<(), SinkError> {
        let mut pause = Duration::from_millis(50);
        loop {
            match self.sink.write(records).await {
                Err(SinkError::Unavailable) => {
                    tracing::warn!(records = records.len(), "the log of calls cannot be written; trying again");
                    sleep(pause).await;
                    // What could not be written is there within a second after it can.
                    pause = (pause * 2).min(Duration::from_millis(500));
                }
                done => return done,
            }
        }
    }
}
