//! The audit log's SQL.

use super::{
    chain::{self, GENESIS, Hash},
    event::{Actor, Body, Credential, Event, Outcome, VERSION, at_least},
};
use crate::{
    kernel::{Error, OrganisationId, Timestamp},
    server::database::{OrgTx, Raw, Tx, hex, row, statements, values},
};
use serde::Serialize;
use std::collections::BTreeSet;
use uuid::Uuid;

statements! {
    MAKE_HEAD: TenantSql = "INSERT INTO audit_heads (org_id, seq, hash, at) VALUES ($1, 0, $2, 0) ON CONFLICT (org_id) DO NOTHING";
    // Takes the chain's lock: on PostgreSQL writers of one organisation wait here for one another.
    LOCK_HEAD: TenantSql = "UPDATE audit_heads SET seq = seq WHERE org_id = $1 RETURNING seq, hash, at";
    MOVE_HEAD: TenantSql = "UPDATE audit_heads SET seq = $2, hash = $3, at = $4 WHERE org_id = $1";
    APPEND: TenantSql = "INSERT INTO audit_events (org_id, seq, id, at, action, outcome, actor_kind, actor_id, target_id, request_id, body, previous, hash, credential_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    HEAD: TenantSql = "SELECT seq, hash, at FROM audit_heads WHERE org_id = $1";
    PAGE: TenantSql = "SELECT seq, body, previous, hash FROM audit_events WHERE org_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    LATEST: TenantSql = "SELECT at, body FROM audit_events WHERE org_id = $1 ORDER BY seq DESC LIMIT $2";
    ACTS: TenantSql = "SELECT seq, action, outcome, actor_id, target_id FROM audit_events WHERE org_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    ROWS: TenantSql = "SELECT seq, id, at, action, outcome, actor_kind, actor_id, target_id, request_id, body, previous, hash, credential_id FROM audit_events WHERE org_id = $1 AND seq >= $2 ORDER BY seq LIMIT $3";
    ORGANISATIONS: SystemSql = "SELECT id FROM organisations";
    LOGGED: SystemSql = "SELECT org_id FROM audit_events UNION SELECT org_id FROM audit_heads UNION SELECT org_id FROM audit_checkpoints";
    ENDS: SystemSql = "SELECT h.org_id, h.seq, h.hash FROM audit_heads h JOIN organisations o ON o.id = h.org_id WHERE h.seq > 0 ORDER BY h.org_id";
    // The text of the partial index stands here as it is.
    RECORDS: TenantSql = "SELECT seq, body, previous, hash FROM audit_events WHERE org_id = $1 AND action = 'audit.heads' AND seq > $2 ORDER BY seq LIMIT $3";
}

row! {
    /// The end of a chain.
    #[derive(Clone, Debug)]
    pub struct Head {
        pub seq: i64,
        pub hash: Vec<u8>,
        pub at: i64,
    }
}

row! {
    /// An event as stored.
    #[derive(Clone, Debug)]
    pub struct Stored {
        pub seq: i64,
        pub body: String,
        pub previous: Vec<u8>,
        pub hash: Vec<u8>,
    }
}

impl Stored {
    /// A line of `latchkey audit export`, with its end.
    pub fn line(&self, organisation: OrganisationId) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            organisation: OrganisationId,
            seq: i64,
            body: &'a str,
            previous: String,
            hash: String,
        }
        let (previous, hash) = (hex(&self.previous), hex(&self.hash));
        let line = Line { organisation, seq: self.seq, body: &self.body, previous, hash };
        serde_json::to_string(&line).unwrap_or_default() + "\n"
    }
}

row! {
    /// An event with the columns beside its hashed body, as whatever bytes stand there.
    #[derive(Clone, Debug)]
    pub struct StoredRow {
        pub seq: i64,
        pub id: Raw,
        pub at: i64,
        pub action: Raw,
        pub outcome: Raw,
        pub actor_kind: Raw,
        pub actor_id: Raw,
        pub target_id: Raw,
        pub request_id: Raw,
        pub body: Raw,
        pub previous: Raw,
        pub hash: Raw,
        pub credential_id: Raw,
    }
}

row! {
    /// An event as far as it says who did what.
    #[derive(Clone, Debug)]
    pub struct Act {
        pub seq: i64,
        pub action: String,
        pub outcome: String,
        pub actor_id: String,
        pub target_id: String,
    }
}

/// Everything that surrounds an event.
pub struct Circumstances<'a> {
    pub action: &'static str,
    pub outcome: Outcome,
    pub reason: Option<&'a str>,
    pub count: u64,
    pub actor: &'a Actor,
    pub credential: &'a Credential,
    pub request_id: &'a str,
    pub address: &'a str,
    pub user_agent: &'a str,
    pub now: Timestamp,
}

/// Takes the organisation's chain for this transaction: other writers of it wait.
pub async fn lock(tx: &mut OrgTx) -> Result<Head, Error> {
    if let Some(head) = tx.optional(LOCK_HEAD, vec![]).await? {
        return Ok(head);
    }
    tx.execute(MAKE_HEAD, values![GENESIS]).await?;
    tx.one(LOCK_HEAD, vec![]).await
}

