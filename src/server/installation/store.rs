//! The installation's SQL: its one row.

use crate::{
    kernel::{Result, Timestamp},
    server::{
        crypto::Digest,
        database::{Tx, statements, values},
    },
};

statements! {
    GET: SystemSql = "SELECT key_check, setup_digest, set_up_at FROM installation WHERE id = 1";
    MAKE: SystemSql = "INSERT INTO installation (id, created_at, key_check) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING";
    NEW_SECRET: SystemSql = "UPDATE installation SET setup_digest = $1 WHERE id = 1 AND set_up_at IS NULL";
    // The condition is checked by the write itself: of two set-ups at once one finds nothing to do.
    HEADS_RECORDED: SystemSql = "SELECT heads_recorded_at FROM installation WHERE id = 1";
    NOTE_HEADS_RECORDED: SystemSql = "UPDATE installation SET heads_recorded_at = $1 WHERE id = 1 AND heads_recorded_at IS NULL";
    FINISH: SystemSql = "UPDATE installation SET set_up_at = $1, setup_digest = NULL WHERE id = 1 AND set_up_at IS NULL";
}

#[derive(sqlx::FromRow)]
pub struct Installation {
    pub key_check: Vec<u8>,
    pub setup_digest: Option<Vec<u8>>,
    pub set_up_at: Option<i64>,
}

pub async fn get(tx: &mut Tx) -> Result<Installation> {
    tx.one(GET, vec![]).await
}

/// Makes the row at the first start; later ones change nothing.
pub async fn make(tx: &mut Tx, key_check: Digest, now: Timestamp) -> Result<()> {
    tx.execute(MAKE, values![now, key_check]).await.map(|_| ())
}

/// Stores the digest of the one-time secret. False: the installation is set up, and has none.
pub async fn set_secret(tx: &mut Tx, digest: Digest) -> Result<bool> {
    Ok(tx.execute(NEW_SECRET, values![digest]).await? == 1)
}

/// Marks the installation as set up. False: it is already.
pub async fn finish(tx: &mut Tx, now: Timestamp) -> Result<bool> {
    Ok(tx.execute(FINISH, values![now]).await? == 1)
}

/// When ends of chains began to be recorded.
pub async fn heads_recorded_at(tx: &mut Tx) -> Result<Option<Timestamp>> {
    let row: Option<(Option<i64>,)> = tx.optional(HEADS_RECORDED, vec![]).await?;
    Ok(row.and_then(|(at,)| at).map(Timestamp))
}

/// Notes that they are recorded from now on.
pub async fn note_heads_recorded(tx: &mut Tx, now: Timestamp) -> Result<()> {
    tx.execute(NOTE_HEADS_RECORDED, values![now]).await.map(|_| ())
}
