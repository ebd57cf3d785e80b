//! The audit log's SQL.

use super::{
    chain::{self, GENESIS, Hash},
    event::{Actor, Body, Credential, Event, Outcome, VERSION, Written, at_least},
    personal::{Personal, Place},
};
use crate::{
    kernel::{Error, OrganisationId, Timestamp},
    server::database::{OrgTx, Raw, TenantSql, Tx, Value, hex, row, statements, values},
};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

statements! {
    MAKE_HEAD: TenantSql = "INSERT INTO audit_heads (org_id, seq, hash, at) VALUES ($1, 0, $2, 0) ON CONFLICT (org_id) DO NOTHING";
    // Takes the chain's lock: on PostgreSQL writers of one organisation wait here for one another.
    LOCK_HEAD: TenantSql = "UPDATE audit_heads SET seq = seq WHERE org_id = $1 RETURNING seq, hash, at";
    MOVE_HEAD: TenantSql = "UPDATE audit_heads SET seq = $2, hash = $3, at = $4 WHERE org_id = $1";
    APPEND: TenantSql = "INSERT INTO audit_events (org_id, seq, id, at, action, outcome, actor_kind, actor_id, target_id, request_id, body, previous, hash, credential_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    HEAD: TenantSql = "SELECT seq, hash, at FROM audit_heads WHERE org_id = $1";
    PAGE: TenantSql = "SELECT seq, body, previous, hash FROM audit_events WHERE org_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    LATEST: TenantSql = "SELECT seq, body, previous, hash FROM audit_events WHERE org_id = $1 ORDER BY seq DESC LIMIT $2";
    ACTS: TenantSql = "SELECT seq, action, outcome, actor_id, target_id FROM audit_events WHERE org_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    ROWS: TenantSql = "SELECT seq, id, at, action, outcome, actor_kind, actor_id, target_id, request_id, body, previous, hash, credential_id FROM audit_events WHERE org_id = $1 AND seq >= $2 ORDER BY seq LIMIT $3";
    ORGANISATIONS: SystemSql = "SELECT id FROM organisations";
    LOGGED: SystemSql = "SELECT org_id FROM audit_events UNION SELECT org_id FROM audit_heads UNION SELECT org_id FROM audit_checkpoints UNION SELECT org_id FROM audit_personal";
    ENDS: SystemSql = "SELECT h.org_id, h.seq, h.hash FROM audit_heads h JOIN organisations o ON o.id = h.org_id WHERE h.seq > 0 ORDER BY h.org_id";
    // The text of the partial index stands here as it is.
    RECORDS: TenantSql = "SELECT seq, body, previous, hash FROM audit_events WHERE org_id = $1 AND action = 'audit.heads' AND seq > $2 ORDER BY seq LIMIT $3";
    HOLD_ONE: TenantSql = "INSERT INTO audit_personal (org_id, seq, place, person, salt, value) VALUES ($1, $2, $3, $4, $5, $6)";
    HOLD_TWO: TenantSql = "INSERT INTO audit_personal (org_id, seq, place, person, salt, value) VALUES ($1, $2, $3, $4, $5, $6), ($1, $2, $7, $8, $9, $10)";
    HOLD_THREE: TenantSql = "INSERT INTO audit_personal (org_id, seq, place, person, salt, value) VALUES ($1, $2, $3, $4, $5, $6), ($1, $2, $7, $8, $9, $10), ($1, $2, $11, $12, $13, $14)";
    HOLD_FOUR: TenantSql = "INSERT INTO audit_personal (org_id, seq, place, person, salt, value) VALUES ($1, $2, $3, $4, $5, $6), ($1, $2, $7, $8, $9, $10), ($1, $2, $11, $12, $13, $14), ($1, $2, $15, $16, $17, $18)";
    PERSONAL_BETWEEN: TenantSql = "SELECT seq, place, salt, value FROM audit_personal WHERE org_id = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq, place";
    PERSONAL_OF: TenantSql = "SELECT seq, place, salt, value FROM audit_personal WHERE org_id = $1 AND seq IN ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51) ORDER BY seq, place";
    PERSONAL_ROWS: TenantSql = "SELECT seq, place, person, salt, value FROM audit_personal WHERE org_id = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq, place";
    // One statement, so that an event that is written at this moment has either both or neither.
    STRAY: TenantSql = "SELECT p.seq FROM audit_personal p WHERE p.org_id = $1 AND NOT EXISTS (SELECT 1 FROM audit_events e WHERE e.org_id = p.org_id AND e.seq = p.seq) ORDER BY p.seq LIMIT 1";
}

/// The values of so many rows go at once.
const HOLDS: [TenantSql; 4] = [HOLD_ONE, HOLD_TWO, HOLD_THREE, HOLD_FOUR];
/// Events whose personal values are asked for at once, by their numbers.
const ASKED: usize = 50;

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
    /// An event as it is hashed.
    #[derive(Clone, Debug)]
    pub struct Bare {
        pub seq: i64,
        pub body: String,
        pub previous: Vec<u8>,
        pub hash: Vec<u8>,
    }
}

/// An event as stored.
#[derive(Clone, Debug)]
pub struct Stored {
    pub seq: i64,
    /// The exact bytes that are hashed.
    pub body: String,
    pub previous: Vec<u8>,
    pub hash: Vec<u8>,
    /// What stands beside the body, in the order of its places; what was erased is not there any more.
    pub personal: Vec<Personal>,
}

