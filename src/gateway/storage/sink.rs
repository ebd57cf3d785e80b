//! Finished calls, written to the database in groups, and when secrets were last used.

use super::store;
use crate::{
    features::{
        api_keys::operations::note_uses,
        limits::{self, Use},
        logs::{NewSide, NewTexts, count, kept_since, model as logs, write_texts},
    },
    gateway::{
        facts::{CallFacts, Record},
        record::{Sink, SinkError},
        texts::{Kept, Side},
    },
    kernel::{KeyId, LimitId, OrganisationId, SecretId, Timestamp},
    policy::{Operation, PermissionSet},
    server::{
        access::{App, uses},
        database::{OrgTx, WriteError},
    },
};
use async_trait::async_trait;
use std::collections::HashMap;
use uuid::Uuid;

/// The log of calls.
pub struct Log {
    app: App,
    /// What this process is called where limits are counted, and since when it runs: what began before was counted by
    /// nobody who still does.
    replica: Uuid,
    since: Timestamp,
}

impl Log {
    pub fn new(app: App, replica: Uuid) -> Self {
        let since = app.clock.now();
        Self { app, replica, since }
    }

    /// What calls that have ended now have used of limits, or had reserved of them when the end of the process cut them off.
    fn uses(&self, ended: &[&Record]) -> Vec<Use> {
        let mut uses: HashMap<(LimitId, Timestamp, Uuid), i64> = HashMap::new();
        for record in ended {
            let Some(end) = &record.outcome else { continue };
            let replica = if record.call.started_at < self.since { Uuid::nil() } else { self.replica };
            for spent in &end.spent {
                *uses.entry((spent.limit, spent.period, replica)).or_default() += spent.amount;
            }
        }
        let used = |((limit, period, replica), amount)| Use { limit, period, amount, replica };
        let mut uses: Vec<Use> = uses.into_iter().map(used).collect();
        // In one order, in which no two processes wait for one another.
        uses.sort_unstable_by_key(|used| (used.limit, used.period));
        uses
    }

    /// Leaves out calls of before this program began that the organisation's log does not keep any more: whether their entries
    /// were deleted for their age, or never written, nobody can tell, and what was counted once must not count again.
    async fn kept<'r>(&self, tx: &mut OrgTx, records: &[&'r Record]) -> Result<Vec<&'r Record>, WriteError> {
        let mut kept = records.to_vec();
        if records.iter().any(|record| record.call.started_at < self.since) {
            let before = kept_since(tx, self.app.clock.now()).await.map_err(|_| WriteError::Failed)?;
            let is_old = |record: &&Record| before.is_some_and(|before| record.call.started_at < before);
            kept.retain(|record| record.call.started_at >= self.since || !is_old(record));
        }
        if kept.len() < records.len() {
            let calls = records.len() - kept.len();
            tracing::warn!(organisation = %tx.organisation(), calls, "calls that a crash had left are older than the log keeps any, and are left out");
        }
        Ok(kept)
    }

    async fn store(&self, organisation: OrganisationId, records: &[&Record]) -> Result<(), WriteError> {
        let mut note = self.app.note_in(organisation).await?;
        let records = &*self.kept(note.tx(), records).await?;
        let (ended, counted) = store::write_calls(note.tx(), records).await?;
        for record in records {
            if let Some(texts) = &record.texts {
                write_texts(note.tx(), &self.app.keyring, &sealable(record, texts)).await?;
            }
        }
        // Last, since other replicas wait for the same sums.
        count(note.tx(), &counted).await?;
        let uses = self.uses(&ended);
        if !uses.is_empty() {
            limits::count(note.tx(), &uses, self.app.clock.now()).await?;
        }
        Ok(note.commit().await?)
    }
}

/// The texts of a call, for the log to seal and store.
fn sealable<'a>(record: &Record, texts: &'a Kept) -> NewTexts<'a> {
    fn side(side: Option<&Side>) -> Option<NewSide<'_>> {
        side.map(|side| NewSide { text: &side.text, size: side.size, is_cut: side.is_cut })
    }
    NewTexts {
        call: record.call.id,
        request: side(texts.request.as_ref()),
        answer: side(texts.answer.as_ref()),
        left_out: [&texts.request, &texts.answer].into_iter().flatten().map(|side| side.left_out).sum(),
        dropped: texts.dropped,
        at: record.call.started_at,
    }
}

/// The calls that used a key. What was refused is no use: a key that is gone stays as it was.
fn uses<'a>(records: &'a [&Record]) -> impl Iterator<Item = &'a CallFacts> {
    let is_use = |record: &&&Record| record.outcome.as_ref().is_none_or(|end| end.kind() != logs::CallOutcome::Refused);
    let by_key = |record: &&&Record| record.call.person.is_none();
    records.iter().filter(is_use).filter(by_key).map(|record| &*record.call)
}

/// What a call asks of its key.
fn asked(call: &CallFacts) -> PermissionSet {
    let operation = if call.prompt.is_some() { Operation::PromptRun } else { Operation::ChatCompletion };
    operation.spec().requires.permissions().collect()
}

/// The last use of each secret in a group.
fn last_uses(records: &[&Record]) -> Vec<uses::Use> {
    let mut last: HashMap<SecretId, (KeyId, Timestamp)> = HashMap::new();
    for call in uses(records) {
        let entry = last.entry(call.secret).or_insert((call.key, call.started_at));
        entry.1 = entry.1.max(call.started_at);
    }
    last.into_iter().map(|(secret, (key, at))| (key, secret.0, at)).collect()
}

#[async_trait]
impl Sink for Log {
    async fn write(&self, records: &[Record]) -> Result<(), SinkError> {
        let mut by_organisation: HashMap<OrganisationId, Vec<&Record>> = HashMap::new();
        for record in records {
            by_organisation.entry(record.call.organisation).or_default().push(record);
        }
        for (organisation, records) in by_organisation {
            self.store(organisation, &records).await.map_err(|error| match error {
                WriteError::Refused => SinkError::Rejected,
                // Whatever else is wrong, somebody can mend it; a record that is given up is gone.
                WriteError::Failed => SinkError::Unavailable,
            })?;
            for call in uses(&records) {
                self.app.uses.count(organisation, call.key, asked(call), call.started_at);
            }
            note_uses(&self.app, organisation, last_uses(&records)).await;
        }
        Ok(())
    }
}
