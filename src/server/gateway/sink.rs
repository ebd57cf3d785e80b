//! Finished calls, written to the database in groups, and when secrets were last used.

use super::store;
use crate::{
    features::{api_keys, logs::model as logs},
    gateway::record::{Record, Sink, SinkError},
    kernel::{KeyId, OrganisationId, Result, Timestamp, time::MINUTE},
    server::{app::App, database::WriteError},
};
use async_trait::async_trait;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};
use uuid::Uuid;

/// Secrets whose last note is remembered; beyond it all are forgotten, which costs a needless note each.
const REMEMBERED: usize = 100_000;

/// The log of calls.
pub struct Log {
    app: App,
    /// When the last use of a secret was noted.
    noted: Mutex<HashMap<Uuid, i64>>,
}

type Uses = Vec<(KeyId, Uuid, Timestamp)>;

impl Log {
    pub fn new(app: App) -> Self {
        Self { app, noted: Mutex::default() }
    }

    async fn store(&self, organisation: OrganisationId, records: &[&Record]) -> std::result::Result<(), WriteError> {
        let mut tx = self.app.db.write_in(organisation).await?;
        store::write_calls(&mut tx, records).await?;
        Ok(tx.commit().await?)
    }

    /// The uses in a group that deserve a note: for each secret its last, unless one was noted within the minute. What was
    /// refused is no use: a key that is gone stays as it was.
    fn uses(&self, records: &[&Record]) -> Uses {
        let mut last: HashMap<Uuid, (KeyId, i64)> = HashMap::new();
        let is_use = |record: &&&Record| record.outcome.as_ref().is_none_or(|end| end.kind() != logs::Outcome::Refused);
        for call in records.iter().filter(is_use).map(|record| &record.call) {
            let entry = last.entry(call.secret).or_insert((KeyId(call.key), call.started_at));
            entry.1 = entry.1.max(call.started_at);
        }
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() >= REMEMBERED {
            noted.clear();
        }
        last.retain(|secret, (_, at)| noted.get(secret).is_none_or(|before| *at >= before + MINUTE));
        noted.extend(last.iter().map(|(secret, (_, at))| (*secret, *at)));
        last.into_iter().map(|(secret, (key, at))| (key, secret, Timestamp(at))).collect()
    }

    /// In a transaction of its own, so that a failure costs no record.
    async fn note(&self, organisation: OrganisationId, uses: &Uses) -> Result<()> {
        let mut tx = self.app.db.write_in(organisation).await?;
        api_keys::touch_used(&mut tx, uses).await?;
        tx.commit().await
    }
}

#[async_trait]
impl Sink for Log {
    async fn write(&self, records: &[Record]) -> std::result::Result<(), SinkError> {
        let mut by_organisation: HashMap<Uuid, Vec<&Record>> = HashMap::new();
        for record in records {
            by_organisation.entry(record.call.organisation).or_default().push(record);
        }
        for (organisation, records) in by_organisation {
            let organisation = OrganisationId(organisation);
            self.store(organisation, &records).await.map_err(|error| match error {
                WriteError::Refused => SinkError::Rejected,
                // Whatever else is wrong, somebody can mend it; a record that is given up is gone.
                WriteError::Failed => SinkError::Unavailable,
            })?;
            let uses = self.uses(&records);
            if !uses.is_empty()
                && let Err(error) = self.note(organisation, &uses).await
            {
                tracing::warn!(%error, "the last use of API keys could not be noted");
            }
        }
        Ok(())
    }
}