impl From<Bare> for Stored {
    fn from(Bare { seq, body, previous, hash }: Bare) -> Self {
        Self { seq, body, previous, hash, personal: vec![] }
    }
}

impl Stored {
    /// What it says, with the personal values in their places. None: Latchkey has not written it, or a value is not the one that
    /// was hashed.
    pub fn read(&self) -> Option<Written> {
        let mut written = Written::read(&self.body)?;
        written.put_back(&self.personal).ok()?;
        Some(written)
    }

    /// A line of `latchkey audit export`, with its end.
    pub fn line(&self, organisation: OrganisationId) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            organisation: OrganisationId,
            seq: i64,
            body: &'a str,
            previous: String,
            hash: String,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            personal: &'a [Personal],
        }
        let (previous, hash) = (hex(&self.previous), hex(&self.hash));
        let line = Line { organisation, seq: self.seq, body: &self.body, previous, hash, personal: &self.personal };
        serde_json::to_string(&line).unwrap_or_default() + "\n"
    }
}

row! {
    struct PersonalRow {
        seq: i64,
        place: i64,
        salt: Vec<u8>,
        value: String,
    }
}

row! {
    /// A personal value as whatever bytes stand there.
    #[derive(Clone, Debug)]
    pub struct StoredPersonal {
        pub seq: i64,
        pub place: i64,
        pub person: Option<Raw>,
        pub salt: Raw,
        pub value: Raw,
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
    let mut said = Body {
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
    .said()?;
    let personal = said.take_out(&event.people)?;
    let body = said.text();
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
    hold(tx, seq, personal).await
}

/// Keeps the personal values of an event beside it.
async fn hold(tx: &mut OrgTx, seq: i64, personal: Vec<(Personal, Option<Uuid>)>) -> Result<(), Error> {
    for some in personal.chunks(HOLDS.len()) {
        let mut row: Vec<Value> = values![seq];
        for (Personal { place, salt, value }, person) in some {
            row.extend(values![place.number(), *person, salt.as_slice(), value]);
        }
        if let Some(statement) = HOLDS.get(some.len() - 1) {
            tx.execute(*statement, row).await?;
        }
    }
    Ok(())
}

pub async fn head(tx: &mut OrgTx) -> Result<Option<Head>, Error> {
    tx.optional(HEAD, vec![]).await
}

/// At most `limit` events after `seq`, in order, with their personal values.
pub async fn page(tx: &mut OrgTx, seq: i64, limit: i64) -> Result<Vec<Stored>, Error> {
    let events = hashed(tx, seq, limit).await?;
    with_personal(tx, events).await
}

/// The same as they are hashed: for those who verify them, and show nothing.
pub async fn hashed(tx: &mut OrgTx, seq: i64, limit: i64) -> Result<Vec<Bare>, Error> {
    tx.all(PAGE, values![seq, limit]).await
}

/// The newest events, newest first, without their personal values.
pub async fn latest(tx: &mut OrgTx, limit: i64) -> Result<Vec<Bare>, Error> {
    tx.list(LATEST, values![limit]).await
}

/// Reads the personal values of these events, whatever their order. Of a page it is one statement.
pub async fn with_personal(tx: &mut OrgTx, events: Vec<Bare>) -> Result<Vec<Stored>, Error> {
    let numbers = || events.iter().map(|event| event.seq);
    let (Some(first), Some(last)) = (numbers().min(), numbers().max()) else { return Ok(vec![]) };
    let mut rows: Vec<PersonalRow> = vec![];
    if last.saturating_sub(first) < 2 * events.len() as i64 {
        rows = tx.list(PERSONAL_BETWEEN, values![first, last]).await?;
    } else {
        for some in numbers().collect::<Vec<_>>().chunks(ASKED) {
            // The places that are left over ask for the last one again.
            let asked = some.iter().chain(some.last().into_iter().cycle()).take(ASKED);
            rows.extend(tx.list(PERSONAL_OF, asked.map(|seq| Value::from(*seq)).collect()).await?);
        }
    }
    let mut values: HashMap<i64, Vec<Personal>> = HashMap::new();
    for PersonalRow { seq, place, salt, value } in rows {
        values.entry(seq).or_default().push(Personal { place: Place::numbered(place), salt, value });
    }
    let with = |event: Bare| Stored { personal: values.remove(&event.seq).unwrap_or_default(), ..event.into() };
    Ok(events.into_iter().map(with).collect())
}

/// What stands beside these events, by their numbers, as whatever stands in the rows.
pub(super) async fn beside(tx: &mut OrgTx, rows: &[StoredRow]) -> Result<HashMap<i64, Vec<StoredPersonal>>, Error> {
    let mut beside: HashMap<i64, Vec<StoredPersonal>> = HashMap::new();
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(beside) };
    for personal in tx.all::<StoredPersonal>(PERSONAL_ROWS, values![first.seq, last.seq]).await? {
        beside.entry(personal.seq).or_default().push(personal);
    }
    Ok(beside)
}

/// The first number that has personal values and no event.
pub(super) async fn stray(tx: &mut OrgTx) -> Result<Option<i64>, Error> {
    let row: Option<(i64,)> = tx.optional(STRAY, vec![]).await?;
    Ok(row.map(|(seq,)| seq))
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
pub(super) async fn records(tx: &mut OrgTx, seq: i64, limit: i64) -> Result<Vec<Bare>, Error> {
    tx.all(RECORDS, values![seq, limit]).await
}