/// Appends an event. It is part of the transaction: both or neither.
pub async fn append(tx: &mut OrgTx, event: &Event, c: &Circumstances<'_>) -> Result<(), Error> {
    let head = lock(tx).await?;
    let previous: Hash = head.hash.as_slice().try_into().map_err(|_| Error::internal())?;
    let at = at_least(c.now, Timestamp(head.at));
    let seq = head.seq + 1;
    let id = Uuid::now_v7();
    let body = Body {
        v: VERSION,
        id,
        at: at.rfc3339(),
        action: c.action,
        outcome: c.outcome,
        reason: c.reason,
        count: c.count,
        actor: c.actor,
        signed_in_by: Some(c.credential.signed_in_by),
        credential_id: Some(c.credential.id),
        credential: &c.credential.name,
        subject: &event.subject,
        changes: &event.changes,
        request_id: c.request_id,
        address: c.address,
        user_agent: c.user_agent,
    }
    .bytes();
    let hash = chain::hash(tx.organisation(), seq, &previous, body.as_bytes());
    let credential = c.credential.id.map(|id| id.to_string()).unwrap_or_default();
    let row = values![
        seq,
        id,
        at,
        c.action,
        c.outcome.name(),
        c.actor.kind,
        &c.actor.id,
        &event.subject.id,
        c.request_id,
        body,
        previous,
        hash,
        credential
    ];
    tx.execute(APPEND, row).await?;
    tx.execute(MOVE_HEAD, values![seq, hash, at]).await?;
    Ok(())
}

pub async fn head(tx: &mut OrgTx) -> Result<Option<Head>, Error> {
    tx.optional(HEAD, vec![]).await
}

/// At most `limit` events after `seq`, in order.
pub async fn page(tx: &mut OrgTx, seq: i64, limit: i64) -> Result<Vec<Stored>, Error> {
    tx.all(PAGE, values![seq, limit]).await
}

/// The newest events, newest first: when each was, and its body.
pub async fn latest(tx: &mut OrgTx, limit: i64) -> Result<Vec<(i64, String)>, Error> {
    tx.list(LATEST, values![limit]).await
}

/// Who did what behind `seq`, in order: at most `limit` events.
pub async fn acts(tx: &mut OrgTx, seq: i64, limit: i64) -> Result<Vec<Act>, Error> {
    tx.all(ACTS, values![seq, limit]).await
}

/// The place of the newest event. Asked before a list is read: what the list does not show stands behind it.
pub async fn seen(tx: &mut OrgTx) -> Result<i64, Error> {
    Ok(head(tx).await?.map_or(0, |head| head.seq))
}

/// At most `limit` events from `seq` on, in order, as whatever stands in their rows.
pub(super) async fn rows(tx: &mut OrgTx, seq: i64, limit: i64) -> Result<Vec<StoredRow>, Error> {
    tx.all(ROWS, values![seq, limit]).await
}

/// Every chain there is, whoever put it there.
#[derive(Clone, Debug, Default)]
pub struct Chains {
    /// The organisations that there are.
    pub organisations: BTreeSet<OrganisationId>,
    /// Those of which there are events, an end or checkpoints.
    pub logged: BTreeSet<OrganisationId>,
    /// What stands in the place of an organisation's id and is none.
    pub malformed: Vec<Vec<u8>>,
}

/// Needs a transaction that sees every chain.
pub async fn chains(tx: &mut Tx) -> Result<Chains, Error> {
    let mut chains = Chains::default();
    for (statement, logged) in [(ORGANISATIONS, false), (LOGGED, true)] {
        let ids: Vec<(Raw,)> = tx.all(statement, vec![]).await?;
        for (Raw(bytes),) in ids {
            let Ok(id) = Uuid::from_slice(&bytes) else {
                chains.malformed.push(bytes);
                continue;
            };
            let of = if logged { &mut chains.logged } else { &mut chains.organisations };
            of.insert(OrganisationId(id));
        }
    }
    Ok(chains)
}

/// The end of each organisation's chain. Needs a transaction that sees every chain.
pub async fn ends(tx: &mut Tx) -> Result<Vec<(OrganisationId, i64, Vec<u8>)>, Error> {
    let rows: Vec<(Uuid, i64, Vec<u8>)> = tx.all(ENDS, vec![]).await?;
    Ok(rows.into_iter().map(|(id, seq, hash)| (OrganisationId(id), seq, hash)).collect())
}

/// Whether ends of chains were ever recorded, in the installation's chain.
pub(super) async fn has_records(tx: &mut OrgTx) -> Result<bool, Error> {
    Ok(!records(tx, 0, 1).await?.is_empty())
}

/// At most `limit` of the installation's events after `seq` that record the ends of other chains.
pub(super) async fn records(tx: &mut OrgTx, seq: i64, limit: i64) -> Result<Vec<Stored>, Error> {
    tx.all(RECORDS, values![seq, limit]).await
}
