//! The SQL of checkpoints and their keys.

use super::written::{Checkpoint, NewKey, Signed};
use crate::{
    kernel::{Error, OrganisationId, Timestamp},
    server::database::{OrgTx, Raw, Tx, row, statements, values},
};
use uuid::Uuid;

statements! {
    // The installation's own chain is among these.
    STANDINGS: SystemSql = "SELECT h.org_id, h.seq, h.hash FROM audit_heads h WHERE h.seq > 0 ORDER BY h.org_id";
    CHECKPOINTS: TenantSql = "SELECT seq, at, key_id, body, signature, previous FROM audit_checkpoints WHERE org_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    NEWEST: TenantSql = "SELECT seq, at, key_id, body, signature, previous FROM audit_checkpoints WHERE org_id = $1 ORDER BY seq DESC LIMIT 1";
    NEWEST_OF_AGE: TenantSql = "SELECT seq, at, key_id, body, signature, previous FROM audit_checkpoints WHERE org_id = $1 AND seq > $2 AND seq <= $3 AND at <= $4 ORDER BY seq DESC LIMIT 1";
    // Another replica may have made this one, or another that follows the same.
    KEEP: TenantSql = "INSERT INTO audit_checkpoints (org_id, seq, at, key_id, body, signature, previous) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    KEYS: SystemSql = "SELECT generation AS seq, at, key_id, body, signature, key_id AS previous FROM audit_keys WHERE generation > 0 ORDER BY generation";
    KEEP_KEY: SystemSql = "INSERT INTO audit_keys (generation, at, key_id, body, signature) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
}

row! {
    /// A checkpoint or key as whatever stands in its row.
    #[derive(Clone, Debug)]
    pub struct StoredSigned {
        pub seq: i64,
        pub at: i64,
        pub key_id: Raw,
        pub body: Raw,
        pub signature: Raw,
        pub previous: Raw,
    }
}

impl StoredSigned {
    /// What it says, if the body is in its one form and the columns beside it say the same. Nobody has checked the
    /// signature yet.
    pub fn read(&self) -> Option<Signed> {
        let signed = Signed::stored(std::str::from_utf8(&self.body.0).ok()?, &self.signature.0)?;
        let (number, key, previous) = match &signed.statement {
            super::Statement::Checkpoint(Checkpoint { seq, key, previous, .. }) => (*seq, key.0, previous.0),
            super::Statement::Key(NewKey { generation, public_key, .. }) => (*generation, public_key.0, public_key.0),
        };
        let stands = number == self.seq
            && signed.at() == Timestamp(self.at)
            && self.key_id.0 == key
            && self.previous.0 == previous;
        stands.then_some(signed)
    }
}

/// Where every chain stands: the number and the hash of its last event, by the organisation. Needs a transaction that sees
/// every chain.
pub async fn standings(tx: &mut Tx) -> Result<Vec<(OrganisationId, i64, Vec<u8>)>, Error> {
    // A row that cannot be read is told of in the program's log, and keeps no other chain from its checkpoints.
    let rows: Vec<(Uuid, i64, Vec<u8>)> = tx.list(STANDINGS, vec![]).await?;
    Ok(rows.into_iter().map(|(id, seq, hash)| (OrganisationId(id), seq, hash)).collect())
}

/// At most `limit` checkpoints of the organisation behind `seq`, in order, as they stand in the database.
pub async fn rows(tx: &mut OrgTx, seq: i64, limit: i64) -> Result<Vec<StoredSigned>, Error> {
    tx.all(CHECKPOINTS, values![seq, limit]).await
}

/// The organisation's newest checkpoint, as it stands in the database.
pub async fn newest_row(tx: &mut OrgTx) -> Result<Option<StoredSigned>, Error> {
    tx.optional(NEWEST, vec![]).await
}

/// The newest of the organisation's checkpoints behind `first` up to `last` that was made no later, as it stands in the database.
pub async fn newest_row_of_age(
    tx: &mut OrgTx,
    (first, last): (i64, i64),
    at: Timestamp,
) -> Result<Option<StoredSigned>, Error> {
    tx.optional(NEWEST_OF_AGE, values![first, last, at]).await
}

/// Keeps a checkpoint. False: there is one in its place.
pub async fn keep(tx: &mut OrgTx, signed: &Signed, checkpoint: &Checkpoint) -> Result<bool, Error> {
    let values = values![
        checkpoint.seq,
        signed.at(),
        checkpoint.key.0,
        &signed.body,
        signed.signature.as_slice(),
        checkpoint.previous.0
    ];
    Ok(tx.execute(KEEP, values).await? == 1)
}

/// The keys in order, as they stand in the database.
pub async fn key_rows(tx: &mut Tx) -> Result<Vec<StoredSigned>, Error> {
    tx.all(KEYS, vec![]).await
}

/// Keeps a key. False: there is one of its generation.
pub async fn keep_key(tx: &mut Tx, signed: &Signed, new: &NewKey) -> Result<bool, Error> {
    let values = values![new.generation, signed.at(), new.public_key.0, &signed.body, signed.signature.as_slice()];
    Ok(tx.execute(KEEP_KEY, values).await? == 1)
}
